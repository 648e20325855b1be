"""Drawings of what scores do not tell: where a model is wrong, and how far its intervals hold.

Needs matplotlib (extra `plots`). Every figure is written as SVG and as PNG and let go before the next is made; rows are
counted into hexagons, so that a drawing of a million of them is no larger than one of a thousand.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from utrlm import alphabet, metrics
from utrlm.card import COVERAGE
from utrlm.plots import save
from utrlm.uorf import find_uorfs, plain

FORMATS = ("svg", "png")
BINS = 10
MOST_UAUGS = 4  # counted one by one; more are one bin
BAND = (0.1, 0.9)  # quantiles of the residuals that a band spans
HEXAGONS = 50  # across a drawing


def draw_targets(table: pd.DataFrame, folder: Path) -> None:
    """Calibration, prediction against measurement, and residuals of every target.

    Columns sequence, target, binary, label, predicted, low, high, group, rank. Files `<target>.<drawing>.svg` and
    `.png`; no calibration of numbers without intervals.
    """
    for target, rows in table.groupby("target"):
        binary = bool(rows["binary"].all())
        figures = {
            "calibration": draw_reliability if binary else draw_coverage,
            "predicted": draw_probabilities if binary else draw_predicted,
            "residuals": draw_residuals,
        }
        for name, draw in figures.items():
            _write(folder, f"{target}.{name}", draw, rows, str(target))


def draw_families(scores: dict[str, Any], folder: Path) -> None:
    """Files `families.svg` and `.png`: F1 of base pairs a part, as `evaluate.evaluate_structures` scores them."""
    _write(folder, "families", _draw_f1, scores)


def _write(folder: Path, name: str, draw: Callable[..., Figure | None], *arguments: Any) -> None:
    """Draw and save in each format; a target's name may hold letters that no file's name may."""
    figure = draw(*arguments)
    for form in FORMATS if figure else ():
        save(figure, str(folder / f"{quote(name, safe=' ')}.{form}"))  # type: ignore[arg-type]


def draw_coverage(rows: pd.DataFrame, target: str) -> Figure | None:
    """Share of measurements within their interval, by quarter of the prediction and of the rank; None without any."""
    rows = rows.dropna(subset="low")
    if rows.empty:
        return None
    orders = {"predicted": "quarter of the prediction, low to high"}
    if rows["rank"].nunique() > 1:
        orders["rank"] = "quarter of the rank, best to worst measured"
    figure = Figure(figsize=(3.8 * len(orders), 3.2), layout="constrained")
    for axes, (column, label) in zip(figure.subplots(1, len(orders), squeeze=False)[0], orders.items(), strict=True):
        part = coverage_by_quarter(rows, column)
        errors = np.abs(part[["low", "high"]].to_numpy().T - part["coverage"].to_numpy())
        axes.errorbar(part.index + 1, part["coverage"], errors, fmt="o", capsize=3)
        axes.axhline(COVERAGE, color="0.4", linestyle="--", linewidth=1)
        axes.set(xticks=part.index + 1, xlabel=label, ylabel=f"within the {COVERAGE:.0%} interval")
        axes.set_ylim(min(0.6, float(part["low"].min()) - 0.02), 1.01)
    figure.suptitle(f"{target}, {len(rows):,} rows", x=0.01, ha="left", fontsize=10)
    return figure


def coverage_by_quarter(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Of each quarter in the order of a column: coverage, and low and high of its 95 % interval over groups."""
    inside = rows["label"].between(rows["low"], rows["high"]).to_numpy(dtype=float)
    groups = rows["group"].to_numpy()
    parts = [part for part in metrics.quarters(rows[column].to_numpy()) if len(part)]
    told = [(inside[part].mean(), *metrics.bootstrap_mean(inside[part], groups[part])) for part in parts]
    return pd.DataFrame(told, columns=["coverage", "low", "high"])


def draw_reliability(rows: pd.DataFrame, target: str) -> Figure:
    """Share of ones over the mean predicted probability, by tenth of the prediction."""
    figure, axes = _square(f"{target}, {len(rows):,} rows")
    part = by_bins(rows["predicted"].to_numpy(), rows["label"].to_numpy())
    axes.plot([0, 1], [0, 1], color="0.4", linestyle="--", linewidth=1)
    axes.plot(part["centre"], part["mean"], marker="o")
    axes.set(xlabel="predicted probability", ylabel="measured share", xlim=(0, 1), ylim=(0, 1))
    return figure


def draw_predicted(rows: pd.DataFrame, target: str) -> Figure:
    """Measurement over prediction, rows counted in hexagons."""
    measured, predicted = rows["label"].to_numpy(), rows["predicted"].to_numpy()
    scores = [f"{name} {metrics.SCALAR[name](measured, predicted):.3f}" for name in ("R2", "spearman")]
    figure, axes = _square(f"{target}, {len(rows):,} rows: {', '.join(scores)}")
    ends = (min(measured.min(), predicted.min()), max(measured.max(), predicted.max()))
    image = axes.hexbin(predicted, measured, gridsize=HEXAGONS, extent=ends * 2, mincnt=1, bins="log", linewidths=0.1)
    axes.plot(ends, ends, color="0.4", linestyle="--", linewidth=1)
    axes.set(xlabel="predicted", ylabel="measured")
    figure.colorbar(image, ax=axes, label="rows")
    return figure


def draw_probabilities(rows: pd.DataFrame, target: str) -> Figure:
    """How many rows of each label were given which probability."""
    figure, axes = _square(f"{target}, {len(rows):,} rows")
    axes.hist(
        [rows["predicted"][rows["label"] == label] for label in (0, 1)],
        bins=20,
        range=(0, 1),
        stacked=True,
        label=["measured 0", "measured 1"],
    )
    axes.set(xlabel="predicted probability", ylabel="rows")
    axes.legend(fontsize=8)
    return figure


def draw_residuals(rows: pd.DataFrame, target: str) -> Figure:
    """Prediction minus measurement by length, GC and upstream AUGs: mean and, of numbers, the band of most rows.

    The bars are 95 % intervals of the mean, as if rows were independent.
    """
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    residual = (rows["predicted"] - rows["label"]).to_numpy()
    of_numbers = not rows["binary"].all()
    for number, (axes, (name, values)) in enumerate(
        zip(figure.subplots(1, 3, sharey=True), features(rows), strict=True)
    ):
        part = by_bins(values, residual)
        axes.axhline(0, color="0.4", linestyle="--", linewidth=1)
        axes.errorbar(part["centre"], part["mean"], part["error"], marker="o", capsize=2, label="mean")
        if of_numbers:
            axes.fill_between(part["centre"], part["low"], part["high"], alpha=0.3, linewidth=0, label="10 to 90 %")
        axes.set(xlabel=name, ylabel="" if number else "predicted minus measured")
    axes.legend(fontsize=8)
    figure.suptitle(f"{target}, {len(rows):,} rows", x=0.01, ha="left", fontsize=10)
    return figure


def features(rows: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    """What residuals are drawn by, from column sequence: name for an axis and values (N,)."""
    sequences = [plain(sequence) for sequence in rows["sequence"]]
    yield "length (nt)", np.array([len(sequence) for sequence in sequences])
    yield "share of G and C", np.array([gc_share(sequence) for sequence in sequences])
    counts = [len(find_uorfs(sequence)) for sequence in sequences]
    yield f"upstream AUGs ({MOST_UAUGS}: or more)", np.minimum(counts, MOST_UAUGS)


def gc_share(sequence: str) -> float:
    """Of the known letters of an upper-case DNA sequence; one half where none is known."""
    known = sum(map(sequence.count, alphabet.LETTERS))
    return (sequence.count("G") + sequence.count("C")) / known if known else 0.5


def by_bins(feature: np.ndarray, values: np.ndarray) -> pd.DataFrame:
    """Values by bins of a feature, both (N,): a bin each distinct one or, of more than BINS, as many equal parts.

    Columns centre (mean of the feature), n, mean, error (1.96 standard errors of it), low and high (quantiles BAND).
    """
    distinct = np.unique(feature)
    inner = np.unique(np.quantile(feature, np.linspace(0, 1, BINS + 1)[1:-1]))
    number = np.digitize(feature, distinct[1:] if len(distinct) <= BINS else inner)
    bins = pd.DataFrame({"feature": feature, "value": values}).groupby(number)
    told = {"centre": bins["feature"].mean(), "n": bins.size(), "mean": bins["value"].mean()}
    told["error"] = 1.96 * bins["value"].sem().fillna(0)  # of a single row nothing is known
    ends = dict(zip(("low", "high"), (bins["value"].quantile(share) for share in BAND), strict=True))
    return pd.DataFrame(told | ends).reset_index(drop=True)


def _draw_f1(scores: dict[str, Any]) -> Figure:
    """A bar a part, with its 95 % interval; a ring where one letter of slip is forgiven."""
    figure = Figure(figsize=(6, 1 + 0.4 * len(scores)), layout="constrained")
    axes = figure.subplots()
    values = pd.DataFrame(list(scores.values()))
    low, high = np.array(list(values["F1_95"])).T
    places = np.arange(len(values))
    errors = np.clip([values["F1"] - low, high - values["F1"]], 0, None)
    axes.barh(places, values["F1"], xerr=errors, capsize=3, alpha=0.6, label="strict, 95 % interval")
    axes.plot(values["F1_slip"], places, "o", color="0.2", fillstyle="none", label="one letter of slip forgiven")
    axes.set_yticks(places, [f"{part} ({n:,})" for part, n in zip(scores, values["n"], strict=True)], fontsize=8)
    axes.invert_yaxis()
    axes.set(xlabel="mean F1 of base pairs", xlim=(0, 1))
    axes.legend(fontsize=8)
    return figure


def _square(title: str) -> tuple[Figure, Axes]:
    """A figure of one drawing."""
    figure = Figure(figsize=(4.6, 3.8), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure, figure.subplots()
