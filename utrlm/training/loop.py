"""The training loop: one function, read from top to bottom, that survives being killed.

A checkpoint holds weights, moving average, optimisers and position; batches, masked letters and
dropout are drawn from (seed, step), so a continued run takes the same steps as an unbroken one.
"""

import copy
import ctypes
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from utrlm.errors import DivergedError, InputError, InterruptedRunError
from utrlm.recipe import Recipe
from utrlm.stopping import catch_sigterm
from utrlm.training import checkpoint, parallel
from utrlm.training.data import take_part
from utrlm.training.log import Log
from utrlm.training.optimisers import learning_rate, make_optimisers, move_average, phase_at, take_step, unfreeze

CHECKPOINT_SECONDS = 100
torch._dynamo.config.recompile_limit = 64  # type: ignore[attr-defined]  # shapes of batches, each compiled once
if torch.backends.cpu.get_cpu_capability() == "AVX512":
    # With vectors of 512 bits torch 2.15 compiles batches of 64 letters, and of others, into kernels that return NaN.
    # A step takes up to 1.8 times as long with these.
    torch._inductor.config.cpp.simdlen = 256  # type: ignore[attr-defined]


M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def keep_memory() -> None:
    """Have the C library keep what is freed: a step on a CPU takes a gigabyte, which the kernel would clear each time.

    That was 15 % of the time. Where there is no glibc, nothing happens.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


class Batches(Protocol):
    """What the loop asks of a training set."""

    def epoch(self, seed: int, number: int) -> list[tuple[int, Any]]:
        """Bucket length and row numbers of every batch of an epoch."""

    def batch(self, length: int, rows: Any, seed: tuple[int, ...]) -> Any:
        """What the model's `inputs` and `loss` read: a dataclass of arrays whose first axis is the sequences."""

    def names(self, rows: Any) -> list[str]:
        """What a person finds the rows by."""


class Trainable(Protocol):
    """What the loop asks of a model, which is an nn.Module as well."""

    backbone: Any
    compiled: bool  # whether `standardised` is worth compiling

    def inputs(self, batch: Any) -> tuple[Any, ...]:
        """What `standardised` takes of a batch."""

    def standardised(self, *inputs: Any) -> torch.Tensor:
        """Raw output."""

    def loss(self, output: torch.Tensor, batch: Any) -> torch.Tensor:
        """Loss of a batch's raw output, a weighted mean. ()"""

    def weight(self, batch: Any) -> float:
        """The sum of weights in that mean, by which parts of a batch are put together."""

    def scores(self, examples: Any) -> dict[str, float]:
        """What the log says of the validation rows."""

    def merit(self, scores: dict[str, float]) -> float:
        """How good these scores are, in one number that should be large."""


@dataclass(frozen=True)
class How:
    """How a training is run; but for rounding, what comes out does not depend on it."""

    tensorboard: bool = False  # write for TensorBoard too
    shard: bool = False  # divide weights among processes (FSDP2), for models that no one device holds


DEFAULT = How()


def train(model: Any, recipe: Recipe, train_set: Batches, valid_set: Any, folder: Path, how: How = DEFAULT) -> Any:
    """Train a `Trainable`, and return the moving average of its weights: the last one, or with patience the best.

    `folder` receives `checkpoint.pt` and `log.jsonl`; a checkpoint found there is continued.

    Raises:
        DivergedError: the loss is not a number; the message names the step and the rows.
        InputError: the checkpoint is of another run, or the recipe has phases and weights are divided.
        InterruptedRunError: SIGTERM arrived.
    """
    if how.shard and recipe.phases:
        raise InputError(f"{recipe.name}: --shard does not go with phases")
    device = parallel.join()
    keep_memory()
    model.to(device)
    model.backbone.recompute = recipe.checkpoint_blocks
    average, result = two_copies(model, how.shard)
    optimisers = make_optimisers(model, recipe)
    plan = make_plan(train_set, recipe)
    steps, every = len(plan), max(1, len(plan) // recipe.validations)
    state = checkpoint.load(folder, recipe, steps, model, average, optimisers)
    phase, saved, following = None, time.monotonic(), None
    with catch_sigterm() as stopped, Log(folder, result, device, state.step, steps, how.tensorboard) as log:
        while state.step < steps:
            step = state.step
            torch.manual_seed(recipe.seed * 1_000_003 + step + parallel.rank() * 7_919_000_003)
            if phase is not (phase := phase_at(recipe.phases, step, steps)):
                unfreeze(model, phase)
                forward = parallel.callable_of(model)
            rate = learning_rate(step, steps, recipe.warmup) * phase.rate
            length, rows = plan[step]
            batch = following or train_set.batch(length, rows, (recipe.seed, step))
            total = backward(model, forward, batch, recipe.accumulate, device)
            move(model, average, optimisers, recipe, step, rate)
            following = train_set.batch(*plan[step + 1], (recipe.seed, step + 1)) if step + 1 < steps else None
            late = time.monotonic() - saved > CHECKPOINT_SECONDS
            # a GPU has computed all the while and is waited for here alone; before anything of the step is kept
            loss, due, stop = parallel.added([total.item(), late, len(stopped)], device)
            if not math.isfinite(loss):
                raise DivergedError(f"step {step}: the loss is {loss}; rows {', '.join(train_set.names(rows))}")
            state.step += 1
            log.step(state.step, batch, loss, rate)
            if state.step % every == 0 or state.step == steps:
                scores = average.scores(valid_set)
                log.validation(state.step, scores)
                if recipe.patience:
                    state.note(parallel.agreed(model.merit(scores), device), average)
                    state.step = steps if state.stalled(recipe.patience) else state.step
            if due or stop or state.step == steps:
                checkpoint.save(folder, recipe, steps, state, model, average, optimisers)
                saved = time.monotonic()
            if stop:
                raise InterruptedRunError(f"stopped after step {step + 1} of {steps}; the same command continues")
    result.load_state_dict(state.best or parallel.whole(average.state_dict()))
    parallel.settle()
    return result


def two_copies(model: Any, shard: bool) -> tuple[Any, Any]:
    """The moving average, divided like the model where that is, and a whole model for what comes out."""
    average, result = copy.deepcopy(model).eval(), copy.deepcopy(model).eval()
    if shard:
        parallel.shard(model, "standardised")
        parallel.shard(average, "scores")
    return average, result


def make_plan(train_set: Batches, recipe: Recipe) -> list[tuple[int, Any]]:
    """All batches of a run, in order; the last epoch may be a part of one. At least one, however short the epoch."""
    epochs = math.ceil(recipe.epochs)
    plan = [batch for number in range(epochs) for batch in train_set.epoch(recipe.seed, number)]
    return plan[: max(1, round(len(plan) * recipe.epochs / epochs))]


def backward(model: Any, forward: Any, batch: Any, parts: int, device: torch.device) -> torch.Tensor:
    """Gradient of a batch's loss, computed in parts; this process's share of that loss, ().

    The loss of a batch is the sum over its parts, each weighing as its rows do, so that neither the number of
    parts nor that of processes changes what is learned.
    """
    first, count = parallel.rank() * parts, parallel.count() * parts
    total = torch.zeros((), device=device)
    for number in range(first, first + parts):
        part, counts = take_part(batch, number, count)
        share = counts * model.weight(part) / model.weight(batch)
        with parallel.summing(model, forward, number == first + parts - 1):
            with torch.autocast(device.type, torch.bfloat16):
                output = forward(*model.inputs(part))
            loss = model.loss(output.float(), part) * share
            (loss * parallel.count()).backward()  # processes' gradients are averaged
        total += loss.detach()
    return total


def move(model: Any, average: Any, optimisers: list[Any], recipe: Recipe, step: int, rate: float) -> None:
    """Weights along a batch's gradient, and the average after them. Early on the average forgets faster."""
    torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    take_step(optimisers, rate)
    move_average(average, model, min(recipe.ema, (step + 1) / (step + 10)))
