"""A model in miniature through the whole way: tables, training, interruption, export, prediction, scores."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
import pytest
import torch

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.evaluate import evaluate_file, predict_labels
from utrlm.models import DIGESTS, WEIGHTS, open_model, sha256
from utrlm.recipe import read_recipe
from utrlm.table import build_table, group_by_kmers
from utrlm.training import loop
from utrlm.training.data import Examples, pad
from utrlm.training.export import SMALL
from utrlm.training.finetune import export_checkpoint, finetune, finetune_file, finetune_table, new_model, teach
from utrlm.training.heads import ScalarModel
from utrlm.training.model import PRESETS, BackboneConfig
from utrlm.training.pretrain import find_backbone, load_backbone

RECIPE = """
name = "mini"
task = "mrl"
description = "for tests"
epochs = 2
layers = 1
width = 16
heads = 2
feedforward = 16
batch_tokens = 1600
warmup = 2
[[sources]]
file = "a.csv"
target = "egfp_unmod"
[[sources]]
file = "b.csv.gz"
target = "varying"
group = "family"
"""


@pytest.fixture
def data(tmp_path):
    """Two tables whose label is the share of G, and a recipe."""
    random = np.random.default_rng(0)
    for name, low, high in (("a.csv", 50, 51), ("b.csv.gz", 25, 100)):
        sequences = ["".join(random.choice(list("ACGT"), random.integers(low, high))) for _ in range(200)]
        labels = [10 * s.count("G") / len(s) for s in sequences]
        table = pd.DataFrame({"utr": sequences, "rl": labels, "family": np.arange(200) // 4})
        table.to_csv(tmp_path / name, index=False)
    (tmp_path / "mini.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Compiling takes longer than these trainings."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)


def test_table_to_onnx_to_scores(data):
    recipe, output = str(data / "mini.toml"), str(data / "mini.onnx")
    finetune_file(recipe, str(data), output, str(data / "run"), 1)
    card = open_model(Path(output)).card
    assert card.columns[:4] == ["mini_egfp_unmod", "mini_egfp_unmod_low", "mini_egfp_unmod_high", "mini_varying"]
    assert (card.shortest, card.longest) == (25, 99)
    scores = evaluate_file(output, None, recipe, str(data), "test")
    assert scores == card.metrics
    log = [json.loads(line) for line in (data / "run/log.jsonl").read_text().splitlines()]
    assert [line for line in log if "loss" in line][-1]["step"] == log[-1]["step"]


def test_learned_weights_are_kept_in_half_precision(data):
    finetune_file(str(data / "mini.toml"), str(data), str(data / "x.onnx"), str(data / "run"), 1)
    tensors = [one for one in onnx.load(data / "x.onnx").graph.initializer if not one.name.startswith("spread")]
    kept = [onnx.numpy_helper.to_array(one) for one in tensors]
    floats = [one for one in kept if one.dtype.kind == "f" and one.size >= SMALL]
    assert floats
    assert {one.dtype for one in floats} == {np.dtype("float16")}


def test_an_interrupted_run_ends_in_the_same_weights(data, monkeypatch):
    recipe = read_recipe(data / "mini.toml")
    whole = finetune(recipe, data, data / "whole", 1)
    steps = 0

    def stop_after_three(*arguments):
        nonlocal steps
        steps += 1
        if steps == 4:
            raise KeyboardInterrupt
        return real(*arguments)

    real = loop.learning_rate
    monkeypatch.setattr(loop, "learning_rate", stop_after_three)
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    with pytest.raises(KeyboardInterrupt):
        finetune(recipe, data, data / "broken", 1)
    monkeypatch.setattr(loop, "learning_rate", real)
    continued = finetune(recipe, data, data / "broken", 1)
    for one, two in zip(whole.parameters(), continued.parameters(), strict=True):
        assert torch.equal(one, two)


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


def test_near_copies_stay_in_one_split(data):
    copies = pd.read_csv(data / "a.csv")
    copies["utr"] = ["T" + sequence[:-1] for sequence in copies["utr"]]
    copies.to_csv(data / "a.csv", mode="a", header=False, index=False)
    table = build_table(read_recipe(data / "mini.toml"), data)
    assert set(table["split"]) == {"train", "valid", "test"}
    assert (table.groupby("group")["split"].nunique() == 1).all()
    first = table[table["source"] == "a.csv"]
    assert (first["group"][:200].to_numpy() == first["group"][200:].to_numpy()).all()


def test_groups_by_kmer():
    assert list(group_by_kmers(["AAAACCCC", "CCCCGGGG", "TTTTTTTT"], 4)) == [0, 0, 1]


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


@pytest.mark.parametrize(
    ("labels", "changed", "message"),
    [
        ((), {}, "at least one --label-column"),
        (("days",), {}, "no column 'days'; there are seq, hours"),
        (("hours",), {"split": "fold"}, "query \"`fold` == 'valid'\""),
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
        ('file = "a.csv"', 'file = "none.csv"', "none.csv"),
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


def test_teachers_move_training_labels_alone(data):
    teacher = str(data / "teacher.onnx")
    finetune_file(str(data / "mini.toml"), str(data), teacher, str(data / "first"), 1)
    taught = replace(read_recipe(data / "mini.toml"), teachers=(teacher, teacher), teacher_share=0.25)
    (data / "run").mkdir()
    table = build_table(taught, data)
    after = teach(table, taught, data, data / "run")
    said = predict_labels(teacher, table)["predicted"]
    train_rows = table["split"] == "train"
    wanted = (0.75 * table["label"] + 0.25 * said).where(train_rows, table["label"])
    assert np.allclose(after["label"], wanted)
    assert not np.allclose(after["label"], table["label"])
    (data / "teacher.onnx").unlink()  # what it said is kept
    assert teach(table, taught, data, data / "run").equals(after)


def test_a_teacher_without_the_target_is_refused(data):
    finetune_table(
        str(data / "a.csv"), str(data / "own.onnx"), str(data / "own"), 1, "own", ("rl",),
        sequence="utr", group="", split="", unit="", epochs=1,
    )  # fmt: skip
    taught = replace(read_recipe(data / "mini.toml"), teachers=(str(data / "own.onnx"),))
    with pytest.raises(InputError, match="does not predict egfp_unmod, varying"):
        teach(build_table(taught, data), taught, data, data)


def test_a_model_starts_from_another_ones_backbone(data, own, tmp_path):
    run, backbone = str(data / "run"), data / "b.safetensors"
    finetune_file(str(data / "mini.toml"), str(data), str(data / "first.onnx"), run, 1)
    export_checkpoint(str(data / "mini.toml"), str(data), str(data / "first.onnx"), run, str(backbone))
    recipe = replace(read_recipe(data / "mini.toml"), backbone=str(backbone), layers=3)
    rows = build_table(recipe, data)
    started, saved = new_model(recipe, rows).backbone, load_backbone(backbone)
    assert started.config.layers == 1  # the backbone's shape, not the recipe's
    for name, weight in saved.state_dict().items():
        assert torch.equal(started.state_dict()[name], weight)
    output = tmp_path / "own.onnx"
    finetune_table(str(own), str(output), str(tmp_path / "o"), 1, "l", ("hours",), **COLUMNS, backbone=str(backbone))
    assert "from the backbone b.safetensors" in open_model(output).card.notes


def test_shipped_backbones_have_their_shapes():
    assert load_backbone(find_backbone("mrl")).config == BackboneConfig(layers=4)
    assert load_backbone(find_backbone("backbone-tiny")).config == PRESETS["tiny"]
    with pytest.raises(InputError, match="nowhere"):
        load_backbone(find_backbone("nowhere.safetensors"))


def test_every_shipped_file_has_its_digest():
    lines = DIGESTS.read_text().splitlines()
    files = [*WEIGHTS.glob("*.onnx"), *WEIGHTS.glob("*.safetensors")]
    assert sorted(f"{sha256(file)}  {file.name}" for file in files) == sorted(lines)


CHILD = """
import sys, torch
from pathlib import Path
from utrlm.recipe import read_recipe
from utrlm.training import loop
from utrlm.training.finetune import finetune
torch.compile = lambda function, **_: function
loop.CHECKPOINT_SECONDS = 0  # after every step
data = Path(sys.argv[1])
finetune(read_recipe(data / "mini.toml"), data, data / "killed", 1)
"""


def test_a_killed_run_ends_in_the_same_weights(data):
    """SIGKILL, which nothing can catch, at whatever moment it falls."""
    (data / "mini.toml").write_text(RECIPE.replace("epochs = 2", "epochs = 20"))
    recipe, checkpoint = read_recipe(data / "mini.toml"), data / "killed/checkpoint.pt"
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(data)])
    while not checkpoint.exists():
        assert child.poll() is None, "the child ended before its first checkpoint"
        time.sleep(0.01)
    child.kill()
    assert child.wait() == -signal.SIGKILL
    left = torch.load(checkpoint, weights_only=True)["step"]
    whole = finetune(recipe, data, data / "whole", 1)
    assert 0 < left < torch.load(data / "whole/checkpoint.pt", weights_only=True)["step"]
    continued = finetune(recipe, data, data / "killed", 1)
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, continued.state_dict()[name]), name
