"""Structures as files that the field's other tools read, beside the table."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from utrlm.card import ModelCard
from utrlm.decode import Structure, open_text
from utrlm.errors import InputError
from utrlm.fasta import Record
from utrlm.pairs import dot_bracket

HEADER = "id\ti\tj\tletters\tprobability\tknot\n"
STEP = 8  # pixels a letter in a drawing


class StructureFiles:
    """Open files of one model's structures: dot-bracket, pairs, connectivity table and drawing, as asked."""

    def __init__(self, streams: dict[str, TextIO], column: str, pseudoknots: bool):
        self._streams, self._column, self._pseudoknots = streams, column, pseudoknots
        streams["pairs.tsv"].write(HEADER)

    def write(self, record: Record, row: dict[str, Any]) -> None:
        """Append one record. A truncated sequence is told as id/first-last."""
        structure: Structure = row[self._column]
        first = len(record.codes) - len(structure)
        name = f"{record.id}/{first + 1}-{len(record.codes)}" if first else record.id
        letters, knots = record.sequence[first:], structure.knots if self._pseudoknots else ()
        text = dot_bracket([pair[:2] for pair in structure.pairs], len(letters), [pair[:2] for pair in knots])
        self._streams["structures.dbn"].write(f">{name}\n{letters}\n{text}\n")
        pairs = sorted(structure.pairs + knots)
        for i, j, probability in pairs:
            places = f"{first + i + 1}\t{first + j + 1}\t{letters[i]}{letters[j]}"
            knot = int((i, j, probability) in knots)
            self._streams["pairs.tsv"].write(f"{record.id}\t{places}\t{probability:.4f}\t{knot}\n")
        if "structures.ct" in self._streams:
            self._streams["structures.ct"].write(connect_table(name, letters, pairs))
        if "structure.svg" in self._streams:
            self._streams["structure.svg"].write(draw_arcs(letters, pairs))


def connect_table(name: str, letters: str, pairs: list[tuple[int, int, float]]) -> str:
    """A record in mfold's connectivity format: number, letter, previous, next, partner (0: none), number."""
    partner = {i: j for i, j, _ in pairs} | {j: i for i, j, _ in pairs}
    lines = [f"{len(letters)}\t{name}"]
    for number, letter in enumerate(letters, start=1):
        following = number + 1 if number < len(letters) else 0
        lines.append(f"{number}\t{letter}\t{number - 1}\t{following}\t{partner.get(number - 1, -1) + 1}\t{number}")
    return "\n".join(lines) + "\n"


def draw_arcs(letters: str, pairs: list[tuple[int, int, float]]) -> str:
    """An arc a pair over the letters, darker where more probable, as SVG."""
    widest = max((j - i for i, j, _ in pairs), default=2)
    width, floor = STEP * (len(letters) + 1), STEP * (widest / 2 + 1)
    shapes = []
    for i, j, probability in pairs:
        radius = STEP * (j - i) / 2
        arc = f"M{STEP * (i + 1)} {floor} A{radius} {radius} 0 0 1 {STEP * (j + 1)} {floor}"
        title = f"<title>{i + 1}-{j + 1}: {probability:.2f}</title>"
        shapes.append(f'<path d="{arc}" opacity="{probability:.2f}">{title}</path>')
    texts = [f'<text x="{STEP * (i + 1)}" y="{floor + STEP + 1}">{letter}</text>' for i, letter in enumerate(letters)]
    style = f"path{{fill:none;stroke:#036}}text{{font:{STEP}px monospace;text-anchor:middle}}"
    size = f'width="{width}" height="{floor + 2 * STEP}"'
    body = "\n".join([*shapes, *texts])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<style>{style}</style>\n{body}\n</svg>\n'


def merge_structures(folder: str, output: str, shards: list[tuple[str, str, int]]) -> None:
    """Write the structures of shards as one; each shard's are in `folder`/<shard>.structures.

    `shards`: sample (or "", then none is told), name and number of records of each, in order.

    Raises:
        InputError: a file is missing or damaged, or has not as many records or pairs as it should.
    """
    parts = [(sample, Path(folder) / f"{name}.structures", records) for sample, name, records in shards]
    names = ["structures.dbn", "pairs.tsv"] + ["structures.ct"] * (parts[0][1] / "structures.ct").exists()
    with ExitStack() as stack:
        streams = {name: stack.enter_context(open_text(str(Path(output) / name))) for name in names}
        streams["pairs.tsv"].write(("sample\t" if parts[0][0] else "") + HEADER)
        for sample, part, records in parts:
            try:
                copied = [COPIES[name](part / name, stream, sample) for name, stream in streams.items()]
            except OSError as error:
                raise InputError(f"{part}: {error.strerror}") from error
            (found, brackets), (rows, _), *tables = copied
            if {found, *(table[0] for table in tables)} != {records}:
                raise InputError(f"{part}: structures of {found} records for a shard of {records}")
            if rows != brackets:
                raise InputError(f"{part}: {rows} rows of pairs, but {brackets} pairs in the structures")


def copy_brackets(path: Path, stream: TextIO, sample: str) -> tuple[int, int]:
    """Copy dot-bracket records, the sample behind their ids; returns the numbers of records and of pairs."""
    records = pairs = 0
    with path.open(encoding="utf-8") as lines:
        for title, letters, text in zip(lines, lines, lines, strict=True):
            stream.write(f"{_with_sample(title, sample)}{letters}{text}")
            records, pairs = records + 1, pairs + text.count("(") + text.count("[")
    return records, pairs


def copy_pairs(path: Path, stream: TextIO, sample: str) -> tuple[int, int]:
    """Copy a table's rows without its header, the sample as a first column; returns their number, twice."""
    rows = 0
    with path.open(encoding="utf-8") as lines:
        next(lines, "")
        for rows, line in enumerate(lines, start=1):  # noqa: B007
            stream.write((sample + "\t" if sample else "") + line)
    return rows, rows


def copy_tables(path: Path, stream: TextIO, sample: str) -> tuple[int, int]:
    """Copy connectivity tables, the sample behind their ids; returns the numbers of records and of letters."""
    records = total = 0
    with path.open(encoding="utf-8") as lines:
        for title in lines:
            letters = int(title.split("\t")[0])
            stream.write(_with_sample(title, sample) + "".join(islice(lines, letters)))
            records, total = records + 1, total + letters
    return records, total


def _with_sample(title: str, sample: str) -> str:
    """A title line that tells the sample as well."""
    return f"{title.rstrip()} {sample}\n" if sample else title


COPIES = {"structures.dbn": copy_brackets, "pairs.tsv": copy_pairs, "structures.ct": copy_tables}


@contextmanager
def open_structures(
    folder: str, cards: list[ModelCard], ct: bool, pseudoknots: bool, drawn: bool
) -> Iterator[StructureFiles]:
    """Files of structures in a folder, made if missing; each appears under its name only when whole.

    `ct` and `drawn` ask for a connectivity table and a drawing (of a single sequence).

    Raises:
        InputError: not exactly one of the models predicts structures, or the folder cannot be written to.
    """
    told = [card.columns[0] for card in cards if card.kind == "pairs"]
    if len(told) != 1:
        raise InputError(f"--structures needs one model of structure, and {len(told)} are asked; try --tasks structure")
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from error
    names = ["structures.dbn", "pairs.tsv"] + ["structures.ct"] * ct + ["structure.svg"] * drawn
    with ExitStack() as stack:
        streams = {name: stack.enter_context(open_text(str(Path(folder) / name))) for name in names}
        yield StructureFiles(streams, told[0], pseudoknots)
