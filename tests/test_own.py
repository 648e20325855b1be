"""A table of one's own for every task: its columns, the model it becomes, and what is said of one that does not fit."""

import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from utrlm import own
from utrlm.errors import InputError
from utrlm.models import open_model
from utrlm.own import choose_labels, table_recipe
from utrlm.recipe import read_recipe
from utrlm.table import build_table
from utrlm.tasks import TASKS
from utrlm.training.finetune import finetune_table
from utrlm.training_options import own_task

COLUMNS = {"sequence": "utr", "group": "", "split": "", "unit": "", "epochs": 1.0}
STEM = "GGGACC"
HAIRPIN = STEM + "AAAAA" + "GGTCCC"


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small networks, not compiled."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    shape = {"layers": 1, "width": 16, "heads": 2, "feedforward": 16}
    for kind in ("scalar", "site", "pairs"):
        monkeypatch.setitem(own.OF_KIND, kind, own.OF_KIND.get(kind, {}) | shape)


def random_letters(count, length):
    random = np.random.default_rng(2)
    return ["".join(random.choice(list("ACGT"), length)) for _ in range(count)]


def table_of(task):
    """A table with columns named as targets of the task, and labels that a model could learn."""
    utrs = random_letters(60, 40)
    if task == "splice":
        utrs = [f"{utr[:19]}GT{utr[21:]}" for utr in utrs]
        return pd.DataFrame({"utr": utrs, "human_donor": [int(utr[21] == "A") for utr in utrs]})
    if task == "structure":
        hairpins = [utr[:10] + HAIRPIN + utr[10:20] for utr in utrs]
        return pd.DataFrame({"utr": hairpins, "dot_bracket": "." * 10 + "((((((.....))))))" + "." * 10})
    column = {"mrl": "varying", "te": "muscle", "el": "hek"}[task]
    return pd.DataFrame({"utr": utrs, column: [utr.count("G") for utr in utrs]})


def build(table, task, folder, labels=(), text="", **changed):
    """The rows that a table becomes."""
    path = folder / "own.csv"
    path.write_text(text or table.to_csv(index=False))
    chosen = choose_labels(path, list(labels), task)
    (folder / "r.toml").write_text(table_recipe(path, "own", chosen, **COLUMNS | changed, task=task))
    return build_table(read_recipe(folder / "r.toml"), folder)


@pytest.mark.parametrize("task", ["te", "splice", "structure"])  # one of each kind
def test_every_kind_of_task_becomes_a_model(task, tmp_path):
    table_of(task).to_csv(tmp_path / "own.csv", index=False)
    output = tmp_path / "own.onnx"
    finetune_table(str(tmp_path / "own.csv"), str(output), str(tmp_path / "run"), 1, "own", (), task, **COLUMNS)
    card = open_model(output).card
    assert card.kind == TASKS[task].kind
    wanted = {target.name: (target.unit, target.letters) for target in TASKS[task].targets}
    assert all((target.unit, target.letters) == wanted[target.name] for target in card.targets)
    assert card.targets[0].name == table_of(task).columns[1]
    assert card.metrics


def test_the_command_offers_every_task():
    assert set(own_task(lambda: None).__click_params__[0].type.choices) == set(TASKS)


def test_a_column_of_another_name(tmp_path):
    table = table_of("splice").rename(columns={"human_donor": "mouse_donor"})
    build(table, "splice", tmp_path, ["mouse_donor"])
    target = read_recipe(tmp_path / "r.toml").trained.targets[0]
    assert (target.name, target.unit, target.letters) == ("mouse_donor", "probability", "GT")
    build(table_of("mrl").rename(columns={"varying": "rl"}), "mrl", tmp_path, ["rl"])
    trained = read_recipe(tmp_path / "r.toml").trained
    assert [(target.name, target.unit) for target in trained.targets] == [("rl", "ribosomes a transcript")]
    build(table_of("te"), "te", tmp_path, ["muscle"], unit="log2")
    assert read_recipe(tmp_path / "r.toml").trained.targets[0].unit == "log2"
    build(table_of("te").assign(muscle=1).rename(columns={"muscle": "pc3_high"}), "te", tmp_path, unit="log2")
    assert read_recipe(tmp_path / "r.toml").trained.targets[0].unit == "probability"  # of labels that are 0 or 1


def changed(task, column, value, row=4):
    """The task's table with one cell changed."""
    table = table_of(task).astype(object)
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("task", "column", "value", "message"),
    [
        ("te", "muscle", "high", "row 5: label 'high' is not a number"),
        ("te", "muscle", 1e39, r"row 5: label '1e\+39' is not a number"),
        ("te", "utr", "ACGJ", "row 5: letter 'J' at position 4 is no nucleotide"),
        ("te", "utr", None, "row 5: no sequence"),
        ("splice", "human_donor", 0.5, "row 5: label 0.5 is neither 0 nor 1"),
        ("splice", "utr", "ACACAC", "row 5: the two letters in the middle are not GT, as of human_donor"),
        ("structure", "dot_bracket", "((", r"row 5: '\(' at position 2 is never closed"),
        ("structure", "dot_bracket", "(...)", "row 5: 37 letters, but a structure of 5"),
        ("structure", "dot_bracket", "(x.)", "row 5: 'x' at position 2 is no sign of a structure"),
    ],
)
def test_a_cell_that_does_not_fit(task, column, value, message, tmp_path):
    with pytest.raises(InputError, match=f"own.csv: {message}"):
        build(changed(task, column, value), task, tmp_path)


def test_missing_labels_are_left_out_and_rows_keep_their_numbers(tmp_path):
    assert len(build(changed("te", "muscle", None, 0), "te", tmp_path)) == 59
    table = changed("te", "muscle", None, 0)
    table.loc[7, "muscle"] = "x"
    with pytest.raises(InputError, match="row 8: label 'x'"):
        build(table, "te", tmp_path)


@pytest.mark.parametrize(
    ("task", "labels", "settings", "message"),
    [
        ("el", [], {}, "own.csv: none of the columns hek, muscle, pc3; name yours with --label-column"),
        ("el", ["days"], {}, "no column 'days'; there are utr, varying"),
        (None, ["varying * 2"], {}, r"no column 'varying \* 2'; there are utr, varying"),
        (None, ["varying"], {"group": "index"}, "no column 'index'; there are utr, varying"),  # pandas knows one
        (None, ["varying"] * 2, {}, "two targets would write column 'own_varying'"),
        ("structure", ["utr"], {"unit": "h"}, "--unit: a model of structure has units of its own"),
        ("el", ["varying"], {"sequence": "seq"}, "no column 'seq'; there are utr, varying"),
        ("splice", ["varying"], {}, "--label-column varying: the name of a column of sites ends in acceptor or donor"),
        ("structure", ["varying"], {}, "row 1: no structure"),
        ("structure", ["varying", "utr"], {}, "a model of structure learns one column"),
    ],
)
def test_a_column_that_does_not_fit(task, labels, settings, message, tmp_path):
    with pytest.raises(InputError, match=message):
        build(table_of("mrl"), task, tmp_path, labels, **settings)


@pytest.mark.parametrize("value", ["Test", "val", "validation", "dev", None, " train"])
def test_a_split_in_other_words(value, tmp_path):
    table = table_of("mrl").assign(part=["test", "valid", "train"] * 20)
    assert list(build(table, "mrl", tmp_path, split="part")["split"]) == list(table["part"])
    table.loc[6, "part"] = value
    with pytest.raises(InputError, match=f"own.csv: row 7: split '{value or ''}' is none of train, valid, test"):
        build(table, "mrl", tmp_path, split="part")


@pytest.mark.parametrize("header", ["µ", "🧬", "it's", "@x", "a__b", 'half "life" #1'])
def test_any_header_is_a_column(header, tmp_path):
    table = table_of("mrl").rename(columns={"varying": header})
    table[f"{header}?"] = ["test", "valid", "train"] * 20
    table.loc[3, header] = np.nan
    rows = build(table, None, tmp_path, [header], split=f"{header}?")
    assert (len(rows), set(rows["split"])) == (59, {"train", "valid", "test"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("utr,a,a\nACGT,1,2\n", "own.csv: 2 columns are called 'a'"),
        ("utr,a\nACGT,\n", "own.csv: no row to use where `a`.notna()"),
        ("utr,a\n", "own.csv: no row to use where `a`.notna()"),
        ("utr,a,a_low\nACGT,1,2\n", "two targets would write column 'own_a_low'"),
    ],
)
def test_a_table_of_which_nothing_can_be_made(text, message, tmp_path):
    (tmp_path / "own.csv").write_text(text)
    labels = [name for name in ("a", "a_low") if name in text]
    with pytest.raises(InputError, match=re.escape(message)):
        build(pd.read_csv(tmp_path / "own.csv"), None, tmp_path, labels, text=text)


@pytest.mark.parametrize("header", ["x`.notna() or @__import__('os').abort() or `x", "two\nlines"])
def test_a_header_that_would_leave_its_quotes(header, tmp_path):
    table = table_of("mrl").assign(**{header: 1.0})
    for settings in ({"labels": [header]}, {"labels": ["varying"], "split": header}):
        with pytest.raises(InputError, match="give it a name without backticks and line ends"):
            build(table, None, tmp_path, **settings)


def test_several_seeds_are_in_the_recipe_that_is_kept(tmp_path):
    build(table_of("mrl"), "mrl", tmp_path, seeds=3)
    assert read_recipe(tmp_path / "r.toml").seeds == 3


def test_weights_of_rows(tmp_path):
    table = table_of("mrl").assign(sure=np.linspace(0, 2, 60))
    rows = build(table, "mrl", tmp_path, weight="sure")
    assert np.allclose(rows["weight"], table["sure"])
    table.loc[0, ["varying", "sure"]] = np.nan  # is left out, weight and all
    assert len(build(table, "mrl", tmp_path, weight="sure")) == 59
    for value in ("much", -1.0, None, np.inf):
        other = table.astype(object)
        other.loc[8, "sure"] = value
        with pytest.raises(InputError, match=r"own\.csv: row 9: weight '.*' is not a number of 0 or more"):
            build(other, "mrl", tmp_path, weight="sure")
    with pytest.raises(InputError, match="no column 'certain'"):
        build(table, "mrl", tmp_path, weight="certain")
    with pytest.raises(InputError, match="--weight-column: a model of structure"):
        build(table_of("structure").assign(sure=1.0), "structure", tmp_path, weight="sure")


@pytest.mark.parametrize("split", ["", "part"])
def test_twenty_rows_become_a_model(split, tmp_path):
    """Hardly a good one. Valid rows too few for intervals, and with labels that are all alike."""
    table = table_of("mrl")[:20].assign(part=["test", "valid", "valid", *["train"] * 7] * 2, gene=range(20))
    table.loc[table["part"] == "valid", "varying"] = 4
    table.to_csv(tmp_path / "own.csv", index=False)
    output, columns = tmp_path / "own.onnx", COLUMNS | {"split": split, "group": "gene"}
    finetune_table(str(tmp_path / "own.csv"), str(output), str(tmp_path / "run"), 1, "own", (), "mrl", **columns)
    card = open_model(output).card
    assert not card.interval and card.columns == ["own_varying"]
    json.dumps(card.metrics, allow_nan=False)


def test_structure_without_viennarna_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "RNA", None)
    table_of("structure").to_csv(tmp_path / "own.csv", index=False)
    with pytest.raises(InputError, match=r"utrlm\[fold\]"):
        finetune_table(str(tmp_path / "own.csv"), "x", str(tmp_path / "run"), 1, "own", (), "structure", **COLUMNS)
