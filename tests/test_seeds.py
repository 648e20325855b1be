"""Several seeds, teachers, and what lies beside an exported model."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from utrlm.errors import InputError
from utrlm.evaluate import predict_labels
from utrlm.models import open_model
from utrlm.recipe import Drawn, read_recipe
from utrlm.table import build_table
from utrlm.training import finetune as training
from utrlm.training.ensemble import members
from utrlm.training.finetune import finetune_file
from utrlm.training.finish import trained_model
from utrlm.training.report import meaning
from utrlm.training.teachers import draw_rows, teach

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
    assert np.allclose(said["predicted"], mean.numpy(), atol=1e-4)
    assert (said["low"] < said["high"]).all()
    card = json.loads((data / "mini.card.json").read_text())
    assert [run["name"] for run in card["runs"]] == ["seed1", "seed2"]
    assert card["card"]["metrics"] == open_model(output).card.metrics
    assert sum(card["sources"][0]["rows"].values()) == 60
    text = (data / "mini.card.md").read_text()
    assert "mean of 2 models" in text and "copyleft" in text and "R2" in text
    assert (data / "mini.curve.png").read_bytes().startswith(b"\x89PNG")


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


@pytest.fixture
def drawing(data, monkeypatch):
    """A recipe that draws random sequences and windows, whose teacher counts A; and its table."""

    def say(teacher, rows, device):
        return pd.DataFrame({"predicted": rows["sequence"].str.count("A").to_numpy(dtype=float)})

    monkeypatch.setattr("utrlm.training.teachers.predict_labels", say)
    drawn = (Drawn("varying", 50), Drawn("egfp_unmod", 30, "genes.csv", "rna"))
    recipe = replace(read_recipe(data / "mini.toml"), teachers=("t.onnx",), teacher_share=0.25, drawn=drawn)
    table = build_table(recipe, data)
    held = table.loc[table["split"] != "train", "sequence"].iloc[0]
    genes = ["acgu" * 40, "G" * 200, held]
    pd.DataFrame({"rna": genes}).to_csv(data / "genes.csv", index=False)
    return recipe, table, held


def test_drawn_sequences_are_labelled_by_the_teachers(data, drawing):
    recipe, table, held = drawing
    taught = teach(table, recipe, data, data)
    drawn = taught[len(table) :]
    assert set(drawn["split"]) == {"train"}
    assert (drawn["label"] == drawn["sequence"].str.count("A")).all()
    assert taught[: len(table)][["sequence", "split"]].equals(table[["sequence", "split"]])
    letters, windows = drawn[drawn["target"] == "varying"], drawn[drawn["target"] == "egfp_unmod"]
    assert len(letters) == 50 and not set(letters["sequence"]) & set(table["sequence"])
    assert 0 < len(windows) <= 30
    assert all(one in "ACGT" * 40 or set(one) == {"G"} for one in windows["sequence"])
    assert held not in set(drawn["sequence"])  # a window that is held out is not learned from
    with pytest.raises(InputError, match="of a run with other tables"):
        teach(table, replace(recipe, drawn=recipe.drawn[:1]), data, data)
    assert draw_rows(table, recipe, data).equals(draw_rows(table, recipe, data))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("rna\nACGT\n", "genes.csv: no sequence has \\d+ letters"),
        ("utr\nACGT\n", "genes.csv: no column 'rna'"),
        ("rna\nACGT\nACXGT\n", "genes.csv: row 2: letter 'X' at position 3"),
    ],
)
def test_nothing_to_draw_windows_of(data, drawing, table, message):
    (data / "genes.csv").write_text(table)
    with pytest.raises(InputError, match=message):
        draw_rows(drawing[1], drawing[0], data)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('target = "varying"\ncount = 5', "needs teachers"),
        ('target = "other"\ncount = 5', "target 'other', which is none of egfp_unmod, varying"),
        ('target = "varying"\ncount = 0', "count is 0, below 1"),
        ('target = "varying"', "count"),
    ],
)
def test_a_wrong_drawing_says_what_is_wrong(data, text, message):
    recipe = (data / "mini.toml").read_text()
    if "teachers" not in message:
        recipe = 'teachers = ["t.onnx"]\n' + recipe
    (data / "mini.toml").write_text(f"{recipe}\n[[drawn]]\n{text}\n")
    with pytest.raises(InputError, match=message):
        read_recipe(data / "mini.toml")


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
