"""The pipeline from a genome: its 5' UTRs, and variants of it."""

import json

import numpy as np
import pysam
import pytest

from utrlm.models import sha256

from .genomes import Gene, gtf_text, random_sequence, write_fasta, write_vcf
from .test_crate import digests, entities


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """--genome and --gtf, and a folder that holds v.vcf."""
    folder = tmp_path_factory.mktemp("genome")
    letters = random_sequence(np.random.default_rng(1), 400)
    genes = [Gene("P", "1", "+", [(10, 40), (100, 130)], [(125, 130)], ("MANE_Select",))]
    genes += [Gene("M", "1", "-", [(200, 300)], [(200, 240)])]
    write_fasta(folder / "g.fa", {"1": letters})
    (folder / "a.gtf").write_text(gtf_text(genes))
    alt = "ACGT"["CGTA".index(letters[29])]
    write_vcf(folder / "v.vcf", {"chr1": letters}, [("chr1", 30, "rs1", letters[29], alt)])
    return folder, ["--genome", folder / "g.fa", "--gtf", folder / "a.gtf"]


def test_from_a_genome_to_predictions(nextflow, inputs, run, tmp_path):
    arguments = inputs[1]
    done = nextflow(*arguments, "--outdir", "genome", report=True)
    assert done.returncode == 0, done.stdout
    results = done.folder / "genome"
    assert (results / "utrs.counts.tsv").read_text().splitlines()[1] == "extracted\t2"
    section = json.loads((results / "report/utrlm_transcripts_mqc.json").read_text())
    assert section["data"]["utrs"]["extracted"] == 2 and (results / "report.html").exists()
    found = entities(results / "ro-crate-metadata.json")
    assert set(digests(found, found["#run"]["result"])) == {
        "predictions.tsv",
        "utrs.fa",
        "structures.dbn",
        "pairs.tsv",
        "utrs.bed",
        "utrs.counts.tsv",
    }
    assert {"g.fa", "a.gtf"} < set(digests(found, found["#run"]["object"]))
    assert run("predict", "--fasta", results / "utrs.fa", "--output", tmp_path / "p.tsv").returncode == 0
    assert (results / "predictions.tsv").read_bytes() == (tmp_path / "p.tsv").read_bytes()
    assert "EXTRACT\tutrlm\t" in (results / "pipeline_info/versions.tsv").read_text()


def test_variants(nextflow, inputs):
    folder, arguments = inputs
    done = nextflow(*arguments, "--vcf", folder / "v.vcf", "--select", "mane", "--outdir", "variants", report=True)
    assert done.returncode == 0, done.stdout
    results = done.folder / "variants"
    row = (results / "v.effects.tsv").read_text().splitlines()[1]
    assert row.split("\t")[1:3] == ["30", "rs1"]
    assert "predicted\t1\t1" in (results / "v.counts.tsv").read_text()
    told = json.loads((results / "report/utrlm_variants_mrl_varying_delta_ends_mqc.json").read_text())["data"]
    assert [one["record"].split()[0] for one in told.values()] == ["chr1:30"]
    assert "Records of the VCF" in (results / "report.html").read_text()
    found = entities(results / "ro-crate-metadata.json")
    given, made = (digests(found, found["#run"][what]) for what in ("object", "result"))
    files = {path.name: sha256(path) for path in results.iterdir() if path.name.startswith("v.")}
    assert made == files and len(files) == 4
    assert given["v.vcf"] == sha256(folder / "v.vcf") and {"g.fa", "a.gtf", "mrl.onnx", "haplotypes"} < given.keys()
    with pysam.VariantFile(str(results / "v.utrlm.vcf.gz")) as vcf:
        assert [len(record.info["UTRLM"]) for record in vcf.fetch("chr1", 0, 100)] == [1]


def test_stubs(nextflow, inputs):
    folder, arguments = inputs
    assert nextflow(*arguments, "--outdir", "stub", "-stub").returncode == 0
    assert nextflow(*arguments, "--vcf", folder / "v.vcf", "--outdir", "stub", "-stub").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vcf", "v.vcf"], "--vcf needs --genome FILE and --gtf FILE"),
        (["--genome", "g.fa", "--gtf", "a.gtf", "--fasta", "x.fa"], "give either --fasta, or --genome and --gtf"),
        (["--genome", "g.fa", "--gtf", "a.gtf", "--select", "some"], "--select some: none of all, mane"),
    ],
)
def test_a_bad_value_fails_before_any_task(nextflow, arguments, message):
    done = nextflow(*arguments)
    assert done.returncode == 1
    assert message in done.stdout
    assert "Submitted process" not in done.stdout
