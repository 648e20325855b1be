"""Single-variant effects, and the varying-length library's two halves, of the shipped `mrl` model.

python benchmarks/variants.py DATA: on groups that were never trained or selected on. Variants: rows of
mrl/designed_snv.csv.gz whose sequence and mother lie in the test groups, 1,000 reads and more, never the
mothers themselves (their difference is 0 by definition). What a perfect model would score: benchmarks/noise.py.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from utrlm import alphabet, metrics
from utrlm.fasta import Record
from utrlm.predict import Predictor
from utrlm.recipe import read_recipe
from utrlm.table import build_table

ROOT = Path(__file__).parent.parent
READS = 1_000


def predict(sequences):
    """One row a sequence, every column."""
    records = (Record("r", "", s, alphabet.encode(s)) for s in sequences)
    return pd.DataFrame(list(Predictor(tasks=["mrl"]).rows(records)))


def main():
    data = Path(sys.argv[1])
    table = build_table(read_recipe(ROOT / "recipes/mrl.toml"), data)
    test = table[table["split"] == "test"]

    snv = pd.read_csv(data / "mrl/designed_snv.csv.gz")
    held_out = set(test.loc[test["target"] == "designed", "sequence"])
    snv = snv[(snv["utr"] != snv["mother"]) & (snv["total"] >= READS)]
    snv = snv[snv["utr"].isin(held_out) & (snv["mother"].isin(held_out) | ~snv["mother"].isin(set(table["sequence"])))]
    variant, mother = predict(snv["utr"]), predict(snv["mother"])
    print("column\tvariants\tSpearman\tPearson\t95 % of Spearman, of Pearson, over groups")
    for column in ("mrl_designed", "mrl_egfp_unmod", "mrl_varying"):
        change, measured = (variant[column] - mother[column]).to_numpy(), snv["obs_diff"].to_numpy()
        ends = [
            metrics.bootstrap(measured, change, snv["group"].to_numpy(), metric)
            for metric in (metrics.spearman, metrics.pearson)
        ]
        scores = metrics.spearman(measured, change), metrics.pearson(measured, change)
        print(column, len(snv), *(f"{s:.3f}" for s in scores), *(f"{a:.3f} to {b:.3f}" for a, b in ends), sep="\t")

    varying = test[test["target"] == "varying"]
    kind = pd.read_csv(data / "mrl/varying_length.csv.gz")["set"].to_numpy()[varying["row"]]
    predicted, label = predict(varying["sequence"])["mrl_varying"].to_numpy(), varying["label"].to_numpy()
    print("\nset\trows\tR2\t95 %\tSpearman")
    for name in np.unique(kind):
        m, p, g = label[kind == name], predicted[kind == name], varying["group"].to_numpy()[kind == name]
        low, high = metrics.bootstrap(m, p, g, metrics.r2_score)
        print(
            name,
            len(m),
            f"{metrics.r2_score(m, p):.3f}",
            f"{low:.3f} to {high:.3f}",
            f"{metrics.spearman(m, p):.3f}",
            sep="\t",
        )


if __name__ == "__main__":
    main()
