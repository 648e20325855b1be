"""How a UTR of another length than 50 nt should be read: the whole, or its last letters only.

python benchmarks/lengths.py DATA: R2, r2 and Spearman of `mrl_varying` on the test groups of the
varying-length table, full length against the last N nt; then what happens beyond the trained 100 nt,
where there are no labels: how far neutral letters in front move the prediction.
"""

import sys
from pathlib import Path

import numpy as np

from utrlm import alphabet, metrics
from utrlm.fasta import Record
from utrlm.predict import Predictor
from utrlm.recipe import read_recipe
from utrlm.table import build_table

ROOT = Path(__file__).parent.parent


def predict(sequences, column="mrl_varying"):
    """(N,) ribosomes a transcript."""
    records = (Record("r", "", s, alphabet.encode(s)) for s in sequences)
    return np.array([row[column] for row in Predictor(tasks=["mrl"]).rows(records)])


def main():
    table = build_table(read_recipe(ROOT / "recipes/mrl.toml"), Path(sys.argv[1]))
    test = table[(table["target"] == "varying") & (table["split"] == "test")]
    label, sequences = test["label"].to_numpy(), list(test["sequence"])
    long = np.array([len(s) > 50 for s in sequences])
    print("read\trows\tR2\tr2\tSpearman")
    for last in (None, 100, 75, 50, 25):
        values = predict([s if last is None else s[-last:] for s in sequences])
        for rows, name in ((slice(None), "all"), (long, "over 50 nt")):
            m, p = label[rows], values[rows]
            scores = metrics.r2_score(m, p), metrics.pearson(m, p) ** 2, metrics.spearman(m, p)
            print(last or "full", name, *(f"{s:.3f}" for s in scores), sep="\t")
    hundred = [s for s in sequences if len(s) > 90][:200]
    base = predict(hundred)
    print("\nneutral letters in front\tmedian change\tSpearman with none")
    for extra in (0, 50, 100, 200, 400):
        values = predict([("CAA" * 200)[:extra] + s for s in hundred])
        print(extra, f"{np.median(values - base):+.3f}", f"{metrics.spearman(base, values):.3f}", sep="\t")


if __name__ == "__main__":
    main()
