"""A recipe and its tables -> a trained model."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import torch

from utrlm.card import PROBABILITY
from utrlm.errors import InputError
from utrlm.evaluate import FOLD_COLUMNS, evaluate, evaluate_folds, predict_labels
from utrlm.files import written
from utrlm.own import choose_labels, table_recipe
from utrlm.predict import granted_cpus
from utrlm.recipe import Recipe, read_recipe
from utrlm.table import build_table, read_table
from utrlm.training.data import Examples
from utrlm.training.export import calibrated, export, make_card, write_card
from utrlm.training.heads import ScalarModel
from utrlm.training.loop import train
from utrlm.training.model import BackboneConfig
from utrlm.training.pairing import PRIOR_SHARE, PairExamples, PairModel, read_priors
from utrlm.training.pretrain import find_backbone, load_backbone, save_backbone


def finetune(recipe: Recipe, data: Path, folder: Path, threads: int, fold: int | None = None) -> Any:
    """Train a recipe's model on the tables below `data`; checkpoint and log go to `folder`.

    With a `fold`, the groups of that part are left out.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    folder.mkdir(parents=True, exist_ok=True)
    table = teach(build_table(recipe, data, fold), recipe, folder)
    model = new_model(recipe, table[table["split"] == "train"])
    train_set, valid_set = (examples(table, split, recipe, folder) for split in ("train", "valid"))
    return train(model, recipe, train_set, valid_set, folder)


def examples(table: pd.DataFrame, split: str, recipe: Recipe, folder: Path) -> Any:
    """Rows of one split as the recipe's model reads them; what takes long to compute is kept in `folder`."""
    task, rows = recipe.trained, table[table["split"] == split]
    if task.kind == "pairs":
        priors = read_priors(list(rows["sequence"]), recipe.context, folder / f"priors-{split}.npy")
        return PairExamples(rows, recipe.context, priors, PRIOR_SHARE)
    targets, mask_share = [target.name for target in task.targets], recipe.mask_share if split == "train" else 0.0
    return Examples(rows, targets, recipe.context, recipe.batch_tokens, mask_share, task.kind)


def teach(table: pd.DataFrame, recipe: Recipe, folder: Path) -> pd.DataFrame:
    """The table with training labels drawn towards the teachers' mean, which is less noisy than one measurement.

    Distillation (Hinton et al. 2015, arXiv:1503.02531; Furlanello et al. 2018, arXiv:1805.04770). What
    the teachers say is kept in `folder`, so that a continued run does not ask them again.

    Raises:
        InputError: a teacher cannot be used.
    """
    if not recipe.teachers:
        return table
    train_rows = (table["split"] == "train").to_numpy()
    kept = folder / "teachers.npy"
    if not kept.exists():
        said = [predict_labels(teacher, table[train_rows])["predicted"] for teacher in recipe.teachers]
        with written(str(kept)) as beside, open(beside, "wb") as file:
            np.save(file, np.mean(said, axis=0))
    label = table["label"].to_numpy(copy=True)
    label[train_rows] += recipe.teacher_share * (np.load(kept) - label[train_rows])
    return table.assign(label=label)


def new_model(recipe: Recipe, train_table: pd.DataFrame) -> Any:
    """An untrained model whose scale is that of the training labels."""
    labels = train_table.groupby("target")["label"]
    mean, scale = labels.mean(), labels.std()
    targets = recipe.trained.targets
    probable = tuple(number for number, target in enumerate(targets) if target.unit == PROBABILITY)
    means = [0.0 if t in probable else float(mean.get(target.name, 0.0)) for t, target in enumerate(targets)]
    scales = [1.0 if t in probable else float(scale.get(target.name, 1.0)) for t, target in enumerate(targets)]
    start = load_backbone(find_backbone(recipe.backbone)) if recipe.backbone else None
    config = replace(start.config, dropout=recipe.dropout) if start else backbone_config(recipe)
    model: Any
    if recipe.trained.kind == "pairs":
        model = PairModel(config)
    else:
        model = ScalarModel(config, means, scales, recipe.trained.loss, probable, recipe.trained.kind)
    if start:
        model.backbone.load_state_dict(start.state_dict())
    return model


def backbone_config(recipe: Recipe) -> BackboneConfig:
    """The shape of a backbone from scratch, as the recipe says it."""
    shape = {name: getattr(recipe, name) for name in ("layers", "width", "heads", "feedforward", "stem", "frames")}
    return BackboneConfig(**shape, dropout=recipe.dropout)


def finetune_file(
    recipe: str | None, data: str | None, output: str, checkpoint_dir: str, cpus: int, backbone: str = ""
) -> None:
    """Train a recipe's model and export it.

    Raises:
        InputError: the recipe or a table cannot be used.
    """
    if not recipe or not data:
        raise InputError("give --recipe FILE and --data DIR, or --table FILE and --label-column COLUMN")
    if backbone:  # an export from the checkpoint reads the recipe alone
        raise InputError("--backbone goes with --table; with --recipe, say it in the recipe: backbone = ...")
    plan, folder, threads = read_recipe(Path(recipe)), Path(checkpoint_dir), cpus or granted_cpus()
    for fold in range(plan.folds):
        predict_fold(plan, Path(data), folder, threads, fold)
    finetune(plan, Path(data), folder, threads)
    export_checkpoint(recipe, data, output, checkpoint_dir)


def predict_fold(recipe: Recipe, data: Path, folder: Path, threads: int, fold: int) -> None:
    """Train without one part of the groups, and keep what that model predicts of them in `folder`/fold<n>.tsv."""
    kept, model = folder / f"fold{fold}.tsv", folder / f"fold{fold}.onnx"
    if kept.exists():
        return
    finetune(recipe, data, folder / f"fold{fold}", threads, fold)
    table = build_table(recipe, data, fold)
    export_model(recipe, data, table, folder / f"fold{fold}", model)
    rows = table[table["split"] == "test"].assign(fold=fold)
    with written(str(kept)) as beside:
        predicted = pd.concat([rows, predict_labels(str(model), rows)], axis=1)[FOLD_COLUMNS]
        predicted.to_csv(beside, sep="\t", index=False)


def join_folds(folder: Path, folds: int) -> Path:
    """All out-of-fold predictions in one file, `folder`/folds.tsv.gz.

    Raises:
        InputError: a fold is missing.
    """
    parts, joined = [folder / f"fold{fold}.tsv" for fold in range(folds)], folder / "folds.tsv.gz"
    with written(str(joined)) as beside:
        table = pd.concat([read_table(part) for part in parts])
        table.to_csv(beside, sep="\t", index=False, compression={"method": "gzip", "mtime": 0})
    return joined


def finetune_table(
    table: str,
    output: str,
    checkpoint_dir: str,
    cpus: int,
    name: str,
    labels: tuple[str, ...],
    task: str | None = None,
    **columns: Any,
) -> None:
    """Train on one table of the user's own and export; its recipe is kept as `recipe.toml` in `checkpoint_dir`.

    With a `task`, the model is of that one's kind, and the labels are the columns named as its targets unless given.

    Raises:
        InputError: the table cannot be used.
    """
    path, folder = Path(table), Path(checkpoint_dir)
    folder.mkdir(parents=True, exist_ok=True)
    recipe = folder / "recipe.toml"
    chosen = choose_labels(path, list(labels), task)
    recipe.write_text(table_recipe(path, name, chosen, **columns, task=task or ""), encoding="utf-8")
    finetune_file(str(recipe), str(path.parent), output, checkpoint_dir, cpus)


def export_checkpoint(
    recipe: str | None,
    data: str | None,
    output: str,
    checkpoint_dir: str | None,
    backbone_output: str | None = None,
) -> None:
    """Export the moving average in a checkpoint, with the test scores that the exported file itself gets.

    A recipe with folds is scored by its out-of-fold predictions instead, which are put beside `output`
    as <name>.folds.tsv.gz. `backbone_output` receives the backbone, for other models to start from.

    Raises:
        InputError: no checkpoint, or the recipe or a table cannot be used.
    """
    if not recipe or not data or not checkpoint_dir:
        raise InputError("give --recipe FILE, --data DIR and --checkpoint-dir DIR, or --backbone NAME|FILE")
    plan, folder = read_recipe(Path(recipe)), Path(checkpoint_dir)
    table = build_table(plan, Path(data))
    scores = None
    if plan.folds:
        folds = join_folds(folder, plan.folds)
        scores = evaluate_folds(str(folds), table)
        shutil.copy(folds, Path(output).with_suffix(".folds.tsv.gz"))
    model = export_model(plan, Path(data), table, folder, Path(output), scores)
    if backbone_output:
        with written(backbone_output) as beside:
            save_backbone(model.backbone, Path(beside), {})


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
    path = folder / "checkpoint.pt"
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint")
    train_rows, test_rows = (table[table["split"] == split] for split in ("train", "test"))
    model = new_model(recipe, train_rows)
    model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
    card = calibrated(make_card(recipe, data, train_rows), model.eval(), examples(table, "valid", recipe, folder))
    with written(str(output)) as beside:
        export(model, card, Path(beside))
        proto = onnx.load(beside)
        write_card(proto, replace(card, metrics=evaluate(beside, test_rows) if scores is None else scores))
        Path(beside).write_bytes(proto.SerializeToString())
    return model
