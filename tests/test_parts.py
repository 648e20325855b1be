"""What takes long before the first step: cut off at any moment, it is computed once and the same in the end."""

import os
import signal
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from utrlm import alphabet
from utrlm.errors import InputError, InterruptedRunError
from utrlm.recipe import read_recipe
from utrlm.stopping import ended_by_sigterm
from utrlm.training import checkpoint, claim, folded, pairing, parts, teachers

from .conftest import ROOT
from .mini import random_utrs

SEQUENCES = list(random_utrs(20, 25, 49)["utr"])
TEACHER = str(ROOT / "utrlm/weights/mrl.onnx")


def ask(data, folder):
    """Half the rows have two teachers, the others one."""
    recipe = read_recipe(data / "mini.toml")
    first, second = recipe.sources
    taught = replace(recipe, teachers=(TEACHER,), sources=(replace(first, teachers=(TEACHER, TEACHER)), second))
    rows = pd.DataFrame({"sequence": SEQUENCES, "target": np.resize([first.target, second.target], 20)})
    teachers.ask(rows, taught, folder / "teachers.npy")


def pair(data, folder):
    pairing.read_priors(SEQUENCES, 40, folder / "priors-train.npy")


def fold(data, folder):
    folded.read_folds([alphabet.encode(one) for one in SEQUENCES], 40, folder / "structures.npz")


@pytest.fixture
def computed(monkeypatch):
    """What thermodynamics, or what stands for it, and teachers say; `at(n, what)`: what comes at the nth."""
    seen, then = [], {}

    def note(value):
        if act := then.pop(len(seen), None):
            act()
        seen.append(value)
        return value

    def probable(codes):
        table = np.random.default_rng(codes).random((len(codes), len(codes)), dtype=np.float32)
        return note(table * (table > 0.9))

    real = teachers.say
    monkeypatch.setattr(teachers, "say", lambda teacher, rows: (note(one) for one in real(teacher, rows)))
    monkeypatch.setattr(pairing, "pair_probabilities", probable)
    monkeypatch.setattr(folded, "minimum_energy", lambda codes: note(("." * len(codes), -len(codes) / 7)))
    return seen, then.__setitem__


def cut_off():
    raise KeyboardInterrupt


@pytest.mark.parametrize(("make", "values"), [(ask, 30), (pair, 20), (fold, 20)])
def test_between_parts(make, values, data, computed, monkeypatch):
    """As after SIGKILL: at the moment of the interruption there is nothing that is not kept already."""
    monkeypatch.setattr(parts, "SECONDS", -1)
    seen, at = computed
    for name in ("whole", "cut"):
        (data / name).mkdir()
    make(data, data / "whole")
    (whole,) = (data / "whole").iterdir()
    assert len(seen) == values
    seen.clear()
    for moment in (0, 7, 17):
        at(moment, cut_off)
        with pytest.raises(KeyboardInterrupt):
            make(data, data / "cut")
        assert not (data / "cut" / whole.name).exists()
    make(data, data / "cut")
    assert len(seen) == values  # each once
    assert [one.name for one in (data / "cut").iterdir()] == [whole.name]
    assert (data / "cut" / whole.name).read_bytes() == whole.read_bytes()
    make(data, data / "cut")
    assert make is ask or len(seen) == values


def test_sigterm_loses_nothing(data, computed):
    seen, at = computed
    at(5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(InterruptedRunError), ended_by_sigterm():
        pair(data, data)
    assert len(seen) == 5
    pair(data, data)
    assert len(seen) == 20


def test_parts_of_something_else_are_not_taken(data, computed, monkeypatch):
    monkeypatch.setattr(parts, "SECONDS", -1)
    seen, at = computed
    at(5, cut_off)
    with pytest.raises(KeyboardInterrupt):
        pair(data, data)
    pairing.read_priors(SEQUENCES[1:], 40, data / "priors-train.npy")
    assert len(seen) == 5 + 19
    assert not list(data.glob("priors-train.npy.*"))


def test_parts_are_a_run_that_is_continued_or_removed(data, computed):
    _, at = computed
    at(5, cut_off)
    recipe = read_recipe(data / "mini.toml")
    claim.stamp(data, recipe, {"a.csv": data / "a.csv"})
    with pytest.raises(KeyboardInterrupt):
        pair(data, data)
    with pytest.raises(InputError, match=r"another recipe \(epochs\)"):
        claim.stamp(data, replace(recipe, epochs=9.0), {"a.csv": data / "a.csv"})
    checkpoint.restart(data)
    assert {one.name for one in data.iterdir()} == {"a.csv", "mini.toml"}
