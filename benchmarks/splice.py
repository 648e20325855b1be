"""Splice sites beyond F1: top-k accuracy, and what a scan at a stated prior would find and miss.

python benchmarks/splice.py DATA: on the recipe's test rows, by species and site. Top-k: share of real sites among
the k best scored, k the number of real ones. For a scan the real windows stand for the sites and the false ones, each
weighing more, for all other candidates; how many of these a kilobase holds is counted in the same sequences. A site is
written from a probability of .5 on, as `utrlm-scan` does by default.
"""

import sys
from pathlib import Path

import numpy as np

from utrlm import alphabet
from utrlm.evaluate import predict_labels
from utrlm.models import WEIGHTS, open_model
from utrlm.recipe import read_recipe
from utrlm.scan import at_prior, candidates
from utrlm.table import build_table

RECIPE = Path(__file__).parent.parent / "recipes/splice.toml"
MODEL = WEIGHTS / "splice.onnx"
PRIORS = (0.3, 1.0, 2.0)
LEAST = 0.5


def top_k(measured, told):
    """Share of the real ones among as many best scored. Both (N,)"""
    best = np.argsort(-told, kind="stable")[: int(measured.sum())]
    return measured[best].mean()


def scan(measured, told, prior, density):
    """Precision, recall, and written sites a kilobase, where `density` candidates a kilobase hold `prior` sites."""
    share = prior / density
    written = np.array([at_prior(one, share) for one in told]) >= LEAST
    recall, false = written[measured == 1].mean(), written[measured == 0].mean()
    hits, wrong = recall * prior, false * (density - prior)
    return hits / (hits + wrong) if hits + wrong else float("nan"), recall, hits + wrong


def main():
    """See the module's docstring."""
    table = build_table(read_recipe(RECIPE), Path(sys.argv[1]))
    test = table[table["split"] == "test"].reset_index(drop=True)
    told = predict_labels(str(MODEL), test)["predicted"].to_numpy()
    print("target\trows\ttop-k\tcandidates a kilobase\tprior a kilobase: precision, recall, written a kilobase")
    for target in open_model(MODEL).card.targets:
        mine = (test["target"] == target.name).to_numpy()
        codes = [alphabet.encode(one) for one in test["sequence"][mine]]
        density = 1000 * sum(len(candidates(one, target)) for one in codes) / sum(len(one) for one in codes)
        measured, guess = test["label"].to_numpy()[mine], told[mine]
        scans = [
            f"{prior}: " + ", ".join(f"{one:.3f}" for one in scan(measured, guess, prior, density)) for prior in PRIORS
        ]
        print(target.name, mine.sum(), f"{top_k(measured, guess):.3f}", f"{density:.0f}", *scans, sep="\t", flush=True)


if __name__ == "__main__":
    main()
