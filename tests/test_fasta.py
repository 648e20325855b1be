import gzip

import pytest

from utrlm.errors import InputError
from utrlm.fasta import SeenIds, read_fasta

PLAIN = b">u1 first one\nACGU\nacgt\n\n>u2\nGG"
MARK = b"\xef\xbb\xbf"  # of UTF-8, as Windows editors put it


def pairs(path):
    return [(record.id, record.sequence) for record in read_fasta(str(path))]


@pytest.mark.parametrize(
    "content",
    [
        *(PLAIN, PLAIN + b"\n", PLAIN.replace(b"\n", b"\r\n"), b"\n\n" + PLAIN, gzip.compress(PLAIN)),
        *(MARK + PLAIN, MARK + b"\r\n" + PLAIN, gzip.compress(MARK + PLAIN)),
    ],
    ids=["no-newline-at-end", "plain", "crlf", "blank-lines-first", "gz", "mark", "mark-blank-line", "mark-gz"],
)
def test_what_people_have(fasta, content):
    assert pairs(fasta(content)) == [("u1", "ACGUacgt"), ("u2", "GG")]


def test_empty_file_has_no_records(fasta):
    assert pairs(fasta(b"")) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"@r1\nACGT\n+\nIIII\n", "FASTQ"),
        (b"ACGT\n", "not FASTA"),
        (MARK + b"@r1\nACGT\n+\nIIII\n", "FASTQ"),
        (b">u1\nACGT\n>u2\nACGEEL\n", r"record 2 \(u2\): letter 'E' at position 4"),
        (b">u1\n>u2\nACG\n", r"record 1 \(u1\): no letters"),
        (b">\nACG\n", "record 1 has no name"),
        (b">u1\nAC\xff\n", "0xff"),
        (
            b"".join(b">u%d\nACGT\n" % i for i in range(1, 200)) + b">u\xff\nACGT\n",
            "record 200: byte 0xff is not UTF-8",
        ),
        (b"\xff\xfe>\0u\0", "before record 1: byte 0xff"),
        (gzip.compress(PLAIN * 2000)[:-200], "cut off"),
        (b">u1\n" + b"A" * 100_001, "100,001 nt"),
    ],
    ids=[
        "fastq",
        "text",
        "mark-fastq",
        "protein",
        "no-letters",
        "no-name",
        "not-utf8",
        "not-utf8-later",
        "utf16",
        "cut-gz",
        "chromosome",
    ],
)
def test_errors_name_file_and_record(fasta, content, message):
    path = fasta(content)
    with pytest.raises(InputError, match=message) as caught:
        pairs(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_missing_file_and_directory(tmp_path):
    for path, message in ((tmp_path / "none.fa", "No such file"), (tmp_path, "directory")):
        with pytest.raises(InputError, match=message):
            pairs(path)


def test_repeated_ids_are_found_from_the_second_on():
    seen = SeenIds()
    assert [seen.repeats(i) for i in ("a", "b", "a", "a")] == [False, False, True, True]
