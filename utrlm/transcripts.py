"""From a genome and its annotation to spliced 5' UTRs."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

from utrlm.annotation import Blocks, Transcript, read_transcripts
from utrlm.decode import open_text
from utrlm.errors import InputError
from utrlm.genome import Genome

_MANE = ("MANE_Select", "MANE_Plus_Clinical")
Rank = tuple[bool, bool, bool, bool, int, str]


@dataclass(frozen=True)
class Utr:
    """Where a transcript's 5' UTR lies in the genome."""

    id: str
    gene: str
    gene_name: str
    contig: str  # as the genome calls it
    strand: str
    blocks: Blocks
    start: Blocks  # the start codon, one to three pieces
    partial: bool  # the annotation says that the transcript's own start is not known

    def __len__(self) -> int:
        """Nucleotides."""
        return sum(end - start for start, end in self.blocks)

    @property
    def coordinates(self) -> str:
        """Such as chr1:101-200,301-350:+ (1-based, end included)."""
        pieces = ",".join(f"{start + 1}-{end}" for start, end in self.blocks)
        return f"{self.contig}:{pieces}:{self.strand}"

    def sequence(self, genome: Genome) -> str:
        """Its letters, 5' to 3'."""
        return genome.spliced(self.contig, self.strand, self.blocks)

    def start_codon(self, genome: Genome) -> str:
        """The three letters that follow."""
        return genome.spliced(self.contig, self.strand, self.start)


def read_utrs(gtf: str, genome: Genome, select: str = "all") -> tuple[list[Utr], Counter[str]]:
    """5' UTRs of the selected transcripts, in the annotation's order, and what became of every transcript.

    The counts' sum is the number of transcripts; `extracted` is the length of the list.

    Raises:
        InputError: the annotation cannot be read, or none of its chromosomes is in the genome.
    """
    counts: Counter[str] = Counter()
    utrs = []
    named = False
    for transcript in selected(read_transcripts(gtf), genome, select, counts):
        utr = utr_of(transcript, genome)
        named |= genome.contig(transcript.contig) is not None
        if isinstance(utr, str):
            counts[utr] += 1
        else:
            counts["extracted"] += 1
            utrs.append(utr)
    if not named and counts["unknown_contig"]:
        raise InputError(f"{gtf}: none of its chromosomes is in {genome.path}")
    return utrs, counts


def selected(
    transcripts: Iterable[Transcript], genome: Genome, select: str, counts: Counter[str]
) -> Iterator[Transcript]:
    """Those that a selection keeps; the others are counted as no_cds or not_selected."""
    best: dict[str, tuple[Rank, Transcript]] = {}
    for one in transcripts:
        if not one.cds:
            counts["no_cds"] += 1
        elif select == "gene":
            gene = f"{one.contig} {one.gene or one.id}"
            counts["not_selected"] += gene in best
            ranked = rank(one, genome), one
            if gene not in best or ranked[0] < best[gene][0]:
                best[gene] = ranked
        elif select == "all" or one.tags & {*_MANE, *(["Ensembl_canonical"] if select == "canonical" else [])}:
            yield one
        else:
            counts["not_selected"] += 1
    yield from (one for _, one in best.values())


def rank(one: Transcript, genome: Genome) -> Rank:
    """The smaller, the rather it stands for its gene: has a UTR, MANE, canonical, APPRIS's first, longest CDS, id."""
    return (
        isinstance(utr_of(one, genome), str),  # first, for a gene with any UTR is not to be lost
        "MANE_Select" not in one.tags,
        "Ensembl_canonical" not in one.tags,
        "appris_principal_1" not in one.tags,
        -sum(end - start for start, end in one.cds),
        one.id,
    )


def utr_of(transcript: Transcript, genome: Genome) -> Utr | str:
    """The 5' UTR, or why there is none: two_strands, incomplete_start, no_utr, unknown_contig, off_contig."""
    if transcript.strand not in ("+", "-"):
        return "two_strands"
    if transcript.phase or "cds_start_NF" in transcript.tags:
        return "incomplete_start"
    forward = transcript.strand == "+"
    border = transcript.cds[0][0] if forward else transcript.cds[-1][1]
    ends = (0, border) if forward else (border, transcript.exons[-1][1] if transcript.exons else 0)
    blocks = cut(transcript.exons, *ends)
    if not blocks:
        return "no_utr"
    contig = genome.contig(transcript.contig)
    if contig is None:
        return "unknown_contig"
    if max(transcript.exons[-1][1], transcript.cds[-1][1]) > genome.lengths[contig]:
        return "off_contig"
    return Utr(
        transcript.id,
        transcript.gene,
        transcript.gene_name,
        contig,
        transcript.strand,
        blocks,
        first_codon(transcript.cds, forward),
        "mRNA_start_NF" in transcript.tags,
    )


def cut(blocks: Blocks, start: int, end: int) -> Blocks:
    """The parts of the pieces that lie from start to end."""
    parts = ((max(start, left), min(end, right)) for left, right in blocks)
    return tuple((left, right) for left, right in parts if left < right)


def first_codon(cds: Blocks, forward: bool) -> Blocks:
    """Pieces of the first three coding bases (fewer where the CDS is shorter)."""
    pieces: list[tuple[int, int]] = []
    lacking = 3
    for start, end in cds if forward else reversed(cds):
        size = min(lacking, end - start)
        if size:
            pieces.append((start, start + size) if forward else (end - size, end))
        lacking -= size
    return tuple(sorted(pieces))


def extract(genome: str, gtf: str, output: str, select: str, bed: str | None, summary: str | None) -> dict[str, int]:
    """Write the UTRs as FASTA and, if asked for, as BED12; returns the counts, which `summary` gets as a table.

    The first counts' sum is the number of transcripts; those named `of these` are among the extracted ones.

    Raises:
        InputError: the genome or the annotation cannot be used.
    """
    source = Genome(genome)
    utrs, counts = read_utrs(gtf, source, select)
    notes: Counter[str] = Counter()
    with ExitStack() as stack:
        fasta = stack.enter_context(open_text(output))
        table = stack.enter_context(open_text(bed)) if bed else None
        counted = stack.enter_context(open_text(summary)) if summary else None
        for utr in utrs:
            codon = utr.start_codon(source)
            notes["of these, start codon other than ATG"] += codon != "ATG"
            notes["of these, own 5' end not known"] += utr.partial
            fasta.write(f">{utr.id} {description(utr, codon)}\n{utr.sequence(source)}\n")
            if table:
                table.write(bed12(utr) + "\n")
        told = {"extracted": counts.pop("extracted", 0), **dict(counts.most_common()), **notes}
        if counted:
            lines = ["outcome\ttranscripts", *(f"{name}\t{count}" for name, count in told.items())]
            counted.write("\n".join(lines) + "\n")
    return told


def description(utr: Utr, codon: str) -> str:
    """What follows the id in the FASTA."""
    words = {"gene": utr.gene, "name": utr.gene_name, "at": utr.coordinates}
    words |= {"start": codon} if codon != "ATG" else {}
    words |= {"partial": "yes"} if utr.partial else {}
    return " ".join(f"{name}={value}" for name, value in words.items() if value)


def bed12(utr: Utr) -> str:
    """One line of BED12; nothing is drawn thick, as nothing is coding."""
    first, last = utr.blocks[0][0], utr.blocks[-1][1]
    sizes = ",".join(str(end - start) for start, end in utr.blocks)
    starts = ",".join(str(start - first) for start, _ in utr.blocks)
    cells = [utr.contig, first, last, utr.id, 0, utr.strand, first, first, 0, len(utr.blocks), sizes, starts]
    return "\t".join(map(str, cells))
