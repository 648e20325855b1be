"""Near copies, by edits: substitutions, insertions and deletions of a letter (Levenshtein).

Needs the extra `design` (rapidfuzz).
"""

from collections.abc import Sequence

import numpy as np
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

ROWS_AT_ONCE = 4096  # bounds the table of distances


def alike(sequences: Sequence[str], others: Sequence[str], identity: float) -> np.ndarray:
    """Which sequences have so large an identity with one of the others: 1 - edits / letters of the longer. (N,) bool"""
    near = np.zeros(len(sequences), dtype=bool)
    for first in range(0, len(sequences) if len(others) else 0, ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        shares = cdist(sequences[rows], others, scorer=Levenshtein.normalized_similarity, score_cutoff=identity)
        near[rows] = shares.max(axis=1) >= identity
    return near


class Apart:
    """A set of sequences that are all at least `least` edits from each other."""

    def __init__(self, least: int):
        self._least = least
        self._known: dict[str, None] = {}

    def admit(self, sequence: str) -> bool:
        """Take a sequence in, unless it is there or too near to one that is."""
        if sequence in self._known:
            return False
        if self._least > 1 and self._known:
            cutoff = self._least - 1  # more is not told apart, which is quicker
            if cdist([sequence], self._known.keys(), scorer=Levenshtein.distance, score_cutoff=cutoff).min() <= cutoff:
                return False
        self._known[sequence] = None
        return True
