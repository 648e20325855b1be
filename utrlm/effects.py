"""What the records of a VCF do to 5' UTRs, before anything is predicted."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from utrlm.edits import Edit, apply_edits
from utrlm.genome import Genome
from utrlm.placing import UtrIndex, place, trim
from utrlm.transcripts import Utr

OUTCOMES = (  # of an allele; of a record, the first that one of its alleles met
    "predicted",
    "start_changed",  # changes the start codon, or a deletion reaches over it
    "exon_edge",  # an insertion on, or a deletion over, the edge of an exon
    "utr_deleted",
    "reference_mismatch",
    "unknown_contig",
    "not_letters",
    "symbolic",
    "star",
    "no_alternate",
    "outside",  # of every 5' UTR
)
_UNREADABLE = ("reference_mismatch", "not_letters", "symbolic")  # alleles, of which no letters can be put in
_LETTERS = re.compile(r"[ACGTN]+")


@dataclass(frozen=True)
class Effect:
    """One allele, or one haplotype's alleles, on one transcript."""

    contig: str  # as the VCF calls it
    position: int  # 1-based, as in the VCF
    id: str
    ref: str
    alt: str
    utr: Utr
    reference: str
    alternate: str | None  # None where it cannot be told
    edits: tuple[Edit, ...]
    following: str  # the start codon's first base
    flags: tuple[str, ...] = ()
    carriers: str = ""  # of a haplotype: SAMPLE|1,SAMPLE|2


@dataclass
class Found:
    """All that came of one record."""

    effects: list[Effect] = field(default_factory=list)
    edits: list[tuple[int, Utr, Edit | None, str]] = field(
        default_factory=list
    )  # number of the allele, 1 the first alternate; and its flag
    outcomes: list[str] = field(default_factory=list)  # one an alternate allele

    @property
    def outcome(self) -> str:
        """Of the record: the first of OUTCOMES that one of its alleles met."""
        return min(self.outcomes, key=OUTCOMES.index, default="no_alternate")


class EffectFinder:
    """Finds the effects of records on UTRs of one genome."""

    def __init__(self, genome: Genome, utrs: Iterable[Utr]):
        self._genome = genome
        self._index = UtrIndex(utrs)
        self.sequence = lru_cache(4096)(lambda utr: utr.sequence(genome))
        self.following = lru_cache(4096)(lambda utr: utr.start_codon(genome)[:1] or "A")

    def find(self, record: Any) -> Found:
        """Effects of a pysam.VariantRecord, and each alternate allele's outcome."""
        found = Found()
        contig = self._genome.contig(record.chrom)
        for number, alt in enumerate(record.alts or (), start=1):
            outcome = self._find_allele(found, record, contig, number, alt.upper())
            found.outcomes.append(outcome)
            if contig and outcome in _UNREADABLE:  # nothing of its own, but a haplotype is not told without it
                utrs = self._index.overlapping(contig, record.start, record.stop)
                found.edits += [(number, utr, None, outcome) for utr in utrs]
        return found

    def _find_allele(self, found: Found, record: Any, contig: str | None, number: int, alt: str) -> str:
        """Add an allele's effects; returns its outcome."""
        if alt == "*":
            return "star"
        ref = (record.ref or "").upper()
        if alt in (".", "", ref):
            return "no_alternate"
        if not _LETTERS.fullmatch(alt):
            return "symbolic" if set(alt) & set("<>[].") else "not_letters"
        if contig is None:
            return "unknown_contig"
        if record.start < 0:  # a telomere's
            return "outside"
        start, cut, put = trim(record.start, ref, alt)
        touched = self._index.within_reach(contig, start, cut, put, self._genome)
        if not touched:
            return "outside"
        if self._genome.fetch(contig, record.start, record.start + len(ref)) != ref:
            return "reference_mismatch"
        outcomes = ["outside"]
        for utr in touched:
            edit, flag = place(utr, start, cut, put, self._genome)
            if flag == "outside":
                continue
            outcomes.append("predicted" if edit else flag)
            found.edits.append((number, utr, edit, flag))
            flags = (flag,) if flag else ()
            allele = (record.chrom, record.pos, record.id or "", record.ref, record.alts[number - 1])
            found.effects.append(self.effect(allele, utr, (edit,) if edit else (), flags))
        return min(outcomes, key=OUTCOMES.index)

    def effect(
        self,
        allele: tuple[str, int, str, str, str],
        utr: Utr,
        edits: tuple[Edit, ...],
        flags: tuple[str, ...],
        carriers: str = "",
    ) -> Effect:
        """The effect of edits (none: not to be told) on a UTR. `allele`: chromosome, position, id, ref, alt."""
        reference = self.sequence(utr)
        alternate = apply_edits(reference, edits) if edits else None
        return Effect(*allele, utr, reference, alternate, edits, self.following(utr), flags, carriers)
