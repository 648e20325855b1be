"""A recipe -> the model that it trains, and what that model reads of a table."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from utrlm.card import PROBABILITY
from utrlm.recipe import Recipe
from utrlm.training import parallel
from utrlm.training.data import Examples
from utrlm.training.heads import ScalarModel
from utrlm.training.model import BackboneConfig
from utrlm.training.pairing import PRIOR_SHARE, PairExamples, PairModel, read_priors
from utrlm.training.pretrain import HIDDEN, OUT, find_backbone, load_backbone, load_head


def examples(table: pd.DataFrame, split: str, recipe: Recipe, folder: Path) -> Any:
    """Rows of one split as the recipe's model reads them; what takes long to compute is kept in `folder`."""
    task, rows = recipe.trained, table[table["split"] == split]
    if task.kind == "pairs":
        with parallel.first_alone():
            priors = read_priors(list(rows["sequence"]), recipe.context, folder / f"priors-{split}.npy")
        return PairExamples(rows, recipe.context, priors, PRIOR_SHARE)
    targets = [target.name for target in task.targets]
    noise = {"mask_share": recipe.mask_share, "mutated": recipe.mutated} if split == "train" else {}
    return Examples(rows, targets, recipe.context, recipe.batch_tokens, kind=task.kind, **noise)


def inputs(recipe: Recipe, data: Path) -> dict[str, Path]:
    """The files that a model is made from, by the names that the recipe gives them."""
    tables = [name for source in recipe.sources for name in (source.file, source.known)]
    tables += [drawn.file for drawn in recipe.drawn]
    teachers = [*recipe.teachers, *(one for source in recipe.sources for one in source.teachers)]
    files = {name: data / name for name in tables if name} | {name: Path(name) for name in teachers}
    return files | ({recipe.backbone: find_backbone(recipe.backbone)} if recipe.backbone else {})


def new_model(recipe: Recipe, train_table: pd.DataFrame) -> Any:
    """An untrained model whose scale is that of the training labels."""
    labels = train_table.groupby("target")["label"]
    mean, scale = labels.mean(), labels.std().replace(0, 1).fillna(1)  # labels that are all alike have none
    targets = recipe.trained.targets
    probable = tuple(number for number, target in enumerate(targets) if target.unit == PROBABILITY)
    means = [0.0 if t in probable else float(mean.get(target.name, 0.0)) for t, target in enumerate(targets)]
    scales = [1.0 if t in probable else float(scale.get(target.name, 1.0)) for t, target in enumerate(targets)]
    start = load_backbone(find_backbone(recipe.backbone)) if recipe.backbone else None
    config = replace(start.config, dropout=recipe.dropout) if start else backbone_config(recipe)
    model: Any
    if recipe.trained.kind == "pairs":
        model = PairModel(config, recipe.dilations)
    else:
        model = ScalarModel(config, means, scales, recipe.trained.loss, probable, recipe.trained.kind)
    if start:
        model.backbone.load_state_dict(start.state_dict())
        start_head(model, recipe, load_head(find_backbone(recipe.backbone)))
    return model


def start_head(model: Any, recipe: Recipe, known: dict[str, torch.Tensor]) -> None:
    """Start a head from what a backbone's file keeps of another one; what it lacks, or is of another kind, stays."""
    kept = kept_of(model, recipe)
    hidden = {name.removeprefix(HIDDEN): value for name, value in known.items() if name.startswith(HIDDEN)}
    if not kept or hidden.keys() != kept.state_dict().keys():
        return
    kept.load_state_dict(hidden)
    for number, target in enumerate(recipe.trained.targets):
        row = known.get(row_name(recipe, target.name))
        if row is not None:
            with torch.no_grad():
                model.head.out.weight[number] = row[:-1] / model.scale[number]
                model.head.out.bias[number] = (row[-1] - model.mean[number]) / model.scale[number]


def head_of(model: Any, recipe: Recipe) -> dict[str, torch.Tensor]:
    """What a backbone's file keeps of a model's head, for the next one to start from.

    Of pairs all of it, of sites nothing; of scalars the hidden layer and what the last one has of each target, in the
    label's unit: weights and constant (HIDDEN + 1,).
    """
    kept = kept_of(model, recipe)
    head = {HIDDEN + name: value for name, value in kept.state_dict().items()} if kept else {}
    if recipe.trained.kind == "scalar":
        out = model.head.out
        weight, bias = out.weight * model.scale[:, None], out.bias * model.scale + model.mean
        rows = torch.cat([weight, bias[:, None]], dim=1).detach()
        head |= {row_name(recipe, target.name): rows[t] for t, target in enumerate(recipe.trained.targets)}
    return head


def kept_of(model: Any, recipe: Recipe) -> Any:
    """The layers of a head that start another task's as well; a site's read something else."""
    return {"pairs": model.head, "scalar": getattr(model.head, "hidden", None)}.get(recipe.trained.kind)


def row_name(recipe: Recipe, target: str) -> str:
    """What a target's part of the last layer is called in a backbone's file: another task's "hek" is another one."""
    return f"{OUT}{recipe.task}_{target}"


def backbone_config(recipe: Recipe) -> BackboneConfig:
    """The shape of a backbone from scratch, as the recipe says it."""
    shape = {name: getattr(recipe, name) for name in ("layers", "width", "heads", "feedforward", "stem", "frames")}
    return BackboneConfig(**shape, dropout=recipe.dropout)
