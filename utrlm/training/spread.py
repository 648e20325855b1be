"""How far off a prediction may be: 90 % intervals by split-conformal calibration.

The network itself stays as it was trained. On rows of `valid`, which no weight was fitted to, a
ridge regression from the head's features guesses the logarithm of the absolute error; then each
target's interval is made as wide as its held-out errors ask for (Lei et al. 2018,
doi:10.1080/01621459.2017.1307116, section 5.2). An interval holds for a new measurement that is
read as well as those rows are. Rows of one group are not independent: coverage is of rows.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from utrlm.card import COVERAGE

FOLDS = 5  # the guess of a row's error comes from a fit that did not see the row
RIDGE = 30.0  # per standardised feature
FEWEST = 10  # rows; fewer bound no 90 %, and leave folds without any
SMALLEST = 0.02  # standardised error below which a hit is a hit; keeps the logarithm finite


class Spread(nn.Module):
    """Half the width of a 90 % interval, from the head's features."""

    weight: Tensor
    bias: Tensor
    factor: Tensor

    def __init__(self, weight: np.ndarray, bias: np.ndarray, factor: np.ndarray):
        """`weight` (H,) of the features; `bias` () ; `factor` (T,): conformal factors times the targets' scale."""
        super().__init__()
        for name, value in (("weight", weight), ("bias", bias), ("factor", factor)):
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.float32))

    def forward(self, features: Tensor) -> Tensor:
        """features (B, H) -> (B, T), natural units"""
        guess = (features @ self.weight + self.bias).clamp(-4.0, 2.0)  # (B,), log of a standardised error
        return guess.exp()[:, None] * self.factor


def fit_spread(features: np.ndarray, errors: np.ndarray, targets: np.ndarray, scale: np.ndarray) -> Spread:
    """Fit on rows that the network was not trained on.

    Args:
        features: of the head, (N, H).
        errors: measured minus predicted, natural units, (N,).
        targets: number of each row's target, (N,).
        scale: of each target's labels, natural units, (T,).
    """
    size = np.abs(errors) / scale[targets]  # standardised
    fold = np.random.default_rng(0).permutation(len(size)) % FOLDS
    guess = np.zeros(len(size))
    for number in range(FOLDS):
        weight, bias = ridge(features[fold != number], size[fold != number])
        guess[fold == number] = features[fold == number] @ weight + bias
    ratio = size / np.exp(np.clip(guess, -4.0, 2.0))
    factor = [conformal_quantile(ratio[targets == t], ratio) for t in range(len(scale))]
    weight, bias = ridge(features, size)
    return Spread(weight, np.array(bias), np.array(factor) * scale)


def ridge(features: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights (H,) and offset that guess the logarithm of a standardised error. features (N, H), size (N,)"""
    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-3
    x = (features - mean) / deviation
    y = np.log(np.maximum(size, SMALLEST))
    weight = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (y - y.mean())) / deviation
    return weight, float(y.mean() - mean @ weight)


def conformal_quantile(ratios: np.ndarray, everyone: np.ndarray) -> float:
    """The ceil((n + 1) * .9)-th smallest ratio; a target with fewer than nine rows borrows all the others'. (n,)"""
    if math.ceil((len(ratios) + 1) * COVERAGE) > len(ratios):
        ratios = everyone
    rank = min(len(ratios), math.ceil((len(ratios) + 1) * COVERAGE))
    return float(np.sort(ratios)[rank - 1])


@torch.no_grad()
def calibrate(model: Any, examples: Any) -> Spread | None:
    """The spread of a trained `heads.Calibrated` on `data.Examples` of valid, in float32 as it is exported.

    None where these rows are too few to tell it.
    """
    told = ~model.probable.numpy()[examples.target]  # a probability has no interval
    if told.sum() < FEWEST:
        return None
    parts, order = [], []
    predicted = np.zeros(len(examples.label))
    for rows, batch in examples.in_order():
        hidden = model.features(torch.from_numpy(batch.codes))
        values = model.values(hidden)
        parts.append(hidden.numpy().astype(np.float64))
        order.append(rows)
        predicted[rows] = values[torch.arange(len(rows)), torch.from_numpy(batch.target)].numpy()
    features = np.concatenate(parts)[np.argsort(np.concatenate(order))]
    return fit_spread(features[told], (examples.label - predicted)[told], examples.target[told], model.scale.numpy())
