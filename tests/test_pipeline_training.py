"""Training through the real pipeline: from a table, a recipe, FASTA; interrupted, tried again; bad parameters."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from utrlm.models import open_model, sha256
from utrlm.recipe import read_recipe
from utrlm.training.model import Backbone, BackboneConfig
from utrlm.training.pretrain import save_backbone

from .conftest import ROOT
from .mini import random_utrs, recipe_text
from .test_crate import digests, entities

SMALL = "runs/small.safetensors"
RECIPE = recipe_text({"file": "own.csv", "target": "varying"})

NAMING = """
# teachers = ["runs/none.onnx"]
backbone = 'runs/start.safetensors'  # "a file"
teachers = [
    "runs/one.onnx",  # the "first"
    "runs/deep/one.onnx",
]
"""

# Python runs this file at its start. In the first try SIGTERM arrives while training; in the second as well, and
# SIGKILL as soon as the checkpoint has its name, so that nothing else can be done.
INTERRUPTIONS = """
import os, pathlib, signal, sys
if sys.argv[0].endswith("utrlm-finetune"):
    tries = pathlib.Path(os.environ["TRIES"])
    number = len(list(tries.iterdir()))
    listen, replace = signal.signal, os.replace

    def interrupted(number, handler):
        before = listen(number, handler)
        if getattr(handler, "__name__", "") == "remember" and len(list(tries.iterdir())) < 2:  # from here on it trains
            (tries / str(len(list(tries.iterdir())))).touch()
            os.kill(os.getpid(), signal.SIGTERM)
        return before

    def replaced(old, new):
        replace(old, new)
        if str(new).endswith("checkpoint.pt"):
            import torch

            with open(os.environ["STEPS"], "a") as steps:
                steps.write(str(torch.load(new, weights_only=True)["step"]) + " ")
            if number == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    signal.signal, os.replace = interrupted, replaced
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """data/own.csv, 300 UTRs whose label is their share of G; mini.toml; corpus.fa, the same UTRs; utrs.fa, 20 of them.

    runs/small.safetensors is a backbone; more.toml and rates.toml are settings.
    """
    folder = tmp_path_factory.mktemp("training")
    table = random_utrs(300, 50, 50)  # one batch of the usual network
    (folder / "data").mkdir()
    table.to_csv(folder / "data/own.csv", index=False)
    (folder / "mini.toml").write_text(RECIPE)
    (folder / "lost.toml").write_text('teachers = ["runs/none.onnx"]\n' + RECIPE)
    (folder / "above.toml").write_text('backbone = "../utrs.fa"\n' + RECIPE)
    records = [f">u{number}\n{utr}\n" for number, utr in enumerate(table["utr"])]
    (folder / "corpus.fa").write_text("".join(records))
    (folder / "utrs.fa").write_text("".join(records[:20]))
    (folder / "runs").mkdir()
    save_backbone(Backbone(BackboneConfig(layers=1, width=16, heads=2, feedforward=16)), folder / SMALL, {})
    (folder / "more.toml").write_text("dropout = 0.25\n[[phases]]\nuntil = 1\nrate = 0.5\n")
    (folder / "rates.toml").write_text("clip = 0.5\n")
    return folder


@pytest.fixture
def nextflow(folder):
    """Runs main.nf in the folder, with networks that are not compiled; `report` asks for page and crate."""

    def run(*arguments, report=False, **environment):
        page = [] if report else ["--report", "false", "--crate", "false"]
        command = ["nextflow", "run", str(ROOT / "main.nf"), *map(str, arguments), *page]
        settings = {**os.environ, "TORCH_COMPILE_DISABLE": "1", **environment}
        return subprocess.run(
            command, cwd=folder, env=settings, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )

    return run


def test_a_table_becomes_a_model_that_predicts(nextflow, folder):
    """From a backbone that is pre-trained before, which starts from another one."""
    shutil.copy(folder / "data/own.csv", folder / "my own.csv")
    done = nextflow(
        "--train_table", "my own.csv", "--task", "mrl", "--label_column", "rl", "--name", "life",
        "--epochs", "0.6", "--settings", "more.toml", "--pretrain_fasta", "corpus.fa",
        "--pretrain_init", SMALL, "--pretrain_fold", "--token_dropout", "--pretrain_seed", "7",
        "--pretrain_settings", "rates.toml", "--outdir", "table", report=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    results = folder / "table"
    endings = {"card.json", "log.jsonl", "onnx", "recipe.toml", "split.tsv.gz"}
    assert {path.name for path in results.glob("life.*")} >= {f"life.{ending}" for ending in endings}
    card = open_model(results / "life.onnx").card
    assert [(target.name, target.unit) for target in card.targets] == [("rl", "ribosomes a transcript")]
    assert card.metrics["rl"]["n"] > 0
    assert "FINETUNE\tutrlm\t" in (results / "pipeline_info/versions.tsv").read_text()
    drawn = json.loads((results / "report/utrlm_training_valid_mqc.json").read_text())["data"]
    assert {"life, rl", "backbone-small, perplexity"} <= drawn.keys()
    assert card.description in (results / "report.html").read_text()
    recipe = read_recipe(results / "life.recipe.toml")
    assert (recipe.dropout, recipe.phases[0].rate) == (0.25, 0.5)
    made = json.loads((results / "backbone-small.card.json").read_text())
    assert {"--init": "small.safetensors", "--fold": True, "--token-dropout": True}.items() <= made["options"].items()
    assert {"clip": 0.5, "seed": 7, "epochs": 0.6}.items() <= made["settings"].items()
    assert Path(recipe.backbone).name == made["file"]["name"] and (results / "backbone-small.curve.png").is_file()
    found = entities(results / "ro-crate-metadata.json")
    given, made = (digests(found, found["#run"][what]) for what in ("object", "result"))
    assert given["my own.csv"] == sha256(folder / "data/own.csv") and given["label_column"] is None
    assert made["life.onnx"] == sha256(results / "life.onnx")
    assert {"life.card.json", "life.recipe.toml", "life.split.tsv.gz"} <= made.keys()
    done = nextflow("--fasta", "utrs.fa", "--models", results / "life.onnx", "--outdir", "predicted")
    assert done.returncode == 0, done.stdout
    lines = (folder / "predicted/predictions.tsv").read_text().splitlines()
    assert lines[0].split("\t")[2] == "life_rl" and len(lines) == 21


def test_a_killed_training_continues_from_its_checkpoint(nextflow, folder, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTIONS)
    (tmp_path / "tries").mkdir()
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    recipe = ["--recipe", "mini.toml", "--data", "data", "--outdir", "killed"]
    watched = {"PYTHONPATH": paths, "TRIES": str(tmp_path / "tries"), "STEPS": str(tmp_path / "steps")}
    done = nextflow(*recipe, "--checkpoint_dir", tmp_path / "kept", **watched)
    assert done.returncode == 0, done.stdout
    trace = pd.read_csv(folder / "killed/pipeline_info/trace.tsv", sep="\t")
    assert trace["exit"].astype(str).tolist() == ["143", "137", "0"]
    steps = [int(step) for step in (tmp_path / "steps").read_text().split()]  # of every checkpoint that was written
    assert steps[:2] == [1, 2] and steps[-1] > 3  # no try began anew
    assert len(list((tmp_path / "kept").glob("mini-*/checkpoint.pt"))) == 1
    done = nextflow(*recipe, "--evaluate", "killed/mini.onnx", "--plots")
    assert done.returncode == 0, done.stdout
    scores = json.loads((folder / "killed/mini.scores.json").read_text())
    assert scores == open_model(folder / "killed/mini.onnx").card.metrics
    drawn = {path.name for path in (folder / "killed/mini.plots").iterdir()}
    assert {f"{target}.predicted.svg" for target in scores} <= drawn


def test_files_that_a_recipe_names_are_there_under_these_names(nextflow, folder):
    """A teacher, another of the same name in a folder below, and a backbone; what is commented out is not asked for.

    Two seeds, each with a log of its own.
    """
    weights = ROOT / "utrlm/weights"
    (folder / "runs/deep").mkdir()
    for name in ("runs/one.onnx", "runs/deep/one.onnx"):
        shutil.copy(weights / "mrl.onnx", folder / name)
    shutil.copy(weights / "backbone-tiny.safetensors", folder / "runs/start.safetensors")
    (folder / "taught.toml").write_text(NAMING + RECIPE)
    done = nextflow("--recipe", "taught.toml", "--data", "data", "--seeds", 2, "--outdir", "taught")
    assert done.returncode == 0, done.stdout
    assert (folder / "taught/taught.recipe.toml").read_text() == NAMING + RECIPE
    made = json.loads((folder / "taught/taught.card.json").read_text())["recipe"]
    assert made["teachers"] == ["runs/one.onnx", "runs/deep/one.onnx"]
    assert made["backbone"] == "runs/start.safetensors"
    steps = [json.loads(line) for line in (folder / "taught/taught.log.jsonl").read_text().splitlines()]
    assert sum(one.get("step") == 1 and "loss" in one for one in steps) == 2
    assert len(list((folder / "taught/checkpoints").glob("taught-*/seed*/teachers.npy"))) == 2


def test_stubs_and_a_model_from_a_new_backbone(nextflow, folder):
    done = nextflow(
        "--pretrain_fasta", "utrs.fa", "--train_table", "data/own.csv", "--label_column", "rl",
        "--outdir", "stub", "-stub",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert {path.name for path in (folder / "stub").glob("*.*") if path.is_file()} >= {
        "backbone-tiny.safetensors",
        "own.onnx",
    }
    shutil.copy(folder / "stub/own.onnx", folder / "o'n.onnx")
    again = nextflow("--recipe", "mini.toml", "--data", "data", "--evaluate", "o'n.onnx", "--outdir", "stub", "-stub")
    assert (folder / "stub/o_n.scores.json").exists()
    assert again.returncode == 0 and again.stdout.count("Submitted process") == 1


TABLE = ["--train_table", "data/own.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (TABLE, "--train_table needs --label_column COLUMN, or --task NAME"),
        ([*TABLE, "--task", "nope"], "--task nope: none of mrl, te, el, splice, structure"),
        ([*TABLE, "--label_column", "rl", "--epochs", "0"], "--epochs 0: not a number above 0"),
        ([*TABLE, "--label_column", "it's"], "--label_column it's: no ' in a name"),
        ([*TABLE, "--label_column", "rl", "--backbone", "none"], "--backbone none: no such file"),
        ([*TABLE, "--recipe", "mini.toml", "--data", "data"], "give either --train_table, or --recipe and --data"),
        (["--recipe", "mini.toml"], "--recipe FILE and --data DIR go together"),
        (["--recipe", "mini.toml", "--data", "none"], "--data none: no such folder"),
        (["--recipe", "lost.toml", "--data", "data"], "--recipe lost.toml: runs/none.onnx: no such file"),
        (["--recipe", "above.toml", "--data", "data"], "above.toml: ../utrs.fa: a path with .. or '"),
        (
            ["--recipe", "mini.toml", "--data", "data", "--pretrain_fasta", "utrs.fa"],
            "--pretrain_fasta goes with --train_table",
        ),
        (["--evaluate", "x.onnx"], "--evaluate needs --recipe FILE and --data DIR"),
        (["--pretrain_fasta", "utrs.fa", "--preset", "huge"], "--preset huge: none of tiny, nano"),
        ([*TABLE, "--task", "te", "--settings", "lost.toml"], "--settings lost.toml: runs/none.onnx: no such file"),
        (["--pretrain_fasta", "none.fa"], "--pretrain_fasta none.fa: no such file"),
        ([*TABLE, "--task", "te", "--fasta", "utrs.fa"], "give either what to predict"),
    ],
)
def test_a_bad_value_fails_before_any_task(nextflow, arguments, message):
    done = nextflow(*arguments, "--outdir", "bad")
    assert done.returncode == 1
    assert message in done.stdout
    assert "Submitted process" not in done.stdout
