"""Drawings of scores: what is drawn is what is so, and the scores are the same with and without them."""

import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from utrlm import evaluate, score_plots
from utrlm.card import COVERAGE
from utrlm.files import make_folder
from utrlm.score_plots import by_bins, coverage_by_quarter, features, gc_share

from .conftest import ROOT
from .genomes import random_sequence

N = 400
GALAXY = ROOT / "galaxy/test-data"


@pytest.fixture
def rows():
    """Rows as `evaluate.score_table` takes them: the prediction is too high by the number of upstream AUGs."""
    random = np.random.default_rng(0)
    uaugs = random.integers(0, 7, N)
    label = random.normal(5, 1, N)
    predicted = label + uaugs
    width = np.where(predicted < np.median(predicted), 10, 0)  # holds where predictions are low alone
    return pd.DataFrame(
        {
            "sequence": ["C" * int(random.integers(20, 80)) + "AUGC" * n for n in uaugs],
            "target": "made/up",
            "binary": False,
            "label": label,
            "predicted": predicted,
            "low": predicted - width,
            "high": predicted + width,
            "group": np.arange(N) // 4,
            "rank": 0,
        }
    )


def test_a_bin_each_value_or_equal_parts():
    few = by_bins(np.array([0, 1, 1, 3]), np.array([1.0, 2, 4, 8]))
    assert few["centre"].tolist() == [0, 1, 3] and few["mean"].tolist() == [1, 3, 8]
    assert few["n"].tolist() == [1, 2, 1] and few["error"].tolist() == [0, pytest.approx(1.96), 0]
    many = by_bins(np.arange(1000.0), np.arange(1000.0) * 2)
    assert many["n"].tolist() == [100] * 10
    np.testing.assert_allclose(many["mean"], 2 * many["centre"])
    assert (many["low"] < many["mean"]).all() and (many["mean"] < many["high"]).all()
    assert by_bins(np.array([7, 7]), np.array([1.0, 2]))["n"].tolist() == [2]


def test_features_of_any_spelling():
    table = pd.DataFrame({"sequence": ["augGCNN", "ATGATGATGATGATGC", "NN"]})
    assert [values.tolist() for _, values in features(table)] == [[7, 16, 2], [0.6, 6 / 16, 0.5], [1, 4, 0]]
    assert gc_share("GGCC") == 1


def test_a_fault_by_upstream_codons_is_drawn(rows):
    figure = score_plots.draw_residuals(rows, "t")
    drawn = [axes.lines[1].get_xydata() for axes in figure.axes]
    np.testing.assert_allclose(drawn[2][:4], [[n, n] for n in range(4)], atol=1e-9)
    assert drawn[2][4][0] == 4 and 4 < drawn[2][4][1] < 6  # four and more
    assert np.ptp(drawn[0][:, 1]) < np.ptp(drawn[2][:, 1])
    assert [len(axes.collections) for axes in figure.axes] == [2, 2, 2]  # bars and a band


def test_coverage_is_that_of_the_scores(rows):
    part = coverage_by_quarter(rows, "predicted")
    assert part["coverage"].round(4).tolist() == evaluate.score_intervals(rows)["coverage_by_quarter"]
    assert part["coverage"].tolist()[::3] == [1, pytest.approx(0, abs=0.2)]
    assert (part["low"] <= part["coverage"]).all() and (part["coverage"] <= part["high"]).all()
    figure = score_plots.draw_coverage(rows, "t")
    (axes,) = figure.axes  # one rank alone is no order
    np.testing.assert_allclose(axes.lines[0].get_ydata().astype(float), part["coverage"])
    assert COVERAGE in axes.lines[-1].get_ydata()
    assert len(score_plots.draw_coverage(rows.assign(rank=np.arange(N)), "t").axes) == 2
    assert score_plots.draw_coverage(rows.assign(low=np.nan), "t") is None


def test_every_row_is_counted(rows):
    figure = score_plots.draw_predicted(rows, "t")
    (hexagons, *_) = figure.axes[0].collections
    assert hexagons.get_array().sum() == N
    assert "R2 -" in figure.get_suptitle() and "400 rows" in figure.get_suptitle()


def test_probabilities(rows):
    random = np.random.default_rng(1)
    predicted = random.uniform(size=N)
    label = (random.uniform(size=N) < predicted**2) * 1.0
    binary = rows.assign(binary=True, predicted=predicted, label=label, low=np.nan)
    told = score_plots.draw_reliability(binary, "t").axes[0].lines[1].get_xydata()
    assert len(told) == 10 and (told[2:8, 1] < told[2:8, 0]).all()  # fewer ones than it promises
    bars = score_plots.draw_probabilities(binary, "t").axes[0].patches
    assert sum(bar.get_height() for bar in bars) == N
    assert [len(axes.collections) for axes in score_plots.draw_residuals(binary, "t").axes] == [1, 1, 1]  # no band


def test_files(rows, tmp_path):
    table = pd.concat([rows, rows.assign(target="τ", low=np.nan)])
    score_plots.draw_targets(table, make_folder(str(tmp_path / "one")))
    score_plots.draw_targets(table[table["target"] == "τ"], make_folder(str(tmp_path / "two")))
    names = {"made%2Fup.calibration", "made%2Fup.predicted", "made%2Fup.residuals"}
    names |= {"%CF%84.predicted", "%CF%84.residuals"}  # without intervals there is no calibration
    made = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert set(made) == {f"{name}.{form}" for name in names for form in ("svg", "png")}
    again = {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert len(again) == 4 and again.items() <= made.items()  # to the byte
    for name, content in made.items():
        if name.endswith("svg"):
            assert ElementTree.fromstring(content).tag.endswith("svg")
        else:
            assert content.startswith(b"\x89PNG")


def test_families(tmp_path):
    score = {"n": 7, "precision": 0.5, "recall": 0.5, "F1_95": [0.4, 0.7], "F1_slip": 0.8}
    scores = {"tRNA": score | {"F1": 0.5}, "tRNA, with prior": score | {"F1": 0.6}}
    (axes,) = score_plots._draw_f1(scores).axes
    assert [bar.get_width() for bar in axes.patches] == [0.5, 0.6]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["tRNA (7)", "tRNA, with prior (7)"]
    assert axes.yaxis_inverted()  # the first on top


def test_numbers_from_the_command(run, tmp_path):
    random = np.random.default_rng(2)
    drawn = {"utr": [random_sequence(random, 50) for _ in range(60)], "rl": random.normal(6, 1, 60), "r": range(60)}
    pd.DataFrame(drawn).to_csv(tmp_path / "t.csv", index=False)
    source = '[[sources]]\nfile = "t.csv"\ntarget = "varying"\nrank = "r"\ntest = "r < 60"\n'
    (tmp_path / "r.toml").write_text(f'name = "mrl"\ntask = "mrl"\ndescription = "d"\n{source}')
    arguments = ("--model", ROOT / "utrlm/weights/mrl.onnx", "--recipe", tmp_path / "r.toml", "--data", tmp_path)
    without, drawings = run("evaluate", *arguments), run("evaluate", *arguments, "--plots", tmp_path / "new/drawings")
    assert (drawings.returncode, drawings.stderr) == (0, b"")
    assert drawings.stdout == without.stdout and json.loads(without.stdout)["varying"]["n"] == 60
    assert len(json.loads(without.stdout)["varying"]["R2_by_rank"]) == 4
    assert len(list((tmp_path / "new/drawings").iterdir())) == 6


def test_structures_from_the_command(run, tmp_path):
    arguments = ("--model", GALAXY / "fold.onnx", "--recipe", GALAXY / "structure.toml", "--data", GALAXY)
    done = run("evaluate", *arguments, "--plots", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["families.png", "families.svg"]
    drawn = (tmp_path / "families.svg").read_text()
    assert all(f"{part} ({score['n']})" in drawn for part, score in json.loads(done.stdout).items())


def test_no_folder_is_said_before_the_work(run, tmp_path):
    (tmp_path / "file").write_text("")
    done = run("evaluate", "--model", "none.onnx", "--recipe", "none.toml", "--data", ".", "--plots", tmp_path / "file")
    assert (done.returncode, done.stderr.decode()) == (1, f"Error: {tmp_path}/file: File exists\n")
