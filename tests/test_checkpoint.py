"""Checkpoints: a run that was cut off, killed or told to stop ends as an unbroken one does."""

import signal
import subprocess
import sys
import time

import pytest
import torch

from utrlm.errors import InputError
from utrlm.recipe_parts import Phase
from utrlm.training import checkpoint, loop

from .conftest import ROOT
from .mini import EAGER, RECIPE, lines, same, trained

pytestmark = pytest.mark.usefixtures("eager")


def interrupted(data, name, steps, monkeypatch, **settings):
    """A run that is cut off, without warning, in its step number `steps`."""
    taken = []

    def stop(*arguments):
        taken.append(None)
        if len(taken) == steps:
            raise KeyboardInterrupt
        return real(*arguments)

    real = loop.learning_rate
    with monkeypatch.context() as patch:
        patch.setattr(loop, "learning_rate", stop)
        patch.setattr(loop, "CHECKPOINT_SECONDS", -1)
        with pytest.raises(KeyboardInterrupt):
            trained(data, name, **settings)


@pytest.mark.parametrize("steps", [2, 7, 11])
def test_a_cut_off_run_with_everything_on_ends_in_the_same_weights(data, monkeypatch, steps):
    settings = {
        "phases": (Phase(until=0.4, train="last 1"), Phase(until=1.0)),
        "layer_decay": 0.8,
        "dropout": 0.1,
        "accumulate": 2,
        "patience": 3,
        "validations": 6,
    }
    whole = trained(data, "whole", **settings)
    interrupted(data, "cut", steps, monkeypatch, **settings)
    assert same(whole, trained(data, "cut", **settings))
    timeless = [
        [{key: line[key] for key in ("step", "loss", "rate")} for line in lines(data / name, "loss")]
        for name in ("whole", "cut")
    ]
    assert timeless[0] == timeless[1]  # each step is told once


def test_a_checkpoint_of_another_run_is_refused(data):
    trained(data)
    with pytest.raises(InputError, match=r"another recipe \(epochs\); --restart begins anew"):
        trained(data, epochs=3.0)
    with pytest.raises(InputError, match=r"another recipe \(width\)"):
        trained(data, width=32)
    trained(data, description="told in other words", threshold_told=0.3)
    path = data / "run" / checkpoint.NAME
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match="damaged"):
        trained(data)
    (data / "run" / "mine.txt").touch()
    checkpoint.restart(data / "run")
    assert [one.name for one in (data / "run").iterdir()] == ["mine.txt"]


def test_a_checkpoint_from_before_these_settings_is_continued(data, monkeypatch):
    whole = trained(data, "whole")
    interrupted(data, "old", 5, monkeypatch)
    path = data / "old" / checkpoint.NAME
    saved = torch.load(path, weights_only=True)
    torch.save({key: saved[key] for key in ("model", "average", "optimisers", "step")}, path)
    assert same(whole, trained(data, "old"))


KILLED = (
    EAGER
    + """
import os, random, signal, time
from pathlib import Path
from utrlm.recipe import read_recipe
from utrlm.training import checkpoint, loop
from utrlm.training.finetune import finetune

loop.CHECKPOINT_SECONDS = 0  # after every step
data, moments = Path(sys.argv[1]), random.Random(int(sys.argv[2]))
path = data / "killed" / checkpoint.NAME
stamp = lambda: path.stat().st_mtime_ns if path.exists() else 0
for kill in range(5):
    child = os.fork()  # torch was imported once
    if not child:
        try:
            finetune(read_recipe(data / "mini.toml"), data, data / "killed", 1)
        finally:
            os._exit(1)
    wanted, delay = moments.randrange(6) if kill else 1, moments.uniform(0, 0.1)
    for _ in range(wanted):  # checkpoints, at least
        before = stamp()
        while stamp() == before:
            assert os.waitpid(child, os.WNOHANG) == (0, 0)
            time.sleep(0.001)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    print(f"{wanted} checkpoints and {delay:.3f} s later: step {checkpoint.read(path)['step']}")
"""
)


def test_a_killed_run_ends_in_the_same_weights(data):
    """SIGKILL, which nothing can catch, five times, each at a random moment: while it reads, trains or writes."""
    (data / "mini.toml").write_text(RECIPE.replace("epochs = 4", "epochs = 40"))
    seed = time.time_ns() % 1000
    done = subprocess.run([sys.executable, "-c", KILLED, str(data), str(seed)], capture_output=True, text=True)
    print(f"seed {seed}\n{done.stdout}")  # which pytest shows of a failure
    assert done.returncode == 0, done.stderr
    left, whole = checkpoint.read(data / "killed" / checkpoint.NAME)["step"], trained(data, "whole")
    assert 0 < left < checkpoint.read(data / "whole" / checkpoint.NAME)["step"]
    assert same(whole, trained(data, "killed"))


SCRIPT = EAGER + "import runpy; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"


def test_sigterm_ends_in_one_line_and_its_own_status(data):
    (data / "mini.toml").write_text(RECIPE.replace("epochs = 4", "epochs = 4000"))
    command = [sys.executable, "-c", SCRIPT, str(ROOT / "bin/utrlm-finetune"), "--recipe", str(data / "mini.toml")]
    command += ["--data", str(data), "--checkpoint-dir", str(data / "run"), "--output", str(data / "x.onnx")]
    child = subprocess.Popen([*command, "--cpus", "1"], stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    log = data / "run/log.jsonl"
    while not log.exists() or len(log.read_text().splitlines()) < 4:
        assert child.poll() is None, "the child ended before its first steps"
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    out, error = child.communicate()
    assert child.returncode == 143
    step = checkpoint.read(data / "run" / checkpoint.NAME)["step"]
    assert error.decode().startswith(f"stopped after step {step} of ")
    assert (out, error.count(b"\n")) == (b"", 1)
    assert not (data / "x.onnx").exists()


def test_the_handler_of_sigterm_is_given_back(data):
    before = signal.getsignal(signal.SIGTERM)
    trained(data)
    assert signal.getsignal(signal.SIGTERM) is before
