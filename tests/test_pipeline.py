"""The real pipeline on a real Nextflow."""

import csv
import fcntl
import gzip

import pytest

from utrlm.models import sha256

from .conftest import ROOT

EXAMPLE = ROOT / "tests/data/example.fa"
WRONG = "--fatsa x --shard_residues x --mutagenesis no --uorf 1 --max_memory 4 --max_time soon --name .x"
IGNORED = "--fasta utrs.fa --mutagenesis --deletions --gtf a.gtf --haplotypes --epochs 3 --name own --ct"


@pytest.fixture(scope="module")
def table(nextflow):
    """The example's table from one shard."""
    done = nextflow("--fasta", EXAMPLE, "--outdir", "one")
    assert done.returncode == 0, done.stdout
    return (done.folder / "one/predictions.tsv").read_bytes()


def test_one_row_a_record_in_order(table):
    ids = [line[1:].split()[0] for line in EXAMPLE.read_text().splitlines() if line.startswith(">")]
    assert [row.split("\t")[0] for row in table.decode().splitlines()[1:]] == ids


def test_pipeline_info(nextflow, table):
    folder = nextflow("--help").folder / "one/pipeline_info"
    there = sorted(path.name for path in folder.iterdir())
    assert there == [".lock", "report.html", "timeline.html", "trace.tsv", "versions.tsv"]
    versions = (folder / "versions.tsv").read_text()
    assert "onnxruntime " in versions
    assert f"model\tmrl.onnx\t{sha256(ROOT / 'utrlm/weights/mrl.onnx')}" in versions


@pytest.mark.parametrize(("residues", "shards"), [(1400, 2), (300, 7)])
def test_shards_do_not_show(nextflow, table, residues, shards):
    done = nextflow("--fasta", EXAMPLE, "--outdir", f"s{residues}", "--shard_residues", residues)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("> PREDICT") >= shards
    assert (done.folder / f"s{residues}/predictions.tsv").read_bytes() == table


def test_resume_runs_nothing_again(nextflow, table):
    assert nextflow("--fasta", EXAMPLE, "--outdir", "again").returncode == 0  # -resume continues the last run
    done = nextflow("--fasta", EXAMPLE, "--outdir", "again", "-resume")
    assert done.stdout.count("Cached process") == 3
    assert "Submitted process" not in done.stdout
    assert (done.folder / "again/predictions.tsv").read_bytes() == table


def test_gz_several_files_spaces_and_own_model(nextflow, tmp_path):
    (tmp_path / "a b.fa.gz").write_bytes(gzip.compress(b">u1\nACGTACGT\n"))
    (tmp_path / ".c.fasta").write_bytes(b">u2\nGGGTACGT\n>u3\nACG\n")
    model = tmp_path / "own.onnx"
    model.write_bytes((ROOT / "utrlm/weights/mrl.onnx").read_bytes())
    done = nextflow("--fasta", f"{tmp_path}/{{a*,b*}},{tmp_path}/.c.fasta", "--outdir", "two", "--models", model)
    assert done.returncode == 0, done.stdout
    assert "model\town.onnx\t" in (done.folder / "two/pipeline_info/versions.tsv").read_text()
    rows = [line.split("\t") for line in (done.folder / "two/predictions.tsv").read_text().splitlines()]
    assert [row[:3] for row in rows] == [
        ["sample", "id", "length"],
        ["a_b", "u1", "8"],
        ["_c", "u2", "8"],
        ["_c", "u3", "3"],
    ]


def test_a_second_run_in_a_folder_of_results_is_refused(nextflow):
    folder = nextflow("--help").folder / "stub/pipeline_info"
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w") as first:
        fcntl.lockf(first, fcntl.LOCK_EX)
        done = nextflow("--fasta", EXAMPLE, "--outdir", "stub")
    assert done.returncode == 1
    assert "--outdir stub: another run writes there; wait for it, or give another folder" in done.stdout
    assert "Submitted process" not in done.stdout


def test_stub(nextflow):
    """In the folder of the test above: what a killed run leaves there, a file without a lock, blocks nothing."""
    done = nextflow("--fasta", EXAMPLE, "--uorf", "--outdir", "stub", "-stub")
    assert done.returncode == 0 and (done.folder / "stub/example.uorfs.tsv").exists()


def test_bad_letters_stop_the_run_and_name_the_record(nextflow, tmp_path):
    (tmp_path / "bad.fa").write_bytes(b">a\nACGT\n>b\nACGEE\n")
    done = nextflow("--fasta", tmp_path / "bad.fa", "--outdir", "bad")
    assert done.returncode == 1
    assert "bad.fa: record 2 (b): letter 'E' at position 4 is no nucleotide" in done.stdout
    assert "Check script" not in done.stdout  # no second error, of what was to come
    assert not (done.folder / "bad/predictions.tsv").exists()


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (
            ["--fasta", EXAMPLE, "--outdir", "/proc/nope"],
            ["--outdir /proc/nope: a folder that cannot be made or written to"],
        ),
        (["--fasta", EXAMPLE, "-profile", "conda,gpu"], ["-profile conda,gpu: trains alone, since"]),
        (["--fasta", "none.fa"], ["--fasta none.fa: no such file"]),
        (["--fasta", f"{EXAMPLE},{EXAMPLE}"], [f"{EXAMPLE}: two files are called example.fa; rename one"]),
        (["--fasta", "utrs.fa", "--tasks", "nope"], ["--tasks nope: no shipped model; there are el, mrl, "]),
        (
            WRONG.split(),
            [
                "--uorf 1: must be true or false",
                "--mutagenesis no: must be true or false",
                "--shard_residues x: not a whole number above 0",
                "--name .x: letters, digits, _, . and - make a name",
                "--max_memory 4: not a number and a unit such as '16 GB'",
                "--max_time soon: not numbers and their units",
                "--fatsa: no such parameter",
            ],
        ),
        (
            IGNORED.split(),
            [
                "--gtf goes with --genome",
                "--haplotypes goes with --vcf",
                "--epochs goes with --train_table or --pretrain_fasta",
                "--ct does not go with --mutagenesis",
            ],
        ),
    ],
)
def test_bad_values_fail_before_any_task(nextflow, arguments, messages):
    done = nextflow(*arguments)
    assert done.returncode == 1
    told = [line for line in done.stdout.splitlines() if line.startswith(("--", "-profile"))]
    assert len(told) == len(messages), done.stdout
    assert all(message in done.stdout for message in messages), done.stdout
    assert "process >" not in done.stdout


def test_samplesheet(nextflow, tmp_path):
    (tmp_path / "one.fa").write_bytes(b">u1\nACGTACGT\n")
    (tmp_path / "two.fa").write_bytes(b">u1\nACGTACGT\n>u2\nACGA\n")
    sheet = tmp_path / "samples.csv"
    sheet.write_text(f"sample,fasta,tasks\nzebra,{tmp_path}/two.fa,mrl\nant,one.fa,te; structure\nbee,one.fa,\n")
    done = nextflow("--input", sheet, "--ct", "--outdir", "sheet")
    assert done.returncode == 0, done.stdout
    with (done.folder / "sheet/predictions.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    named = [f"{row['sample']} {row['id']}" for row in rows]
    assert named == ["zebra u1", "zebra u2", "ant u1", "bee u1"]
    assert [bool(row["mrl_varying"]) for row in rows] == [True, True, False, True]
    assert [bool(row["te_hek"] and row["structure_dot_bracket"]) for row in rows] == [False, False, True, True]
    titles = (done.folder / "sheet/structures.dbn").read_text().splitlines()[::3]
    assert titles == [">u1 ant", ">u1 bee"] and list(rows[0])[-1] == "flags"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample,fasta\na,none.fa\n", "row 1: none.fa: no such file"),
        ("sample,fasta\n", "s.csv: no rows"),
        ("", "s.csv: no rows"),
        ("sample,fasta\na,\n", "row 1: needs a value in the columns sample and fasta"),
        ("sample,fasta,colour\na,s.fa,red\n", "row 1: column colour: only sample, fasta and tasks are read"),
        ("sample,fasta,tasks\na,s.fa,mlr\n", "row 1: task mlr: no shipped model; there are el, mrl"),
        ("sample,fasta\na b,s.fa\n", "row 1: sample 'a b': letters"),
        ("sample,fasta\na,s.fa\na,s.fa\n", "two files would be sample 'a'; rename one"),
    ],
)
def test_a_samplesheet_that_does_not_fit(nextflow, tmp_path, text, message):
    (tmp_path / "s.fa").write_bytes(b">u1\nACGTACGT\n")
    (tmp_path / "s.csv").write_text(text)
    done = nextflow("--input", tmp_path / "s.csv")
    assert (done.returncode, message in done.stdout) == (1, True), done.stdout
    assert "Submitted process" not in done.stdout
