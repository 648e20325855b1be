"""Faults put into the core by hand, one at a time, into a copy: some test must fail for each. python -m tests.mutants

No tool of mutation testing: a dozen faults that a person could make, and the tests of the module that has them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
COPIED = ("utrlm", "tests", "bin", "pyproject.toml")
# module, what stands there once, what would be wrong, tests that must see it
FAULTS = [
    ("alphabet", 'table[[ord("U"), ord("u")]]', 'table[[ord("U"), ord("U")]]', "alphabet fasta"),
    ("alphabet", "== _INVALID:", "== MASK:", "alphabet fasta"),
    ("alphabet", "return codes[-context:]", "return codes[:context]", "predict"),
    ("alphabet", "(len(codes) - 1) // 2", "len(codes) // 2", "folds"),
    ("alphabet", "first = position + 1 - context // 2", "first = position - context // 2", "folds"),
    ("card", "if not shortest <= length <= longest]", "if False]", "predict spread"),
    ("decode", '"_low": -1, "_high": 1', '"_low": 1, "_high": -1', "predict spread"),
    ("decode", "first = len(padded) - len(window)", "first = 0", "pairs structures"),
    ("tiles", "padded[:, -tile:, -tile:]", "padded[:, :tile, :tile]", "tiles"),
    ("tiles", "range(length - tile,", "range(length - tile - 1,", "tiles"),
    ("decode", "len(codes) > card.lengths[1]", "len(codes) >= card.lengths[1]", "predict"),
    ("decode", "len(codes) < card.lengths[0]", "len(codes) <= card.lengths[0]", "predict"),
    ("shards", "if number in repeated:", "if number + 1 in repeated:", "shards"),
    ("shards", 'if next(lines, "").split("\\t") != own:', 'if not next(lines, ""):', "shards"),
    ("shards", "if own != columns:", "if False:", "shards"),
    ("shards", "if lines != records + 1:", "if lines > records + 1:", "shards"),
    ("shards", "letters != residues", "letters > residues", "shards"),
    ("shards", 'or len(cells) != len(columns):', 'and len(cells) != len(columns):', "shards"),
    ("batches", "row[-len(key) :] =", "row[: len(key)] =", "predict"),
]  # fmt: skip


def survives(module, old, new, names):
    """Whether all named tests pass with a fault in a module; what stands there must be there exactly once."""
    with tempfile.TemporaryDirectory() as folder:
        for name in COPIED:
            source = ROOT / name
            shutil.copytree(source, f"{folder}/{name}") if source.is_dir() else shutil.copy(source, folder)
        path = Path(folder) / f"utrlm/{module}.py"
        text = path.read_text()
        assert text.count(old) == 1, f"{module}: {old!r} stands there {text.count(old)} times"
        path.write_text(text.replace(old, new))
        tests = [f"tests/test_{name}.py" for name in names.split()]
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-o", "addopts=", "-p", "no:cacheprovider", *tests]
        done = subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": folder}, capture_output=True)
        assert done.returncode in (0, 1), done.stdout.decode()  # else the tests themselves could not be run
        return done.returncode == 0


if __name__ == "__main__":
    wanted = set(sys.argv[1:])  # modules; none means all
    alive = []
    for fault in FAULTS:
        if not wanted or fault[0] in wanted:
            alive += [fault] if survives(*fault) else []
            print("not seen" if fault in alive else "seen", *fault[:3], sep=" | ", flush=True)
    sys.exit(f"{len(alive)} faults that no test sees" if alive else 0)
