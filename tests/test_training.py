"""A model in miniature through the whole way: tables, training, export, prediction, scores."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.evaluate import evaluate_file
from utrlm.models import open_model
from utrlm.recipe import read_recipe
from utrlm.table import build_table
from utrlm.training.data import Examples, pad
from utrlm.training.export import SMALL
from utrlm.training.finetune import export_checkpoint, finetune_file, finetune_table
from utrlm.training.heads import ScalarModel
from utrlm.training.model import BackboneConfig

from .mini import random_utrs, recipe_text

RECIPE = recipe_text(
    {"file": "a.csv", "target": "egfp_unmod"},
    {"file": "b.csv.gz", "target": "varying", "group": "family"},
    epochs=2,
    warmup=2,
)
pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def data(tmp_path):
    """Two tables whose label is the share of G, and a recipe."""
    random_utrs(200, 50, 50).to_csv(tmp_path / "a.csv", index=False)
    random_utrs(200, 25, 99, seed=1).assign(family=np.arange(200) // 4).to_csv(tmp_path / "b.csv.gz", index=False)
    (tmp_path / "mini.toml").write_text(RECIPE)
    return tmp_path


def test_table_to_onnx_to_scores(data):
    recipe, output = str(data / "mini.toml"), str(data / "mini.onnx")
    finetune_file(recipe, str(data), output, str(data / "run"), 1)
    card = open_model(Path(output)).card
    assert card.columns[:4] == ["mini_egfp_unmod", "mini_egfp_unmod_low", "mini_egfp_unmod_high", "mini_varying"]
    table = build_table(read_recipe(data / "mini.toml"), data)
    lengths = table[table["split"] == "train"]["sequence"].str.len()
    assert (card.shortest, card.longest) == (lengths.min(), lengths.max())
    assert " On 1 x CPU" in card.notes
    scores = evaluate_file(output, None, recipe, str(data), "test")
    assert scores == card.metrics
    log = [json.loads(line) for line in (data / "run/log.jsonl").read_text().splitlines()]
    assert [line for line in log if "loss" in line][-1]["step"] == log[-1]["step"]


def test_a_table_that_is_not_learned_splits_the_others(data):
    first, second = (plan := read_recipe(data / "mini.toml")).sources
    apart = replace(plan, sources=(replace(first, repeat=0), second))
    whole, table = build_table(plan, data), build_table(apart, data)
    learned = (table["target"] == "varying").to_numpy()
    assert set(table["split"][~learned]) == {"dropped"}
    assert table["split"][learned].equals(whole["split"][learned]) and len(set(whole["split"])) == 3
    assert [target.name for target in plan.trained.targets] == ["egfp_unmod", "varying"]  # of the task's four
    assert [target.name for target in apart.trained.targets] == ["varying"]
    none = RECIPE.replace('file = "', 'repeat = 0\nfile = "')
    (data / "none.toml").write_text(none)
    with pytest.raises(InputError, match="to learn from, so there is nothing to train on"):
        read_recipe(data / "none.toml")


def test_learned_weights_are_kept_in_half_precision(data):
    finetune_file(str(data / "mini.toml"), str(data), str(data / "x.onnx"), str(data / "run"), 1)
    tensors = [one for one in onnx.load(data / "x.onnx").graph.initializer if not one.name.startswith("spread")]
    kept = [onnx.numpy_helper.to_array(one) for one in tensors]
    floats = [one for one in kept if one.dtype.kind == "f" and one.size >= SMALL]
    assert floats
    assert {one.dtype for one in floats} == {np.dtype("float16")}


def test_padding_reaches_nothing():
    torch.manual_seed(0)
    model = ScalarModel(BackboneConfig(layers=2, width=16, heads=2, feedforward=16), [0.0], [1.0]).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    codes = alphabet.encode("ACGTTGCANACGGGT")
    with torch.no_grad():
        alone, padded = (model(torch.from_numpy(pad([codes], n)))[0] for n in (len(codes), 40))
        unmasked = model.standardised(torch.from_numpy(pad([codes], len(codes))), padded=False)
    torch.testing.assert_close(alone, padded, atol=1e-5, rtol=0)
    torch.testing.assert_close(alone, unmasked, atol=1e-5, rtol=0)


def test_an_epoch_shows_every_row_as_often_as_asked():
    table = pd.DataFrame({"sequence": ["ACGT" * 12 + "AC"] * 10 + ["ACG" * 9] * 5, "target": "t", "label": 1.0})
    table["weight"], table["repeat"] = 1.0, [1] * 10 + [3] * 5
    examples = Examples(table, ["t"], 512, 500)
    seen = np.concatenate([rows for _, rows in examples.epoch(1, 0)])
    assert set(seen) == set(range(15))
    assert len(seen[seen < 10]) == 10
    assert len(seen[seen >= 10]) >= 15


def test_a_short_window_of_a_site_is_padded():
    rows = pd.DataFrame({"sequence": ["ACGGTCAA", "ACGGTCAAACGT"], "target": "t", "label": 1.0})
    rows = rows.assign(weight=1.0, repeat=1)
    examples = Examples(rows, ["t"], 12, 24, mask_share=1.0, kind="site")
    assert list(examples.unpadded) == [False, True]
    short, long = np.array([0] * 200), np.array([1] * 200)
    assert examples.batch(12, short, (0,)).padded and not examples.batch(12, long, (0,)).padded
    codes = examples.batch(12, short, (0,)).codes
    assert ((codes == alphabet.PAD) == (examples.codes[0] == alphabet.PAD)).all()  # no padding becomes a letter
    assert ((codes == alphabet.MASK).sum(axis=1) == 1).all() and (codes == alphabet.MASK).any(axis=0).sum() == 8


def test_near_copies_stay_in_one_split(data):
    copies = pd.read_csv(data / "a.csv")
    copies["utr"] = ["T" + sequence[:-1] for sequence in copies["utr"]]
    copies.to_csv(data / "a.csv", mode="a", header=False, index=False)
    table = build_table(read_recipe(data / "mini.toml"), data)
    assert set(table["split"]) == {"train", "valid", "test"}
    assert (table.groupby("group")["split"].nunique() == 1).all()
    first = table[table["source"] == "a.csv"]
    assert (first["group"][:200].to_numpy() == first["group"][200:].to_numpy()).all()


def test_rows_keep_their_numbers_where_some_are_left_out(data):
    whole = pd.read_csv(data / "b.csv.gz")
    kept = replace(read_recipe(data / "mini.toml").sources[1], keep="family % 2 == 1")
    table = build_table(replace(read_recipe(data / "mini.toml"), sources=(kept,)), data)
    assert list(table["row"][:5]) == [4, 5, 6, 7, 12]
    assert list(whole["utr"][table["row"]]) == list(table["sequence"])


def test_known_sequences_may_be_written_in_another_way(data):
    other = pd.read_csv(data / "a.csv")[:50]
    other.assign(utr=other["utr"].str.lower().str.replace("t", "u")).to_csv(data / "known.csv", index=False)
    known = replace(read_recipe(data / "mini.toml").sources[0], known="known.csv")
    assert len(build_table(replace(read_recipe(data / "mini.toml"), sources=(known,)), data)) == 50


def test_an_empty_cell_is_no_group(data):
    table = pd.read_csv(data / "b.csv.gz")
    for column in (table["family"].astype(object), table["family"].astype(float)):
        table["family"] = column.where(table.index % 4 > 1)
        table.to_csv(data / "b.csv.gz", index=False)
        groups = build_table(read_recipe(data / "mini.toml"), data)["group"].to_numpy()[200:].reshape(50, 4)
        assert (groups[:, 2] == groups[:, 3]).all() and len(set(groups.ravel())) == 150


@pytest.mark.parametrize(
    ("field", "expression"),
    [
        ("label", "@__import__('os').getpid() * rl"),
        ("weight", "rl.__class__"),
        ("keep", "rl > @pd"),
        ("test", "utr.__len__() > 3"),
    ],
)
def test_an_expression_names_columns_alone(data, field, expression):
    source = replace(read_recipe(data / "mini.toml").sources[0], **{field: expression})
    with pytest.raises(InputError, match=r"a\.csv: .* @ and __ have no place in an expression"):
        build_table(replace(read_recipe(data / "mini.toml"), sources=(source,)), data)


@pytest.fixture
def own(tmp_path):
    """A user's table: two labels, one of them often missing, and a column of splits."""
    random = np.random.default_rng(1)
    sequences = ["".join(random.choice(list("ACGT"), 60)) for _ in range(120)]
    table = pd.DataFrame({"seq": sequences, "hours": [s.count("G") / 6 for s in sequences]})
    table["decay rate"] = np.where(np.arange(120) % 3, np.nan, table["hours"] * 2)
    table["part"] = ["test", "valid", *["train"] * 4] * 20
    table.to_csv(tmp_path / "own.tsv.gz", sep="\t", index=False)
    return tmp_path / "own.tsv.gz"


COLUMNS = {"sequence": "seq", "group": "", "split": "part", "unit": "h", "epochs": 1.0}


def test_a_table_of_ones_own_becomes_a_model(own, tmp_path):
    output, run = tmp_path / "own.onnx", tmp_path / "run"
    finetune_table(str(own), str(output), str(run), 1, "life", ("hours", "decay rate"), **COLUMNS)
    card = open_model(output).card
    assert card.columns[::3] == ["life_hours", "life_decay rate"]
    assert {target.unit for target in card.targets} == {"h"}
    assert (card.metrics["hours"]["n"], card.metrics["decay rate"]["n"]) == (20, 20)
    assert evaluate_file(str(output), None, str(run / "recipe.toml"), str(tmp_path), "test") == card.metrics
    kept = (run / "recipe.toml").read_text()
    longer = {**COLUMNS, "epochs": 2.0}
    with pytest.raises(InputError, match=r"another recipe \(epochs\)"):
        finetune_table(str(own), str(output), str(run), 1, "life", ("hours", "decay rate"), **longer)
    assert (run / "recipe.toml").read_text() == kept  # that of the run which lies there


@pytest.mark.parametrize(
    ("labels", "changed", "message"),
    [
        ((), {}, "at least one --label-column"),
        (("days",), {}, "no column 'days'; there are seq, hours"),
        (("hours",), {"split": "fold"}, "no column 'fold'; there are seq, hours"),
    ],
)
def test_a_table_that_does_not_fit(own, tmp_path, labels, changed, message):
    with pytest.raises(InputError, match=message):
        finetune_table(str(own), str(tmp_path / "x"), str(tmp_path / "run"), 1, "a", labels, **COLUMNS | changed)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("epochs = 2", "epoch = 2", "unknown key 'epoch'"),
        ('target = "varying"', 'target = "halflife"', "'halflife' of b.csv.gz is none of"),
        ('task = "mrl"', 'task = "x"', "task 'x' is none of"),
        ('group = "family"', 'group = "clan"', "no column 'clan'"),
        ('group = "family"', "family = -1.0", "family is -1.0 of b.csv.gz, below 0"),
        ('file = "a.csv"', 'file = "none.csv"', "none.csv"),
        ('group = "family"', "repeat = -1", "repeat is -1 of b.csv.gz, below 0"),
        ('group = "family"', "rank_scale = 0.0", "rank_scale is 0.0 of b.csv.gz, not above 0"),
        ('group = "family"', 'rank = "utr"', r"b\.csv\.gz: row 1: rank '[ACGT]+' is not a number of 0 or more"),
        ('group = "family"', 'keep = "rl > 99"', r"b\.csv\.gz: no row to use where rl > 99"),
        ('group = "family"', 'known = "a.csv"', r"b\.csv\.gz: no sequence of its rows is in a\.csv"),
        ("heads = 2", "heads = 3", "width 16 does not make 3 heads of an even width"),
        ('name = "mini"', 'name = ""', "the model's name is empty"),
        ('name = "mini"', 'name = "a\\tb"', r"'a\\tb_egfp_unmod' is too long or unprintable"),
    ],
)
def test_a_wrong_recipe_says_what_is_wrong(data, old, new, message):
    (data / "mini.toml").write_text(RECIPE.replace(old, new))
    with pytest.raises(InputError, match=message):
        build_table(read_recipe(data / "mini.toml"), data)


def test_a_label_that_is_no_number(data):
    (data / "a.csv").write_text("utr,rl\nACGT,1.5\nACGT,high\n")
    with pytest.raises(InputError, match=r"row 2: label 'high' is not a number"):
        build_table(read_recipe(data / "mini.toml"), data)


def test_no_checkpoint_to_export(data):
    with pytest.raises(InputError, match="no such checkpoint"):
        export_checkpoint(str(data / "mini.toml"), str(data), str(data / "x.onnx"), str(data / "none"))
