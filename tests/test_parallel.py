"""Several processes that train one model."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from utrlm.training import checkpoint

from .conftest import ROOT
from .mini import EAGER, lines, same, trained

pytestmark = pytest.mark.usefixtures("eager", "certain")
CHILD = (
    EAGER
    + """
import os
from utrlm.training import heads
heads.DROPOUT = 0.0
from pathlib import Path
from utrlm.recipe import read_recipe
from utrlm.training.finetune import finetune
from utrlm.training.loop import How
data, name, shard = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "shard"
finetune(read_recipe(data / "mini.toml"), data, data / name, 1, how=How(shard=shard))
sys.stderr.flush()
os._exit(0)  # past the interpreter's end, in which gloo's threads were once seen to abort (parallel.settle)
"""
)


@pytest.mark.parametrize("way", ["copies", "shard"])
def test_two_processes_learn_what_one_does(data, way):
    """Two by gloo on a CPU, each with its part of the same batches; weights whole in each, or divided (FSDP2)."""
    whole = trained(data)
    (data / "child.py").write_text(CHILD)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, str(data / "child.py"), str(data), "two", way],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    one, two = (pd.Series([line["loss"] for line in lines(data / name, "loss")]) for name in ("run", "two"))
    assert len(one) == len(two)
    assert abs(one - two)[0] < 1e-4  # before anything was learned
    assert abs(one - two).max() < 0.01  # bfloat16 rounds sums of other parts differently
    saved = checkpoint.read(data / "two" / checkpoint.NAME)
    assert same(whole, saved["average"], atol=0.02)
    assert lines(data / "two", "device")[0]["processes"] == 2
    assert same(trained(data, "two"), saved["average"])  # one process reads what two have written
