"""Which letters pair: RNA structure from the backbone, and from thermodynamics where that is given.

Source: RiNALMo's pairwise head (Penic et al. 2024, arXiv:2403.00043): every two positions' vectors
together, then two-dimensional residual convolutions. A padded pair never reaches another one.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from utrlm import alphabet
from utrlm.files import written
from utrlm.fold import pair_probabilities
from utrlm.pairs import ALLOWED, LOOP, best_structure, by_distance, parse_structure, score_pairs
from utrlm.training.data import Sequences, pad, row_names
from utrlm.training.model import Backbone, BackboneConfig
from utrlm.training.parts import computed

CHANNELS = 32
NOT_GIVEN = -1.0  # in place of a prior probability
IMPOSSIBLE = -30.0  # logit of two letters that cannot pair
RARE = -5.0  # logit of a pair of which nothing is known
FAMILIAR = 100  # letters; longer training sequences are of six families only, and of another the network is too sure
PRIOR_SHARE = 0.6  # sequences that are shown with their prior in training, so that one model serves with and without
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5)
PAIRS_A_BATCH = 260_000


@dataclass(frozen=True)
class PairBatch:
    """One step's input."""

    codes: np.ndarray  # (B, L) int64, padded on the left
    prior: np.ndarray  # (B, L, L) float32, NOT_GIVEN where there is none
    paired: np.ndarray  # (B, L, L) float32, 0 or 1, or a probability
    padded: bool


class PairExamples(Sequences):
    """Sequences with their structures; where none is known, with what thermodynamics says of it.

    Such a row's label is the probability of each pair. Shown with it too, they teach what to do with the prior of a
    sequence like none before: to trust it.
    """

    def __init__(self, table: pd.DataFrame, context: int, priors: list[np.ndarray], prior_share: float):
        """`priors`: of each row's last `context` letters, the probable pairs (3, P): i, j, probability."""
        codes = [alphabet.encode(sequence) for sequence in table["sequence"]]
        structures = table["structure"].fillna("")
        self.known = (structures != "").to_numpy()
        self.pairs = []
        for structure, one in zip(structures, codes, strict=True):
            cut = max(0, len(one) - context)
            self.pairs.append([(i - cut, j - cut) for i, j in parse_structure(structure) if i >= cut])
        self.priors, self.prior_share = priors, prior_share
        self.where = row_names(table)
        super().__init__(codes, table["repeat"].to_numpy(dtype=np.int64), context, PAIRS_A_BATCH)

    def names(self, rows: np.ndarray) -> list[str]:
        """Table and row, from 1."""
        return [self.where[row] for row in rows]

    def batch_size(self, length: int) -> int:
        """Sequences in a batch of one length: a bounded number of pairs."""
        return max(1, self.batch_tokens // length**2)

    def batch(self, length: int, rows: np.ndarray, seed: tuple[int, ...]) -> PairBatch:
        """Assemble a batch; which sequences come with their prior is drawn from `seed`."""
        codes = pad([self.codes[i] for i in rows], length)
        given = np.random.default_rng(seed).random(len(rows)) < self.prior_share
        prior = np.full((len(rows), length, length), NOT_GIVEN, dtype=np.float32)
        paired = np.zeros((len(rows), length, length), dtype=np.float32)
        for number, row in enumerate(rows):
            shift = length - len(self.codes[row])
            for i, j in self.pairs[row]:
                paired[number, i + shift, j + shift] = paired[number, j + shift, i + shift] = 1
            i, j = (self.priors[row][:2] + shift).astype(int)
            if not self.known[row]:
                paired[number, i, j] = paired[number, j, i] = self.priors[row][2]
            if given[number]:
                prior[number, shift:, shift:] = 0
                prior[number, i, j] = prior[number, j, i] = self.priors[row][2]
        return PairBatch(codes, prior, paired, True)


def read_priors(sequences: list[str], context: int, kept: Path) -> list[np.ndarray]:
    """Thermodynamic pairs of more than 1 % of each sequence's last `context` letters, (3, P) each; kept in a file."""
    if not kept.exists():
        windows = [sequence[-context:] for sequence in sequences]
        digest = hashlib.sha256("\n".join(windows).encode()).hexdigest()
        with computed(kept, digest, lambda first: (probable_pairs(one) for one in windows[first:])) as told:
            found = [np.zeros((4, 0), dtype=np.float32)]  # there may be no sequence
            for number, one in enumerate(told):
                pairs = np.frombuffer(bytes.fromhex(one), dtype=np.float32).reshape(3, -1)
                found.append(np.insert(pairs, 0, number, axis=0))
            with written(str(kept)) as beside, open(beside, "wb") as file:
                np.save(file, np.concatenate(found, axis=1))
    flat = np.load(kept)
    return np.split(flat[1:], np.searchsorted(flat[0], np.arange(1, len(sequences))), axis=1)[: len(sequences)]


def probable_pairs(sequence: str) -> str:
    """Thermodynamic pairs of more than 1 %: i, j, probability, (3, P) float32, as hexadecimal text."""
    table = np.triu(pair_probabilities(alphabet.encode(sequence)))
    i, j = np.nonzero(table > 0.01)
    return np.stack([i, j, table[i, j]]).astype(np.float32).tobytes().hex()


class PairHead(nn.Module):
    """Two positions' vectors, and their prior -> the logit of their pairing."""

    def __init__(self, width: int, dilations: tuple[int, ...]):
        """`dilations`: of each block's convolutions, the steps between the pairs that they see."""
        super().__init__()
        self.one = nn.Linear(width, CHANNELS)
        self.prior = nn.Conv2d(3, CHANNELS, 1)
        self.first, self.second = (
            nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=d, dilation=d) for d in dilations) for _ in range(2)
        )
        self.out = nn.Conv2d(CHANNELS, 1, 1, bias=False)
        nn.init.zeros_(self.out.weight)  # training starts from the prior, or from RARE
        self.trust = nn.Parameter(torch.ones(()))

    def forward(self, x: Tensor, prior: Tensor, possible: Tensor, present: Tensor) -> Tensor:
        """x (B, L, D), prior (B, L, L), possible (B, L, L) bool, present (B, L) bool -> (B, L, L)"""
        one = self.one(x).transpose(1, 2)  # (B, C, L), in training of half the precision of x, as is all that follows
        here = (present[:, :, None] & present[:, None, :])[:, None].to(one.dtype)  # (B, 1, L, L)
        told = torch.stack([prior.clamp(min=0), (prior >= 0).float(), possible.float()], dim=1)  # (B, 3, L, L)
        told = told.contiguous(memory_format=torch.channels_last)  # as all that follows then is: faster to train
        pair = (self.prior(told) + one[:, :, :, None] + one[:, :, None, :]) * here  # (B, C, L, L)
        for first, second in zip(self.first, self.second, strict=True):
            pair = pair + second(F.gelu(first(F.gelu(pair)) * here)) * here
        logits = self.out(F.gelu(pair))[:, 0].float()
        start = torch.where(prior >= 0, self.trust * prior.clamp(1e-3, 1 - 1e-3).logit(), RARE)
        logits = logits + logits.transpose(1, 2) + start
        return torch.where(possible, logits.clamp(min=IMPOSSIBLE + 1), IMPOSSIBLE)


class PairModel(nn.Module):
    """Backbone and pairwise head."""

    compiled = False  # a shape takes a minute to compile, and convolutions gain little
    input_names = ("codes", "prior")
    outputs = ("probability",)

    allowed: Tensor

    def __init__(self, config: BackboneConfig, dilations: tuple[int, ...] = (1, 1, 1)):
        super().__init__()
        self.backbone = Backbone(config)
        self.head = PairHead(config.width, dilations)
        self.register_buffer("allowed", torch.from_numpy(ALLOWED), persistent=False)

    def standardised(self, codes: Tensor, prior: Tensor) -> Tensor:
        """Logits of pairing. codes (B, L) int64, prior (B, L, L) -> (B, L, L)"""
        present = codes != alphabet.PAD
        place = torch.arange(codes.shape[1], device=codes.device)
        apart = (place[:, None] - place[None, :]).abs() > LOOP
        possible = self.allowed[codes[:, :, None], codes[:, None, :]] & apart
        result: Tensor = self.head(self.backbone(codes, present), prior, possible, present)
        return result

    def forward(self, codes: Tensor, prior: Tensor) -> tuple[Tensor, ...]:
        """The exported output: probabilities of pairing, (B, L, L), symmetric.

        Of more than FAMILIAR letters, the mean of the network's and the prior's.
        """
        probability = self.standardised(codes, prior).sigmoid()
        long = (codes != alphabet.PAD).sum(dim=1)[:, None, None] > FAMILIAR
        return (torch.where(long & (prior >= 0), (probability + prior) / 2, probability),)

    def inputs(self, batch: PairBatch) -> tuple[Any, ...]:
        """What `standardised` takes of a batch."""
        device = self.allowed.device
        return torch.from_numpy(batch.codes).to(device), torch.from_numpy(batch.prior).to(device)

    def examples(self, codes: np.ndarray) -> tuple[Tensor, ...]:
        """Inputs to try an exported model with, half of them with a prior. codes (B, L) int64"""
        random = np.random.default_rng(0)
        prior = random.random((len(codes), codes.shape[1], codes.shape[1]), dtype=np.float32)
        prior[::2] = NOT_GIVEN
        return torch.from_numpy(codes), torch.from_numpy((prior + prior.transpose(0, 2, 1)) / 2)

    def loss(self, output: Tensor, batch: PairBatch) -> Tensor:
        """Cross-entropy of possible pairs, a letter. output (B, L, L) -> ()"""
        paired = torch.from_numpy(batch.paired).to(output.device)
        possible = output > IMPOSSIBLE
        each = F.binary_cross_entropy_with_logits(output, paired, reduction="none")
        return (each * possible).sum() / float((batch.codes != alphabet.PAD).sum())

    def weight(self, batch: PairBatch) -> float:
        """Number of letters."""
        return float((batch.codes != alphabet.PAD).sum())

    def merit(self, scores: dict[str, float]) -> float:
        """Losses should be small."""
        return -sum(scores.values())

    @torch.no_grad()
    def best_threshold(self, examples: PairExamples, prior_share: float) -> float:
        """Of a pair's probability: whose structures have the best mean F1, all shown their prior (1) or none (0)."""
        scores, examples.prior_share = dict.fromkeys(THRESHOLDS, 0.0), prior_share
        for rows, batch in examples.in_order():
            for row, padded in zip(rows, self(*self.inputs(batch))[0].cpu().numpy(), strict=True):
                first = len(padded) - len(examples.codes[row])
                near = by_distance(padded[first:, first:])
                for threshold in THRESHOLDS:
                    told = best_structure(near, threshold)
                    scores[threshold] += score_pairs(examples.pairs[row], told)[2]
        return max(scores, key=scores.__getitem__)

    @torch.no_grad()
    def scores(self, examples: PairExamples) -> dict[str, float]:
        """Loss a letter, with and without the prior."""
        values = {}
        for name, share in (("with_prior", 1.0), ("without", 0.0)):
            examples.prior_share, total, count = share, 0.0, 0
            for rows, batch in examples.in_order():
                with torch.autocast(self.allowed.device.type, torch.bfloat16):
                    output = self.standardised(*self.inputs(batch))
                total, count = total + float(self.loss(output.float(), batch)) * len(rows), count + len(rows)
            values[name] = round(total / max(1, count), 4)
        return values
