"""Search for 5' UTRs: a population evolves towards what is wished for, and stays diverse on the way.

The population is always the best sequences seen so far that are at least the asked edit distance apart, so that a
better copy takes its neighbour's place and no family takes over. Children are crossed from two of them, both cut at
the same distance from the start codon, and changed by a few letters. Constraints are met before a model is asked, so
that no prediction is spent on what may not be. The search ends when all values are met, or after its rounds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from utrlm.alphabet import LETTERS
from utrlm.constraints import Constraints
from utrlm.distance import Apart
from utrlm.fasta import Record
from utrlm.objectives import Scored, Scorer
from utrlm.uorf import plain

CROSSED = 0.5  # share of children with two parents
MORE = 0.4  # chance that a child is changed once more, and again
TOURNAMENT = 2  # drawn, of whom the best becomes a parent
SMALLEST = 50  # population, however few designs are asked for
ATTEMPTS = 200  # to find a child that meets the constraints


@dataclass(frozen=True)
class Plan:
    """How much is searched."""

    number: int  # of designs
    rounds: int
    children: float  # a round, for each of the population
    min_distance: int  # edits between any two designs

    @property
    def population(self) -> int:
        """How many are kept."""
        return max(self.number, SMALLEST)


@dataclass(frozen=True)
class Member:
    """One of the population."""

    start: str  # id of the given sequence that its part next to the start codon comes from, or "random"
    round: int  # in which it was made
    scored: Scored


@dataclass(frozen=True)
class Round:
    """How far the designs were: 10 %, 50 % and 90 % quantiles of each column and of the score."""

    number: int
    predictions: int
    met: int
    quantiles: dict[str, tuple[float, float, float]]


def first_sequences(
    records: Sequence[Record], constraints: Constraints, plan: Plan, random: Random
) -> list[tuple[str, str]]:
    """Ids and sequences to begin with: random ones; or the records, made to fit, and copies of them in turn, changed
    about as often as they must be apart.

    Raises:
        InputError: the constraints could not be met.
    """
    if not records:
        return [("random", constraints.draw(random)) for _ in range(plan.population)]
    fitted = [(one.id, constraints.fit(known_letters(one.sequence, random), random)) for one in records]
    copies = []
    for at in range(plan.population - len(fitted)):
        name, copy = fitted[at % len(fitted)]
        for _ in range(plan.min_distance):
            copy = child_of(copy, copy, constraints, random) or copy
        copies.append((name, copy))
    return fitted + copies


def known_letters(sequence: str, random: Random) -> str:
    """Upper-case DNA, with a random letter for each unknown one."""
    return "".join(one if one in LETTERS else random.choice(LETTERS) for one in plain(sequence))


def evolve(
    scorer: Scorer, constraints: Constraints, starts: list[tuple[str, str]], plan: Plan, random: Random
) -> tuple[list[Member], list[Round]]:
    """Designs, best first, and how the search went. Fewer than asked where not enough are far enough apart."""
    population = select(predicted(0, starts, scorer), plan)
    history = [measure(0, population[: plan.number], scorer.calls)]
    size = max(1, round(plan.population * plan.children))
    for number in range(1, plan.rounds + 1):
        if not scorer.endless and sum(one.scored.met for one in population) >= plan.number:
            break
        children = [child for _ in range(size) if (child := breed(population, constraints, random))]
        population = select([*population, *predicted(number, children, scorer)], plan)
        history.append(measure(number, population[: plan.number], scorer.calls))
    return population[: plan.number], history


def predicted(number: int, sequences: list[tuple[str, str]], scorer: Scorer) -> list[Member]:
    """Members of a round, predicted. `sequences`: id of the start, and letters."""
    scored = scorer.score([sequence for _, sequence in sequences])
    return [Member(name, number, one) for (name, _), one in zip(sequences, scored, strict=True)]


def select(members: Iterable[Member], plan: Plan) -> list[Member]:
    """The best that are far enough apart, best first; of equals, the older."""
    apart, chosen = Apart(plan.min_distance), []
    for one in sorted(members, key=lambda one: one.scored.rank, reverse=True):
        if apart.admit(one.scored.sequence):
            chosen.append(one)
            if len(chosen) == plan.population:
                break
    return chosen


def breed(population: list[Member], constraints: Constraints, random: Random) -> tuple[str, str] | None:
    """A child of one or two of a population (best first): id of its start, and letters; None where none was found."""
    mother, father = (population[min(random.choices(range(len(population)), k=TOURNAMENT))] for _ in range(2))
    if random.random() >= CROSSED:
        father = mother
    child = child_of(mother.scored.sequence, father.scored.sequence, constraints, random)
    return (mother.start, child) if child else None


def child_of(mother: str, father: str, constraints: Constraints, random: Random) -> str | None:
    """Letters of a mother next to the start codon, of a father before them, and changes; without a fault."""
    for _ in range(ATTEMPTS):
        child = mother
        if father != mother:
            back = random.randint(1, len(mother))
            child = father[: max(0, len(father) - back)] + mother[len(mother) - back :]
        else:
            child = constraints.change(child, random)
        while random.random() < MORE:
            child = constraints.change(child, random)
        if child not in (mother, father) and not constraints.faults(child):
            return child
    return None


def measure(number: int, designs: list[Member], predictions: int) -> Round:
    """The state of the best after a round."""
    columns = {name: [one.scored.values[name] for one in designs] for name in designs[0].scored.values}
    columns["score"] = [one.scored.score for one in designs]
    quantiles = {name: tuple(np.quantile(values, [0.1, 0.5, 0.9]).tolist()) for name, values in columns.items()}
    return Round(number, predictions, sum(one.scored.met for one in designs), quantiles)
