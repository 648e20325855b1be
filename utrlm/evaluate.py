"""Scores of an exported model, through the very code that users predict with."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from utrlm import alphabet, metrics
from utrlm.errors import InputError
from utrlm.fasta import Record
from utrlm.predict import Predictor
from utrlm.recipe import read_recipe
from utrlm.table import build_table


def evaluate_file(model: str, recipe: str, data: str, split: str) -> dict[str, Any]:
    """Scores a target: number of rows, metrics, bootstrap 95 % intervals of R2 and Spearman.

    Raises:
        InputError: the model, the recipe or a table cannot be used.
    """
    table = build_table(read_recipe(Path(recipe)), Path(data))
    return evaluate(model, table[table["split"] == split])


def evaluate(model: str, table: pd.DataFrame) -> dict[str, Any]:
    """Scores a target of a table as `table.build_table` makes it."""
    table = table.assign(predicted=predict_labels(model, table))
    return {
        str(target): score(part["label"].to_numpy(), part["predicted"].to_numpy(), part["group"].to_numpy())
        for target, part in table.groupby("target")
    }


def predict_labels(model: str, table: pd.DataFrame) -> np.ndarray:
    """A model's prediction of every row's own target. (N,), natural units

    Raises:
        InputError: the model cannot be used, or lacks a target of the table.
    """
    predictor = Predictor(models=[model], device="cpu")
    card = predictor.models[0].card
    lacking = set(table["target"]) - {target.name for target in card.targets}
    if lacking:
        raise InputError(f"{model}: does not predict {', '.join(sorted(lacking))}")
    records = (Record(str(i), "", s, alphabet.encode(s)) for i, s in enumerate(table["sequence"]))
    predicted = np.full(len(table), np.nan)
    for row, target, values in zip(range(len(table)), table["target"], predictor.rows(records), strict=True):
        predicted[row] = values[f"{card.name}_{target}"]
    return predicted


def score(measured: np.ndarray, predicted: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """All scalar metrics, rounded. All (N,)"""
    values: dict[str, Any] = {"n": len(measured)}
    for name, metric in metrics.SCALAR.items():
        values[name] = round(metric(measured, predicted), 4)
    for name in ("R2", "spearman"):
        low, high = metrics.bootstrap(measured, predicted, groups, name)
        values[f"{name}_95"] = [round(low, 4), round(high, 4)]
    return values
