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
from utrlm.files import make_folder
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


def merge_structures(folder: str, output: str, shards: list[tuple[str, str, Iterator[str]]]) -> None:
    """Write the structures of shards as one; each shard's are in `folder`/<shard>.structures.

    `shards`: sample (or "", then none is told), name and ids of the records of each, in order. `output` is made if
    missing.

    Raises:
        InputError: a file is missing or damaged, of other records, or has not as many pairs as it should.
    """
    parts = [(sample, Path(folder) / f"{name}.structures", ids) for sample, name, ids in shards]
    names = ["structures.dbn", "pairs.tsv"] + ["structures.ct"] * (parts[0][1] / "structures.ct").exists()
    make_folder(output)
    with ExitStack() as stack:
        streams = {name: stack.enter_context(open_text(str(Path(output) / name))) for name in names}
        streams["pairs.tsv"].write(("sample\t" if parts[0][0] else "") + HEADER)
        for sample, part, known in parts:
            ids = list(known)
            try:
                pairs = [COPIES[name](part / name, stream, sample, ids) for name, stream in streams.items()]
            except OSError as error:
                raise InputError(f"{part}: {error.strerror}") from error
            except ValueError as error:
                raise InputError(f"{part}: {error}") from error
            if pairs[1] != pairs[0]:
                raise InputError(f"{part}: {pairs[1]} rows of pairs, but {pairs[0]} pairs in the structures")


def copy_brackets(path: Path, stream: TextIO, sample: str, ids: list[str]) -> int:
    """Copy dot-bracket records, the sample behind their ids; returns the number of pairs.

    Raises:
        ValueError: cut off, or of other records than `ids`.
    """
    records = pairs = 0
    lines = _lines(path)
    for title in lines:
        letters, text = next(lines, ""), next(lines, "")
        if not text or len(letters) != len(text) or not title.startswith(">"):
            raise ValueError(f"{path.name}: record {records + 1} is cut off")
        _check_id(title[1:], ids, records, path)
        stream.write(f"{_with_sample(title, sample)}{letters}{text}")
        records, pairs = records + 1, pairs + text.count("(") + text.count("[")
    _check_records(records, ids)
    return pairs


def copy_pairs(path: Path, stream: TextIO, sample: str, ids: list[str]) -> int:
    """Copy a table's rows without its header, the sample as a first column; returns their number.

    Raises:
        ValueError: cut off, or of other records than `ids`.
    """
    rows, known = 0, set(ids)
    lines = _lines(path)
    next(lines, "")
    for rows, line in enumerate(lines, start=1):
        if line.count("\t") != HEADER.count("\t") or line.split("\t")[0] not in known:
            raise ValueError(f"{path.name}: row {rows} is damaged or of another shard")
        stream.write((sample + "\t" if sample else "") + line)
    return rows


def copy_tables(path: Path, stream: TextIO, sample: str, ids: list[str]) -> int:
    """Copy connectivity tables, the sample behind their ids; returns the number of records.

    Raises:
        ValueError: cut off, or of other records than `ids`.
    """
    records = 0
    lines = _lines(path)
    for title in lines:
        count, _, name = title.partition("\t")
        letters = list(islice(lines, int(count) if count.isdecimal() else 0))
        if not letters or len(letters) != int(count):
            raise ValueError(f"{path.name}: record {records + 1} is cut off")
        _check_id(name, ids, records, path)
        stream.write(_with_sample(title, sample) + "".join(letters))
        records += 1
    _check_records(records, ids)
    return records


def _lines(path: Path) -> Iterator[str]:
    """A file's lines. Raises ValueError: not text, or the last one has no end."""
    try:
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if not line.endswith("\n"):
                    raise ValueError(f"{path.name} is cut off")
                yield line
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not text ({error.reason})") from error


def _check_id(title: str, ids: list[str], number: int, path: Path) -> None:
    """Raise ValueError unless record `number` has its id; of a truncated sequence id/first-last."""
    name = title.rstrip("\n")
    if number < len(ids) and ids[number] not in (name, name.rpartition("/")[0]):
        raise ValueError(f"{path.name}: record {number + 1} is {name}, and not {ids[number]} as in the table")


def _check_records(found: int, ids: list[str]) -> None:
    """Raise ValueError unless there are as many structures as ids."""
    if found != len(ids):
        raise ValueError(f"structures of {found} records for a shard of {len(ids)}")


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
    make_folder(folder)
    names = ["structures.dbn", "pairs.tsv"] + ["structures.ct"] * ct + ["structure.svg"] * drawn
    with ExitStack() as stack:
        streams = {name: stack.enter_context(open_text(str(Path(folder) / name))) for name in names}
        yield StructureFiles(streams, told[0], pseudoknots)
