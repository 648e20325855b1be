"""Secondary structures: dot-bracket text, base pairs, and the best structure that pair probabilities allow."""

from collections.abc import Sequence

import numpy as np

from utrlm import alphabet
from utrlm.errors import InputError

LOOP = 3  # fewest letters in a hairpin's loop
MINIMAL_KNOT = 3  # stacked pairs: a lone crossing pair is more likely wrong than right
BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">"}  # the first kind for nested pairs, the others for pseudoknots
UNPAIRED = ".,-_:"
_A, _C, _G, _T = (alphabet.LETTERS.index(letter) + 2 for letter in "ACGT")
ALLOWED = np.zeros((alphabet.SIZE, alphabet.SIZE), dtype=bool)  # by two codes: Watson-Crick and wobble pairs
for _one, _two in ((_A, _T), (_C, _G), (_G, _T)):
    ALLOWED[_one, _two] = ALLOWED[_two, _one] = True


def parse_structure(text: str, where: str = "structure") -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, counted from 0, sorted.

    Raises:
        InputError: a bracket without its partner, or a sign that is none; `where` names the record.
    """
    closing = {end: start for start, end in BRACKETS.items()}
    opened: dict[str, list[int]] = {start: [] for start in BRACKETS}
    pairs = []
    for position, sign in enumerate(text):
        if sign in opened:
            opened[sign].append(position)
        elif sign in closing:
            if not opened[closing[sign]]:
                raise InputError(f"{where}: {sign!r} at position {position + 1} closes nothing")
            pairs.append((opened[closing[sign]].pop(), position))
        elif sign not in UNPAIRED:
            raise InputError(f"{where}: {sign!r} at position {position + 1} is no sign of a structure")
    for sign, positions in opened.items():
        if positions:
            raise InputError(f"{where}: {sign!r} at position {positions[-1] + 1} is never closed")
    return sorted(pairs)


def dot_bracket(pairs: list[tuple[int, int]], length: int, knots: Sequence[tuple[int, int]] = ()) -> str:
    """Nested pairs as text; `knots`, nested among themselves, in brackets of the second kind."""
    text = ["."] * length
    for opening, closing, some in (("(", ")", pairs), ("[", "]", knots)):
        for i, j in some:
            text[i], text[j] = opening, closing
    return "".join(text)


def can_pair(codes: np.ndarray) -> np.ndarray:
    """Whether two positions could pair: AU, CG or GU, with a loop of three or more between. (L,) -> (L, L) bool"""
    apart = np.abs(np.subtract.outer(np.arange(len(codes)), np.arange(len(codes)))) > LOOP
    possible: np.ndarray = ALLOWED[codes[:, None], codes[None, :]] & apart
    return possible


def by_distance(probability: np.ndarray) -> np.ndarray:
    """Pair probabilities by first letter and distance: [i, d] is of i and i + d. (L, L), symmetric -> (L, L)"""
    length = len(probability)
    near = np.zeros_like(probability)
    for i in range(length):
        near[i, : length - i] = probability[i, i:]
    return near


def best_structure(near: np.ndarray, threshold: float) -> list[tuple[int, int]]:
    """Nested pairs with the largest sum of probability minus `threshold`. (L, D), as `by_distance` has it

    Maximum expected accuracy (Do et al. 2006, doi:10.1093/bioinformatics/btl246), over the pairs above the
    threshold only; no pair is wider than D, so that time and memory grow with L times D.
    """
    length, reach = near.shape
    inner = np.zeros((length + 1, reach + 1))  # [i, n]: best of the n letters from i on
    outer = np.zeros(length + 1)  # best of all letters from i on
    for i in range(length - 1, -1, -1):
        inner[i, 1:], outer[i] = inner[i + 1, :-1], outer[i + 1]
        for d, gain in _partners(near[i], threshold):
            pair, rest = gain + inner[i + 1, d - 1], inner[i, d + 1 :]
            np.maximum(rest, pair + inner[i + d + 1, : reach - d], out=rest)
            outer[i] = max(outer[i], pair + outer[i + d + 1])

    def best(i: int, j: int) -> float:
        return float(outer[i] if j == length else inner[i, j - i])

    pairs, waiting = [], [(0, length)]
    while waiting:
        i, j = waiting.pop()
        while i < j and best(i, j) == best(i + 1, j):
            i += 1
        for d, gain in _partners(near[i], threshold) if i < j else ():
            k = i + d
            if k < j and best(i, j) == gain + inner[i + 1, d - 1] + best(k + 1, j):
                pairs.append((i, k))
                waiting += [(i + 1, k), (k + 1, j)]
                break
    return sorted(pairs)


def _partners(row: np.ndarray, threshold: float) -> list[tuple[int, float]]:
    """Distances to a letter's probable partners, nearest first, and what each pair gains. (D,)"""
    gains = row.astype(np.float64) - threshold
    return [(int(d), float(gains[d])) for d in np.flatnonzero(gains > 0) if d > LOOP]


def best_knots(near: np.ndarray, pairs: list[tuple[int, int]], threshold: float) -> list[tuple[int, int]]:
    """Pairs of letters that `pairs` leave alone and that cross some of them, nested among themselves. (L, D)

    The second layer of IPKnot's objective (Sato et al. 2011, doi:10.1093/bioinformatics/btr215), chosen after
    the first one; runs of less than MINIMAL_KNOT pairs are left out.
    """
    if not pairs:
        return []
    length, reach = near.shape
    free = np.zeros(length + reach, dtype=bool)
    free[:length] = True
    free[[end for pair in pairs for end in pair]] = False
    others = np.lib.stride_tricks.sliding_window_view(free, reach)[:length]  # [i, d]: of i + d
    second = best_structure(np.where(free[:length, None] & others, near, 0), threshold)
    crossing = [(i, j) for i, j in second if any(i < k < j < m or k < i < m < j for k, m in pairs)]
    known = set(crossing)
    kept = []
    for i, j in crossing:
        first = last = 0
        while (i - first - 1, j + first + 1) in known:
            first += 1
        while (i + last + 1, j - last - 1) in known:
            last += 1
        if first + last + 1 >= MINIMAL_KNOT:
            kept.append((i, j))
    return kept


def expected_accuracy(near: np.ndarray, pairs: list[tuple[int, int]]) -> float:
    """Share of letters that are expected to be paired, or unpaired, as the structure says. (L, D)"""
    paired = near.sum(axis=1, dtype=np.float64)
    for d in range(1, near.shape[1]):
        paired[d:] += near[: len(near) - d, d]
    right = 1 - paired.clip(0, 1)  # (L,), chance of being unpaired
    for i, j in pairs:
        right[i] = right[j] = near[i, j - i]
    return float(right.mean()) if len(right) else 0.0


def score_pairs(real: list[tuple[int, int]], told: list[tuple[int, int]], slip: int = 0) -> tuple[float, float, float]:
    """Precision, recall and F1 of base pairs; with `slip`, one end of a pair may be so many letters off.

    A structure without a pair that is predicted without a pair scores 1 (Mathews 2019,
    doi:10.1016/j.ymeth.2019.04.003, for slippage).
    """
    if not real and not told:
        return 1.0, 1.0, 1.0

    def near(pairs: list[tuple[int, int]]) -> set[tuple[int, int]]:
        moved = range(-slip, slip + 1)
        return {(i + s, j) for i, j in pairs for s in moved} | {(i, j + s) for i, j in pairs for s in moved}

    near_real, near_told = near(real), near(told)
    precision = sum(pair in near_real for pair in told) / len(told) if told else 0.0
    recall = sum(pair in near_told for pair in real) / len(real) if real else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0
