"""TE and EL beside simple models, in the same folds: is the network worth its name?

python benchmarks/endogenous.py DATA RECIPE [FOLDS.tsv.gz]: for each target, Spearman (of a probability, area under
the ROC curve) over all out-of-fold predictions of the look-up of identical sequences, a linear model on uORF
counts, length and GC, and a gradient-boosted tree on k-mers, length, uAUGs and GC; and of the network, with
the share of bootstrap draws of whole groups in which the tree is not worse (p).
"""

import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from utrlm import metrics
from utrlm.recipe import read_recipe
from utrlm.table import build_table, read_table

READ = 100  # letters before the start codon that the simple models read
KMERS = [("".join(letters)) for k in (1, 2, 3, 4) for letters in product("ACGT", repeat=k)]
DRAWS = 1000


def uorf_features(sequence):
    """Length, GC (whole, last 50), out-of-frame, in-frame and overlapping uAUGs."""
    last = sequence[-READ:]
    starts = [i for i in range(len(last) - 2) if last[i : i + 3] == "ATG"]
    frames = [(len(last) - i) % 3 for i in starts]
    stopped = [any(last[j : j + 3] in ("TAA", "TAG", "TGA") for j in range(i, len(last) - 2, 3)) for i in starts]
    gc = [(part.count("G") + part.count("C")) / max(1, len(part)) for part in (last, last[-50:])]
    counts = [len(starts), frames.count(0), len(starts) - frames.count(0), len(starts) - sum(stopped)]
    return [len(sequence), np.log(len(sequence)), *gc, *counts]


def kmer_features(sequence):
    """Share of every k-mer of one to four letters."""
    last = sequence[-READ:]
    return [last.count(kmer) / len(last) for kmer in KMERS]


def out_of_fold(tables, target):
    """Predictions of the simple models for one target, row by row."""
    rows = tables[0][tables[0]["target"] == target]
    linear = pd.DataFrame([uorf_features(s) for s in rows["sequence"]], index=rows.index)
    both = pd.concat([linear, pd.DataFrame([kmer_features(s) for s in rows["sequence"]], index=rows.index)], axis=1)
    both.columns = range(both.shape[1])
    predicted = pd.DataFrame(index=rows.index, columns=["look-up", "linear", "tree"], dtype=float)
    for table in tables:
        split = table.loc[rows.index, "split"]
        test, train = rows[split == "test"], rows[split != "test"]
        y, weight = train["label"], train["weight"]
        known = y.groupby(train["sequence"]).mean()
        predicted.loc[test.index, "look-up"] = test["sequence"].map(known).fillna(y.mean())
        ridge = make_pipeline(StandardScaler(), Ridge(1.0)).fit(linear.loc[train.index], y, ridge__sample_weight=weight)
        predicted.loc[test.index, "linear"] = ridge.predict(linear.loc[test.index])
        tree = HistGradientBoostingRegressor(learning_rate=0.05, max_iter=200, max_leaf_nodes=15, random_state=0)
        tree.fit(both.loc[train.index], y, sample_weight=weight)
        predicted.loc[test.index, "tree"] = tree.predict(both.loc[test.index])
    return predicted


def main():
    data, recipe = Path(sys.argv[1]), read_recipe(Path(sys.argv[2]))
    tables = [build_table(recipe, data, fold) for fold in range(recipe.folds)]
    network = read_table(Path(sys.argv[3])) if len(sys.argv) > 3 else None
    for target in recipe.trained.targets:
        predicted = out_of_fold(tables, target.name)
        rows = tables[0].loc[predicted.index]
        if network is not None:
            found = rows.merge(network, on=["source", "row", "target"], how="left")["predicted"]
            predicted["network"] = found.to_numpy()
        label = rows["label"].to_numpy()
        metric = metrics.area_under_roc if target.unit == "probability" else metrics.spearman
        scores = {name: round(metric(label, column.to_numpy()), 3) for name, column in predicted.items()}
        if network is not None:
            groups, two = rows["group"].to_numpy(), predicted[["network", "tree"]].to_numpy().T
            draws = metrics.resamples(groups, DRAWS, 0)
            ahead = [metric(label[r], two[0][r]) > metric(label[r], two[1][r]) for r in draws]
            scores["p"] = round(1 - float(np.mean(ahead)), 3)
        print(f"{recipe.name}_{target.name}", len(rows), scores, flush=True)


if __name__ == "__main__":
    main()
