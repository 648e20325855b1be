"""Sections of a page that tell of differences: what variants and single mutants do. One pass a table, little memory."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any

from utrlm.sections import Section, bars, ends_table, general, lines_of
from utrlm.summary import CHUNK, ENDS, Ends, Histogram, read_numbers, read_rows

DELTA = "_delta"
ENDS_NAMED = ("highest", "lowest")
LONGEST_NAME = 80  # characters of a row's name that are shown
TOLD = ("lower", "higher", "not told from 0")  # what an interval of a difference says
VARIANTS = {
    "parent_id": "utrlm_variants",
    "parent_name": "Variants",
    "parent_description": "Prediction with the variant minus that without; a row a variant and transcript.",
}
MUTANTS = {
    "parent_id": "utrlm_mutants",
    "parent_name": "Mutation maps",
    "parent_description": "Prediction of each single mutant minus that of its record.",
}
Files = dict[str, Path]  # sample -> its file


@dataclass
class Changes:
    """What the rows of one table of differences hold."""

    rows: int = 0
    kinds: Counter[str] = field(default_factory=Counter)  # consequence for upstream AUGs -> rows
    histograms: dict[str, Histogram] = field(default_factory=dict)  # column of a difference -> its values
    told: dict[str, Counter[str]] = field(default_factory=dict)  # the same column -> one of TOLD -> rows
    ends: dict[str, tuple[Ends, Ends]] = field(default_factory=dict)  # the highest rows, and the lowest


def effect_sections(files: Files) -> list[Section]:
    """Of `utrlm-variants`: differences, what their intervals tell, and consequences for upstream AUGs."""

    def name(row: dict[str, str]) -> str:
        return f"{row['chrom']}:{row['pos']} {row['ref']}>{row['alt']} {row['transcript']}"

    needed = {"chrom", "pos", "ref", "alt", "transcript", "uorf_consequence"}
    changes = {sample: read_changes(path, needed, "effects of variants") for sample, path in files.items()}
    kinds = {escape(sample): dict(one.kinds) for sample, one in changes.items()}
    every = sorted({kind for counts in kinds.values() for kind in counts})
    about = "What a variant does to the upstream AUGs, in UTRannotator's terms; one may do several things."
    told = {
        f"{escape(sample)}, {column}": dict(counts)
        for sample, one in changes.items()
        for column, counts in one.told.items()
    }
    sure = "Whether the 90 % interval of a difference lies below 0, above it, or holds it."
    return [
        general("utrlm_effects", "Effects", "variant and transcript", {s: one.rows for s, one in changes.items()}),
        bars("utrlm_variants_told", "What is told apart", sure, told, TOLD, VARIANTS, counted="effects"),
        bars("utrlm_variants_uorf", "Upstream AUGs", about, kinds, every, VARIANTS, stacked=False, counted="effects"),
        *change_sections(changes, name, VARIANTS),
    ]


def mutant_sections(files: Files) -> list[Section]:
    """Of `utrlm-mutagenesis`: differences."""

    def name(row: dict[str, str]) -> str:
        return f"{row['id']} {row['position']} {row['reference']}>{row['alternate']}"

    needed = {"id", "position", "reference", "alternate"}
    changes = {sample: read_changes(path, needed, "single mutants") for sample, path in files.items()}
    number = general(
        "utrlm_mutants", "Mutants", "single mutants of all records", {s: one.rows for s, one in changes.items()}
    )
    return [number, *change_sections(changes, name, MUTANTS)]


def read_changes(path: Path, needed: set[str], kind: str) -> Changes:
    """One pass over a table with columns of differences.

    Raises:
        InputError: no such table, or a cell that is no number.
    """
    lines = read_rows(str(path), needed, f"a table of {kind}")
    columns = next(lines)
    found, first = Changes(), 1
    deltas = [column for column in columns if column.endswith(DELTA)]
    found.histograms = {column: Histogram() for column in deltas}
    found.ends = {column: (Ends(1), Ends(-1)) for column in deltas}
    while rows := [dict(zip(columns, cells, strict=True)) for cells in islice(lines, CHUNK)]:
        found.kinds.update(kind for row in rows for kind in row.get("uorf_consequence", "").split(",") if kind)
        for column in deltas:
            values, known = read_numbers(rows, column, f"{path}: rows from {first}")
            found.histograms[column].add(values)
            for ends in found.ends[column]:
                ends.add(values, [first + place for place in known], [rows[place] for place in known])
            if f"{column}_low" in columns:
                found.told.setdefault(column, Counter()).update(told_apart(rows, column, f"{path}: rows from {first}"))
        found.rows, first = found.rows + len(rows), first + len(rows)
    return found


def told_apart(rows: list[dict[str, str]], column: str, where: str) -> Counter[str]:
    """How many intervals of a difference lie below 0, above it, or neither, as one that is not there does."""
    lows, highs = (read_numbers(rows, f"{column}_{end}", where)[0] for end in ("low", "high"))
    lower, higher = int((highs < 0).sum()), int((lows > 0).sum())
    return Counter(dict(zip(TOLD, (lower, higher, len(rows) - lower - higher), strict=True)))


def change_sections(
    changes: dict[str, Changes], name: Callable[[dict[str, str]], str], parent: Section
) -> list[Section]:
    """Of every column of differences its distribution, and the rows at both its ends."""
    sections = []
    columns = dict.fromkeys(column for one in changes.values() for column in one.histograms)
    for column in columns:
        held = {sample: one for sample, one in changes.items() if column in one.ends and one.histograms[column].number}
        if not held:
            continue
        key, title = f"{parent['parent_id']}_{column}", escape(column)
        width = max(one.histograms[column].width for one in held.values())
        drawn = {escape(sample): one.histograms[column].shares(width) for sample, one in held.items()}
        sections.append(lines_of(key, title, "difference of the prediction", "% of rows", drawn, parent))
        places = {
            f"{escape(sample)}, {end} {rank}": change_row(row, column, name)
            for sample, one in held.items()
            for end, ends in zip(ENDS_NAMED[: 1 + (one.rows > ENDS)], one.ends[column], strict=False)
            for rank, row in enumerate(ends.rows(), start=1)
        }
        sections.append(ends_table(key, f"{title}, highest and lowest", places, parent))
    return sections


def change_row(row: dict[str, str], column: str, name: Callable[[dict[str, str]], str]) -> dict[str, Any]:
    """What is shown of a row at an end of a column."""
    sides = {end: float(row[f"{column}_{end}"]) for end in ("low", "high") if row.get(f"{column}_{end}")}
    texts = {"told": row.get("uorf_consequence", ""), "flags": row.get("flags", "").replace(",", ", ")}
    told = {key: escape(text) for key, text in texts.items() if text}
    return {"record": escape(name(row)[:LONGEST_NAME]), "delta": float(row[column]), **sides, **told}
