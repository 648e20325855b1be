import importlib.util
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.evaluate import evaluate_file
from utrlm.fasta import Record
from utrlm.fold import pair_probabilities
from utrlm.models import open_model
from utrlm.pairs import (
    best_structure,
    by_distance,
    can_pair,
    dot_bracket,
    expected_accuracy,
    parse_structure,
    score_pairs,
)
from utrlm.predict import Predictor
from utrlm.recipe import read_recipe
from utrlm.recipe_parts import Drawn
from utrlm.table import build_table
from utrlm.training.build import examples, head_of, new_model
from utrlm.training.finetune import finetune_file
from utrlm.training.finish import trained_model
from utrlm.training.model import BackboneConfig
from utrlm.training.pairing import FAMILIAR, NOT_GIVEN, PairModel, read_priors
from utrlm.training.pretrain import save_backbone
from utrlm.training.teachers import teach

HAIRPIN = ("GGGGGAAAACCCCC", "(((((....)))))")


def table_of(pairs, length, probability=0.9):
    table = np.zeros((length, length))
    for i, j in pairs:
        table[i, j] = table[j, i] = probability
    return table


def test_text_to_pairs_and_back():
    assert parse_structure("((..[.))..]") == [(0, 7), (1, 6), (4, 10)]
    assert dot_bracket(parse_structure("((...)).(....)"), 14) == "((...)).(....)"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(.", "'(' at position 1 is never closed"),
        (".)", "')' at position 2 closes"),
        ("(x)", "'x' at position 2 is no"),
    ],
)
def test_text_that_is_no_structure(text, said):
    with pytest.raises(InputError, match="r3: " + said.replace("(", r"\(").replace(")", r"\)")):
        parse_structure(text, "r3")


def test_the_best_structure_is_the_best():
    """Against every nested structure of a short sequence."""

    def every(i, j):
        if i >= j:
            yield ()
            return
        yield from every(i + 1, j)
        for k in range(i + 4, j):
            yield from (((i, k), *one, *two) for one in every(i + 1, k) for two in every(k + 1, j))

    random = np.random.default_rng(0)
    for _ in range(5):
        table = random.random((11, 11)) * (random.random((11, 11)) < 0.5)
        table = np.triu(table, 4) + np.triu(table, 4).T
        gain = max(sum(table[i, j] - 0.3 for i, j in one) for one in every(0, 11))
        found = best_structure(by_distance(table), 0.3)
        assert sum(table[i, j] - 0.3 for i, j in found) == pytest.approx(gain)
        assert parse_structure(dot_bracket(found, 11)) == found  # nested, one partner a base


def test_who_can_pair():
    codes = alphabet.encode("GGGAAACUU")
    possible = can_pair(codes)
    assert possible[0, 6] and possible[0, 7] and possible[3, 7] and not possible[0, 5]
    assert not possible[3, 6] and (possible == possible.T).all() and not can_pair(alphabet.encode("GAAC"))[0, 3]


def test_expected_accuracy():
    assert expected_accuracy(np.zeros((4, 4)), []) == 1
    assert expected_accuracy(by_distance(table_of([(0, 5)], 6)), [(0, 5)]) == pytest.approx((4 + 2 * 0.9) / 6)


def test_scores():
    real = [(0, 9), (1, 8)]
    assert score_pairs(real, real) == (1, 1, 1)
    assert score_pairs(real, [(0, 8)]) == (0, 0, 0)
    assert score_pairs(real, [(0, 8)], slip=1) == (1, 1, 1)
    assert score_pairs(real, [(0, 9), (2, 7), (3, 6), (10, 20)])[:2] == (0.25, 0.5)
    assert score_pairs([], []) == (1, 1, 1) and score_pairs([], real)[2] == 0


def test_padding_reaches_no_pair():
    torch.manual_seed(0)
    model = PairModel(BackboneConfig(layers=1, width=16, heads=2, feedforward=16, frames=False)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    codes = torch.from_numpy(alphabet.encode("GGCAUNACUUGCCAAGC").astype(np.int64))[None]
    for prior in (torch.full((1, 17, 17), NOT_GIVEN), torch.rand(1, 17, 17)):
        with torch.no_grad():
            (alone,) = model(codes, prior)
            wide = torch.full((1, 29, 29), NOT_GIVEN)
            wide[:, 12:, 12:] = prior
            (padded,) = model(torch.nn.functional.pad(codes, (12, 0)), wide)
        torch.testing.assert_close(padded[:, 12:, 12:], alone, atol=1e-5, rtol=0)
        assert padded[:, :12].max() < 1e-9
        assert (alone[0].numpy() > 1e-9).any() and not (alone[0].numpy() > 1e-9)[~can_pair(codes[0].numpy())].any()


@pytest.mark.parametrize("length", [FAMILIAR, FAMILIAR + 1])
def test_of_a_long_sequence_the_prior_is_half(length):
    torch.manual_seed(0)
    model = PairModel(BackboneConfig(layers=1, width=16, heads=2, feedforward=16, frames=False)).eval()
    codes = torch.from_numpy(alphabet.encode("GC" * 60)[:length].astype(np.int64))[None]
    prior = torch.rand(1, length, length)
    with torch.no_grad():
        own = model.standardised(codes, prior).sigmoid()
        (told,) = model(codes, prior)
        (alone,) = model(codes, torch.full_like(prior, NOT_GIVEN))
        own_alone = model.standardised(codes, torch.full_like(prior, NOT_GIVEN)).sigmoid()
    torch.testing.assert_close(told, (own + prior) / 2 if length > FAMILIAR else own)
    torch.testing.assert_close(alone, own_alone)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model that has learned hairpins, its table and its recipe."""
    tmp_path = tmp_path_factory.mktemp("pairs")
    random = np.random.default_rng(0)
    rows = []
    for _ in range(120):
        stem = random.choice(list("ACGT"), 5)
        flank = "".join(random.choice(list("ACGT"), random.integers(1, 9)))
        back = ["ACGT"["TGCA".index(letter)] for letter in stem[::-1]]
        rows.append((flank + "".join(stem) + "GAAA" + "".join(back), "." * len(flank) + HAIRPIN[1]))
    pd.DataFrame(rows, columns=["utr", "db"]).to_csv(tmp_path / "s.csv", index=False)
    (tmp_path / "s.toml").write_text(
        'name = "mini"\ntask = "structure"\ndescription = "t"\nepochs = 30\nlayers = 1\nwidth = 16\nheads = 2\n'
        'feedforward = 16\nwarmup = 2\n[[sources]]\nfile = "s.csv"\ntarget = "dot_bracket"\nname = "hairpins"\n'
        'label = "db"\n'
    )
    finetune_file(str(tmp_path / "s.toml"), str(tmp_path), str(tmp_path / "s.onnx"), str(tmp_path / "run"), 1)
    return tmp_path


def test_table_to_structures(trained):
    model = str(trained / "s.onnx")
    card = open_model(trained / "s.onnx").card
    assert card.columns == ["mini_dot_bracket", "mini_confidence"]
    assert card.metrics["hairpins, with prior"]["F1"] > 0.5
    assert evaluate_file(model, None, str(trained / "s.toml"), str(trained), "test") == card.metrics
    sequences = [HAIRPIN[0], "ACGU" * 20, "GGGG", "", "N" * 30, "GGGGGAAAACCCCC" * 3]
    records = [Record(str(i), "", s, alphabet.encode(s)) for i, s in enumerate(sequences) if s]
    for fold in (False, True):
        together = list(Predictor(models=[model], device="cpu", fold=fold).rows(iter(records)))
        alone = [next(Predictor(models=[model], device="cpu", fold=fold).rows(iter([one]))) for one in records]
        assert together == alone
        for record, row in zip(records, together, strict=True):
            pairs = parse_structure(row["mini_dot_bracket"])
            assert len(row["mini_dot_bracket"]) == len(record.codes)
            assert all(can_pair(record.codes)[i, j] for i, j in pairs)
            assert 0 <= row["mini_confidence"] <= 1
    assert together[0]["mini_dot_bracket"] == HAIRPIN[1]


@pytest.mark.skipif(importlib.util.find_spec("RNA") is None, reason="needs ViennaRNA")
def test_what_is_drawn_is_taught_by_thermodynamics(trained, tmp_path):
    recipe = replace(read_recipe(trained / "s.toml"), drawn=(Drawn("dot_bracket", 20),))
    table = build_table(recipe, trained)
    taught = teach(table, recipe, trained, tmp_path)
    known = examples(taught, "train", recipe, tmp_path)
    rows = np.flatnonzero(~known.known)
    assert len(rows) == len(taught) - len(table) == 20
    for row in (0, *rows):
        known.prior_share = 1.0
        batch, length = known.batch(64, np.array([row]), (0,)), len(known.codes[row])
        told = pair_probabilities(known.codes[row])
        told[told <= 0.01] = 0
        own = (slice(0, 1), slice(64 - length, 64), slice(64 - length, 64))
        assert (batch.prior[own] == told).all()
        if row in rows:
            assert (batch.paired[own] == told).all()
            known.prior_share = 0.0
            assert (known.batch(64, np.array([row]), (0,)).prior == NOT_GIVEN).all()
        else:
            assert set(np.unique(batch.paired)) == {0, 1}


def test_another_run_starts_from_backbone_and_head(trained, tmp_path):
    recipe, path = read_recipe(trained / "s.toml"), tmp_path / "b.safetensors"
    train_rows = build_table(recipe, trained).query("split == 'train'")
    before = trained_model(recipe, train_rows, trained / "run")
    save_backbone(before.backbone, path, {}, head_of(before, recipe))
    after = new_model(replace(recipe, backbone=str(path)), train_rows)
    for name, value in before.state_dict().items():
        torch.testing.assert_close(after.state_dict()[name], value.bfloat16().float(), atol=0, rtol=0)
    untrained = new_model(replace(recipe, backbone="mrl"), train_rows)  # a file with a scalar head's layer
    assert not untrained.head.out.weight.any() and after.head.out.weight.any()


def test_no_sequences_have_no_priors(tmp_path):
    assert read_priors([], 64, tmp_path / "priors.npy") == []
    assert (tmp_path / "priors.npy").exists()


def test_a_structure_of_another_length(trained, tmp_path):
    (tmp_path / "s.csv").write_text("utr,db\nACGUACGU,....\n")
    with pytest.raises(InputError, match=r"s.csv: row 1: 8 letters, but a structure of 4"):
        evaluate_file(str(trained / "s.onnx"), None, str(trained / "s.toml"), str(tmp_path), "test")


@pytest.mark.skipif(importlib.util.find_spec("RNA") is None, reason="needs ViennaRNA")
def test_thermodynamics_knows_a_hairpin():
    table = pair_probabilities(alphabet.encode(HAIRPIN[0]))
    assert table.shape == (14, 14) and (table == table.T).all()
    assert best_structure(by_distance(table), 0.3) == parse_structure(HAIRPIN[1])
    assert pair_probabilities(alphabet.encode("")).shape == (0, 0)


@pytest.mark.skipif(importlib.util.find_spec("RNA") is None, reason="needs ViennaRNA")
def test_three_sets_of_energies_are_read_once_and_leave_the_default(monkeypatch):
    import RNA

    letters = "GGGACUUCGAGAUCCAGUCAUGCCUUGAC"
    told = pair_probabilities(alphabet.encode(letters))
    each = []
    for load in (RNA.params_load_RNA_Andronescu2007, RNA.params_load_RNA_Langdon2018, RNA.params_load_RNA_Turner2004):
        load()
        compound = RNA.fold_compound(letters)
        compound.pf()
        each.append(np.array(compound.bpp())[1:, 1:])
        monkeypatch.setattr(RNA, load.__name__, None)
    assert np.abs(each[0] - each[2]).max() > 0.05  # the sets differ
    np.testing.assert_allclose(np.triu(told), np.mean(each, axis=0), atol=1e-5)
    assert (pair_probabilities(alphabet.encode(letters)) == told).all()
