"""How weights move: optimisers, their schedule, and what may move at all."""

import math
from typing import Any

import torch
from torch import nn

from utrlm.recipe import Recipe
from utrlm.recipe_parts import Phase


def make_optimisers(model: Any, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices, AdamW for the rest (Jordan et al. 2024); or AdamW for all."""
    matrices = [p for p in model.backbone.blocks.parameters() if p.ndim == 2] if recipe.optimiser == "muon" else []
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    made: list[torch.optim.Optimizer] = []
    if matrices:
        groups = by_layer(model, matrices, recipe.muon_rate, recipe.layer_decay)
        made.append(torch.optim.Muon(groups, lr=recipe.muon_rate, weight_decay=recipe.muon_decay))
    groups = by_layer(model, rest, recipe.adam_rate, recipe.layer_decay)
    made.append(torch.optim.AdamW(groups, lr=recipe.adam_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.95)))
    for optimiser in made:
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return made


def by_layer(model: Any, parameters: list[nn.Parameter], rate: float, decay: float) -> list[dict[str, Any]]:
    """Parameter groups, each layer with `decay` times the rate of the one above it (Howard and Ruder 2018)."""
    if decay == 1:
        return [{"params": parameters, "lr": rate}]
    blocks = model.backbone.blocks
    depth = {id(p): len(blocks) + 1 for p in model.backbone.stem.parameters()}
    for number, block in enumerate(blocks):
        depth |= {id(p): len(blocks) - number for p in block.parameters()}
    depths = sorted({depth.get(id(p), 0) for p in parameters})
    return [{"params": [p for p in parameters if depth.get(id(p), 0) == d], "lr": rate * decay**d} for d in depths]


def take_step(optimisers: list[torch.optim.Optimizer], rate: float) -> None:
    """Move the weights; `rate` is the share of each group's peak learning rate."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * rate
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def learning_rate(step: int, steps: int, warmup: int) -> float:
    """Share of the peak: linear warm-up, then cosine to zero."""
    warmup = min(warmup, max(1, steps // 5))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


ALL = Phase(until=1.0)


def phase_at(phases: tuple[Phase, ...], step: int, steps: int) -> Phase:
    """The phase that a step belongs to."""
    return next((phase for phase in phases if step < round(phase.until * steps)), ALL)


def unfreeze(model: Any, phase: Phase) -> None:
    """Let move what the phase says: the head, and the last normalisation and uppermost blocks with it."""
    backbone = model.backbone
    model.requires_grad_(True)
    if phase.blocks is not None:
        backbone.requires_grad_(False)
        for part in [backbone.norm, *backbone.blocks[max(0, len(backbone.blocks) - phase.blocks) :]]:
            part.requires_grad_(True)


@torch.no_grad()
def move_average(average: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Exponential moving average of the weights, in place."""
    torch._foreach_lerp_(list(average.parameters()), list(model.parameters()), 1 - decay)
