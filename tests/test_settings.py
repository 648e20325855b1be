"""What --settings says beside a table of one's own: merged into the recipe that is kept, or one line."""

import re

import pytest

from utrlm.errors import InputError
from utrlm.recipe import read_recipe
from utrlm.recipe_parts import Phase
from utrlm.training.finetune import finetune_table

from .conftest import ROOT
from .test_own import COLUMNS, build, table_of

MORE = """
patience = 2
dropout = 0.1
layer_decay = 0.8
distil = true
teachers = ["it's.onnx"]
layers = 2
[[phases]]
until = 0.5
train = "head"
[[phases]]
until = 1
rate = 0.25
"""


def test_settings_are_merged_into_the_recipe_that_is_kept(tmp_path):
    (tmp_path / "s.toml").write_text(MORE)
    build(table_of("splice"), "splice", tmp_path, more=tmp_path / "s.toml", epochs=2.5)
    recipe = read_recipe(tmp_path / "r.toml")
    assert (recipe.patience, recipe.dropout, recipe.layer_decay, recipe.distil) == (2, 0.1, 0.8, True)
    assert (recipe.teachers, recipe.layers, recipe.context, recipe.epochs) == (("it's.onnx",), 2, 320, 2.5)
    assert recipe.phases == (Phase(0.5, "head"), Phase(1, rate=0.25))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seeds = 3", "s.toml: 'seeds' is not told here, only accumulate, adam_rate, "),
        ("[[sources]]", "s.toml: 'sources' is not told here"),
        ("phase = 1", "s.toml: 'phase' is not told here"),
        ("dropout = 2", "own.csv, s.toml: dropout is 2, not a number up to 1"),
        ("patience = 2024-01-01", "own.csv, s.toml: "),
        ("phases = [{until = 0.5}]", "own.csv, s.toml: phases end at 0.5"),
        ("phases = 3", "own.csv, s.toml: phases: write [[phases]]"),
        ("folds = 1", "own.csv, s.toml: folds are two or more"),
        ("=", "s.toml: "),
    ],
)
def test_settings_that_do_not_fit(text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table_of("mrl").to_csv("own.csv", index=False)
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(InputError, match="^" + re.escape(message)):
        finetune_table("own.csv", "x.onnx", "run", 1, "own", (), "mrl", settings="s.toml", **COLUMNS)
    assert not (tmp_path / "run").exists()


def test_the_example_of_the_documentation(tmp_path):
    blocks = re.findall(r"^```toml\n(.*?)^```", (ROOT / "docs/tables.md").read_text(), re.M | re.S)
    (text,) = (block for block in blocks if "patience" in block)
    (tmp_path / "s.toml").write_text(text)
    build(table_of("mrl"), "mrl", tmp_path, more=tmp_path / "s.toml", seeds=3)
    recipe = read_recipe(tmp_path / "r.toml")
    assert (recipe.seeds, recipe.distil, recipe.patience, len(recipe.phases)) == (3, True, 3, 2)
