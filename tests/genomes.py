"""Small genomes with annotation, for the tests of everything that starts from a genome."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Gene:
    """One transcript: exons and CDS as lists of 0-based half-open pieces, ascending."""

    id: str
    contig: str
    strand: str
    exons: list
    cds: list
    tags: tuple = ("basic",)

    def utr_positions(self):
        """Genomic position of every letter of the 5' UTR, 5' to 3': the slow and plain way."""
        coding = {p for start, end in self.cds for p in range(start, end)}
        letters = [p for start, end in self.exons for p in range(start, end)]
        if self.strand == "-":
            letters.reverse()
        return letters[: next(i for i, p in enumerate(letters) if p in coding)]


def random_sequence(random, length):
    return "".join(random.choice(list("ACGT"), length))


def random_gene(random, number, contig, length):
    """A transcript of one to four exons somewhere on a contig; its CDS starts and ends anywhere inside."""
    edges = np.sort(random.choice(np.arange(5, length - 5), 2 * random.integers(1, 5), replace=False))
    exons = [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
    letters = [p for a, b in exons for p in range(a, b)]
    if len(letters) < 12:
        return random_gene(random, number, contig, length)
    first = random.integers(1, len(letters) - 5)
    last = random.integers(first + 3, len(letters) - 1)
    low, high = letters[first], letters[last] + 1
    cds = [(max(a, low), min(b, high)) for a, b in exons if max(a, low) < min(b, high)]
    return Gene(f"T{number}", contig, str(random.choice(["+", "-"])), exons, cds)


def random_world(seed, genes=4, length=160):
    """Contigs by name, and genes on them."""
    random = np.random.default_rng(seed)
    contigs = {name: random_sequence(random, length) for name in ("chr1", "chr2")}
    names = list(contigs)
    return contigs, [random_gene(random, i, names[i % 2], length) for i in range(genes)]


def write_fasta(path, contigs):
    path.write_text("".join(f">{name}\n{letters}\n" for name, letters in contigs.items()))
    return path


def gtf_text(genes):
    """GTF as GENCODE writes it: tags are repeated attributes."""
    lines = ["##format: gtf"]
    for gene in genes:
        tags = "".join(f' tag "{tag}";' for tag in gene.tags)
        text = f'gene_id "G{gene.id}"; transcript_id "{gene.id}"; gene_name "N{gene.id}";{tags}'
        span = [(gene.exons[0][0], gene.exons[-1][1])]
        for kind, pieces in (("transcript", span), ("exon", gene.exons), ("CDS", gene.cds)):
            for start, end in pieces:
                phase = "0" if kind == "CDS" else "."
                cells = [gene.contig, "x", kind, start + 1, end, ".", gene.strand, phase, text]
                lines.append("\t".join(map(str, cells)))
    return "\n".join(lines) + "\n"


def gff3_text(genes):
    """GFF3 as Ensembl writes it."""
    lines = ["##gff-version 3"]
    for gene in genes:
        span = (gene.exons[0][0], gene.exons[-1][1])
        tags = ",".join(gene.tags)
        child = f"Parent=transcript:{gene.id}"
        rows = [("gene", *span, f"ID=gene:G{gene.id};Name=N{gene.id}")]
        rows += [("mRNA", *span, f"ID=transcript:{gene.id};Parent=gene:G{gene.id};tag={tags};transcript_id={gene.id}")]
        rows += [("exon", *piece, child) for piece in gene.exons]
        rows += [("CDS", *piece, f"ID=CDS:P{gene.id};{child}") for piece in gene.cds]
        for kind, start, end, text in rows:
            phase = "0" if kind == "CDS" else "."
            lines.append("\t".join(map(str, [gene.contig, "x", kind, start + 1, end, ".", gene.strand, phase, text])))
    return "\n".join(lines) + "\n"


def write_vcf(path, contigs, rows, samples=()):
    """rows: chrom, pos (1-based), id, ref, alts, and genotypes where there are samples."""
    lines = ["##fileformat=VCFv4.2", *(f"##contig=<ID={c},length={len(s)}>" for c, s in contigs.items())]
    lines += [
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">',
        '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="x">',
    ]
    lines += [
        "\t".join(
            ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", *(["FORMAT"] if samples else []), *samples]
        )
    ]
    for chrom, pos, name, ref, alts, *calls in rows:
        middle = [".", "PASS", ".", *(["GT:PS" if ":" in calls[0] else "GT"] if calls else [])]
        lines.append("\t".join(map(str, [chrom, pos, name, ref, alts, *middle, *calls])))
    path.write_text("\n".join(lines) + "\n")
    return path
