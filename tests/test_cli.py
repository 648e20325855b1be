"""Every script of bin/: help, bad input in one line, no torch, no network."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import ROOT, SCRIPTS

NEEDS_TORCH = {"utrlm-finetune", "utrlm-export", "utrlm-pretrain"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
class TestEveryScript:
    def test_help_has_an_example(self, script):
        done = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True)
        assert done.returncode == 0
        assert f"  {script.name} " in done.stdout

    def test_help_imports_nothing_heavy(self, script):
        done = subprocess.run([sys.executable, "-X", "importtime", script, "--help"], capture_output=True, text=True)
        loaded = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
        assert not loaded & {"torch", "numpy", "onnxruntime", "pandas", "Bio", "pysam"}

    def test_is_short(self, script):
        assert len(script.read_text().splitlines()) <= 42

    def test_without_dependencies_it_says_how_to_get_them(self, script):
        done = subprocess.run([sys.executable, "-S", script, "--help"], capture_output=True, text=True)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "pip install" in done.stderr


def test_version_names_the_libraries(run):
    assert b", version 0.1.0 (onnxruntime " in run("predict", "--version").stdout


def test_finetune_without_a_table_or_recipe(run):
    done = run("finetune", "--output", "x", "--checkpoint-dir", "y")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--table", "t.csv", "--recipe", "r.toml", "--data", "."], "--recipe, --data: not with --table"),
        (["--recipe", "r.toml", "--epochs", "20", "--name", "x"], "--name, --epochs: only with --table"),
        (["--recipe", "r.toml", "--settings", "s.toml"], "--settings: only with --table"),
        (
            ["--recipe", "r.toml", "--data", ".", "--weight-column", "w", "--task", "te"],
            "--task, --weight-column: only",
        ),
    ],
)
def test_finetune_takes_no_option_that_it_would_not_read(run, tmp_path, options, said):
    done = run("finetune", "--output", tmp_path / "x", "--checkpoint-dir", tmp_path / "y", *options)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert said in done.stderr.decode()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["finetune", "pretrain", "export"])
def test_what_is_trained_goes_to_a_file(run, name):
    assert b"standard output" not in run(name, "--help").stdout


def test_one_sequence(run):
    done = run("predict", "--sequence", "acguacguacguacguacguacguacgu", "--output", "-")
    header, row = done.stdout.decode().splitlines()
    assert header.split("\t")[:3] == ["id", "length", "mrl_egfp_unmod"]
    assert row.split("\t")[:2] == ["sequence", "28"]


def test_stdin_crlf_and_jsonl(run):
    done = run(
        "predict", "--fasta", "-", "--output", "-", "--format", "jsonl", stdin=b">a\r\nACGU\r\nAC\r\n>b\r\nGGN\r\n"
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(r["id"], r["length"], r["flags"]) for r in rows] == [("a", 6, "short"), ("b", 3, "short,ambiguous")]


def test_parquet_holds_the_same_numbers(run, tmp_path):
    import pandas as pd

    arguments = ("predict", "--tasks", "mrl", "--fasta", ROOT / "tests/data/golden.fa", "--output")
    assert run(*arguments, tmp_path / "t.tsv").returncode == 0
    assert run(*arguments, tmp_path / "t.parquet", "--format", "parquet").returncode == 0
    tsv = pd.read_csv(tmp_path / "t.tsv", sep="\t", keep_default_na=False)
    parquet = pd.read_parquet(tmp_path / "t.parquet")
    assert list(tsv["id"]) == list(parquet["id"])
    assert abs(tsv["mrl_egfp_unmod"] - parquet["mrl_egfp_unmod"]).max() < 1e-5


def test_empty_fasta_gives_an_empty_table_and_a_warning(run, fasta, tmp_path):
    done = run("predict", "--fasta", fasta(b""), "--output", tmp_path / "out.tsv")
    assert done.returncode == 0
    assert b"holds no records" in done.stderr
    assert len((tmp_path / "out.tsv").read_text().splitlines()) == 1


def test_bad_input_is_one_line_and_leaves_no_output(run, fasta, tmp_path):
    path = fasta(b">good\nACGU\n>bad\nMKVL\n")
    done = run("predict", "--fasta", path, "--output", tmp_path / "out.tsv")
    assert done.returncode == 1
    message = f"Error: {path}: record 2 (bad): letter 'L' at position 4 is no nucleotide\n"
    assert done.stderr.decode() == message
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.fa"]


def test_two_runs_at_once_do_not_mix(run, fasta, tmp_path):
    """Both write the same file: it is the whole table of one of them."""
    names, tables = ["a", "b"], {}
    inputs = {
        name: fasta(b"".join(b">%s%d\nACGTTGCAACGGATCCA\n" % (name.encode(), i) for i in range(300)), name)
        for name in names
    }
    with ThreadPoolExecutor() as pool:
        shared = [pool.submit(run, "predict", "--fasta", inputs[n], "--output", tmp_path / "out.tsv") for n in names]
        assert [one.result().returncode for one in shared] == [0, 0]
    for name in names:
        tables[name] = run("predict", "--fasta", inputs[name], "--output", "-").stdout
    assert (tmp_path / "out.tsv").read_bytes() in tables.values()
    assert not list(tmp_path.glob("*.part"))


def test_output_folder_missing(run, tmp_path):
    done = run("predict", "--sequence", "ACGU", "--output", tmp_path / "none/out.tsv")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


def test_prediction_imports_no_torch():
    code = (
        "import sys; from utrlm.predict import Predictor; Predictor(tasks=['mrl']);"
        "sys.exit(any(m in sys.modules for m in ('torch', 'pandas', 'scipy', 'onnx')))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_nothing_is_written_at_home_nor_told_to_anyone(run, tmp_path):
    """onnxruntime's telemetry keeps a device id and a queue there; it looks for CI's variables as well."""
    (tmp_path / "home").mkdir()
    hidden = dict.fromkeys(("CI", "GITHUB_ACTIONS", "XDG_CACHE_HOME", "ORT_DISABLE_TELEMETRY"), "")
    done = run("predict", "--sequence", "ACGT" * 8, "--output", "-", HOME=str(tmp_path / "home"), **hidden)
    assert (done.returncode, done.stderr) == (0, b"")
    assert list((tmp_path / "home").rglob("*")) == []


def test_models_json_names_the_columns(run):
    described = json.loads(run("models", "--json").stdout)
    columns = {target["column"] for one in described for target in one["targets"]}
    assert "mrl_egfp_unmod" in columns
    assert all(target["unit"] for one in described for target in one["targets"])
