"""The trees beside the network: what scikit-learn grew is what the exported graph computes."""

import numpy as np
import pytest
import torch

from utrlm import alphabet
from utrlm.training.composition import FIRST, Composed, Composition, grow, rounded_down, spaced
from utrlm.training.heads import ScalarModel
from utrlm.training.model import BackboneConfig


@pytest.fixture
def codes():
    """90 random sequences of 30 to 60 letters, padded on the left to 64."""
    random = np.random.default_rng(0)
    rows = np.full((90, 64), alphabet.PAD, dtype=np.int64)
    for row in rows:
        length = random.integers(30, 61)
        row[-length:] = random.integers(FIRST, FIRST + 4, size=length)
    return torch.from_numpy(rows)


def test_shares_of_a_sequence_counted_by_hand():
    composition = Composition(1)
    shares = composition.shares(torch.from_numpy(alphabet.encode("CATGAA")[None].astype(np.int64)))[0].tolist()
    length, (a, c, g, t) = shares[0], shares[1:5]
    assert length == pytest.approx(np.log(6))
    assert [a, c, g, t] == pytest.approx([3 / 6, 1 / 6, 1 / 6, 1 / 6])
    codons = np.array(shares[1 + 4 + 16 + 64 :][:12]).reshape(3, 4)  # frame, then ATG, TAA, TAG, TGA
    assert codons.sum() == 2  # ATG, five letters before the start codon, and TGA, four
    assert sorted(codons.sum(axis=0)) == [0, 0, 1, 1]
    assert np.nonzero(codons)[0].tolist() != [0, 0]


def test_the_graph_computes_the_trees(codes):
    composition = Composition(2)
    shares = composition.shares(codes).numpy()
    label = shares[:, 1] + np.random.default_rng(1).normal(0, 0.01, len(codes))
    boosted = grow(composition, 1, shares, (label - label.mean()) / label.std(), np.ones(len(codes)))
    told = composition(codes).numpy()
    assert told[:, 0].tolist() == [0] * len(codes)
    assert told[:, 1] == pytest.approx(boosted.predict(shares), abs=1e-5)
    assert np.corrcoef(told[:, 1], label)[0, 1] > 0.8


def test_neither_padding_nor_neighbours_move_a_number(codes):
    composition = Composition(1)
    shares = composition.shares(codes).numpy()
    grow(composition, 0, shares, spaced(shares[:, 2].astype(np.float64), False), np.ones(len(codes)))
    together = composition(codes)
    for number in (0, 41, 89):
        own = codes[number][codes[number] != alphabet.PAD][None]
        assert composition(own)[0, 0] == together[number, 0]


def test_thresholds_are_rounded_down():
    low, high = float(np.float32(0.1)), float(np.nextafter(np.float32(0.1), np.float32(1)))
    between = (low + 3 * high) / 4  # nearer to the higher one
    assert rounded_down(between) == low < between < high


def test_labels_are_spaced_by_rank_and_those_of_a_probability_around_its_logit():
    scores = spaced(np.array([1.0, 2.0, 1000.0]), False)
    assert scores[1] == pytest.approx(0)
    assert scores[2] == pytest.approx(-scores[0])
    assert spaced(np.array([0.0, 1.0, 1.0, 1.0]), True).mean() == pytest.approx(np.log(3))


def test_the_network_reads_its_own_context_and_the_trees_all():
    config = BackboneConfig(layers=1, width=16, heads=2, feedforward=16)
    network = ScalarModel(config, [0.0], [1.0], "huber", (), "scalar").eval()
    composed = Composed(network, Composition(1), 16).eval()
    random = np.random.default_rng(0)
    codes = torch.from_numpy(random.integers(FIRST, FIRST + 4, size=(3, 32)))
    with torch.no_grad():
        hidden, last = composed.features(codes), network.features(codes[:, 16:])
        assert torch.equal(hidden[:, :-1], last)
        assert not torch.equal(last, network.features(codes))
        assert torch.equal(hidden[:, -1:], composed.composition(codes))
        short = codes[:, 20:]
        assert torch.equal(composed.features(short)[:, :-1], network.features(short))
