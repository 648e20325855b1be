import numpy as np
import pytest
from scipy import stats

from utrlm import metrics


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
