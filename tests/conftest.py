"""What several test files need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "bin").iterdir())


@pytest.fixture
def run():
    """Runs a script of bin/ with this Python; returns the finished process."""

    def run(name, *arguments, stdin=b"", **environment):
        command = [sys.executable, str(ROOT / "bin" / f"utrlm-{name}"), *map(str, arguments)]
        return subprocess.run(command, input=stdin, capture_output=True, env={**os.environ, **environment})

    return run


@pytest.fixture
def fasta(tmp_path):
    """Writes a FASTA from bytes; returns its path."""

    def write(content, name="in.fa"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write
