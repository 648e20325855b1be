"""Several models that differ in their seed -> one that predicts their mean."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from utrlm.errors import InputError
from utrlm.recipe import Recipe
from utrlm.training.heads import Calibrated


class Ensemble(Calibrated):
    """The mean of models with one set of targets."""

    def __init__(self, members: list[Any]):
        super().__init__()
        self.members: Any = nn.ModuleList(members)
        first: Any = members[0]
        self.register_buffer("probable", first.probable, persistent=False)
        self.register_buffer("scale", torch.stack([member.scale for member in members]).mean(dim=0))

    def features(self, codes: Tensor, padded: bool = True) -> Tensor:
        """All members' features. codes (B, L) int64 -> (B, members * HIDDEN)"""
        return torch.cat([member.features(codes, padded) for member in self.members], dim=1)

    def values(self, features: Tensor) -> Tensor:
        """Mean of the members' predictions, natural units. features (B, members * HIDDEN) -> (B, T)"""
        parts = features.chunk(len(self.members), dim=1)
        values = [member.values(part) for member, part in zip(self.members, parts, strict=True)]
        return torch.stack(values).mean(dim=0)


def members(recipe: Recipe, folder: Path) -> list[tuple[Recipe, Path]]:
    """Recipe and folder of each of the models that differ in their seed; none where there is one seed.

    Raises:
        InputError: structures have no mean.
    """
    if recipe.seeds == 1:
        return []
    if recipe.trained.kind == "pairs":
        raise InputError(f"{recipe.name}: models of structure cannot be averaged; train with one seed")
    seeds = range(recipe.seed, recipe.seed + recipe.seeds)
    return [(replace(recipe, seed=seed, seeds=1, distil=False), folder / f"seed{seed}") for seed in seeds]
