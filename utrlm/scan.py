"""Splice sites of longer sequences: every GT and AG with its probability, at a stated prior.

The site models learned from as many real sites as false ones, while of the GTs of a real sequence
hardly one in fifty is a donor. A probability is therefore turned into the one that holds where
`prior` real sites of each kind are expected in a kilobase (Bayes' theorem on the odds).
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from utrlm import alphabet
from utrlm.card import CardTarget
from utrlm.decode import open_text
from utrlm.errors import InputError
from utrlm.fasta import Record, SeenIds, read_fasta
from utrlm.predict import Predictor

BED_SCORE = 1000  # a score column's largest value


@dataclass(frozen=True)
class Site:
    """One candidate."""

    record: str  # id
    start: int  # of its two letters, counted from 0
    kind: str  # name of the target, such as human_donor
    probability: float  # at the prior
    flags: str = ""  # comma list

    def bed(self) -> str:
        """A BED6 line with the probability as a seventh column, and flags ("." is none) as an eighth."""
        where = (self.record, self.start, self.start + 2)
        score = round(self.probability * BED_SCORE)
        columns = (*where, self.kind, score, "+", f"{self.probability:.4f}", self.flags or ".")
        return "\t".join(map(str, columns)) + "\n"


def scan_fasta(
    fasta: str, output: str, species: str, prior: float, least: float, model: str | None, cpus: int
) -> tuple[int, int]:
    """Write the sites of a FASTA as BED; returns the numbers of candidates and of those written.

    Raises:
        InputError: the FASTA or the model cannot be used, or knows no such species; a number that is none.
    """
    if math.isnan(prior) or math.isnan(least):
        raise InputError(f"--prior {prior}, --least {least}: should be numbers")
    predictor = Predictor(tasks=[] if model else ["splice"], models=[model] if model else [], device="cpu", cpus=cpus)
    candidates = written = 0
    seen = SeenIds()
    with open_text(output) as stream:
        for record in read_fasta(fasta):
            for site in scan(record, predictor, species, prior, seen.repeats(record.id)):
                candidates += 1
                if site.probability >= least:
                    stream.write(site.bed())
                    written += 1
    return candidates, written


def scan(record: Record, predictor: Predictor, species: str, prior: float, repeated: bool = False) -> Iterator[Site]:
    """All candidates of a record by position, with probabilities at `prior` real sites of each kind a kilobase.

    `repeated`: an earlier record has the same id.

    Raises:
        InputError: the model is no site model, or knows no such species.
    """
    card = predictor.models[0].card
    targets = [target for target in card.targets if target.name.startswith(f"{species}_")]
    if card.kind != "site" or not targets:
        raise InputError(f"model {card.name!r} predicts no sites of {species!r}")
    found = [(start, target) for target in targets for start in candidates(record.codes, target)]
    found.sort(key=lambda one: one[0])
    windows = [Record("", "", "", alphabet.around(record.codes, start, card.context)) for start, _ in found]
    counts = {target.name: sum(one is target for _, one in found) for target in targets}
    for (start, target), window, row in zip(found, windows, predictor.rows(iter(windows)), strict=True):
        expected = min(0.5, prior * len(record.codes) / 1000 / counts[target.name])
        probability = at_prior(row[f"{card.name}_{target.name}"], expected)
        yield Site(record.id, start, target.name, probability, doubts(window.codes, repeated))


def doubts(window: np.ndarray, repeated: bool) -> str:
    """What a reader should know before believing a site, as a comma list. window (context,)"""
    found = {
        "short": bool((window == alphabet.PAD).any()),
        "ambiguous": alphabet.is_ambiguous(window),
        "duplicate_id": repeated,
    }
    return ",".join(name for name, holds in found.items() if holds)


def candidates(codes: np.ndarray, target: CardTarget) -> list[int]:
    """Positions of a target's two letters, counted from 0. codes (L,)"""
    first, second = alphabet.encode(target.letters)
    hits: list[int] = np.flatnonzero((codes[:-1] == first) & (codes[1:] == second)).tolist()
    return hits


def at_prior(probability: float, expected: float) -> float:
    """A probability learned at even odds, where a share `expected` of the candidates is real."""
    real, false = probability * expected, (1 - probability) * (1 - expected)
    return real / (real + false) if real + false else 0.0
