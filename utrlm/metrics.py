"""Scores of predictions against measurements. Numpy only."""

from collections.abc import Callable, Iterator

import numpy as np


def r2_score(measured: np.ndarray, predicted: np.ndarray) -> float:
    """R2 = 1 - SSE / SST; below 0 where the mean would predict better. Both (N,)"""
    measured = measured.astype(np.float64)
    error = float(((measured - predicted) ** 2).sum())
    return 1 - error / float(((measured - measured.mean()) ** 2).sum())


def pearson(measured: np.ndarray, predicted: np.ndarray) -> float:
    """Pearson's correlation. Both (N,)"""
    return float(np.corrcoef(measured.astype(np.float64), predicted.astype(np.float64))[0, 1])


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


SCALAR: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "R2": r2_score,
    "pearson": pearson,
    "spearman": spearman,
    "MAE": mean_absolute_error,
}


def bootstrap(
    measured: np.ndarray, predicted: np.ndarray, groups: np.ndarray, metric: str, draws: int = 200, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a metric, drawing whole groups with replacement. All (N,)"""
    values = [SCALAR[metric](measured[rows], predicted[rows]) for rows in resamples(groups, draws, seed)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


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
