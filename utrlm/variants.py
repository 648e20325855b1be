"""From a VCF to predicted effects on 5' UTRs: a table, and the VCF annotated.

Records stream through: find the UTRs that a record changes (`effects`), apply its alleles, gather a window of
distinct sequences, predict each once (`deltas`), write. Memory is one window, whatever the file's size.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utrlm.decode import Row, cell, open_writer
from utrlm.deltas import PairPredictor
from utrlm.effects import OUTCOMES, Effect, EffectFinder
from utrlm.errors import InputError
from utrlm.files import written
from utrlm.genome import Genome
from utrlm.haplotypes import HaplotypeFinder
from utrlm.predict import WINDOW_RECORDS, Predictor
from utrlm.transcripts import read_utrs
from utrlm.uorf_changes import find_changes
from utrlm.vcf import TAG, VariantReader, open_vcf_writer, packed

WINDOW_STEPS = 5_000  # VCF records that are held until their effects are predicted
PLACE = ["chrom", "pos", "id", "ref", "alt", "transcript", "gene", "gene_name", "strand", "position", "to_start"]


@dataclass(frozen=True)
class Step:
    """One record on its way; `record` is None where no VCF is written, or after the last one."""

    record: Any
    effects: list[Effect]


@dataclass
class Counts:
    """What became of all that was read."""

    records: Counter[str]
    alleles: Counter[str]
    haplotypes: int = 0

    def told(self) -> dict[str, int]:
        """Numbers of records, by what became of them."""
        outcomes = {one: self.records[one] for one in OUTCOMES}
        return {"records": self.records.total(), **outcomes, "haplotypes": self.haplotypes}

    def write(self, path: str) -> None:
        """A table; both columns' sums are what was read."""
        lines = ["outcome\trecords\talleles"]
        lines += [f"{one}\t{self.records[one]}\t{self.alleles[one]}" for one in OUTCOMES]
        with written(path) as beside:
            Path(beside).write_text("\n".join(lines) + "\n", encoding="utf-8")


def predict_variants(
    genome: str,
    gtf: str,
    vcf: str,
    output: str,
    output_vcf: str | None,
    select: str,
    haplotypes: bool,
    summary: str | None,
    tasks: list[str],
    models: list[str],
    device: str,
    cpus: int,
    batch_tokens: int,
) -> Counts:
    """Predict the effects of a VCF's records on 5' UTRs into a table and, if asked for, into the VCF.

    Raises:
        InputError: anything wrong with the inputs, the models or the outputs' places.
    """
    pairs = PairPredictor(Predictor(tasks, models, device, cpus, batch_tokens))
    source = Genome(genome)
    finder = EffectFinder(source, read_utrs(gtf, source, select)[0])
    reader = VariantReader(vcf)
    columns = [*PLACE, *(["carriers"] if haplotypes else []), "reference", "alternate"]
    columns += [*pairs.columns, "uorf_consequence", "uorf_detail", "flags"]
    fields = ["allele", *(name for name in columns[5:] if name not in ("reference", "alternate", "carriers"))]
    counts = Counts(Counter(), Counter())
    with ExitStack() as stack:
        table = stack.enter_context(open_writer(output, "tsv", columns))
        write_record = None
        if output_vcf:
            reader.describe(fields)
            write_record = stack.enter_context(open_vcf_writer(output_vcf, reader.header))
        for window in windows(steps(reader, finder, haplotypes, bool(output_vcf), counts)):
            pairs.predict(sequences(window))
            for step in window:
                rows = [effect_row(effect, pairs.compare, haplotypes) for effect in step.effects]
                for row in rows:
                    table.write(row)
                if write_record and step.record is not None:
                    annotate(step, rows, fields)
                    write_record(step.record)
    if summary:
        counts.write(summary)
    return counts


def steps(reader: VariantReader, finder: EffectFinder, haplotypes: bool, hold: bool, counts: Counts) -> Iterator[Step]:
    """Records with their effects, counted; the haplotypes of a UTR follow once it is passed."""
    gatherer = HaplotypeFinder(finder, reader.path) if haplotypes else None
    for record in reader:
        found = finder.find(record)
        counts.records[found.outcome] += 1
        counts.alleles.update(found.outcomes)
        if gatherer:
            for effect in gatherer.add(record, found):
                counts.haplotypes += 1
                yield Step(None, [effect])
        if found.effects or hold:
            yield Step(record if hold else None, found.effects)
    for effect in gatherer.finish() if gatherer else ():
        counts.haplotypes += 1
        yield Step(None, [effect])


def windows(some: Iterator[Step]) -> Iterator[list[Step]]:
    """Runs of steps, bounded in number and in distinct sequences."""
    window: list[Step] = []
    distinct: set[str] = set()
    for step in some:
        window.append(step)
        distinct.update(sequences([step]))
        if len(window) == WINDOW_STEPS or len(distinct) >= WINDOW_RECORDS:
            yield window
            window, distinct = [], set()
    if window:
        yield window


def sequences(window: list[Step]) -> Iterator[str]:
    """All sequences that a window's effects need."""
    for step in window:
        for effect in step.effects:
            yield effect.reference
            if effect.alternate:
                yield effect.alternate


def effect_row(effect: Effect, compare: Callable[[str, str | None], Row], haplotypes: bool) -> Row:
    """One row of the table."""
    utr = effect.utr
    first = min((edit.start for edit in effect.edits), default=None)
    cells: list[Any] = [effect.contig, effect.position, effect.id, effect.ref, effect.alt, utr.id, utr.gene]
    cells += [utr.gene_name, utr.strand]
    cells += [None, None] if first is None else [first + 1, len(effect.reference) - first]
    row: Row = dict(zip(PLACE, cells, strict=True))
    if haplotypes:
        row["carriers"] = effect.carriers
    row |= {"reference": effect.reference, "alternate": effect.alternate}
    values = compare(effect.reference, effect.alternate)
    flags = values.pop("flags")
    row |= values
    changes = []
    if effect.alternate is not None:
        changes = find_changes(effect.reference, effect.alternate, effect.edits, effect.following)
    row["uorf_consequence"] = ",".join(dict.fromkeys(change.consequence for change in changes))
    row["uorf_detail"] = ",".join(map(str, changes))
    row["flags"] = ",".join(filter(None, [*effect.flags, *(["partial"] if utr.partial else []), flags]))
    return row


def annotate(step: Step, rows: list[Row], fields: list[str]) -> None:
    """Put a record's rows into its INFO."""
    if not rows:
        return
    entries = [packed([row["alt"], *(cell(row[name]) for name in fields[1:])]) for row in rows]
    try:
        step.record.info[TAG] = entries
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{step.record.chrom}:{step.record.pos}: cannot be annotated ({error})") from error
