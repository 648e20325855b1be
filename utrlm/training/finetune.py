"""A recipe and its tables -> a trained model."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from utrlm.errors import InputError
from utrlm.evaluate import FOLD_COLUMNS, predict_labels
from utrlm.files import written
from utrlm.own import choose_labels, table_recipe
from utrlm.recipe import Recipe, parse_recipe, read_recipe
from utrlm.speed import granted_cpus
from utrlm.table import build_table
from utrlm.training import parallel
from utrlm.training.build import examples, inputs, new_model
from utrlm.training.claim import check_output, claimed
from utrlm.training.ensemble import members as seeded
from utrlm.training.finish import export_model, export_plan
from utrlm.training.loop import DEFAULT, How, train
from utrlm.training.teachers import teach


def finetune(
    recipe: Recipe, data: Path, folder: Path, threads: int, fold: int | None = None, how: How = DEFAULT
) -> Any:
    """Train a recipe's model on the tables below `data`; checkpoint and log go to `folder`.

    With a `fold`, the groups of that part are left out.

    Raises:
        InputError: a table or a teacher cannot be used, or the recipe asks for what these tables do not have.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    folder.mkdir(parents=True, exist_ok=True)
    table = build_table(recipe, data, fold)
    check_rows(table, recipe)
    table = teach(table, recipe, data, folder)
    model = new_model(recipe, table[table["split"] == "train"])
    train_set, valid_set = (examples(table, split, recipe, folder) for split in ("train", "valid"))
    if recipe.patience and not len(valid_set.codes):
        raise InputError(f"{recipe.name}: patience needs valid rows, and there are none")
    return train(model, recipe, train_set, valid_set, folder, how)


def check_rows(table: pd.DataFrame, recipe: Recipe) -> None:
    """Raise InputError where there is nothing to train on, or to train one of the targets on."""
    learned = table[(table["split"] == "train") & (table["weight"] > 0)]
    why = "all are valid, test or dropped, or weigh nothing"
    if learned.empty:
        raise InputError(f"{recipe.name}: no rows to train on; {why}")
    for target in recipe.trained.targets if recipe.trained.kind != "pairs" else ():
        if not (learned["target"] == target.name).any():
            raise InputError(f"{recipe.name}: no rows of {target.name} to train on; {why}")


def finetune_either(
    table: str | None, recipe: str | None, data: str | None, tensorboard: bool, shard: bool, **settings: Any
) -> None:
    """What the command does: `finetune_table` where there is a table, else `finetune_file`.

    Raises:
        InputError: the recipe or a table cannot be used.
    """
    how = How(tensorboard, shard)
    if table:
        return finetune_table(table, how=how, **settings)
    chosen = {name: settings[name] for name in ("output", "checkpoint_dir", "cpus", "backbone", "seeds", "resume")}
    return finetune_file(recipe, data, how=how, **chosen)


def finetune_file(
    recipe: str | None,
    data: str | None,
    output: str,
    checkpoint_dir: str,
    cpus: int,
    backbone: str = "",
    seeds: int = 0,
    how: How = DEFAULT,
    resume: bool = True,
) -> None:
    """Train a recipe's model, or models, and export it; `seeds` replaces the recipe's.

    Raises:
        InputError: the recipe or a table cannot be used.
    """
    if not recipe or not data:
        raise InputError("give --recipe FILE and --data DIR, or --table FILE and --label-column COLUMN")
    if backbone:  # an export from the checkpoint reads the recipe alone
        raise InputError("--backbone goes with --table; with --recipe, say it in the recipe: backbone = ...")
    plan = read_recipe(Path(recipe))
    check_output(output, Path(checkpoint_dir), [Path(recipe)])
    finetune_plan(replace(plan, seeds=seeds or plan.seeds), Path(data), output, checkpoint_dir, cpus, how, resume)


def finetune_plan(
    plan: Recipe,
    data: Path,
    output: str,
    checkpoint_dir: str,
    cpus: int,
    how: How,
    resume: bool,
    text: str = "",
) -> None:
    """Train a recipe's model, or models, in `checkpoint_dir` and export it; `text` is kept there as recipe.toml.

    Raises:
        InputError: a table or a teacher cannot be used, or the folder is another run's.
    """
    folder, threads = Path(checkpoint_dir), cpus or granted_cpus()
    files = inputs(plan, data)
    check_output(output, folder, files.values())
    parallel.join()
    with claimed(folder, plan, files, resume):
        if text and parallel.rank() == 0:  # not before: a refused run leaves the recipe of the one that lies there
            (folder / "recipe.toml").write_text(text, encoding="utf-8")
        for fold in range(plan.folds):
            predict_fold(plan, data, folder, threads, fold, how)
        members = seeded(plan, folder)
        for member, place in members:
            finetune(member, data, place, threads, how=how)
        if plan.distil or not members:
            finetune(taught_by(plan, members, data), data, folder, threads, how=how)
        if parallel.rank() == 0:
            export_plan(plan, data, folder, Path(output))


def predict_fold(recipe: Recipe, data: Path, folder: Path, threads: int, fold: int, how: How = DEFAULT) -> None:
    """Train without one part of the groups, and keep what that model predicts of them in `folder`/fold<n>.tsv.

    One model a fold, whatever the recipe's number of seeds.
    """
    kept, model = folder / f"fold{fold}.tsv", folder / f"fold{fold}.onnx"
    if kept.exists():
        return
    recipe = replace(recipe, seeds=1, distil=False)
    finetune(recipe, data, folder / f"fold{fold}", threads, fold, how)
    if parallel.rank():
        return
    table = build_table(recipe, data, fold)
    export_model(recipe, data, table, folder / f"fold{fold}", model)
    rows = table[table["split"] == "test"].assign(fold=fold)
    with written(str(kept)) as beside:
        predicted = pd.concat([rows, predict_labels(str(model), rows)], axis=1)[FOLD_COLUMNS]
        predicted.to_csv(beside, sep="\t", index=False)


def taught_by(recipe: Recipe, members: list[tuple[Recipe, Path]], data: Path) -> Recipe:
    """The recipe of the model that these ones teach; they are exported beside their folders."""
    teachers = [place.with_suffix(".onnx") for _, place in members]
    with parallel.first_alone():
        for (member, place), teacher in zip(members, teachers, strict=True):
            if not teacher.exists():
                export_model(member, data, build_table(member, data), place, teacher)
    more = tuple(map(str, teachers))
    sources = (replace(one, teachers=one.teachers + more) if one.teachers else one for one in recipe.sources)
    return replace(recipe, teachers=recipe.teachers + more, sources=tuple(sources))


def finetune_table(
    table: str,
    output: str,
    checkpoint_dir: str,
    cpus: int,
    name: str,
    labels: tuple[str, ...],
    task: str | None = None,
    seeds: int = 0,
    settings: str | None = None,
    how: How = DEFAULT,
    resume: bool = True,
    **columns: Any,
) -> None:
    """Train on one table of the user's own and export; its recipe is kept as `recipe.toml` in `checkpoint_dir`.

    With a `task`, the model is of that one's kind, and the labels are the columns named as its targets unless given.
    `settings`: a TOML file with fields of `Recipe` that are no option here.

    Raises:
        InputError: the table or the settings cannot be used.
    """
    path = Path(table)
    chosen = choose_labels(path, list(labels), task)
    more = Path(settings) if settings else None
    text = table_recipe(path, name, chosen, **columns, task=task or "", seeds=seeds, more=more)
    plan = parse_recipe(text, f"{table}, {settings}" if settings else table)
    check_output(output, Path(checkpoint_dir), [more] if more else [])
    finetune_plan(plan, path.parent, output, checkpoint_dir, cpus, how, resume, text)


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
    export_plan(read_recipe(Path(recipe)), Path(data), Path(checkpoint_dir), Path(output), backbone_output)
