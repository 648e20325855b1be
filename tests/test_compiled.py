"""What training compiles computes what the same network computes step by step."""

import numpy as np
import pytest

from utrlm import alphabet

torch = pytest.importorskip("torch")

from utrlm.training import loop  # noqa: E402, F401  # whose settings of the compiler are tried here
from utrlm.training.model import Backbone, BackboneConfig  # noqa: E402


def test_a_padded_batch_of_64_letters():
    """Of this shape AVX-512 kernels of torch 2.15 returned NaN (`loop` sets a width of vectors)."""
    torch.manual_seed(0)
    backbone = Backbone(BackboneConfig(2, 128, 4, 320)).eval()
    torch.nn.init.normal_(backbone.blocks[0].attention.outward.weight, std=0.1)
    torch.nn.init.normal_(backbone.blocks[0].feedforward.outward.weight, std=0.1)
    codes = torch.randint(alphabet.MASK + 1, alphabet.SIZE, (400, 64))
    for row, letters in enumerate(np.random.default_rng(0).integers(25, 65, 400)):
        codes[row, : 64 - letters] = alphabet.PAD
    present = codes != alphabet.PAD
    with torch.autocast("cpu", torch.bfloat16):
        wanted, got = (run(codes, present)[present].float() for run in (backbone, torch.compile(backbone)))
    torch.testing.assert_close(got, wanted, atol=0.2, rtol=0)
