"""Training in miniature, a few hundred steps a second: a recipe, a table, a run and what is asked of its result."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd

from .genomes import random_sequence

SETTINGS = {
    "name": "mini",
    "task": "mrl",
    "description": "for tests",
    "epochs": 1,
    "layers": 1,
    "width": 16,
    "heads": 2,
    "feedforward": 16,
    "batch_tokens": 1600,
}
EAGER = """
import sys, torch
torch.compile = lambda function, **_: function
"""  # begins a script of a test's own: compiling takes longer than these trainings


def recipe_text(*sources, **settings):
    """A recipe in TOML; each source is a dict of its fields."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in (SETTINGS | settings).items()]
    for source in sources:
        lines += ["[[sources]]", *(f"{key} = {json.dumps(value)}" for key, value in source.items())]
    return "\n".join(lines) + "\n"


RECIPE = recipe_text(  # of the fixture `data`
    {"file": "a.csv", "target": "egfp_unmod", "rank": "rank"},
    {"file": "a.csv", "target": "varying", "label": "2 * rl"},
    epochs=4,
    layers=2,
    warmup=2,
)


def random_utrs(count, shortest, longest, seed=0):
    """A table of UTRs; their labels are their shares of G, times ten."""
    random = np.random.default_rng(seed)
    utrs = [random_sequence(random, random.integers(shortest, longest + 1)) for _ in range(count)]
    return pd.DataFrame({"utr": utrs, "rl": [10 * utr.count("G") / len(utr) for utr in utrs]})


def lines(folder, key):
    """The log's lines that have a key."""
    told = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in told if key in line]


def same(one, two, **tolerance):
    """Whether two states hold the same tensors, to the last bit unless a tolerance is given."""
    import torch

    assert one.keys() == two.keys()
    near = {name: torch.allclose(one[name], two[name], **({"rtol": 0, "atol": 0} | tolerance)) for name in one}
    return all(near.values())


def trained(data, name="run", **settings):
    """A run of `data`/mini.toml with other settings in `data`/`name`; its weights."""
    from utrlm.recipe import read_recipe
    from utrlm.training.finetune import finetune

    return finetune(replace(read_recipe(data / "mini.toml"), **settings), data, data / name, 1).state_dict()


def export_pair_model(path, card):
    """Export a model of structures with random weights; returns its path as text."""
    import torch

    from utrlm.training.export import export
    from utrlm.training.model import BackboneConfig
    from utrlm.training.pairing import PairModel

    torch.manual_seed(3)
    made = PairModel(BackboneConfig(1, 16, 2, 16, frames=False)).eval()
    torch.nn.init.normal_(made.head.out.weight, std=3.0)
    export(made, card, path)
    return str(path)
