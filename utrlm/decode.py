"""Raw outputs to columns, and rows to a file: the one place that knows how a number is written."""

import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

import numpy as np

from utrlm import alphabet
from utrlm.card import ModelCard
from utrlm.errors import InputError
from utrlm.files import written
from utrlm.pairs import best_knots, best_structure, by_distance, dot_bracket, expected_accuracy

DECIMALS = 4  # golden files agree to 1e-4 across machines
FORMATS = ("tsv", "jsonl", "parquet")


Outputs = dict[str, np.ndarray]  # a model's raw outputs by name, rows first
Row = dict[str, Any]


def scalar_columns(card: ModelCard, outputs: Outputs, windows: list[np.ndarray]) -> list[Row]:
    """Columns of a batch's sequences, natural units. values (B, T) and, for intervals, spread (B, T) -> B dicts

    `windows`: what the model read of each sequence, (L,) each.

    Raises:
        InputError: the model gave something that is not a number.
    """
    values = outputs["values"].astype(np.float64)
    spread = outputs["spread"].astype(np.float64) if card.interval else np.zeros_like(values)
    if not values.shape == spread.shape == (len(windows), len(card.targets)):
        raise InputError(
            f"model {card.name!r} gave {values.shape[1:]} values a sequence for {len(card.targets)} targets"
        )
    if not np.isfinite(values).all() or not np.isfinite(spread).all():
        raise InputError(f"model {card.name!r} gave a value that is not a number")
    sides = {"": 0, "_low": -1, "_high": 1}
    cells = [(t, sides[end]) for t, target in enumerate(card.targets) for end in card.ends(target)]
    rows = []
    for value, width in zip(values, spread, strict=True):
        cut = [round(float(value[t] + side * width[t]), DECIMALS) for t, side in cells]
        rows.append(dict(zip(card.columns, cut, strict=True)))
    return rows


def site_columns(card: ModelCard, outputs: Outputs, windows: list[np.ndarray]) -> list[Row]:
    """As `scalar_columns`, with None where the letters in the middle are not those of the site."""
    rows = scalar_columns(card, outputs, windows)
    half = card.context // 2
    for target in card.targets:
        letters = bytes(alphabet.encode(target.letters))
        for row, window in zip(rows, windows, strict=True):
            if bytes(window[half - 1 : half + 1]) != letters:
                row[f"{card.name}_{target.name}"] = None
    return rows


class Structure(str):
    """Dot-bracket text of the nested pairs that remembers every pair's probability."""

    pairs: tuple[tuple[int, int, float], ...]  # i < j, counted from 0
    knots: tuple[tuple[int, int, float], ...]  # those that cross, not in the text


def make_structure(near: np.ndarray, threshold: float) -> Structure:
    """The best structure that pair probabilities allow. (L, D), as `pairs.by_distance` has it"""
    pairs = best_structure(near, threshold)
    structure = Structure(dot_bracket(pairs, len(near)))
    knots = best_knots(near, pairs, threshold)
    structure.pairs = tuple((i, j, float(near[i, j - i])) for i, j in pairs)
    structure.knots = tuple((i, j, float(near[i, j - i])) for i, j in knots)
    return structure


def pair_columns(card: ModelCard, outputs: Outputs, windows: list[np.ndarray]) -> list[Row]:
    """Structures of a batch's sequences. probability (B, L, L) -> B dicts"""
    rows = []
    for window, padded in zip(windows, outputs["probability"], strict=True):
        first = len(padded) - len(window)
        rows.append(structure_columns(card, by_distance(padded[first:, first:])))
    return rows


def structure_columns(card: ModelCard, near: np.ndarray) -> Row:
    """The best structure as text, and the share of letters expected to be right. (L, D), as `pairs.by_distance` has it

    Raises:
        InputError: the model gave something that is not a number.
    """
    if not np.isfinite(near).all():
        raise InputError(f"model {card.name!r} gave a value that is not a number")
    text = make_structure(near, card.threshold)
    score = expected_accuracy(near, [(i, j) for i, j, _ in text.pairs])
    return dict(zip(card.columns, (text, round(score, DECIMALS)), strict=True))


DECODERS = {"scalar": scalar_columns, "site": site_columns, "pairs": pair_columns}


def flags(codes: np.ndarray, cards: list[ModelCard], repeated: bool) -> str:
    """What a reader should know before believing a row, as a comma list. codes (L,)"""
    found = {
        "short": any(len(codes) < card.lengths[0] for card in cards),
        "long": any(len(codes) > card.lengths[1] for card in cards),
        "truncated": any(card.kind == "pairs" and len(codes) > card.reach for card in cards),
        "ambiguous": alphabet.is_ambiguous(codes),
        "start_codon": bytes(codes[-3:]) == bytes(alphabet.encode("ATG")),
        "duplicate_id": repeated,
    }
    return ",".join(name for name, holds in found.items() if holds)


def cell(value: Any) -> str:
    """How a value stands in a tab-separated table; None is empty."""
    if value is None:
        return ""
    return f"{value:.{DECIMALS}f}" if isinstance(value, float) else str(value)


class Writer(Protocol):
    """Takes rows one by one."""

    def write(self, row: dict[str, Any]) -> None:
        """Append a row."""


class TsvWriter:
    """Tab-separated values, a fixed number of decimals."""

    def __init__(self, stream: TextIO, columns: list[str]):
        self._stream = stream
        stream.write("\t".join(columns) + "\n")

    def write(self, row: dict[str, Any]) -> None:
        """Append a row."""
        self._stream.write("\t".join(cell(value) for value in row.values()) + "\n")


class JsonlWriter:
    """One JSON object a line."""

    def __init__(self, stream: TextIO, columns: list[str]):
        self._stream = stream

    def write(self, row: dict[str, Any]) -> None:
        """Append a row."""
        self._stream.write(json.dumps(row, ensure_ascii=False) + "\n")


class ParquetWriter:
    """Row groups of 10,000 records."""

    ROWS = 10_000

    def __init__(self, path: str, columns: list[str], texts: Sequence[str], whole: Sequence[str]):
        """`texts`: the columns that hold no numbers; `whole`: those of whole numbers."""
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]

        kinds = dict.fromkeys(whole, pyarrow.int32()) | dict.fromkeys(texts, pyarrow.string())
        self._schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float32())) for name in columns])
        self._file = pyarrow.parquet.ParquetWriter(path, self._schema)
        self._table = pyarrow.Table
        self._rows: list[dict[str, Any]] = []

    def write(self, row: dict[str, Any]) -> None:
        """Append a row."""
        self._rows.append(row)
        if len(self._rows) == self.ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is held back."""
        self._file.write_table(self._table.from_pylist(self._rows, schema=self._schema))
        self._rows = []

    def close(self) -> None:
        """Write the rest and the footer."""
        if self._rows:
            self.flush()
        self._file.close()


@contextmanager
def open_writer(
    path: str, form: str, columns: list[str], texts: Sequence[str] = (), whole: Sequence[str] = ()
) -> Iterator[Writer]:
    """A writer to a file or, for "-", standard output; the file appears under its name only when whole.

    `texts`: the columns that hold no numbers; `whole`: those of whole numbers. Only Parquet needs to know.

    Raises:
        InputError: see `open_text`; a name that promises another format.
    """
    _check_ending(path, form)
    if form == "parquet":
        if path == "-":
            raise InputError("--format parquet needs a file: --output FILE.parquet")
        with written(path) as beside:
            writer = ParquetWriter(beside, columns, texts, whole)
            yield writer
            writer.close()
        return
    with open_text(path) as stream:
        yield (TsvWriter if form == "tsv" else JsonlWriter)(stream, columns)


@contextmanager
def open_text(path: str) -> Iterator[TextIO]:
    """A text file that appears under its name only when whole; "-" is standard output. UTF-8, wherever it goes.

    Raises:
        InputError: the place cannot be written to (`files.written`), ends in .gz, or standard output is closed.
    """
    if path == "-":
        if sys.stdout is None:
            raise InputError("standard output is closed")
        if isinstance(sys.stdout, io.TextIOWrapper):  # not what a notebook puts in its place
            sys.stdout.reconfigure(encoding="utf-8")
        yield sys.stdout
        sys.stdout.flush()
        return
    if path.endswith(".gz"):
        raise InputError(f"{path}: is written uncompressed; leave out .gz")
    with written(path) as beside, open(beside, "w", encoding="utf-8", newline="") as stream:
        yield stream


def _check_ending(path: str, form: str) -> None:
    """Raise InputError for a name that a reader of tables would open as something else."""
    if path.endswith(".gz"):
        raise InputError(f"{path}: tables are written uncompressed; leave out .gz")
    if path.endswith(".parquet") and form != "parquet":
        raise InputError(f"{path}: would hold {form.upper()}, not Parquet (see --format); give it another name")
