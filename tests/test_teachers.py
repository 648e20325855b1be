"""Labels that are mixed with what teachers say."""

from dataclasses import replace

import numpy as np
import pytest

from utrlm.errors import InputError
from utrlm.evaluate import predict_labels
from utrlm.recipe import read_recipe
from utrlm.table import build_table
from utrlm.training.finetune import finetune_file, finetune_table
from utrlm.training.teachers import teach

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


def test_a_teacher_without_the_target_is_refused(data):
    finetune_table(
        str(data / "a.csv"), str(data / "own.onnx"), str(data / "own"), 1, "own", ("rl",),
        sequence="utr", group="", split="", unit="", epochs=1,
    )  # fmt: skip
    taught = replace(read_recipe(data / "mini.toml"), teachers=(str(data / "own.onnx"),))
    with pytest.raises(InputError, match="does not predict egfp_unmod, varying"):
        teach(build_table(taught, data), taught, data, data)
