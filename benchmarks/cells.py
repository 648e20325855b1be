"""How far two cell lines' own measurements agree: what no model of one of them can be asked to pass by much.

python benchmarks/cells.py DATA [TE_FOLDS.tsv.gz EL_FOLDS.tsv.gz]: Spearman of the labels that two tables have of the
same transcripts, 95 % over groups; and that of out-of-fold predictions with the first one's labels, same transcripts.
"""

import sys
from itertools import permutations
from pathlib import Path

import pandas as pd

from utrlm import metrics

TABLES = {"hek": "HEK", "muscle": "Muscle", "pc3": "PC3_extremes"}  # PC3: both ends of the scale only
LABELS = {"te": "te_log", "el": "rnaseq_log"}


def agreement(rows, other):
    """Spearman of a column with the first table's labels, and its interval, as one text."""
    measured, told, groups = (rows[name].to_numpy() for name in ("mine", other, "group"))
    low, high = metrics.bootstrap(measured, told, groups, metrics.spearman)
    return f"{metrics.spearman(measured, told):.3f} ({low:.3f} to {high:.3f})"


def main():
    """See the module's docstring."""
    data, folds = Path(sys.argv[1]), dict(zip(LABELS, sys.argv[2:], strict=False))
    tables = {name: pd.read_csv(data / f"te_el/{file}.csv.gz") for name, file in TABLES.items()}
    print("label\tof\twith\ttranscripts\tmeasured in both\tpredicted, the same transcripts")
    for label, column in LABELS.items():
        for first, second in permutations(TABLES, 2):
            other = tables[second].groupby("enst")[column].mean().rename("other")
            rows = tables[first].join(other, on="enst", how="inner").drop_duplicates("enst")
            rows = rows.assign(mine=rows[column])
            predicted = ""
            if label in folds and first != "pc3":
                told = pd.read_csv(folds[label], sep="\t").query("target == @first").set_index("row")["predicted"]
                letters = tables[first]["utr"].iloc[told.index]  # identical sequences are one row there
                rows["predicted"] = rows["utr"].map(dict(zip(letters, told, strict=True)))
                predicted = agreement(rows.dropna(subset="predicted"), "predicted")
            print(label, first, second, len(rows), agreement(rows, "other"), predicted, sep="\t", flush=True)


if __name__ == "__main__":
    main()
