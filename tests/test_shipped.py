"""The files that ship: backbones of the shapes that are told, everything with its digest."""

import pytest

from utrlm.errors import InputError
from utrlm.models import DIGESTS, WEIGHTS, sha256, shipped
from utrlm.training.model import PRESETS, BackboneConfig
from utrlm.training.pretrain import find_backbone, load_backbone

from .conftest import ROOT


def test_shipped_backbones_have_their_shapes():
    assert load_backbone(find_backbone("mrl")).config == BackboneConfig(layers=4)
    for preset in ("tiny", "nano"):
        assert load_backbone(find_backbone(f"backbone-{preset}")).config == PRESETS[preset]
    with pytest.raises(InputError, match="nowhere"):
        load_backbone(find_backbone("nowhere.safetensors"))


def test_every_shipped_file_has_its_digest():
    lines = DIGESTS.read_text().splitlines()
    files = [*WEIGHTS.glob("*.onnx"), *WEIGHTS.glob("*.safetensors")]
    assert sorted(f"{sha256(file)}  {file.name}" for file in files) == sorted(lines)


def test_the_page_of_cards_is_of_the_shipped_files():
    page = (ROOT / "docs/cards.md").read_text()
    for name, path in shipped().items():
        assert f"## Model `{name}`" in page and sha256(path) in page


@pytest.mark.parametrize("kind", ["onnx", "safetensors"])  # to predict with, and, not in every image, to train on
def test_shipped_files_stay_small(kind):
    sizes = [file.stat().st_size for file in WEIGHTS.glob(f"*.{kind}")]
    assert max(sizes) < 16e6 and sum(sizes) < 24e6
