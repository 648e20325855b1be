"""Masked language modelling: sequences whose letters are hidden, and the model that guesses them.

15 % of the letters are chosen; of these 80 % become MASK, 10 % another nucleotide drawn at random,
10 % stay (Devlin et al. 2019, arXiv:1810.04805, as RiNALMo does).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utrlm import alphabet
from utrlm.metrics import resamples
from utrlm.training.data import Sequences, pad
from utrlm.training.model import Backbone, BackboneConfig, letters

CHOSEN, MASKED, RANDOM = 0.15, 0.8, 0.1
DRAWS = 200  # of groups, for an interval
NUCLEOTIDES = len(alphabet.LETTERS)
FIRST = alphabet.SIZE - NUCLEOTIDES  # code of the first nucleotide


@dataclass(frozen=True)
class MaskedBatch:
    """One step's input."""

    codes: np.ndarray  # (B, L) int64, padded on the left, letters hidden
    original: np.ndarray  # (B, L) int64, nucleotide 0 to 3; -100 where nothing is to be guessed
    padded: bool  # whether any position is padding


class MaskedSequences(Sequences):
    """Sequences whose letters are hidden anew in every batch."""

    def __init__(self, *arguments: Any):
        """As `Sequences`; none counts as unpadded, for that would double the shapes to compile and save little."""
        super().__init__(*arguments)
        self.unpadded[:] = False

    def batch(self, length: int, rows: np.ndarray, seed: tuple[int, ...]) -> MaskedBatch:
        """Assemble a batch; which letters are hidden is drawn from `seed`."""
        random = np.random.default_rng(seed)
        codes = pad([self.codes[i] for i in rows], length)
        chosen = (codes >= FIRST) & (random.random(codes.shape) < CHOSEN)
        original = np.where(chosen, codes - FIRST, -100)
        fate = random.random(codes.shape)
        codes = np.where(chosen & (fate < MASKED), alphabet.MASK, codes)
        replaced = chosen & (fate >= MASKED) & (fate < MASKED + RANDOM)
        codes = np.where(replaced, random.integers(FIRST, alphabet.SIZE, codes.shape), codes)
        return MaskedBatch(codes, original, not bool(self.unpadded[rows].all()))


class MaskedModel(nn.Module):
    """Backbone and the language model's head."""

    compiled = True
    inputs = letters

    def __init__(self, config: BackboneConfig):
        super().__init__()
        self.backbone = Backbone(config)
        self.hidden = nn.Linear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width)
        self.out = nn.Linear(config.width, NUCLEOTIDES)

    def standardised(self, codes: Tensor, padded: bool = True, angles: Any = None) -> Tensor:
        """Log-odds of each nucleotide; takes what `letters` tells. codes (B, L) int64 -> (B, L, 4)"""
        x = self.backbone(codes, codes != alphabet.PAD, padded, angles)
        result: Tensor = self.out(self.norm(F.gelu(self.hidden(x))))
        return result

    def loss(self, output: Tensor, batch: MaskedBatch) -> Tensor:
        """What is made small. output (B, L, 4) -> ()"""
        return self.nats(output, batch)

    def nats(self, output: Tensor, batch: MaskedBatch) -> Tensor:
        """Mean cross-entropy of the hidden letters, nats; what follows their four log-odds is not read. -> ()"""
        original = torch.from_numpy(batch.original).to(output.device)
        output = output[..., :NUCLEOTIDES]
        total = F.cross_entropy(output.flatten(0, 1), original.flatten(), ignore_index=-100, reduction="sum")
        return total / (original >= 0).sum().clamp(min=1)

    def weight(self, batch: MaskedBatch) -> float:
        """Number of hidden letters."""
        return float(max(1, (batch.original >= 0).sum()))

    def merit(self, scores: dict[str, float]) -> float:
        """Perplexity should be small; NaN where nothing was hidden."""
        return -scores.get("perplexity", float("nan"))

    def scores(self, examples: Any) -> dict[str, float]:
        """Masked accuracy and perplexity over all hidden letters of `MaskedSequences`; {} where none was hidden."""
        right, letters, nats = self.tallies(examples).sum(axis=0)
        if not letters:  # of a few short sequences
            return {}
        return {"accuracy": round(right / letters, 4), "perplexity": round(float(np.exp(nats / letters)), 4)}

    @torch.no_grad()
    def tallies(self, examples: Any) -> np.ndarray:
        """Of each of `MaskedSequences`: hidden letters guessed right, hidden letters, nats over them. (N, 3)"""
        device = self.out.weight.device
        told = np.zeros((len(examples.codes), 3))
        for rows, batch in examples.in_order():
            with torch.autocast(device.type, torch.bfloat16):
                output = self.standardised(torch.from_numpy(batch.codes).to(device)).float()[..., :NUCLEOTIDES]
            original = torch.from_numpy(batch.original).to(device)
            nats = F.cross_entropy(output.transpose(1, 2), original, ignore_index=-100, reduction="none")  # (B, L)
            counts = (output.argmax(dim=-1) == original, original >= 0, nats)
            told[rows] = torch.stack([one.sum(dim=1, dtype=torch.float64) for one in counts], dim=1).cpu().numpy()
        return told


def intervals(tallies: np.ndarray, groups: np.ndarray) -> dict[str, list[float]]:
    """Bootstrap 95 % intervals of accuracy and perplexity, drawing whole groups; {} where nothing was hidden.

    `tallies`: see `MaskedModel` (N, 3); `groups` (N,).
    """
    draws = np.array([tallies[rows].sum(axis=0) for rows in resamples(groups, DRAWS, seed=0)])
    right, letters, nats = draws[draws[:, 1] > 0].T
    if not len(letters):
        return {}
    drawn = {"accuracy_95": right / letters, "perplexity_95": np.exp(nats / letters)}
    return {name: [round(float(end), 4) for end in np.percentile(one, [2.5, 97.5])] for name, one in drawn.items()}
