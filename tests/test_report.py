"""The files of a report: what stands in them, that they are fresh, and that a user's text stays text."""

import json

import pytest

from utrlm.models import open_model, sha256, shipped
from utrlm.reference import HUMAN, MEASURED, read_reference

from .conftest import ROOT
from .test_structures import model  # noqa: F401

EXAMPLE = ROOT / "tests/data/example.fa"
FRESH = "a shipped model is new: run tools/reference.py --fasta FILE, with human 5' UTRs"


@pytest.fixture
def report(run, tmp_path):
    """Predicts a FASTA and reports the table; returns the sections by id."""

    def make(fasta, *arguments, told=()):
        table = tmp_path / "table.tsv"
        assert run("predict", "--fasta", fasta, "--output", table, *arguments).returncode == 0
        done = run("report", "--table", table, "--output-dir", tmp_path / "report", *told)
        assert done.returncode == 0, done.stderr
        sections = [json.loads(path.read_text()) for path in (tmp_path / "report").glob("*_mqc.json")]
        return {one["id"]: one for one in sections}

    return make


def rows(path):
    """Rows of a table as dictionaries."""
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    return [dict(zip(lines[0], cells, strict=True)) for cells in lines[1:]]


def test_the_reference_is_that_of_the_shipped_models():
    known = read_reference().models
    assert known == {name: sha256(shipped()[name]) for name in known}, FRESH


def skill(name, target):
    """How the page tells a shipped model's held-out Spearman."""
    scores = open_model(shipped()[name], "cpu").card.metrics[target]
    return "Spearman {:.2f} ({:.2f} to {:.2f})".format(scores["spearman"], *scores["spearman_95"])


def test_records_predictions_and_cards(report, tmp_path):
    found = report(EXAMPLE, "--uorf", told=["--sample", "mine", "--software", "tool=1.10"])
    table = rows(tmp_path / "table.tsv")
    general = found["utrlm_general"]["data"]["mine"]
    assert general["records"] == len(table) == 20
    assert general["length"] == pytest.approx(sum(int(row["length"]) for row in table) / 20)
    assert found["utrlm_flags"]["data"]["mine"]["long"] == sum("long" in row["flags"] for row in table)
    drawn = found["utrlm_mrl_varying"]["data"]
    assert list(drawn) == ["mine", HUMAN, MEASURED]
    assert all(line == sorted(line) for line in drawn.values())
    assert all(sum(share for _, share in line) == pytest.approx(100, abs=0.1) for line in drawn.values())
    best = max(table, key=lambda row: float(row["mrl_varying"]))
    first = found["utrlm_mrl_varying_ends"]["data"]["mine, highest 1"]
    assert (first["record"], first["value"]) == (best["id"], float(best["mrl_varying"]))
    assert len(found["utrlm_mrl_varying_ends"]["data"]) == 20
    assert skill("te", "hek") in found["utrlm_te_card"]["data"]
    assert found["utrlm_uaugs_number"]["data"]["mine"]["0"] == sum(row["uaugs"] == "0" for row in table)
    assert sum(found["utrlm_uaugs_number"]["data"][HUMAN].values()) == 2000
    assert json.loads((tmp_path / "report/utrlm_mqc_versions.yml").read_text()) == {"tool": "1.10"}


def test_structures_and_an_own_model(report, model):  # noqa: F811
    found = report(EXAMPLE, "--models", model, told=["--models", model])
    (name,) = [one.removesuffix("_card") for one in found if one.endswith("_card")]
    paired = found[f"{name}_dot_bracket"]
    assert paired["pconfig"]["xlab"] == "% of letters paired" and list(paired["data"]) == ["utrs"]
    assert f"{name}_confidence_ends" in found and f"{name}_dot_bracket_ends" not in found
    assert "not measured" in found[f"{name}_card"]["data"]


def test_an_id_stays_text(report, fasta):
    found = report(fasta(b"><script>alert(1)</script>\nACGTACGTACGTACGTACGTACGTACGTACGT\n"), "--tasks", "mrl")
    (row,) = found["utrlm_mrl_varying_ends"]["data"].values()
    assert row["record"] == "&lt;script&gt;alert(1)&lt;/script&gt;"


def test_a_record_that_is_short_and_long_counts_once(report, fasta):
    """Short of one model's lengths, and long of another's."""
    found = report(fasta(b">a\n%s\n>b\n%s\n" % (b"ACGT" * 50, b"ACGT" * 10)), "--tasks", "mrl,splice")
    flagged = found["utrlm_flags"]["data"]["utrs"]
    assert (flagged["short"], flagged["long"]) == (2, 1)
    assert found["utrlm_general"]["data"]["utrs"]["outside"] == 100


def test_sections_of_an_earlier_report_go(run, report, fasta, tmp_path):
    found = report(fasta(b">a\nACGTACGTACGTACGTACGTACGTACGT\n"), "--tasks", "mrl", told=["--software", "tool=1"])
    (tmp_path / "report/other_mqc.json").touch()  # of another tool
    (tmp_path / "table.tsv").write_text("id\tlength\tflags\na\t28\t\n")
    told = "--table", tmp_path / "table.tsv", "--output-dir", tmp_path / "report"
    assert run("report", *told).returncode == 0
    left = {path.name for path in (tmp_path / "report").iterdir()}
    assert left == {f"{name}_mqc.json" for name in ("utrlm_general", "utrlm_length", "utrlm_flags", "other")}
    assert len(found) > 3
    done = run("report", *told, "--software", "tool")
    assert (done.returncode, done.stderr) == (1, b"Error: --software tool: should be NAME=VERSION\n")


def test_no_records(report, fasta):
    found = report(fasta(b""), "--tasks", "mrl")
    assert not any(one.startswith("utrlm_mrl_v") for one in found)


def test_speeds_and_counts(run, report, fasta, tmp_path):
    (tmp_path / "speeds").mkdir()
    for number in (1, 2):
        speed = tmp_path / f"speeds/some.{number:05d}.speed.json"
        told = ["--tasks", "mrl", "--sequence", "ACGT" * 8, "--output", "-", "--speed", speed]
        assert run("predict", *told).returncode == 0
    (tmp_path / "counts.tsv").write_text("outcome\ttranscripts\nextracted\t3\nno_cds\t2\nof these: partial\t1\n")
    told = ["--speeds-dir", tmp_path / "speeds", "--counts", tmp_path / "counts.tsv"]
    found = report(fasta(b">a\nACGTACGTACGTACGTACGTACGTACGT\n"), "--tasks", "mrl", told=told)
    speed = found["utrlm_speed"]["data"]["some"]
    assert (speed["tasks"], speed["records"], speed["letters"]) == (2, 2, 64)
    assert found["utrlm_transcripts"]["data"]["utrs"] == {"extracted": 3, "no cds": 2}
    (tmp_path / "counts.tsv").write_text("damaged\n1\n")
    done = run("report", "--table", tmp_path / "table.tsv", "--output-dir", tmp_path / "new", *told)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)


def test_tables_are_samples(run, tmp_path):
    """Each called as its file is; the ends of a column are those of all."""
    for name, value in (("one", 5), ("two", 6), ("empty", None)):
        rows = [f"r{i}\t50\t{value + i}.0000\t\n" for i in range(2)] if value else []
        (tmp_path / f"{name}.tsv").write_text("id\tlength\tmrl_varying\tflags\n" + "".join(rows))
    told = [one for name in ("one", "two", "empty") for one in ("--table", tmp_path / f"{name}.tsv")]
    assert run("report", *told, "--output-dir", tmp_path / "report").returncode == 0
    found = {path.stem: json.loads(path.read_text())["data"] for path in (tmp_path / "report").glob("*_mqc.json")}
    assert {name: row["records"] for name, row in found["utrlm_general_mqc"].items()} == {"one": 2, "two": 2}
    ends = found["utrlm_mrl_varying_ends_mqc"]
    assert list(ends) == ["two, highest 1", "one, highest 2", "two, highest 3", "one, highest 4"]
    assert [row["value"] for row in ends.values()] == [7, 6, 6, 5]
    (tmp_path / "other").mkdir()
    same = tmp_path / "other/one.tsv"
    same.write_bytes((tmp_path / "one.tsv").read_bytes())
    done = run("report", *told, "--table", same, "--output-dir", tmp_path / "report")
    assert (done.returncode, done.stderr) == (1, b"Error: --table: two files of one name, which is their sample's\n")
