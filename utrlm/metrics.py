"""Scores of predictions against measurements. Numpy only."""

from collections.abc import Callable, Iterator

import numpy as np


def alike(values: np.ndarray) -> bool:
    """Whether all are the same, so that nothing can be explained of them. (N,)"""
    return not len(values) or bool(values.min() == values.max())


def r2_score(measured: np.ndarray, predicted: np.ndarray) -> float:
    """R2 = 1 - SSE / SST; below 0 where the mean would predict better; NaN where SST is 0. Both (N,)"""
    if alike(measured):  # in floating point their SST may differ from 0
        return float("nan")
    measured = measured.astype(np.float64)
    error = float(((measured - predicted) ** 2).sum())
    return 1 - error / float(((measured - measured.mean()) ** 2).sum())


def pearson(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Pearson's correlation; NaN where either is all alike. Both (N,)"""
    if alike(measured) or alike(predicted):
        return float("nan")
    return float(np.corrcoef(measured.astype(np.float64), predicted.astype(np.float64))[0, 1])


def squared_pearson(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Square of Pearson's correlation (r2), which papers often print as R2. Both (N,)"""
    return pearson(measured, predicted) ** 2


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 0, ties given their mean. (N,) -> (N,)"""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: np.ndarray = (last - (counts + 1) / 2)[inverse]
    return means


def spearman(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Spearman's rank correlation. Both (N,)"""
    return pearson(ranks(measured), ranks(predicted))


def mean_absolute_error(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error, in the unit of the measurements. Both (N,)"""
    return float(np.abs(measured - predicted).mean())


def area_under_roc(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Chance that a positive is predicted above a negative, ties counting half. measured (N,) of 0 and 1"""
    positive = measured == 1
    p, n = int(positive.sum()), int((~positive).sum())
    return float((ranks(predicted)[positive].sum() - p * (p - 1) / 2) / (p * n)) if p and n else float("nan")


def average_precision(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Area under the precision-recall curve: mean precision at each positive. measured (N,) of 0 and 1"""
    positive = measured[np.argsort(-predicted, kind="stable")] == 1
    precision = np.cumsum(positive) / np.arange(1, len(positive) + 1)
    return float(precision[positive].mean()) if positive.any() else float("nan")


def f1_score(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Harmonic mean of precision and recall at a probability of one half. measured (N,) of 0 and 1"""
    hits = float(((predicted >= 0.5) & (measured == 1)).sum())
    return 2 * hits / float((predicted >= 0.5).sum() + (measured == 1).sum()) if hits else 0.0


Metric = Callable[[np.ndarray, np.ndarray], float]
SCALAR: dict[str, Metric] = {
    "R2": r2_score,
    "r2": squared_pearson,
    "pearson": pearson,
    "spearman": spearman,
    "MAE": mean_absolute_error,
}
BINARY: dict[str, Metric] = {"AUROC": area_under_roc, "AUPRC": average_precision, "F1": f1_score}


def bootstrap(
    measured: np.ndarray, predicted: np.ndarray, groups: np.ndarray, metric: Metric, draws: int = 200, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a metric, drawing whole groups with replacement; a draw that does not tell it is left out.

    All (N,). NaN where no draw tells it.
    """
    values = np.array([metric(measured[rows], predicted[rows]) for rows in resamples(groups, draws, seed)])
    if np.isnan(values).all():
        return float("nan"), float("nan")
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def quarters(order: np.ndarray) -> list[np.ndarray]:
    """Row numbers of four equal parts, from the smallest of `order` to the largest. (N,)"""
    return np.array_split(np.argsort(order, kind="stable"), 4)


def bootstrap_mean(values: np.ndarray, groups: np.ndarray, draws: int = 200, seed: int = 0) -> tuple[float, float]:
    """95 % interval of a mean, drawing whole groups with replacement. Both (N,)"""
    low, high = np.percentile([values[rows].mean() for rows in resamples(groups, draws, seed)], [2.5, 97.5])
    return float(low), float(high)


def resamples(groups: np.ndarray, draws: int, seed: int) -> Iterator[np.ndarray]:
    """Row numbers of as many groups as there are, drawn with replacement; `draws` times. groups (N,)"""
    random = np.random.default_rng(seed)
    _, number = np.unique(groups, return_inverse=True)
    order = np.argsort(number, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(number))[:-1])
    for _ in range(draws):
        yield np.concatenate([members[i] for i in random.integers(len(members), size=len(members))])
