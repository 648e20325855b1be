"""Rates of training and of prediction on one GPU, where nothing else uses it or the CPUs that feed it.

python benchmarks/gpu.py [WORD ...]: a line a measurement, or only those that have every WORD, such as `nano eager`.
Steps of `loop.train` on one batch of random letters, as pre-training takes them of `nano` and `mega` and fine-tuning of
a network of the shape of `mrl`, and that network's forward pass: in eager torch, with its blocks compiled (one serves
all), and compiled as a whole. Beside them the operations counted, over the rate of a large bfloat16 product and over
the GPU's published peak (MFU). SMOKE=1: tiny batches and no compiler, to see on a CPU that it runs.
"""

import copy
import os
import sys
import time

import numpy as np
import torch

from utrlm import alphabet
from utrlm.recipe import Recipe
from utrlm.training import loop, parallel
from utrlm.training.data import Batch, pad
from utrlm.training.heads import ScalarModel
from utrlm.training.log import BACKWARD, PEAKS, Flops, device_name, matmul_rate
from utrlm.training.masked import MaskedModel, MaskedSequences
from utrlm.training.model import PRESETS, BackboneConfig
from utrlm.training.optimisers import make_optimisers

SMOKE = bool(os.environ.get("SMOKE"))
SMALLER = 64 if SMOKE else 1
SECONDS = 0.1 if SMOKE else 1.0  # of a measurement
COMPILING = {"dynamic": False, "backend": "eager" if SMOKE else "inductor"}
RECIPE = Recipe("benchmark", "", ())
MRL = BackboneConfig(RECIPE.layers, RECIPE.width, RECIPE.heads, RECIPE.feedforward)
PRE_TRAINING, TRAINING, FORWARD = "pre-training", "training", "forward"
RUNS = (  # whose network, what of it, sequences and letters in a batch
    ("nano", PRE_TRAINING, 1024, 128),
    ("nano", PRE_TRAINING, 2048, 64),
    ("mega", PRE_TRAINING, 128, 128),
    ("mrl", TRAINING, 512, 50),
    ("mrl", TRAINING, 2048, 50),
    ("mrl", FORWARD, 4096, 50),
)
WAYS = ("eager", "blocks", "whole")
COLUMNS = "what\tway\tbatch\tfirst call, s\tms\tletters a second\tsequences a second\tTFLOP/s\tof a product\tMFU"


def timed(function):
    """Seconds of one call, the GPU's work included."""
    start = time.perf_counter()
    function()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def median(function):
    """Median seconds of a call."""
    timed(function)
    took = [timed(function)]
    while sum(took) < SECONDS and len(took) < 50:
        took.append(timed(function))
    return float(np.median(took))


def masked_batch(codes):
    """Sequences of one length, with hidden letters."""
    once, length = np.ones(len(codes), dtype=np.int64), len(codes[0])
    return MaskedSequences(codes, once, length, length).batch(length, np.arange(len(codes)), (1, 0))


def scalar_batch(codes):
    """Sequences of one length, with random labels of four targets."""
    label = np.random.default_rng(1).normal(size=len(codes)).astype(np.float32)
    weight, number = np.ones_like(label), np.arange(len(codes))
    return Batch(pad(codes, len(codes[0])), number % 4, label, weight, number, label, 0 * weight, False)


def compiled(model, function, way):
    """A method of a model, run in one of the ways."""
    if way == "blocks":
        for block in model.backbone.blocks:
            block.compile(**COMPILING)
    return torch.compile(function, **COMPILING) if way == "whole" else function


def stepper(model, batch, way):
    """A step of `loop.train`, with optimisers and a moving average of its own."""
    average, optimisers = copy.deepcopy(model).eval(), make_optimisers(model, RECIPE)
    forward, device = compiled(model, model.standardised, way), next(model.parameters()).device

    def step():
        total = loop.backward(model, forward, batch, 1, device)
        loop.move(model, average, optimisers, RECIPE, 1000, 0.1)
        total.item()

    return step


def predictor(model, batch, way):
    """A forward pass."""
    (letters, padded), features = model.eval().inputs(batch), compiled(model, model.features, way)

    def predict():
        with torch.no_grad(), torch.autocast(letters.device.type, torch.bfloat16):
            model.values(features(letters, padded))

    return predict


def measure(shape, what, rows, length, way, device):
    """First call's and median seconds of a call, and its operations."""
    random = np.random.default_rng(0)
    codes = list(random.integers(alphabet.MASK + 1, alphabet.SIZE, size=(rows, length)).astype(np.uint8))
    model = ScalarModel(MRL, [0.0] * 4, [1.0] * 4) if shape == "mrl" else MaskedModel(PRESETS[shape])
    batch = scalar_batch(codes) if shape == "mrl" else masked_batch(codes)
    call = (predictor if what == FORWARD else stepper)(model.to(device), batch, way)
    return timed(call), median(call), Flops(model).of(batch) / (BACKWARD if what == FORWARD else 1)


def main():
    """All that was asked for, one after another."""
    device = parallel.join()
    product, name = matmul_rate(device), device_name(device)
    peak = next((peak for known, peak in PEAKS.items() if known in name), float("nan"))
    print(f"{name}, torch {torch.__version__}, a product: {product / 1e12:.4g} TFLOP/s\n{COLUMNS}", flush=True)
    for (shape, what, rows, length), way in [(run, way) for run in RUNS for way in WAYS]:
        if not all(word in (shape, what, way) for word in sys.argv[1:]):
            continue
        rows //= SMALLER
        first, took, flops = measure(shape, what, rows, length, way, device)
        rates = (f"{rows * length / took:.0f}", f"{rows / took:.0f}", f"{flops / took / 1e12:.2f}")
        shares = (f"{flops / took / product:.3f}", f"{flops / took / peak:.3f}")
        line = (f"{shape} {what}", way, f"{rows} x {length}", f"{first:.1f}", f"{took * 1e3:.2f}", *rates, *shares)
        print(*line, sep="\t", flush=True)


if __name__ == "__main__":
    main()
