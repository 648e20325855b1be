"""Runs the code of the documentation's pages, and writes what it prints into them: python -m tests.docs docs/api.md

Every ```bash and ```python block is run, those of a page one after the other in one folder that holds the checkout's
files. A line `<!-- not run: why -->` right above excepts a block. A ```text block right below is what a block prints.
"""

import gzip
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINKED = ("tests", "recipes", "utrlm", "galaxy", "pyproject.toml")
BLOCK = re.compile(
    r"(?P<before>^[^\n]*\n)?^```(?P<language>bash|python)\n(?P<code>.*?)^```\n(?:\n```text\n(?P<printed>.*?)^```\n)?",
    flags=re.MULTILINE | re.DOTALL,
)
REASON = re.compile(r"<!-- not run: (.+) -->\n")


@dataclass(frozen=True)
class Block:
    """Code of a page, and what the page says that it prints."""

    language: str  # bash or python
    code: str
    printed: str | None
    reason: str  # why it is not run; "": it is
    place: slice | None  # of what it prints, in the page's text


def blocks(text):
    """The blocks of a page, in order."""
    for found in BLOCK.finditer(text):
        excepted = REASON.fullmatch(found["before"] or "")
        place = slice(*found.span("printed")) if found["printed"] is not None else None
        reason = excepted[1] if excepted else ""
        yield Block(found["language"], found["code"], found["printed"], reason, place)


def run_block(block, folder):
    """What a block prints; a command that fails is an error that holds what it said."""
    command = ["bash", "-euo", "pipefail", "-c"] if block.language == "bash" else [sys.executable, "-W", "error", "-c"]
    path = os.pathsep.join([str(ROOT / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "LC_ALL": "C"}
    done = subprocess.run([*command, block.code], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def furnish(folder):
    """Put links to the checkout's files into a folder, and the example under the name of a reader's FASTA."""
    for name in LINKED:
        (Path(folder) / name).symlink_to(ROOT / name)
    utrs = (ROOT / "tests/data/example.fa").read_bytes()
    (Path(folder) / "utrs.fa").write_bytes(utrs)
    (Path(folder) / "utrs.fa.gz").write_bytes(gzip.compress(utrs))


def write_printed(path):
    """Run a page, and put what its blocks print where it says so."""
    text = path.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        furnish(folder)
        told = [(block.place, run_block(block, folder)) for block in blocks(text) if not block.reason]
    for place, printed in reversed([one for one in told if one[0]]):
        text = text[: place.start] + printed + text[place.stop :]
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write_printed(Path(name))
