"""modules/local/predict in another pipeline: what docs/usage.md shows, word for word."""

import os
import re
import subprocess

from .conftest import ROOT


def test_ten_lines_of_another_pipeline(tmp_path):
    (main,) = re.findall(r"```groovy\n(.*?)```", (ROOT / "docs/usage.md").read_text(), re.S)
    assert len(main.splitlines()) <= 10
    (tmp_path / "main.nf").write_text(main.replace("/path/to/utrlm", str(ROOT)))
    (tmp_path / "utrs.fa").write_text(">u1\nACGTACGTACGTACGTACGTACGTACGT\n")
    path = f"{ROOT / 'bin'}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["nextflow", "run", "main.nf"], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "[id:mine] utrs.tsv 2 lines" in done.stdout
