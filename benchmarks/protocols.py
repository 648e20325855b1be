"""TE and EL by row, as published, and by group: what a score of each protocol is made of.

python benchmarks/protocols.py DATA RECIPE [MODEL ...]: for each target, r2 (squared Pearson) and Spearman (of a
probability, area under the ROC curve) over all out-of-fold predictions of three simple models: the mean label of the
identical sequence in the training folds, a linear model on uORF counts, length and GC, and the boosted trees that are
half of the shipped model (utrlm/training/composition.py). By row: all rows of the table, in ten random parts. By group:
a row a distinct sequence, in the folds that lie beside the recipe.
"""

import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from endogenous import uorf_features
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from utrlm import alphabet, metrics
from utrlm.card import PROBABILITY
from utrlm.recipe import read_recipe
from utrlm.table import build_table, read_table
from utrlm.training.composition import Composition, grow, spaced
from utrlm.training.data import pad

PARTS = 10
BATCH = 512  # sequences whose k-mers are counted at once


def rows_apart(recipe, data):
    """The tables' rows as they stand, and of each target a random tenth after the other: (table, test rows by part)."""
    every = replace(recipe, sources=tuple(replace(source, average=False) for source in recipe.sources))
    table = build_table(every, data)
    part = table.groupby("target")["label"].transform(
        lambda rows: np.random.default_rng(0).permutation(len(rows)) % PARTS
    )
    return table, [part == number for number in range(PARTS)]


def groups_apart(recipe, data, folds):
    """One row a distinct sequence, and of each target the folds of the shipped model: (table, test rows by fold)."""
    table = build_table(recipe, data).merge(read_table(folds), on=["source", "row", "target"], validate="1:1")
    return table, [table["fold"] == number for number in range(recipe.folds)]


def count_shares(sequences, context):
    """What the shipped trees see of each sequence. (N, S)"""
    composition = Composition(1)
    codes = [alphabet.encode(sequence)[-context:] for sequence in sequences]
    counted = (pad(codes[first : first + BATCH], context) for first in range(0, len(codes), BATCH))
    return np.concatenate([composition.shares(torch.from_numpy(batch)).numpy() for batch in counted])


def look_up(rows, parts, recipe, target):
    """Mean label of the identical sequence in the training folds, or of all their rows."""
    for part in parts:
        known = rows["label"][~part].groupby(rows["sequence"][~part]).mean()
        yield part, rows["sequence"][part].map(known).fillna(rows["label"][~part].mean())


def linear(rows, parts, recipe, target):
    """A linear model on uORF counts, length and GC."""
    counts = np.array([uorf_features(sequence) for sequence in rows["sequence"]])
    for part in parts:
        model = make_pipeline(StandardScaler(), Ridge(1.0))
        model.fit(counts[~part], rows["label"][~part], ridge__sample_weight=rows["weight"][~part])
        yield part, model.predict(counts[part])


def trees(rows, parts, recipe, target):
    """The boosted trees of the shipped model."""
    shares = count_shares(rows["sequence"], recipe.reach)
    for part in parts:
        label = spaced(rows["label"][~part].to_numpy(), target.unit == PROBABILITY)
        model = grow(Composition(1), 0, shares[~part], label, rows["weight"][~part].to_numpy())
        yield part, model.predict(shares[part])


MODELS = {"look-up": look_up, "linear": linear, "trees": trees}


def scores(label, predicted, target):
    """Of numbers r2 and Spearman, of a probability the area under the ROC curve."""
    if target.unit == PROBABILITY:
        return f"AUROC {metrics.area_under_roc(label, predicted):.3f}"
    return f"r2 {metrics.pearson(label, predicted) ** 2:.3f} | Spearman {metrics.spearman(label, predicted):.3f}"


def main():
    data, path, names = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:] or list(MODELS)
    recipe = read_recipe(path)
    folds = path.with_suffix(".folds.tsv.gz")
    protocols = {"by row": rows_apart(recipe, data), "by group": groups_apart(recipe, data, folds)}
    for name, target, (protocol, (table, parts)) in product(names, recipe.trained.targets, protocols.items()):
        rows = table[table["target"] == target.name].reset_index(drop=True)
        held = [part[table["target"] == target.name].to_numpy() for part in parts]
        predicted = np.empty(len(rows))
        for part, values in MODELS[name](rows, held, recipe, target):
            predicted[part] = values
        told = scores(rows["label"].to_numpy(), predicted, target)
        print(f"{recipe.name}_{target.name}", protocol, len(rows), name, told, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
