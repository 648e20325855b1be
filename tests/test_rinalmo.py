"""Published RiNALMo checkpoints: the same numbers as another implementation, and what is refused."""

import importlib.util
import json
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from utrlm import alphabet
from utrlm.card import CardTarget, ModelCard
from utrlm.errors import InputError
from utrlm.training.attention import attend_fused, attend_plainly
from utrlm.training.data import pad
from utrlm.training.export import export
from utrlm.training.heads import ScalarModel
from utrlm.training.model import PRESETS, Backbone, BackboneConfig, with_ends
from utrlm.training.pretrain import KEY, load_backbone, save_backbone
from utrlm.training.rinalmo import load_rinalmo

from . import rinalmo
from .conftest import ROOT

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


@pytest.mark.skipif(
    importlib.util.find_spec("multimolecule") is None, reason="multimolecule (extra `parity`) is absent"
)
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("size", [*rinalmo.FROZEN, *LARGE])
def test_hidden_states(loaded, size):
    state = rinalmo.checkpoint(size)
    expected = rinalmo.multimolecule_states(state, size, rinalmo.SEQUENCES)
    backbone = loaded(state)
    del state
    for got in (states(backbone, rinalmo.SEQUENCES), [states(backbone, [s])[0] for s in rinalmo.SEQUENCES]):
        assert max(float((a - b).abs().max()) for a, b in zip(got, expected, strict=True)) < 1e-4


def test_a_backbone_of_rinalmo_trains_and_is_kept(loaded, tmp_path):
    loaded(rinalmo.checkpoint("tiny"))
    backbone = load_backbone(tmp_path / "rinalmo.pt")
    backbone.requires_grad_(True)
    save_backbone(backbone, tmp_path / "b.safetensors", {})
    again = load_backbone(tmp_path / "b.safetensors")
    assert again.config == backbone.config
    for one, two in zip(states(again, rinalmo.SEQUENCES), states(backbone, rinalmo.SEQUENCES), strict=True):
        assert (one - two).abs().max() < 0.2  # bfloat16
    model = ScalarModel(backbone.config, [0.0], [1.0])
    model.backbone = load_backbone(tmp_path / "rinalmo.pt")
    model.standardised(torch.from_numpy(pad([alphabet.encode("ACGN"), alphabet.encode("A")], 4))).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@torch.no_grad()
def test_letters_without_a_stem_know_their_frame():
    backbone = Backbone(BackboneConfig(layers=1, width=16, heads=2, feedforward=16, stem=(), frames=True))
    codes = torch.from_numpy(pad([alphabet.encode("ACGUACGU"), alphabet.encode("CGUAC")], 8))
    for block in backbone.blocks:
        torch.nn.init.normal_(block.attention.outward.weight)
    padded, alone = backbone(codes, codes != alphabet.PAD)[1, 3:], backbone(codes[1:, 3:], codes[1:, 3:] > 0)[0]
    assert (padded - alone).abs().max() < 1e-5
    ended = with_ends(codes[:1])
    before = backbone.stem(ended, ended > 0)
    backbone.stem.frame.weight[0] += 1  # the last base's frame
    changed = (backbone.stem(ended, ended > 0) != before).any(dim=2)[0]
    assert changed.nonzero()[:, 0].tolist() == [2, 5, 8]  # of <cls>, eight letters, <eos>


def test_a_model_on_rinalmo_is_exported(loaded, tmp_path):
    backbone = loaded(rinalmo.checkpoint("tiny"))
    model = ScalarModel(backbone.config, [0.0], [1.0])
    model.backbone = backbone
    target = CardTarget("load", "ribosomes", "")
    card = ModelCard("x", "scalar", "1", "", targets=(target,), shortest=1, longest=100, context=512, default="load")
    export(model, card, tmp_path / "x.onnx")  # compares the file's predictions with the network's
    assert (tmp_path / "x.onnx").is_file()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lm_mask_head.linear3.weight": torch.ones(1)}, "lm_mask_head.linear3.weight"),
        ({"transformer.blocks.1.mh_attn.Wqkv.bias": torch.ones(360)}, "transformer.blocks.1.mh_attn.Wqkv.bias"),
        (
            {"transformer.blocks.7.out_layer_norm.bias": torch.ones(120)},
            "transformer.blocks.2.transition.0.linear.weight",
        ),
        ({"transformer.blocks.1.mh_attn.Wqkv.weight": torch.ones(120, 360)}, r"Wqkv.weight has shape \(120, 360\)"),
        ({"transformer.blocks.0.transition.0.beta": torch.zeros(1)}, "beta is 0"),
        ({"embedding.weight": torch.ones(22, 130)}, "width 130"),
        ({"embedding.weight": torch.ones(5, 120)}, r"embedding.weight has shape \(5, 120\)"),
        ({"embedding.weight": None}, "no matrix embedding.weight"),
        ({"epoch": 3}, "not a table of tensors"),
        ({3: torch.ones(1)}, "not a table of tensors"),
        ({"transformer.blocks.²": torch.ones(1)}, "transformer.blocks.² is no part of RiNALMo"),
    ],
)
def test_other_names_and_shapes_are_refused(loaded, change, message):
    state = {**rinalmo.checkpoint("tiny"), **change}
    state = {name: value for name, value in state.items() if value is not None}
    with pytest.raises(InputError, match=f"rinalmo.pt: .*{message}"):
        loaded(state)


@pytest.mark.parametrize("config", [{}, {"stem": 3}, {"stem": [3], "rooms": 1}, {"stem": [3], "width": 16}])
def test_weights_that_are_not_those_of_their_configuration(config, tmp_path):
    told = {"config": config, "alphabet": alphabet.NAME}
    save_file({"x": torch.ones(1)}, tmp_path / "b.safetensors", metadata={KEY: json.dumps(told)})
    with pytest.raises(InputError, match="its weights are not those that its configuration speaks of"):
        load_backbone(tmp_path / "b.safetensors")


def test_files_are_told_apart_by_what_they_hold(tmp_path):
    torch.save(rinalmo.checkpoint("tiny"), tmp_path / "whole.safetensors")  # whatever its name
    assert load_backbone(tmp_path / "whole.safetensors").config.heads == 20
    content = (tmp_path / "whole.safetensors").read_bytes()
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02junk")
    junk = (tmp_path / "zip").read_bytes()
    for name, data in (("cut", content[:-200]), ("text", b"ACGT\n" * 9), ("empty", b""), ("junk", junk)):
        (tmp_path / name).write_bytes(data)
        for load in (load_rinalmo, load_backbone):
            with pytest.raises(InputError, match=name):
                load(tmp_path / name)
    torch.save({"embedding.weight": Arbitrary()}, tmp_path / "code")
    save_file({"x": torch.ones(1)}, tmp_path / "other")
    for name, message in (
        ("cut", "plain tensors"),
        ("code", "plain tensors"),
        ("other", "not a backbone"),
        ("none", ""),
    ):
        with pytest.raises(InputError, match=f"{name}: .*{message}"):
            load_backbone(tmp_path / name)


class Arbitrary:
    """Something that only running code could unpickle."""


@pytest.mark.parametrize("size", PUBLISHED)
def test_parameters_of_the_presets(size):
    """As told, near those published; the feed-forward width is the multiple of 64 next to RiNALMo's."""
    config = PRESETS[size]
    with torch.device("meta"):
        count = sum(p.numel() for p in Backbone(config).parameters())
    assert f"| {config.feedforward:,} | {count / 1e6:.1f} M |" in told(size)
    assert abs(count / PUBLISHED[size] - 1) < 0.05
    blocks, width = rinalmo.SIZES[size]
    assert (config.layers, config.width, config.feedforward) == (blocks, width, 64 * round(8 / 3 * width / 64))


def told(size):
    """A preset's row in the documents."""
    rows = (ROOT / "docs/backbones.md").read_text().splitlines()
    return next(row for row in rows if row.startswith(f"| `{size}` |"))


@pytest.mark.parametrize("padded", [False, True])
def test_fused_attention_gives_the_same(padded):
    random = torch.Generator().manual_seed(0)
    bias = torch.where(torch.arange(33) < torch.tensor([[0], [20]]), -1e9, 0.0)[:, None, None, :] if padded else None
    results = []
    q, k, v = (torch.randn(2, 5, 33, 16, generator=random) for _ in range(3))
    q = q / 16**0.5  # scaled, as both ask for
    for attend in (attend_plainly, attend_fused):
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        output = attend(*leaves, bias)
        output.square().sum().backward()
        results.append([output, *(x.grad for x in leaves)])
    for plain, fused in zip(*results, strict=True):
        assert (plain - fused).abs().max() < 1e-5
