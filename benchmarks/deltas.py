"""How near predicted differences of near-identical UTRs come: correlation, the factor of their intervals, its coverage.

python benchmarks/deltas.py DATA: pairs of designed 50-mers of one group that differ by one or two letters.
The factor (`deltas.PAIR_FACTORS`) is fitted on pairs of `valid` and tried on pairs of `test`; no weight saw either.
"""

import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from utrlm import alphabet, metrics
from utrlm.deltas import PAIR_FACTORS
from utrlm.fasta import Record
from utrlm.predict import Predictor
from utrlm.recipe import read_recipe
from utrlm.table import build_table

ROOT = Path(__file__).parent.parent
COLUMN = "mrl_designed"


def find_pairs(table):
    """Rows that differ by one or two letters within a group: split, group, both row numbers."""
    rows = []
    for (split, group), part in table.groupby(["split", "group"]):
        codes = np.array([alphabet.encode(s) for s in part["sequence"]])
        apart = (codes[:, None] != codes[None]).sum(axis=2)
        rows += [
            (split, group, part.index[i], part.index[j]) for i, j in np.argwhere(np.triu((apart > 0) & (apart < 3)))
        ]
    return pd.DataFrame(rows, columns=["split", "group", "one", "other"])


def main():
    table = build_table(read_recipe(ROOT / "recipes/mrl.toml"), Path(sys.argv[1]))
    table = table[(table["target"] == "designed") & table["split"].isin(["valid", "test"])]
    table = table[table["sequence"].str.len() == 50].drop_duplicates("sequence").reset_index(drop=True)
    records = (Record("r", "", s, alphabet.encode(s)) for s in table["sequence"])
    predicted = pd.DataFrame(list(Predictor(tasks=["mrl"]).rows(records)))
    half = ((predicted[f"{COLUMN}_high"] - predicted[f"{COLUMN}_low"]) / 2).to_numpy()
    label, value = table["label"].to_numpy(), predicted[COLUMN].to_numpy()

    pairs = find_pairs(table)
    one, other = pairs["one"].to_numpy(), pairs["other"].to_numpy()
    change = value[other] - value[one]
    root = np.hypot(half[one], half[other])
    ratio = np.abs(label[other] - label[one] - change) / root
    valid, test = (pairs["split"] == name for name in ("valid", "test"))
    for name, chosen in (("valid", valid), ("test", test)):
        told, measured, group = change[chosen], (label[other] - label[one])[chosen], pairs["group"].to_numpy()[chosen]
        for what, metric in (("Spearman", metrics.spearman), ("Pearson", metrics.pearson)):
            low, high = metrics.bootstrap(measured, told, group, metric)
            print(f"{what}, {len(told):,} pairs of {name}: {metric(measured, told):.3f} (95 % {low:.3f} to {high:.3f})")
    number = valid.sum()
    print(f"factor on {number:,} pairs of valid: {np.sort(ratio[valid])[math.ceil((number + 1) * 0.9) - 1]:.4f}")
    factor = PAIR_FACTORS["mrl"]
    inside = (ratio <= factor)[test].astype(float)
    low, high = metrics.bootstrap_mean(inside, pairs["group"].to_numpy()[test])
    print(f"with {factor} on {test.sum():,} pairs of test: {inside.mean():.3f} inside (95 % {low:.3f} to {high:.3f})")
    print(f"mean width {2 * factor * root[test].mean():.2f}; with factor 1: {(ratio[test] <= 1).mean():.3f} inside")
    for what, order in (("predicted change", np.abs(change)), ("width", root)):
        parts = np.array_split(inside[np.argsort(order[test], kind="stable")], 4)
        print(f"by quarter of {what}:", *(f"{part.mean():.3f}" for part in parts))


if __name__ == "__main__":
    main()
