"""Sequences that are no near copies of each other. Needs the extra `design` (rapidfuzz)."""

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist


class Apart:
    """A set of sequences that are all at least `least` edits from each other: substitutions, insertions and deletions
    of a letter (Levenshtein)."""

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
