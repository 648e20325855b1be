"""What an interrupted run continues from: one file, always whole."""

import json
import math
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from utrlm.errors import InputError
from utrlm.recipe import Recipe
from utrlm.training import parallel

NAME = "checkpoint.pt"
STAMP = "inputs.jsonl"  # see `claim`
NUMBERED = ("fold[0-9]*.tsv", "fold[0-9]*.onnx", "seed[0-9]*.onnx")
FIRST = ("teachers.npy", "priors-*.npy", "structures.npz")  # computed before the first step
KEPT = (NAME, *FIRST, *(f"{name}.*.json" for name in FIRST), *NUMBERED)  # in parts, see `parts`
LEFT = (*KEPT, STAMP, f"{NAME}.part", "log.jsonl")
ADVICE = "--restart begins anew, another --checkpoint-dir leaves it"
# of a recipe, what no weight depends on
SAID = ("description", "default", "composition", "threshold_told", "citation", "terms")


@dataclass
class State:
    """How far a run has come."""

    step: int = 0  # steps done
    merits: list[float] = field(default_factory=list)  # of the validations, where the run may end early
    best: dict[str, Any] | None = None  # the average at the best of them

    def note(self, merit: float, average: Any) -> None:
        """Count a validation, and keep the average if it is the best one. NaN tells nothing and does not count."""
        if math.isnan(merit):
            return
        if not self.merits or merit > max(self.merits):
            self.best = {name: value.clone() for name, value in parallel.whole(average.state_dict()).items()}
        self.merits.append(merit)

    def stalled(self, patience: int) -> bool:
        """Whether so many validations have passed since the best one."""
        return bool(self.merits) and len(self.merits) - self.merits.index(max(self.merits)) > patience


def save(folder: Path, recipe: Recipe, steps: int, state: State, model: Any, average: Any, optimisers: Any) -> None:
    """Write beside, then rename: a killed run leaves the previous checkpoint whole.

    The same file whatever number of processes trains.

    Raises:
        InputError: it cannot be written.
    """
    content = parallel.whole(
        {
            "model": model.state_dict(),
            "average": average.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            **vars(state),
            "steps": steps,
            "recipe": described(recipe),
        }
    )
    if parallel.rank() == 0:
        beside = folder / f"{NAME}.part"
        with beside.open("wb") as file:
            try:
                torch.save(content, file)
            except RuntimeError as error:  # so torch says that the disk is full
                raise InputError(f"{folder / NAME}: cannot be written; is the disk full?") from error
            file.flush()
            os.fsync(file.fileno())  # a machine that goes down may not be left with an empty file
        os.replace(beside, folder / NAME)


def load(folder: Path, recipe: Recipe, steps: int, model: Any, average: Any, optimisers: list[Any]) -> State:
    """Continue from the checkpoint in `folder`, if there is one.

    Raises:
        InputError: it is damaged, or of another recipe, other tables or another model.
    """
    path = folder / NAME
    if not path.exists():
        return State()
    saved = read(path)
    changed = differences(saved.get("recipe", "{}"), described(recipe))
    if changed or saved.get("steps", steps) != steps:
        what = f"recipe ({', '.join(changed)})" if changed else "tables or number of steps"
        raise InputError(f"{path}: of a run with another {what}; {ADVICE}")
    try:
        for module, name in ((model, "model"), (average, "average")):
            own = module.state_dict()
            module.load_state_dict({key: parallel.like(value, own.get(key)) for key, value in saved[name].items()})
        for optimiser, one in zip(optimisers, saved["optimisers"], strict=True):
            parameters = [p for group in optimiser.param_groups for p in group["params"]]
            for number, values in one["state"].items():
                one["state"][number] = {k: parallel.like(v, parameters[number]) for k, v in values.items()}
            optimiser.load_state_dict(one)
    except (KeyError, RuntimeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: of a run with another model; {ADVICE}") from error
    return State(int(saved["step"]), saved.get("merits", []), saved.get("best"))


def read(path: Path) -> dict[str, Any]:
    """A checkpoint's content, on the CPU.

    Raises:
        InputError: missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint")
    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many classes for a damaged file
        raise InputError(f"{path}: no checkpoint, or a damaged one") from error
    return content


def trained_weights(path: Path) -> dict[str, Any]:
    """What a run has come to: the average at its best validation, or where it did not choose, at its end."""
    saved = read(path)
    weights: dict[str, Any] = saved.get("best") or saved["average"]
    return weights


def restart(folder: Path) -> None:
    """Remove what runs left in `folder` and in those of its folds and seeds; other files stay."""
    for path in list(found(folder, LEFT)):
        path.unlink()


def found(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    """Files of these names in `folder` and in those of its folds and seeds."""
    for place in [folder, *folder.glob("fold[0-9]*/"), *folder.glob("seed[0-9]*/")]:
        for pattern in patterns:
            yield from place.glob(pattern)


def described(recipe: Recipe) -> str:
    """All of a recipe that weights depend on, as JSON."""
    values = {key: value for key, value in asdict(recipe).items() if key not in SAID}
    values["sources"] = [{k: v for k, v in source.items() if k not in SAID} for source in values["sources"]]
    return json.dumps(values)


def differences(one: str, other: str) -> list[str]:
    """Fields that differ between two descriptions, of those that both have."""
    before, now = json.loads(one), json.loads(other)
    return [name for name in before if name in now and before[name] != now[name]]
