"""Which alleles make a haplotype, and what it keeps of them."""

import pytest

from utrlm.errors import InputError
from utrlm.haplotypes import HaplotypeFinder
from utrlm.variants import effect_row
from utrlm.vcf import VariantReader

from .genomes import Gene, write_vcf
from .test_effects import CONTIG, PLUS
from .test_placing import both_strands


def haplotypes(tmp_path, effects, contigs, rows):
    """Those of one sample."""
    gatherer, made = HaplotypeFinder(effects, "h.vcf"), []
    for record in VariantReader(str(write_vcf(tmp_path / "h.vcf", contigs, rows, ("a",)))):
        made += gatherer.add(record, effects.find(record))
    return [*made, *gatherer.finish()]


def test_a_haplotype_keeps_the_flags_of_its_alleles(tmp_path, finder):
    contigs = {"chr1": CONTIG}
    effects = finder(contigs, [PLUS])

    def flags(*rows):
        (one,) = haplotypes(tmp_path, effects, contigs, [("chr1", pos, ".", *pair, "0|1") for pos, *pair in rows])
        return one.flags, one.alternate

    first = (3, "A", "G")
    assert flags(first, (12, "TA", "GC")) == (("haplotype", "start_changed"), "GCGTAG")
    assert flags(first, (6, "TG", "CA")) == (("haplotype", "exon_edge"), "GCGCAT")
    assert flags(first, (13, "A", "C")) == (("haplotype", "start_changed", "not_placed"), None)
    assert flags(first, (6, "T", "TA"), (13, "A", "C"))[0] == ("haplotype", "exon_edge", "start_changed", "not_placed")
    assert flags(first, (5, "G", "C")) == (("haplotype",), "GCCTAT")


def on_each_strand(tmp_path, finder, plus, minus):
    """The haplotype of the same alleles, written for a gene of two exons and for its mirror image."""
    contigs, genes = both_strands("GGCCAAGTCAGTTCCATGGCGTAA", [(2, 6), (11, 24)], [(15, 24)])
    effects = finder(contigs, genes)
    for contig, calls in (("chr1", plus), ("chr2", minus)):
        rows = [(contig, pos, ".", *pair, "0|1") for pos, *pair in calls]
        (one,) = haplotypes(tmp_path, effects, contigs, rows)
        yield one


def test_a_moved_insertion_stays_before_what_it_was_moved_over(tmp_path, finder):
    plus, minus = [(11, "G", "GT"), (12, "T", "C")], [(13, "A", "G"), (14, "C", "AC")]
    assert [one.alternate for one in on_each_strand(tmp_path, finder, plus, minus)] == ["CCAATCTCC"] * 2


def test_an_allele_that_cannot_be_applied_is_not_passed_over(tmp_path, finder):
    effects = finder({"chr1": CONTIG}, [PLUS])

    def told(*rows):
        calls = [("chr1", pos, ".", *pair, "0|1") for pos, *pair in ((3, "A", "G"), *rows)]
        return [(one.flags, one.alternate) for one in haplotypes(tmp_path, effects, {"chr1": CONTIG}, calls)]

    for pair, why in ((("C", "<DEL>"), "symbolic"), (("C", "R"), "not_letters"), (("G", "T"), "reference_mismatch")):
        assert told((4, *pair), (5, "G", "C")) == [(("haplotype", why, "not_placed"), None)]
    assert told((5, "G", "C"), (8, "G", "<DEL>")) == [(("haplotype",), "GCCTAT")]  # in the intron
    assert told((8, "G", "<DEL>")) == []


def test_an_allele_told_twice_is_held_once(tmp_path, finder):
    effects = finder({"chr1": CONTIG}, [PLUS])
    for first, again in (("0|1", "0|1"), ("1|1", "0|1"), ("0|1", "1|1")):
        rows = [("chr1", 3, name, "A", "G", call) for name, call in (("x", first), ("y", again))]
        made = haplotypes(tmp_path, effects, {"chr1": CONTIG}, [*rows, ("chr1", 5, ".", "G", "C", "0|1")])
        assert [(one.id, one.flags, one.alternate) for one in made] == [("3:A>G+5:G>C", ("haplotype",), "GCCTAT")]


def test_two_deletions_of_a_whole_utr(tmp_path, finder):
    effects = finder({"chr1": CONTIG}, [Gene("S", "chr1", "+", [(2, 20)], [(6, 18)])])
    rows = [("chr1", 2, ".", "TAC", "T", "0|1"), ("chr1", 4, ".", "CGT", "C", "0|1")]
    (one,) = haplotypes(tmp_path, effects, {"chr1": CONTIG}, rows)
    assert (one.flags, one.alternate) == (("haplotype", "utr_deleted"), None)


def test_a_deletion_written_behind_the_utr_belongs_to_it(tmp_path, finder):
    contigs = {"chr1": "GGTTACATCCGAAAAAGG"}
    effects = finder(contigs, [Gene("M", "chr1", "-", [(2, 12)], [(2, 6)])])
    rows = [("chr1", 8, ".", "T", "G", "0|1"), ("chr1", 15, ".", "AA", "A", "0|1")]
    (one,) = haplotypes(tmp_path, effects, contigs, rows)
    assert (one.reference, one.alternate) == ("TCGGAT", "CGGCT")


def test_the_position_is_that_of_the_edit_next_to_the_utrs_start(tmp_path, finder):
    plus, minus = [(4, "C", "T"), (13, "T", "A")], [(12, "A", "T"), (21, "G", "A")]
    made = [effect_row(one, lambda *_: {"flags": ""}, True) for one in on_each_strand(tmp_path, finder, plus, minus)]
    assert [(row["alternate"], row["position"], row["to_start"]) for row in made] == [("CTAATACC", 2, 7)] * 2


def test_unsorted_records_are_refused(tmp_path, finder):
    contigs = {"chr1": CONTIG, "chr2": CONTIG}
    effects = finder(contigs, [PLUS])
    for places in ([("chr1", 5), ("chr1", 3)], [("chr1", 3), ("chr2", 3), ("chr1", 5)]):
        rows = [(contig, pos, ".", CONTIG[pos - 1].upper(), "T", "0|1") for contig, pos in places]
        with pytest.raises(InputError, match=f"h.vcf: chr1:{places[-1][1]} comes too late"):
            haplotypes(tmp_path, effects, contigs, rows)
