"""From a VCF to predicted effects on 5' UTRs: the command."""

import csv
import os

import numpy as np
import pysam
import pytest

from utrlm import alphabet
from utrlm.fasta import Record
from utrlm.genome import reverse_complement
from utrlm.predict import Predictor

from .genomes import Gene, gtf_text, random_sequence, write_fasta, write_vcf


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


def test_a_vcf_without_records_is_a_header_and_a_warning(run, inputs, tmp_path):
    vcf = tmp_path / "v.vcf"
    vcf.write_text("".join(line for line in vcf.read_text().splitlines(keepends=True) if line.startswith("#")))
    outputs = ["--output", tmp_path / "o.tsv", "--output-vcf", tmp_path / "o.vcf.gz", "--summary", tmp_path / "s.tsv"]
    done = run("variants", *inputs, *outputs, "--tasks", "mrl")
    assert (done.returncode, done.stderr) == (0, b"warning: %s holds no records\n" % bytes(vcf))
    assert (tmp_path / "o.tsv").read_text().count("\n") == 1
    assert "predicted\t0\t0\n" in (tmp_path / "s.tsv").read_text()
    with pysam.VariantFile(str(tmp_path / "o.vcf.gz")) as annotated:
        assert list(annotated.fetch()) == [] and "UTRLM" in annotated.header.info


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
    (tmp_path / "pipes").mkdir()
    os.mkfifo(tmp_path / "pipes/o.vcf.gz")
    assert "no regular file" in message("--output-vcf", tmp_path / "pipes/o.vcf.gz")
    lines = good.splitlines(keepends=True)
    unsorted = b"".join([*lines[:-2], lines[-1], lines[-2]])
    assert "sorted" in message("--output-vcf", tmp_path / "o.vcf.gz", vcf=unsorted)
