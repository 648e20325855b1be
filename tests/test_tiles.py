"""Sequences longer than a model of structure reads at once."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from utrlm import alphabet, card
from utrlm.card import STRUCTURE, CardTarget, ModelCard
from utrlm.decode import make_structure, structure_columns
from utrlm.fasta import Record
from utrlm.fold import pair_probabilities
from utrlm.pairs import LOOP, best_structure, by_distance, can_pair, dot_bracket, parse_structure
from utrlm.predict import Predictor, predict_fasta
from utrlm.shards import merge_files, split
from utrlm.structures import connect_table
from utrlm.tiles import mean_of_tiles, tile_starts

from .mini import export_pair_model

pytestmark = pytest.mark.filterwarnings("ignore:# The axis name:UserWarning")  # two inputs have one length
TILE, PADDED = 40, 48  # a batch is as wide as the next multiple of 16
TARGETS = (CardTarget("dot_bracket", STRUCTURE, ""), CardTarget("confidence", "share", ""))
CARD = ModelCard("fold", "pairs", "0", "", TARGETS, 10, 40, TILE, threshold=0.3)
SOME = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
VIENNA = pytest.mark.skipif(importlib.util.find_spec("RNA") is None, reason="needs ViennaRNA")
LETTERS = st.text("ACGTUNacgu", min_size=1, max_size=260)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of random weights, as a file."""
    return export_pair_model(tmp_path_factory.mktemp("model") / "fold.onnx", CARD)


def records(*sequences):
    """Records r0, r1 and so on."""
    return [Record(f"r{i}", "", s, alphabet.encode(s)) for i, s in enumerate(sequences)]


def predict(model, some, **settings):
    """Rows of records."""
    return list(Predictor(models=[model], device="cpu", cpus=1, **settings).rows(iter(some)))


def random_table(random, length, share=0.2):
    """Symmetric probabilities, most of them 0. (L, L)"""
    upper = np.triu(random.random((length, length)) * (random.random((length, length)) < share), 1)
    return upper + upper.T


@SOME
@given(length=st.integers(1, 700), tile=st.integers(1, 60))
def test_where_tiles_begin(length, tile):
    length += tile
    starts = tile_starts(length, tile)
    assert starts[0] == 0 and starts[-1] == length - tile
    assert np.diff(starts).min() > 0 and np.diff(starts).max() <= max(1, tile // 2)


@pytest.mark.parametrize("length", [17, 24, 31, 80])
def test_the_mean_over_the_tiles_that_hold_a_pair(length):
    random, tile = np.random.default_rng(length), 16
    told = [(start, random_table(random, tile, 1.0)) for start in tile_starts(length, tile)]
    near = mean_of_tiles(length, tile, told)
    for i in range(length):
        for d in range(tile):
            held = [table[i - s, i + d - s] for s, table in told if s <= i and i + d < s + tile]
            assert near[i, d] == pytest.approx(np.mean(held) if held else 0.0, abs=1e-6)


def best_of_all(table, threshold):
    """The same optimum as `best_structure`'s, over whole intervals: the plain recursion. (L, L) -> its sum"""
    length = len(table)
    best = np.zeros((length + 1, length + 1))
    for i in range(length - 1, -1, -1):
        for j in range(i + 1, length + 1):
            gains = [
                table[i, k] - threshold + best[i + 1, k] + best[k + 1, j]
                for k in range(i + LOOP + 1, j)
                if table[i, k] > threshold
            ]
            best[i, j] = max([best[i + 1, j], *gains])
    return best[0, length]


@pytest.mark.parametrize("reach", [1, 5, 12, 40])
def test_no_wider_pair_and_the_best_of_the_others(reach):
    random = np.random.default_rng(reach)
    table = random_table(random, 40)
    apart = np.abs(np.subtract.outer(np.arange(40), np.arange(40)))
    table[apart >= reach] = 0
    found = best_structure(by_distance(table)[:, :reach], 0.3)
    assert sum(table[pair] - 0.3 for pair in found) == pytest.approx(best_of_all(table, 0.3))
    assert all(LOOP < j - i < reach for i, j in found)
    assert parse_structure(dot_bracket(found, 40)) == found
    assert found == best_structure(by_distance(table), 0.3)


@SOME
@given(seed=st.integers(0, 10_000), first=st.integers(0, 40), second=st.integers(0, 40))
def test_what_cannot_pair_folds_apart(seed, first, second):
    """The structure of two sequences that say nothing of each other is that of the one and that of the other."""
    random, reach = np.random.default_rng(seed), 40
    parts = []
    for length in (first, second):
        near = np.zeros((length, reach))
        near[:, :length] = by_distance(random_table(random, length))
        parts.append(near)
    both = make_structure(np.concatenate(parts), 0.3)
    alone = [make_structure(near, 0.3) for near in parts]
    assert both == "".join(alone)
    shifted = [(i + first, j + first, p) for i, j, p in alone[1].knots]
    assert both.knots == (*alone[0].knots, *shifted)


@SOME
@given(letters=LETTERS)
def test_a_structure_is_one(model, letters):
    """Canonical pairs of letters that are there, one partner a letter, no sharp loop, none wider than a tile."""
    (row,) = predict(model, records(letters))
    text, codes = row["fold_dot_bracket"], alphabet.encode(letters)
    assert len(text) == len(letters) and 0 <= row["fold_confidence"] <= 1
    told = [*text.pairs, *text.knots]
    ends = [end for pair in told for end in pair[:2]]
    assert len(ends) == len(set(ends))
    assert parse_structure(text) == [pair[:2] for pair in text.pairs]
    whole = dot_bracket([pair[:2] for pair in text.pairs], len(text), [pair[:2] for pair in text.knots])
    assert parse_structure(whole) == sorted(pair[:2] for pair in told)
    possible = can_pair(codes)
    for i, j, probability in told:
        assert possible[i, j] and LOOP < j - i < TILE and CARD.threshold < probability <= 1
    table = connect_table("r", letters, told).splitlines()[1:]
    partners = [int(line.split("\t")[4]) for line in table]
    assert all(partners[partner - 1] == place for place, partner in enumerate(partners, start=1) if partner)


def test_tiled_by_hand(model):
    """The whole of the journey beside its parts: every tile alone, their mean, one structure."""
    random = np.random.default_rng(0)
    letters = "".join(random.choice(list("ACGU"), 131))
    (row,) = predict(model, records(letters))
    session = Predictor(models=[model], device="cpu").models[0].session
    told = []
    for start in tile_starts(131, TILE):
        codes = np.full((2, PADDED), alphabet.PAD, dtype=np.int64)
        codes[:, -TILE:] = alphabet.encode(letters)[start : start + TILE]
        prior = np.full((2, PADDED, PADDED), -1, dtype=np.float32)
        both = session.run(["probability"], {"codes": codes, "prior": prior})[0]
        told.append((start, both[0, -TILE:, -TILE:]))
    wanted = structure_columns(CARD, mean_of_tiles(131, TILE, told))
    assert wanted == {name: row[name] for name in wanted}
    assert len(row["fold_dot_bracket"].pairs) > 3 and row["flags"] == "long"


@pytest.mark.parametrize("fold", [False, pytest.param(True, marks=VIENNA)])
def test_alone_or_among_others(model, fold):
    random = np.random.default_rng(1)
    some = records(*("".join(random.choice(list("ACGU"), n)) for n in (131, 20, TILE, TILE + 1, 200, 131, 7)))
    together = predict(model, some, fold=fold)
    assert together == [predict(model, [one], fold=fold)[0] for one in some]
    assert together == predict(model, some[::-1], fold=fold, batch_tokens=1)[::-1]
    assert [len(row["fold_dot_bracket"]) for row in together] == [row["length"] for row in together]


@VIENNA
def test_each_tile_is_told_its_own_thermodynamics(model):
    some = records("GGGGGCUUCGGCCCCC" * 6 + "A")
    predictor, seen = Predictor(models=[model], device="cpu", cpus=1, fold=True), []

    class Listening:
        def run(self, names, feeds):
            seen.extend(zip(feeds["codes"].tolist(), feeds["prior"], strict=True))
            return session.run(names, feeds)

    session = predictor.models[0].session
    predictor.models[0] = replace(predictor.models[0], session=Listening())
    list(predictor.rows(iter(some)))
    for start in tile_starts(97, TILE):
        codes = some[0].codes[start : start + TILE]
        (prior,) = (prior[-TILE:, -TILE:] for row, prior in seen if row[-TILE:] == codes.tolist())
        assert (prior == pair_probabilities(codes)).all() and prior.max() > 0.5


def test_beyond_the_bound_the_last_letters(model, monkeypatch):
    monkeypatch.setattr(card, "LONGEST_FOLDED", 100)
    random = np.random.default_rng(2)
    letters = "".join(random.choice(list("ACGU"), 130))
    rows = predict(model, records(letters, letters[-100:], letters[-101:], letters[-TILE:]))
    assert [row["flags"] for row in rows] == ["long,truncated", "long", "long,truncated", ""]
    assert [len(row["fold_dot_bracket"]) for row in rows] == [100, 100, 100, TILE]
    assert rows[0]["fold_dot_bracket"] == rows[1]["fold_dot_bracket"] == rows[2]["fold_dot_bracket"]
    assert [row["length"] for row in rows] == [130, 100, 101, TILE]


def test_shards_give_the_same_bytes(model, tmp_path, fasta):
    random = np.random.default_rng(4)
    texts = ["".join(random.choice(list("ACGU"), n)) for n in (300, 12, 90, 49, 300, 150)]
    path = str(fasta("".join(f">u{i}\n{one}\n" for i, one in enumerate(texts)).encode()))
    assert split(path, "s", 200, str(tmp_path)) == 6
    shards = sorted(one for one in tmp_path.glob("s.*.fa"))
    assert len(shards) > 2
    for file, name in ((path, "whole"), *((str(shard), shard.stem) for shard in shards)):
        fixed = {"tasks": [], "models": [model], "device": "cpu", "cpus": 1, "batch_tokens": 2048, "form": "tsv"}
        told = str(tmp_path / f"{name}.structures")
        predict_fasta(file, None, str(tmp_path / f"{name}.tsv"), structures=told, ct=True, **fixed)
    manifest = (str(tmp_path / "s.manifest.json"),)
    (tmp_path / "m.structures").mkdir()
    merge_files(str(tmp_path / "merged.tsv"), str(tmp_path), manifest, str(tmp_path), str(tmp_path / "m.structures"))
    assert (tmp_path / "merged.tsv").read_bytes() == (tmp_path / "whole.tsv").read_bytes()
    for name in ("structures.dbn", "pairs.tsv", "structures.ct"):
        assert (tmp_path / "m.structures" / name).read_bytes() == (tmp_path / "whole.structures" / name).read_bytes()
