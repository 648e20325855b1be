"""Structures as files that the field's other tools read, beside the table."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
        """Append one record. A sequence longer than the model reads is told as id/first-last."""
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
