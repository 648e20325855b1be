"""The pipeline to mutation maps, to designs, and with columns of upstream AUGs."""

import json

import pytest

from utrlm.models import sha256, shipped

from .test_crate import digests, entities

DECIDE = ("tasks", "batch_tokens", "select", "deletions")  # parameters of a mutation map
UTRS = b">u1\nGGGACATCGTAGAGAGTCGTACTTA\n>u2\nACGTACGTAAACCCGGGTTTACGTACC\n"
DESIGN = "--design=--maximise mrl_varying --number 3 --rounds 1 --length 30 --seed 4"


def test_mutagenesis(nextflow, fasta, run, tmp_path):
    path = fasta(UTRS, "some.fa")
    arguments = ["--tasks", "mrl", "--fasta", path, "--mutagenesis", "--deletions", "--plots"]
    done = nextflow(*arguments, "--outdir", "maps", report=True)
    assert done.returncode == 0, done.stdout
    assert (
        run("mutagenesis", "--tasks", "mrl", "--fasta", path, "--deletions", "--output", tmp_path / "m.tsv").returncode
        == 0
    )
    results = done.folder / "maps"
    assert (results / "some.mutants.tsv").read_bytes() == (tmp_path / "m.tsv").read_bytes()
    assert (results / "some.maps/overview.mrl_varying.svg").exists()
    assert json.loads((results / "report/utrlm_mutants_general_mqc.json").read_text())["data"]["some"]["mutants"] == 208
    assert "Mutation maps" in (results / "report.html").read_text()
    found = entities(results / "ro-crate-metadata.json")
    given, made = (digests(found, found["#run"][what]) for what in ("object", "result"))
    assert given == {"some.fa": sha256(path), "mrl.onnx": sha256(shipped()["mrl"])} | dict.fromkeys(DECIDE)
    assert made == {"some.mutants.tsv": sha256(results / "some.mutants.tsv")}
    assert "MUTAGENESIS\tutrlm\t" in (results / "pipeline_info/versions.tsv").read_text()


@pytest.mark.parametrize(("given", "name"), [(False, "random"), (True, "some")])
def test_design(nextflow, fasta, run, tmp_path, given, name):
    starts = ["--fasta", fasta(UTRS, "some.fa")] if given else []
    done = nextflow(DESIGN, *starts, "--outdir", "designs", report=not given)
    assert done.returncode == 0, done.stdout
    options = DESIGN.removeprefix("--design=").split()
    assert run("design", *options, *starts, "--output", tmp_path / "d.fa").returncode == 0
    results = done.folder / "designs"
    assert (results / f"{name}.designs.fa").read_bytes() == (tmp_path / "d.fa").read_bytes()
    assert len((results / f"{name}.designs.tsv").read_text().splitlines()) == 4
    assert (results / f"{name}.trajectory.tsv").read_text().startswith("round\t")
    if not given:
        assert "Best designs" in (results / "report.html").read_text()
        made = entities(results / "ro-crate-metadata.json")["#run"]["result"]
        assert {one["@id"] for one in made} == {
            f"{name}.{one}" for one in ("designs.fa", "designs.tsv", "trajectory.tsv")
        }


def test_upstream_starts(nextflow, fasta, run, tmp_path):
    path = fasta(UTRS, "some.fa")
    done = nextflow("--fasta", path, "--uorf", "--outdir", "uorf")
    assert done.returncode == 0, done.stdout
    assert run("predict", "--fasta", path, "--uorf", "--output", tmp_path / "p.tsv").returncode == 0
    assert (done.folder / "uorf/predictions.tsv").read_bytes() == (tmp_path / "p.tsv").read_bytes()
    assert run("uorf", "--fasta", path, "--output", tmp_path / "u.tsv").returncode == 0
    assert (done.folder / "uorf/some.uorfs.tsv").read_bytes() == (tmp_path / "u.tsv").read_bytes()
    assert "UORF\tutrlm\t" in (done.folder / "uorf/pipeline_info/versions.tsv").read_text()


def test_stubs(nextflow, fasta):
    path = fasta(UTRS, "some.fa")
    for arguments in (["--fasta", path, "--mutagenesis"], [DESIGN]):
        assert nextflow(*arguments, "--outdir", "stub", "-stub").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([DESIGN, "--fasta", "x.fa", "--mutagenesis"], "give one of --vcf, --mutagenesis and --design"),
        (["--design"], "--design needs options of utrlm-design"),
    ],
)
def test_a_bad_value_fails_before_any_task(nextflow, arguments, message):
    done = nextflow(*arguments)
    assert done.returncode == 1
    assert message in done.stdout
    assert "Submitted process" not in done.stdout
