"""Transcripts of a GTF or GFF3 file (GENCODE, Ensembl), plain or gz.

Read by ourselves: the readers that are kept up build a database of the whole file first (gffutils) or
keep only the last of a GTF's repeated `tag` attributes (pysam), which loses MANE_Select.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from utrlm.errors import InputError

Blocks = tuple[tuple[int, int], ...]  # genomic pieces, ascending, 0-based, end excluded

_GTF = re.compile(r'(\w+) (?:"([^"]*)"|([^;\s]+))')
_GTF_TRANSCRIPT = re.compile(r'\btranscript_id "([^"]+)"')
_GTF_STARTS = re.compile(r"\s*\w+\s")
_GFF_PARENT = re.compile(r"(?:^|;)\s*Parent=([^;]+)")
_PREFIX = re.compile(r"^(transcript|gene|rna|mRNA)[:-]")  # Ensembl's and RefSeq's ids in GFF3
_UTRS = ("five_prime_UTR", "three_prime_UTR")
_GFF_TRANSCRIPTS = re.compile(r"RNA$|transcript$|_gene_segment$")


@dataclass(frozen=True)
class Transcript:
    """One transcript as it is annotated."""

    id: str
    gene: str
    gene_name: str
    contig: str
    strand: str  # + or -; ? where its lines disagree
    exons: Blocks
    cds: Blocks
    phase: int  # bases before the first whole codon; other than 0 means that the start is not known
    tags: frozenset[str]


@dataclass
class _Draft:
    """A transcript while its lines are being read."""

    strand: str
    id: str
    gene: str = ""
    gene_name: str = ""
    tags: set[str] = field(default_factory=set)
    exons: list[tuple[int, int]] = field(default_factory=list)
    utrs: list[tuple[int, int]] = field(default_factory=list)  # for want of exons (Phytozome's GFF3)
    cds: list[tuple[int, int, str]] = field(default_factory=list)  # with its phase

    def finish(self, contig: str, gene_names: dict[str, str]) -> Transcript:
        cds = sorted(set(self.cds))  # of files that were joined, lines may come twice
        first = (cds[-1] if self.strand == "-" else cds[0]) if cds else (0, 0, "0")
        coding = tuple((start, end) for start, end, _ in cds)
        return Transcript(
            _PREFIX.sub("", self.id),
            _PREFIX.sub("", self.gene),
            self.gene_name or gene_names.get(self.gene, ""),
            contig,
            self.strand,
            tuple(sorted(set(self.exons))) if self.exons else _joined([*self.utrs, *coding]),
            coding,
            int(first[2]) if first[2].isdecimal() else 0,
            frozenset(self.tags),
        )


def _joined(pieces: list[tuple[int, int]]) -> Blocks:
    """Pieces without those that touch or overlap: these become one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(pieces):
        if joined and start <= joined[-1][1]:
            start, end = joined[-1][0], max(end, joined.pop()[1])
        joined.append((start, end))
    return tuple(joined)


def read_transcripts(path: str) -> Iterator[Transcript]:
    """All transcripts, in the order of their first line.

    Raises:
        InputError: not to be opened, cut off, or a line that is neither GTF nor GFF3.
    """
    drafts: dict[tuple[str, str], _Draft] = {}
    gene_names: dict[str, str] = {}  # by gene id, from GFF3
    number = 0
    try:
        with _open_text(path) as text:
            for number, line in enumerate(text, start=1):
                if line.startswith("##FASTA"):
                    break
                if line.startswith("#") or not line.strip():
                    continue
                _read_line(line.rstrip("\r\n"), f"{path}: line {number}", drafts, gene_names)
    except OSError as error:
        after = f" (after line {number})" if number else ""
        raise InputError(f"{path}: {error.strerror or error}{after}") from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path}: the gzip stream is cut off or damaged after line {number}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: what follows line {number} is not UTF-8 text") from error
    if not drafts:
        raise InputError(f"{path}: no transcripts; is it a GTF or GFF3 file?")
    for (contig, _), draft in drafts.items():
        yield draft.finish(contig, gene_names)


def _open_text(path: str) -> IO[str]:
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rt", encoding="utf-8") if zipped else open(path, encoding="utf-8")


def _read_line(line: str, where: str, drafts: dict[tuple[str, str], _Draft], gene_names: dict[str, str]) -> None:
    """Add what one line says to its transcripts' drafts."""
    cells = line.split("\t")
    if len(cells) != 9:
        raise InputError(f"{where}: {len(cells)} columns instead of the nine of GTF and GFF3")
    contig, _, kind, start, end, _, strand, phase, attributes = cells
    gtf = bool(_GTF_STARTS.match(attributes))
    part = kind in ("exon", "CDS", *_UTRS)
    if gtf:
        names = _GTF_TRANSCRIPT.findall(attributes) if part or kind == "transcript" else []
    elif part:
        found = _GFF_PARENT.search(attributes)
        names = found[1].split(",") if found else []
    else:
        names = _gff_head(kind, attributes, gene_names)
    for name in names:
        draft = drafts.get((contig, name))
        if draft is None:
            draft = drafts[contig, name] = _Draft(strand, name)
            if gtf:
                _describe(draft, attributes, gtf)
        if not part:
            _describe(draft, attributes, gtf)
            continue
        if kind in _UTRS and draft.exons:  # these say it all
            continue
        if not (start.isdecimal() and end.isdecimal() and 0 < int(start) <= int(end)):
            raise InputError(f"{where}: {start} to {end} is no range")
        if strand != draft.strand or strand not in ("+", "-"):
            draft.strand = "?"
        if kind == "exon":
            draft.exons.append((int(start) - 1, int(end)))
        elif kind in _UTRS:
            draft.utrs.append((int(start) - 1, int(end)))
        else:
            draft.cds.append((int(start) - 1, int(end), phase))


def _gff_head(kind: str, attributes: str, gene_names: dict[str, str]) -> list[str]:
    """Id of the transcript that a GFF3 line describes; a gene's name is kept on the way."""
    is_gene = kind.endswith("gene")
    if not is_gene and not _GFF_TRANSCRIPTS.search(kind):
        return []
    values = _gff_values(attributes)
    if "ID" not in values:
        return []
    if is_gene:
        gene_names[values["ID"]] = values.get("gene_name", values.get("Name", ""))
        return []
    return [values["ID"]]


def _gff_values(attributes: str) -> dict[str, str]:
    return dict(pair.strip().split("=", 1) for pair in attributes.split(";") if "=" in pair)


def _describe(draft: _Draft, attributes: str, gtf: bool) -> None:
    """Gene, gene name, id and tags of a transcript, from one of its lines."""
    if gtf:
        pairs = [(name, quoted or bare) for name, quoted, bare in _GTF.findall(attributes)]
        values = dict(pairs)
        draft.tags |= {value.replace(" ", "_") for name, value in pairs if name == "tag"}  # NCBI: "MANE Select"
    else:
        values = _gff_values(attributes)
        draft.tags |= {tag.replace(" ", "_") for tag in values.get("tag", "").split(",") if tag}
    draft.id = values.get("transcript_id") or draft.id
    draft.gene = (values.get("gene_id") if gtf else values.get("Parent")) or draft.gene
    draft.gene_name = values.get("gene_name") or draft.gene_name
