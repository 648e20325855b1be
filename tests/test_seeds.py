"""Several seeds, teachers, and what lies beside an exported model."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from utrlm.evaluate import predict_labels
from utrlm.models import open_model, sha256
from utrlm.recipe import read_recipe
from utrlm.table import build_table
from utrlm.training import finetune as training
from utrlm.training.ensemble import members
from utrlm.training.export import digest, notes
from utrlm.training.finetune import finetune_file
from utrlm.training.finish import trained_model
from utrlm.training.report import meaning

from .mini import RECIPE

pytestmark = pytest.mark.usefixtures("eager")


def test_several_seeds_become_one_file_with_its_cards(data):
    text = RECIPE.replace("epochs = 4", "epochs = 1").replace(
        'target = "egfp', 'terms = "GPL-3.0 (x/y)"\ntarget = "egfp'
    )
    (data / "mini.toml").write_text(text)
    output = data / "mini.onnx"
    finetune_file(str(data / "mini.toml"), str(data), str(output), str(data / "run"), 1, seeds=2)
    recipe = replace(read_recipe(data / "mini.toml"), seeds=2)
    table = build_table(recipe, data)
    one, two = (trained_model(member, table, place) for member, place in members(recipe, data / "run"))
    assert not torch.equal(one.head.out.weight, two.head.out.weight)
    codes = torch.randint(2, 6, (3, 30), generator=torch.Generator().manual_seed(0))
    letters = np.array(list("ACGT"))
    rows = pd.DataFrame({"sequence": ["".join(letters[one.numpy() - 2]) for one in codes], "target": "egfp_unmod"})
    with torch.no_grad():
        mean = (one(codes)[0][:, 0] + two(codes)[0][:, 0]) / 2
    said = predict_labels(str(output), rows)
    with torch.no_grad():
        apart = (one(codes)[0][:, 0] - two(codes)[0][:, 0]).abs() / 2
    assert apart.min() > 1e-3  # so that either alone would be seen
    assert np.allclose(said["predicted"], mean.numpy(), atol=5e-4, rtol=0)  # the file holds half precision
    assert (said["low"] < said["high"]).all()
    card = json.loads((data / "mini.card.json").read_text())
    assert [run["name"] for run in card["runs"]] == ["seed1", "seed2"]
    assert card["card"]["metrics"] == open_model(output).card.metrics
    assert sum(card["sources"][0]["rows"].values()) == 60
    text = (data / "mini.card.md").read_text()
    assert "mean of 2 models" in text and "copyleft" in text and "R2" in text
    assert (data / "mini.curve.png").read_bytes().startswith(b"\x89PNG")
    split = pd.read_csv(data / "mini.split.tsv.gz", sep="\t")
    pd.testing.assert_frame_equal(split, table[list(split)], check_dtype=False)
    assert list(split) == ["source", "row", "target", "group", "split"]
    assert set(split["split"]) == {"train", "valid", "test"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [({}, "Trained for 4 epochs"), ({"epochs": 1}, "for 1 epoch from"), ({"patience": 2}, "for at most 4 epochs")],
)
def test_how_long_it_was_trained(settings, said, data):
    assert said in notes(replace(read_recipe(data / "mini.toml"), **settings))


def test_the_digest_of_one_table_is_that_of_its_file(data):
    assert len(read_recipe(data / "mini.toml").sources) == 2  # of one file
    assert digest(read_recipe(data / "mini.toml"), data) == sha256(data / "a.csv")


def test_distilled_members_are_the_teachers(data, monkeypatch):
    asked = []

    def export_member(recipe, data, table, folder, output):
        asked.append((recipe.seed, folder.name))
        output.touch()

    monkeypatch.setattr(training, "export_model", export_member)
    recipe = replace(read_recipe(data / "mini.toml"), seeds=3, distil=True, seed=5)
    for _ in range(2):
        taught = training.taught_by(recipe, members(recipe, data), data)
    assert taught.teachers == tuple(str(data / f"seed{n}.onnx") for n in (5, 6, 7))
    assert asked == [(5, "seed5"), (6, "seed6"), (7, "seed7")]  # each is exported once


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ("GPL-3.0 (a/b)", "copyleft"),
        ("MIT (kipoi/models)", "free to use"),
        ("research use (x/y)", "commercial"),
        ("unstated (permitted/unlimited)", "no licence"),
        ("CC BY-NC 4.0", "no commercial use"),
        ("by agreement with the submitter", "read these terms"),
        ("", "you know"),
    ],
)
def test_terms_are_told_in_plain_words(terms, said):
    assert said in meaning(terms)
