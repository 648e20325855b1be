"""What a variant does to a transcript's 5' UTR; the alternate sequences against bcftools."""

import numpy as np
import pysam
import pysam.bcftools
import pytest

from utrlm.effects import OUTCOMES
from utrlm.fasta import read_fasta
from utrlm.haplotypes import HaplotypeFinder
from utrlm.transcripts import extract
from utrlm.vcf import VariantReader

from .genomes import Gene, gtf_text, random_sequence, random_world, write_fasta, write_vcf


def random_variant(random, contigs):
    """Contig, 0-based start, ref, alt: substitutions, insertions, deletions and both at once, anchored or not."""
    contig = str(random.choice(list(contigs)))
    start, size = int(random.integers(1, len(contigs[contig]) - 12)), int(random.choice([1, 1, 1, 2, 3, 6, 11]))
    ref = contigs[contig][start : start + size]
    kind = random.choice(["same", "insertion", "deletion", "any"])
    if kind == "same":
        alt = random_sequence(random, size)
    elif kind == "insertion":
        alt = ref + random_sequence(random, random.integers(1, 4))
    elif kind == "deletion":
        alt = ref[: random.integers(1, size + 1)]
    else:
        alt = random_sequence(random, random.integers(1, 5))
    return contig, start, ref, alt


def stretch(gene, letters, start, ref, alt):
    """What a variant replaces (trimmed by the slow way). Of an indel, of all stretches that come to the same the
    nearest that lies in the gene's 5' UTR, if one does, else the nearest that leaves it alone."""
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        start, ref, alt = start + 1, ref[1:], alt[1:]
    if ref and alt:
        return start, start + len(ref)
    utr = set(gene.utr_positions())
    changed, places, away = letters[:start] + alt + letters[start + len(ref) :], [], []
    for at in range(len(letters)):
        end = at + len(ref)
        same = letters[:at] + changed[at : at + len(alt)] + letters[end:] == changed
        whole = set(range(at, end)) <= utr if ref else {at - 1, at} & utr  # a gap right before the start codon as well
        low, high = (at, end) if ref else (at - 1, at + 1)
        if same and whole and any(a <= low and high <= b for a, b in gene.exons):
            places.append((at, end))
        if same and not (set(range(at, end)) or {at - 1, at}) & utr:
            away.append((at, end))
    return min(places or away, key=lambda place: abs(place[0] - start), default=(start, start + len(ref)))


def inside(gene, start, end):
    """Whether a stretch and its neighbours on both sides lie in one exon of a gene's 5' UTR."""
    whole = set(range(start - 1, end + 1)) <= set(gene.utr_positions())
    return whole and any(a < start and end < b for a, b in gene.exons)


def lift(genes, variants, contigs):
    """The genes' coordinates once the variants (start, ref, alt) are in the genome."""
    moves = []

    def moved(at, with_insertion):
        """An insertion right at a border lies before it where `with_insertion`."""
        passed = (m for m in moves if m[1] < at or (m[1] == at and (m[0] < at or with_insertion)))
        return at + sum(m[2] for m in passed)

    lifted = []
    for gene in genes:
        own = [variant[1:] for variant in variants if variant[0] == gene.contig]
        moves = [(*stretch(gene, contigs[gene.contig], *one), len(one[2]) - len(one[1])) for one in own]
        exons = [(moved(a, False), moved(b, False)) for a, b in gene.exons]
        cds = [(moved(a, (a, b) == gene.cds[0]), moved(b, False)) for a, b in gene.cds]
        lifted.append(Gene(gene.id, gene.contig, gene.strand, exons, cds))
    return lifted


def consensus(tmp_path, contigs, rows, *options, samples=()):
    """The genome with variants applied by bcftools, as contigs by name."""
    plain = write_vcf(tmp_path / "one.vcf", contigs, rows, samples)
    indexed = pysam.tabix_index(str(plain), preset="vcf", force=True)
    text = pysam.bcftools.consensus("-f", str(write_fasta(tmp_path / "c.fa", contigs)), *options, indexed)
    return {one.split("\n")[0].split()[0]: "".join(one.split("\n")[1:]) for one in text.split(">")[1:]}


def extracted(folder, contigs, genes):
    """UTRs by transcript, through the command's own function."""
    folder.mkdir(exist_ok=True)
    (folder / "g.fa.fai").unlink(missing_ok=True)
    genome = write_fasta(folder / "g.fa", contigs)
    (folder / "a.gtf").write_text(gtf_text(genes))
    extract(str(genome), str(folder / "a.gtf"), str(folder / "o.fa"), "all", None, None)
    return {record.id: record.sequence for record in read_fasta(str(folder / "o.fa"))}


@pytest.mark.parametrize(
    ("seed", "letters", "least"),
    [(0, "ACGT", 22), (1, "ACGT", 48), (2, "ACGT", 62), (3, "ACGT", 60), (4, "ACGT", 38), (5, "ACCA", 27)],
)
def test_alternate_utrs_are_those_of_bcftools(tmp_path, finder, seed, letters, least):
    """Applied to the genome by bcftools consensus, and the transcript extracted again. Of two letters there are
    repeats at every exon's edge. `least`: comparisons; what cannot be told is none, and is on some edge."""
    random = np.random.default_rng(seed)
    contigs, genes = random_world(seed, genes=6)
    contigs = {name: one.translate(str.maketrans("ACGT", letters)) for name, one in contigs.items()}
    find, before = finder(contigs, genes).find, extracted(tmp_path / "before", contigs, genes)
    compared = 0
    for _ in range(120):
        variant = contig, start, ref, alt = random_variant(random, contigs)
        if ref == alt:
            continue
        row = (contig, start + 1, ".", ref, alt)
        (record,) = VariantReader(str(write_vcf(tmp_path / "v.vcf", contigs, [row])))
        effects = {effect.utr.id: effect.alternate for effect in find(record).effects}
        lifted = [one for one in lift(genes, [variant], contigs) if all(a < b for a, b in (*one.exons, *one.cds))]
        wanted = extracted(tmp_path / "again", consensus(tmp_path, contigs, [row]), lifted)
        for gene in (gene for gene in genes if gene.id in wanted):
            found = effects.get(gene.id, before[gene.id])  # no effect: the same as before
            if found is None:
                assert not (gene.contig == contig and inside(gene, *stretch(gene, contigs[contig], *variant[1:])))
            else:
                assert found == wanted[gene.id], (row, gene.id)
            compared += gene.id in effects and found is not None
    assert compared >= least


@pytest.mark.parametrize(("seed", "least"), [(0, 2), (1, 6), (2, 14)])
def test_haplotypes_are_those_of_bcftools(tmp_path, finder, seed, least):
    random = np.random.default_rng(seed + 100)
    contigs, genes = random_world(seed, genes=6)
    effects = finder(contigs, genes)
    rows, variants, end = [], [], {}
    for contig, start, ref, alt in sorted({random_variant(random, contigs) for _ in range(40)}):
        if ref != alt and start > end.get(contig, 0) + 1:  # bcftools leaves out those that touch
            calls = [str(random.choice(["0|1", "1|0", "1|1", "1/1"])) for _ in "ab"]
            rows.append((contig, start + 1, ".", ref, alt, *calls))
            variants.append((contig, start, ref, alt))
            end[contig] = start + len(ref)
    gatherer, made = HaplotypeFinder(effects, "v.vcf"), []
    for record in VariantReader(str(write_vcf(tmp_path / "v.vcf", contigs, rows, ("a", "b")))):
        made += gatherer.add(record, effects.find(record))
    made += gatherer.finish()
    compared = 0
    for number, sample in enumerate("ab"):
        for chromosome in (1, 2):
            changed = consensus(tmp_path, contigs, rows, "-s", sample, "-H", str(chromosome), samples=("a", "b"))
            calls = [row[5 + number] for row in rows]
            carried = [v for v, call in zip(variants, calls, strict=True) if call[2 * (chromosome - 1)] == "1"]
            wanted = extracted(tmp_path / "again", changed, lift(genes, carried, contigs))
            for effect in made:
                if effect.alternate and f"{sample}|{chromosome}" in effect.carriers.split(","):
                    assert effect.alternate == wanted[effect.utr.id]
                    compared += 1
    assert compared >= least


#         0123456789012345678901234567890
CONTIG = "ttACGTggggATATGAAACCCCgggTTTAAA"
PLUS = Gene("P", "chr1", "+", [(2, 6), (10, 20)], [(12, 18)])
ROWS = [
    ("chr1", 1, ".", "T", "A"),  # before the transcript: outside
    ("chr1", 3, ".", "A", "G"),  # predicted
    ("chr1", 3, ".", "C", "G"),  # the genome has A
    ("chr1", 4, ".", "C", "G,*,<DEL>"),  # several alternates
    ("chr1", 5, ".", "G", "*"),
    ("chr1", 5, ".", "G", "<DUP>"),
    ("chr1", 5, ".", "G", "G[chr1:9["),
    ("chr1", 5, ".", "G", "."),
    ("chr1", 5, ".", "G", "g"),
    ("chr1", 0, ".", "N", "A"),  # a telomere
    ("chr1", 6, ".", "TG", "CA"),  # a substitution over an exon's edge: its part inside is applied
    ("chr1", 6, ".", "TGG", "T"),  # a deletion in the intron
    ("chr1", 6, ".", "T", "TA"),  # an insertion on the edge
    ("chr1", 6, ".", "TGGGGA", "T"),  # a deletion over the edge
    ("chr1", 8, ".", "G", "A"),  # in the intron
    ("chr1", 12, ".", "T", "TCC"),  # right before the start codon
    ("chr1", 12, ".", "TA", "T"),  # of the start codon
    ("chr1", 13, ".", "A", "C"),  # of the start codon
    ("chr1", 12, ".", "TA", "GC"),  # over its edge
    ("chr9", 5, ".", "G", "A"),
    ("chrU", 5, ".", "G", "A"),
]


def test_every_record_is_predicted_or_counted_with_its_reason(tmp_path, finder):
    contigs = {"chr1": CONTIG, "chr9": CONTIG}
    find = finder(contigs, [PLUS]).find
    told = [find(r) for r in VariantReader(str(write_vcf(tmp_path / "v.vcf", {**contigs, "chrU": CONTIG}, ROWS)))]
    assert [found.outcome for found in told] == [
        "outside", "predicted", "reference_mismatch", "predicted", "star", "symbolic", "symbolic", "no_alternate",
        "no_alternate", "outside", "predicted", "outside", "exon_edge", "exon_edge", "outside", "predicted",
        "start_changed", "start_changed", "predicted", "outside", "unknown_contig",
    ]  # fmt: skip
    assert told[3].outcomes == ["predicted", "star", "symbolic"]
    alternates = {r[1:5]: e.alternate for r, found in zip(ROWS, told, strict=True) for e in found.effects}
    assert alternates[6, ".", "TG", "CA"] == "ACGCAT"
    assert alternates[12, ".", "T", "TCC"] == "ACGTATCC"
    assert alternates[12, ".", "TA", "GC"] == "ACGTAG"
    assert alternates[6, ".", "T", "TA"] is None
    assert {flag for found in told for e in found.effects for flag in e.flags} <= set(OUTCOMES)
