"""What teachers say: labels drawn towards their mean, and drawn sequences that they label.

Distillation (Hinton et al. 2015, arXiv:1503.02531; Furlanello et al. 2018, arXiv:1805.04770).
"""

import hashlib
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.evaluate import label_cells
from utrlm.files import written
from utrlm.groups import kmers_of
from utrlm.recipe import Recipe
from utrlm.recipe_parts import Drawn
from utrlm.table import read_table
from utrlm.training import parallel
from utrlm.training.parts import computed

KEPT = "teachers.npy"


def teach(table: pd.DataFrame, recipe: Recipe, data: Path, folder: Path) -> pd.DataFrame:
    """The table with training labels drawn towards the teachers' mean, which is less noisy than one measurement.

    A target without a teacher keeps its labels, and structures have no other. The rows that the recipe draws follow;
    their label is that mean. What the teachers say is kept in `folder`, so that a continued run does not ask again.

    Raises:
        InputError: a teacher cannot be used, or a file to draw from below `data` has nothing to draw.
    """
    if recipe.trained.kind == "pairs":  # their teacher is thermodynamics, see `pairing.PairExamples`
        return pd.concat([table, draw_rows(table, recipe, data)], ignore_index=True) if recipe.drawn else table
    if not any(recipe.teachers_of(target.name) for target in recipe.trained.targets):
        return table
    drawn = draw_rows(table, recipe, data)
    table = pd.concat([table, drawn], ignore_index=True)
    train_rows = (table["split"] == "train").to_numpy()
    kept = folder / KEPT
    with parallel.first_alone():
        if not kept.exists():
            ask(table[train_rows], recipe, kept)
    told = np.load(kept)
    if len(told) != train_rows.sum():
        raise InputError(f"{kept}: of a run with other tables; --restart begins anew")
    share = np.full(len(told), recipe.teacher_share)
    share[len(told) - len(drawn) :] = 1
    label = table["label"].to_numpy(copy=True)
    label[train_rows] += np.where(np.isnan(told), 0.0, share * (told - label[train_rows]))
    return table.assign(label=label)


def ask(rows: pd.DataFrame, recipe: Recipe, kept: Path) -> None:
    """Keep the mean of what the teachers of a row's target predict; missing where it has none. (N,)

    Raises:
        InputError: a teacher cannot be used, or lacks a target.
    """
    lessons = {target: recipe.teachers_of(target) for target in rows["target"].unique()}
    asked = []  # rows and their teachers
    for teachers in dict.fromkeys(lessons.values()):
        chosen = rows["target"].isin([target for target, some in lessons.items() if some == teachers]).to_numpy()
        asked += [(chosen, teachers)] if teachers else []
    one_by_one = [(teacher, rows[chosen]) for chosen, teachers in asked for teacher in teachers]
    text = "\n".join([*(teacher for teacher, _ in one_by_one), *rows["target"], *rows["sequence"]])
    digest = hashlib.sha256(text.encode()).hexdigest()
    with computed(kept, digest, lambda first: say_all(one_by_one, first)) as said:
        told, flat = np.full(len(rows), np.nan), np.array(said)
        for chosen, teachers in asked:
            mine, flat = np.split(flat, [len(teachers) * chosen.sum()])
            told[chosen] = mine.reshape(len(teachers), -1).mean(axis=0)
        with written(str(kept)) as beside, open(beside, "wb") as file:
            np.save(file, told)


def say_all(asked: list[tuple[str, pd.DataFrame]], first: int) -> Generator[float, None, None]:
    """What teachers predict, one after the other, each of its own rows; without the `first` predictions of all."""
    for teacher, rows in asked:
        if first < len(rows):
            yield from say(teacher, rows[first:])
        first = max(0, first - len(rows))


def say(teacher: str, rows: pd.DataFrame) -> Generator[float, None, None]:
    """What a teacher predicts of every row's own target, natural units.

    Raises:
        InputError: it cannot be used, or lacks a target.
    """
    with closing(label_cells(teacher, rows, "auto")) as cells:
        for value, *_ in cells:
            yield np.nan if value is None else float(value)


def draw_rows(table: pd.DataFrame, recipe: Recipe, data: Path) -> pd.DataFrame:
    """Rows without a label: as long as random training rows of their target, weighing what those do on average.

    None shares `recipe.kmer` letters in a row with what is held out, so that the scores stay those of unseen
    sequences, although no label of theirs could come in this way.
    """
    random = np.random.default_rng(recipe.seed)
    kept = table[table["split"] != "train"]
    forbidden = {word for one in kept["sequence"] for word in kmers_of(one, recipe.kmer).tolist()}
    parts = [table[:0]]
    for drawn in recipe.drawn:
        models = table[(table["split"] == "train") & (table["target"] == drawn.target)]
        lengths = models["sequence"].str.len().to_numpy()[random.integers(len(models), size=drawn.count)]
        texts = draw_windows(drawn, data, lengths, random) if drawn.file else draw_letters(lengths, random)
        sequences = [one for one in texts if forbidden.isdisjoint(kmers_of(one, recipe.kmer).tolist())]
        rows = {"sequence": sequences, "target": drawn.target, "weight": models["weight"].mean(), "split": "train"}
        rows |= {"source": drawn.file or "random", "row": range(len(sequences)), "group": -1, "repeat": 1}
        rows |= {"label": 0.0, "measured": 0.0, "family": 0.0}
        parts.append(pd.DataFrame(rows))
    return pd.concat(parts, ignore_index=True)


def draw_letters(lengths: np.ndarray, random: np.random.Generator) -> list[str]:
    """Random sequences of these lengths."""
    letters = np.array(list(alphabet.LETTERS))
    return ["".join(random.choice(letters, size=length)) for length in lengths]


def draw_windows(drawn: Drawn, data: Path, lengths: np.ndarray, random: np.random.Generator) -> list[str]:
    """Windows of these lengths of a table's sequences, each as likely as any; a shorter sequence gives none."""
    path = data / drawn.file
    raw = read_table(path)
    if drawn.sequence not in raw:
        raise InputError(f"{path}: no column {drawn.sequence!r}")
    texts = raw[drawn.sequence].astype(str).str.upper().str.replace("U", "T")
    for row, text in enumerate(texts, start=1):
        alphabet.encode(text, f"{path}: row {row}")  # what is no nucleotide is told with its place
    texts = [one for one in texts if len(one) >= lengths.max()]
    if not texts:
        raise InputError(f"{path}: no sequence has {lengths.max()} letters, so there is no window to draw")
    whole = np.array([len(one) for one in texts])
    chosen = random.choice(len(texts), size=len(lengths), p=whole / whole.sum())
    starts = random.integers(whole[chosen] - lengths + 1)
    return [texts[i][at : at + length] for i, at, length in zip(chosen, starts, lengths, strict=True)]
