"""From genome and annotation to spliced 5' UTRs."""

import gzip
import os

import pysam
import pytest

from utrlm.errors import InputError
from utrlm.fasta import read_fasta
from utrlm.genome import Genome, find_contig, reverse_complement
from utrlm.transcripts import extract, read_utrs

from .genomes import Gene, gff3_text, gtf_text, random_world, write_fasta


@pytest.fixture
def extracted(tmp_path):
    """Extracts; returns sequences by id, descriptions by id, and the counts."""

    def run(contigs, annotation, select="all"):
        (tmp_path / "a.gtf").write_text(annotation)
        genome = write_fasta(tmp_path / "g.fa", contigs)
        counts = extract(
            str(genome), str(tmp_path / "a.gtf"), str(tmp_path / "o.fa"), select, str(tmp_path / "o.bed"), None
        )
        (tmp_path / "g.fa.fai").unlink()
        records = list(read_fasta(str(tmp_path / "o.fa")))
        return {r.id: r.sequence for r in records}, {r.id: r.description for r in records}, counts

    return run


PLUS = Gene("P", "chr1", "+", [(2, 6), (10, 20)], [(12, 18)], ("basic", "MANE_Select", "Ensembl_canonical"))
MINUS = Gene("M", "chr1", "-", [(2, 6), (10, 20)], [(4, 6), (10, 12)])
#         0123456789012345678901234
CONTIG = "ttACGTggggATATGAAACCCCggg"


def test_both_strands_over_exons(extracted, tmp_path):
    sequences, titles, counts = extracted({"chr1": CONTIG}, gtf_text([PLUS, MINUS]))
    assert sequences == {"P": "ACGTAT", "M": "GGTTTCAT"}
    assert titles["P"] == "P gene=GP name=NP at=chr1:3-6,11-12:+"
    assert titles["M"] == "M gene=GM name=NM at=chr1:13-20:- start=ATA"
    assert counts == {"extracted": 2, "of these, start codon other than ATG": 1, "of these, own 5' end not known": 0}
    beds = (tmp_path / "o.bed").read_text().splitlines()
    assert beds[0] == "chr1\t2\t12\tP\t0\t+\t2\t2\t0\t2\t4,2\t0,8"


@pytest.mark.parametrize("seed", range(8))
def test_random_genes_letter_by_letter_and_gff3_alike(extracted, seed):
    contigs, genes = random_world(seed, genes=8)
    sequences, titles, _ = extracted(contigs, gtf_text(genes))
    for gene in genes:
        letters = "".join(contigs[gene.contig][p] for p in gene.utr_positions())
        if gene.strand == "-":
            letters = reverse_complement(letters)[::-1]  # the complement alone
        assert sequences[gene.id] == letters
    assert extracted(contigs, gff3_text(genes))[:2] == (sequences, titles)


@pytest.mark.parametrize("seed", range(4))
def test_gff3_without_exons(extracted, seed):
    """UTR and CDS pieces alone, as Phytozome writes them; beside exons they change nothing."""
    contigs, genes = random_world(seed, genes=8)
    wanted = extracted(contigs, gff3_text(genes))[:2]
    head, *lines = gff3_text(genes).splitlines()
    for gene in genes:
        first, last = gene.cds[0][0], gene.cds[-1][1]
        before, after = [(a, min(b, first)) for a, b in gene.exons], [(max(a, last), b) for a, b in gene.exons]
        kinds = ("five_prime_UTR", "three_prime_UTR") if gene.strand == "+" else ("three_prime_UTR", "five_prime_UTR")
        for kind, pieces in zip(kinds, (before, after), strict=True):
            for start, end in pieces:
                cells = [gene.contig, "x", kind, start + 1, end, ".", gene.strand, ".", f"Parent=transcript:{gene.id}"]
                lines += ["\t".join(map(str, cells))] if start < end else []
    heads = [line for line in lines if "\tgene\t" in line or "\tmRNA\t" in line]
    parts = sorted(line for line in lines if line not in heads and "\texon\t" not in line)
    assert extracted(contigs, "\n".join([head, *heads, *parts]))[:2] == wanted
    assert extracted(contigs, "\n".join([head, *sorted(lines, key=lambda line: "\texon\t" in line)]))[:2] == wanted


def test_every_transcript_is_counted(extracted):
    genes = [
        PLUS,
        Gene("nocds", "chr1", "+", [(2, 6)], []),
        Gene("noutr", "chr1", "+", [(2, 12)], [(2, 9)]),
        Gene("cut", "chr1", "+", [(2, 12)], [(5, 9)], ("basic", "cds_start_NF")),
        Gene("part", "chr1", "+", [(2, 20)], [(12, 20)], ("mRNA_start_NF",)),
        Gene("away", "chrUn", "+", [(2, 12)], [(5, 9)]),
        Gene("long", "chr1", "+", [(2, 99)], [(5, 9)]),
    ]
    text = gtf_text(genes)
    text += gtf_text([Gene("odd", "chr1", "+", [(2, 6)], [])]) + gtf_text(
        [Gene("odd", "chr1", "-", [(8, 12)], [(8, 10)])]
    )
    sequences, titles, counts = extracted({"1": CONTIG}, text)
    assert set(sequences) == {"P", "part"}
    assert titles["part"].endswith("partial=yes")
    assert counts.pop("of these, own 5' end not known") == 1
    assert counts.pop("of these, start codon other than ATG") == 0
    reasons = dict.fromkeys(["no_cds", "no_utr", "incomplete_start", "unknown_contig", "off_contig", "two_strands"], 1)
    assert counts == {"extracted": 2, **reasons}


def test_selections(extracted):
    genes = [
        PLUS,
        Gene("longer", "chr1", "+", [(2, 24)], [(12, 24)]),
        Gene("plain", "chr1", "+", [(2, 20)], [(12, 18)]),
        Gene("canon", "chr1", "+", [(2, 20)], [(12, 18)], ("Ensembl_canonical",)),
    ]
    text = gtf_text(genes)
    found = {name: extracted({"chr1": CONTIG}, text, name) for name in ("all", "mane", "canonical", "gene")}
    assert [set(one[0]) for one in found.values()] == [
        {"P", "longer", "plain", "canon"},
        {"P"},
        {"P", "canon"},
        {"P", "longer", "plain", "canon"},
    ]
    one_gene = text.replace("Glonger", "GP").replace("Gplain", "Gcanon")
    sequences, _, counts = extracted({"chr1": CONTIG}, one_gene, "gene")
    assert set(sequences) == {"P", "canon"}
    assert counts["not_selected"] == 2


@pytest.mark.parametrize(
    ("best", "phase"),
    [
        (Gene("best", "chr1", "+", [(2, 24)], [(2, 24)], ("MANE_Select", "Ensembl_canonical")), "0"),
        (Gene("best", "chr1", "+", [(2, 24)], [(5, 24)], ("appris_principal_1", "cds_start_NF")), "0"),
        (Gene("best", "chr1", "+", [(2, 24)], [(5, 24)]), "1"),
        (Gene("best", "chr1", "+", [(2, 99)], [(5, 99)]), "0"),
    ],
)
def test_a_gene_is_not_lost_with_its_best_transcript(extracted, best, phase):
    """No UTR, a start that is not known, by tag or by phase, and an end outside of the chromosome."""
    text = gtf_text([best]).replace("\t0\t", f"\t{phase}\t") + gtf_text([Gene("T", "chr1", "+", [(2, 20)], [(12, 15)])])
    sequences, _, counts = extracted({"chr1": CONTIG}, text.replace('"GT"', '"Gbest"'), "gene")
    assert set(sequences) == {"T"}
    assert (counts["extracted"], counts["not_selected"]) == (1, 1)


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("chr1", ["1"], "1"),
        ("1", ["chr1"], "chr1"),
        ("chrM", ["MT"], "MT"),
        ("MT", ["chrM"], "chrM"),
        ("2", ["1"], None),
    ],
)
def test_chromosome_names(name, known, found):
    assert find_contig(name, known) == found


def test_gz_and_bad_annotations(tmp_path):
    genome = Genome(str(write_fasta(tmp_path / "g.fa", {"chr1": CONTIG})))
    (tmp_path / "a.gtf.gz").write_bytes(gzip.compress(gtf_text([PLUS]).encode()))
    assert len(read_utrs(str(tmp_path / "a.gtf.gz"), genome)[0]) == 1

    def message(content, name="bad.gtf"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError) as caught:
            read_utrs(str(tmp_path / name), genome)
        return str(caught.value)

    assert "line 1: 1 columns instead of the nine" in message(b">fasta\nACGT\n")
    assert "line 2: x to 6 is no range" in message(
        gtf_text([MINUS]).replace("exon\t3", "exon\tx").split("\n", 1)[1].encode()
    )
    assert "line 3: ² to 6 is no range" in message(gtf_text([PLUS]).replace("exon\t3", "exon\t²").encode())
    assert "no transcripts" in message(b"")
    no_utr = Gene("first", "chr1", "+", [(2, 12)], [(2, 9)])
    partial = Gene("cut", "chr1", "+", [(2, 12)], [(5, 9)], ("cds_start_NF",))
    for genes in ([PLUS], [PLUS, no_utr], [partial, PLUS]):
        assert "none of its chromosomes" in message(gtf_text(genes).replace("chr1", "chr9").encode())
    assert "cut off or damaged" in message(gzip.compress(gtf_text([PLUS]).encode())[:-20])


def test_bad_genomes(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        Genome(str(tmp_path / "none.fa"))
    (tmp_path / "g.fa.gz").write_bytes(gzip.compress(b">chr1\nACGT\n"))
    with pytest.raises(InputError, match="bgzipped"):
        Genome(str(tmp_path / "g.fa.gz"))


@pytest.mark.parametrize("name", ["g.fa", "g.fa.gz"])
def test_an_index_older_than_its_genome_is_made_again(tmp_path, name):
    path = str(tmp_path / name)
    for letters in ("ACGTACGT", "TTTTTTTTTTTTACGT"):
        write_fasta(tmp_path / "plain.fa", {"chr0": letters, "chr1": CONTIG})
        if name == "g.fa":
            os.replace(tmp_path / "plain.fa", path)
        else:
            pysam.tabix_compress(str(tmp_path / "plain.fa"), path, force=True)
        assert Genome(path).fetch("chr1", 2, 6) == "ACGT"
        for index in tmp_path.glob("*i"):
            os.utime(index, (1, 1))
    os.remove(f"{path}.fai")
    os.mkdir(f"{path}.fai")
    os.utime(f"{path}.fai", (1, 1))
    with pytest.raises(InputError, match="fai: older than the file itself"):
        Genome(path)


def test_lines_told_twice_and_tags_as_ncbi_writes_them(extracted):
    text = gtf_text([PLUS, MINUS])
    assert extracted({"chr1": CONTIG}, text + text)[:2] == extracted({"chr1": CONTIG}, text)[:2]
    assert set(extracted({"chr1": CONTIG}, text.replace("MANE_Select", "MANE Select"), "mane")[0]) == {"P"}


def test_a_phase_that_is_no_number_says_nothing(extracted):
    text = gtf_text([PLUS])
    assert extracted({"chr1": CONTIG}, text.replace("\t0\t", "\t²\t")) == extracted({"chr1": CONTIG}, text)


def test_gff3_with_spaces_between_attributes(extracted):
    text = gff3_text([PLUS, MINUS])
    assert extracted({"chr1": CONTIG}, text.replace(";", "; ")) == extracted({"chr1": CONTIG}, text)


def test_script(run, tmp_path):
    write_fasta(tmp_path / "g.fa", {"chr1": CONTIG})
    (tmp_path / "a.gtf").write_text(gtf_text([PLUS, MINUS]))
    inputs = ("--genome", tmp_path / "g.fa", "--gtf", tmp_path / "a.gtf")
    done = run("extract", *inputs, "--output", tmp_path / "o.fa", "--select", "mane", "--summary", tmp_path / "s.tsv")
    assert done.stderr == b"1 extracted; 1 not_selected\n"
    assert (tmp_path / "s.tsv").read_text().splitlines()[:2] == ["outcome\ttranscripts", "extracted\t1"]
    assert (tmp_path / "o.fa").read_text().startswith(">P gene=GP")
    (tmp_path / "noncoding.gtf").write_text(gtf_text([Gene("odd", "chr1", "+", [(2, 6)], [])]))
    done = run("extract", *inputs[:3], tmp_path / "noncoding.gtf", "--output", tmp_path / "q.fa")
    assert (done.returncode, done.stderr) == (0, b"1 no_cds\nwarning: no 5' UTR was extracted\n")
    assert (tmp_path / "q.fa").read_bytes() == b""
    bad = run("extract", *inputs[:3], tmp_path / "none.gtf", "--output", tmp_path / "p.fa")
    told = b"Error: %s: No such file or directory\n" % bytes(tmp_path / "none.gtf")
    assert (bad.returncode, bad.stderr) == (1, told)
    bad = run("extract", *inputs, "--output", tmp_path / "p.fa", "--summary", tmp_path / "none" / "s.tsv")
    assert (bad.returncode, bad.stderr.count(b"\n")) == (1, 1)
    assert not list(tmp_path.glob("p.fa*"))
    shown = run("extract", *inputs, "--output", "-", "--select", "mane")
    assert shown.stdout == (tmp_path / "o.fa").read_bytes()
