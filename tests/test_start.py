"""What a run starts from: another one's backbone, hidden layer and, of the same target, last layer."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

torch = pytest.importorskip("torch")

from utrlm.models import open_model  # noqa: E402
from utrlm.recipe import read_recipe  # noqa: E402
from utrlm.recipe_parts import Source  # noqa: E402
from utrlm.table import build_table  # noqa: E402
from utrlm.training.build import head_of, new_model  # noqa: E402
from utrlm.training.finetune import finetune, finetune_table  # noqa: E402
from utrlm.training.pretrain import load_backbone, load_head, save_backbone  # noqa: E402

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def first(data):
    """A trained model and its backbone's file."""
    recipe = read_recipe(data / "mini.toml")
    model = finetune(recipe, data, data / "run", 1).eval()
    save_backbone(model.backbone, data / "b.safetensors", {}, head_of(model, recipe))
    return model, data / "b.safetensors"


def restarted(data, backbone, **settings):
    recipe = replace(read_recipe(data / "mini.toml"), backbone=str(backbone), **settings)
    return new_model(recipe, build_table(recipe, data)).eval()


def test_a_run_starts_where_another_one_ended(data, first):
    model, backbone = first
    codes = torch.randint(2, 6, (8, 40))
    with torch.no_grad():
        again, before = restarted(data, backbone), model.values(model.features(codes))
        torch.testing.assert_close(again.values(again.features(codes)), before, rtol=0.02, atol=0.02)  # bfloat16
        wider = [Source("a.csv", "varying", label="10 * rl + 3"), Source("a.csv", "designed")]
        other = restarted(data, backbone, sources=tuple(wider))
        after = other.values(other.features(codes))
    assert other.scale[0] > 3 * model.scale[1]  # the labels' scale is another one, what is predicted is not
    torch.testing.assert_close(after[:, 0], before[:, 1], rtol=0.02, atol=0.02)
    fresh = torch.nn.functional.cosine_similarity(other.head.out.weight[1], again.head.out.weight, dim=1)
    assert fresh.abs().max() < 0.9  # of a target that the file does not know


def test_a_target_of_another_task_has_a_layer_of_its_own(data, first):
    known = load_head(first[1])
    assert {name for name in known if name.startswith("out.")} == {"out.mrl_egfp_unmod", "out.mrl_varying"}
    nothing = pd.DataFrame({"target": [], "label": []})

    def started(task, target):
        recipe = replace(read_recipe(data / "mini.toml"), backbone=str(first[1]), task=task)
        return new_model(replace(recipe, sources=(Source("a.csv", target),)), nothing)

    te, splice = started("te", "hek"), started("splice", "human_donor")
    assert torch.equal(te.head.hidden.weight, known["hidden.weight"])
    assert splice.head.hidden.weight.shape == te.head.hidden.weight.shape
    assert not torch.equal(splice.head.hidden.weight, te.head.hidden.weight)  # a site's reads the middle, not frames


def test_the_backbones_shape_is_the_models(data, first):
    _, backbone = first
    started, saved = restarted(data, backbone, layers=3).backbone, load_backbone(backbone)
    assert started.config.layers == 2  # the backbone's shape, not the recipe's
    for name, weight in saved.state_dict().items():
        assert torch.equal(started.state_dict()[name], weight)


def test_a_table_starts_from_it(data, first):
    _, backbone = first
    output = data / "own.onnx"
    columns = {"sequence": "utr", "group": "", "split": "", "unit": "h", "epochs": 1.0}
    finetune_table(
        str(data / "a.csv"), str(output), str(data / "o"), 1, "l", ("rl",), **columns, backbone=str(backbone)
    )
    assert "from the backbone b.safetensors" in open_model(Path(output)).card.notes
