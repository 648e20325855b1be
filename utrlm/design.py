"""From wishes and constraints to designed 5' UTRs: FASTA, table, and how the search went."""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from random import Random
from typing import Any, TextIO

from utrlm.constraints import make_constraints, parse_range
from utrlm.decode import Row, Writer, cell, open_text, open_writer
from utrlm.errors import InputError
from utrlm.fasta import read_fasta
from utrlm.files import written
from utrlm.objectives import Scorer, parse_objectives
from utrlm.search import Member, Plan, Round, evolve, first_sequences
from utrlm.uorf import COLUMNS, record_columns

QUANTILES = ("q10", "median", "q90")


def design_utrs(
    fasta: str | None,
    output: str,
    table: str | None,
    trajectory: str | None,
    plot: str | None,
    maximise: Sequence[str],
    minimise: Sequence[str],
    target: Sequence[str],
    tolerance: float,
    caution: float,
    number: int,
    rounds: int,
    children: float,
    min_distance: int,
    seed: int,
    length: str,
    any_length: bool,
    gc: str,
    five_prime: str,
    three_prime: str,
    following: str,
    forbid_motif: Sequence[str],
    forbid_site: Sequence[str],
    no_uaug: bool,
    **models: Any,
) -> dict[str, int]:
    """Design 5' UTRs, best first, into a FASTA and what else is asked for; returns counts.

    `models`: settings of `Predictor`.

    Raises:
        InputError: anything wrong with the wishes, the constraints, the input, the models or the outputs' places.
    """
    for option, given in (("--tolerance", tolerance), ("--caution", caution), ("--children", children)):
        if not math.isfinite(given):
            raise InputError(f"{option} {given}: should be a finite number")
    if plot:
        from utrlm.plots import draw_trajectory, drawing_kind, write_figure

        kind = drawing_kind(plot)
    scorer = Scorer(parse_objectives(maximise, minimise, target), tolerance, caution, **models)
    lengths, share = trained_lengths(length, scorer, any_length), parse_range(gc, "--gc", 1.0)
    rules = make_constraints(lengths, share, five_prime, three_prime, following, forbid_motif, forbid_site, no_uaug)
    records = list(read_fasta(fasta)) if fasta else []
    if fasta and not records:
        raise InputError(f"{fasta}: holds no records")
    random = Random(seed)
    with ExitStack() as stack:  # places that cannot be written to are told before the search
        stream = stack.enter_context(open_text(output))
        writer = stack.enter_context(open_writer(table, "tsv", design_columns(scorer))) if table else None
        course = stack.enter_context(open_writer(trajectory, "tsv", round_columns(scorer))) if trajectory else None
        drawing = stack.enter_context(written(plot)) if plot else None
        plan = Plan(number, rounds, children, min_distance)
        designs, history = evolve(scorer, rules, first_sequences(records, rules, plan, random), plan, random)
        write_designs(designs, len(str(number)), stream, writer)
        if course:
            for state in history:
                course.write(round_row(state))
        if drawing:
            write_figure(draw_trajectory(history, scorer.objectives), drawing, kind)
    counts = {"designs": len(designs), "asked for but not far enough from the others": number - len(designs)}
    return counts | {"at target": sum(one.scored.met for one in designs), "predictions": scorer.calls}


def write_designs(designs: list[Member], digits: int, stream: TextIO, table: Writer | None) -> None:
    """Write designs, best first, as FASTA and into a table; their names count them in so many digits."""
    for place, one in enumerate(designs, start=1):
        row = design_row(f"design_{place:0{digits}}", one)
        told = " ".join(f"{column}={cell(value)}" for column, value in one.scored.values.items())
        stream.write(f">{row['id']} {told} start={one.start}\n{one.scored.sequence}\n")
        if table:
            table.write(row)


def trained_lengths(length: str, scorer: Scorer, any_length: bool) -> tuple[int, int]:
    """Shortest and longest design, in nt; without `length` all that the models were trained on.

    Raises:
        InputError: not a range, or outside what the models were trained on and not `any_length`, or with a caution that
            nothing tells there; no `length`, and none that all models were trained on.
    """
    shortest, longest = scorer.domain
    if not length:
        if shortest > longest:
            raise InputError("the models were trained on no length in common; give --length, with --any-length")
        return shortest, longest
    ends = parse_range(length, "--length", 10_000.0)
    low, high = (int(end) for end in ends)
    if (low, high) != ends:
        raise InputError(f"--length {length}: should be whole numbers")
    told = f"--length {length}: the models were trained on {shortest} to {longest} nt"
    if low < 1 or not (any_length or shortest <= low <= high <= longest):
        raise InputError(f"{told}; --any-length allows others")
    if not shortest <= low <= high <= longest and scorer.doubt_by_interval:
        raise InputError(f"{told} and give no interval elsewhere, so --any-length needs --caution 0")
    return low, high


def design_columns(scorer: Scorer) -> list[str]:
    """Names of the table's columns."""
    told = [name for one in scorer.objectives for name in (one.column, f"{one.column}_doubt")]
    return ["id", "start", "round", "score", "at_target", *told, "length", "gc", *COLUMNS, "sequence"]


def design_row(name: str, one: Member) -> Row:
    """One design's row; `doubt` is half the 90 % interval or, of several models, their standard deviation."""
    scored, sequence = one.scored, one.scored.sequence
    row: Row = {"id": name, "start": one.start, "round": one.round, "score": scored.score}
    row["at_target"] = "yes" if scored.met else "no"
    for column, value in scored.values.items():
        row |= {column: value, f"{column}_doubt": scored.doubts[column]}
    share = (sequence.count("G") + sequence.count("C")) / len(sequence)
    return row | {"length": len(sequence), "gc": share, **record_columns(sequence), "sequence": sequence}


def round_columns(scorer: Scorer) -> list[str]:
    """Names of the trajectory's columns."""
    told = [*(one.column for one in scorer.objectives), "score"]
    return ["round", "predictions", "at_target", *(f"{name}_{end}" for name in told for end in QUANTILES)]


def round_row(state: Round) -> Row:
    """One round's row."""
    row: Row = {"round": state.number, "predictions": state.predictions, "at_target": state.met}
    for name, values in state.quantiles.items():
        row |= dict(zip((f"{name}_{end}" for end in QUANTILES), values, strict=True))
    return row
