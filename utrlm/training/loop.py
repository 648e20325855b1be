"""The training loop: one function, read from top to bottom, that survives being killed.

A checkpoint holds weights, moving average, optimisers and position; batches, masked letters and
dropout are drawn from (seed, step), so a continued run takes the same steps as an unbroken one.
"""

import copy
import json
import math
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch

from utrlm.errors import InputError, InterruptedRunError
from utrlm.files import written
from utrlm.recipe import Recipe

CHECKPOINT_SECONDS = 100
torch._dynamo.config.recompile_limit = 64  # type: ignore[attr-defined]  # shapes of batches, each compiled once


@dataclass(frozen=True)
class Progress:
    """What one log line says."""

    step: int
    steps: int
    loss: float  # of the step's batch
    rate: float  # learning rate as a share of its peak
    sequences_per_second: float


class Batches(Protocol):
    """What the loop asks of a training set."""

    def epoch(self, seed: int, number: int) -> list[tuple[int, Any]]:
        """Bucket length and row numbers of every batch of an epoch."""

    def batch(self, length: int, rows: Any, seed: tuple[int, ...]) -> Any:
        """What the model's `inputs` and `loss` read."""


class Trainable(Protocol):
    """What the loop asks of a model, which is an nn.Module as well."""

    backbone: Any
    compiled: bool  # whether `standardised` is worth compiling

    def inputs(self, batch: Any) -> tuple[Any, ...]:
        """What `standardised` takes of a batch."""

    def standardised(self, *inputs: Any) -> torch.Tensor:
        """Raw output."""

    def loss(self, output: torch.Tensor, batch: Any) -> torch.Tensor:
        """Loss of a batch's raw output. ()"""

    def scores(self, examples: Any) -> dict[str, float]:
        """What the log says of the validation rows."""


def train(model: Any, recipe: Recipe, train_set: Batches, valid_set: Any, folder: Path) -> Any:
    """Train a `Trainable`, and return the moving average of its weights.

    `folder` receives `checkpoint.pt` and `log.jsonl`; a checkpoint found there is continued.

    Raises:
        FloatingPointError: the loss is not a number; the message names the step.
        InterruptedRunError: SIGTERM arrived.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    average = copy.deepcopy(model).eval()
    optimisers = make_optimisers(model, recipe)
    forward: Any = torch.compile(model.standardised, dynamic=False) if model.compiled else model.standardised
    plan = make_plan(train_set, recipe)
    first = load_checkpoint(folder, device, model, average, optimisers)
    stop = catch_sigterm()
    log = Log(folder, len(plan))
    saved = time.monotonic()
    for step in range(first, len(plan)):
        torch.manual_seed(recipe.seed * 1_000_003 + step)
        rate = learning_rate(step, len(plan), recipe.warmup)
        length, rows = plan[step]
        batch = train_set.batch(length, rows, (recipe.seed, step))
        with torch.autocast(device.type, torch.bfloat16):
            output = forward(*model.inputs(batch))
        loss = model.loss(output.float(), batch)
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"step {step}: the loss is {loss.item()}; rows {rows[:8].tolist()} ...")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
        take_step(optimisers, rate)
        move_average(average, model, min(recipe.ema, (step + 1) / (step + 10)))
        last = step + 1 == len(plan)
        log.step(Progress(step + 1, len(plan), loss.item(), rate, 0.0), len(rows), last)
        if time.monotonic() - saved > CHECKPOINT_SECONDS or last or stop:
            save_checkpoint(folder, model, average, optimisers, step + 1)
            saved = time.monotonic()
        if stop:
            raise InterruptedRunError(f"stopped after step {step + 1} of {len(plan)}; the same command continues")
        if (step + 1) % max(1, len(plan) // 8) == 0 or last:
            log.write({"step": step + 1, "valid": average.scores(valid_set)})
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return average


def make_plan(train_set: Batches, recipe: Recipe) -> list[tuple[int, Any]]:
    """All batches of a run, in order; the last epoch may be a part of one."""
    epochs = math.ceil(recipe.epochs)
    plan = [batch for number in range(epochs) for batch in train_set.epoch(recipe.seed, number)]
    return plan[: round(len(plan) * recipe.epochs / epochs)]


def take_step(optimisers: list[torch.optim.Optimizer], rate: float) -> None:
    """Move the weights; `rate` is the share of each group's peak learning rate."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * rate
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)


def make_optimisers(model: Any, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon for the blocks' matrices, AdamW for the rest (Jordan et al. 2024)."""
    matrices = [p for p in model.backbone.blocks.parameters() if p.ndim == 2]
    chosen = {id(p) for p in matrices}
    rest = [p for p in model.parameters() if id(p) not in chosen]
    muon = torch.optim.Muon(matrices, lr=recipe.muon_rate, weight_decay=recipe.muon_decay)
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


@torch.no_grad()
def move_average(average: torch.nn.Module, model: torch.nn.Module, decay: float) -> None:
    """Exponential moving average of the weights, in place."""
    for mean, now in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(now, 1 - decay)


def catch_sigterm() -> list[int]:
    """A list that is empty until SIGTERM arrives."""
    received: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        received.append(number)

    signal.signal(signal.SIGTERM, remember)
    return received


def save_checkpoint(folder: Path, model: Any, average: Any, optimisers: list[Any], step: int) -> None:
    """Write beside, then rename: a killed run leaves the previous checkpoint whole.

    Raises:
        InputError: it cannot be written.
    """
    states = [optimiser.state_dict() for optimiser in optimisers]
    state = {"model": model.state_dict(), "average": average.state_dict(), "optimisers": states, "step": step}
    path = folder / "checkpoint.pt"
    with written(str(path)) as beside:
        try:
            torch.save(state, beside)
        except RuntimeError as error:  # so torch says that the disk is full
            raise InputError(f"{path}: cannot be written; is the disk full?") from error


def load_checkpoint(folder: Path, device: torch.device, model: Any, average: Any, optimisers: list[Any]) -> int:
    """Step to continue at: 0 where there is no checkpoint.

    Raises:
        InputError: it is damaged, or of another model.
    """
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    try:
        state = torch.load(path, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        for optimiser, one in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(one)
        return int(state["step"])
    except Exception as error:  # torch has no common base class for what a damaged file raises
        raise InputError(f"{path}: damaged, or of another recipe; delete it to start anew") from error


class Log:
    """`log.jsonl`: one JSON line every ten seconds, and one a validation."""

    SECONDS = 10

    def __init__(self, folder: Path, steps: int):
        self._path, self._steps = folder / "log.jsonl", steps
        self._started = self._reported = time.monotonic()
        self._sequences = 0

    def step(self, progress: Progress, sequences: int, last: bool) -> None:
        """Count a step's sequences; write the line when it is time."""
        self._sequences += sequences
        now = time.monotonic()
        if now - self._reported > self.SECONDS or last:
            rate = round(self._sequences / (now - self._started), 1)
            self.write(vars(replace(progress, sequences_per_second=rate)))
            self._reported = now

    def write(self, values: dict[str, Any]) -> None:
        """Append one line."""
        with self._path.open("a", encoding="utf-8") as log:
            log.write(json.dumps(values) + "\n")
