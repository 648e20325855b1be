"""What a run leaves for people beside the model: its card as Markdown and JSON, and its learning curve."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from utrlm.card import ModelCard
from utrlm.files import written
from utrlm.models import open_model, sha256
from utrlm.recipe import Recipe
from utrlm.training.checkpoint import described
from utrlm.training.curve import draw_curve
from utrlm.training.ensemble import members
from utrlm.training.log import NAME, read_log

MAKING = ("parameters", "steps", "minutes", "matmul_share")  # of a run
SCORED = {  # by whether the recipe has folds
    False: "On rows that were neither trained nor selected on, through the exported file",
    True: "Of all rows, each predicted by a model of one fold, which saw none of its group, not by the exported one",
}
SPLITS = ("train", "valid", "test", "dropped")
# What terms of training data mean for weights made from them; the first that fits. No legal advice.
MEANINGS = (
    ("unstated", "no licence was given: ask the authors before you sell what the weights are part of"),
    ("gpl", "copyleft; whether weights are a work made from the data is unsettled: pass them on under the same terms, "
     "or train without this table, if in doubt"),
    ("research", "research use: ask the authors before any commercial use of the weights"),
    ("non-commercial", "no commercial use of the weights without the authors' leave"),
    ("-nc", "no commercial use of the weights without the authors' leave"),
    ("public", "public record of an archive: free to use, cite the paper"),
    ("mit", "free to use, commercially too, if you pass on the notice and name the source"),
    ("apache", "free to use, commercially too, if you pass on the notice and name the source"),
    ("cc by", "free to use, commercially too, if you name the source"),
    ("cc0", "free to use"),
)  # fmt: skip
NOT_TOLD = "you know where it is from and what its owners allow"
UNKNOWN = "read these terms before you pass the weights on"


def meaning(terms: str) -> str:
    """What a training set's terms mean for the weights."""
    fitting = (said for word, said in MEANINGS if re.search(rf"(\b|(?=-)){word}\b", terms.lower()))
    return next(fitting, UNKNOWN if terms else NOT_TOLD)


def write_report(recipe: Recipe, table: pd.DataFrame, folder: Path, output: Path) -> None:
    """Write `<output>.card.md`, `.card.json` and `.curve.png` of a model that was exported to `output`.

    `table` is the recipe's, `folder` holds the log of its run, or those of its seeds.
    """
    logs = {place.name: read_log(place / NAME) for _, place in members(recipe, folder)}
    if recipe.distil or not logs:
        logs["model"] = read_log(folder / NAME)
    card, facts = open_model(output, "cpu").card, facts_of(recipe, table, output, logs)
    with written(str(output.with_suffix(".card.json"))) as beside:
        Path(beside).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    with written(str(output.with_suffix(".card.md"))) as beside:
        Path(beside).write_text(markdown(card, facts), encoding="utf-8")
    with written(str(output.with_suffix(".curve.png"))) as beside:
        draw_curve(logs, Path(beside))


def facts_of(recipe: Recipe, table: pd.DataFrame, model: Path, logs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """All that the cards say of a model file; `logs` are those of its runs by their names, if they are at hand."""
    return {
        "card": asdict(open_model(model, "cpu").card),
        "file": {"name": model.name, "bytes": model.stat().st_size, "sha256": sha256(model)},
        "sources": sources(recipe, table),
        "runs": [made(name, lines) for name, lines in logs.items()],
        "torch": torch.__version__,
        "recipe": json.loads(described(recipe)),
    }


def sources(recipe: Recipe, table: pd.DataFrame) -> list[dict[str, Any]]:
    """Of each training set: where it is from, under what terms, how it was split, and how many rows went where."""
    told = []
    for source in recipe.learned:
        rows = table[(table["source"] == source.file) & (table["target"] == source.target)]
        counts = rows["split"].value_counts()
        asked = [f"{split} where {query}" for split in ("test", "valid") if (query := getattr(source, split))]
        shares = f"groups: test {recipe.test_share:.0%}, valid {recipe.valid_share:.0%}"
        told.append(
            {
                "file": source.file,
                "target": source.target,
                "citation": source.citation,
                "terms": source.terms,
                "meaning": meaning(source.terms),
                "split": "; ".join(asked) or (f"{recipe.folds} folds of groups" if recipe.folds else shares),
                "rows": {split: int(counts.get(split, 0)) for split in SPLITS},
            }
        )
    return told


def made(name: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """On what a run was made, how long that took, and what its validation said."""
    starts = [line for line in lines if "device" in line]
    steps = [line for line in lines if "loss" in line]
    valid = [line for line in lines if "valid" in line]
    return {
        "name": name,
        "devices": sorted({f"{line['processes']} x {line['device']}" for line in starts}),
        "parameters": starts[-1]["parameters"] if starts else None,
        "steps": steps[-1]["step"] if steps else None,
        "minutes": round(sum(line.get("seconds", 0.0) for line in steps) / 60, 1),
        "matmul_share": round(float(pd.Series([s.get("matmul_share", 0) for s in steps]).median()), 3)
        if steps
        else None,
        "valid": valid[-1]["valid"] if valid else {},
    }


def markdown(card: ModelCard, facts: dict[str, Any]) -> str:
    """The card as a person reads it."""
    file, tables, runs = facts["file"], facts["sources"], facts["runs"]
    size = f"{file['bytes'] / 1e6:.1f} MB"
    spread = f" Intervals: {card.interval:.0%}, conformal on the valid rows." if card.interval else ""
    columns = [[f"`{card.name}_{target.name}`", target.unit, target.description] for target in card.targets]
    split = [[s["file"], s["target"], *s["rows"].values(), s["split"], s["citation"]] for s in tables]
    making = [[r["name"], ", ".join(r["devices"]), *(r[key] for key in MAKING)] for r in runs]
    lines = [
        f"# Model `{card.name}`",
        "",
        card.description,
        "",
        f"{card.notes} File `{file['name']}`, {size}, SHA-256 `{file['sha256']}`; made by utrlm {card.version}.",
        f"For sequences of {card.shortest} to {card.longest} nt; it reads at most {card.reach} letters.",
        "",
        *table_of(["column", "unit", "what"], columns),
        "## Scores",
        "",
        f"{SCORED[bool(facts['recipe']['folds'])]}; in brackets bootstrap 95 %",
        f"intervals, drawn by group.{spread}",
        "",
        *scores(card.metrics),
        "## Data",
        "",
        *table_of(["table", "target", *SPLITS, "split", "source"], split),
        "Terms, and what they mean for the weights (a reading, no legal advice):",
        "",
        *(f"- `{s['file']}` ({s['target']}): {s['terms'] or 'not told'}: {s['meaning']}" for s in tables),
        "",
    ]
    if runs:
        lines += ["## Making", "", *table_of(["run", "on", *MAKING], making)]
        lines += [
            f"torch {facts['torch']}; SHA-256 of the tables `{card.data_sha256}`; the JSON beside this has the recipe."
        ]
    return "\n".join(lines) + "\n"


def scores(metrics: dict[str, Any], of: str = "target") -> list[str]:
    """A table a set of metrics, for not all targets, or what else they are `of`, have the same."""
    lines = []
    for kinds in dict.fromkeys(tuple(k for k in values if not k.endswith("_95")) for values in metrics.values()):
        chosen = {t: v for t, v in metrics.items() if tuple(k for k in v if not k.endswith("_95")) == kinds}
        rows = [[target, *(cell(values, kind) for kind in kinds)] for target, values in chosen.items()]
        lines += table_of([of, *kinds], rows)
    return lines or ["Not measured.", ""]


def cell(values: dict[str, Any], kind: str) -> str:
    """A metric, with its interval where it has one."""
    ends = values.get(f"{kind}_95")
    return f"{values[kind]}" + (f" [{ends[0]}, {ends[1]}]" if ends else "")


def table_of(columns: list[str], rows: list[list[Any]]) -> list[str]:
    """Lines of a Markdown table, and an empty one."""
    lines = [columns, ["---"] * len(columns), *rows]
    return ["| " + " | ".join(str(one).replace("|", "\\|") for one in line) + " |" for line in lines] + [""]
