"""Design against random search and a plain genetic algorithm, at equal model calls.

python benchmarks/design.py DESIGNS ROUNDS CHILDREN SEED: 50 nt, no uAUG, at least 5 edits apart, model `mrl`; once to
maximise mrl_varying, once to bring it to a value that few random sequences reach. All three obey the same
constraints, have DESIGNS x (1 + ROUNDS x CHILDREN) predictions and hand in their DESIGNS best that are far enough
apart. Prints mean and lowest score, how many are at the target, and seconds.
"""

import sys
import time
from random import Random

import numpy as np

from utrlm.constraints import Constraints
from utrlm.distance import Apart
from utrlm.objectives import Objective, Scorer
from utrlm.search import Plan, evolve, first_sequences

APART = 5
LENGTH = 50
RULES = Constraints(LENGTH, LENGTH, no_uaug=True)


def pick(scored, number):
    """The best that are far enough apart."""
    apart, chosen = Apart(APART), []
    for one in sorted(scored, key=lambda one: -one.score):
        if len(chosen) < number and apart.admit(one.sequence):
            chosen.append(one)
    return chosen


def random_search(scorer, number, calls, random):
    """As many random sequences as predictions; the best of them."""
    return pick(scorer.score([RULES.draw(random) for _ in range(calls)]), number)


def genetic_algorithm(scorer, number, calls, random):
    """One population: tournaments of three, one-point crossover, each letter changed at 1 / length, two elites; it
    ends, too, when enough that are far enough apart are at the target."""
    population = scorer.score([RULES.draw(random) for _ in range(number)])
    seen = {one.sequence: one for one in population}
    while scorer.calls + number <= calls and len(pick((one for one in seen.values() if one.met), number)) < number:
        children = []
        while len(children) < number:
            mother, father = (max(random.sample(population, 3), key=lambda one: one.score).sequence for _ in "ab")
            cut = random.randrange(1, LENGTH)
            child = mother[:cut] + father[cut:]
            for at in range(LENGTH):
                if random.random() < 1 / LENGTH:
                    child = child[:at] + random.choice("ACGT") + child[at + 1 :]
            if not RULES.faults(child):
                children.append(child)
        elites = sorted(population, key=lambda one: -one.score)[:2]
        population = elites + scorer.score(children)[: number - 2]
        seen |= {one.sequence: one for one in population}
    return pick(seen.values(), number)


def design(scorer, number, calls, random, rounds, children):
    """utrlm-design."""
    plan = Plan(number, rounds, children, APART)
    return [one.scored for one in evolve(scorer, RULES, first_sequences([], RULES, plan, random), plan, random)[0]]


def main():
    number, rounds, children, seed = map(int, sys.argv[1:])
    calls = number * (1 + rounds * children)
    wishes = [Objective("mrl_varying", 1), Objective("mrl_varying", 0, value=6.8), Objective("mrl_varying", 0, value=2)]
    print("wish\tsearch\tdesigns\tmean score\tlowest\tat target\tpredictions\tseconds")
    for wish in wishes:
        for search in (random_search, genetic_algorithm, design):
            scorer = Scorer([wish], 0.05, 0.0, ["mrl"], [], device="cpu", cpus=2)
            start, extra = time.perf_counter(), (rounds, children) if search is design else ()
            found = search(scorer, number, calls, Random(seed), *extra)
            scores = [one.score for one in found]
            cells = [len(found), f"{np.mean(scores):.3f}", f"{min(scores):.3f}", sum(one.met for one in found)]
            told = "maximise" if wish.sign else f"target {wish.value}"
            print(told, search.__name__, *cells, scorer.calls, f"{time.perf_counter() - start:.0f}", sep="\t")


if __name__ == "__main__":
    main()
