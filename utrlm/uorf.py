"""Upstream start codons of 5' UTRs and the reading frames that they open.

Kozak strength has three steps, as in UTRannotator (Zhang et al. 2021, doi:10.1093/bioinformatics/btaa783), after
Kozak 1986 (doi:10.1016/0092-8674(86)90762-2): A or G three bases before the AUG, and G right after it. Strong: both;
Moderate: one; Weak: neither. A base before the UTR's first counts as no match. The base after an AUG that ends the
UTR is the start codon's first: that of `start=` in a record's description, as `utrlm-extract` writes it, or A.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from utrlm.decode import open_writer
from utrlm.fasta import Record, read_records

STOPS = ("TAA", "TAG", "TGA")
STRENGTHS = ("Weak", "Moderate", "Strong")
KINDS = ("uORF", "inframe_oORF", "OutOfFrame_oORF")
TABLE = ["id", "uaug", "position", "to_start", "frame", "context", "kozak", "type", "stop", "length"]
COLUMNS = ["uaugs", "uorfs", "inframe_oorfs", "outofframe_oorfs", "kozak"]  # of a record
_START = re.compile(r"\sstart=([ACGTU])[ACGTU]{2}(?!\S)", re.IGNORECASE)


@dataclass(frozen=True)
class Uorf:
    """One upstream AUG. Positions are 0-based from the UTR's first base."""

    position: int  # of its A
    to_start: int  # nt from its A to the start codon's first base
    context: str  # from three bases before the AUG to the one after it
    strength: str  # one of STRENGTHS
    stop: int | None  # first base of its stop codon; None where the frame is open up to the start codon
    length: int  # nt from its A through the stop codon, or to the UTR's end

    @property
    def frame(self) -> int:
        """0: in frame with the start codon."""
        return self.to_start % 3

    @property
    def kind(self) -> str:
        """uORF: its stop codon lies in the UTR; the others overlap the coding sequence, in its frame or not."""
        if self.stop is not None:
            return "uORF"
        return "OutOfFrame_oORF" if self.frame else "inframe_oORF"


def find_uorfs(sequence: str, following: str = "A") -> list[Uorf]:
    """Every AUG that lies wholly in a UTR (upper-case DNA). `following` is the start codon's first base."""
    found = []
    position = sequence.find("ATG")
    while position >= 0:
        stops = (p for p in range(position + 3, len(sequence) - 2, 3) if sequence[p : p + 3] in STOPS)
        stop = next(stops, None)
        before = sequence[max(0, position - 3) : position]
        after = (sequence + following)[position + 3 : position + 4]
        matches = (len(before) == 3 and before[0] in "AG") + (after == "G")
        end = len(sequence) if stop is None else stop + 3
        to_start = len(sequence) - position
        found.append(Uorf(position, to_start, before + "ATG" + after, STRENGTHS[matches], stop, end - position))
        position = sequence.find("ATG", position + 1)
    return found


def plain(sequence: str) -> str:
    """Upper-case DNA letters."""
    return sequence.upper().replace("U", "T")


def next_base(record: Record) -> str:
    """The start codon's first base: what a record's description says of it, else A."""
    start = _START.search(record.description)
    return plain(start[1]) if start else "A"


def record_columns(sequence: str, following: str = "A") -> dict[str, Any]:
    """What COLUMNS say of a record: numbers of uAUGs, of each kind, and the strongest context (None without uAUG)."""
    found = find_uorfs(plain(sequence), following)
    kinds = [uorf.kind for uorf in found]
    strongest = max((uorf.strength for uorf in found), key=STRENGTHS.index, default=None)
    return dict(zip(COLUMNS, [len(found), *(kinds.count(kind) for kind in KINDS), strongest], strict=True))


def add_columns(row: dict[str, Any], record: Record) -> None:
    """Put a record's COLUMNS into its row of predictions, before the flags."""
    flags = row.pop("flags")
    row |= record_columns(record.sequence, next_base(record))
    row["flags"] = flags


def uaug_rows(record: Record) -> Iterator[dict[str, Any]]:
    """One row an upstream AUG, TABLE's columns; positions are 1-based here."""
    for number, uorf in enumerate(find_uorfs(plain(record.sequence), next_base(record)), start=1):
        stop = None if uorf.stop is None else uorf.stop + 1
        cells = [
            record.id,
            number,
            uorf.position + 1,
            uorf.to_start,
            uorf.frame,
            uorf.context,
            uorf.strength,
            uorf.kind,
        ]
        yield dict(zip(TABLE, [*cells, stop, uorf.length], strict=True))


def write_uorfs(fasta: str | None, sequence: str | None, output: str, per: str) -> tuple[int, int]:
    """A table of upstream AUGs (`per` "uaug") or of records (`per` "record"); returns numbers of records and rows.

    Raises:
        InputError: anything wrong with the input or the output's place.
    """
    records = read_records(fasta, sequence)
    count = rows = 0
    with open_writer(output, "tsv", TABLE if per == "uaug" else ["id", "length", *COLUMNS]) as writer:
        for count, record in enumerate(records, start=1):  # noqa: B007
            if per == "uaug":
                made = list(uaug_rows(record))
            else:
                counted = record_columns(record.sequence, next_base(record))
                made = [{"id": record.id, "length": len(record.codes), **counted}]
            for row in made:
                writer.write(row)
            rows += len(made)
    return count, rows
