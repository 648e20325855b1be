"""What follows training: a checkpoint -> the file that ships, with its scores, cards and learning curve."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx
import pandas as pd

from utrlm.errors import InputError
from utrlm.evaluate import evaluate, evaluate_folds
from utrlm.files import written
from utrlm.recipe import Recipe
from utrlm.table import build_table, read_table
from utrlm.training import checkpoint
from utrlm.training.build import examples, head_of, inputs, new_model
from utrlm.training.claim import compare
from utrlm.training.composition import compose
from utrlm.training.ensemble import Ensemble
from utrlm.training.ensemble import members as seeded
from utrlm.training.export import calibrated, export, make_card, round_weights, write_card
from utrlm.training.log import NAME, read_log
from utrlm.training.pretrain import save_backbone
from utrlm.training.report import made, write_report

GZIP: dict[str, Any] = {"method": "gzip", "mtime": 0}
SPLIT_COLUMNS = ["source", "row", "target", "group", "split"]


def join_folds(folder: Path, folds: int) -> Path:
    """All out-of-fold predictions in one file, `folder`/folds.tsv.gz.

    Raises:
        InputError: a fold is missing.
    """
    parts, joined = [folder / f"fold{fold}.tsv" for fold in range(folds)], folder / "folds.tsv.gz"
    with written(str(joined)) as beside:
        table = pd.concat([read_table(part) for part in parts])
        table.to_csv(beside, sep="\t", index=False, compression=GZIP)
    return joined


def write_split(table: pd.DataFrame, path: Path) -> None:
    """Which group every row of the recipe's tables is of, and what became of it: train, valid, test or dropped."""
    with written(str(path)) as beside:
        table[SPLIT_COLUMNS].to_csv(beside, sep="\t", index=False, compression=GZIP)


def export_plan(recipe: Recipe, data: Path, folder: Path, output: Path, backbone_output: str | None = None) -> None:
    """Export what `folder` holds, with its cards and its learning curve beside it; see `export_checkpoint`.

    Raises:
        InputError: no checkpoint, or one of another recipe or other files.
    """
    compare(folder, recipe, inputs(recipe, data))
    table, scores = build_table(recipe, data), None
    if recipe.folds:
        folds = join_folds(folder, recipe.folds)
        scores = evaluate_folds(str(folds), table)
        shutil.copy(folds, output.with_suffix(".folds.tsv.gz"))
    model = export_model(recipe, data, table, folder, output, scores)
    write_split(table, output.with_suffix(".split.tsv.gz"))
    write_report(recipe, table, folder, output)
    if backbone_output:
        first = model.members[0] if isinstance(model, Ensemble) else model
        with written(backbone_output) as beside:
            save_backbone(first.backbone, Path(beside), {}, head_of(first, recipe))


def export_model(
    recipe: Recipe,
    data: Path,
    table: pd.DataFrame,
    folder: Path,
    output: Path,
    scores: dict[str, Any] | None = None,
) -> Any:
    """Export the moving average of the checkpoint in `folder`; without `scores`, it is scored on the test rows.

    Raises:
        InputError: no checkpoint.
    """
    train_rows, test_rows = (table[table["split"] == split] for split in ("train", "test"))
    members = [] if recipe.distil else seeded(recipe, folder)
    models = [trained_model(one, train_rows, place) for one, place in members or [(recipe, folder)]]
    read = replace(recipe, context=recipe.reach)
    if recipe.composition:
        models = [compose(one, examples(table, "train", read, folder), recipe.context) for one in models]
    model = Ensemble(models).eval() if members else models[0]
    round_weights(model)
    valid_set = examples(table, "valid", read, folder)
    logs = (read_log(place / NAME) for _, place in members or [(recipe, folder)])
    devices = sorted({device for lines in logs for device in made(recipe.name, lines)["devices"]})
    card = calibrated(make_card(read, data, train_rows, devices), model, valid_set, read.threshold_told)
    with written(str(output)) as beside:
        export(model, card, Path(beside))
        proto = onnx.load(beside)
        write_card(proto, replace(card, metrics=evaluate(beside, test_rows) if scores is None else scores))
        Path(beside).write_bytes(proto.SerializeToString())
    return model


def trained_model(recipe: Recipe, train_rows: pd.DataFrame, folder: Path) -> Any:
    """The model whose checkpoint lies in `folder`.

    Raises:
        InputError: no checkpoint, or that of another model.
    """
    path = folder / checkpoint.NAME
    weights = checkpoint.trained_weights(path)
    model = new_model(recipe, train_rows)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(f"{path}: of another model than this recipe's") from error
    return model.eval()
