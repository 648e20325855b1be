"""recipes/Makefile: one command makes a shipped model and what it learns from, in order, and nothing twice."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from utrlm.models import open_model
from utrlm.recipe import read_recipe
from utrlm.training.build import inputs
from utrlm.training.pretrain import load_backbone

from .conftest import ROOT

MODELS = ["mrl", "te", "el", "structure", "splice", "backbone-tiny"]
MINI = """
name = "mini"
task = "mrl"
description = "for tests"
epochs = 1
layers = 1
width = 16
heads = 2
feedforward = 16
batch_tokens = 1600
[[sources]]
file = "own.csv"
target = "varying"
"""


@pytest.fixture
def make(tmp_path):
    """Runs `make -C recipes` in a folder with its makefiles and the `recipes` that are given; returns its commands."""
    (tmp_path / "recipes").mkdir()
    for name in ("Makefile", "gpu.mk"):
        shutil.copy(ROOT / "recipes" / name, tmp_path / "recipes")
    shutil.copytree(ROOT / "recipes/gpu", tmp_path / "recipes/gpu")
    path = os.pathsep.join([str(ROOT / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "TORCH_COMPILE_DISABLE": "1"}

    def run(*arguments, recipes=()):
        for recipe in recipes:
            shutil.copy(recipe, tmp_path / "recipes")
        one = str(min(os.sched_getaffinity(0)))  # two threads that share a busy core crawl
        command = ["taskset", "-c", one, "make", "-C", "recipes", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return re.findall(r"^cd .. && (.*)$", done.stdout.replace("\\\n", ""), flags=re.MULTILINE)

    return run


def option(command, name):
    """What a command line gives an option, or None."""
    found = re.search(rf" --{name} '?([^' ]+)", command)
    return found and found[1]


@pytest.mark.parametrize("model", MODELS)
def test_what_a_recipe_names_is_made_before_it(make, model):
    made = set()
    for command in make("-n", model, "DATA=tables", recipes=ROOT.glob("recipes/*.toml")):
        if recipe := option(command, "recipe"):
            plan = read_recipe(ROOT / recipe)
            files = map(str, inputs(plan, Path()).values())
            assert {one for one in files if one.startswith("runs/")} <= made
            assert option(command, "data") == "tables"
        made |= {one for one in (option(command, "output"), option(command, "backbone-output")) if one}
    assert f"runs/{model}.onnx" in made
    assert ("runs/mrl.safetensors" in made) == (model == "mrl")


def test_every_recipe_is_made_once_for_one_model(make):
    recipes = sorted(set(ROOT.glob("recipes/*.toml")) - {ROOT / "recipes/mrl-random.toml"})  # no model needs it
    commands = [one for model in MODELS for one in make("-n", model, recipes=recipes)]
    trained = [option(one, "recipe") for one in commands if one.startswith("utrlm-finetune")]
    assert sorted(trained) == [f"recipes/{recipe.name}" for recipe in recipes]
    (pretrained,) = [one for one in commands if one.startswith("utrlm-pretrain")]
    assert re.findall(r"--fasta \S*/(\w+).fa", pretrained) == re.findall(r"\$1 == \"(\w+)\"", "".join(commands))


def test_a_chain_is_made_once(make, tmp_path):
    """mrl-first -> its backbone -> mrl, which it also teaches."""
    random = np.random.default_rng(0)
    utrs = ["".join(random.choice(list("ACGT"), 50)) for _ in range(300)]
    table = pd.DataFrame({"utr": utrs, "rl": [10 * utr.count("G") / len(utr) for utr in utrs]})
    (tmp_path / "tables").mkdir()
    table.to_csv(tmp_path / "tables/own.csv", index=False)
    (tmp_path / "recipes/mrl-first.toml").write_text(f"# not yet runs/none.onnx\n{MINI.replace('= 16', '= 32')}")
    taught = '\nbackbone = "runs/mrl-first.safetensors"\nteachers = ["runs/mrl-first.onnx"]\n'
    (tmp_path / "recipes/mrl.toml").write_text(taught + MINI)
    made = [(one.split()[0], option(one, "output")) for one in make("mrl", "DATA=tables")]
    steps = [(f"utrlm-{what}", f"runs/{name}.onnx") for name in ("mrl-first", "mrl") for what in ("finetune", "export")]
    assert made == steps
    assert open_model(tmp_path / "runs/mrl.onnx").card.metrics["varying"]["n"] > 0
    assert load_backbone(tmp_path / "runs/mrl.safetensors").config.width == 32
    assert make("mrl", "DATA=tables") == []
    (tmp_path / "runs/mrl-first.onnx").unlink()  # nothing asks for it any more
    assert make("mrl", "DATA=tables") == []


def test_utrs_are_divided_by_species(make, tmp_path):
    (tmp_path / "pretrain").mkdir()
    rows = {"species": ["human", "cow", "human"], "id": ["a", "b", "c"], "utr": ["ACG", "GGG", "TTT"]}
    pd.DataFrame(rows).to_csv(tmp_path / "pretrain/endogenous_5utr.csv.gz", index=False)
    make("../runs/utrs/human.fa", "../runs/utrs/cow.fa", "DATA=.")
    assert (tmp_path / "runs/utrs/human.fa").read_text() == ">a\nACG\n>c\nTTT\n"
    assert (tmp_path / "runs/utrs/cow.fa").read_text() == ">b\nGGG\n"
