"""Published RiNALMo checkpoints: the same numbers as another implementation, and what is refused."""

import importlib.util

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.training.data import pad
from utrlm.training.heads import ScalarModel
from utrlm.training.model import PRESETS, Backbone, BackboneConfig, attend_fused, attend_plainly
from utrlm.training.pretrain import load_backbone, save_backbone
from utrlm.training.rinalmo import load_rinalmo

from . import rinalmo

LARGE = [pytest.param(size, marks=pytest.mark.large) for size in ("mega", "giga")]
PUBLISHED = {"nano": 8e6, "micro": 33e6, "mega": 150e6, "giga": 650e6}  # parameters


@pytest.fixture
def loaded(tmp_path):
    """Writes a checkpoint's tensors to a file and loads it."""

    def load(state):
        torch.save(state, tmp_path / "rinalmo.pt")
        return load_rinalmo(tmp_path / "rinalmo.pt").eval()

    return load


@torch.no_grad()
def states(backbone, sequences):
    """Final hidden states of each sequence's letters, all in one batch padded on the left. Each (L, D)"""
    longest = max(map(len, sequences))
    codes = torch.from_numpy(pad([alphabet.encode(s) for s in sequences], longest))
    hidden = backbone(codes, codes != alphabet.PAD, padded=any(len(s) < longest for s in sequences))
    return [one[longest - len(s) :] for one, s in zip(hidden, sequences, strict=True)]


@pytest.mark.parametrize("size", rinalmo.FROZEN)
def test_frozen_hidden_states(loaded, size):
    backbone = loaded(rinalmo.checkpoint(size))
    expected = np.load(rinalmo.FILE)[size]
    alone = [states(backbone, [sequence])[0] for sequence in rinalmo.SEQUENCES]
    for got in (states(backbone, rinalmo.SEQUENCES), alone):
        assert np.abs(rinalmo.kept(got) - expected).max() < 1e-4


@pytest.mark.skipif(importlib.util.find_spec("multimolecule") is None, reason="multimolecule (extra `parity`) is absent")
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("size", [*rinalmo.FROZEN, *LARGE])
def test_hidden_states(loaded, size):
    state = rinalmo.checkpoint(size)
    expected = rinalmo.multimolecule_states(state, size, rinalmo.SEQUENCES)
    backbone = loaded(state)
    del state
    for got in (states(backbone, rinalmo.SEQUENCES), [states(backbone, [s])[0] for s in rinalmo.SEQUENCES]):
        assert max(float((a - b).abs().max()) for a, b in zip(got, expected, strict=True)) < 1e-4
