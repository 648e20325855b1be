import numpy as np
import pytest
from scipy import stats

from utrlm import metrics
from utrlm.evaluate import score


def test_against_scipy():
    random = np.random.default_rng(0)
    x = np.round(random.normal(size=300), 1)  # with ties
    y = x + np.round(random.normal(size=300), 1)
    assert metrics.pearson(x, y) == pytest.approx(stats.pearsonr(x, y).statistic)
    assert metrics.spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


def test_r2_is_not_a_squared_correlation():
    measured = np.array([1.0, 2.0, 3.0])
    assert metrics.r2_score(measured, measured) == 1
    assert metrics.r2_score(measured, measured * 0 + 2) == 0
    assert metrics.r2_score(measured, measured + 1) == pytest.approx(-0.5)


def test_bootstrap_is_wider_over_few_groups():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(2, 400))
    rows, groups = np.arange(400), np.arange(400) // 100
    low, high = metrics.bootstrap(x, x + y, rows, metrics.r2_score)
    assert low < metrics.r2_score(x, x + y) < high
    same = np.repeat(x[:4], 100), np.repeat((x + y)[:4], 100)
    wide = np.diff(metrics.bootstrap(*same, groups, metrics.pearson))
    assert wide > np.diff(metrics.bootstrap(*same, rows, metrics.pearson))


def test_what_is_all_alike_tells_nothing():
    alike, other = np.full(3, 0.1), np.array([1.0, 2.0, 3.0])  # 0.1 three times has a sum of squares above 0
    for metric in (metrics.r2_score, metrics.pearson, metrics.spearman):
        assert np.isnan(metric(alike, other)) and np.isnan(metric(other[:1], other[:1]))
    assert np.isnan(metrics.r2_score(other[:0], other[:0]))
    assert np.isnan(metrics.pearson(other, alike))
    few = other[:2], other[:2], np.arange(2)  # half the draws are one row twice
    assert metrics.bootstrap(*few, metrics.r2_score) == (1, 1)
    assert np.isnan(metrics.bootstrap(alike, other, np.arange(3), metrics.r2_score)).all()


def test_a_score_that_nothing_tells_is_left_out():
    other, groups = np.array([2.0, 3.0, 5.0]), np.arange(3)
    assert set(score(np.full(3, 2.5), other, groups, binary=False)) == {"n", "MAE", "MAE_95"}
    assert set(score(np.zeros(3), other, groups, binary=True)) == {"n", "F1", "F1_95"}
