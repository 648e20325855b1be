"""A run's report as files that MultiQC reads (custom content, `*_mqc.json`), here or in a report of one's own.

MultiQC is a program that is called on these files, never imported.
"""

import json
import re
from collections import Counter
from html import escape
from pathlib import Path
from typing import Any

from utrlm.card import STRUCTURE, ModelCard
from utrlm.errors import InputError
from utrlm.files import make_folder, written
from utrlm.models import describe, models_of_table, open_model
from utrlm.reference import HUMAN, MEASURED, Reference, read_reference
from utrlm.results import result_sections
from utrlm.sections import Section, bars, card_section, curves, ends_section
from utrlm.summary import UAUGS, UORF_KINDS, Histogram, Summary, summarise

SPEED = re.compile(r"\.\d{5}\.speed\.json$")  # what follows a sample's name in a shard's file
VERSIONS = "utrlm_mqc_versions.yml"
FLAGS = ("short", "long", "truncated", "ambiguous", "start_codon", "duplicate_id")
FLAGS_SAY = (
    "Records that carry a flag; one may carry several. short, long: outside the lengths that any of the models was "
    "trained on; truncated: longer than what a structure is told of; ambiguous: a letter other than ACGTU was masked; "
    "start_codon: ends in ATG, as if it carried its start codon; duplicate_id: the id was there before."
)
KOZAK = ("none", "Weak", "Moderate", "Strong")
RECORDS = {
    "parent_id": "utrlm_records",
    "parent_name": "Records",
    "parent_description": "What came in, before any prediction.",
}
UPSTREAM = {
    "parent_id": "utrlm_uaugs",
    "parent_name": "Upstream AUGs",
    "parent_description": "Start codons before the start codon; those out of frame lower translation most.",
}
RUN = {"parent_id": "utrlm_run", "parent_name": "This run", "parent_description": "What was done, and how fast."}


def write_report(
    tables: tuple[str, ...],
    sample: str,
    models: tuple[str, ...],
    counts: str | None,
    speeds_dir: str | None,
    results: tuple[str, ...],
    software: tuple[str, ...],
    output_dir: str,
) -> int:
    """Write the sections of tables of predictions, and of other results, into a folder; returns how many they are.

    Sections that lie there from before are removed: the folder tells of what was given now.

    `counts`: what became of transcripts, as `utrlm-extract` writes it; `speeds_dir`: folder of files that
    `utrlm-predict --speed` wrote; `results`: what other scripts wrote, see `results.ENDINGS`; `software`:
    "name=version" each.

    Raises:
        InputError: nothing to tell of, a file that is none of ours, two tables of one name, a tool without version.
    """
    for one in software:
        if "=" not in one:
            raise InputError(f"--software {one}: should be NAME=VERSION")
    sections = prediction_sections(tables, sample, models) if tables else []
    sections += result_sections(results, models)
    if not sections:
        raise InputError("nothing to tell of: give --table FILE or --result FILE")
    if counts:
        sections.append(transcript_section(counts, sample))
    if speeds_dir:
        sections.append(speed_section(Path(speeds_dir)))
    made = {f"{section['id']}_mqc.json": section for section in sections}
    if software:
        made[VERSIONS] = dict(one.split("=", 1) for one in software)  # JSON is YAML
    folder = make_folder(output_dir)
    for name, values in made.items():
        _write(folder / name, values)
    for path in [*folder.glob("utrlm_*_mqc.json"), *folder.glob(VERSIONS)]:
        if path.name not in made:
            path.unlink()
    return len(sections)


def prediction_sections(tables: tuple[str, ...], sample: str, models: tuple[str, ...]) -> list[Section]:
    """Sections of tables of predictions: one may hold several samples, and of several each is one."""
    named = {sample: tables[0]} if len(tables) == 1 else {Path(table).stem: table for table in tables}
    if len(named) < len(tables):
        raise InputError("--table: two files of one name, which is their sample's")
    used = list(dict.fromkeys(path for table in tables for path in models_of_table(table, models)))
    cards = [open_model(path, "cpu").card for path in used]
    summary = Summary()
    for name, table in named.items():
        summarise(table, cards, name, summary)
    reference = read_reference()
    sections = [general_section(summary), *record_sections(summary, reference), *uaug_sections(summary, reference)]
    for card, about in zip(cards, describe(list(map(str, used))) if used else [], strict=True):
        sections += model_sections(summary, card, about, reference)
    return sections


def _write(path: Path, values: dict[str, Any]) -> None:
    with written(str(path)) as beside:
        Path(beside).write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")


def general_section(summary: Summary) -> Section:
    """The first table: a row a sample."""
    headers = {
        "records": {"title": "Records", "description": "5' UTRs", "format": "{:,.0f}"},
        "length": {"title": "Length", "description": "mean length", "suffix": " nt", "format": "{:,.0f}"},
        "shortest": {"title": "Shortest", "suffix": " nt", "format": "{:,.0f}", "hidden": True},
        "longest": {"title": "Longest", "suffix": " nt", "format": "{:,.0f}", "hidden": True},
        "outside": {
            "title": "Short or long",
            "description": "records outside the lengths that any of the models was trained on",
            "suffix": " %",
            "max": 100,
        },
    }
    data = {}
    for name, one in summary.samples.items():
        length = one.histograms["length"]
        told = {"records": one.records, "length": length.mean, "shortest": length.least, "longest": length.most}
        data[escape(name)] = told | {"outside": 100 * one.outside / one.records}
    return {"id": "utrlm_general", "plot_type": "generalstats", "headers": headers, "data": data}


def record_sections(summary: Summary, reference: Reference) -> list[Section]:
    """Lengths and flags."""
    flags = {escape(name): {flag: one.flags[flag] for flag in FLAGS} for name, one in summary.samples.items()}
    return [
        curves("utrlm_length", "Length", "nt", lines(summary, "length", reference.human.histograms), RECORDS),
        bars("utrlm_flags", "Flags", FLAGS_SAY, flags, FLAGS, RECORDS, stacked=False),
    ]


def uaug_sections(summary: Summary, reference: Reference) -> list[Section]:
    """Upstream AUGs, where the table has their columns."""
    if "uaugs" not in summary.columns:
        return []
    samples = {escape(name): one for name, one in summary.samples.items()} | {HUMAN: reference.human}
    strongest = {name: {strength: one.kozak[strength] for strength in KOZAK} for name, one in samples.items()}
    kinds = {name: dict(one.uorfs) for name, one in samples.items()}
    told = "A uORF has its own stop codon in the UTR; the others run into the coding sequence, in its frame or not."
    best = "Records by the strongest Kozak context of their upstream AUGs."
    number = {name: dict(one.uaugs) for name, one in samples.items()}
    return [
        bars("utrlm_uaugs_number", "Number", "Records by how many upstream AUGs they have.", number, UAUGS, UPSTREAM),
        bars("utrlm_uaugs_kozak", "Strongest context", best, strongest, KOZAK, UPSTREAM),
        bars(
            "utrlm_uaugs_kind",
            "Reading frames",
            told,
            kinds,
            tuple(UORF_KINDS.values()),
            UPSTREAM,
            counted="upstream AUGs",
        ),
    ]


def model_sections(summary: Summary, card: ModelCard, about: dict[str, Any], reference: Reference) -> list[Section]:
    """The card, and each column's distribution and ends."""
    parent = {
        "parent_id": f"utrlm_{card.name}",
        "parent_name": escape(f"Model {card.name}"),
        "parent_description": escape(card.description),
    }
    same = reference.models.get(card.name) == about["sha256"]
    sections = [card_section(card, about, parent)]
    for target in card.targets:
        column = f"{card.name}_{target.name}"
        human = reference.human.histograms if same else {}
        measured = reference.measured if same else {}
        unit = "% of letters paired" if target.unit == STRUCTURE else target.unit
        drawn = lines(summary, column, human, measured)
        sections.append(curves(f"utrlm_{column}", escape(column), escape(unit), drawn, parent, target.description))
        if column in summary.highest:
            sections.append(ends_section(summary, column, parent))
    return [section for section in sections if section["data"]]


def lines(
    summary: Summary, column: str, human: dict[str, Histogram], measured: dict[str, Histogram] | None = None
) -> dict[str, list[tuple[float, float]]]:
    """Share of records by value: each sample, and what it is compared with, in bins of one width."""
    found = {escape(name): one.histograms.get(column) for name, one in summary.samples.items()}
    found |= {HUMAN: human.get(column), MEASURED: (measured or {}).get(column)}
    known = {name: one for name, one in found.items() if one and one.number}
    if not known.keys() - {HUMAN, MEASURED}:
        return {}
    width = max(one.width for one in known.values())
    return {name: one.shares(max(width, 1.0) if column == "length" else width) for name, one in known.items()}


def transcript_section(counts: str, sample: str) -> Section:
    """What became of the annotation's transcripts, as `utrlm-extract --summary` tells it."""
    try:
        rows = [line.split("\t") for line in Path(counts).read_text(encoding="utf-8").splitlines()[1:]]
        told = {name.replace("_", " "): int(number) for name, number in rows}
    except (OSError, ValueError) as error:
        raise InputError(f"{counts}: no counts of utrlm-extract ({error})") from error
    why = "What became of the annotation's transcripts; only those extracted were predicted."
    kinds = {name: count for name, count in told.items() if not name.startswith("of these")}
    return bars("utrlm_transcripts", "Transcripts", why, {escape(sample): kinds}, tuple(kinds), RECORDS)


def speed_section(folder: Path) -> Section:
    """Throughput, a row a sample."""
    totals: dict[str, Counter[str]] = {}
    devices: dict[str, set[str]] = {}
    for path in sorted(folder.iterdir()):
        try:
            one = json.loads(path.read_text(encoding="utf-8"))
            numbers = {name: one[name] for name in ("records", "letters", "seconds", "cpus")}
            name = escape(SPEED.sub("", path.name))
            totals.setdefault(name, Counter()).update(numbers | {"tasks": 1})
            devices.setdefault(name, set()).add(str(one["device"]))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{path}: not written by utrlm-predict --speed ({error})") from error
    data = {}
    for name, total in totals.items():
        rate = total["records"] / max(total["seconds"], 1e-3)
        shown = {key: total[key] for key in ("tasks", "records", "letters", "seconds")} | {"rate": rate}
        data[name] = shown | {"cpus": total["cpus"] / total["tasks"], "device": ", ".join(sorted(devices[name]))}
    whole = {"format": "{:,.0f}", "scale": False}
    headers = {
        "tasks": {"title": "Tasks", "description": "shards, predicted side by side where there is room", **whole},
        "records": {"title": "Records", **whole},
        "letters": {"title": "Letters", **whole},
        "seconds": {"title": "Seconds", "description": "sum over tasks, opening the models left out", **whole},
        "rate": {"title": "Records a second", "description": "of one task", "format": "{:,.1f}", "scale": False},
        "cpus": {"title": "CPUs", "description": "granted to a task", "format": "{:,.0f}", "scale": False},
        "device": {"title": "Device", "scale": False},
    }
    pconfig = {"id": "utrlm_speed_table", "title": "utrlm: throughput", "col1_header": "Sample", "no_violin": True}
    return {
        "id": "utrlm_speed",
        "section_name": "Throughput",
        "description": "Of predicting alone; how long a task waited and what the pipeline adds stand in its trace.",
        "plot_type": "table",
        "headers": headers,
        "pconfig": pconfig,
        "data": data,
        **RUN,
    }
