"""Sections of a page that tell what other scripts than `utrlm-predict` made: effects, mutants, designs, models, scores.

A file is known by the ending of its name; before that stands its sample.
"""

import json
from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any

from utrlm.changes import VARIANTS, Files, effect_sections, mutant_sections
from utrlm.errors import InputError
from utrlm.models import describe, models_of_table, open_model
from utrlm.sections import Section, bars, card_section, general, lines_of, numbers_table
from utrlm.summary import read_numbers, read_rows

DESIGNS = 20  # rows of a table of designs that are shown
POINTS = 50  # of a learning curve
DESIGNED = {
    "parent_id": "utrlm_designs",
    "parent_name": "Designs",
    "parent_description": "Sequences that were searched for, best first, and how the search went.",
}
TRAINING = {
    "parent_id": "utrlm_training",
    "parent_name": "Training",
    "parent_description": "How the training went, and what came of it on rows that were held out.",
}


def result_sections(paths: Iterable[str], models: tuple[str, ...]) -> list[Section]:
    """Sections of files, each by what the ending of its name says, and the cards of the models that tables tell of.

    `models`: files of models of one's own.

    Raises:
        InputError: no such file, one of another kind, or a name that tells no kind.
    """
    found: dict[str, Files] = {ending: {} for ending in ENDINGS}
    for path in map(Path, paths):
        ending = next((one for one in ENDINGS if path.name.endswith(one)), None)
        if ending is None:
            raise InputError(f"{path}: its name ends in none of {', '.join(ENDINGS)}")
        found[ending][path.name.removesuffix(ending)] = path
    sections = [section for ending, make in ENDINGS.items() if found[ending] for section in make(found[ending])]
    tables = [path for ending in PREDICTED for path in found[ending].values()]
    used = dict.fromkeys(model for table in tables for model in models_of_table(str(table), models))
    return sections + model_cards({path.name: path for path in used})


def outcome_sections(files: Files) -> list[Section]:
    """Of `utrlm-variants --summary`: what became of the records of a VCF."""
    counts: dict[str, dict[str, int]] = {}
    for sample, path in files.items():
        columns, *rows = read_rows(str(path), {"outcome", "records"}, "the counts of utrlm-variants")
        told = [dict(zip(columns, cells, strict=True)) for cells in rows]
        numbers = read_numbers(told, "records", str(path))[0]
        counts[escape(sample)] = {row["outcome"]: int(number) for row, number in zip(told, numbers, strict=True)}
    about = "What became of the VCF's records; only those predicted have a row of effects."
    met = dict.fromkeys(outcome for told in counts.values() for outcome, number in told.items() if number)
    return [bars("utrlm_variants_outcome", "Records of the VCF", about, counts, met, VARIANTS)]


def design_sections(files: Files) -> list[Section]:
    """Of `utrlm-design --table`: how many, and the best of them."""
    numbers, shown = {}, {}
    for sample, path in files.items():
        columns, *rows = read_rows(str(path), {"id", "score", "at_target", "sequence"}, "a table of designs")
        numbers[sample] = len(rows)
        for cells in rows[:DESIGNS]:
            row = dict(zip(columns, cells, strict=True))
            shown[f"{escape(sample)}, {escape(row['id'])}"] = {name: row[name] for name in columns if name != "id"}
    about = f"The first {DESIGNS}; doubt is half the 90 % interval or, of several models, their standard deviation."
    best = numbers_table("utrlm_designs_best", "Best designs", about, shown, DESIGNED)
    return [general("utrlm_designed", "Designs", "sequences that were designed", numbers), best]


def trajectory_sections(files: Files) -> list[Section]:
    """Of `utrlm-design --trajectory`: the middle and the tenths at both ends of what was kept, round after round."""
    drawn: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for sample, path in files.items():
        columns, *rows = read_rows(str(path), {"round", "score_median"}, "the course of a search")
        told = [dict(zip(columns, cells, strict=True)) for cells in rows]
        rounds = read_numbers(told, "round", str(path))[0].tolist()
        for column in columns:
            measure, _, which = column.rpartition("_")
            if which in ("q10", "median", "q90"):
                values = read_numbers(told, column, str(path))[0].tolist()
                drawn.setdefault(measure, {})[f"{escape(sample)}, {which}"] = list(zip(rounds, values, strict=True))
    return [
        lines_of(f"utrlm_course_{name}", f"Course of {escape(name)}", "round", name, lines, DESIGNED)
        for name, lines in drawn.items()
    ]


def model_cards(files: Files) -> list[Section]:
    """Of `utrlm-finetune`: the cards of what was trained."""
    sections = []
    for path in files.values():
        card, about = open_model(path, "cpu").card, describe([str(path)])[0]
        parent = {"parent_id": f"utrlm_{card.name}", "parent_name": escape(f"Model {card.name}")}
        sections.append(card_section(card, about, parent | {"parent_description": escape(card.description)}))
    return sections


def log_sections(files: Files) -> list[Section]:
    """Of a training's log: loss and validation scores over steps; with the model beside it, targets have names."""
    loss: dict[str, list[tuple[float, float]]] = {}
    valid: dict[str, list[tuple[float, float]]] = {}
    for sample, path in files.items():
        model = path.with_name(f"{sample}.onnx")
        names = {
            str(i): one.name for i, one in enumerate(open_model(model, "cpu").card.targets if model.exists() else ())
        }
        lines = read_lines(path)
        steps = [(line["step"], line["loss"]) for line in lines if "loss" in line]
        every = max(1, len(steps) // POINTS)
        parts = (steps[first : first + every] for first in range(0, len(steps), every))
        loss[escape(sample)] = [(part[-1][0], sum(value for _, value in part) / len(part)) for part in parts]
        for line in lines:
            for name, value in line.get("valid", {}).items():
                drawn = valid.setdefault(f"{escape(sample)}, {escape(names.get(name, name))}", [])
                drawn.append((line["step"], value))
    return [
        lines_of("utrlm_training_loss", "Training loss", "step", "loss", loss, TRAINING),
        lines_of("utrlm_training_valid", "Rows to select on", "step", "score", valid, TRAINING),
    ]


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a training's log, but for one that was cut off.

    Raises:
        InputError: it cannot be read, or is none.
    """
    try:
        lines = [json.loads(line) for line in read_text(path).splitlines() if line.endswith("}")]
        if not all("step" in line for line in lines):
            raise ValueError("a line without step")
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: not the log of a training ({error})") from error
    return lines


def score_sections(files: Files) -> list[Section]:
    """Of `utrlm-evaluate` and `utrlm-pretrain`: a row a target or a file."""
    rows: dict[str, dict[str, Any]] = {}
    for sample, path in files.items():
        try:
            scores = json.loads(read_text(path))
            told = {
                name: {key: value for key, value in one.items() if isinstance(value, int | float)}
                for name, one in scores.items()
            }
        except (ValueError, AttributeError) as error:
            raise InputError(f"{path}: not the scores of a model ({error})") from error
        rows |= {f"{escape(sample)}, {escape(name)}": one for name, one in told.items()}
    about = "What they are is told in docs/training.md; intervals stand in the file."
    return [numbers_table("utrlm_scores", "Scores", about, rows, TRAINING)]


def read_text(path: Path) -> str:
    """A file's text, or InputError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from error


PREDICTED = (".effects.tsv", ".mutants.tsv", ".designs.tsv")  # tables with columns of models
ENDINGS: dict[str, Callable[[Files], list[Section]]] = {
    ".counts.tsv": outcome_sections,
    ".effects.tsv": effect_sections,
    ".mutants.tsv": mutant_sections,
    ".designs.tsv": design_sections,
    ".trajectory.tsv": trajectory_sections,
    ".onnx": model_cards,
    ".log.jsonl": log_sections,
    ".scores.json": score_sections,
}
