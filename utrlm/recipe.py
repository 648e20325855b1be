"""How a model was made: one TOML file, read into frozen dataclasses."""

import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from utrlm.errors import InputError
from utrlm.fields import check_types
from utrlm.recipe_checks import check_drawn, check_kind, check_names, check_settings, check_sources
from utrlm.recipe_parts import Drawn, Phase, Source
from utrlm.tasks import TASKS, Target, Task

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OF_PRETRAINING = {  # fields that are read where there are no tables
    *("batch_tokens", "accumulate", "checkpoint_blocks", "optimiser", "muon_rate", "adam_rate", "muon_decay"),
    *("weight_decay", "layer_decay", "warmup", "validations", "patience", "ema", "clip", "dropout", "context", "kmer"),
}


@dataclass(frozen=True)
class Recipe:
    """All that decides how a model is trained, besides the data itself."""

    name: str  # of the model: first part of its columns
    description: str  # one sentence for `utrlm-models`
    sources: tuple[Source, ...]
    task: str = ""  # key of TASKS; empty where the recipe lists its own targets
    targets: tuple[Target, ...] = ()  # what the model predicts, instead of the task's own targets
    default: bool = True  # predicted when the user names no task
    context: int = 512  # letters read, counted back from the start codon or, for a site, around the middle
    layers: int = 4
    width: int = 128
    heads: int = 4
    feedforward: int = 320
    stem: tuple[int, ...] = (7, 5)
    frames: bool = True
    backbone: str = ""  # to start from: a shipped one's name or a file; its shape replaces the fields above
    dropout: float = 0.0  # in the blocks
    dilations: tuple[int, ...] = (1, 1, 1)  # of structure's blocks of two-dimensional convolutions, one each
    threshold_told: float = 0.0  # of structures with --fold, see `card.ModelCard`; 0: what is best on valid
    composition: int = 0  # letters that boosted trees read; what is exported is their mean with the network; 0: none
    seeds: int = 1  # models that differ in their seed, counted up from `seed`; what is exported is their mean
    distil: bool = False  # these models teach one more instead, which is exported
    teachers: tuple[str, ...] = ()  # model files (.onnx) whose mean prediction is learned
    teacher_share: float = 0.5  # of the label that is the teachers' prediction
    drawn: tuple[Drawn, ...] = ()  # sequences that the teachers label, added to the training rows
    seed: int = 1
    epochs: float = 4.0
    batch_tokens: int = 25_600  # letters in a batch, padding included
    accumulate: int = 1  # parts that a batch is computed in, one after the other: less memory, the same result
    checkpoint_blocks: bool = False  # recompute blocks in the backward pass: less memory, more time, the same result
    optimiser: str = "muon"  # muon: Muon for the blocks' matrices, AdamW for the rest; adamw: AdamW for all
    muon_rate: float = 0.01  # learning rate of the blocks' matrices
    adam_rate: float = 0.002  # of everything else
    muon_decay: float = 0.1  # weight decay of the blocks' matrices
    weight_decay: float = 0.01  # of everything else
    layer_decay: float = 1.0  # each layer learns so much more slowly than the one above it
    warmup: int = 200  # steps
    phases: tuple[Phase, ...] = ()  # gradual unfreezing; empty: everything learns all the time
    validations: int = 8  # in a run
    patience: int = 0  # validations in a row without a better score that end the run, with the best kept; 0: no end
    ema: float = 0.999  # decay of the moving average that is shipped
    clip: float = 1.0  # largest norm of the gradient
    mask_share: float = 0.05  # sequences that lose one letter, so that N is a letter the model knows
    mutated: float = 0.0  # share of letters that training replaces by others, but for the eight in a site's middle
    kmer: int = 25  # sequences that share this many letters in a row stay in one split
    identity: float = 0.0  # nothing is learned from what has this share of a held-out sequence's letters; 0: no bound
    test_share: float = 0.2
    valid_share: float = 0.1
    shortest: int = 0  # nt; what is shorter is outside the trained domain, though it may be learned from
    folds: int = 0  # groups are tested in so many parts, each by a model that saw none of it; the last has no test

    def teachers_of(self, target: str) -> tuple[str, ...]:
        """Model files that teach a target: those of its own tables, else the recipe's."""
        own = (source.teachers for source in self.sources if source.target == target)
        return tuple(one for teachers in own for one in teachers) or self.teachers

    @property
    def reach(self) -> int:
        """Letters that the exported model reads: the network's, or the trees' where they read more."""
        return max(self.context, self.composition)

    @property
    def learned(self) -> tuple[Source, ...]:
        """The tables that are not there to split the others alone."""
        return tuple(source for source in self.sources if source.repeat)

    @property
    def asked(self) -> Task:
        """The task: one of TASKS; or the recipe's own targets, which are scalars or of such a task's kind."""
        if not self.targets:
            return TASKS[self.task]
        return replace(TASKS[self.task], targets=self.targets) if self.task else Task(self.name, "scalar", self.targets)

    @property
    def trained(self) -> Task:
        """The task as far as a model can learn it: the targets that a table has labels of."""
        if self.asked.kind == "pairs":  # a structure is the label of all that is predicted of it
            return self.asked
        labelled = {source.target for source in self.learned}
        return replace(self.asked, targets=tuple(one for one in self.asked.targets if one.name in labelled))


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file.

    Raises:
        InputError: the file is missing, not TOML, or has a key that no field of `Recipe` or `Source` bears.
    """
    return parse_recipe(_read_text(path), str(path))


def parse_recipe(text: str, where: str) -> Recipe:
    """The recipe that a text (TOML) tells; `where` is what a message calls it.

    Raises:
        InputError: see `read_recipe`.
    """
    values = _parse_toml(text, where)
    sources = _build_all(Source, values.pop("sources", []), f"{where}: sources")
    targets = _build_all(Target, values.pop("targets", []), f"{where}: targets")
    phases = _build_all(Phase, values.pop("phases", []), f"{where}: phases")
    drawn = _build_all(Drawn, values.pop("drawn", []), f"{where}: drawn")
    tables = {"sources": sources, "targets": targets, "phases": phases, "drawn": drawn}
    recipe: Recipe = _build(Recipe, {**values, **tables}, where)
    check_settings(recipe, where)
    if recipe.task not in TASKS and (recipe.task or not recipe.targets):
        raise InputError(f"{where}: task {recipe.task!r} is none of {', '.join(TASKS)}, and there are no [[targets]]")
    check_names(recipe, where)
    check_sources(recipe.sources, recipe.asked, where)
    check_drawn(recipe, where)
    check_kind(recipe, where)
    return recipe


def read_fields(path: Path, known: set[str]) -> dict[str, Any]:
    """Fields of `Recipe` in a TOML file, by their names; what they hold is not looked at.

    Raises:
        InputError: the file is missing, not TOML, or has a key that is none of the `known` ones.
    """
    values = _parse_toml(_read_text(path), str(path))
    if other := sorted(set(values) - known):
        raise InputError(f"{path}: {other[0]!r} is not told here, only {', '.join(sorted(known))}")
    return values


def read_settings(path: Path | None, **given: Any) -> Recipe:
    """How to train where there are no tables: `given`, and fields of `Recipe` from a TOML file.

    Raises:
        InputError: the file is missing, not TOML, or has a key that pre-training does not read, or that is given.
    """
    values = read_fields(path, OF_PRETRAINING) if path else {}
    where = str(path) if path else "pre-training"
    recipe: Recipe = _build(Recipe, {**values, **given, "description": "", "sources": ()}, where)
    check_settings(recipe, where)
    return recipe


def _read_text(path: Path) -> str:
    """A file's text, or InputError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # not UTF-8
        raise InputError(f"{path}: {error}") from error


def _parse_toml(text: str, where: str) -> dict[str, Any]:
    """What a TOML text holds, or InputError."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: {error}") from error


def _build_all(kind: type, tables: Any, where: str) -> tuple[Any, ...]:
    """Dataclasses from a TOML array of tables."""
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise InputError(f"{where}: write [[{where.split()[-1]}]], a table each")
    return tuple(_build(kind, one, where) for one in tables)


def _build(kind: type, values: dict[str, Any], where: str) -> Any:
    """A dataclass from a TOML table; lists become tuples."""
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise InputError(f"{where}: unknown key {unknown[0]!r}; the known ones are {', '.join(sorted(known))}")
    try:
        made = kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
        check_types(made)
        return made
    except TypeError as error:
        raise InputError(f"{where}: {error}") from error
