"""Cross-validation, labels made of columns, probabilities and sites."""

import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.evaluate import FOLD_COLUMNS, evaluate_file, evaluate_folds, predict_labels
from utrlm.fasta import Record
from utrlm.models import open_model
from utrlm.predict import Predictor
from utrlm.recipe import read_recipe
from utrlm.table import build_table
from utrlm.training.finetune import finetune_file

SHAPE = """
name = "small"
description = "for tests"
epochs = 4
layers = 1
width = 16
heads = 2
feedforward = 16
batch_tokens = 2000
warmup = 2
"""
RECIPE = f"""{SHAPE}
task = "te"
folds = 3
test_share = 0.0
[[sources]]
file = "a.csv"
target = "hek"
label = "g * 10 / length"
group = "family"
average = true
[[sources]]
file = "b.csv"
target = "pc3_high"
label = "(part == 'top') * 1.0"
group = "family"
"""
SITES = f"""{SHAPE.replace("epochs = 4", "epochs = 15")}
task = "splice"
context = 32
frames = false
[[sources]]
file = "s.csv"
target = "human_donor"
label = "label"
"""
pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def data(tmp_path):
    """Tables whose labels are made of the sequence, and recipes."""
    random = np.random.default_rng(0)
    drawn = ["".join(random.choice(list("ACGT"), random.integers(30, 60))) for _ in range(240)]
    table = pd.DataFrame({"utr": drawn, "g": [s.count("G") for s in drawn], "length": [len(s) for s in drawn]})
    table["family"] = np.arange(240) // 3
    table["part"] = np.where(table["g"] / table["length"] > 0.25, "top", "bottom")
    again = table[:40].assign(g=table["g"][:40] + 1)  # measured twice
    pd.concat([table[:120], again]).to_csv(tmp_path / "a.csv", index=False)
    table[120:].assign(family=lambda t: t["family"] - 40).to_csv(tmp_path / "b.csv", index=False)
    label = random.integers(0, 2, size=240)
    sites = [s[:20] + ("GTAAG" if one else "GTCCC") + s[3:20] for s, one in zip(drawn, label, strict=True)]
    pd.DataFrame({"utr": sites, "label": label}).to_csv(tmp_path / "s.csv", index=False)
    (tmp_path / "small.toml").write_text(RECIPE)
    (tmp_path / "sites.toml").write_text(SITES)
    return tmp_path


def test_rows_of_one_sequence_become_one(data):
    table = build_table(read_recipe(data / "small.toml"), data)
    hek = table[table["target"] == "hek"]
    assert len(hek) == hek["sequence"].nunique() == 120
    raw = pd.read_csv(data / "a.csv")
    mean = (raw["g"] * 10 / raw["length"]).groupby(raw["utr"]).mean()
    np.testing.assert_allclose(hek["label"], mean[hek["sequence"]])
    assert sorted(hek["weight"]) == [1] * 80 + [2] * 40


def test_every_group_is_tested_once(data):
    recipe = read_recipe(data / "small.toml")
    tables = [build_table(recipe, data, fold) for fold in range(3)]
    tested = pd.concat([(table["split"] == "test").astype(int) for table in tables], axis=1)
    assert (tested.sum(axis=1) == 1).all()
    for table in tables:
        assert (table.groupby("group")["split"].nunique() == 1).all()
        assert set(table["split"]) == {"train", "valid", "test"}
    files = tables[0].groupby("group")["source"].nunique()
    assert (files == 2).any()  # a group's name holds in every table


def test_cross_validation_to_card(data):
    recipe, output = str(data / "small.toml"), data / "small.onnx"
    finetune_file(recipe, str(data), str(output), str(data / "run"), 1)
    card = open_model(output).card
    assert card.metrics["hek"]["n"] == 120 and card.metrics["pc3_high"]["n"] == 120
    assert "te_hek_low".replace("te", "small") in card.columns
    assert "small_pc3_high_low" not in card.columns
    assert "each predicted by a model of one fold" in (data / "small.card.md").read_text()
    folds = data / "small.folds.tsv.gz"
    assert evaluate_file(None, str(folds), recipe, str(data), "test") == card.metrics
    first = pd.read_csv(folds, sep="\t")
    model = data / "run" / "fold0.onnx"
    rows = build_table(read_recipe(data / "small.toml"), data, 0)
    rows = rows[rows["split"] == "test"]
    held = first[first["fold"] == 0]["predicted"].to_numpy()
    np.testing.assert_allclose(predict_labels(str(model), rows)["predicted"], held, atol=1e-4)
    probability = first[first["target"] == "pc3_high"]["predicted"]
    assert probability.between(0, 1).all() and probability.nunique() > 10
    text = gzip.decompress(folds.read_bytes()).decode().splitlines()
    with gzip.open(folds, "wt") as file:
        file.write("\n".join(text[:-1]) + "\n")
    with pytest.raises(InputError, match="239 predictions, of which 239 fit the 240 rows"):
        evaluate_file(None, str(folds), recipe, str(data), "test")
    first.assign(source=1, row="x").to_csv(folds, sep="\t", index=False)
    with pytest.raises(InputError, match="240 predictions, of which 0 fit the 240 rows"):
        evaluate_file(None, str(folds), recipe, str(data), "test")


def test_after_all_folds_one_model_learns_from_all(data):
    """Whatever the share of a test that there is not."""
    table = build_table(replace(read_recipe(data / "small.toml"), test_share=0.2), data)
    assert set(table["split"]) == {"train", "valid"}


def test_rows_that_are_not_learned_are_not_asked_for(data):
    recipe = read_recipe(data / "small.toml")
    table = build_table(replace(recipe, sources=(recipe.sources[0], replace(recipe.sources[1], repeat=0))), data)
    rows = table[table["repeat"] > 0].assign(fold=0, predicted=table["label"], low=np.nan, high=np.nan)
    rows[FOLD_COLUMNS].to_csv(data / "folds.tsv", sep="\t", index=False)
    assert evaluate_folds(str(data / "folds.tsv"), table)["hek"]["R2"] == 1.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'label = "g',
            'test = "g > 9"\nlabel = "g',
            "folds test every row once, so there is no test and no valid of a",
        ),
        ("folds = 3", "folds = 1", "folds are two or more"),
        ('task = "te"', 'task = "splice"\ncomposition = 8', "composition is of tasks of scalars alone"),
    ],
)
def test_what_does_not_go_together(data, old, new, message):
    text = RECIPE.replace(old, new)
    if "splice" in new:
        text = text.replace('"hek"', '"human_donor"').replace('"pc3_high"', '"human_acceptor"')
    (data / "small.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_recipe(data / "small.toml")


@pytest.mark.parametrize(("model", "folds"), [(None, None), ("a.onnx", "b.tsv")])
def test_one_of_model_and_folds(model, folds):
    with pytest.raises(InputError, match="either --model FILE or --folds FILE"):
        evaluate_file(model, folds, "r.toml", ".", "test")


def test_a_site_is_read_around_the_middle(data):
    recipe, output = str(data / "sites.toml"), str(data / "sites.onnx")
    finetune_file(recipe, str(data), output, str(data / "run"), 1)
    card = open_model(data / "sites.onnx").card
    assert card.metrics["human_donor"]["AUROC"] > 0.75
    predictor = Predictor(models=[output], device="cpu")
    sequence = pd.read_csv(data / "s.csv")["utr"][0]
    other = sequence[:20] + ("GTCCC" if "GTAAG" in sequence[20:25] else "GTAAG") + sequence[25:]
    cut = [sequence, sequence[5:-5], "ACGTACGTAC" + sequence + "TTGACTTGAC", other, sequence[1:-1] + "A"]
    rows = list(predictor.rows(Record(str(i), "", s, alphabet.encode(s)) for i, s in enumerate(cut)))
    values = [row["small_human_donor"] for row in rows]
    assert values[0] == values[1] == values[2]  # what lies beyond the window says nothing
    assert values[3] != values[0]
    assert values[4] is None  # no GT in the middle
    assert not any("short" in row["flags"] for row in rows)  # all fill the window


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 10, 31])
def test_the_middle(length):
    codes = np.arange(length, dtype=np.uint8) % 4 + 2
    window = alphabet.middle(codes, 8)
    assert len(window) == 8
    assert window[3] == codes[(length - 1) // 2]
    inside = window[window != alphabet.PAD]
    assert bytes(inside) in bytes(codes) and len(inside) >= min(8, length) - 1
