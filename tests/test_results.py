"""What a page tells of effects, mutants, designs and trainings: as their files say, and a user's text stays text."""

import json
import subprocess
import sys

import pytest

from utrlm.changes import TOLD
from utrlm.errors import InputError
from utrlm.models import shipped
from utrlm.results import ENDINGS, result_sections

from .conftest import ROOT
from .test_report import rows

DATA = ROOT / "galaxy/test-data"
DESIGN = ["--maximise", "mrl_varying", "--length", "30", "--number", "3", "--rounds", "2", "--tasks", "mrl"]
EFFECTS = "chrom pos ref alt transcript mrl_varying_delta mrl_varying_delta_low mrl_varying_delta_high uorf_consequence"


def told(*paths, models=()):
    """Sections by their ids."""
    return {one["id"]: one for one in result_sections(map(str, paths), models)}


@pytest.fixture
def table(tmp_path):
    """Writes rows of words under EFFECTS; returns the path."""

    def write(*lines, name="v.effects.tsv"):
        path = tmp_path / name
        path.write_text("".join("\t".join(line.split(" ")) + "\n" for line in (EFFECTS, *lines)))
        return path

    return write


def test_effects_of_variants(run, tmp_path):
    genome = tmp_path / "genome.fa"
    genome.write_bytes((DATA / "genome.fa").read_bytes())
    table, counts = tmp_path / "v.effects.tsv", tmp_path / "v.counts.tsv"
    given = ["--vcf", DATA / "variants.vcf", "--genome", genome, "--gtf", DATA / "genes.gtf", "--tasks", "mrl"]
    assert run("variants", *given, "--output", table, "--summary", counts).returncode == 0
    found, lines = told(table, counts), rows(table)
    assert found["utrlm_effects_general"]["data"] == {"v": {"effects": len(lines)}}
    assert found["utrlm_variants_outcome"]["data"]["v"]["outside"] == 1
    shown = found["utrlm_variants_mrl_varying_delta_ends"]["data"]
    deltas = sorted((float(line["mrl_varying_delta"]) for line in lines), reverse=True)
    assert [row["delta"] for row in shown.values()] == deltas
    places = {f"chr1:{position}" for position in (30, 39, 47, 130, 380, 460)}
    assert {row["record"].split()[0] for row in shown.values()} == places
    assert "utrlm_mrl_card" in found


def test_what_an_interval_tells_and_what_an_upstream_start_does(table):
    path = table(
        "1 5 A T t -2 -3 -1 uAUG_gained",
        "1 6 A T t 2 1 3 uAUG_lost,uSTOP_gained",
        "1 7 A T t 0.5 -1 2 ",
        "1 8 A T t 0.25   ",
    )
    found = told(path)
    lower, higher, neither = (found["utrlm_variants_told"]["data"]["v, mrl_varying_delta"][one] for one in TOLD)
    assert (lower, higher, neither) == (1, 1, 2)
    assert found["utrlm_variants_uorf"]["data"]["v"] == {"uAUG_gained": 1, "uAUG_lost": 1, "uSTOP_gained": 1}
    drawn = found["utrlm_variants_mrl_varying_delta"]["data"]["v"]
    assert sum(share for _, share in drawn) == pytest.approx(100, abs=0.1)


def test_both_ends_of_many_rows(table):
    found = told(table(*(f"1 {n} A T t {n}   " for n in range(25))))["utrlm_variants_mrl_varying_delta_ends"]["data"]
    assert [row["delta"] for row in found.values()] == [*range(24, 14, -1), *range(10)]


def test_mutants_and_designs(run, fasta, tmp_path):
    path = fasta(b">u<1>\nGGGACATCGTAGAGAGTCGTACTTA\n")
    mutants, designs, course = (tmp_path / f"m.{name}.tsv" for name in ("mutants", "designs", "trajectory"))
    assert run("mutagenesis", "--tasks", "mrl", "--fasta", path, "--output", mutants).returncode == 0
    wished = [*DESIGN, "--table", designs, "--trajectory", course]
    assert run("design", *wished, "--output", tmp_path / "d.fa").returncode == 0
    found = told(mutants, designs, course)
    best = found["utrlm_mutants_mrl_varying_delta_ends"]["data"]["m, highest 1"]
    assert best["delta"] == max(float(row["mrl_varying_delta"]) for row in rows(mutants))
    assert best["record"].startswith("u&lt;1&gt; ")
    assert found["utrlm_mutants_general"]["data"] == {"m": {"mutants": 75}}
    first = rows(designs)[0]
    assert found["utrlm_designs_best"]["data"]["m, design_1"]["sequence"] == first["sequence"]
    assert found["utrlm_course_score"]["data"]["m, median"][-1][1] == float(rows(course)[-1]["score_median"])
    assert found["utrlm_mrl_card"]["parent_id"] == "utrlm_mrl"


def test_a_training(tmp_path):
    (tmp_path / "te.onnx").write_bytes(shipped()["te"].read_bytes())
    log, scores = tmp_path / "te.log.jsonl", tmp_path / "te.scores.json"
    steps = [{"step": step, "loss": 1 / step} for step in range(1, 101)]
    lines = [*steps, {"step": 100, "valid": {"0": 0.25}}]
    log.write_text("\n".join(map(json.dumps, lines)) + '\n{"step": 1')
    scores.write_text(json.dumps({"hek": {"n": 5, "spearman": 0.5, "spearman_95": [0.1, 0.9]}}))
    found = told(tmp_path / "te.onnx", log, scores)
    loss = found["utrlm_training_loss"]["data"]["te"]
    assert len(loss) == 50 and loss[0] == (2, 0.75)
    assert found["utrlm_training_valid"]["data"] == {"te, hek": [(100, 0.25)]}
    assert found["utrlm_scores"]["data"] == {"te, hek": {"n": 5, "spearman": 0.5}}
    assert "utrlm_te_card" in found


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.txt", "", f"ends in none of {', '.join(ENDINGS)}"),
        ("x.effects.tsv", "id\tpos\n", "not a table of effects of variants: no column alt, chrom"),
        ("x.counts.tsv", "outcome\trecords\npredicted\tmany\n", "column records"),
        ("x.trajectory.tsv", "round\tscore_median\n1\n", "row 1 is cut off"),
        ("x.log.jsonl", '{"loss": 1}\n', "not the log of a training"),
        ("x.scores.json", "[1]", "not the scores of a model"),
        ("x.onnx", "none", "x.onnx"),
    ],
)
def test_what_is_none_of_ours_is_told(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        told(tmp_path / name)


def test_a_number_that_is_none_names_its_column(table):
    with pytest.raises(InputError, match="column mrl_varying_delta_low"):
        told(table("1 5 A T t -2 x -1 "))


def test_a_report_of_nothing_is_one_line(run, tmp_path):
    done = run("report", "--output-dir", tmp_path / "r")
    assert (done.returncode, done.stderr) == (1, b"Error: nothing to tell of: give --table FILE or --result FILE\n")


def test_a_page_needs_nothing_but_the_core():
    """What `make run` installs has no extra; blocked modules cannot be imported."""
    extras = ("pysam", "pandas", "scipy", "matplotlib", "rapidfuzz", "RNA", "torch")
    code = f"import sys; sys.modules.update(dict.fromkeys({extras}, None)); import utrlm.report, utrlm.crate"
    subprocess.run([sys.executable, "-c", code], check=True)
