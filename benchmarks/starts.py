"""What a model of TE or EL learns from which start: from scratch, from the language model, from the load model.

python benchmarks/starts.py DATA RECIPE FOLDER [START ...]: trains the recipe's network, without the trees, in the
recipe's own folds and steps from each START (scratch, backbone-tiny, mrl), and prints its out-of-fold scores, whole
groups apart. What is in FOLDER already is not trained again.
"""

import sys
from dataclasses import replace
from pathlib import Path

from utrlm.evaluate import evaluate_folds
from utrlm.recipe import read_recipe
from utrlm.speed import granted_cpus
from utrlm.table import build_table
from utrlm.training.finetune import predict_fold
from utrlm.training.finish import join_folds

STARTS = {
    "scratch": {
        "backbone": "",
        "muon_rate": 0.01,
        "adam_rate": 0.002,
    },  # the recipe's rates are those of a start that knows
    "backbone-tiny": {"backbone": "backbone-tiny"},
    "mrl": {"backbone": "mrl"},
}


def main():
    """See the module's docstring."""
    data, path, folder, *chosen = sys.argv[1:]
    recipe = replace(read_recipe(Path(path)), composition=0)
    print("start\ttarget\tn\tSpearman or AUROC\t95 % over groups")
    for name in chosen or STARTS:
        plan, place = replace(recipe, **STARTS[name]), Path(folder) / name
        for fold in range(plan.folds):
            predict_fold(plan, Path(data), place, granted_cpus(), fold)
        for target, scores in evaluate_folds(str(join_folds(place, plan.folds)), build_table(plan, Path(data))).items():
            metric = "AUROC" if "AUROC" in scores else "spearman"
            low, high = scores[f"{metric}_95"]
            print(name, target, scores["n"], scores[metric], f"{low:.3f} to {high:.3f}", sep="\t", flush=True)


if __name__ == "__main__":
    main()
