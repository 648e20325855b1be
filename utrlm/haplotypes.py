"""Alleles that a sample carries together on one chromosome, in one 5' UTR."""

from collections.abc import Iterator
from typing import Any

from utrlm.edits import Edit, apply_edits
from utrlm.effects import Effect, EffectFinder, Found
from utrlm.errors import InputError
from utrlm.placing import FARTHEST
from utrlm.transcripts import Utr

Allele = tuple[str, int, str, str, str]  # chromosome, position, id, ref, alt
Carrier = tuple[str, int]  # sample, and which of its chromosomes, from 1
Placed = tuple[Edit | None, str]  # as `placing.place` gives it
HOMOZYGOUS = "homozygous"  # on every chromosome, so in every phase set


class _Carried:
    """The alleles of one UTR, by phase set and carrier. One that is told twice, whatever its id, is held once."""

    def __init__(self, utr: Utr):
        self.utr = utr
        self.end = max(utr.blocks[-1][1], utr.start[-1][1]) + FARTHEST  # what is written behind it may be moved into it
        self._alleles: dict[tuple[Carrier, Any], dict[tuple[int, str, str], tuple[Allele, Placed]]] = {}

    def add(self, carrier: Carrier, phase: Any, allele: Allele, placed: Placed) -> None:
        """Take an allele."""
        _, position, _, ref, alt = allele
        self._alleles.setdefault((carrier, phase), {}).setdefault((position, ref, alt), (allele, placed))

    def combinations(self) -> dict[tuple[Allele, ...], tuple[list[Placed], list[str]]]:
        """Sets of two and more alleles, with their edits and flags and who carries them."""
        found: dict[tuple[Allele, ...], tuple[list[Placed], list[str]]] = {}
        carriers = {carrier for carrier, _ in self._alleles}
        for carrier in sorted(carriers):
            phases = [phase for one, phase in self._alleles if one == carrier and phase != HOMOZYGOUS]
            everywhere = self._alleles.get((carrier, HOMOZYGOUS), {})
            for phase in phases or [HOMOZYGOUS]:
                both = {**self._alleles[carrier, phase], **everywhere}
                held = sorted(both.values(), key=lambda pair: (pair[0][1], pair[0][4]))
                if len(held) > 1:
                    key = tuple(allele for allele, _ in held)
                    found.setdefault(key, ([placed for _, placed in held], []))[1].append(f"{carrier[0]}|{carrier[1]}")
        return found


class HaplotypeFinder:
    """Gathers phased alleles until the records have passed a UTR; then tells its haplotypes."""

    def __init__(self, finder: EffectFinder, path: str):
        """`path` is the VCF's, for messages."""
        self._finder = finder
        self._path = path
        self._open: dict[Utr, _Carried] = {}
        self._contigs: list[str] = []  # met so far
        self._start = 0

    def add(self, record: Any, found: Found) -> Iterator[Effect]:
        """Take a record, in the VCF's order; yields the haplotypes of UTRs that lie behind it.

        Raises:
            InputError: the records are not sorted.
        """
        another = record.chrom not in self._contigs[-1:]
        if (another and record.chrom in self._contigs) or (not another and record.start < self._start):
            raise InputError(
                f"{self._path}: {record.chrom}:{record.pos} comes too late; haplotypes need records sorted by position"
            )
        if another:
            self._contigs.append(record.chrom)
        self._start = record.start
        passed = [utr for utr, held in self._open.items() if another or held.end < record.start]
        for utr in passed:
            yield from self._close(self._open.pop(utr))
        if not found.edits:
            return
        calls = list(_calls(record))
        for number, utr, edit, flag in found.edits:
            allele = (record.chrom, record.pos, record.id or "", record.ref, record.alts[number - 1])
            for carrier, phase, carried in calls:
                if carried == number:
                    self._open.setdefault(utr, _Carried(utr)).add(carrier, phase, allele, (edit, flag))

    def finish(self) -> Iterator[Effect]:
        """The haplotypes of the UTRs that are left."""
        for held in self._open.values():
            yield from self._close(held)
        self._open = {}

    def _close(self, held: _Carried) -> Iterator[Effect]:
        for alleles, (placed, carriers) in held.combinations().items():
            known = tuple(edit for edit, _ in placed if edit)
            flags = ["haplotype", *dict.fromkeys(flag for _, flag in placed if flag)]
            changed = apply_edits(self._finder.sequence(held.utr), known)
            if len(known) < len(placed):
                known, flags = (), [*flags, "not_placed"]
            elif not changed:
                known, flags = (), [*flags, "overlapping" if changed is None else "utr_deleted"]
            name = "+".join(f"{position}:{ref}>{alt}" for _, position, _, ref, alt in alleles)
            first = (alleles[0][0], alleles[0][1], name, "", "")
            yield self._finder.effect(first, held.utr, known, tuple(flags), ",".join(carriers))


def _calls(record: Any) -> Iterator[tuple[Carrier, Any, int]]:
    """Alternate alleles whose chromosome is known: carrier, phase set, number of the allele."""
    for sample, call in record.samples.items():
        alleles = call.allele_indices or ()
        if None in alleles:
            continue
        same = len(set(alleles)) == 1
        if not same and not call.phased:
            continue
        phase = HOMOZYGOUS if same else call.get("PS", None) or "phased"
        for number, allele in enumerate(alleles, start=1):
            if allele:
                yield (sample, number), phase, allele
