"""The recipe of a table of one's own: what its columns are, and which task's kind the model is of."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from utrlm.card import PROBABILITY
from utrlm.errors import InputError
from utrlm.recipe import Recipe, read_fields
from utrlm.table import read_table
from utrlm.tasks import TASKS, Task

# Shape and rates of a model of that kind, as in recipes/splice.toml and recipes/structure.toml.
OF_KIND: dict[str, dict[str, Any]] = {
    "site": {"context": 320, "layers": 3, "width": 96, "heads": 3, "feedforward": 256, "frames": False},
    "pairs": {"layers": 3, "width": 96, "heads": 3, "feedforward": 256, "frames": False, "dilations": [1, 2, 4]}
    | {"dropout": 0.1, "weight_decay": 0.1, "adam_rate": 0.001, "muon_rate": 0.005},
}
SPLITS = ("train", "valid", "test")
BY_OPTIONS = {"name", "description", "task", "targets", "sources", "epochs", "backbone", "seeds"}
IN_SETTINGS = {field.name for field in fields(Recipe)} - BY_OPTIONS


def table_recipe(
    table: Path,
    name: str,
    labels: list[str],
    sequence: str,
    group: str,
    split: str,
    unit: str,
    epochs: float,
    weight: str = "",
    backbone: str = "",
    task: str = "",
    seeds: int = 0,
    more: Path | None = None,
) -> str:
    """The recipe (TOML) that trains on one table of a user's own: a target a label column, missing labels left out.

    `task`: a key of TASKS, of whose kind the model is; `seeds`: models to average, 0 is one; `more`: a TOML file
    with other fields of `Recipe`.

    Raises:
        InputError: a column that is not there or is there twice, a label column that does not fit the task, a
            column of splits that holds something else, or a file of settings that cannot be used.
    """
    check_columns(table, [*labels, sequence, *filter(None, (group, weight, split))], split)
    like = TASKS[task] if task else Task("", "scalar", ())
    settings: dict[str, Any] = {"name": name, "description": f"Trained on {table.name}.", "epochs": epochs}
    settings |= ({"task": task} if task else {}) | OF_KIND.get(like.kind, {})
    settings |= ({"backbone": backbone} if backbone else {}) | ({"seeds": seeds} if seeds else {})
    settings |= read_fields(more, IN_SETTINGS) if more else {}
    tables = {key: settings.pop(key) for key, value in list(settings.items()) if is_tables(value)}
    lines = [_line(key, value) for key, value in settings.items()]
    lines += [line for key, value in tables.items() for one in value for line in _section(key, one)]
    for label in labels:
        target = own_target(like, label, unit, f"{label} of {table.name}")
        if like.kind != "pairs":  # its targets are the task's
            lines += _section("targets", target)
        source = {"file": table.name, "target": target["name"], "sequence": sequence, "label": label, "group": group}
        source["keep"] = f"`{label}`.notna()"
        source |= {"weight": weight} if weight else {}
        if split:
            source |= {"test": f"`{split}` == 'test'", "valid": f"`{split}` == 'valid'"}
        lines += _section("sources", source)
    if like.kind == "pairs" and len(labels) > 1:
        raise InputError(f"--label-column: a model of structure learns one column, not {', '.join(labels)}")
    if like.kind == "pairs" and weight:
        raise InputError("--weight-column: a model of structure learns from all rows alike")
    if like.kind in ("pairs", "site") and unit:
        raise InputError(f"--unit: a model of {task} has units of its own")
    return "\n".join(lines) + "\n"


def check_columns(table: Path, names: list[str], split: str) -> None:
    """Raise InputError where a name is not one column or ends its own quotes in a query, or a row's split is none."""
    for name in names:
        if "`" in name or "\n" in name:
            raise InputError(f"{table}: column {name!r}: give it a name without backticks and line ends")
    there = read_table(table)
    header = [] if ".parquet" in table.suffixes else list(read_table(table, header=None, nrows=1, dtype=str).iloc[0])
    for name in names:
        if name not in there:
            raise InputError(f"{table}: no column {name!r}; there are {', '.join(map(str, there.columns))}")
        if header.count(name) > 1:  # the second of which pandas gives another name
            raise InputError(f"{table}: {header.count(name)} columns are called {name!r}")
    if not split:
        return
    other = (~there[split].isin(SPLITS)).to_numpy()
    if other.any():
        told = there[split].fillna("").astype(str).iloc[other.argmax()]
        raise InputError(f"{table}: row {other.argmax() + 1}: split {told!r} is none of {', '.join(SPLITS)}")


def choose_labels(table: Path, labels: list[str], task: str | None) -> list[str]:
    """The label columns: those given, or else those that are named as the task's targets.

    Raises:
        InputError: there are none.
    """
    if task and not labels:
        names = [target.name for target in TASKS[task].targets]
        there = read_table(table).columns
        labels = [name for name in names if name in there]
        if not labels:
            raise InputError(f"{table}: none of the columns {', '.join(names)}; name yours with --label-column")
    if not labels:
        raise InputError("--table: give at least one --label-column")
    return labels


def own_target(like: Task, label: str, unit: str, description: str) -> dict[str, str]:
    """A target as a recipe has it. A column named as a target of the task takes that one's unit.

    Another takes that of the first target; of a task of sites, of the one whose name ends alike, and its letters.

    Raises:
        InputError: a column of sites whose name does not tell which.
    """
    if like.kind == "pairs":
        return {"name": like.targets[0].name}
    ends = {target.name.split("_")[-1]: target for target in reversed(like.targets)}
    names = {target.name: target for target in like.targets}
    like_it = ends.get(label.split("_")[-1]) if like.kind == "site" else next(iter(like.targets), None)
    found = names.get(label) or like_it
    if like.kind == "site" and not found:
        raise InputError(f"--label-column {label}: the name of a column of sites ends in {' or '.join(sorted(ends))}")
    known = found.unit if found else ""
    target = {"name": label, "unit": known if known == PROBABILITY else unit or known, "description": description}
    return target | ({"letters": found.letters} if found and found.letters else {})


def is_tables(value: Any) -> bool:
    """Whether TOML has a section for each of these."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _section(name: str, values: dict[str, Any]) -> list[str]:
    """One entry of a TOML array of tables; a JSON string is a TOML string."""
    return [f"[[{name}]]", *(_line(key, value) for key, value in values.items())]


def _line(key: str, value: Any) -> str:
    """A line of TOML, whose strings are JSON's but for pairs of escapes that make one letter."""
    return f"{key} = {json.dumps(value, ensure_ascii=False, default=str)}"  # a date, which is none of a recipe
