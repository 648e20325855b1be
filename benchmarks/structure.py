"""Structure beside thermodynamics: is the network better than the folding that it may be told of?

python benchmarks/structure.py DATA KEPT.tsv MODEL.onnx [PART ...]: mean F1 of base pairs on the recipe's test rows,
by family or of some PARTs such as "bpRNA VL0" alone, strict and with one end of a pair one letter off, of ViennaRNA
(minimum free energy, maximum expected accuracy, centroid; with its default parameters and with those of Andronescu
2007) and of the model with and without the prior. What ViennaRNA says is kept in KEPT.tsv, which takes minutes to make.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import RNA

from utrlm import alphabet
from utrlm.fasta import Record
from utrlm.pairs import parse_structure, score_pairs
from utrlm.predict import Predictor
from utrlm.recipe import read_recipe
from utrlm.table import build_table

RECIPE = Path(__file__).parent.parent / "recipes/structure.toml"


def thermodynamic(sequence):
    """Structures by method."""
    compound = RNA.fold_compound(sequence.replace("T", "U"))
    mfe, energy = compound.mfe()
    compound.exp_params_rescale(energy)
    compound.pf()
    return {"MFE": mfe, "MEA": compound.MEA()[0], "centroid": compound.centroid()[0]}


def fold_all(sequences):
    """Structures of every sequence by method and parameters."""
    told = {}
    for ending, load in (
        ("", RNA.params_load_RNA_Turner2004),
        (" Andronescu 2007", RNA.params_load_RNA_Andronescu2007),
    ):
        load()
        for sequence in sequences:
            one = thermodynamic(sequence)
            told.setdefault(sequence, {}).update({method + ending: text for method, text in one.items()})
    return pd.DataFrame.from_dict(told, orient="index")


def predicted(sequences, model, fold):
    """Structures of every sequence by a model."""
    predictor = Predictor(models=[model], device="cpu", fold=fold)
    records = (Record("", "", s, alphabet.encode(s)) for s in sequences)
    return [row[predictor.columns[2]] for row in predictor.rows(records)]


def mean_scores(rows, method):
    """Mean F1 of one method, strict and with a slip."""
    both = [(parse_structure(a), parse_structure(b)) for a, b in zip(rows["structure"], rows[method], strict=True)]
    return [np.mean([score_pairs(*one, slip)[2] for one in both]) for slip in (0, 1)]


def show(test, methods):
    """Print a line a method and two columns a part: strict, with a slip."""
    parts = list(test.groupby("part"))
    print("method", *(f"{part} ({len(rows)})" for part, rows in parts), sep=" | ")
    for method in methods:
        print(method, *("{:.3f} / {:.3f}".format(*mean_scores(rows, method)) for _, rows in parts), sep=" | ")


def main():
    """See the module's docstring."""
    data, kept, model, *parts = Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]
    table = build_table(read_recipe(RECIPE), data)
    test = table[table["split"] == "test"].reset_index(drop=True)
    test = test[test["part"].isin(parts or set(test["part"]))].reset_index(drop=True)
    if not kept.exists():
        fold_all(test["sequence"].unique()).to_csv(kept, sep="\t")
    folded = pd.read_csv(kept, sep="\t", index_col=0)
    test = test.join(folded, on="sequence")
    for name, fold in (("utrlm", False), ("utrlm, with prior", True)):
        test[name] = predicted(test["sequence"], model, fold)
    methods = [*folded.columns, "utrlm", "utrlm, with prior"]
    show(test, methods)


if __name__ == "__main__":
    main()
