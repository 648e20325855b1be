"""What a recipe may say: numbers in their ranges, and parts that go together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from utrlm.card import LONGEST_CONTEXT, LONGEST_NAME, PROBABILITY
from utrlm.errors import InputError
from utrlm.recipe_parts import Source
from utrlm.tasks import Task

if TYPE_CHECKING:
    from utrlm.recipe import Recipe

OPTIMISERS = ("muon", "adamw")
SITE_STEP = 16  # prediction pads to multiples of this, and padding would move a site off its window's middle
LARGEST = 100_000_000  # of any size in a recipe
SHARES = (
    *("dropout", "teacher_share", "ema", "mask_share", "mutated"),
    *("identity", "test_share", "valid_share", "threshold_told"),
)
FROM_ZERO = (
    "muon_rate",
    "adam_rate",
    "muon_decay",
    "weight_decay",
    "warmup",
    "patience",
    "composition",
    "folds",
    "shortest",
)
RANGES: dict[str, tuple[float, float]] = {  # both ends allowed
    **dict.fromkeys(("accumulate", "validations", "seeds"), (1, LARGEST)),
    **dict.fromkeys(FROM_ZERO, (0, LARGEST)),
    **dict.fromkeys(SHARES, (0, 1)),
    "seed": (0, 2**32),
    "kmer": (1, 27),  # more letters do not fit into a number, see `groups.kmers_of`
    "context": (1, LONGEST_CONTEXT),
}
ABOVE_ZERO = ("layers", "width", "heads", "feedforward", "batch_tokens", "epochs", "clip")


def check_settings(recipe: Recipe, where: str) -> None:
    """Raise InputError where a setting of the training has a value that it cannot have."""
    if recipe.optimiser not in OPTIMISERS:
        raise InputError(f"{where}: optimiser {recipe.optimiser!r} is none of {', '.join(OPTIMISERS)}")
    for name, (least, most) in RANGES.items():
        if not least <= (value := getattr(recipe, name)) <= most:
            bound = f"below {least}" if value < least else f"not a number up to {most:,}"
            raise InputError(f"{where}: {name} is {value}, {bound}")
    for name in ABOVE_ZERO:
        if not 0 < getattr(recipe, name) < LARGEST:
            raise InputError(f"{where}: {name} is {getattr(recipe, name)}, not above 0 and below {LARGEST:,}")
    if not 0 < recipe.layer_decay <= 1:
        raise InputError(f"{where}: layer_decay is {recipe.layer_decay}, not above 0 and at most 1")
    check_shape(recipe, where)
    ends = [phase.until for phase in recipe.phases]
    if ends and (ends != sorted(set(ends)) or ends[0] <= 0 or ends[-1] != 1):
        raise InputError(f"{where}: phases end at {', '.join(map(str, ends))}; 'until' rises from phase to phase to 1")
    for phase in recipe.phases:
        if not 0 <= phase.rate < LARGEST:
            raise InputError(f"{where}: phases: rate is {phase.rate}, not a number of 0 or more")
    try:
        _ = [phase.blocks for phase in recipe.phases]
    except ValueError as error:
        raise InputError(f"{where}: phases: {error}") from None


def check_shape(recipe: Recipe, where: str) -> None:
    """Raise InputError where no network has the recipe's shape, or the exported model could not be read."""
    if recipe.width % (2 * recipe.heads):  # rotary positions turn pairs of a head's channels
        raise InputError(f"{where}: width {recipe.width} does not make {recipe.heads} heads of an even width")
    if any(one < 1 or one % 2 == 0 for one in recipe.stem):
        raise InputError(f"{where}: stem is {list(recipe.stem)}; its widths are odd numbers")
    if any(one < 1 for one in recipe.dilations):
        raise InputError(f"{where}: dilations is {list(recipe.dilations)}, below 1")


def check_names(recipe: Recipe, where: str) -> None:
    """Raise InputError where name and targets make no columns of a table, or two of one name."""
    columns = [f"{recipe.name}_{one.name}{end}" for one in recipe.asked.targets for end in ("", "_low", "_high")]
    if not recipe.name:
        raise InputError(f"{where}: the model's name is empty")
    for number, column in enumerate(columns):
        if not column.isprintable() or len(column) > LONGEST_NAME:
            raise InputError(f"{where}: {column[:LONGEST_NAME]!r} is too long or unprintable for a column's name")
        if column in columns[:number]:
            raise InputError(f"{where}: two targets would write column {column!r}")


def check_sources(sources: tuple[Source, ...], task: Task, where: str) -> None:
    """Raise InputError where there is no table, or one for a target that the task does not have."""
    if not any(source.repeat for source in sources):
        raise InputError(f"{where}: no [[sources]] to learn from, so there is nothing to train on")
    units = {target.name: target.unit for target in task.targets}
    for source in sources:
        if source.target not in units:
            raise InputError(f"{where}: target {source.target!r} of {source.file} is none of {', '.join(units)}")
        for name in ("family", "repeat"):
            if getattr(source, name) < 0:
                raise InputError(f"{where}: {name} is {getattr(source, name)} of {source.file}, below 0")
        if not source.rank_scale > 0:
            raise InputError(f"{where}: rank_scale is {source.rank_scale} of {source.file}, not above 0")
        if source.family and (task.kind == "pairs" or units[source.target] == PROBABILITY):
            raise InputError(f"{where}: family of {source.file}: structures and probabilities are not compared")


def check_drawn(recipe: Recipe, where: str) -> None:
    """Raise InputError where sequences are drawn that no teacher can label, or for a target without a table."""
    names = [source.target for source in recipe.sources]
    for one in recipe.drawn:
        if one.target not in names:
            raise InputError(f"{where}: drawn for target {one.target!r}, which is none of {', '.join(names)}")
        kind = recipe.trained.kind  # thermodynamics teaches structures
        if kind == "site" or (kind == "scalar" and not recipe.teachers_of(one.target)):
            raise InputError(f"{where}: [[drawn]] needs teachers, and a task of scalars or of structures")
        if one.count < 1:
            raise InputError(f"{where}: drawn for {one.target}: count is {one.count}, below 1")


def check_kind(recipe: Recipe, where: str) -> None:
    """Raise InputError where the recipe asks for what its task's kind, or its tables, cannot have."""
    kind = recipe.trained.kind
    if kind == "site" and recipe.context % SITE_STEP:
        raise InputError(f"{where}: context is {recipe.context}; of sites it is a multiple of {SITE_STEP}")
    if recipe.composition and kind != "scalar":  # trees read a UTR from its end
        raise InputError(f"{where}: composition is of tasks of scalars alone")
    if not recipe.folds:
        return
    if recipe.folds < 2 or kind == "pairs":
        raise InputError(f"{where}: folds are two or more, and not of structures")
    if fixed := [source.file for source in recipe.sources if source.test or source.valid]:
        raise InputError(f"{where}: folds test every row once, so there is no test and no valid of {fixed[0]}")
