"""Records of a VCF and their annotated copy."""

import gzip

import pysam
import pytest

from utrlm.errors import InputError
from utrlm.vcf import VariantReader, open_vcf_writer

HEAD = "##fileformat=VCFv4.2\n"
CONTIG = "##contig=<ID=chr1>\n"
INFO = '##INFO=<ID={},Number=1,Type={},Description="x">\n'
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
SV = INFO.format("SVTYPE", "String") + INFO.format("SVLEN", "Integer")


def copied(path, content):
    """Records of the copy, as text, each with `x|y` added."""
    path.write_bytes(content)
    reader = VariantReader(str(path))
    reader.describe(["one", "two"])
    out = str(path.parent / "o.vcf.gz")
    with open_vcf_writer(out, reader.header) as write:
        held = list(reader)  # as windows do
        for record in held:
            record.info["UTRLM"] = ["x|y"]
            write(record)
    with pysam.VariantFile(out) as vcf:
        assert [r.info["UTRLM"] for r in vcf.fetch("chr1")] == [("x|y",)] * sum(r.chrom == "chr1" for r in held)
    with gzip.open(out, "rt") as text:
        return [line for line in text.read().splitlines() if not line.startswith("##")]


@pytest.mark.parametrize(
    ("head", "records"),
    [
        ("", ["chr1\t30\ta;b\tC\tG,N,R,<INS>,*\t.\tq10;s50\tAF=0.5;FOO;BAR=a b", "chr2\t5\t.\tA\tG\t.\t.\tDP=3"]),
        ("##contig=<ID=chr2>\n", ["chr1\t30\tx\tC\tG\t.\t.\tA=1"]),
        (CONTIG, ["chr1\t30\tx\tC\tG\t.\tq10;s50\tAF=0.5;FOO;BAR=a"]),
        (CONTIG, ["chr1\t30\tx\tC\t<NON_REF>\t.\t.\tEND=40"]),
        (CONTIG + SV, ["chr1\t30\tx\tC\t<DEL>\t.\t.\tSVTYPE=DEL;SVLEN=-20", "chr1\t31\tx\tC\tG\t.\t.\tA=1"]),
        (CONTIG + SV + INFO.format("END", "Integer"), ["chr1\t30\tx\tC\t<DEL>\t.\t.\tSVTYPE=DEL;SVLEN=-20"]),
    ],
    ids=["no contigs", "another contig", "filters and INFO", "END", "a deletion", "a deletion, END declared"],
)
def test_records_are_the_same_but_for_what_is_added(tmp_path, head, records):
    """Whatever the header lacks: contigs, filters, INFO; no END comes in."""
    written = copied(tmp_path / "v.vcf", "\n".join([HEAD + head + COLUMNS, *records, ""]).encode())
    assert written == [COLUMNS, *(f"{record};UTRLM=x|y" for record in records)]


def test_formats_that_are_not_declared(tmp_path):
    head = HEAD + CONTIG + '##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n'
    lines = [COLUMNS + "\tFORMAT\ts1\ts2", "chr1\t30\tx\tC\tG,T\t.\tPASS\tUTRLM=x|y\tGT:AB\t1|2:3,4\t0|0:."]
    assert copied(tmp_path / "v.vcf", (head + "\n".join(lines) + "\n").replace("UTRLM=x|y", ".").encode()) == lines


def test_the_copy_is_bgzipped_once(tmp_path):
    """One end block, at the end: some readers take the first for the file's."""
    copied(tmp_path / "v.vcf", f"{HEAD}{CONTIG}{COLUMNS}\nchr1\t30\tx\tC\tG\t.\t.\t.\n".encode())
    end = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")
    content = (tmp_path / "o.vcf.gz").read_bytes()
    assert (content.count(end), content.endswith(end)) == (1, True)
    assert not list(tmp_path.glob("*.part"))


def test_what_cannot_be_copied_or_read(tmp_path):
    latin = f"{HEAD}{CONTIG}{COLUMNS}\nchr1\t30\tx\tC\tG\t.\t.\tA=\xe9\n".encode("latin-1")
    with pytest.raises(InputError, match="not UTF-8"):
        copied(tmp_path / "v.vcf", latin)
    assert not list(tmp_path.glob("*.part")) and not list(tmp_path.glob("o.vcf.gz*"))
    (tmp_path / "v.vcf.gz").write_bytes(gzip.compress((HEAD + CONTIG + COLUMNS + "\n").encode()))
    with pytest.raises(InputError, match="gzipped, not bgzipped"):
        VariantReader(str(tmp_path / "v.vcf.gz"))
