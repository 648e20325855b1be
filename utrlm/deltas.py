"""Predictions for a reference and an alternate sequence, and how far their difference may be off.

The interval of a difference: a model's 90 % intervals give each sequence's half-width; were the two errors
independent, the difference's would be the root of the sum of their squares. Errors of near-identical sequences are
alike, so that is too wide; split-conformal calibration on measured pairs says by how much (PAIR_FACTORS).
"""

import math
from collections.abc import Iterable

from utrlm import alphabet
from utrlm.decode import Row
from utrlm.fasta import Record
from utrlm.predict import Predictor

# By model: the 90 % quantile of |error of the difference| over that root, on pairs of `valid` that differ by one or two
# letters (benchmarks/deltas.py; of `mrl`, 3,400 pairs of the designed library). Other models: 1, which is cautious.
PAIR_FACTORS = {"mrl": 0.73}
ENDS = ("ref", "alt", "delta", "delta_low", "delta_high")


class PairPredictor:
    """Every scalar prediction of pairs of sequences; each distinct sequence is predicted once a window."""

    def __init__(self, predictor: Predictor):
        """Raises InputError: no scalar model among the predictor's."""
        self._cards = predictor.keep_scalar()
        self._predictor = predictor
        self._known: dict[str, Row] = {}
        self._targets = [(card, f"{card.name}_{target.name}") for card in self._cards for target in card.targets]

    @property
    def columns(self) -> list[str]:
        """Of each target: both predictions, their difference and its 90 % interval."""
        return [f"{name}_{end}" for _, name in self._targets for end in ENDS]

    def predict(self, sequences: Iterable[str]) -> None:
        """Predict these (upper-case DNA); keeps them and, of the ones before, those that are asked for again."""
        wanted = dict.fromkeys(sequences)
        self._known = {sequence: self._known[sequence] for sequence in wanted if sequence in self._known}
        new = [sequence for sequence in wanted if sequence not in self._known]
        records = (Record(str(i), "", s, alphabet.encode(s)) for i, s in enumerate(new))
        self._known |= dict(zip(new, self._predictor.rows(records), strict=True))

    def compare(self, reference: str, alternate: str | None) -> Row:
        """Columns and flags of a pair that `predict` was given; without an alternate only `_ref` is filled."""
        before, after = self._known[reference], self._known[alternate] if alternate else None
        row: Row = {}
        for card, name in self._targets:
            cells = [before[name], None, None, None, None]
            if after:
                change = after[name] - before[name]
                half = _half_width(before, after, name, PAIR_FACTORS.get(card.name, 1.0))
                cells[1:3] = after[name], change
                if half is not None:
                    cells[3:] = change - half, change + half
            row |= dict(zip((f"{name}_{end}" for end in ENDS), cells, strict=True))
        flags = [str((after or before)["flags"])] if (after or before)["flags"] else []
        if alternate and self._reads_alike(reference, alternate):
            flags.append("unread")
        row["flags"] = ",".join(flags)
        return row

    def _reads_alike(self, reference: str, alternate: str) -> bool:
        """Whether a change lies where no model reads: further from the start codon than their context."""
        if reference == alternate:
            return True
        if len(alternate) <= min(card.context for card in self._cards):
            return False
        codes = [alphabet.encode(reference), alphabet.encode(alternate)]
        return all(card.window(codes[0]).tobytes() == card.window(codes[1]).tobytes() for card in self._cards)


def _half_width(before: Row, after: Row, name: str, factor: float) -> float | None:
    """Half the width of a difference's interval; None where one of the two has none."""
    widths = []
    for row in (before, after):
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        if low is None or high is None:
            return None
        widths.append(high - low)
    return factor * math.hypot(*widths) / 2
