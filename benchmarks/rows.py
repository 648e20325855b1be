"""The models of TE and EL in the published protocol: ten random parts of the rows, near copies on either side.

python benchmarks/rows.py DATA RECIPE FOLDER: trains the recipe's network and trees ten times, each time without a
tenth of every table's rows as they stand, and prints r2 (squared Pearson) and Spearman over all that was left out; of a
probability the area under the ROC curve. What is in FOLDER already is not trained again.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from protocols import rows_apart, scores

from utrlm.evaluate import predict_labels
from utrlm.recipe import read_recipe
from utrlm.speed import granted_cpus
from utrlm.table import read_table
from utrlm.training.build import examples, new_model
from utrlm.training.finish import export_model
from utrlm.training.loop import train


def predict_part(table, held, recipe, data, folder):
    """What a model that learned from all other rows says of the rows `held` (N,) out."""
    kept = folder.with_suffix(".tsv")
    if not kept.exists():
        valid = np.random.default_rng(1).random(len(table)) < recipe.valid_share
        table = table.assign(split=np.where(held, "test", np.where(valid, "valid", "train")))
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(recipe.seed)
        train_set, valid_set = (examples(table, split, recipe, folder) for split in ("train", "valid"))
        train(new_model(recipe, table[table["split"] == "train"]), recipe, train_set, valid_set, folder)
        model = folder.with_suffix(".onnx")
        export_model(recipe, data, table, folder, model, scores={})
        predict_labels(str(model), table[held]).to_csv(kept, sep="\t", index=False)
    return read_table(kept)["predicted"].to_numpy()


def main():
    """See the module's docstring."""
    data, path, folder = map(Path, sys.argv[1:])
    recipe = read_recipe(path)
    torch.set_num_threads(granted_cpus())
    table, parts = rows_apart(recipe, data)
    predicted = np.empty(len(table))
    for number, held in enumerate(parts):
        predicted[held] = predict_part(table, held.to_numpy(), recipe, data, folder / f"part{number}")
    for target in recipe.trained.targets:
        own = (table["target"] == target.name).to_numpy()
        told = scores(table["label"][own].to_numpy(), predicted[own], target)
        print(f"{recipe.name}_{target.name}", own.sum(), told, sep=" | ", flush=True)


if __name__ == "__main__":
    main()
