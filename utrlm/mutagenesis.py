"""Mutation maps: what every single change of a 5' UTR does to its predictions.

A record and then each of its mutants pass through the Predictor as if they stood in a FASTA one after the other:
mutants of several short records share a batch, and a mutant's numbers are those that `utrlm-predict` gives.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import tee
from typing import Any

import numpy as np

from utrlm import alphabet
from utrlm.decode import Row, open_writer
from utrlm.edits import Edit, apply_edits
from utrlm.errors import InputError
from utrlm.fasta import Record, read_records
from utrlm.predict import Predictor
from utrlm.uorf import plain

PLACE = ["id", "position", "to_start", "reference", "alternate"]
DELETED = "-"  # in the table, instead of an alternate letter


@dataclass(frozen=True)
class MutationMap:
    """A record, its predictions, and those of all its mutants."""

    id: str
    letters: str  # upper-case DNA
    first: int  # first letter that was mutated, counted from 0: those before are not read
    reference: Row
    mutants: list[tuple[Edit, Row]]

    def effects(self, column: str) -> np.ndarray:
        """Differences of a column to the record's own prediction, NaN where nothing was changed.

        (mutated letters, 5): to A, C, G, T, and deleted.
        """
        table = np.full((len(self.letters) - self.first, len(alphabet.LETTERS) + 1), np.nan)
        for edit, row in self.mutants:
            change = alphabet.LETTERS.index(edit.letters) if edit.letters else -1
            table[edit.start - self.first, change] = row[column] - self.reference[column]
        return table

    def rows(self, columns: list[str]) -> Iterator[Row]:
        """One row a mutant: its place, and of each of `columns` the prediction and the difference."""
        for edit, row in self.mutants:
            places = [self.id, edit.start + 1, len(self.letters) - edit.start]
            made = dict(zip(PLACE, [*places, self.letters[edit.start], edit.letters or DELETED], strict=True))
            for name in columns:
                made |= {name: row[name], f"{name}_delta": row[name] - self.reference[name]}
            yield made | {"flags": self.reference["flags"]}


def mutants(record: Record, context: int, deletions: bool) -> Iterator[tuple[Record, Edit | None]]:
    """The record itself (edit None), then each letter of its last `context` as every other one, and deleted.

    A mutant holds the letters that are read, and the one that a deletion moves in.
    """
    yield record, None
    letters = plain(record.sequence)
    cut = max(0, len(letters) - context - 1)
    for position in range(max(0, len(letters) - context), len(letters)):
        choices = [letter for letter in alphabet.LETTERS if letter != letters[position]]
        if deletions and len(letters) > 1:
            choices.append("")
        for letter in choices:
            mutated = apply_edits(letters[cut:], [Edit(position - cut, position - cut + 1, letter)]) or ""
            yield Record(record.id, "", mutated, alphabet.encode(mutated)), Edit(position, position + 1, letter)


def mutation_maps(predictor: Predictor, records: Iterator[Record], deletions: bool = False) -> Iterator[MutationMap]:
    """A map a record, in input order.

    Raises:
        InputError: none of the models predicts plain numbers.
    """
    context = max(card.context for card in predictor.keep_scalar())
    made, read = tee(pair for record in records for pair in mutants(record, context, deletions))
    current: MutationMap | None = None
    for (record, edit), row in zip(made, predictor.rows(pair[0] for pair in read), strict=True):
        if edit is not None and current is not None:
            current.mutants.append((edit, row))
            continue
        if current is not None:
            yield current
        letters = plain(record.sequence)
        current = MutationMap(record.id, letters, max(0, len(letters) - context), row, [])
    if current is not None:
        yield current


def mutate_fasta(
    fasta: str | None,
    sequence: str | None,
    output: str,
    deletions: bool,
    form: str,
    plots: str | None,
    plot_format: str,
    plot_columns: list[str],
    plot_records: int,
    **settings: Any,
) -> dict[str, int]:
    """Predict all single mutants of every record into a table and, in a folder `plots`, drawings of the first
    `plot_records` records and one of all; returns counts of what was read.

    `settings`: those of `Predictor`. `plot_columns`: what is drawn, all targets where it is empty.

    Raises:
        InputError: anything wrong with the input, the models or the outputs' places.
    """
    if plot_columns and not plots:
        raise InputError("--plot-column goes with --plots DIR")
    predictor = Predictor(**settings)
    columns = [f"{card.name}_{target.name}" for card in predictor.keep_scalar() for target in card.targets]
    gallery = None
    if plots:
        from utrlm.plots import Gallery

        gallery = Gallery(plots, plot_format, columns, plot_columns, plot_records)
    told = [*PLACE, *(name + end for name in columns for end in ("", "_delta")), "flags"]
    texts, whole = ["id", "reference", "alternate", "flags"], ["position", "to_start"]
    counts = {"records": 0, "mutants": 0, "letters not mutated, since they are not read": 0}
    with ExitStack() as stack:
        writer = stack.enter_context(open_writer(output, form, told, texts, whole))
        for one in mutation_maps(predictor, read_records(fasta, sequence), deletions):
            for row in one.rows(columns):
                writer.write(row)
            if gallery:
                gallery.add(one)
            for name, more in zip(counts, (1, len(one.mutants), one.first), strict=True):
                counts[name] += more
    if gallery:
        counts["drawings"] = gallery.draw()
    return counts
