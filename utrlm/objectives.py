"""What a design should reach: columns to maximise, to minimise or to bring to a value, and how sure of it to be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from utrlm import alphabet
from utrlm.decode import DECIMALS
from utrlm.errors import InputError
from utrlm.fasta import Record
from utrlm.predict import Predictor


@dataclass(frozen=True)
class Objective:
    """One wish; units are its column's."""

    column: str
    sign: int  # 1: maximise, -1: minimise, 0: bring to `value`
    weight: float = 1.0
    value: float = 0.0

    def gain(self, predicted: float, tolerance: float) -> float:
        """How good a prediction is: more is better, and 0 is a value that is met."""
        if self.sign:
            return self.sign * predicted
        return -max(0.0, abs(predicted - self.value) - tolerance)


def parse_objective(text: str, option: str, sign: int) -> Objective:
    """COLUMN[:WEIGHT], or COLUMN=VALUE[:WEIGHT] where `sign` is 0. Raises InputError where it is not that."""
    body, _, weight = text.partition(":")
    column, equals, value = body.partition("=")
    try:
        made = Objective(column, sign, float(weight or 1), float(value or 0))
        if not column or bool(value) == bool(sign) or bool(equals) == bool(sign) or not 0 < made.weight < 1e6:
            raise ValueError
        if not abs(made.value) < 1e9:
            raise ValueError
    except ValueError:
        form = "COLUMN[:WEIGHT]" if sign else "COLUMN=VALUE[:WEIGHT]"
        raise InputError(f"{option} {text}: should be {form}, with a weight above 0") from None
    return made


def parse_objectives(maximise: Sequence[str], minimise: Sequence[str], target: Sequence[str]) -> list[Objective]:
    """All wishes, in that order. Raises InputError: none, one that cannot be read, or two for one column."""
    made = [parse_objective(text, "--maximise", 1) for text in maximise]
    made += [parse_objective(text, "--minimise", -1) for text in minimise]
    made += [parse_objective(text, "--target", 0) for text in target]
    if not made:
        raise InputError("give --maximise COLUMN, --minimise COLUMN or --target COLUMN=VALUE")
    columns = [one.column for one in made]
    for column in columns:
        if columns.count(column) > 1:
            raise InputError(f"{column}: asked for twice")
    return made


@dataclass(frozen=True)
class Scored:
    """A sequence and what is predicted of it, by column."""

    sequence: str
    values: dict[str, float]
    doubts: dict[str, float]  # half the 90 % interval or, of several models, their standard deviation
    score: float  # more is better
    met: bool  # all values that were asked for are within the tolerance
    rank: tuple[bool, float]  # more is better: the score, but what ends the search comes first


class Scorer:
    """Predicts and scores sequences, and counts how many."""

    def __init__(
        self,
        objectives: list[Objective],
        tolerance: float,
        caution: float,
        tasks: list[str],
        models: Sequence[str],
        **settings: Any,
    ):
        """`caution`: what a unit of doubt costs. Models that write one column are an ensemble: its mean is what
        counts. `settings`: the others of `Predictor`.

        Raises:
            InputError: see `open_models`; a column that no scalar model writes.
        """
        self.objectives, self._tolerance, self._caution = objectives, tolerance, caution
        opened = [Predictor(tasks, [], **settings)] if tasks or not models else []
        opened += [Predictor([], [path], **settings) for path in models]
        known: dict[str, list[Predictor]] = {}
        for one in opened:
            for card in one.keep_scalar():
                for target in card.targets:
                    known.setdefault(f"{card.name}_{target.name}", []).append(one)
        for objective in objectives:
            if objective.column not in known:
                raise InputError(f"no model predicts {objective.column!r}; there are {', '.join(known)}")
        self._writers = {objective.column: known[objective.column] for objective in objectives}
        self._predictors = list(dict.fromkeys(one for some in self._writers.values() for one in some))
        for one in self._predictors:
            one.models = [model for model in one.models if set(model.card.columns) & set(self._writers)]
        self.calls = 0

    @property
    def endless(self) -> bool:
        """Whether a search could always go on: something is to be maximised or minimised."""
        return any(one.sign for one in self.objectives)

    @property
    def doubt_by_interval(self) -> bool:
        """Whether caution rests on a model's intervals, which are not given outside the lengths it was trained on."""
        return self._caution > 0 and any(len(some) == 1 for some in self._writers.values())

    @property
    def domain(self) -> tuple[int, int]:
        """Lengths that all that is wished for was learned from, in nt: shortest and longest."""
        cards = [model.card for one in self._predictors for model in one.models]
        ends = [
            (*card.lengths_of(target), card.lengths[1])
            for card in cards
            for target in card.targets
            if f"{card.name}_{target.name}" in self._writers
        ]
        return max(least for least, *_ in ends), min(min(most) for _, *most in ends)

    def score(self, sequences: list[str]) -> list[Scored]:
        """All of them, in order; those that are the same are predicted once."""
        distinct = list(dict.fromkeys(sequences))
        self.calls += len(distinct)
        records = [Record(str(i), "", letters, alphabet.encode(letters)) for i, letters in enumerate(distinct)]
        tables = {id(one): list(one.rows(iter(records))) for one in self._predictors}
        known = {}
        for number, sequence in enumerate(distinct):
            rows = {column: [tables[id(one)][number] for one in some] for column, some in self._writers.items()}
            known[sequence] = self._scored(sequence, rows)
        return [known[sequence] for sequence in sequences]

    def _scored(self, sequence: str, rows: dict[str, list[dict[str, Any]]]) -> Scored:
        """Score of a sequence from its rows, by column the one of each model that writes it."""
        values, doubts = {}, {}
        for column, some in rows.items():
            told = [row[column] for row in some]
            values[column] = round(float(np.mean(told)), DECIMALS)
            if len(told) > 1:
                doubts[column] = float(np.std(told))
            else:
                low, high = some[0].get(f"{column}_low"), some[0].get(f"{column}_high")
                doubts[column] = 0.0 if low is None or high is None else (high - low) / 2
        score = 0.0
        for one in self.objectives:
            gain = one.gain(values[one.column], self._tolerance)
            score += one.weight * (gain - self._caution * doubts[one.column])
        gains = [one.gain(values[one.column], self._tolerance) for one in self.objectives if not one.sign]
        met = bool(gains) and not any(gains)
        return Scored(sequence, values, doubts, score, met, (met and not self.endless, score))
