"""Labels that are mixed with what teachers say, and sequences that they alone label."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from utrlm.errors import InputError
from utrlm.evaluate import predict_labels
from utrlm.recipe import read_recipe
from utrlm.recipe_parts import Drawn
from utrlm.table import build_table
from utrlm.training.finetune import finetune_file, finetune_table
from utrlm.training.teachers import ask, draw_rows, teach

pytestmark = pytest.mark.usefixtures("eager")


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


def test_a_table_may_have_teachers_of_its_own(data, monkeypatch):
    asked = []

    def say(teacher, rows):
        asked.append((teacher, set(rows["target"])))
        yield from [float(teacher)] * len(rows)

    def told(rows, recipe):
        (data / "told.npy").unlink(missing_ok=True)
        ask(rows, recipe, data / "told.npy")
        return np.load(data / "told.npy")

    monkeypatch.setattr("utrlm.training.teachers.say", say)
    plain = read_recipe(data / "mini.toml")
    first, second = plain.sources
    taught = replace(plain, teachers=("1", "2"), sources=(replace(first, teachers=("5",)), second))
    rows = pd.DataFrame({"target": [second.target, first.target, second.target], "sequence": "ACGT"}, index=[7, 3, 5])
    assert told(rows, taught).tolist() == [1.5, 5.0, 1.5]
    assert asked == [("1", {second.target}), ("2", {second.target}), ("5", {first.target})]
    assert np.isnan(told(rows, replace(taught, teachers=()))).tolist() == [True, False, True]
    table = build_table(plain, data)
    after = teach(table, replace(taught, teachers=(), teacher_share=1.0), data, data)
    moved = (table["target"] == first.target) & (table["split"] == "train")
    assert after["label"].equals(table["label"].where(~moved, 5.0))  # without a teacher as measured


def test_a_teacher_without_the_target_is_refused(data):
    finetune_table(
        str(data / "a.csv"), str(data / "own.onnx"), str(data / "own"), 1, "own", ("rl",),
        sequence="utr", group="", split="", unit="", epochs=1,
    )  # fmt: skip
    taught = replace(read_recipe(data / "mini.toml"), teachers=(str(data / "own.onnx"),))
    with pytest.raises(InputError, match="does not predict egfp_unmod, varying"):
        teach(build_table(taught, data), taught, data, data)


@pytest.fixture
def drawing(data, monkeypatch):
    """A recipe that draws random sequences and windows, whose teacher counts A; and its table."""

    monkeypatch.setattr("utrlm.training.teachers.say", lambda _, rows: (one.count("A") for one in rows["sequence"]))
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
