"""The training loop: its settings, its checkpoint, several processes, what it logs."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from utrlm.errors import DivergedError, InputError
from utrlm.recipe import Phase, read_recipe
from utrlm.table import build_table
from utrlm.training import checkpoint, loop
from utrlm.training.build import new_model
from utrlm.training.finetune import finetune
from utrlm.training.loop import How
from utrlm.training.optimisers import make_optimisers, phase_at

from .conftest import ROOT

RECIPE = """
name = "mini"
task = "mrl"
description = "for tests"
epochs = 4
layers = 2
width = 16
heads = 2
feedforward = 16
batch_tokens = 1600
warmup = 2
[[sources]]
file = "a.csv"
target = "egfp_unmod"
rank = "rank"
[[sources]]
file = "a.csv"
target = "varying"
label = "2 * rl"
"""
EAGER = """
import sys, runpy, torch
torch.compile = lambda function, **_: function
from utrlm.training import heads
heads.DROPOUT = 0.0
"""
SCRIPT = EAGER + "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"


@pytest.fixture
def data(tmp_path):
    """A table whose label is the share of G, and a recipe."""
    random = np.random.default_rng(0)
    sequences = ["".join(random.choice(list("ACGT"), random.integers(25, 50))) for _ in range(60)]
    labels = [10 * s.count("G") / len(s) for s in sequences]
    pd.DataFrame({"utr": sequences, "rl": labels, "rank": 9000 * np.arange(60)}).to_csv(tmp_path / "a.csv")
    (tmp_path / "mini.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Compiling takes longer than these trainings; and what dropout draws depends on how a batch is divided."""
    monkeypatch.setattr("utrlm.training.heads.DROPOUT", 0.0)
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)


def lines(folder, key):
    """The log's lines that have a key."""
    told = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in told if key in line]


def same(one, two, **tolerance):
    """Whether two states hold the same tensors, to the last bit unless a tolerance is given."""
    assert one.keys() == two.keys()
    near = {name: torch.allclose(one[name], two[name], **({"rtol": 0, "atol": 0} | tolerance)) for name in one}
    return all(near.values())


def trained(data, name="run", **settings):
    """A run of the recipe with other settings."""
    return finetune(replace(read_recipe(data / "mini.toml"), **settings), data, data / name, 1).state_dict()


def test_parts_of_a_batch_add_up_to_it(data):
    whole = trained(data)
    assert same(whole, trained(data, "again"))
    assert same(whole, trained(data, "parts", accumulate=3), atol=0.02)
    one, two = (pd.Series([line["loss"] for line in lines(data / name, "loss")]) for name in ("run", "parts"))
    assert abs(one - two).max() < 0.01
    many = trained(data, "many", accumulate=40)  # more parts than rows
    assert same(whole, many, atol=0.02)


def test_recomputed_blocks_change_nothing(data):
    assert same(trained(data, dropout=0.1), trained(data, "less", dropout=0.1, checkpoint_blocks=True))


def test_phases_free_what_they_name(data):
    recipe = read_recipe(data / "mini.toml")
    rows = build_table(recipe, data)
    torch.manual_seed(recipe.seed)
    start = new_model(recipe, rows[rows["split"] == "train"]).state_dict()
    after = trained(data, phases=(Phase(until=0.5, train="head"), Phase(until=1.0, train="last 1", rate=0.5)))
    moved = {name.rsplit(".", 1)[0] for name in start if not torch.equal(start[name], after[name])}
    assert not any(name.startswith(("backbone.stem", "backbone.blocks.0")) for name in moved)
    assert {"head.out", "backbone.norm", "backbone.blocks.1.attention.inward"} <= moved
    rates = [line["rate"] for line in lines(data / "run", "loss")]
    assert rates[len(rates) // 2 - 1] > 1.5 * rates[len(rates) // 2]
    phases = (Phase(until=0.5, train="head"), Phase(until=1.0))
    assert [phase_at(phases, step, 10).blocks for step in (0, 4, 5, 9)] == [0, 0, None, None]


def test_layers_learn_the_more_slowly_the_lower(data):
    recipe = read_recipe(data / "mini.toml")
    model = new_model(recipe, build_table(recipe, data))
    plain = make_optimisers(model, recipe)
    assert [len(optimiser.param_groups) for optimiser in plain] == [1, 1]
    muon, adam = make_optimisers(model, replace(recipe, layer_decay=0.5))
    assert [group["peak"] for group in muon.param_groups] == [0.01 * 0.5, 0.01 * 0.25]
    assert [group["peak"] for group in adam.param_groups] == [0.002 * 0.5**n for n in range(4)]
    (alone,) = make_optimisers(model, replace(recipe, optimiser="adamw"))
    assert sum(len(group["params"]) for group in alone.param_groups) == len(list(model.parameters()))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('optimiser = "sgd"', "optimiser 'sgd' is none of muon, adamw"),
        ("accumulate = 0", "accumulate is 0, below 1"),
        ("layer_decay = 1.5", "layer_decay is 1.5"),
        ('phases = [{until = 0.5, train = "head"}]', "rises from phase to phase to 1"),
        ('phases = [{until = 1, train = "first 2"}]', "'first 2' is neither head, last N nor all"),
    ],
)
def test_a_setting_that_cannot_be(data, line, message):
    (data / "mini.toml").write_text(line + RECIPE)
    with pytest.raises(InputError, match=message):
        read_recipe(data / "mini.toml")


def worse_and_worse(monkeypatch):
    """Validations of which the second is the best; returns the averages that were asked."""
    seen = []

    def merit(self, scores):
        seen.append({name: value.clone() for name, value in self_of(self).items()})
        return [1.0, 2.0, 0.5, 1.5, 3.0][len(seen) - 1]

    def self_of(model):
        return model.state_dict()

    monkeypatch.setattr("utrlm.training.heads.ScalarModel.merit", merit)
    return seen


def test_without_a_better_score_the_best_is_kept(data, monkeypatch):
    worse_and_worse(monkeypatch)
    best = trained(data, patience=2, validations=5)
    valid = lines(data / "run", "valid")
    assert len(valid) == 4
    saved = checkpoint.read(data / "run" / checkpoint.NAME)
    assert saved["merits"] == [1.0, 2.0, 0.5, 1.5]
    assert same(saved["best"], best)
    assert not same(saved["average"], best)
    assert same(checkpoint.trained_weights(data / "run" / checkpoint.NAME), best)
    assert same(trained(data, patience=2, validations=5), best)  # the run has ended: nothing is trained again
    assert len(lines(data / "run", "valid")) == 4


def test_patience_asks_for_rows_to_select_on(data):
    with pytest.raises(InputError, match="patience needs valid rows"):
        trained(data, patience=1, valid_share=0.0)


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
    trained(data, description="told in other words")
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


def test_a_loss_that_is_no_number_names_the_rows(data):
    table = pd.read_csv(data / "a.csv")
    table["rank"] = table["rank"].astype(float)
    table.loc[17, "rank"] = np.nan
    table.to_csv(data / "a.csv")
    with pytest.raises(DivergedError, match=r"step \d+: the loss is nan; rows (a.csv:\d+, )*a.csv:18\b"):
        trained(data)


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


def test_a_line_a_step_and_tensorboard(data):
    recipe = read_recipe(data / "mini.toml")
    finetune(recipe, data, data / "run", 1, how=How(tensorboard=True))
    steps = lines(data / "run", "loss")
    assert [line["step"] for line in steps] == list(range(1, steps[-1]["steps"] + 1))
    assert all(line["seconds"] > 0 and line["matmul_share"] > 0 for line in steps)
    start = lines(data / "run", "device")[0]
    assert start["processes"] == 1 and start["matmul_tflops"] > 0
    assert list((data / "run/tensorboard").glob("events.*"))


CHILD = (
    EAGER
    + """
import os
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
