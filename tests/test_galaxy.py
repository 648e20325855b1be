"""What surrounds the Galaxy tools: their page, workflows, examples for administrators, Tool Shed, and the tutorial."""

import base64
import re
import xml.etree.ElementTree as ElementTree

import pytest
import yaml

from utrlm.models import describe
from utrlm.results import ENDINGS

from .conftest import ROOT
from .test_crate import entities
from .test_packaging import PROJECT
from .test_wrappers import GALAXY, TOKENS, TOOLS, by_tool, command_line

IDS = [path.stem for path in TOOLS]
DATA = GALAXY / "test-data"


def read(path):
    return yaml.safe_load((ROOT / path).read_text())


def test_the_page_is_that_of_the_pipeline():
    own, others = (ROOT / place / "multiqc_config.yml" for place in ("galaxy", "assets"))
    assert own.read_bytes() == others.read_bytes()
    asked = ElementTree.parse(GALAXY / "utrlm_report.xml").find("requirements")
    (version,) = (one.get("version") for one in asked if one.text == "multiqc")
    assert f"multiqc=={version}" in (ROOT / "tools/multiqc.txt").read_text().splitlines()
    assert f"multiqc={version}'" in (ROOT / "conf/containers.config").read_text()
    shown = (GALAXY / "examples/sanitize_allowlist.txt").read_text().splitlines()
    assert shown[1:] == ["utrlm_report"] and shown[0].startswith("#")


def test_the_page_can_be_made_of_every_kind_of_result(run, tmp_path):
    """And of what its tests are given."""
    command = command_line(GALAXY / "utrlm_report.xml")
    assert all(ending in command for ending in ENDINGS)
    given = {"effects": ".effects.tsv", "outcomes": ".counts.tsv", "mutants": ".mutants.tsv", "designs": ".designs.tsv"}
    given |= {"course": ".trajectory.tsv", "log": ".log.jsonl", "scores": ".scores.json", "fold": ".onnx"}
    told = ["--table", DATA / "predictions.tsv", "--table", DATA / "fold.tsv", "--models", DATA / "fold.onnx"]
    for name, ending in given.items():
        (source,) = (path for path in DATA.glob(f"{name}.*") if path.suffix == (ending[ending.rindex(".") :]))
        (tmp_path / f"x{ending}").write_bytes(source.read_bytes())
        told += ["--result", tmp_path / f"x{ending}"]
    done = run("report", *told, "--counts", DATA / "transcripts.tsv", "--output-dir", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    made = {path.name.removesuffix("_mqc.json") for path in (tmp_path / "report").iterdir()}
    found = (
        "transcripts",
        "variants_outcome",
        "mutants_general",
        "designs_best",
        "course_score",
        "scores",
        "fold_card",
    )
    assert made >= {f"utrlm_{name}" for name in found}


def test_the_workflow_asks_all_default_models_and_makes_a_page():
    steps = read("galaxy/workflows/utrlm-predict.gxwf.yml")["steps"]
    assert steps["predict"]["state"]["models"]["tasks"] == [one["name"] for one in describe([]) if one.get("default")]
    assert steps["report"]["tool_id"] == "utrlm_report"


def rules(tool):
    """What TPV makes of all entries that match a tool's id: later ones win, contexts and rules add up."""
    told = {"context": {}, "rules": {}}
    for pattern, entry in read("galaxy/examples/tpv.yml")["tools"].items():
        if re.match(pattern, f"toolshed.g2.bx.psu.edu/repos/utrlm/{tool}/{tool}/{PROJECT['version']}"):
            added = {rule["id"]: rule for rule in entry.get("rules", [])}
            told |= {name: value for name, value in entry.items() if name not in told} | {
                "context": told["context"] | entry.get("context", {}),
                "rules": told["rules"] | added,
                **{name: entry[name] for name in ("cores", "mem") if name in entry},
            }
    return told


@by_tool
def test_resources(path):
    told = rules(path.stem)
    for size in (0, 0.01, 100):  # GB
        assert 2 <= eval(str(told["mem"]), {"min": min, "input_size": size}) <= 64
    assert 1 <= told["cores"] <= 8 and "scheduling" not in told and "params" not in told
    trains = path.stem in ("utrlm_finetune", "utrlm_pretrain")
    assert ("utrlm_gpu" in told["rules"]) == (trains or "GPU_AVAILABLE" in command_line(path))
    if "utrlm_gpu" in told["rules"]:
        rule, context = told["rules"]["utrlm_gpu"], told["context"]
        assert (rule["if"], rule["gpus"], context["utrlm_gpus"]) == ("utrlm_gpus > 0", 1, 0)  # nothing without a GPU
        assert rule["env"] == [{"name": "GPU_AVAILABLE", "value": "1"}]
        image = rule["params"]["docker_container_id_override"].format(**context)
        assert image == f"ghcr.io/utrlm/{'train-cuda' if trains else 'gpu'}:{PROJECT['version']}"


def shed():
    """The Tool Shed's repositories and the files that each holds."""
    repositories = read("galaxy/.shed.yml")["repositories"]
    held = {}
    for name, one in repositories.items():
        sources = [part["source"] if isinstance(part, dict) else [part] for part in one["include"]]
        patterns = [pattern for part in sources for pattern in part]
        assert all(any(GALAXY.glob(pattern)) for pattern in patterns), name
        held[name] = {str(file.relative_to(GALAXY)) for pattern in patterns for file in GALAXY.glob(pattern)}
    return repositories, held


def test_a_repository_holds_one_tool_and_all_that_it_needs():
    repositories, held = shed()
    assert sorted(file for files in held.values() for file in files if file.startswith("utrlm_")) == [
        path.name for path in TOOLS
    ]
    for name, files in held.items():
        (tool,) = (file for file in files if file.startswith("utrlm_"))
        root = ElementTree.parse(GALAXY / tool).getroot()
        expanded = {one.get("macro") for one in root.iter("expand")}
        tables = expanded & {"models", "genome", "installed_models"} or tool == "utrlm_install.xml"
        assert bool(tables) == ("tool_data_table_conf.xml.sample" in files), name
        assert {"macros.xml", "generated.xml", "README.md"} <= files
        assert ("data_manager_conf.xml" in files) == (tool == "utrlm_install.xml")
        assert ("multiqc_config.yml" in files) == (tool == "utrlm_report.xml")
        assert (repositories[name].get("categories") == ["Data Managers"]) == (tool == "utrlm_install.xml")


def test_workflows_are_told_where_they_are_looked_for():
    files = sorted(f"galaxy/workflows/{path.name}" for path in (GALAXY / "workflows").glob("*.gxwf.yml"))
    told = read(".dockstore.yml")["workflows"]
    assert sorted(one["primaryDescriptorPath"] for one in told) == [f"/{path}" for path in files]
    crate = entities(ROOT / "ro-crate-metadata.json")
    assert {"@id": files[0]} in crate["./"]["hasPart"]
    for path in files:
        assert crate[path]["@type"] == ["File", "SoftwareSourceCode", "ComputationalWorkflow"]
        assert crate[path]["name"] == read(path)["label"] and crate[path]["version"] == PROJECT["version"]
        assert crate[path]["programmingLanguage"]["@id"].endswith("#galaxy")


def test_every_help_begins_with_the_picture():
    drawn = base64.b64encode((GALAXY / "static/images/utrlm.svg").read_bytes()).decode()
    assert f"data:image/svg+xml;base64,{drawn}\n" in TOKENS["@PICTURE@"]
    helps = [ElementTree.parse(path).find("help").text for path in TOOLS]
    assert all(text.startswith("\n@PICTURE@\n\n") for text in helps)


PAGE = (ROOT / "docs/galaxy.md").read_text()


@pytest.mark.parametrize("tool", IDS)
def test_every_form_is_shown(tool):
    assert f"](galaxy/{tool}.png)" in PAGE


def test_every_step_of_the_tutorial_ends_in_a_question_with_its_answer():
    tutorial = PAGE.split("## Tutorial", 1)[1].split("\n## ", 1)[0]
    assert all(f"**{word}" in tutorial for word in ("Objectives", "Time"))
    steps = tutorial.split("\n### ")[1:]
    assert len(steps) >= 5
    for step in steps:
        assert "**Question.**" in step and "**Answer.**" in step, step[:60]
