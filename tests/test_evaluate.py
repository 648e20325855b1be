"""Scores are of what was asked: the right kind of model, a split that has rows, and labels that are numbers."""

import json

import pytest

from utrlm.errors import InputError
from utrlm.evaluate import evaluate_file
from utrlm.models import shipped

from .mini import random_utrs, recipe_text


@pytest.fixture
def score(tmp_path):
    """Scores a shipped model on 40 UTRs with given labels, all of them test rows."""

    def score(labels, model="mrl", split="test"):
        random_utrs(40, 40, 60).assign(rl=labels).to_csv(tmp_path / "t.csv", index=False)
        source = {"file": "t.csv", "target": "varying", "test": "index >= 0"}
        (tmp_path / "r.toml").write_text(recipe_text(source, kmer=12))
        return evaluate_file(str(shipped()[model]), None, str(tmp_path / "r.toml"), str(tmp_path), split)

    return score


@pytest.mark.parametrize("labels", [[0, 1] * 20, [0] * 40])
def test_numbers_that_are_0_or_1_are_scored_as_numbers(score, labels):
    told = score(labels)["varying"]
    assert "MAE" in told and not {"AUROC", "F1"} & set(told)
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "valid"}, r"r\.toml: no row is of split 'valid'; try test"),
        ({"model": "structure"}, r"structure\.onnx: a model of kind pairs, and .*r\.toml is for scalar"),
        ({"labels": [1.0] * 39 + ["inf"]}, r"t\.csv: row 40: label 'inf' is not a number"),
    ],
)
def test_what_cannot_be_scored_is_an_error(score, settings, message):
    with pytest.raises(InputError, match=message):
        score(**{"labels": range(40), **settings})
