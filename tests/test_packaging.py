"""Recipes of other package managers say what pyproject.toml says."""

import re
import sys

import pytest
import yaml

from .conftest import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {
    "design": "design plots",
    "mutagenesis": "plots",
    "evaluate": "evaluate",
    "finetune": "fold train",
    "pretrain": "fold train",
}
CONDA = {  # where conda calls a package by another name
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "ViennaRNA": "viennarna",
}
MODULES = sorted((ROOT / "modules/local").iterdir())


def requirements(extra):
    """Names, as conda has them, to version bounds; of an extra that takes another in, of both. "": the core's."""
    found = {}
    for told in PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]:
        name, rest = re.fullmatch(r"([A-Za-z-]+)(.*)", told.split(";")[0]).groups()
        if name == "utrlm":
            found |= requirements(rest.strip("[]"))
        else:
            found[CONDA.get(name, name)] = rest
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_environment_of_a_module(module):
    environment = yaml.safe_load((module / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge", "bioconda"]
    assert environment["dependencies"] == sorted(environment["dependencies"])  # as nf-core has it
    names = [name.split("::")[1] for name in environment["dependencies"]]
    if module.name == "multiqc":  # another's program: nothing of ours
        (own,) = names
        assert (ROOT / "conf/containers.config").read_text().count(f"bioconda::{own}'") == 1
        assert own.replace("=", "==") in (ROOT / "tools/multiqc.txt").read_text().splitlines()
        return
    wanted = {"utrlm": f"={PROJECT['version']}"}
    for extra in EXTRAS.get(module.name, "").split():
        wanted |= requirements(extra)
    assert sorted(names) == sorted(name + bound for name, bound in wanted.items())


@pytest.mark.parametrize(
    ("name", "extras"),
    [("environment", "design evaluate fold genome parquet plots"), ("training", "fold genome parquet train")],
)
def test_environments_of_the_profile(name, extras):
    told = yaml.safe_load((ROOT / f"conf/{name}.yml").read_text())["dependencies"]
    assert told.pop() == {"pip": ["../."]}
    wanted = {}
    for extra in ["", *extras.split()]:
        wanted |= requirements(extra)
    wanted.pop("tomli")  # for Python 3.10
    assert sorted(told) == sorted(
        ["python=3.12", "pip", "procps-ng", *(package + bound for package, bound in wanted.items())]
    )


def test_bioconda_recipe():
    text = (ROOT / "packaging/bioconda/meta.yaml").read_text()
    assert f'{{% set version = "{PROJECT["version"]}" %}}' in text
    run = re.search(r"\n  run:\n((?:    - .*\n)+)", text)[1].split("    - ")[1:]
    told = dict(line.strip().split(" ", 1) for line in run)
    assert told.pop("python") == PROJECT["requires-python"]
    assert told == requirements("") | requirements("genome")
    scripts = {command.split()[0] for command in re.findall(r"    - (utrlm-.*)", text)}
    assert scripts <= {path.name for path in (ROOT / "bin").iterdir()}
    assert f'summary: "{PROJECT["description"]}"' in text


def test_every_extra_is_documented():
    ours = {"coverage", "docs", "package", "parity", "test"}  # of those who work on the project
    told = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/install.md").read_text(), re.M)
    assert set(told) == set(PROJECT["optional-dependencies"]) - ours
