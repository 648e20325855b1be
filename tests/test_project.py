"""What contributors and their servers run is what `make` and `.ci/run` run."""

import re

import pytest
import yaml

from .conftest import ROOT
from .mutants import FAULTS

MAKEFILE = (ROOT / "Makefile").read_text()
RULES = dict(re.findall(r"^([\w-]+):[^\n=]*\n((?:\t.*\n)*)", MAKEFILE, flags=re.MULTILINE))


def read(path):
    return yaml.safe_load((ROOT / path).read_text())


def test_every_target_is_told_and_made():
    told = set(re.findall(r"^# make ([\w-]+)", MAKEFILE, flags=re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: (.*)", MAKEFILE, flags=re.MULTILINE)
    assert set(phony.split()) == set(RULES) == told | {"setup", "setup-test"}


def test_ci_does_what_ci_run_does():
    jobs = read(".github/workflows/ci.yml")["jobs"]
    steps = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert ".ci/run" in steps
    assert {step.removeprefix("make ") for step in steps} - {".ci/run"} <= set(RULES)
    assert all(job["timeout-minutes"] for job in jobs.values())


def test_hooks_are_part_of_make_lint():
    (repository,) = read(".pre-commit-config.yaml")["repos"]
    entries = {hook["id"]: hook["entry"].removeprefix(".venv/bin/") for hook in repository["hooks"]}
    assert entries.pop("wrappers") == "utrlm-wrappers --check"  # make test does it
    assert all(f"\t{entry}" in RULES["lint"] for entry in entries.values())


@pytest.mark.parametrize("name", ["bug", "wish"])
def test_issue_forms(name):
    form = read(f".github/ISSUE_TEMPLATE/{name}.yml")
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert form["name"] and form["description"]
    assert len({field["id"] for field in fields}) == len(fields) > 2
    assert all(field["attributes"]["label"] for field in fields)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault[0]}: {fault[1]}")
def test_what_a_mutant_replaces_stands_there_once(fault):
    module, old, *_ = fault
    assert (ROOT / f"utrlm/{module}.py").read_text().count(old) == 1
