"""What teachers say: labels drawn towards their mean, and random sequences that they label.

Distillation (Hinton et al. 2015, arXiv:1503.02531; Furlanello et al. 2018, arXiv:1805.04770).
"""

from pathlib import Path

import numpy as np
import pandas as pd

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.evaluate import predict_labels
from utrlm.files import written
from utrlm.recipe import Recipe
from utrlm.training import parallel

KEPT = "teachers.npy"


def teach(table: pd.DataFrame, recipe: Recipe, folder: Path) -> pd.DataFrame:
    """The table with training labels drawn towards the teachers' mean, which is less noisy than one measurement.

    With `pseudo`, rows of random sequences follow, whose label is that mean. What the teachers say is kept in
    `folder`, so that a continued run does not ask them again.

    Raises:
        InputError: a teacher cannot be used, or the recipe asks for random sequences of what is no scalar.
    """
    if recipe.pseudo and (not recipe.teachers or recipe.trained.kind != "scalar"):
        raise InputError(f"{recipe.name}: pseudo needs teachers, and a task of scalars")
    if not recipe.teachers:
        return table
    drawn = draw_rows(table[table["split"] == "train"], recipe.pseudo, recipe.seed)
    table = pd.concat([table, drawn], ignore_index=True)
    train_rows = (table["split"] == "train").to_numpy()
    kept = folder / KEPT
    with parallel.first_alone():
        if not kept.exists():
            said = [predict_labels(teacher, table[train_rows])["predicted"] for teacher in recipe.teachers]
            with written(str(kept)) as beside, open(beside, "wb") as file:
                np.save(file, np.mean(said, axis=0))
    told = np.load(kept)
    if len(told) != train_rows.sum():
        raise InputError(f"{kept}: of a run with other tables; --restart begins anew")
    share = np.full(len(told), recipe.teacher_share)
    share[len(told) - len(drawn) :] = 1
    label = table["label"].to_numpy(copy=True)
    label[train_rows] += share * (told - label[train_rows])
    return table.assign(label=label)


def draw_rows(train_rows: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Random sequences, as long as random training rows and of their target, weighing what that target's rows do."""
    random = np.random.default_rng(seed)
    models = train_rows.iloc[random.integers(len(train_rows), size=count)]
    weight = train_rows.groupby("target")["weight"].mean()
    letters = np.array(list(alphabet.LETTERS))
    sequences = ["".join(random.choice(letters, size=len(one))) for one in models["sequence"]]
    return models.assign(
        sequence=sequences,
        label=0.0,
        weight=models["target"].map(weight),
        repeat=1,
        source="random",
        row=np.arange(count),
        group=-1,
    )
