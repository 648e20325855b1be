"""Where an indel in a repeat is placed, and what haplotypes keep of it."""

import pytest

from utrlm.genome import reverse_complement
from utrlm.haplotypes import HaplotypeFinder
from utrlm.vcf import VariantReader

from .genomes import Gene, write_vcf
from .test_effects import CONTIG, PLUS


def both_strands(letters, exons, cds):
    """The same transcript on either strand, each on a contig of its own."""
    back = [[(len(letters) - b, len(letters) - a) for a, b in reversed(pieces)] for pieces in (exons, cds)]
    contigs = {"chr1": letters, "chr2": reverse_complement(letters)}
    return contigs, [Gene("P", "chr1", "+", exons, cds), Gene("M", "chr2", "-", *back)]


def spellings(contig, before, after):
    """Every place where one insertion or deletion makes `after` of `before`, with the letter before or behind it."""
    growth = len(after) - len(before)
    for at in range(len(before) - 1):
        ref, alt = before[at : at + 1 + max(0, -growth)], after[at : at + 1 + max(0, growth)]
        if before[:at] + alt + before[at + len(ref) :] == after:
            yield contig, at + 1, ".", ref, alt


@pytest.mark.parametrize(
    ("letters", "exons", "cds", "indel", "alternate", "places", "outcome"),
    [
        ("GGCCCCCCCCCAATGGCGTAA", [(2, 21)], [(12, 21)], (12, "A", ""), "CCCCCCCCC", 2, "predicted"),
        ("GGCCCCCCCCCAATGGCGTAA", [(2, 21)], [(12, 21)], (12, "", "A"), "CCCCCCCCCAA", 3, "predicted"),
        ("GGCCCCATGATGGCGTAA", [(2, 18)], [(9, 18)], (9, "ATG", ""), "CCCC", 4, "predicted"),
        ("GGCCCCATGATGGCGTAA", [(2, 18)], [(9, 18)], (10, "", "CC"), None, 1, "start_changed"),
        ("GGCCCCATGATGGCGTAA", [(2, 18)], [(9, 18)], (8, "GA", ""), None, 1, "start_changed"),
        ("GGTTATGATGGCGTAA", [(4, 16)], [(7, 16)], (7, "ATG", ""), None, 4, "utr_deleted"),
        ("GGCCAAAGTTTAGCCATGGCGTAA", [(2, 7), (13, 24)], [(15, 24)], (7, "", "A"), "CCAAAACC", 4, "predicted"),
        ("GGCCAAGTCAGTTCCATGGCGTAA", [(2, 6), (11, 24)], [(15, 24)], (11, "", "T"), "CCAATTTCC", 3, "predicted"),
        ("GGCCAGAGTTTAGCCATGGCGTAA", [(2, 7), (13, 24)], [(15, 24)], (6, "AG", ""), "CCACC", 3, "predicted"),
        ("GGCCAATTTTTAGCCATGGCGTAA", [(2, 6), (13, 24)], [(15, 24)], (6, "", "C"), None, 1, "exon_edge"),
    ],
)
def test_an_indel_in_a_repeat_is_one_wherever_it_is_written(
    tmp_path, finder, letters, exons, cds, indel, alternate, places, outcome
):
    contigs, genes = both_strands(letters, exons, cds)
    find = finder(contigs, genes).find
    at, ref, alt = indel
    changed = letters[:at] + alt + letters[at + len(ref) :]
    rows = [*spellings("chr1", letters, changed), *spellings("chr2", contigs["chr2"], reverse_complement(changed))]
    assert len(rows) == 2 * (places + 1)  # before the first and behind all
    for record in VariantReader(str(write_vcf(tmp_path / "v.vcf", contigs, rows))):
        found = find(record)
        assert (found.outcome, [effect.alternate for effect in found.effects]) == (outcome, [alternate]), str(record)


def haplotypes(tmp_path, effects, contigs, rows):
    """Those of one sample."""
    gatherer, made = HaplotypeFinder(effects), []
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


def test_a_moved_insertion_stays_before_what_it_was_moved_over(tmp_path, finder):
    letters = "GGCCAAGTCAGTTCCATGGCGTAA"
    for contig, calls in (("chr1", [(11, "G", "GT"), (12, "T", "C")]), ("chr2", [(13, "A", "G"), (14, "C", "AC")])):
        contigs, genes = both_strands(letters, [(2, 6), (11, 24)], [(15, 24)])
        rows = [(contig, pos, ".", *pair, "0|1") for pos, *pair in calls]
        (one,) = haplotypes(tmp_path, finder(contigs, genes), contigs, rows)
        assert one.alternate == "CCAATCTCC"
