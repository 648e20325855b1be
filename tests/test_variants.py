"""From a VCF to effects on 5' UTRs; the alternate sequences against bcftools."""

import csv

import numpy as np
import pysam
import pysam.bcftools
import pytest

from utrlm import alphabet
from utrlm.effects import OUTCOMES, EffectFinder
from utrlm.fasta import Record, read_fasta
from utrlm.genome import Genome, reverse_complement
from utrlm.haplotypes import HaplotypeFinder
from utrlm.predict import Predictor
from utrlm.transcripts import extract, read_utrs
from utrlm.vcf import VariantReader

from .genomes import Gene, gtf_text, random_sequence, random_world, write_fasta


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


def lift(genes, variants):
    """The genes' coordinates once the variants (start, ref, alt; trimmed by the slow way) are in the genome."""
    moves = []
    for contig, start, ref, alt in variants:
        while ref and alt and ref[-1] == alt[-1]:
            ref, alt = ref[:-1], alt[:-1]
        while ref and alt and ref[0] == alt[0]:
            start, ref, alt = start + 1, ref[1:], alt[1:]
        moves.append((contig, start, start + len(ref), len(alt) - len(ref)))

    def moved(contig, at, with_insertion):
        """An insertion right at a border lies before it where `with_insertion`."""
        passed = (m for m in moves if m[0] == contig and (m[2] < at or (m[2] == at and (m[1] < at or with_insertion))))
        return at + sum(m[3] for m in passed)

    lifted = []
    for gene in genes:
        exons = [(moved(gene.contig, a, False), moved(gene.contig, b, False)) for a, b in gene.exons]
        cds = [(moved(gene.contig, a, (a, b) == gene.cds[0]), moved(gene.contig, b, False)) for a, b in gene.cds]
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


@pytest.fixture
def finder(tmp_path):
    def make(contigs, genes):
        (tmp_path / "a.gtf").write_text(gtf_text(genes))
        genome = Genome(str(write_fasta(tmp_path / "g.fa", contigs)))
        return EffectFinder(genome, read_utrs(str(tmp_path / "a.gtf"), genome)[0])

    return make


@pytest.mark.parametrize("seed", range(5))
def test_alternate_utrs_are_those_of_bcftools(tmp_path, finder, seed):
    """Applied to the genome by bcftools consensus, and the transcript extracted again."""
    random = np.random.default_rng(seed)
    contigs, genes = random_world(seed, genes=6)
    find = finder(contigs, genes).find
    compared = 0
    for _ in range(120):
        variant = contig, start, ref, alt = random_variant(random, contigs)
        if ref == alt:
            continue
        row = (contig, start + 1, ".", ref, alt)
        (record,) = VariantReader(str(write_vcf(tmp_path / "v.vcf", contigs, [row])))
        effects = [effect for effect in find(record).effects if effect.alternate is not None]
        if effects:
            wanted = extracted(tmp_path / "again", consensus(tmp_path, contigs, [row]), lift(genes, [variant]))
            for effect in effects:
                assert effect.alternate == wanted[effect.utr.id], (row, effect)
                compared += 1
    assert compared > 15


@pytest.mark.parametrize("seed", range(3))
def test_haplotypes_are_those_of_bcftools(tmp_path, finder, seed):
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
    gatherer, made = HaplotypeFinder(effects), []
    for record in VariantReader(str(write_vcf(tmp_path / "v.vcf", contigs, rows, ("a", "b")))):
        made += gatherer.add(record, effects.find(record))
    made += gatherer.finish()
    compared = 0
    for number, sample in enumerate("ab"):
        for chromosome in (1, 2):
            changed = consensus(tmp_path, contigs, rows, "-s", sample, "-H", str(chromosome), samples=("a", "b"))
            calls = [row[5 + number] for row in rows]
            carried = [v for v, call in zip(variants, calls, strict=True) if call[2 * (chromosome - 1)] == "1"]
            wanted = extracted(tmp_path / "again", changed, lift(genes, carried))
            for effect in made:
                if effect.alternate and f"{sample}|{chromosome}" in effect.carriers.split(","):
                    assert effect.alternate == wanted[effect.utr.id]
                    compared += 1
    assert compared >= 2


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
        "predicted", "outside", "exon_edge", "exon_edge", "outside", "predicted", "start_changed", "start_changed",
        "predicted", "outside", "unknown_contig",
    ]  # fmt: skip
    assert told[3].outcomes == ["predicted", "star", "symbolic"]
    alternates = {r[1:5]: e.alternate for r, found in zip(ROWS, told, strict=True) for e in found.effects}
    assert alternates[6, ".", "TG", "CA"] == "ACGCAT"
    assert alternates[12, ".", "T", "TCC"] == "ACGTATCC"
    assert alternates[12, ".", "TA", "GC"] == "ACGTAG"
    assert alternates[6, ".", "T", "TA"] is None
    assert {flag for found in told for e in found.effects for flag in e.flags} <= set(OUTCOMES)


@pytest.fixture
def inputs(tmp_path):
    """A genome whose UTRs are of lengths that the model knows, on both strands, and a VCF."""
    letters = random_sequence(np.random.default_rng(1), 400)
    genes = [Gene("P", "1", "+", [(10, 40), (100, 130)], [(125, 130)], ("basic", "MANE_Select"))]
    genes += [Gene("M", "1", "-", [(200, 300)], [(200, 240)])]
    calls = {"30": ("0|1", "1|1"), "106": ("0|1", "0|1"), "251": ("1|0", "0/1"), "261": ("0|1", "0|0")}
    rows = []
    for place in (5, 30, 106, 251, 261):
        ref = letters[place - 1]
        rows.append(
            ("chr1", place, f"rs{place}", ref, "ACGT"["CGTA".index(ref)], *calls.get(str(place), ("0|0", "0|0")))
        )
    (tmp_path / "a.gtf").write_text(gtf_text(genes))
    write_fasta(tmp_path / "g.fa", {"1": letters})
    write_vcf(tmp_path / "v.vcf", {"chr1": letters}, rows, ("s1", "s2"))
    paths = {"vcf": "v.vcf", "genome": "g.fa", "gtf": "a.gtf"}
    return [part for name, path in paths.items() for part in (f"--{name}", str(tmp_path / path))]


def read_rows(path):
    with open(path) as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_table_and_vcf_hold_what_prediction_says(run, inputs, tmp_path):
    outputs = ["--output", tmp_path / "o.tsv", "--output-vcf", tmp_path / "o.vcf.gz", "--summary", tmp_path / "s.tsv"]
    done = run("variants", *inputs, *outputs)
    assert done.stderr == b"5 records; 4 predicted; 1 outside\n"
    rows = read_rows(tmp_path / "o.tsv")
    assert [(r["pos"], r["transcript"], r["position"], r["to_start"]) for r in rows] == [
        ("30", "P", "20", "36"), ("106", "P", "36", "20"), ("251", "M", "50", "11"), ("261", "M", "40", "21"),
    ]  # fmt: skip
    for row in rows:
        sequences = [row["reference"], row["alternate"]]
        assert [i + 1 for i, (a, b) in enumerate(zip(*sequences, strict=True)) if a != b] == [int(row["position"])]
        records = (Record(str(i), "", s, alphabet.encode(s)) for i, s in enumerate(sequences))
        wanted = [one["mrl_varying"] for one in Predictor(tasks=["mrl"]).rows(records)]
        got = [float(row[f"mrl_varying_{end}"]) for end in ("ref", "alt", "delta", "delta_low", "delta_high")]
        np.testing.assert_allclose(got[:3], [*wanted, wanted[1] - wanted[0]], atol=1e-4)
        assert got[3] < got[2] < got[4]
    plus, minus = rows[0], rows[3]
    assert plus["alternate"][19] == plus["alt"]
    assert minus["alternate"][39] == reverse_complement(minus["alt"])
    sums = [list(map(int, line.split("\t")[1:])) for line in (tmp_path / "s.tsv").read_text().splitlines()[1:]]
    assert [sum(column) for column in zip(*sums, strict=True)] == [5, 5]
    with pysam.VariantFile(str(tmp_path / "o.vcf.gz")) as vcf:
        names = vcf.header.info["UTRLM"].description.split(": ")[1].split("|")
        assert [r.pos for r in vcf.fetch("chr1", 100, 255)] == [106, 251]
        told = {
            r.pos: dict(zip(names, r.info["UTRLM"][0].split("|"), strict=True))
            for r in vcf.fetch()
            if "UTRLM" in r.info
        }
    for row in rows:
        one = told[int(row["pos"])]
        assert one.pop("allele") == row["alt"]
        assert one == {name: row[name].replace(",", "&") for name in one}


def test_haplotypes_and_selection(run, inputs, tmp_path):
    assert run("variants", *inputs, "--haplotypes", "--output", tmp_path / "o.tsv").returncode == 0
    rows = [row for row in read_rows(tmp_path / "o.tsv") if "haplotype" in row["flags"]]
    (one,) = rows  # 251 and 261 lie on different chromosomes of s1, and are not phased in s2
    assert one["carriers"] == "s1|2,s2|2"
    assert one["id"].startswith("30:") and "+106:" in one["id"]
    assert sum(a != b for a, b in zip(one["reference"], one["alternate"], strict=True)) == 2
    assert run("variants", *inputs, "--select", "mane", "--output", tmp_path / "m.tsv").returncode == 0
    assert {row["transcript"] for row in read_rows(tmp_path / "m.tsv")} == {"P"}


def test_bad_input_is_one_line_and_leaves_no_output(run, inputs, tmp_path):
    def message(*changed, **files):
        arguments = list(inputs)
        for name, content in files.items():
            (tmp_path / f"bad.{name}").write_bytes(content)
            arguments[arguments.index(f"--{name}") + 1] = str(tmp_path / f"bad.{name}")
        done = run("variants", *arguments, "--output", tmp_path / "bad.tsv", *changed)
        assert (done.returncode, done.stderr.count(b"\n")) == (1, 1), done.stderr
        assert not list(tmp_path.glob("bad.tsv*")) and not list(tmp_path.glob("*.gz*"))
        return done.stderr.decode()

    good = (tmp_path / "v.vcf").read_bytes()
    assert "not to be opened as VCF" in message(vcf=b"hello\n")
    assert "after record 1" in message(vcf=good.replace(b"chr1\t30", b"chr1\tx"))
    assert "none of its chromosomes" in message(genome=b">7\nACGT\n")
    assert "should end in .vcf.gz" in message("--output-vcf", tmp_path / "o.vcf")
    lines = good.splitlines(keepends=True)
    unsorted = b"".join([*lines[:-2], lines[-1], lines[-2]])
    assert "sorted" in message("--output-vcf", tmp_path / "o.vcf.gz", vcf=unsorted)
