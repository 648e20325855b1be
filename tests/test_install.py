"""Models put where a server finds them: only whole ones, under names that hold their digest."""

import json

from utrlm.models import sha256, shipped

from .conftest import ROOT

FOLD = ROOT / "galaxy/test-data/fold.onnx"


def test_the_shipped_models(run, tmp_path):
    done = run("install", "--output-dir", tmp_path / "models", "--data-table", tmp_path / "table.json")
    rows = json.loads(done.stdout)
    assert [row["value"] for row in rows] == [f"{name}-{sha256(path)[:8]}" for name, path in shipped().items()]
    assert all(sha256(tmp_path / "models" / f"{row['value']}.onnx") == row["sha256"] for row in rows)
    assert json.loads((tmp_path / "table.json").read_text()) == {"data_tables": {"utrlm_models": rows}}


def test_what_is_there_is_left_out(run, tmp_path):
    known = [f"{name}-{sha256(path)[:8]}" for name, path in shipped().items()]
    arguments = [text for value in known[1:] for text in ("--known", value)]
    (row,) = json.loads(run("install", *arguments, "--output-dir", tmp_path).stdout)
    assert row["value"] == known[0] and [path.stem for path in tmp_path.iterdir()] == known[:1]


def test_a_file_with_its_digest(run, tmp_path):
    done = run("install", "--models", FOLD, "--sha256", sha256(FOLD).upper(), "--output-dir", tmp_path)
    (row,) = json.loads(done.stdout)
    assert (tmp_path / f"fold-{sha256(FOLD)[:8]}.onnx").read_bytes() == FOLD.read_bytes()
    assert row["path"] == str(tmp_path / f"fold-{sha256(FOLD)[:8]}.onnx")


def test_what_is_refused_leaves_nothing(run, tmp_path):
    foreign = ROOT / "galaxy/test-data/foreign.onnx"
    for arguments, told in (
        (("--models", FOLD, "--sha256", "0" * 64), b"its SHA-256 is"),
        (("--sha256", "0" * 64), b"is of one --models FILE"),
        (("--models", tmp_path / "none.onnx", "--sha256", "0" * 64), b"no such model file"),
        (("--models", foreign), b"not made by utrlm"),
    ):
        done = run("install", *arguments, "--output-dir", tmp_path / "models")
        assert done.returncode == 1 and done.stderr.count(b"\n") == 1 and told in done.stderr
        assert not (tmp_path / "models").exists()
