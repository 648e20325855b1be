"""The training loop: its settings, when it ends, what it logs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from utrlm.errors import DivergedError, InputError
from utrlm.recipe import read_recipe
from utrlm.recipe_parts import Phase
from utrlm.table import build_table
from utrlm.training import checkpoint
from utrlm.training.build import new_model
from utrlm.training.finetune import finetune
from utrlm.training.heads import ScalarModel
from utrlm.training.loop import How
from utrlm.training.optimisers import make_optimisers, phase_at

from .mini import RECIPE, lines, same, trained

pytestmark = pytest.mark.usefixtures("eager", "certain")


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
        ("composition = -1", "composition is -1, below 0"),
        ("adam_rate = -0.1", "adam_rate is -0.1, below 0"),
        ("muon_decay = nan", "muon_decay is nan, not a number up to 100,000,000"),
        ("seed = -1", "seed is -1, below 0"),
        ("kmer = 28", "kmer is 28, not a number up to 27"),
        ("context = 100_001", "context is 100001, not a number up to 100,000"),
        ("dropout = 1.5", "dropout is 1.5, not a number up to 1"),
        ("test_share = -1.0", "test_share is -1.0, below 0"),
        ("clip = 0.0", "clip is 0.0, not above 0"),
        ("stem = [4]", r"stem is \[4\]; its widths are odd numbers"),
        ("dilations = [0]", r"dilations is \[0\], below 1"),
        ("folds = 1", "folds are two or more"),
        ("phases = [{until = 1, rate = -1.0}]", "rate is -1.0, not a number of 0 or more"),
        ("layer_decay = 1.5", "layer_decay is 1.5"),
        ('phases = [{until = 0.5, train = "head"}]', "rises from phase to phase to 1"),
        ('phases = [{until = 1, train = "first 2"}]', "'first 2' is neither head, last N nor all"),
    ],
)
def test_a_setting_that_cannot_be(data, line, message):
    (data / "mini.toml").write_text(f"{line}\n{RECIPE}")
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


def test_a_validation_that_tells_nothing_neither_counts_nor_ends_a_run(data, monkeypatch):
    table = pd.read_csv(data / "a.csv").assign(set=["valid", *["train"] * 5] * 10)
    table.loc[table["set"] == "valid", "rl"] = 1.5
    table.to_csv(data / "a.csv")
    asked = 'group = "utr"\ntest = "set == \'test\'"\nvalid = "set == \'valid\'"\ntarget'
    (data / "mini.toml").write_text(RECIPE.replace("target", asked))
    last = trained(data, patience=1, validations=5)
    assert all(np.isnan(value) for line in lines(data / "run", "valid") for value in line["valid"].values())
    assert len(lines(data / "run", "valid")) >= 5
    saved = checkpoint.read(data / "run" / checkpoint.NAME)
    assert (saved["merits"], saved["best"]) == ([], None)
    assert same(last, saved["average"])
    assert ScalarModel.merit(None, {"0": np.nan, "1": 0.5, "2": 0.25}) == 0.375


def test_a_part_of_an_epoch_has_a_step(data):
    trained(data, epochs=0.01)
    assert len(lines(data / "run", "loss")) == 1


def test_rows_to_train_on(data):
    with pytest.raises(InputError, match="mini: no rows to train on"):
        trained(data, valid_share=0.0, test_share=1.0, kmer=1)
    first, second = read_recipe(data / "mini.toml").sources
    with pytest.raises(
        InputError, match="mini: no rows of varying to train on"
    ):  # its column would look like any other
        trained(data, sources=(first, replace(second, weight="0 * rl")))


def test_patience_asks_for_rows_to_select_on(data):
    with pytest.raises(InputError, match="patience needs valid rows"):
        trained(data, patience=1, valid_share=0.0)


def test_a_loss_that_is_no_number_names_the_rows_and_leaves_the_steps_before(data, monkeypatch):
    def spoiled(*arguments):
        table = build_table(*arguments)
        return table.assign(weight=table["weight"].where(table["row"] != 17))

    monkeypatch.setattr("utrlm.training.finetune.build_table", spoiled)
    monkeypatch.setattr("utrlm.training.loop.CHECKPOINT_SECONDS", -1)  # after every step
    with pytest.raises(DivergedError, match=r"step \d+: the loss is nan; rows (a.csv:\d+, )*a.csv:18\b") as raised:
        trained(data, seed=2)
    saved = checkpoint.read(data / "run" / checkpoint.NAME)
    assert saved["step"] == int(str(raised.value).split(":")[0].split()[1]) == len(lines(data / "run", "loss")) > 0
    assert all(bool(value.isfinite().all()) for name in ("model", "average") for value in saved[name].values())


def test_a_line_a_step_and_tensorboard(data):
    recipe = read_recipe(data / "mini.toml")
    finetune(recipe, data, data / "run", 1, how=How(tensorboard=True))
    steps = lines(data / "run", "loss")
    assert [line["step"] for line in steps] == list(range(1, steps[-1]["steps"] + 1))
    assert all(line["seconds"] > 0 and line["matmul_share"] > 0 for line in steps)
    start = lines(data / "run", "device")[0]
    assert start["processes"] == 1 and start["matmul_tflops"] > 0
    assert list((data / "run/tensorboard").glob("events.*"))
