"""Upstream open reading frames, and what variants do to them."""

import numpy as np
import pytest

from utrlm.edits import Edit, apply_edits
from utrlm.uorf import find_uorfs, record_columns
from utrlm.uorf_changes import find_changes

from .genomes import random_sequence


@pytest.mark.parametrize(
    ("sequence", "frame", "strength", "kind", "stop", "length"),
    [
        ("CCACCATGGCTTAACC", 2, "Strong", "uORF", 11, 9),
        ("CCACCATGCCTTAACCC", 0, "Moderate", "uORF", 11, 9),
        ("CCTCCATGGCCCCCC", 1, "Moderate", "OutOfFrame_oORF", None, 10),
        ("CCTCCATGCCCCCCCC", 2, "Weak", "OutOfFrame_oORF", None, 11),
        ("CCTCCATGCCCCCC", 0, "Weak", "inframe_oORF", None, 9),
        ("ATGG", 1, "Moderate", "OutOfFrame_oORF", None, 4),
        ("CCCGCCATG", 0, "Moderate", "inframe_oORF", None, 3),  # the start codon's A follows
    ],
)
def test_one_start(sequence, frame, strength, kind, stop, length):
    (one,) = find_uorfs(sequence)
    assert (one.frame, one.strength, one.kind, one.stop, one.length) == (frame, strength, kind, stop, length)
    assert sequence[one.position :].startswith("ATG")
    assert one.to_start == len(sequence) - one.position


def test_record_columns_take_rna_and_lower_case():
    found = record_columns("ccaccaugGCUUAACAUGCCCC")
    assert found == {"uaugs": 2, "uorfs": 1, "inframe_oorfs": 0, "outofframe_oorfs": 1, "kozak": "Strong"}
    assert record_columns("CCC")["kozak"] is None


def test_the_start_codon_that_follows_is_that_of_the_description(run, fasta):
    titles = ["a", "a at=c:1-5:+ start=GTG", "a start=gug partial=yes", "a start=CUG", "a start=design_3", "start=GTG"]
    path = fasta("".join(f">{title}\nCCCGCCAUG\n" for title in titles).encode())
    rows = [row.split("\t") for row in run("uorf", "--fasta", path, "--output", "-").stdout.decode().splitlines()[1:]]
    strengths = ["Moderate", "Strong", "Strong", "Moderate", "Moderate", "Moderate"]
    assert [row[5:7] for row in rows] == [["GCCATG" + b, s] for b, s in zip("AGGCAA", strengths, strict=True)]
    records = run("uorf", "--fasta", path, "--output", "-", "--per", "record").stdout.decode().splitlines()[1:]
    assert [row.split("\t")[-1] for row in records] == strengths


def consequences(reference, *edits):
    alternate = apply_edits(reference, edits)
    return [str(change) for change in find_changes(reference, alternate, tuple(edits))]


CLOSED = "CCACCATGGCTCCTTAACCCC"  # 0-based: ATG at 5, TAA at 14, start codon at 21


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (Edit(0, 1, "G"), []),
        (Edit(2, 3, "T"), ["uKozak_changed:uORF:Strong>Moderate:16"]),
        (Edit(6, 7, "C"), ["uAUG_lost:uORF:Strong:16"]),
        (Edit(15, 16, "C"), ["uSTOP_lost:uORF>OutOfFrame_oORF:Strong:16"]),
        (Edit(11, 14, "TAG"), ["uSTOP_gained:uORF:Strong:16"]),
        (Edit(9, 10, ""), ["uFrameShift:uORF>inframe_oORF:Strong:15"]),
        (Edit(9, 12, ""), []),
        (Edit(17, 18, ""), []),  # after the stop codon
        (Edit(0, 0, "ATG"), ["uAUG_gained:inframe_oORF:Weak:24"]),
        (Edit(18, 20, "ATG"), ["uAUG_gained:OutOfFrame_oORF:Moderate:4"]),
        (Edit(16, 17, ""), ["uSTOP_lost:uORF>inframe_oORF:Strong:15"]),
    ],
)
def test_consequences_by_hand(edit, expected):
    found = consequences(CLOSED, edit)
    assert len(found) == len(expected), found
    for one, wanted in zip(found, expected, strict=True):
        assert one == wanted, found


READ_ON = "GGACCATGCCACCACCATAACAATGACACCACC"  # 0-based: ATG at 5, TAA at 17, TGA at 23


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (Edit(17, 20, ""), "uSTOP_lost"),
        (Edit(14, 20, ""), "uSTOP_lost"),
        (Edit(11, 20, ""), "uSTOP_lost"),
        (Edit(17, 23, ""), "uSTOP_lost"),
        (Edit(14, 23, ""), "uSTOP_lost"),
        (Edit(14, 18, "TAAC"), "uSTOP_gained"),
        (Edit(14, 18, "TAACCAC"), "uSTOP_gained"),
        (Edit(19, 20, "G"), ""),  # TAG instead of TAA
        (Edit(19, 19, "G"), ""),
        (Edit(14, 17, ""), ""),
    ],
)
def test_a_stop_codon_that_goes_is_lost(edit, expected):
    assert ",".join(one.split(":")[0] for one in consequences(READ_ON, edit)) == expected


def test_consequences_do_not_depend_on_where_an_indel_is_written():
    """Or on the genome's strand, which is the same: at every place of a repeat, alone and before another edit."""
    random = np.random.default_rng(9)
    moved = 0
    for _ in range(500):
        reference = "GATG" + random_sequence(random, 26)
        start, size = int(random.integers(0, 22)), int(random.integers(1, 4))
        alone = Edit(start, start + size, "") if random.random() < 0.5 else Edit(start, start, reference[start:][:size])
        for other in ((), (Edit(27, 29, "C"),)):
            alternate = apply_edits(reference, (alone, *other))
            places = [Edit(at, at + alone.end - start, "") for at in range(24)] if not alone.letters else []
            if alone.letters:
                places = [Edit(at, at, alternate[at : at + size]) for at in range(24)]
            same = [one for one in places if apply_edits(reference, (one, *other)) == alternate]
            assert len({str(list(map(str, find_changes(reference, alternate, (one, *other))))) for one in same}) == 1
            moved += len(same) > 1
    assert moved > 300


def test_an_unchanged_sequence_has_no_consequence():
    """Deleting one G of GG, written either way, leaves ATG where it was."""
    assert consequences("CCCATGGGCCCC", Edit(5, 6, "")) == consequences("CCCATGGGCCCC", Edit(7, 8, ""))
    assert "uAUG" not in "".join(consequences("CCCATGGGCCCC", Edit(5, 6, "")))


@pytest.mark.parametrize("seed", range(4))
def test_gains_and_losses_balance(seed):
    """The numbers of AUGs before and after differ by those gained and lost, for any edits."""
    random = np.random.default_rng(seed)
    for _ in range(200):
        reference = random_sequence(random, 60).replace("CC", "AT")
        starts = np.sort(random.choice(60, 2, replace=False))
        edits = tuple(
            Edit(
                int(s), min(int(s + random.integers(0, 3)), int(limit)), random_sequence(random, random.integers(0, 4))
            )
            for s, limit in zip(starts, (starts[1], 60), strict=True)
        )
        alternate = apply_edits(reference, edits)
        if alternate is None:
            continue
        found = [change.consequence for change in find_changes(reference, alternate, edits)]
        difference = alternate.count("ATG") - reference.count("ATG")
        assert found.count("uAUG_gained") - found.count("uAUG_lost") == difference
        assert find_changes(reference, reference, ()) == []


def test_overlapping_edits_are_refused():
    assert apply_edits("ACGT", [Edit(1, 3, "A"), Edit(2, 4, "")]) is None
    assert apply_edits("ACGT", [Edit(2, 2, "A"), Edit(2, 2, "C")]) is None
    assert apply_edits("ACGT", [Edit(2, 3, "AA"), Edit(0, 1, "")]) == "CAAT"


def test_script(run, fasta):
    path = fasta(b">a\nCCACCAUGGCUUAACC\n>none\nCCCC\n")
    done = run("uorf", "--fasta", path, "--output", "-")
    header, row = done.stdout.decode().splitlines()
    assert row.split("\t") == ["a", "1", "6", "11", "2", "ACCATGG", "Strong", "uORF", "12", "9"]
    assert header.split("\t")[1] == "uaug"
    assert done.stderr == b"2 records; 1 rows\n"
    counts = run("uorf", "--fasta", path, "--output", "-", "--per", "record").stdout.decode().splitlines()
    assert counts[1:] == ["a\t16\t1\t1\t0\t0\tStrong", "none\t4\t0\t0\t0\t0\t"]


@pytest.mark.parametrize("per", ["uaug", "record"])
def test_an_input_without_records_is_a_header_and_a_warning(run, fasta, tmp_path, per):
    done = run("uorf", "--fasta", fasta(b""), "--output", tmp_path / "u.tsv", "--per", per)
    assert (done.returncode, done.stderr) == (0, b"warning: %s holds no records\n" % bytes(tmp_path / "in.fa"))
    assert (tmp_path / "u.tsv").read_text().count("\n") == 1


def test_columns_beside_predictions(run, fasta, tmp_path):
    import pandas as pd

    path = fasta(b">a\nCCACCAUGGCUUAACC\n>none\nCCCC\n>a\nCCCAUGCC\n")
    counts = run("uorf", "--fasta", path, "--output", "-", "--per", "record").stdout.decode().splitlines()
    plain = run("predict", "--fasta", path, "--output", "-").stdout.decode().splitlines()
    both = run("predict", "--fasta", path, "--output", "-", "--uorf").stdout.decode().splitlines()
    for added, predicted, row in zip(counts, plain, both, strict=True):
        cells = predicted.split("\t")
        assert row.split("\t") == [*cells[:-1], *added.split("\t")[2:], cells[-1]]
    assert (
        run("predict", "--fasta", path, "--output", tmp_path / "p.parquet", "--uorf", "--format", "parquet").returncode
        == 0
    )
    table = pd.read_parquet(tmp_path / "p.parquet")
    assert (list(table["uaugs"]), table["kozak"].iloc[0], table["uaugs"].dtype.kind) == ([1, 0, 1], "Strong", "i")
