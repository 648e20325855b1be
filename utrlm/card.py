"""A model's card: what it is called, what it predicts, on what it can be believed.

It travels as JSON in the metadata of the `.onnx` file, so that one file is all a model needs.
"""

import json
import sys
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.fields import check_types

KEY = "utrlm.card"  # metadata key
PROBABILITY = "probability"  # a target's unit: 0 or 1 was measured
STRUCTURE = "dot-bracket"  # a target's unit: the column is text
COVERAGE = 0.9  # share of new measurements that an interval is made to hold
EMBEDDING = "embedding"  # a kind without columns: a vector a letter, see `embed`
# what is read (`alphabet.WINDOWS`) and how it becomes columns (`decode.DECODERS`)
KINDS = ("scalar", "site", "pairs", EMBEDDING)
LONGEST_CONTEXT = 100_000  # nt
LONGEST_NAME = 200  # characters of a column's name
LONGEST_FOLDED = 10_000  # nt of which a structure is told, tile by tile (`tiles`): bounds its memory
FORMAT = 1  # raised when an older reader could misread a newer card


@dataclass(frozen=True)
class CardTarget:
    """One predicted column."""

    name: str
    unit: str
    description: str
    letters: str = ""  # two letters that a site has in the middle; elsewhere nothing is predicted
    shortest: int = 0  # nt, of the sequences that it was learned from
    longest: int = 0  # nt; 0: the model's own, as in cards from before there was one a target


@dataclass(frozen=True)
class ModelCard:
    """All that prediction and a careful reader need to know of a model."""

    name: str  # first part of its columns
    kind: str  # one of KINDS
    version: str  # of the utrlm that exported it
    description: str
    targets: tuple[CardTarget, ...]
    shortest: int  # nt, trained domain
    longest: int  # nt, trained domain
    context: int  # letters read at once, counted back from the start codon or, by a site model, around the middle
    default: bool = True  # predicted when the user names no task
    threshold: float = 0.5  # of a pair's probability, for a structure that is expected to be right
    threshold_told: float = 0.0  # the same where thermodynamics is told; 0: no other
    interval: float = 0.0  # share of new measurements that lie between low and high; 0: no intervals
    alphabet: str = alphabet.NAME
    format: int = FORMAT
    metrics: dict[str, Any] = field(default_factory=dict)  # target -> protocol -> metric -> value
    data: tuple[dict[str, str], ...] = ()  # file, citation, terms
    data_sha256: str = ""  # over those files
    notes: str = ""

    @property
    def columns(self) -> list[str]:
        """Names of the predicted columns; of each target, its ends as well where the model gives intervals."""
        return [f"{self.name}_{target.name}{end}" for target in self.targets for end in self.ends(target)]

    def ends(self, target: CardTarget) -> tuple[str, ...]:
        """What is told of a target: its value and the ends of its interval; a probability has none."""
        return ("", "_low", "_high") if self.interval and target.unit != PROBABILITY else ("",)

    def unbounded(self, length: int) -> list[str]:
        """Names of the columns that hold ends of intervals which are not known for a UTR of so many nt."""
        ends = ((target, *self.lengths_of(target)) for target in self.targets)
        far = [target for target, shortest, longest in ends if not shortest <= length <= longest]
        return [f"{self.name}_{target.name}{end}" for target in far for end in self.ends(target)[1:]]

    def lengths_of(self, target: CardTarget) -> tuple[int, int]:
        """Shortest and longest sequence, nt, that a target was learned from."""
        return max(self.shortest, target.shortest), min(self.longest, target.longest or self.longest)

    @property
    def reach(self) -> int:
        """Letters of a sequence that are read at all: of structures tile by tile, else at once."""
        return max(self.context, LONGEST_FOLDED) if self.kind == "pairs" else self.context

    def told(self, fold: bool) -> "ModelCard":
        """The card as decoding reads it, where the model is told what thermodynamics says, or not."""
        return replace(self, threshold=self.threshold_told) if fold and self.threshold_told else self

    def window(self, codes: np.ndarray) -> np.ndarray:
        """What the model reads of a sequence. (L,) -> (at most reach,)"""
        return alphabet.WINDOWS[self.kind](codes, self.reach)

    @property
    def lengths(self) -> tuple[int, int]:
        """Shortest and longest sequence, nt, that needs no flag; a site is looked at in a sequence of any length."""
        if self.kind == "site":
            return min(self.shortest, self.context), sys.maxsize
        return self.shortest, min(self.longest, self.context)

    @property
    def domain(self) -> str:
        """What it was trained on, in words."""
        if self.kind == "site":
            return f"{self.context} nt around the site"
        return f"{self.shortest} to {self.longest} nt"

    def to_json(self) -> str:
        """The card as it stands in the metadata."""
        return json.dumps(asdict(self), sort_keys=True)


def parse_card(text: str, where: str) -> ModelCard:
    """The card in a metadata string.

    Raises:
        InputError: not a card of ours, of a newer format, of an unknown kind or another alphabet.
    """
    try:
        values = json.loads(text)
        values["targets"] = tuple(CardTarget(**target) for target in values["targets"])
        values["data"] = tuple(values.get("data", ()))
        card = ModelCard(**values)
        check_types(card)
        for target in card.targets:
            check_types(target)
        _check_names(card)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(f"{where}: its model card cannot be read ({error})") from error
    if card.format > FORMAT:
        raise InputError(f"{where}: made by a newer utrlm (card format {card.format}); update utrlm")
    if card.kind not in KINDS:
        raise InputError(f"{where}: kind {card.kind!r} is none of {', '.join(KINDS)}")
    if card.alphabet != alphabet.NAME:
        raise InputError(f"{where}: made for another alphabet ({card.alphabet}); this utrlm has {alphabet.NAME}")
    return card


def _check_names(card: ModelCard) -> None:
    """Raise ValueError where names make no columns of a table, or nothing is read."""
    if not all(name.isprintable() and 0 < len(name) <= LONGEST_NAME for name in card.columns):
        raise ValueError(f"columns {', '.join(card.columns)!r:.200}")
    if (not card.columns and card.kind != EMBEDDING) or len(set(card.columns)) < len(card.columns):
        raise ValueError(f"{len(card.targets)} targets, {len(set(card.columns))} columns")
    if not 0 < card.context <= LONGEST_CONTEXT:
        raise ValueError(f"context {card.context}")
