"""A table -> batches: length-bucketed, shuffled by (seed, epoch), the same again after an interruption."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from utrlm import alphabet

SITE_LETTERS = 8  # in the middle of a site's window: the two of the site and three on either side
BUCKETS = (50, 64, 80, 100, 128, 192, 256, 384, 512)  # few shapes: each is compiled once


@dataclass(frozen=True)
class Batch:
    """One step's input."""

    codes: np.ndarray  # (B, L) int64, padded on the left
    target: np.ndarray  # (B,) int64, column of the label
    label: np.ndarray  # (B,) float32, natural units
    weight: np.ndarray  # (B,) float32
    family: np.ndarray  # (B,) int64, rows of one number are compared with each other; -1 with none
    measured: np.ndarray  # (B,) float32, natural units, what they are compared by
    compared: np.ndarray  # (B,) float32, weight of that
    padded: bool  # whether any position is padding


class Sequences:
    """Encoded sequences in buckets of similar length; what a batch holds is the subclass's matter."""

    def __init__(
        self, codes: list[np.ndarray], repeat: np.ndarray, context: int, batch_tokens: int, kind: str = "scalar"
    ):
        """`codes`: of each sequence (L,); `repeat`: times it is seen in an epoch (N,); `context`: letters read.

        `kind`: of the model, which decides what letters these are.
        """
        self.codes = [alphabet.WINDOWS[kind](one, context) for one in codes]
        self.repeat = repeat
        lengths = np.array([len(one) for one in self.codes])
        self.bucket = np.array([*BUCKETS, context])[np.searchsorted(BUCKETS, lengths)]
        if kind == "site":  # its middle is the site: no column may be added on the left, here or in prediction
            self.bucket[:] = context
        whole = [bool((one != alphabet.PAD).all()) for one in self.codes]  # a site's window has padding of its own
        self.unpadded = (lengths == self.bucket) & np.array(whole, dtype=bool)
        self.batch_tokens = batch_tokens

    def epoch(self, seed: int, number: int) -> list[tuple[int, np.ndarray]]:
        """Bucket length and row numbers of every batch of an epoch; batches of one bucket have one shape."""
        random = np.random.default_rng((seed, number))
        rows = np.repeat(np.arange(len(self.codes)), self.repeat)
        time = np.arange(len(rows)) - np.repeat(self.repeat.cumsum() - self.repeat, self.repeat)  # first, second, ...
        order = random.permutation(len(rows))
        rows = self.together(rows[order], time[order])
        batches = []
        for length in np.unique(self.bucket):
            for full in (True, False):
                members = rows[(self.bucket[rows] == length) & (self.unpadded[rows] == full)]
                size = self.batch_size(int(length))
                if len(members):  # the last batch is filled up from the bucket's beginning
                    members = np.resize(members, -(-len(members) // size) * size)
                    batches += [(int(length), part) for part in members.reshape(-1, size)]
        return [batches[i] for i in random.permutation(len(batches))]

    def together(self, rows: np.ndarray, time: np.ndarray) -> np.ndarray:
        """An epoch's rows, shuffled, with those side by side that should meet in a batch.

        `time`: how often the epoch has seen each row before, if it is seen more than once.
        """
        return rows

    def batch_size(self, length: int) -> int:
        """Sequences in a batch of one length."""
        return max(1, self.batch_tokens // length)

    def batch(self, length: int, rows: np.ndarray, seed: tuple[int, ...]) -> Any:
        """Assemble a batch; what is drawn is drawn from `seed`."""
        raise NotImplementedError

    def names(self, rows: np.ndarray) -> list[str]:
        """What a person finds the rows by: their number, from 1."""
        return [str(row + 1) for row in rows]

    def in_order(self) -> Iterator[tuple[np.ndarray, Any]]:
        """Every row once, by length, for evaluation: row numbers and their batch."""
        for length in np.unique(self.bucket):
            rows = np.flatnonzero(self.bucket == length)
            size = self.batch_size(int(length))
            for start in range(0, len(rows), size):
                part = rows[start : start + size]
                yield part, self.batch(int(length), part, (0,))


class Examples(Sequences):
    """Rows of a table of labels."""

    def __init__(
        self,
        table: pd.DataFrame,
        targets: list[str],
        context: int,
        batch_tokens: int,
        mask_share: float = 0.0,
        mutated: float = 0.0,
        kind: str = "scalar",
    ):
        """`mask_share`: sequences of a batch that lose one letter; `mutated`: letters that become another one."""
        codes = [alphabet.encode(sequence) for sequence in table["sequence"]]
        super().__init__(codes, table["repeat"].to_numpy(dtype=np.int64), context, batch_tokens, kind)
        self.target = table["target"].map(targets.index).to_numpy(dtype=np.int64)
        self.label = table["label"].to_numpy(dtype=np.float32)
        self.weight = table["weight"].to_numpy(dtype=np.float32)
        if "family" not in table:
            table = table.assign(family=0.0, measured=table["label"], group=0)
        self.measured, self.compared = (table[name].to_numpy(dtype=np.float32) for name in ("measured", "family"))
        family = table["group"].to_numpy(dtype=np.int64) * len(targets) + self.target  # a group may have several tables
        self.family = np.where(self.compared > 0, family, -1)
        self.mask_share, self.mutated = mask_share, mutated
        self.kept = SITE_LETTERS if kind == "site" else 0
        self.where = row_names(table)

    def names(self, rows: np.ndarray) -> list[str]:
        """Table and row, from 1."""
        return [self.where[row] for row in rows]

    def together(self, rows: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Families side by side, each where the first of its rows was drawn; again so where rows are seen again."""
        family = self.family[rows]
        number = np.where(family >= 0, family * (time.max(initial=0) + 1) + time, -1 - np.arange(len(rows)))
        first, which = np.unique(number, return_index=True, return_inverse=True)[1:]
        return rows[np.argsort(first[which], kind="stable")]

    def batch(self, length: int, rows: np.ndarray, seed: tuple[int, ...]) -> Batch:
        """Assemble a batch; the letters that are lost or mutated are drawn from `seed`."""
        codes = pad([self.codes[i] for i in rows], length)
        random = np.random.default_rng(seed)
        for i in np.flatnonzero(random.random(len(rows)) < self.mask_share):
            letters = np.flatnonzero(codes[i] != alphabet.PAD)
            codes[i, letters[-1 - random.integers(len(letters))]] = alphabet.MASK
        if self.mutated:
            codes = mutate(codes, self.mutated, self.kept, random)
        padded = not bool(self.unpadded[rows].all())
        labels = self.target[rows], self.label[rows], self.weight[rows]
        return Batch(codes, *labels, self.family[rows], self.measured[rows], self.compared[rows], padded)


def mutate(codes: np.ndarray, share: float, kept: int, random: np.random.Generator) -> np.ndarray:
    """Each letter with the probability `share` another one, but for the `kept` columns in the middle. (B, L) -> (B, L)

    Labels stay: most single letters matter little, so a network learns not to trust any of them alone
    (Lee et al. 2023, doi:10.1186/s13059-023-02941-w).
    """
    changed = (random.random(codes.shape) < share) & (codes > alphabet.MASK)
    first = (codes.shape[1] - kept) // 2
    changed[:, first : first + kept] = False
    known = len(alphabet.LETTERS)
    first_letter = alphabet.SIZE - known
    others = (codes - first_letter + random.integers(1, known, size=codes.shape)) % known + first_letter
    return np.where(changed, others, codes)


def row_names(table: pd.DataFrame) -> list[str]:
    """Table and row of every row, as a person counts them."""
    if "source" not in table:
        return [str(row + 1) for row in range(len(table))]
    return [f"{source}:{row + 1}" for source, row in zip(table["source"], table["row"], strict=True)]


def take_part(batch: Any, number: int, count: int) -> tuple[Any, bool]:
    """One of `count` parts of a batch, a dataclass of arrays, and whether it counts.

    Where rows are too few for all parts, the last ones have the first row again, which does not count.
    """
    if count == 1:
        return batch, True
    rows = np.array_split(np.arange(len(batch.codes)), count)[number]
    chosen = rows if len(rows) else np.zeros(1, dtype=np.int64)
    arrays = {name: value for name, value in vars(batch).items() if isinstance(value, np.ndarray)}
    return replace(batch, **{name: value[chosen] for name, value in arrays.items()}), len(rows) > 0


def pad(codes: list[np.ndarray], length: int) -> np.ndarray:
    """Left-pad to one length. (B, length) int64"""
    batch = np.full((len(codes), length), alphabet.PAD, dtype=np.int64)
    for row, one in zip(batch, codes, strict=True):
        if len(one):
            row[-len(one) :] = one
    return batch
