"""What a sequence is made of, beside what the network makes of it: a ridge regression fitted after training.

Targets of endogenous mRNAs have few and noisy labels, of which a network of this size learns little more than
one direction; shares of k-mers, length and upstream codons by frame predict a part of the rest linearly. The
regression is fitted to what the network left over on the training rows; how strongly it is held back, and
whether it is used at all, is chosen on `valid`.
"""

from itertools import product
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utrlm import alphabet
from utrlm.training.heads import Calibrated
from utrlm.training.model import FRAMES

LONGEST = 4  # of the k-mers
CODONS = ("ATG", "TAA", "TAG", "TGA")  # counted by frame to the start codon
FIRST = alphabet.SIZE - len(alphabet.LETTERS)  # code of the first nucleotide
RIDGES = (300.0, 1000.0, 3000.0, 10_000.0, 30_000.0)
STEEPEST = 4.0  # a logit moves four times as far as its probability, where that is one half


class Composition(nn.Module):
    """Logarithm of the length, shares of all k-mers of up to four letters, codons by frame -> a number a target."""

    center: Tensor
    weight: Tensor

    def __init__(self, targets: int):
        super().__init__()
        for k in range(1, LONGEST + 1):
            words = np.array(list(product(range(len(alphabet.LETTERS)), repeat=k)))  # (4^k, k)
            self.register_buffer(f"words{k}", F.one_hot(torch.from_numpy(words), 4).transpose(1, 2).float())
        size = 1 + sum(4**k for k in range(1, LONGEST + 1)) + FRAMES * len(CODONS)
        codes = [[alphabet.LETTERS.index(letter) for letter in codon] for codon in CODONS]
        self.codons = [16 * a + 4 * b + c for a, b, c in codes]
        self.register_buffer("center", torch.zeros(size))
        self.register_buffer("weight", torch.zeros(size, targets))

    def shares(self, codes: Tensor) -> Tensor:
        """codes (B, L) int64 -> (B, S)"""
        letters = torch.stack([codes == FIRST + number for number in range(4)], dim=1).float()  # (B, 4, L)
        count = letters.sum(dim=(1, 2)).clamp(min=1)[:, None]
        parts = [count.log()]
        for k in range(1, LONGEST + 1):
            words = getattr(self, f"words{k}")
            hits = (F.conv1d(F.pad(letters, (k - 1, 0)), words) > k - 0.5).float()  # (B, 4^k, L), at a word's end
            parts.append(hits.sum(dim=2) / count)
            if k == FRAMES:
                frame = (codes.shape[1] + 2 - torch.arange(codes.shape[1], device=codes.device)) % FRAMES
                parts += [(hits[:, self.codons] * (frame == f)).sum(dim=2) for f in range(FRAMES)]
        return torch.cat(parts, dim=1)

    def forward(self, codes: Tensor) -> Tensor:
        """codes (B, L) int64 -> (B, T), standardised; of a probability its logit"""
        result: Tensor = (self.shares(codes) - self.center) @ self.weight
        return result


class Composed(Calibrated):
    """A network and what the composition adds to its standardised output."""

    def __init__(self, network: Any, composition: Composition):
        super().__init__()
        self.network, self.composition = network, composition
        self.backbone: Any = network.backbone
        self.head: Any = network.head
        for name in ("mean", "scale", "probable"):
            self.register_buffer(name, getattr(network, name), persistent=False)

    def features(self, codes: Tensor, padded: bool = True) -> Tensor:
        """The network's features and the composition's part. codes (B, L) int64 -> (B, HIDDEN + T)"""
        return torch.cat([self.network.features(codes, padded), self.composition(codes)], dim=1)

    def values(self, features: Tensor) -> Tensor:
        """Predictions in natural units. features (B, HIDDEN + T) -> (B, T) float32"""
        hidden, more = features.split([features.shape[1] - len(self.scale), len(self.scale)], dim=1)
        result = (self.head(hidden).float() + more) * self.scale + self.mean
        return torch.where(self.probable, result.sigmoid(), result)


@torch.no_grad()
def compose(network: Any, train_set: Any, valid_set: Any) -> Composed:
    """Fit a composition to what a trained `heads.ScalarModel` leaves over of its `data.Examples`."""
    composition = Composition(len(network.scale))
    learned, held_out = (left_over(network, composition, rows) for rows in (train_set, valid_set))
    center, deviation = learned[0].mean(axis=0), learned[0].std(axis=0) + 1e-6
    x, unseen = (learned[0] - center) / deviation, (held_out[0] - center) / deviation
    weight, error = np.zeros((x.shape[1], len(network.scale))), float((held_out[1] ** 2).sum())
    for ridge in RIDGES:  # one for all targets: what is to be expected of a k-mer does not depend on the number of rows
        fitted = np.zeros_like(weight)
        for target in np.unique(train_set.target):
            own = train_set.target == target
            fitted[:, target] = regress(x[own], learned[1][own], train_set.weight[own].astype(np.float64), ridge)
        rest = held_out[1] - (unseen * fitted[:, valid_set.target].T).sum(axis=1)
        if float((rest**2).sum()) < error:
            weight, error = fitted, float((rest**2).sum())
    composition.center.copy_(torch.from_numpy(center))
    composition.weight.copy_(torch.from_numpy(weight / deviation[:, None]))
    return Composed(network, composition).eval()


def regress(x: np.ndarray, y: np.ndarray, weight: np.ndarray, ridge: float) -> np.ndarray:
    """Weighted ridge regression of y (N,), less its mean, on x (N, S) -> (S,)"""
    weighted = x * weight[:, None]
    result: np.ndarray = np.linalg.solve(
        x.T @ weighted + ridge * np.eye(x.shape[1]), weighted.T @ (y - np.average(y, weights=weight))
    )
    return result


def left_over(network: Any, composition: Composition, examples: Any) -> tuple[np.ndarray, np.ndarray]:
    """Every row's composition (N, S), and its label minus the network's output, standardised (N,)."""
    shares = np.zeros((len(examples.label), len(composition.center)))
    rest = np.zeros(len(examples.label))
    for rows, batch in examples.in_order():
        codes, target = torch.from_numpy(batch.codes), torch.from_numpy(batch.target)
        label = torch.from_numpy(batch.label)
        with torch.autocast(codes.device.type, torch.bfloat16):
            output = network.standardised(codes)[torch.arange(len(rows)), target].float()
        apart = (label - network.mean[target]) / network.scale[target] - output
        unlikely = STEEPEST * (label - output.sigmoid())
        rest[rows] = torch.where(network.probable[target], unlikely, apart).numpy()
        shares[rows] = composition.shares(codes).numpy()
    return shares, rest
