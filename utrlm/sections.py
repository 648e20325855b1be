"""Kinds of sections that MultiQC draws from custom content: curves, bars, a table of rows, a model's card.

Every text of the user's (ids, names of samples and models) is escaped: a report is a web page.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

from utrlm.card import ModelCard
from utrlm.reference import HUMAN, MEASURED
from utrlm.summary import ENDS, Summary

Section = dict[str, Any]
LONGEST_ID = 60  # characters of an id that are shown
COLOURS = {HUMAN: "#888888", MEASURED: "#888888"}
DASHES = {HUMAN: "dash", MEASURED: "dot"}
BESIDE = {
    HUMAN: "Dashed: the same for 2,000 full-length human 5' UTRs.",
    MEASURED: "Dotted: what was measured for the rows trained on; predictions spread less, the less a model knows.",
}
METRICS = {"R2": "R2", "spearman": "Spearman", "AUROC": "area under ROC", "F1": "F1"}  # as a card shows them


def curves(
    name: str, title: str, unit: str, drawn: dict[str, list[tuple[float, float]]], parent: Section, told: str = ""
) -> Section:
    """Distributions as lines: share of records by value."""
    about = f"{escape(told[:1].upper() + told[1:])}." if told else ""
    section = lines_of(name, title, unit, "% of records", drawn, parent)
    section["description"] = " ".join([about, *(text for one, text in BESIDE.items() if one in drawn)]).strip()
    section["pconfig"] |= {"ymin": 0, "colors": COLOURS, "dash_styles": DASHES}
    return section


def lines_of(
    name: str, title: str, across: str, upwards: str, drawn: dict[str, list[tuple[float, float]]], parent: Section
) -> Section:
    """Lines, with what both axes say."""
    pconfig = {"id": f"{name}_plot", "title": f"utrlm: {title}", "xlab": across, "ylab": upwards, "showlegend": True}
    return {"id": name, "section_name": title, "plot_type": "linegraph", "pconfig": pconfig, "data": drawn, **parent}


def general(name: str, title: str, told: str, numbers: dict[str, int]) -> Section:
    """A column of the first table: a count a sample."""
    headers = {title.lower(): {"title": title, "description": told, "format": "{:,.0f}"}}
    data = {escape(sample): {title.lower(): number} for sample, number in numbers.items()}
    return {"id": f"{name}_general", "plot_type": "generalstats", "headers": headers, "data": data}


def bars(
    name: str,
    title: str,
    told: str,
    data: dict[str, dict[str, int]],
    kinds: Iterable[str],
    parent: Section,
    stacked: bool = True,
    counted: str = "records",
) -> Section:
    """Counts of kinds, a bar a sample; stacked ones are shown as shares first."""
    pconfig = {"id": f"{name}_plot", "title": f"utrlm: {title}", "hide_zero_cats": False, "ylab": counted}
    pconfig |= {"cpswitch_c_active": False} if stacked else {"cpswitch": False, "stacking": "group"}
    return {
        "id": name,
        "section_name": title,
        "description": told,
        "plot_type": "bargraph",
        "categories": {kind: {"name": kind.replace("_", " ")} for kind in kinds},
        "pconfig": pconfig,
        "data": data,
        **parent,
    }


def ends_section(summary: Summary, column: str, parent: Section) -> Section:
    """The rows with a column's highest and lowest values; with fewer rows than both ends have, the highest alone."""
    held = summary.highest[column].rows()
    ends = [("highest", held)] if len(held) < ENDS else [("highest", held), ("lowest", summary.lowest[column].rows())]
    data = {}
    for end, rows in ends:
        for rank, row in enumerate(rows, start=1):
            shown = row["id"] if len(row["id"]) <= LONGEST_ID else row["id"][:LONGEST_ID] + "..."
            told = {"record": escape(shown), "value": float(row[column]), "length": int(row["length"])}
            told |= {one: float(row[f"{column}_{one}"]) for one in ("low", "high") if row.get(f"{column}_{one}")}
            told |= {"flags": escape(row["flags"].replace(",", ", "))}
            data[f"{escape(row['sample'])}, {end} {rank}"] = told
    return ends_table(f"utrlm_{column}", f"{escape(column)}, highest and lowest", data, parent)


def ends_table(name: str, title: str, data: dict[str, dict[str, Any]], parent: Section) -> Section:
    """Rows at both ends of a column, by their place; what none of them has is not shown."""
    number = {"scale": False, "format": "{:,.3f}"}
    headers = {
        "record": {"title": "Record", "scale": False},
        "value": {"title": "Predicted", "scale": "RdYlBu", "format": "{:,.3f}"},
        "delta": {"title": "Difference", "scale": "RdYlBu", "format": "{:,.3f}"},
        "low": {"title": "Low", "description": "lower end of the 90 % interval", **number},
        "high": {"title": "High", "description": "upper end of the 90 % interval", **number},
        "told": {"title": "Upstream AUGs", "scale": False},
        "length": {"title": "Length", "suffix": " nt", "scale": False, "format": "{:,.0f}"},
        "flags": {"title": "Flags", "scale": False},
    }
    there = {key for row in data.values() for key in row}
    pconfig = {"id": f"{name}_ends_table", "title": f"utrlm: {title}", "sort_rows": False, "col1_header": "Place"}
    return {
        "id": f"{name}_ends",
        "section_name": title,
        "description": f"The {ENDS} rows at each end; of equal ones the first in the input.",
        "plot_type": "table",
        "headers": {key: header for key, header in headers.items() if key in there},
        "pconfig": pconfig | {"no_violin": True, "rows_are_samples": False},
        "data": data,
        **parent,
    }


def numbers_table(name: str, title: str, told: str, data: dict[str, dict[str, Any]], parent: Section) -> Section:
    """Rows of any columns, in the order of their first row; what a number is, is shown as one."""
    pconfig = {"id": f"{name}_table", "title": f"utrlm: {title}", "sort_rows": False, "col1_header": "Name"}
    columns = dict.fromkeys(escape(key) for row in data.values() for key in row)
    return {
        "id": name,
        "section_name": title,
        "description": told,
        "plot_type": "table",
        "headers": {key: {"title": key.replace("_", " "), "scale": False, "format": "{:,.4g}"} for key in columns},
        "pconfig": pconfig | {"no_violin": True, "rows_are_samples": False},
        "data": {row: {escape(key): shown(value) for key, value in told.items()} for row, told in data.items()},
        **parent,
    }


def shown(value: Any) -> Any:
    """A number, or text that is safe in a page."""
    try:
        return float(value)
    except ValueError:
        return escape(value)


def card_section(card: ModelCard, about: dict[str, Any], parent: Section) -> Section:
    """What a model predicts and how well, in its own card's words."""
    rows = [
        f"<tr><td>{escape(target['column'])}</td><td>{escape(target['unit'])}</td>"
        f"<td>{escape(target['description'])}</td><td>{escape(skill(target['test']))}</td></tr>"
        for target in about["targets"]
    ]
    data = "; ".join(dict.fromkeys(one.get("citation", "") for one in card.data if one.get("citation")))
    notes = [
        f"Trained on sequences of {card.shortest:,} to {card.longest:,} nt; the last {card.reach:,} are read."
        if card.kind != "site"
        else f"Reads {card.context:,} letters around the middle.",
        card.notes,
        f"Data: {data}." if data else "",
        f"Version {card.version}, SHA-256 {about['sha256']}.",
    ]
    text = escape(" ".join(filter(None, notes)))  # the digest is one long word
    table = "<table class='table table-sm'><thead><tr><th>Column</th><th>Unit</th><th>What it says</th>"
    table += f"<th>Skill on rows that were held out</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return {
        "id": f"utrlm_{card.name}_card",
        "section_name": "Card",
        "plot_type": "html",
        "data": f"<div class='table-responsive'>{table}</div><p style='overflow-wrap:anywhere'>{text}</p>",
        **parent,
    }


def skill(test: dict[str, Any]) -> str:
    """Test scores in words, with their 95 % intervals."""
    said = []
    for name, value in test.items():
        if name in METRICS or (name.startswith("F1 ") and not name.endswith("_95")):
            ends = test.get(f"{name}_95")
            between = f" ({ends[0]:.2f} to {ends[1]:.2f})" if ends else ""
            said.append(f"{METRICS.get(name, name)} {value:.2f}{between}")
    if "coverage" in test:
        said.append(f"{100 * test['coverage']:.0f} % inside the interval")
    if not said:
        return "not measured"
    return "; ".join(said) + (f"; {test['n']:,} rows" if "n" in test else "")
