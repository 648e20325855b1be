"""A backbone in miniature: masking, training, the file, the baseline."""

import numpy as np
import pytest
import torch

from utrlm import alphabet, options
from utrlm.errors import InputError
from utrlm.training import markov
from utrlm.training.masked import MaskedSequences
from utrlm.training.model import PRESETS, BackboneConfig
from utrlm.training.pretrain import load_backbone, pretrain_file


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    monkeypatch.setitem(PRESETS, "tiny", BackboneConfig(layers=1, width=16, heads=2, feedforward=16))


def test_fasta_to_backbone(tmp_path):
    random = np.random.default_rng(0)
    text = "".join(f">u{i}\n{''.join(random.choice(list('ACGU'), 60))}\n" for i in range(200))
    (tmp_path / "a.fa").write_text(text)
    output = tmp_path / "b.safetensors"
    scores = pretrain_file((str(tmp_path / "a.fa"),), "tiny", 50, 1.0, str(output), str(tmp_path / "run"), 1)
    assert set(scores["a.fa"]) == {"accuracy", "perplexity", "markov_accuracy", "markov_perplexity"}
    assert load_backbone(output).config == PRESETS["tiny"]
    (tmp_path / "cut").write_bytes(output.read_bytes()[:100])
    with pytest.raises(InputError, match="cut"):
        load_backbone(tmp_path / "cut")


def test_letters_are_hidden_as_said():
    codes = [alphabet.encode("ACGTN" * 10)] * 400
    batch = MaskedSequences(codes, np.ones(400, dtype=np.int64), 512, 25_600).batch(64, np.arange(400), (1,))
    chosen = batch.original >= 0
    before = np.stack([np.pad(one, (14, 0)) for one in codes])
    assert not chosen[before < 2].any()
    assert abs(chosen[before >= 2].mean() - 0.15) < 0.01
    assert abs((batch.codes[chosen] == alphabet.MASK).mean() - 0.8) < 0.03
    assert (batch.codes[~chosen] == before[~chosen]).all()
    assert (batch.original[chosen] + 2 == before[chosen]).all()


def test_markov_learns_a_repeat():
    sequences = [alphabet.encode("ACGT" * 20)] * 50
    assert markov.scores(markov.count(sequences), sequences)["markov_accuracy"] == 1.0


def test_the_command_offers_every_preset():
    assert list(options.preset(lambda: None).__click_params__[0].type.choices) == list(PRESETS)
