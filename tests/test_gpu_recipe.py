"""recipes/gpu.mk on a CPU: all its commands, some twenty steps each, on small tables like the real ones."""

import re

import numpy as np
import pandas as pd
import pytest

from utrlm.models import open_model
from utrlm.recipe import read_recipe
from utrlm.training.build import new_model
from utrlm.training.log import NAME, read_log
from utrlm.training.model import PRESETS, Backbone

from .conftest import ROOT
from .genomes import random_sequence
from .test_recipes import make, option  # noqa: F401  (a fixture)

TOLD = (ROOT / "recipes/gpu.mk").read_text()
ROWS = re.findall(r"^GPU [:+]= (\S+) +# +([\d.]+) +(\d+) MB +([\d.]+) MB", TOLD, flags=re.MULTILINE)
SMALL = """
epochs = 1
batch_tokens = 250
layers = 1
width = 16
heads = 2
feedforward = 16
warmup = 2
validations = 1
optimiser = "adamw"
"""
DRAWN = "[[drawn]]\ncount = 20\n"
NANO = 'batch_tokens = 500\noptimiser = "adamw"\nvalidations = 1\n'
FAMILIES = ["srp", "RNaseP", "grp1", "5s", "tRNA", "tmRNA", "telomerase", "16s", "23s"]
N = 144  # rows of a table
TABLES = (
    "mrl/egfp_unmod_1",
    "mrl/designed",
    "te_el/HEK",
    "te_el/Muscle",
    "te_el/PC3_extremes",
    "te_el/HEK_te_full_length",
)


def small_table(random, sequences):
    """Sequences with random values in every column that a recipe reads."""
    row = np.arange(N)
    numbers = {name: random.normal(5, 1, N) for name in ("rl", "te_log", "te_log2", "rnaseq_log")}
    texts = {"species": "human", "id": row, "part": np.where(row % 2, "top1000", "bottom500"), "group": row // 2}
    kinds = {"site": np.where(row % 2, "donor", "acceptor"), "label": row // 2 % 2, "family": np.resize(FAMILIES, N)}
    same = dict.fromkeys(("utr", "utr_full", "sequence"), sequences)
    ranks = {"read_rank": random.integers(30_000, 99_000, N), "partition": np.where(row % 4, "TR0", "VL0")}
    return pd.DataFrame({**texts, **same, **numbers, **kinds, **ranks})


@pytest.fixture
def data(tmp_path):
    """The tables of all recipes, in miniature, in `tables`."""
    random = np.random.default_rng(0)
    letters = lambda low, high: [random_sequence(random, int(n)) for n in random.integers(low, high, N)]  # noqa: E731
    for folder in ("mrl", "te_el", "structure", "splice", "pretrain"):
        (tmp_path / "tables" / folder).mkdir(parents=True)
    made = {name: small_table(random, letters(50, 51)) for name in TABLES}
    made["mrl/egfp_m1pseudo_2"] = made["mrl/egfp_unmod_1"]
    made["mrl/designed"] = made["mrl/designed"].head(24)  # whose recipe learns it ten times
    made["mrl/varying_length"] = small_table(random, letters(25, 101))
    for name in ("structure/archiveII", "structure/bpRNA_TR0_VL0_short"):
        hairpins = [f"{one}GGGGGAAAACCCCC{one[::-1]}" for one in letters(12, 13)]
        made[name] = small_table(random, hairpins).assign(structure=f"{'.' * 12}((((({'.' * 4}))))){'.' * 12}")
    for name in ("splice/human", "splice/arabidopsis"):
        middles = np.where(np.arange(N) % 2, "GT", "AG")
        halves = zip(letters(300, 301), middles, letters(300, 301), strict=True)
        made[name] = small_table(random, ["".join(parts) for parts in halves])
    for name, table in made.items():
        table.to_csv(tmp_path / f"tables/{name}.csv.gz", index=False)
    species = ["chicken", "cow", "human", "mouse", "rat", "zebrafish"]
    corpus = pd.DataFrame({"species": np.resize(species, N), "id": range(N), "utr": letters(100, 140)})
    corpus.to_csv(tmp_path / "tables/pretrain/endogenous_5utr.csv.gz", index=False)
    return tmp_path


def arguments(folder, *files, settings="small.toml"):
    """Of make: the GPU's file, a trial's settings, and what to make."""
    small = ["NANO=--preset tiny --random 20 --epochs 1 --settings nano.toml", f"SMALL={folder / settings}"]
    return ["-f", "gpu.mk", "DATA=tables", *small, *(f"../runs/gpu/{file}" for file in files)]


def test_its_minutes_and_weights_keep_to_the_limits():
    """At most nine minutes each and 25 in all, 40 MB in, 16 MB out; what differs belongs to one of them."""
    assert len(ROWS) == len(re.findall(r"^GPU [:+]=", TOLD, flags=re.MULTILINE)) == 8
    minutes, reads, weights = np.array([row[1:] for row in ROWS], dtype=float).T
    assert max(minutes) <= 9 and sum(minutes) <= 25 and max(reads) <= 40 and max(weights) <= 16
    made = {row[0].split(".")[0] for row in ROWS}
    assert {"backbone-nano", "mrl", "te", "el", "structure", "splice"} <= made
    assert {path.stem for path in (ROOT / "recipes/gpu").glob("*.toml")} <= made
    assert "LIMIT ?= 540\n" in TOLD


@pytest.mark.parametrize("name", ["backbone-nano", "mrl-wide", "mrl", "structure", "splice"])
def test_weights_are_as_large_as_told(make, tmp_path, name):  # noqa: F811
    """In half precision."""
    model, seeds = Backbone(PRESETS["nano"]), 1
    if name != "backbone-nano":
        make("-f", "gpu.mk", f"../runs/gpu/{name}.toml", recipes=ROOT.glob("recipes/*.toml"))
        recipe = read_recipe(tmp_path / f"runs/gpu/{name}.toml")
        model, seeds = new_model(recipe, pd.DataFrame({"target": [], "label": []})), recipe.seeds
    told = next(float(row[3]) for row in ROWS if row[0].split(".")[0] == name)
    assert 2 * seeds * sum(one.numel() for one in model.parameters()) / 1e6 == pytest.approx(told, abs=0.1)


def test_every_command_works_on_a_cpu(make, data):  # noqa: F811
    texts = {"nano": NANO, "small": SMALL + DRAWN, "folds": f"{SMALL}folds = 2\n"}
    for name, text in texts.items():
        (data / f"{name}.toml").write_text(text)
    (data / "utrlm").mkdir()
    (data / "utrlm/weights").symlink_to(ROOT / "utrlm/weights")  # one of them teaches
    files = ("backbone-nano.safetensors", "mrl.safetensors", "structure.onnx", "splice.onnx")
    commands = make(*arguments(data, *files), recipes=ROOT.glob("recipes/*.toml"))
    commands += make(*arguments(data, "te.onnx", settings="folds.toml"))
    assert all(one.split()[:2] == ["timeout", "540"] for one in commands if "utrlm-" in one)
    gpu = data / "runs/gpu"
    made = {path.name for path in gpu.iterdir() if path.suffix in (".onnx", ".safetensors")}
    assert {option(one, "output") for one in commands} - {None} <= {f"runs/gpu/{name}" for name in made}
    mrl = read_recipe(gpu / "mrl.toml")
    assert (mrl.seed, mrl.epochs, mrl.sources[1:]) == (9, 1, read_recipe(ROOT / "recipes/mrl.toml").sources[1:])
    assert [mrl.teachers_of(target) for target in ("egfp_unmod", "varying")] == [
        ("runs/gpu/mrl-wide.onnx",),
        ("utrlm/weights/mrl.onnx",),
    ]
    assert {one.count for one in (*mrl.drawn, *read_recipe(gpu / "structure.toml").drawn)} == {20}
    for name in ("mrl", "te", "structure", "splice"):
        assert open_model(gpu / f"{name}.onnx").card.name == name
    for name in ("backbone-nano", "mrl-wide/seed31", "mrl"):
        assert read_log(gpu / name / NAME)[-1]["step"] >= 20
    (last,) = make("-n", *arguments(data))  # as te is made
    assert option(last, "output") == "runs/gpu/el.onnx"
