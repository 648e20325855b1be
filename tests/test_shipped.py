"""The files that ship: backbones of the shapes that are told, everything with its digest."""

import pytest

from utrlm.errors import InputError
from utrlm.models import DIGESTS, WEIGHTS, sha256
from utrlm.training.model import PRESETS, BackboneConfig
from utrlm.training.pretrain import find_backbone, load_backbone


def test_shipped_backbones_have_their_shapes():
    assert load_backbone(find_backbone("mrl")).config == BackboneConfig(layers=4)
    assert load_backbone(find_backbone("backbone-tiny")).config == PRESETS["tiny"]
    with pytest.raises(InputError, match="nowhere"):
        load_backbone(find_backbone("nowhere.safetensors"))


def test_every_shipped_file_has_its_digest():
    lines = DIGESTS.read_text().splitlines()
    files = [*WEIGHTS.glob("*.onnx"), *WEIGHTS.glob("*.safetensors")]
    assert sorted(f"{sha256(file)}  {file.name}" for file in files) == sorted(lines)
