"""What each part of the ribosome load model is worth: the same small training with one thing changed, three seeds each.

python benchmarks/ablation.py run DATA FOLDER [VARIANT ...]: train what is not in FOLDER yet, JOBS runs at a time.
python benchmarks/ablation.py table DATA FOLDER: what came out, mean and range of the seeds.
42,000 rows of egfp_unmod_1 from read ranks 60,000 and up, two epochs, one thread, from scratch unless said; tested on
ranks 40,000 to 59,999, which the shipped model learns from but these do not, and on measured effects of single variants
outside the shipped model's test groups. So nothing here is chosen by a test set.
"""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd

from utrlm import alphabet, metrics
from utrlm.fasta import Record
from utrlm.models import open_model
from utrlm.predict import Predictor
from utrlm.recipe import Recipe, read_recipe
from utrlm.recipe_parts import Source
from utrlm.table import build_table

ROOT = Path(__file__).parent.parent
SEEDS, JOBS = (1, 2, 3), 2
EPOCHS = 2.0
READS = 1_000
RANDOM_UTRS = 20_000  # of 25 to 100 nt, for pre-training beside the endogenous ones
ROWS = Source(
    file="mrl/egfp_unmod_1.csv.gz",
    target="egfp_unmod",
    rank="read_rank",
    keep="(40000 <= read_rank < 60000) or (read_rank >= 60000 and (read_rank % 5 == 0 or read_rank % 50 == 1))",
    test="read_rank < 60000",
    valid="read_rank % 5 == 1 or read_rank % 100 == 0",
)
BASE = Recipe(
    "ablation", "Ablation.", (ROWS,), task="mrl", epochs=EPOCHS, batch_tokens=12_800, warmup=50, ema=0.99, validations=3
)
VARIANTS = {
    "base": {},
    "no stem": {"stem": ()},
    "no frames": {"frames": False},  # in the embedding, and in pooling, which `run_one` sees to
    "width 64": {"width": 64, "heads": 2, "feedforward": 160},
    "width 192": {"width": 192, "heads": 6, "feedforward": 480},
    "all rows alike": {"sources": (replace(ROWS, rank=""),)},
    "twice the epochs": {"epochs": 2 * EPOCHS},
    "pre-trained": {"backbone": "masked.safetensors"},
    "pre-trained, free energy": {"backbone": "folded.safetensors"},
    "taught by three": {"teachers": tuple(f"base-{seed}.onnx" for seed in SEEDS), "teacher_share": 0.7},
}
LATER = ("taught by three",)  # learns from others' files


def pretrain(data, folder, fold):
    """A backbone of the models' own shape, from real and random UTRs, in about as many steps as they take."""
    from utrlm.training import pretrain

    output = folder / ("folded.safetensors" if fold else "masked.safetensors")
    if output.exists():
        return
    fasta, settings = folder / "endogenous.fa", folder / f"{output.stem}.toml"
    utrs = pd.read_csv(data / "pretrain/endogenous_5utr.csv.gz")
    fasta.write_text("".join(f">{i}\n{utr[-100:]}\n" for i, utr in enumerate(utrs["utr"])))
    settings.write_text("batch_tokens = 12800\nwarmup = 50\nema = 0.99\nvalidations = 3\n")
    with mock.patch.dict(pretrain.PRESETS, tiny=pretrain.BackboneConfig(layers=BASE.layers)):
        place, told = str(folder / output.stem), str(settings)
        scores = pretrain.pretrain_file(
            (str(fasta),), "tiny", RANDOM_UTRS, 2.0, str(output), place, 1, fold=fold, settings=told
        )
    print(output.name, json.dumps(scores), flush=True)


def run_one(data, folder, variant, seed):
    """Train and export one model; its card tells the scores."""
    from utrlm.training import heads, model
    from utrlm.training.finetune import finetune
    from utrlm.training.finish import export_model

    recipe = replace(BASE, **VARIANTS[variant], seed=seed)
    recipe = replace(
        recipe,
        backbone=recipe.backbone and str(folder / recipe.backbone),
        teachers=tuple(str(folder / teacher) for teacher in recipe.teachers),
    )
    place, count = folder / f"{variant}-{seed}", 3 if recipe.frames else 1
    with mock.patch.object(heads, "FRAMES", count), mock.patch.object(model, "FRAMES", count):
        finetune(recipe, data, place, 1)
        export_model(recipe, data, build_table(recipe, data), place, place.with_suffix(".onnx"))


def run(data, folder, variants):
    """Train what is missing, each in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    first = [("pretrain", name) for name in ("masked", "folded") if not (folder / f"{name}.safetensors").exists()]
    chosen = [(v, s) for v in variants for s in SEEDS if not (folder / f"{v}-{s}.onnx").exists()]

    def begin(job):
        name, which = job
        with open(folder / f"{name}-{which}.out", "w") as out:
            code = subprocess.run(
                [sys.executable, __file__, "one", data, folder, name, str(which)], stdout=out, stderr=out
            ).returncode
        print(name, which, "done" if code == 0 else f"failed, see {out.name}", flush=True)

    for jobs in (first, [j for j in chosen if j[0] not in LATER], [j for j in chosen if j[0] in LATER]):
        with ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(begin, jobs))


def predict(models, sequences):
    """Mean prediction of some models. (N,)"""
    told = []
    for model in models:
        records = (Record("r", "", s, alphabet.encode(s)) for s in sequences)
        told.append([row["ablation_egfp_unmod"] for row in Predictor(models=[str(model)], cpus=1).rows(records)])
    return np.mean(np.array(told, dtype=float), axis=0)


def read_variants(data):
    """Measured effects of single variants that lie in no test group of the shipped model."""
    table = build_table(read_recipe(ROOT / "recipes/mrl.toml"), data)
    tested = set(table.loc[(table["split"] == "test") & (table["target"] == "designed"), "sequence"])
    effects = pd.read_csv(data / "mrl/designed_snv.csv.gz")
    effects = effects[(effects["utr"] != effects["mother"]) & (effects["total"] >= READS)]
    return effects[~effects["utr"].isin(tested) & ~effects["mother"].isin(tested)]


def scores(models, test, effects):
    """R2 on the test rows, which a single model's card tells, and Spearman and Pearson of the effects."""
    change = predict(models, effects["utr"]) - predict(models, effects["mother"])
    measured = effects["obs_diff"].to_numpy()
    if len(models) == 1:
        load = open_model(models[0], "cpu").card.metrics["egfp_unmod"]["R2"]
    else:
        load = metrics.r2_score(test["label"].to_numpy(), predict(models, test["sequence"]))
    return load, metrics.spearman(measured, change), metrics.pearson(measured, change)


def table(data, folder):
    """One line a variant: mean and range over the seeds."""
    rows = build_table(BASE, data)
    test, effects = rows[rows["split"] == "test"], read_variants(data)
    print(f"variant\tseeds\tR2 of {len(test)}\trange\tSpearman of {len(effects)} effects\trange\tPearson\trange")
    for variant in VARIANTS:
        files = [folder / f"{variant}-{seed}.onnx" for seed in SEEDS if (folder / f"{variant}-{seed}.onnx").exists()]
        if files:
            print_line(variant, [scores([file], test, effects) for file in files])
        if variant == "base" and len(files) == len(SEEDS):
            print_line("mean of three", [scores(files, test, effects)])


def print_line(name, found):
    """Mean and range of each score."""
    cells = [
        cell
        for column in zip(*found, strict=True)
        for cell in (f"{np.mean(column):.4f}", f"{min(column):.4f} to {max(column):.4f}")
    ]
    print(name, len(found), *cells, sep="\t", flush=True)


def main():
    """See the module's docstring."""
    what, data, folder, *rest = sys.argv[1:]
    data, folder = Path(data), Path(folder)
    if what == "run":
        run(data, folder, rest or list(VARIANTS))
    elif what == "table":
        table(data, folder)
    elif rest[0] == "pretrain":
        pretrain(data, folder, rest[1] == "folded")
    else:
        run_one(data, folder, rest[0], int(rest[1]))


if __name__ == "__main__":
    main()
