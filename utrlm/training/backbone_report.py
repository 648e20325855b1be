"""What a pre-training leaves for people beside the backbone: its card as Markdown and JSON, and its learning curve."""

import json
from pathlib import Path
from typing import Any

import torch

import utrlm
from utrlm.files import written
from utrlm.models import sha256
from utrlm.recipe import OF_PRETRAINING, Recipe
from utrlm.training.curve import draw_curve
from utrlm.training.report import MAKING, NOT_TOLD, made, scores, table_of

RUN = "masked"  # what the run is called in the curve
COUNTS = ("records", "repeated", "short", "learned", "held_out")


def backbone_facts(
    recipe: Recipe, counts: dict[str, dict[str, int]], fastas: list[str], options: dict[str, Any], log: list[Any]
) -> dict[str, Any]:
    """What the card tells but for the file and its scores. `counts`: COUNTS by file, in the order of `fastas`."""
    run = made(RUN, log)
    data = [
        {"file": name, "sha256": sha256(Path(path)), **counts[name]} for name, path in zip(counts, fastas, strict=True)
    ]
    settings = {name: getattr(recipe, name) for name in sorted(OF_PRETRAINING | {"epochs", "seed"})}
    facts = {"version": utrlm.__version__, "data": data, "options": options, "settings": settings, "runs": [run]}
    return facts | {"notes": notes(facts), "torch": torch.__version__}


def notes(facts: dict[str, Any]) -> str:
    """How the backbone came about, in a sentence or two."""
    options, settings, (run,) = facts["options"], facts["settings"], facts["runs"]
    learned = f"{sum(one['learned'] for one in facts['data']):,} sequences of "
    learned += ", ".join(one["file"] for one in facts["data"])
    learned += f" and {options['--random']:,} random UTRs" if options["--random"] else ""
    start = f"the backbone {options['--init']}" if options["--init"] else "scratch"
    epochs = f"{settings['epochs']:g} epoch{'' if settings['epochs'] == 1 else 's'}"
    told = " Energies and pairs of ViennaRNA were learned as well." if options["--fold"] else ""
    return f"Masked pre-training for {epochs} from {start} on {learned}; on {', '.join(run['devices'])}.{told}"


def told(facts: dict[str, Any]) -> dict[str, Any]:
    """What the backbone's own file says of its making, in the words of a `ModelCard`."""
    return {
        "notes": facts["notes"],
        "data": [{"file": one["file"], "citation": "", "terms": ""} for one in facts["data"]],
    }


def write_backbone_report(facts: dict[str, Any], measured: dict[str, Any], log: list[Any], output: Path) -> None:
    """Write `<output>.card.md`, `.card.json` and `.curve.png` of a backbone; `measured`: its scores by file."""
    file = {"name": output.name, "bytes": output.stat().st_size, "sha256": sha256(output)}
    facts = {"name": output.stem, **facts, "file": file, "scores": measured}
    with written(str(output.with_suffix(".card.json"))) as beside:
        Path(beside).write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    with written(str(output.with_suffix(".card.md"))) as beside:
        Path(beside).write_text(markdown(facts), encoding="utf-8")
    with written(str(output.with_suffix(".curve.png"))) as beside:
        draw_curve({RUN: log}, Path(beside))


def markdown(facts: dict[str, Any]) -> str:
    """The card as a person reads it."""
    file, shape = facts["file"], facts["config"]
    size = f"{shape['layers']} blocks of width {shape['width']} with {shape['heads']} heads"
    lines = [
        f"# Backbone `{facts['name']}`",
        "",
        f"{facts['notes']} File `{file['name']}`, {file['bytes'] / 1e6:.1f} MB, SHA-256 `{file['sha256']}`;",
        f"made by utrlm {facts['version']}. {size}; it read the last {facts['settings']['context']} letters.",
        "",
        "## Scores",
        "",
        "Of hidden letters of held-out sequences; in brackets bootstrap 95 % intervals, drawn by group. `markov`: each",
        "letter guessed from the five before it.",
        "",
        *scores(facts["scores"], "file"),
        "## Data",
        "",
        facts["held_out"],
        "",
        *table_of(["file", *COUNTS], [[one["file"], *(one[key] for key in COUNTS)] for one in facts["data"]]),
        f"Terms: not told: {NOT_TOLD}.",
        "",
        "## Making",
        "",
        *table_of(["on", *MAKING], [[", ".join(r["devices"]), *(r[key] for key in MAKING)] for r in facts["runs"]]),
        f"torch {facts['torch']}; the JSON beside this has all settings and the digests of the files.",
    ]
    return "\n".join(lines) + "\n"
