"""Optimus 5-prime trained anew on the rows that the shipped `mrl` learns random 50-mers from, tested on the same.

python benchmarks/optimus.py DATA FOLDER [MODEL.onnx ...]: R2 on the stand-in test, and on measured effects of single
variants (1,000 reads and more), beside the shipped model and others. Optimus sees no designed UTR; the shipped model
learns from some, so effects whose variant and mother it did not see stand in columns of their own. Needs the extra
train.
The network is Sample et al. 2019's (doi:10.1038/s41587-019-0164-5): three convolutions of 120 filters 8 wide, 40
hidden units, dropout .2; Adam at .001, batches of 128, mean squared error of scaled loads, three epochs.
"""

import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional as F

from utrlm import alphabet, metrics
from utrlm.evaluate import predict_labels
from utrlm.models import WEIGHTS
from utrlm.recipe import read_recipe
from utrlm.speed import granted_cpus
from utrlm.table import build_table

ROOT = Path(__file__).parent.parent
LENGTH, FILTERS, WIDTH, HIDDEN = 50, 120, 8, 40
EPOCHS, BATCH = 3, 128
READS = 1_000
SEEDS = (1, 2)
METRICS = {"Spearman": metrics.spearman, "Pearson": metrics.pearson}
TARGET = "egfp_unmod"


class Optimus(nn.Module):
    """One-hot letters (B, 4, 50) -> scaled load (B,)"""

    def __init__(self):
        super().__init__()
        same = [
            layer
            for width in (4, FILTERS, FILTERS)
            for layer in (nn.Conv1d(width, FILTERS, WIDTH, padding="same"), nn.ReLU())
        ]
        self.layers = nn.Sequential(
            *same, nn.Flatten(), nn.Linear(LENGTH * FILTERS, HIDDEN), nn.ReLU(), nn.Dropout(0.2)
        )
        self.out = nn.Linear(HIDDEN, 1)

    def forward(self, x):
        return self.out(self.layers(x))[:, 0]


def one_hot(codes):
    """(B, 50) -> (B, 4, 50)"""
    return F.one_hot(codes, 4).transpose(1, 2).float()


def encode(sequences):
    """Letters as numbers from 0. (N, 50) int64"""
    codes = np.stack([alphabet.encode(one) for one in sequences]).astype(np.int64)
    return torch.from_numpy(codes - int(alphabet.encode(alphabet.LETTERS)[0]))


def train(rows, place, seed):
    """A network and its scale; kept in a file."""
    torch.manual_seed(seed)
    model, mean, spread = Optimus(), rows["label"].mean(), rows["label"].std()
    if place.exists():
        model.load_state_dict(torch.load(place, weights_only=True))
        return model.eval(), mean, spread
    codes = encode(rows["sequence"])
    labels = torch.from_numpy(((rows["label"] - mean) / spread).to_numpy(dtype=np.float32))
    step = torch.optim.Adam(model.parameters(), lr=0.001)
    for epoch in range(EPOCHS):
        for number, batch in enumerate(torch.randperm(len(codes)).split(BATCH)):
            loss = F.mse_loss(model(one_hot(codes[batch])), labels[batch])
            step.zero_grad()
            loss.backward()
            step.step()
            if number % 200 == 0:
                print(f"epoch {epoch + 1} of {EPOCHS}, batch {number}: {loss.item():.3f}", file=sys.stderr, flush=True)
    torch.save(model.state_dict(), place)
    return model.eval(), mean, spread


@torch.no_grad()
def predict(trained, sequences):
    """Loads. (N,)"""
    model, mean, spread = trained
    parts = [model(one_hot(codes)) for codes in encode(sequences).split(4096)]
    return torch.cat(parts).numpy() * spread + mean


def ask_file(model, sequences):
    """Loads of an exported model, in the column of random 50-mers. (N,)"""
    rows = pd.DataFrame({"sequence": list(sequences), "target": TARGET})
    return predict_labels(str(model), rows)["predicted"].to_numpy()


def read_effects(data, mine):
    """Measured effects, none of whose UTRs is in the table of random 50-mers; `new`: the shipped model saw neither."""
    designed = build_table(read_recipe(ROOT / "recipes/mrl.toml"), data)
    seen = set(designed.loc[designed["split"] == "train", "sequence"])
    snv = pd.read_csv(data / "mrl/designed_snv.csv.gz")
    snv = snv[
        (snv["utr"] != snv["mother"]) & (snv["total"] >= READS) & ~snv["utr"].isin(mine) & ~snv["mother"].isin(mine)
    ]
    return snv.assign(new=~(snv["utr"].isin(seen) | snv["mother"].isin(seen)))


def main():
    """See the module's docstring."""
    data, folder, *others = (Path(argument) for argument in sys.argv[1:])
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(granted_cpus())
    table = build_table(read_recipe(ROOT / "recipes/mrl-alone.toml"), data)
    test, effects = table[table["split"] == "test"], read_effects(data, set(table["sequence"]))
    rows = table[table["split"] == "train"]
    told = {
        f"Optimus, seed {seed}": partial(predict, train(rows, folder / f"optimus-{seed}.pt", seed)) for seed in SEEDS
    }
    told |= {str(path): partial(ask_file, path) for path in (WEIGHTS / "mrl.onnx", *others)}
    print(
        "model",
        f"R2 of {len(test):,}",
        *(f"{m} of {n} effects" for n in (len(effects), effects["new"].sum()) for m in METRICS),
        sep="\t",
    )
    for name, ask in told.items():
        said = [f"{metrics.r2_score(test['label'].to_numpy(), ask(test['sequence'])):.4f}"]
        change = ask(effects["utr"]) - ask(effects["mother"])
        for chosen in (np.ones(len(effects), dtype=bool), effects["new"].to_numpy()):
            measured, guess, groups = (
                effects["obs_diff"].to_numpy()[chosen],
                change[chosen],
                effects["group"].to_numpy()[chosen],
            )
            for metric in METRICS.values():
                low, high = metrics.bootstrap(measured, guess, groups, metric)
                said.append(f"{metric(measured, guess):.3f} ({low:.3f} to {high:.3f})")
        print(name, *said, sep="\t", flush=True)


if __name__ == "__main__":
    main()
