"""Scores of an exported model, through the very code that users predict with."""

from collections.abc import Generator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from utrlm import alphabet, metrics
from utrlm.errors import InputError
from utrlm.fasta import Record
from utrlm.files import make_folder
from utrlm.models import open_model
from utrlm.pairs import parse_structure, score_pairs
from utrlm.predict import Predictor
from utrlm.recipe import read_recipe
from utrlm.table import build_table, read_table

FOLD_COLUMNS = ["source", "row", "target", "fold", "predicted", "low", "high"]


def evaluate_file(
    model: str | None, folds: str | None, recipe: str, data: str, split: str, plots: str | None = None, cpus: int = 0
) -> dict[str, Any]:
    """Scores a target: number of rows, metrics, bootstrap 95 % intervals.

    Of a model on one split, or of the out-of-fold predictions that a recipe with folds left in a file. `plots`: a
    folder for drawings, made if missing.

    Raises:
        InputError: the model, the predictions, the recipe or a table cannot be used, or the folder cannot be made; no
            row is of that split; or the model is of another kind than the recipe's.
    """
    if (model is None) == (folds is None):
        raise InputError("give either --model FILE or --folds FILE")
    folder = None
    if plots is not None:  # what is wrong with it, or the extra that it needs missing, is said before the work
        from utrlm import score_plots  # noqa: F401

        folder = make_folder(plots)
    read = read_recipe(Path(recipe))
    if model is not None and (kind := open_model(Path(model), "cpu").card.kind) != read.asked.kind:
        raise InputError(f"{model}: a model of kind {kind}, and {recipe} is for {read.asked.kind}")
    table = build_table(read, Path(data))
    if folds is not None:
        return evaluate_folds(folds, table, folder)
    rows = table[table["split"] == split]
    if rows.empty:
        raise InputError(f"{recipe}: no row is of split {split!r}; try {', '.join(sorted(set(table['split'])))}")
    return evaluate(str(model), rows, folder, cpus)


def evaluate(model: str, table: pd.DataFrame, plots: Path | None = None, cpus: int = 0) -> dict[str, Any]:
    """Scores a target, or of structures a part, of a table as `table.build_table` makes it; draws into `plots`.

    `cpus`: workers; 0 means all that are granted.
    """
    if open_model(Path(model), "cpu").card.kind != "pairs":
        return score_table(pd.concat([table, predict_labels(model, table, cpus=cpus)], axis=1), plots)
    scores = evaluate_structures(model, table, cpus)
    if plots:
        from utrlm.score_plots import draw_families

        draw_families(scores, plots)
    return scores


def evaluate_folds(folds: str, table: pd.DataFrame, plots: Path | None = None) -> dict[str, Any]:
    """Scores a target of every row, each predicted by a model that saw none of its group; draws into `plots`.

    Raises:
        InputError: a file without those predictions, or of another table.
    """
    predicted, table = read_table(Path(folds)), table[table["repeat"] > 0]  # others split the rows alone
    if list(predicted.columns) != FOLD_COLUMNS:
        raise InputError(f"{folds}: its columns are not {', '.join(FOLD_COLUMNS)}")
    predicted = predicted.astype({"source": str, "target": str}).assign(row=pd.to_numeric(predicted["row"], "coerce"))
    both = table.merge(predicted, on=["source", "row", "target"])
    if not len(both) == len(table) == len(predicted):
        raise InputError(f"{folds}: {len(predicted)} predictions, of which {len(both)} fit the {len(table)} rows")
    return score_table(both, plots)


def score_table(table: pd.DataFrame, plots: Path | None = None) -> dict[str, Any]:
    """Scores a target; draws into `plots`.

    Columns sequence, target, binary, label, predicted, low, high, group, rank.
    """
    scores = {}
    for target, part in table.groupby("target"):
        columns = (part[name].to_numpy() for name in ("label", "predicted", "group"))
        scored = score(*columns, binary=bool(part["binary"].all()))
        scores[str(target)] = scored | score_ranks(part) | score_intervals(part.dropna(subset="low"))
    if plots:
        from utrlm.score_plots import draw_targets

        draw_targets(table, plots)
    return scores


def evaluate_structures(model: str, table: pd.DataFrame, cpus: int = 0) -> dict[str, Any]:
    """Precision, recall and F1 of base pairs, strict and with a slip of one, means over each part's sequences.

    Without and, where ViennaRNA is installed, with what thermodynamics says. Of a truncated sequence the
    pairs of letters that were not read count as missed.
    """
    scores: dict[str, Any] = {}
    for ending, fold in (("", False), (", with prior", True))[: 2 if find_spec("RNA") else 1]:
        predictor = Predictor(models=[model], device="cpu", cpus=cpus, fold=fold)
        column = predictor.models[0].card.columns[0]
        records = (Record(str(i), "", s, alphabet.encode(s)) for i, s in enumerate(table["sequence"]))
        told = [shifted_pairs(row[column], row["length"]) for row in predictor.rows(records)]
        for part, rows in table.assign(told=told).groupby("part"):
            scores[f"{part}{ending}"] = score_structures(rows)
    return scores


def shifted_pairs(structure: str, length: int) -> list[tuple[int, int]]:
    """Pairs of a structure of a sequence's last letters, counted from the sequence's first one."""
    first = length - len(structure)
    return [(i + first, j + first) for i, j in parse_structure(structure)]


def score_structures(rows: pd.DataFrame) -> dict[str, Any]:
    """Mean scores of columns structure (text) and told (pairs), with a bootstrap 95 % interval of F1."""
    real = [parse_structure(text) for text in rows["structure"]]
    strict, slipped = (
        np.array([score_pairs(one, two, slip) for one, two in zip(real, rows["told"], strict=True)]) for slip in (0, 1)
    )
    low, high = metrics.bootstrap_mean(strict[:, 2], rows["group"].to_numpy())
    values = dict(zip(("precision", "recall", "F1"), strict.mean(axis=0).round(4).tolist(), strict=True))
    return {
        "n": len(rows),
        **values,
        "F1_95": [round(low, 4), round(high, 4)],
        "F1_slip": round(slipped[:, 2].mean(), 4),
    }


def predict_labels(model: str, table: pd.DataFrame, device: str = "cpu", cpus: int = 0) -> pd.DataFrame:
    """A model's prediction of every row's own target: columns predicted, low, high, natural units.

    `low` and `high` are missing where the model gives no interval.

    Raises:
        InputError: the model cannot be used, or lacks a target of the table.
    """
    cells = list(label_cells(model, table, device, cpus))
    return pd.DataFrame(cells, index=table.index, columns=["predicted", "low", "high"], dtype=float)


def label_cells(
    model: str, table: pd.DataFrame, device: str = "cpu", cpus: int = 0
) -> Generator[list[float | None], None, None]:
    """As `predict_labels`, row by row as they come: the prediction and the ends of its interval, None where missing.

    Raises:
        InputError: the model cannot be used, or lacks a target of the table.
    """
    predictor = Predictor(models=[model], device=device, cpus=cpus)
    card = predictor.models[0].card
    lacking = set(table["target"]) - {target.name for target in card.targets}
    if lacking:
        raise InputError(f"{model}: does not predict {', '.join(sorted(lacking))}")
    records = (Record(str(i), "", s, alphabet.encode(s)) for i, s in enumerate(table["sequence"]))
    with closing(predictor.rows(records)) as rows:
        for target, row in zip(table["target"], rows, strict=True):
            yield [row.get(f"{card.name}_{target}{end}") for end in ("", "_low", "_high")]


def score(measured: np.ndarray, predicted: np.ndarray, groups: np.ndarray, binary: bool) -> dict[str, Any]:
    """All metrics of numbers or, where `binary`, of probabilities of what was measured as 0 or 1, each with its 95 %
    interval over groups; rounded. All (N,)

    Those that these rows do not tell, as where all labels are the same, are left out: JSON has no NaN.
    """
    chosen = metrics.BINARY if binary else metrics.SCALAR
    values: dict[str, Any] = {"n": len(measured)}
    for name, metric in chosen.items():
        value = metric(measured, predicted)
        if np.isnan(value):
            continue
        low, high = metrics.bootstrap(measured, predicted, groups, metric)
        values[name], values[f"{name}_95"] = round(value, 4), [round(low, 4), round(high, 4)]
    return values


def score_ranks(rows: pd.DataFrame) -> dict[str, Any]:
    """R2 by quarter of the rank, from the best measured rows to the worst.

    Columns binary, label, predicted, rank. {} of probabilities, of rows with one rank, and where a quarter's labels are
    all the same.
    """
    label, predicted = rows["label"].to_numpy(), rows["predicted"].to_numpy()
    parts = metrics.quarters(rows["rank"].to_numpy())
    if rows["binary"].all() or rows["rank"].nunique() < 2:
        return {}
    if min(len(np.unique(label[part])) for part in parts) < 2:
        return {}
    return {"R2_by_rank": [round(metrics.r2_score(label[part], predicted[part]), 4) for part in parts]}


def score_intervals(rows: pd.DataFrame) -> dict[str, Any]:
    """Share of rows within their interval, its mean width, and the share by quarter of the prediction and of rank.

    Columns label, predicted, low, high, group, rank; none of the rows without an interval. {} without rows.
    """
    if rows.empty:
        return {}
    inside = rows["label"].between(rows["low"], rows["high"]).to_numpy(dtype=float)
    low, high = metrics.bootstrap_mean(inside, rows["group"].to_numpy())
    values: dict[str, Any] = {
        "coverage": round(inside.mean(), 4),
        "coverage_95": [round(low, 4), round(high, 4)],
        "width": round(float((rows["high"] - rows["low"]).mean()), 4),
        "coverage_by_quarter": by_quarter(inside, rows["predicted"].to_numpy()),
    }
    if rows["rank"].nunique() > 1:
        values["coverage_by_rank"] = by_quarter(inside, rows["rank"].to_numpy())
    return values


def by_quarter(inside: np.ndarray, order: np.ndarray) -> list[float]:
    """Means of four equal parts, from the smallest of `order` to the largest. Both (N,)"""
    return [round(float(inside[part].mean()), 4) for part in metrics.quarters(order) if len(part)]
