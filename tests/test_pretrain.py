"""A backbone in miniature: masking, training, the file, the baseline."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from utrlm import alphabet, training_options
from utrlm.errors import InputError
from utrlm.models import sha256
from utrlm.recipe import read_settings
from utrlm.training import markov
from utrlm.training.backbone_report import COUNTS
from utrlm.training.corpus import read_corpus
from utrlm.training.folded import FoldedModel, FoldedSequences
from utrlm.training.loop import train
from utrlm.training.masked import MaskedModel, MaskedSequences, intervals
from utrlm.training.model import PRESETS, Backbone, BackboneConfig
from utrlm.training.pretrain import load_about, load_backbone, new_masked_model, pretrain_file
from utrlm.training.report import NOT_TOLD

MEASURED = {"accuracy", "perplexity", "accuracy_95", "perplexity_95", "markov_accuracy", "markov_perplexity"}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    monkeypatch.setitem(PRESETS, "tiny", BackboneConfig(layers=1, width=16, heads=2, feedforward=16))


def write_utrs(path, count, length):
    """Random UTRs of one length."""
    random = np.random.default_rng(0)
    path.write_text("".join(f">u{i}\n{''.join(random.choice(list('ACGU'), length))}\n" for i in range(count)))


def test_fasta_to_backbone(tmp_path):
    write_utrs(tmp_path / "a.fa", 200, 60)
    output = tmp_path / "b.safetensors"
    scores = pretrain_file((str(tmp_path / "a.fa"),), "tiny", 50, 1.0, str(output), str(tmp_path / "run"), 1)
    assert set(scores["a.fa"]) - {*COUNTS} == MEASURED
    assert load_backbone(output).config == PRESETS["tiny"]
    (tmp_path / "cut").write_bytes(output.read_bytes()[:100])
    with pytest.raises(InputError, match="cut"):
        load_backbone(tmp_path / "cut")
    check_card(tmp_path, scores["a.fa"])


def check_card(folder, scores):
    """That a.fa's backbone b lies beside its card, which says on what it was made and how good it is."""
    card = json.loads((folder / "b.card.json").read_text())
    (data,) = card["data"]
    assert (data["records"], data["learned"] + data["held_out"]) == (200, 200) and data["held_out"] > 0
    assert data["sha256"] == sha256(folder / "a.fa") and card["file"]["sha256"] == sha256(folder / "b.safetensors")
    assert card["scores"] == {"a.fa": {name: scores[name] for name in MEASURED}}
    low, high = scores["accuracy_95"]
    assert low <= scores["accuracy"] <= high
    (run,) = card["runs"]
    assert run["devices"][0].startswith("1 x CPU (") and run["steps"] > 0
    made = f"Masked pre-training for 1 epoch from scratch on {data['learned']} sequences of a.fa and 50 random UTRs; on"
    assert load_about(folder / "b.safetensors")["notes"].startswith(made)
    text = (folder / "b.card.md").read_text()
    assert made in text and f"| a.fa | {scores['accuracy']} [{low}, {high}] |" in text
    assert "5% of the groups of sequences that share 25 letters in a row are held out" in text
    assert NOT_TOLD in text and (folder / "b.curve.png").stat().st_size > 0


def test_what_nothing_learns_from_is_counted(tmp_path):
    for name in ("a.fa", "b.fa"):
        write_utrs(tmp_path / name, 200, 60)
    text = (tmp_path / "b.fa").read_text()
    (tmp_path / "b.fa").write_text(f"{text}>tiny\nACGU\n>new\n{'ACGGU' * 10}\n>again\n{'acggt' * 10}\n")
    counts = read_corpus([str(tmp_path / "a.fa"), str(tmp_path / "b.fa")], 0, read_settings(None, name="b")).counts
    told = {name: [one[what] for what in ("records", "repeated", "short")] for name, one in counts.items()}
    assert told == {"a.fa": [200, 0, 0], "b.fa": [203, 201, 1]}
    assert [one["learned"] + one["held_out"] for one in counts.values()] == [200, 1]


def test_dropout_is_of_a_training_and_not_of_what_it_leaves(tmp_path, monkeypatch):
    shares = []

    def spied(model, *rest):
        shares.extend(block.dropout.p for block in model.backbone.blocks)
        return train(model, *rest)

    monkeypatch.setattr("utrlm.training.pretrain.train", spied)
    write_utrs(tmp_path / "a.fa", 100, 40)
    (tmp_path / "s.toml").write_text("dropout = 0.25\nbatch_tokens = 2000\n")
    output, run, settings = (str(tmp_path / name) for name in ("b.safetensors", "run", "s.toml"))
    pretrain_file((str(tmp_path / "a.fa"),), "tiny", 0, 1.0, output, run, 1, settings=settings)
    assert shares == [0.25]
    assert load_backbone(tmp_path / "b.safetensors").config == PRESETS["tiny"]
    for dropout in (0.0, 0.5):
        again = new_masked_model("", str(tmp_path / "b.safetensors"), False, folded=False, dropout=dropout)
        assert again.backbone.config.dropout == again.backbone.blocks[0].dropout.p == dropout


def test_letters_are_hidden_as_said():
    codes = [alphabet.encode("ACGTN" * 10)] * 400
    batch = MaskedSequences(codes, np.ones(400, dtype=np.int64), 512, 25_600).batch(64, np.arange(400), (1,))
    chosen = batch.original >= 0
    before = np.stack([np.pad(one, (14, 0)) for one in codes])
    assert not chosen[before < 2].any()
    assert abs(chosen[before >= 2].mean() - 0.15) < 0.01
    assert abs((batch.codes[chosen] == alphabet.MASK).mean() - 0.8) < 0.03
    replaced = batch.codes[chosen & (batch.codes != before) & (batch.codes != alphabet.MASK)]
    assert set(replaced) == set(alphabet.encode("ACGT"))  # never N, nor padding
    assert abs(len(replaced) / chosen.sum() - 0.1 * 3 / 4) < 0.02  # the fourth letter drawn is the one that was there
    assert (batch.codes[~chosen] == before[~chosen]).all()
    assert (batch.original[chosen] + 2 == before[chosen]).all()


def test_markov_learns_a_repeat():
    sequences = [alphabet.encode("ACGT" * 20)] * 50
    assert markov.scores(markov.count(sequences), sequences)["markov_accuracy"] == 1.0


def test_a_file_of_which_nothing_is_hidden_or_known_has_no_scores():
    """JSON has no NaN, and a count of none divides nothing."""
    assert markov.scores(markov.count([]), [alphabet.encode("N" * 30)]) == {}
    one = MaskedSequences([alphabet.encode("N" * 30)], np.ones(1, dtype=np.int64), 512, 2000)
    model = MaskedModel(PRESETS["tiny"]).eval()
    assert model.scores(one) == {} and np.isnan(model.merit({}))
    assert intervals(model.tallies(one), np.zeros(1)) == {}
    structure = {alphabet.encode("ACGT" * 20).tobytes(): ("." * 80, -1.0)}
    single = FoldedSequences([alphabet.encode("ACGT" * 20)], np.ones(1, dtype=np.int64), 512, 2000, folds=structure)
    assert set(FoldedModel(PRESETS["tiny"]).eval().scores(single)) == {"accuracy", "perplexity", "state_accuracy"}


def test_an_interval_is_of_groups():
    """Forty sequences: each alone is told of narrowly; as four groups, of which one was guessed, widely."""
    tallies = np.array([[8.0, 10.0, 5.0]] * 10 + [[2.0, 10.0, 14.0]] * 30)
    alone, together = (intervals(tallies, groups) for groups in (np.arange(40), np.arange(40) // 10))
    for told in (alone, together):
        assert told["accuracy_95"][0] < 0.35 < told["accuracy_95"][1]
        assert told["perplexity_95"][0] < np.exp(470 / 400) < told["perplexity_95"][1]
    assert np.diff(alone["accuracy_95"]) < 0.2 < 0.4 < np.diff(together["accuracy_95"])


def test_files_of_one_name_are_scored_apart(tmp_path):
    paths = tuple(str(tmp_path / name / "utrs.fa") for name in ("human", "mouse"))
    for number, path in enumerate(paths):
        Path(path).parent.mkdir()
        write_utrs(Path(path), 200, 40 + number)
    assert set(read_corpus(paths, 0, read_settings(None, name="b")).valid) == set(paths)


@pytest.mark.parametrize("line", ["width = 64", "seeds = 3", 'teachers = ["t.onnx"]', "test_share = 0.5"])
def test_settings_that_nothing_would_read(line, tmp_path):
    (tmp_path / "s.toml").write_text(line)
    with pytest.raises(InputError, match=rf"'{line.split()[0]}' is not told here, only accumulate, adam_rate"):
        read_settings(tmp_path / "s.toml", name="b", epochs=1.0)


def test_the_command_offers_every_preset():
    assert list(training_options.preset(lambda: None).__click_params__[0].type.choices) == list(PRESETS)


def test_energy_and_pairing_are_learned_from_a_backbone_on(tmp_path):
    pytest.importorskip("RNA")
    write_utrs(tmp_path / "a.fa", 100, 40)
    (tmp_path / "s.toml").write_text("batch_tokens = 2000\naccumulate = 2\n")
    first, second = (str(tmp_path / name) for name in ("a.safetensors", "b.safetensors"))
    fastas, run = (str(tmp_path / "a.fa"),), str(tmp_path / "run")
    pretrain_file(fastas, "tiny", 0, 0.5, first, str(tmp_path / "first"), 1)
    more = {"init": first, "fold": True, "token_dropout": True, "settings": str(tmp_path / "s.toml"), "seed": 2}
    scores = pretrain_file(fastas, "tiny", 0, 1.0, second, run, 1, **more)
    assert {"accuracy", "state_accuracy", "energy_r"} <= set(scores["a.fa"])
    assert load_backbone(tmp_path / "b.safetensors").config == replace(PRESETS["tiny"], token_dropout=True)
    kept = (tmp_path / "run/structures.npz").stat().st_mtime_ns
    assert pretrain_file(fastas, "tiny", 0, 1.0, second, run, 1, **more) == scores
    assert (tmp_path / "run/structures.npz").stat().st_mtime_ns == kept  # computed once
    with pytest.raises(InputError, match="'seed' is not told here"):
        (tmp_path / "s.toml").write_text("seed = 3")
        pretrain_file(fastas, "tiny", 0, 1.0, second, run, 1, **more)


def test_dropped_tokens_say_nothing():
    torch.manual_seed(0)
    config = BackboneConfig(layers=1, width=16, heads=2, feedforward=16, stem=(3,), token_dropout=True)
    stem = Backbone(config).stem
    hidden = torch.full((1, 12), alphabet.MASK)
    bias = stem(hidden, hidden != alphabet.PAD)
    assert torch.equal(bias[0, 3], bias[0, 6])  # of one frame, and neither has a letter to tell them apart
    some = hidden.clone()
    some[0, 6] = 3
    alone = torch.full((1, 12), 3)
    one, all_seen = (stem.first.weight.shape, stem(alone, alone != alphabet.PAD))
    assert one[1] == alphabet.SIZE - 1 and not torch.equal(stem(some, some != 0)[0, 6], all_seen[0, 6])
