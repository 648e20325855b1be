"""The crate of a run: every file is there with its digest, every link leads somewhere, nothing names a machine."""

import hashlib
import json

import pytest

from utrlm.models import sha256, shipped

from .conftest import ROOT

EXAMPLE = ROOT / "tests/data/example.fa"


def entities(path):
    """A crate's entities by id; fails where a link leads nowhere or an id is there twice."""
    graph = json.loads(path.read_text())["@graph"]
    found = {one["@id"]: one for one in graph}
    assert len(found) == len(graph)
    for one in graph:
        for name, value in one.items():
            for link in value if isinstance(value, list) else [value]:
                if isinstance(link, dict) and not link["@id"].startswith(("http://", "https://")):
                    assert link["@id"] in found, (one["@id"], name, link)
    return found


def digests(found, links):
    """SHA-256 of the files that links name, by their names."""
    return {found[link["@id"]]["name"]: found[link["@id"]].get("sha256") for link in links}


@pytest.fixture
def crate(run, tmp_path):
    """A folder with a table and its crate."""
    (tmp_path / "main.nf").write_text("workflow {}")
    command = ["predict", "--tasks", "mrl", "--fasta", EXAMPLE, "--output", tmp_path / "predictions.tsv"]
    assert run(*command).returncode == 0
    return tmp_path


def test_a_crate_names_what_came_in_and_went_out(run, crate, monkeypatch):
    monkeypatch.chdir(crate)
    told = ["--workflow", "main.nf", "--result", "predictions.tsv", "--output", "ro-crate-metadata.json"]
    done = run("crate", *told, "--input", EXAMPLE, "--parameter", "uorf=a=b", "--software", "a tool=1.10")
    assert done.returncode == 0, done.stderr
    found = entities(crate / "ro-crate-metadata.json")
    root, action = found["./"], found["#run"]
    assert root["mainEntity"] == action["instrument"] == {"@id": "main.nf"}
    assert {"@id": "https://w3id.org/ro/wfrun/workflow/0.5"} in root["conformsTo"]
    assert "ComputationalWorkflow" in found["main.nf"]["@type"]
    given = digests(found, action["object"])
    assert given == {"example.fa": sha256(EXAMPLE), "mrl.onnx": sha256(shipped()["mrl"]), "uorf": None}
    assert digests(found, action["result"]) == {"predictions.tsv": sha256(crate / "predictions.tsv")}
    assert found["predictions.tsv"]["contentSize"] == (crate / "predictions.tsv").stat().st_size
    assert found["#parameter-uorf"]["value"] == "a=b" and found["#software-a-tool"]["softwareVersion"] == "1.10"
    assert str(ROOT) not in (crate / "ro-crate-metadata.json").read_text()


def test_a_missing_file_is_one_line(run, crate, monkeypatch):
    monkeypatch.chdir(crate)
    done = run("crate", "--workflow", "main.nf", "--result", "none", "--output", "c.json")
    assert (done.returncode, done.stderr) == (1, b"Error: none: No such file or directory\n")
    assert not (crate / "c.json").exists()


def test_the_pipelines_own_crate():
    found = entities(ROOT / "ro-crate-metadata.json")
    main = found[found["./"]["mainEntity"]["@id"]]
    assert "ComputationalWorkflow" in main["@type"]
    files = [one for one in found.values() if "File" in one["@type"]]
    assert all((ROOT / one["@id"]).is_file() for one in files)
    assert main["version"] in (ROOT / "pyproject.toml").read_text()


def test_hash_of_a_file_is_that_of_its_bytes(tmp_path):
    from utrlm.crate import described

    path = tmp_path / "big"
    path.write_bytes(b"x" * (3 << 20))
    assert described(str(path), inside=False)["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
