"""Where an indel in a repeat is placed."""

import pytest

from utrlm.genome import reverse_complement
from utrlm.vcf import VariantReader

from .genomes import Gene, write_vcf


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
        ("TTCCACAGGTAAGTTTTTAGCCATGGCGTAA", [(2, 8), (20, 31)], [(22, 31)], (7, "G", ""), "CCACACC", 2, "predicted"),
        ("TTCCACAGGTAAGTTTTTAGCCATGGCGTAA", [(2, 8), (20, 31)], [(22, 31)], (8, "", "G"), "CCACAGGCC", 3, "predicted"),
        ("TTAAAACGCCATGGCGTAA", [(4, 19)], [(10, 19)], (2, "AA", ""), "CGCC", 3, "predicted"),
        ("GGCCAAGTGTTAGCCATGGCGTAA", [(2, 6), (13, 24)], [(15, 24)], (6, "", "GT"), None, 5, "outside"),
        ("GGCCCCATGGCGTAA", [(2, 15)], [(6, 15)], (8, "G", ""), None, 2, "outside"),
        ("TTCCACATGTAAGTTTTTAGATGGCGTAA", [(2, 8), (20, 29)], [(20, 29)], (20, "", "C"), None, 1, "exon_edge"),
        ("TTCCACATAGTAAGTTTTTAGTGGCGTAA", [(2, 9), (21, 29)], [(8, 9), (21, 29)], (9, "", "C"), None, 1, "outside"),
        ("TTCCACATAGTAAGTTTTTAGTGGCGTAA", [(2, 9), (21, 29)], [(8, 9), (21, 29)], (21, "", "C"), None, 1, "outside"),
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
        alternates = [] if outcome == "outside" else [alternate]
        assert (found.outcome, [effect.alternate for effect in found.effects]) == (outcome, alternates), str(record)
