"""The training loop: one function, read from top to bottom, that survives being killed.

A checkpoint holds weights, moving average, optimisers and position; batches, masked letters and
dropout are drawn from (seed, step), so a continued run takes the same steps as an unbroken one.
"""

import copy
import json
import math
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from utrlm import metrics
from utrlm.recipe import Recipe
from utrlm.training.data import Batch, Examples
from utrlm.training.heads import ScalarModel

CHECKPOINT_SECONDS = 100
LOSSES = {"huber": F.smooth_l1_loss}


@dataclass(frozen=True)
class Progress:
    """What one log line says."""

    step: int
    steps: int
    loss: float  # weighted Huber, standardised labels
    rate: float  # learning rate as a share of its peak
    sequences_per_second: float


class InterruptedRunError(Exception):
    """The run was asked to stop (SIGTERM) and has written its checkpoint."""


def train(
    model: ScalarModel, recipe: Recipe, loss_name: str, train_set: Examples, valid_set: Examples, folder: Path
) -> ScalarModel:
    """Train, and return the moving average of the weights.

    `folder` receives `checkpoint.pt` and `log.jsonl`; a checkpoint found there is continued.

    Raises:
        FloatingPointError: the loss is not a number; the message names the step.
        InterruptedRunError: SIGTERM arrived.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    average = copy.deepcopy(model).eval()
    optimisers = make_optimisers(model, recipe)
    forward: Any = torch.compile(model.standardised, dynamic=False)
    epochs = math.ceil(recipe.epochs)
    plan = [batch for number in range(epochs) for batch in train_set.epoch(recipe.seed, number)]
    plan = plan[: round(len(plan) * recipe.epochs / epochs)]
    first = load_checkpoint(folder, model, average, optimisers)
    stop = catch_sigterm()
    started = saved = reported = time.monotonic()
    done = 0
    for step in range(first, len(plan)):
        torch.manual_seed(recipe.seed * 1_000_003 + step)
        rate = learning_rate(step, len(plan), recipe.warmup)
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * rate
        length, rows = plan[step]
        batch = train_set.batch(length, rows, recipe.mask_share, (recipe.seed, step))
        with torch.autocast(device.type, torch.bfloat16):
            output = forward(torch.from_numpy(batch.codes).to(device), batch.padded)
        loss = batch_loss(model, output.float(), batch, loss_name)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        move_average(average, model, min(recipe.ema, (step + 1) / (step + 10)))
        done += len(rows)
        now = time.monotonic()
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"step {step}: the loss is {loss.item()}; rows {rows[:8].tolist()} ...")
        if now - reported > 10 or step + 1 == len(plan):
            progress = Progress(step + 1, len(plan), loss.item(), rate, done / (now - started))
            write_line(folder, vars(progress))
            reported = now
        last = step + 1 == len(plan)
        if now - saved > CHECKPOINT_SECONDS or last or stop:
            save_checkpoint(folder, model, average, optimisers, step + 1)
            saved = now
        if stop:
            raise InterruptedRunError(f"stopped after step {step + 1} of {len(plan)}; the same command continues")
        if (step + 1) % max(1, len(plan) // 8) == 0 or last:
            write_line(folder, {"step": step + 1, "valid": score(average, recipe, valid_set)})
    return average


def make_optimisers(model: ScalarModel, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices, AdamW for the rest (Jordan et al. 2024)."""
    matrices = [p for p in model.backbone.blocks.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    muon = torch.optim.Muon(matrices, lr=recipe.muon_rate, weight_decay=recipe.weight_decay)
    adam = torch.optim.AdamW(rest, lr=recipe.adam_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.95))
    for optimiser in (muon, adam):
        for group in optimiser.param_groups:
            group["peak"] = group["lr"]
    return [muon, adam]


def learning_rate(step: int, steps: int, warmup: int) -> float:
    """Share of the peak: linear warm-up, then cosine to zero."""
    warmup = min(warmup, max(1, steps // 5))
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def batch_loss(model: ScalarModel, output: torch.Tensor, batch: Batch, loss_name: str) -> torch.Tensor:
    """Weighted mean loss on standardised labels. output (B, T) -> ()"""
    target = torch.from_numpy(batch.target).to(output.device)
    label = torch.from_numpy(batch.label).to(output.device)
    weight = torch.from_numpy(batch.weight).to(output.device)
    label = (label - model.mean[target]) / model.scale[target]
    each = LOSSES[loss_name](output.gather(1, target[:, None])[:, 0], label, reduction="none")
    return (each * weight).sum() / weight.sum()


@torch.no_grad()
def move_average(average: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Exponential moving average of the weights, in place."""
    for mean, now in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(now, 1 - decay)


@torch.no_grad()
def score(model: ScalarModel, recipe: Recipe, examples: Examples) -> dict[int, float]:
    """R2 by target number."""
    device = model.mean.device
    predicted = np.zeros(len(examples.label), dtype=np.float32)
    for rows, batch in examples.in_order():
        with torch.autocast(device.type, torch.bfloat16):
            output = model(torch.from_numpy(batch.codes).to(device))
        predicted[rows] = output[torch.arange(len(rows)), torch.from_numpy(batch.target)].float().cpu().numpy()
    numbers = {}
    for target in np.unique(examples.target):
        chosen = examples.target == target
        numbers[int(target)] = round(metrics.r2_score(examples.label[chosen], predicted[chosen]), 4)
    return numbers


def catch_sigterm() -> list[int]:
    """A list that is empty until SIGTERM arrives."""
    received: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        received.append(number)

    signal.signal(signal.SIGTERM, remember)
    return received


def save_checkpoint(folder: Path, model: Any, average: Any, optimisers: list[Any], step: int) -> None:
    """Write beside, then rename: a killed run leaves the previous checkpoint whole."""
    beside = folder / "checkpoint.pt.part"
    states = [optimiser.state_dict() for optimiser in optimisers]
    torch.save(
        {"model": model.state_dict(), "average": average.state_dict(), "optimisers": states, "step": step}, beside
    )
    os.replace(beside, folder / "checkpoint.pt")


def load_checkpoint(folder: Path, model: Any, average: Any, optimisers: list[Any]) -> int:
    """Step to continue at: 0 where there is no checkpoint."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path, map_location=model.mean.device, weights_only=True)
    model.load_state_dict(state["model"])
    average.load_state_dict(state["average"])
    for optimiser, one in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(one)
    return int(state["step"])


def write_line(folder: Path, values: dict[str, Any]) -> None:
    """Append one JSON line to the log."""
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(values) + "\n")
