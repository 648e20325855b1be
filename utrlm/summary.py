"""What a table of predictions holds, in one pass: histograms, counts, and the rows at both ends of every column.

Memory does not grow with the table: a histogram has at most BINS bins, which are joined two by two when a value falls
outside, and the ends are heaps of a few rows.
"""

import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from utrlm.card import STRUCTURE, ModelCard
from utrlm.errors import InputError
from utrlm.uorf import COLUMNS

BINS = 64  # most in a histogram
FINEST = 2.0**-12  # width of a bin at first; always a power of two, so that joined bins fall on each other
ENDS = 10  # rows kept at each end of a column
CHUNK = 4096  # rows looked at together
UAUGS = ("0", "1", "2", "3", "4", "5 or more")
UORF_KINDS = dict(zip(COLUMNS[1:4], ("uORF", "inframe_oORF", "OutOfFrame_oORF"), strict=True))


@dataclass
class Histogram:
    """How often values fell into bins; bin i holds what is at least i * width and less than (i + 1) * width."""

    width: float = FINEST
    counts: Counter[int] = field(default_factory=Counter)
    number: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")

    def add(self, values: np.ndarray) -> None:
        """Count finite values. (N,)"""
        if not len(values):
            return
        low, high = float(values.min()), float(values.max())
        self.number, self.total = self.number + len(values), self.total + float(values.sum())
        self.least, self.most = min(self.least, low), max(self.most, high)
        while self.most // self.width - self.least // self.width >= BINS:
            self.widen()
        for place, count in zip(*np.unique(values // self.width, return_counts=True), strict=True):
            self.counts[int(place)] += int(count)

    def widen(self) -> None:
        """Join bins two by two."""
        joined: Counter[int] = Counter()
        for place, count in self.counts.items():
            joined[place // 2] += count
        self.counts, self.width = joined, self.width * 2

    @property
    def mean(self) -> float:
        """Of all values, exactly; NaN of none."""
        return self.total / self.number if self.number else float("nan")

    def shares(self, width: float) -> list[tuple[float, float]]:
        """Middles of bins of at least this width, and per cent of the values in them; empty ones between as 0."""
        wide = Histogram(self.width, self.counts)
        while wide.width < width:
            wide.widen()
        if not wide.counts:
            return []
        places = range(min(wide.counts), max(wide.counts) + 1)
        return [((p + 0.5) * wide.width, round(100 * wide.counts[p] / self.number, 3)) for p in places]


class Ends:
    """The rows with the highest values (`sign` 1) or the lowest (-1), in one pass; of equal ones the first."""

    def __init__(self, sign: int):
        self._sign = sign
        self._heap: list[tuple[float, int, Any]] = []  # its root is the next to go

    def add(self, values: np.ndarray, places: list[int], rows: list[Any]) -> None:
        """Look at the values (N,) of N rows, whose places in the table break ties."""
        bar = self._heap[0][0] if len(self._heap) == ENDS else float("-inf")
        scores = self._sign * values
        for i in np.flatnonzero(scores > bar):
            entry = (float(scores[i]), -places[i], rows[i])
            if len(self._heap) < ENDS:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    def rows(self) -> list[Any]:
        """The outermost first."""
        return [row for _, _, row in sorted(self._heap, key=lambda entry: entry[:2], reverse=True)]


@dataclass
class Sample:
    """What the rows of one FASTA hold."""

    records: int = 0
    flags: Counter[str] = field(default_factory=Counter)  # flag -> records
    uaugs: Counter[str] = field(default_factory=Counter)  # one of UAUGS, how many a record has -> records
    uorfs: Counter[str] = field(default_factory=Counter)  # kind of upstream reading frame -> how many in all records
    kozak: Counter[str] = field(default_factory=Counter)  # strongest context, "none" without upstream AUG -> records
    histograms: dict[str, Histogram] = field(default_factory=dict)  # length, and each predicted column
    outside: int = field(default=0, init=False)  # records flagged short, long or both


@dataclass
class Summary:
    """What whole tables hold."""

    columns: list[str] = field(default_factory=list)
    samples: dict[str, Sample] = field(default_factory=dict)
    highest: dict[str, Ends] = field(default_factory=dict)  # numeric column -> rows as dictionaries
    lowest: dict[str, Ends] = field(default_factory=dict)


def summarise(table: str, cards: list[ModelCard], sample: str, summary: Summary | None = None) -> Summary:
    """One pass over a table of `utrlm-predict` or `utrlm-merge`; `sample` names its rows where it has no such column.

    It is added to the `summary` of other tables, if there is one.

    Raises:
        InputError: the table cannot be read, or is none of ours.
    """
    lines = read_rows(table, {"id", "length", "flags"}, "a table of predictions")
    columns = next(lines)
    texts = {f"{card.name}_{target.name}" for card in cards for target in card.targets if target.unit == STRUCTURE}
    numbers = {f"{card.name}_{target.name}" for card in cards for target in card.targets} - texts
    ranked = [column for column in columns if column in numbers]
    summary = summary or Summary()
    summary.columns += [column for column in columns if column not in summary.columns]
    for column in ranked:
        summary.highest.setdefault(column, Ends(1))
        summary.lowest.setdefault(column, Ends(-1))
    before, first = sum(one.records for one in summary.samples.values()), 1
    while chunk := [dict(zip(columns, cells, strict=True)) for cells in islice(lines, CHUNK)]:
        groups: dict[str, list[int]] = {}
        for place, row in enumerate(chunk):
            groups.setdefault(row.setdefault("sample", sample), []).append(place)
        for name, places in groups.items():
            rows = [chunk[place] for place in places]
            _count(summary.samples.setdefault(name, Sample()), rows)
            for column in ["length", *ranked, *sorted(texts)]:
                if column in columns:
                    read = _shares_paired if column in texts else read_numbers
                    values, known = read(rows, column, f"{table}: rows from {first}")
                    summary.samples[name].histograms.setdefault(column, Histogram()).add(values)
                    if column in ranked:
                        for ends in (summary.highest[column], summary.lowest[column]):
                            ends.add(values, [before + first + places[i] for i in known], [rows[i] for i in known])
        first += len(chunk)
    return summary


def read_rows(table: str, needed: set[str], kind: str) -> Iterator[list[str]]:
    """A table's (TSV) header and rows as cells.

    Raises:
        InputError: no such file, without the columns that its `kind` has, or a row that is cut off.
    """
    try:
        with open(table, encoding="utf-8", newline="\n") as stream:
            columns = stream.readline().rstrip("\n").split("\t")
            if lacking := sorted(needed - set(columns)):
                raise InputError(f"{table}: not {kind}: no column {', '.join(lacking)}")
            yield columns
            for number, line in enumerate(stream, start=1):
                cells = line.rstrip("\n").split("\t")
                if len(cells) != len(columns):
                    raise InputError(f"{table}: row {number} is cut off")
                yield cells
    except OSError as error:
        raise InputError(f"{table}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{table}: not text ({error.reason})") from error


def _count(held: Sample, rows: list[dict[str, str]]) -> None:
    """Add what is counted of rows: themselves, their flags and, where there, their upstream reading frames."""
    held.records += len(rows)
    told = [row["flags"].split(",") for row in rows]
    held.flags.update(flag for flags in told for flag in flags if flag)
    held.outside += sum("short" in flags or "long" in flags for flags in told)
    if rows and "kozak" in rows[0]:
        held.kozak.update(row["kozak"] or "none" for row in rows)
        held.uaugs.update(UAUGS[min(int(number), 5)] for number in read_numbers(rows, "uaugs", "uorf")[0])
        for column, kind in UORF_KINDS.items():
            held.uorfs[kind] += int(read_numbers(rows, column, "uorf")[0].sum())


def read_numbers(rows: list[dict[str, str]], column: str, where: str) -> tuple[np.ndarray, list[int]]:
    """A column's values where it has any, (N,), and their N rows' places.

    Raises:
        InputError: a cell is no finite number.
    """
    known = [place for place, row in enumerate(rows) if row[column]]
    try:
        values = np.array([rows[place][column] for place in known], dtype=np.float64)
    except ValueError as error:
        raise InputError(f"{where}: column {column}: {error}") from error
    if not np.isfinite(values).all():
        raise InputError(f"{where}: column {column}: a value that is not finite")
    return values, known


def _shares_paired(rows: list[dict[str, str]], column: str, where: str) -> tuple[np.ndarray, list[int]]:
    """As `read_numbers`, of dot-brackets: per cent of the letters that are paired."""
    known = [place for place, row in enumerate(rows) if row[column]]
    texts = [rows[place][column] for place in known]
    return np.array([100 * (1 - text.count(".") / len(text)) for text in texts], dtype=np.float64), known
