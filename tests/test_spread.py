"""Intervals: the exact quantile, coverage where the noise is known, and their way into a file and a table."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from utrlm import alphabet
from utrlm.card import CardTarget, ModelCard
from utrlm.decode import cell, scalar_columns
from utrlm.evaluate import by_quarter, score_intervals, score_ranks, score_table
from utrlm.fasta import Record
from utrlm.predict import Predictor
from utrlm.training.data import Examples
from utrlm.training.export import export
from utrlm.training.heads import HIDDEN, ScalarModel
from utrlm.training.model import BackboneConfig
from utrlm.training.report import scores as told
from utrlm.training.spread import Spread, calibrate, conformal_quantile, fit_spread

CARD = ModelCard("m", "scalar", "0", "", (CardTarget("a", "", ""), CardTarget("b", "", "")), 10, 60, 512, interval=0.9)


def noisy(rows, seed):
    """Features, errors whose size follows the first feature, targets; the second target's scale is 3."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(rows, 6))
    targets = random.integers(2, size=rows)
    size = np.exp(0.7 * features[:, 0]) * np.array([1.0, 3.0])[targets]
    return features, random.normal(size=rows) * size, targets


def test_quantile_is_that_of_finite_samples():
    assert conformal_quantile(np.arange(1.0, 10.0), np.zeros(1)) == 9  # (9 + 1) * .9 = the ninth of nine
    assert conformal_quantile(np.arange(1.0, 20.0), np.zeros(1)) == 18
    assert conformal_quantile(np.arange(1.0, 100.0), np.zeros(1)) == 90
    few, all_rows = np.ones(8), np.arange(1.0, 100.0)
    assert conformal_quantile(few, all_rows) == 90  # eight rows cannot bound 90 %


def test_coverage_and_width_follow_the_noise():
    spread = fit_spread(*noisy(3000, 0), scale=np.array([1.0, 3.0]))
    features, errors, targets = noisy(20_000, 1)
    half = spread(torch.tensor(features, dtype=torch.float32)).numpy()[np.arange(20_000), targets]
    inside = np.abs(errors) <= half
    for target in (0, 1):
        assert 0.88 < inside[targets == target].mean() < 0.92
    quarters = by_quarter(inside.astype(float), features[:, 0])
    assert min(quarters) > 0.86 and max(quarters) < 0.94  # one width for all would miss this by far
    assert half[features[:, 0] > 1].mean() > 2 * half[features[:, 0] < -1].mean()


def test_few_rows_tell_no_interval():
    utrs = ["ACGT" * 5 + letter * 3 for letter in "ACGTACGTAC"]
    table = pd.DataFrame({"sequence": utrs, "target": "a", "label": np.arange(10.0), "weight": 1.0, "repeat": 1})
    model = ScalarModel(BackboneConfig(1, 16, 2, 16), [4.5], [3.0]).eval()
    assert calibrate(model, Examples(table[:9], ["a"], 64, 640)) is None
    spread = calibrate(model, Examples(table, ["a"], 64, 640))
    assert torch.isfinite(spread.factor).all() and spread.factor > 0


def test_an_interval_is_empty_outside_the_domain():
    outputs = {"values": np.array([[1.0, 2.0]]), "spread": np.array([[0.5, 1.0]])}
    (row,) = scalar_columns(CARD, outputs, [np.zeros(60)])
    assert row == {"m_a": 1.0, "m_a_low": 0.5, "m_a_high": 1.5, "m_b": 2.0, "m_b_low": 1.0, "m_b_high": 3.0}
    ends = ["m_a_low", "m_a_high", "m_b_low", "m_b_high"]
    assert [CARD.unbounded(n) for n in (9, 10, 60, 61)] == [ends, [], [], ends]
    own = replace(CARD, targets=(replace(CARD.targets[0], shortest=50, longest=55), CARD.targets[1]))
    assert [own.unbounded(n) for n in (49, 50, 55, 56)] == [ends[:2], [], [], ends[:2]]
    assert (cell(None), cell(1.0), cell("x")) == ("", "1.0000", "x")


@pytest.fixture
def exported(tmp_path):
    """A model of random weights with intervals."""
    torch.manual_seed(0)
    model = ScalarModel(BackboneConfig(1, 16, 2, 16), [0.0, 5.0], [1.0, 2.0]).eval()
    random = np.random.default_rng(0)
    model.spread = Spread(random.normal(size=HIDDEN), np.array(-1.0), np.array([1.0, 2.0]))
    export(model, CARD, tmp_path / "m.onnx")
    return str(tmp_path / "m.onnx")


def test_intervals_travel_with_the_model_and_keep_to_themselves(exported):
    random = np.random.default_rng(3)
    sequences = ["".join(random.choice(list("ACGT"), n)) for n in (5, 10, 33, 50, 60, 61)]
    records = [Record(f"r{i}", "", s, alphabet.encode(s)) for i, s in enumerate(sequences)]
    together = list(Predictor(models=[exported]).rows(iter(records)))
    for record, row in zip(records, together, strict=True):
        assert next(Predictor(models=[exported]).rows(iter([record]))) == row
        assert (row["m_b_low"] is None) == (len(record.codes) in (5, 61))
    kept = [row for row in together if row["m_a_low"] is not None]
    assert all(row["m_a_low"] < row["m_a"] < row["m_a_high"] for row in kept)
    assert len({round(row["m_a_high"] - row["m_a"], 3) for row in kept}) == len(kept)  # widths are a record's own


def test_scores_of_intervals():
    rows = pd.DataFrame({"label": [0.0, 1, 2, 3], "predicted": [0.0, 1, 2, 9], "group": range(4), "rank": [3, 2, 1, 0]})
    got = score_intervals(rows.assign(low=rows["predicted"] - 1, high=rows["predicted"] + 1))
    assert (got["coverage"], got["width"]) == (0.75, 2.0)
    assert got["coverage_by_quarter"] == [1, 1, 1, 0]
    assert got["coverage_by_rank"] == [0, 1, 1, 1]
    assert score_intervals(rows.iloc[:0]) == {}


def test_r2_by_rank():
    label = np.tile([0.0, 2], 4)
    rows = pd.DataFrame(
        {
            "label": label,
            "predicted": label,
            "target": "a",
            "binary": False,
            "group": range(8),
            "rank": range(7, -1, -1),
        }
    )
    rows.loc[:1, "predicted"] = 1.0  # the two worst measured rows are told their mean
    assert score_ranks(rows) == {"R2_by_rank": [1, 1, 1, 0]}
    scores = score_table(rows.assign(low=np.nan, high=np.nan))["a"]
    assert scores["R2_by_rank"] == [1, 1, 1, 0] and "coverage" not in scores
    assert "| target | n | R2 |" in (text := "\n".join(told({"a": scores}))) and "| [1.0, 1.0, 1.0, 0.0] |" in text
    for none in (rows.assign(rank=0), rows.iloc[:5], rows.assign(binary=True)):
        assert score_ranks(none) == {}
