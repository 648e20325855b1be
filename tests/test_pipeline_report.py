"""The page of a real run, from a real MultiQC, and a run without one."""

import json
import os
import re
from pathlib import Path

import pytest

from utrlm.models import sha256

from .test_crate import digests, entities
from .test_pipeline import EXAMPLE
from .test_report import rows, skill

GOLDEN = EXAMPLE.with_name("golden.fa")
LOADED = r"<(?:script|img|iframe|link|source)\b[^>]*?\s(?:src|href)\s*=\s*[\"']?((?:https?:)?//[^\"'\s>]+)"


@pytest.fixture(scope="module")
def results(nextflow):
    """Folder of a run with two samples, EXAMPLE and GOLDEN, several shards and upstream AUGs."""
    arguments = ["-profile", "test_full", "--uorf", "--shard_residues", 15000]
    done = nextflow(*arguments, "--outdir", "page", report=True)
    assert done.returncode == 0, done.stdout
    again = nextflow(*arguments, "--outdir", "page", "-resume", report=True)
    assert "Submitted process" not in again.stdout, again.stdout
    return done.folder / "page"


def section(results, name):
    """Data of one section, as MultiQC was given it."""
    return json.loads((results / f"report/utrlm_{name}_mqc.json").read_text())["data"]


def test_the_data_are_those_of_the_table(results):
    table = rows(results / "predictions.tsv")
    for sample, path in (("example", EXAMPLE), ("golden", GOLDEN)):
        mine = [row for row in table if row["sample"] == sample]
        assert section(results, "general")[sample]["records"] == len(mine) == path.read_text().count(">")
        speed = section(results, "speed")[sample]
        assert (speed["records"], speed["letters"]) == (len(mine), sum(int(row["length"]) for row in mine))
        assert section(results, "uaugs_kind")[sample]["uORF"] == sum(int(row["uorfs"]) for row in mine)
    highest = [row for place, row in section(results, "mrl_varying_ends").items() if "highest" in place]
    best = sorted((float(row["mrl_varying"]) for row in table), reverse=True)
    assert [row["value"] for row in highest] == best[:10]


def test_the_page_shows_them_and_needs_no_network(results):
    page = (results / "report.html").read_text()
    best = section(results, "mrl_varying_ends")
    assert all(row["record"] in page and f"{row['value']:.3f}" in page for row in best.values())
    assert skill("te", "hek") in page and "onnxruntime" in page
    tags = re.sub(r"(<script\b[^>]*>).*?</script>", r"\1", page, flags=re.S)  # a library's own comments name addresses
    assert re.findall(LOADED, tags) == []
    assert not re.search(r"@import|url\(\s*[\"']?(?:https?:)?//", page)


def test_the_crate_holds_what_lies_there(results):
    found = entities(results / "ro-crate-metadata.json")
    inside = [one for one in found.values() if "File" in one["@type"] and not one["@id"].startswith("ni:")]
    made = {"predictions.tsv", "structures.dbn", "pairs.tsv", "example.uorfs.tsv", "golden.uorfs.tsv"}
    assert {one["@id"] for one in inside} == {"pipeline_info/main.nf", *made}
    assert all(sha256(results / one["@id"]) == one["sha256"] for one in inside)
    given = digests(found, found["#run"]["object"])
    assert given["golden.fa"] == sha256(GOLDEN) and given["uorf"] is None
    assert {name for name in given if name.endswith(".onnx")} == {"mrl.onnx", "te.onnx", "el.onnx", "structure.onnx"}


def test_a_name_with_an_apostrophe_is_in_the_crate(nextflow, tmp_path):
    fasta = tmp_path / "o'b.fa"
    fasta.write_bytes(GOLDEN.read_bytes())
    done = nextflow("--fasta", fasta, "--tasks", "mrl", "--outdir", "apostrophe", report=True)
    assert done.returncode == 0, done.stdout
    found = entities(done.folder / "apostrophe/ro-crate-metadata.json")
    assert digests(found, found["#run"]["object"])["o'b.fa"] == sha256(GOLDEN)


def test_without_multiqc_a_run_says_so_and_ends_well(nextflow, tmp_path):
    done = nextflow("--fasta", EXAMPLE, "--tasks", "mrl", "--outdir", "bare", report=True, PATH=bare_path(tmp_path))
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("No report.html: multiqc is not on the PATH") == 1
    assert (done.folder / "bare/predictions.tsv").exists() and not (done.folder / "bare/report.html").exists()


def test_a_multiqc_that_fails_fails_no_run(nextflow, tmp_path):
    (tmp_path / "multiqc").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "multiqc").chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = nextflow("--fasta", EXAMPLE, "--tasks", "mrl", "--outdir", "broken", report=True, PATH=path)
    assert (done.returncode, done.stdout.count("Error is ignored")) == (0, 1), done.stdout
    assert (done.folder / "broken/predictions.tsv").exists()


def bare_path(folder):
    """PATH without multiqc: a folder that has it is replaced by links to all else in it."""
    parts = []
    for number, part in enumerate(map(Path, os.environ["PATH"].split(os.pathsep))):
        if (part / "multiqc").exists():
            links = folder / str(number)
            links.mkdir()
            for program in part.iterdir():
                if program.name != "multiqc":
                    (links / program.name).symlink_to(program)
            part = links
        parts.append(str(part))
    return os.pathsep.join(parts)
