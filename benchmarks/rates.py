"""Rates of prediction side by side, in one run on one thread (but for the workers). Run on an idle machine.

python benchmarks/rates.py EXAMPLES.fa: records a second of the shipped `mrl` model on 20,000 random 50-mers and on
EXAMPLES, through `Predictor` with one and two workers, through weights of 8 bits (onnxruntime's dynamic quantisation),
and through the same network in eager torch with length-sorted batches and with file-order batches padded to the
longest; all beside the roof, the rate of a large float32 matrix product. Then the way of the 5' UTR model that this
one follows: 6 blocks of width 320 in eager torch, batches of 32 padded to the file's longest record, timed on one
batch. And how far 8 bits move a prediction.
"""

import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions
from onnxruntime.quantization import QuantType, quantize_dynamic

from utrlm import alphabet
from utrlm.batches import padded_length
from utrlm.fasta import Record, read_fasta
from utrlm.models import shipped
from utrlm.predict import Predictor
from utrlm.training.heads import ScalarModel
from utrlm.training.log import BACKWARD, Flops
from utrlm.training.model import PRESETS
from utrlm.training.pretrain import find_backbone, load_backbone

SIZE = 1024  # of the roof's matrices
LETTERS = 2048  # in a batch, as the product has them


def seconds(function):
    """Wall seconds of one call, after one to warm up."""
    function()
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def roof():
    """FLOP/s of a float32 matrix product on one thread."""
    one = torch.ones(SIZE, SIZE)
    return 20 * 2 * SIZE**3 / seconds(lambda: [one @ one for _ in range(20)])


def padded(group, length):
    """Codes of one batch, (B, length) int64."""
    codes = np.full((len(group), length), alphabet.PAD, dtype=np.int64)
    for row, one in zip(codes, group, strict=True):
        row[-len(one) :] = one
    return torch.from_numpy(codes)


def sorted_batches(keys):
    """Batches of about `LETTERS` letters of one padded length."""
    ordered = sorted(keys, key=len)
    while ordered:
        length = padded_length(len(ordered[0]))
        count = max(1, LETTERS // length)
        group = [one for one in ordered[:count] if padded_length(len(one)) == length]
        yield padded(group, length)
        ordered = ordered[len(group) :]


def naive_batches(keys):
    """Batches in file order, each padded to the file's longest record."""
    longest = padded_length(max(map(len, keys)))
    count = max(1, LETTERS // longest)
    for first in range(0, len(keys), count):
        yield padded(keys[first : first + count], longest)


def run_all(model, batches):
    """Predict batches in eager torch."""
    with torch.no_grad():
        for codes in batches:
            model.values(model.features(codes))


def eight_bits(folder):
    """The shipped model with weights of 8 bits, as a file."""
    whole, path = Path(folder) / "mrl32.onnx", Path(folder) / "mrl8.onnx"
    options = SessionOptions()
    # weights are kept in 16 bits and widened by the graph, and the quantiser knows constants alone
    options.optimized_model_filepath = str(whole)
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_BASIC
    InferenceSession(shipped()["mrl"], options, providers=["CPUExecutionProvider"])
    quantize_dynamic(whole, path, weight_type=QuantType.QInt8)
    return str(path)


def compare(name, records, network, quantised):
    """Print one line a way."""
    keys = [record.codes[-512:] for record in records]
    flops = Flops(network)
    batches = (SimpleNamespace(codes=codes.numpy(), padded=True) for codes in sorted_batches(keys))
    work = sum(flops.of(batch) for batch in batches) / BACKWARD
    one, two, eight = Predictor(["mrl"], cpus=1), Predictor(["mrl"], cpus=2), Predictor(models=[quantised], cpus=1)
    ways = {"onnxruntime, one worker": lambda: list(one.rows(iter(records)))}
    ways["two workers"] = lambda: list(two.rows(iter(records)))
    ways["weights of 8 bits, one worker"] = lambda: list(eight.rows(iter(records)))
    ways["eager torch, length-sorted"] = lambda: run_all(network, sorted_batches(keys))
    ways["eager torch, file order"] = lambda: run_all(network, naive_batches(keys))
    for way, function in ways.items():
        took = seconds(function)
        print(name, way, f"{len(records) / took:.0f}/s", f"{work / took / 1e9:.1f} GFLOP/s", sep="\t", flush=True)


def first_column(predictor, records):
    """The first target's predictions, (N,)."""
    return np.array([row[predictor.columns[2]] for row in predictor.rows(iter(records))])


def main():
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    fifty = ["".join(random.choice(list("ACGT"), 50)) for _ in range(20_000)]
    fifty = [Record(f"r{n}", "", one, alphabet.encode(one)) for n, one in enumerate(fifty)]
    examples = list(read_fasta(sys.argv[1]))
    network = ScalarModel(load_backbone(find_backbone("mrl")).config, [0.0] * 4, [1.0] * 4).eval()
    print(f"roof: {roof() / 1e9:.1f} GFLOP/s")
    with tempfile.TemporaryDirectory() as folder:
        quantised = eight_bits(folder)
        for name, records in (("50-mers", fifty), ("examples", examples)):
            compare(name, records, network, quantised)
        ours, eight = (first_column(p, fifty) for p in (Predictor(["mrl"]), Predictor(models=[quantised])))
    moved = np.abs(ours - eight)
    print(
        f"8 bits move a prediction by {moved.mean():.4f}, at most {moved.max():.3f}; its deviation is {ours.std():.3f}"
    )
    seed = ScalarModel(PRESETS["nano"], [0.0], [1.0]).eval()
    longest = max(len(record.codes) for record in examples)
    batch = padded([record.codes for record in examples[:32]], longest)
    print(f"6 x 320, batches of 32 padded to {longest}: {32 / seconds(lambda: run_all(seed, [batch])):.2f}/s")


if __name__ == "__main__":
    main()
