"""What the injections happen to: inputs, the right results, and how a command is run and judged."""

import gzip
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from utrlm.predict import predict_fasta
from utrlm.shards import merge, split

from ..mini import recipe_text

ROOT = Path(__file__).parents[2]
AT = str(Path(__file__).parent / "at.py")
RECORDS, SHARD = 400, 5000
RECIPE = recipe_text({"file": "a.csv.gz", "target": "egfp_unmod"}, epochs=2)
EAGER = "import utrlm.training.loop as loop; loop.CHECKPOINT_SECONDS = -1"  # a checkpoint every step


@dataclass
class Done:
    """A command that ended, one way or another."""

    status: int
    said: str


def predict(fasta, output, models=()):
    """Predict in this process, as the tests' commands do."""
    predict_fasta(str(fasta), None, str(output), [] if models else ["mrl"], list(models), "cpu", 1, 2048, "tsv")


def weights(bench):
    """Train to the end, or go on to it, in this process; the average's weights."""
    import torch

    from utrlm.recipe import read_recipe
    from utrlm.training.finetune import finetune

    compiled, torch.compile = torch.compile, lambda function, **_: function
    try:
        model = finetune(read_recipe(bench / "mini.toml"), bench, bench / "out", 1)
    finally:
        torch.compile = compiled
    return [one.numpy() for one in model.state_dict().values()]


class Lab:
    """A folder with inputs and right results; `bench` is the folder that a fault happens in."""

    def __init__(self, folder):
        self.folder, self.right, self.bench = folder, folder / "right", folder / "bench"
        self.right.mkdir()
        random = np.random.default_rng(6)
        rows = ["".join(random.choice(list("ACGT"), random.integers(25, 90))) for _ in range(RECORDS)]
        text = "".join(f">u{i % 390} x\n{row}\n" for i, row in enumerate(rows))
        (self.right / "in.fa.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
        split(str(self.right / "in.fa.gz"), "s", SHARD, str(self.right / "shards"))
        (self.right / "tables").mkdir()
        for shard in sorted((self.right / "shards").glob("*.fa")):
            predict(shard, self.right / f"tables/{shard.stem}.tsv")
        merge(str(self.right / "out.tsv"), str(self.right / "tables"), (str(self.right / "shards/s.manifest.json"),))
        shutil.copy(ROOT / "utrlm/weights/mrl.onnx", self.right / "own.onnx")
        labels = "".join(f"{row[:50]},{row.count('G')}\n" for row in rows if len(row) >= 50)
        (self.right / "a.csv.gz").write_bytes(gzip.compress(("utr,rl\n" + labels).encode(), mtime=0))
        (self.right / "mini.toml").write_text(RECIPE)

    def fresh(self, *names):
        """A new bench with some of the right files in it."""
        shutil.rmtree(self.bench, ignore_errors=True)
        self.bench.mkdir()
        self.put(*names)
        (self.bench / "out").mkdir()
        return self.bench

    def put(self, *names):
        """Copies of right files or folders into the bench, whatever is there."""
        for name in names:
            if (self.right / name).is_dir():
                shutil.copytree(self.right / name, self.bench / name, dirs_exist_ok=True)
            else:
                shutil.copy(self.right / name, self.bench / name)

    @cached_property
    def weights(self):
        """Weights that an unbroken training ends with."""
        return weights(self.fresh("a.csv.gz", "mini.toml"))

    def run(self, command, prefix=()):
        """Run `utrlm-...` with its arguments in the bench; `prefix` is at.py with its own, or a command before it."""
        script = str(ROOT / "bin" / command[0])
        full = [sys.executable, *prefix, script] if AT in prefix else [*prefix, sys.executable, script]
        env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TORCH_COMPILE_DISABLE": "1"}
        env |= {"FAULT_SETUP": EAGER} if command[0] == "utrlm-finetune" else {}
        done = subprocess.run(
            [*full, *command[1:]], cwd=self.bench, env=env, capture_output=True, text=True, timeout=1800
        )
        lines = [line for line in done.stderr.splitlines() if not line.startswith("W")]  # torch's remarks
        return Done(done.returncode, "\n".join(lines))


@dataclass
class SmallDisk:
    """A tmpfs of so many kB, or one that may only be read, at a folder; needs root."""

    folder: Path
    options: str

    def __enter__(self):
        self.folder.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", self.options, "none", str(self.folder)], check=True)
        return self.folder

    def __exit__(self, *_):
        subprocess.run(["umount", str(self.folder)], check=True)
