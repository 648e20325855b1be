"""What a sequence is made of, beside what the network makes of it: boosted trees, and the mean of both.

Targets of endogenous mRNAs have few and noisy labels, of which a network learns little more than one direction.
Gradient-boosted trees (Friedman 2001, doi:10.1214/aos/1013203451) on the shares of k-mers, the length and upstream
codons by frame err in other rows, so that the mean of the two is better than either.
"""

from itertools import product
from typing import Any

import numpy as np
import torch
from scipy.stats import norm, rankdata
from sklearn.ensemble import GradientBoostingRegressor
from torch import Tensor, nn
from torch.nn import functional as F

from utrlm import alphabet
from utrlm.training.heads import Calibrated
from utrlm.training.model import FRAMES

LONGEST = 4  # of the k-mers
CODONS = ("ATG", "TAA", "TAG", "TGA")  # counted by frame to the start codon
FIRST = alphabet.SIZE - len(alphabet.LETTERS)  # code of the first nucleotide
TREES = 500
RATE = 0.015  # learning slowly, the trees depend less on what was drawn for each
DEPTH = 3
NODES, LEAVES = 2**DEPTH - 1, 2**DEPTH
STEEPEST = 4.0  # a logit moves four times as far as its probability, where that is one half


class Composition(nn.Module):
    """Logarithm of the length, shares of all k-mers of up to four letters, codons by frame -> a number a target."""

    feature: Tensor
    threshold: Tensor
    leaf: Tensor
    base: Tensor

    def __init__(self, targets: int):
        super().__init__()
        for k in range(1, LONGEST + 1):
            words = np.array(list(product(range(len(alphabet.LETTERS)), repeat=k)))  # (4^k, k)
            self.register_buffer(f"words{k}", F.one_hot(torch.from_numpy(words), 4).transpose(1, 2).float())
        codes = [[alphabet.LETTERS.index(letter) for letter in codon] for codon in CODONS]
        self.codons = [16 * a + 4 * b + c for a, b, c in codes]
        self.register_buffer("feature", torch.zeros(targets, TREES, NODES, dtype=torch.int64))
        self.register_buffer("threshold", torch.zeros(targets, TREES, NODES))
        self.register_buffer("leaf", torch.zeros(targets, TREES, LEAVES))
        self.register_buffer("base", torch.zeros(targets))

    def shares(self, codes: Tensor) -> Tensor:
        """codes (B, L) int64 -> (B, S), each the same number whatever the padding or the batch"""
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
        asked = self.shares(codes)[:, self.feature.flatten()].unflatten(1, self.feature.shape)
        right = (asked > self.threshold).long()  # (B, T, TREES, NODES)
        node = torch.zeros_like(right[..., :1])
        for _ in range(DEPTH):
            node = 2 * node + 1 + right.gather(-1, node)  # children of node n are 2n + 1 and 2n + 2
        leaf = self.leaf.expand(codes.shape[0], *self.leaf.shape).gather(-1, node - NODES)
        result: Tensor = self.base + leaf.sum(dim=(2, 3))
        return result


class Composed(Calibrated):
    """The mean of a network's and the composition's standardised output."""

    def __init__(self, network: Any, composition: Composition, context: int):
        """`context`: letters that the network reads, the last ones; the trees read all."""
        super().__init__()
        self.network, self.composition, self.context = network, composition, context
        self.backbone: Any = network.backbone
        self.head: Any = network.head
        for name in ("mean", "scale", "probable"):
            self.register_buffer(name, getattr(network, name), persistent=False)

    def features(self, codes: Tensor, padded: bool = True) -> Tensor:
        """The network's features and the composition's part. codes (B, L) int64 -> (B, HIDDEN + T)"""
        first = codes.shape[1] - torch.sym_min(codes.shape[1], self.context)
        return torch.cat([self.network.features(codes[:, first:], padded), self.composition(codes)], dim=1)

    def values(self, features: Tensor) -> Tensor:
        """Predictions in natural units. features (B, HIDDEN + T) -> (B, T) float32"""
        hidden, more = features.split([features.shape[1] - len(self.scale), len(self.scale)], dim=1)
        result = (self.head(hidden).float() + more) / 2 * self.scale + self.mean
        return torch.where(self.probable, result.sigmoid(), result)


def compose(network: Any, train_set: Any, context: int) -> Composed:
    """Grow a composition's trees on `data.Examples`, beside a `heads.ScalarModel` that reads `context` letters."""
    composition = Composition(len(network.scale))
    shares = shares_of(composition, train_set)
    for target in np.unique(train_set.target):
        own = train_set.target == target
        label = train_set.label[own].astype(np.float64)
        probable = bool(network.probable[target])
        grow(composition, int(target), shares[own], spaced(label, probable), train_set.weight[own])
    return Composed(network, composition, context).eval()


def spaced(label: np.ndarray, probable: bool) -> np.ndarray:
    """Labels (N,) as the trees learn them: normal scores of their ranks, since a few far ones would lead a tree astray.

    Of a probability, 0 and 1 so far apart that their mean is a logit.
    """
    if probable:
        mean = label.mean().clip(0.01, 0.99)
        spread: np.ndarray = np.log(mean / (1 - mean)) + STEEPEST * (label - mean)
        return spread
    scores: np.ndarray = norm.ppf((rankdata(label) - 0.5) / len(label))
    return scores


def grow(composition: Composition, target: int, shares: np.ndarray, label: np.ndarray, weight: np.ndarray) -> Any:
    """Fit one target's trees; returns scikit-learn's. shares (N, S), label (N,) standardised, weight (N,)"""
    boosted = GradientBoostingRegressor(
        n_estimators=TREES,
        max_depth=DEPTH,
        learning_rate=RATE,
        subsample=0.5,
        max_features=0.1,
        min_samples_leaf=20,
        random_state=0,
    ).fit(shares, label, sample_weight=weight)
    composition.base[target] = float(boosted.init_.constant_.item())
    for number, regressor in enumerate(boosted.estimators_[:, 0]):
        place_node(composition, (target, number), regressor.tree_, 0, 0)
    composition.leaf[target] *= boosted.learning_rate
    return boosted


def place_node(composition: Composition, tree: tuple[int, int], grown: Any, node: int, place: int) -> None:
    """Copy a node of a scikit-learn tree and all below it to its place in a full one, whose last row is its leaves."""
    if place >= NODES:
        composition.leaf[(*tree, place - NODES)] = float(grown.value[node].item())
        return
    leaf = grown.children_left[node] < 0
    if not leaf:
        composition.feature[(*tree, place)] = int(grown.feature[node])
        composition.threshold[(*tree, place)] = rounded_down(grown.threshold[node])
    left, right = (node, node) if leaf else (grown.children_left[node], grown.children_right[node])
    place_node(composition, tree, grown, left, 2 * place + 1)
    place_node(composition, tree, grown, right, 2 * place + 2)


def rounded_down(value: float) -> float:
    """The largest float32 up to a float64: the trees' inputs are float32, and none may change sides."""
    near = np.float32(value)
    return float(near if float(near) <= value else np.nextafter(near, np.float32(-np.inf)))


@torch.no_grad()
def shares_of(composition: Composition, examples: Any) -> np.ndarray:
    """Every row's composition, (N, S) float32."""
    rows_of, parts = [], []
    for rows, batch in examples.in_order():
        rows_of.append(rows)
        parts.append(composition.shares(torch.from_numpy(batch.codes)).numpy())
    shares = np.empty((len(examples.label), parts[0].shape[1]), dtype=np.float32)
    shares[np.concatenate(rows_of)] = np.concatenate(parts)
    return shares
