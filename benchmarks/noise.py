"""Ceilings: what the noise of the measurements leaves for any model of ribosome load to reach.

python benchmarks/noise.py DATA: two estimates, of held-out rows alone, beside the scores of the shipped `mrl`.

Random 50-mers: sequences measured in two chemistries (egfp_unmod and egfp_m1psi), which share the pool of DNA but
neither cells nor sequencing. Of two measurements a, b and a prediction p whose noises are independent, the part of a's
variance that the other two share is cov(a, b) cov(a, p) / cov(b, p) (triple collocation, Stoffelen 1998,
doi:10.1029/97JC03180); it is at least what a replicate would find, for effects of one chemistry count as noise, and at
most if both scales are linear in each other, which they nearly are: so it is told through either column of the model.

Designed library: designed_snv has the reads of 1,579 rows, and the table is sorted by them, so those of the others are
interpolated. The slope of squared errors over 1 / reads is the noise that more reads would take away. What they would
not take away (model and measurement alike) stays in the intercept, so this ceiling is too high rather than too low.

Single variants: with the variance of noise so many times 1 / reads, of variant and mother, the effects are
deconvolved (the non-parametric maximum of likelihood), drawn again, and measured again with that noise.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from utrlm import metrics
from utrlm.evaluate import predict_labels
from utrlm.recipe import read_recipe
from utrlm.table import build_table

ROOT = Path(__file__).parent.parent
READS = 1_000
DRAWS = 200
FAR = -2.5  # ribosomes


def shared(measured, again, predicted):
    """Share of the variance of `measured` that the other two share. All (N,)"""
    covariance = np.cov([measured, again, predicted])
    return covariance[0, 1] * covariance[0, 2] / covariance[1, 2] / covariance[0, 0]


def noise_factor(rows):
    """Slope of the squared error over 1 / reads: variance of the noise, times reads."""
    return np.polyfit(1 / rows["reads"], (rows["label"] - rows["predicted"]) ** 2, 1)[0]


def interval(function, table):
    """A figure of a table's rows, and its 95 % over groups, as text."""
    drawn = [function(table.iloc[rows]) for rows in metrics.resamples(table["group"].to_numpy(), DRAWS, 0)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return f"{function(table):.3f} ({low:.3f} to {high:.3f})"


def reads_of(rows, data):
    """Reads of rows of the designed library, interpolated between those that are known. (N,) -> (N,)"""
    known = pd.read_csv(data / "mrl/designed_snv.csv.gz")[["utr", "total"]].drop_duplicates("utr")
    place = pd.read_csv(data / "mrl/designed.csv.gz").reset_index().merge(known, on="utr").sort_values("index")
    return np.exp(np.interp(rows, place["index"], np.log(place["total"])))


def deconvolve(measured, noise, points=121, rounds=2_000):
    """Values and probabilities that make measurements of such standard deviations most likely. Both (N,)"""
    values = np.linspace(measured.min(), measured.max(), points)
    likely = np.exp(-0.5 * ((measured[:, None] - values) / noise[:, None]) ** 2) / noise[:, None]
    share = np.full(points, 1 / points)
    for _ in range(rounds):
        joint = likely * share
        share = (joint / joint.sum(axis=1, keepdims=True)).mean(axis=0)
    return values, share


def ceilings(measured, noise):
    """Mean Spearman and Pearson of true effects and their measurement. Both (N,)"""
    random = np.random.default_rng(0)
    values, share = deconvolve(measured, noise)
    true = random.choice(values, size=(DRAWS, len(measured)), p=share)
    again = true + random.normal(size=true.shape) * noise
    pairs = list(zip(again, true, strict=True))
    return [np.mean([metric(*pair) for pair in pairs]) for metric in (metrics.spearman, metrics.pearson)]


def main():
    data = Path(sys.argv[1])
    table = build_table(read_recipe(ROOT / "recipes/mrl.toml"), data)
    held = table[table["split"].isin(["test", "valid"])]
    held = pd.concat([held, predict_labels(str(ROOT / "utrlm/weights/mrl.onnx"), held)], axis=1)
    of = dict(list(held.groupby("target")))
    say_random(of["egfp_unmod"], of["egfp_m1psi"])
    factor = say_designed(of["designed"].assign(reads=reads_of(of["designed"]["row"], data)))
    say_variants(pd.read_csv(data / "mrl/designed_snv.csv.gz"), factor)


def say_random(unmod, m1psi):
    """The ceiling of the test rows, from those rows that both chemistries have."""
    both = unmod.merge(m1psi, on=["sequence", "split"], suffixes=("", "_again"))
    test = unmod[unmod["split"] == "test"]
    total = test["label"].var()
    print(
        f"random 50-mers, {len(both)} in both chemistries: share of the variance that both have, through either column"
    )
    for column in ("predicted", "predicted_again"):
        print(interval(lambda t, column=column: shared(t["label"], t["label_again"], t[column]), both), end=": ")
        noise = (1 - shared(both["label"], both["label_again"], both[column])) * both["label"].var()
        print(f"ceiling of the {len(test)} test rows {1 - noise / total:.3f}")
    print(f"R2 of the model there {metrics.r2_score(test['label'], test['predicted']):.3f}")
    error, again = both["label"] - both["predicted"], both["label_again"] - both["predicted_again"]
    below = test["label"] - test["predicted"]
    cost = (below[below < FAR] ** 2).sum() / total / len(test)
    print(f"{(below < FAR).mean():.2%} of them lie far below their prediction, which costs R2 {cost:.3f}")
    print(f"of the {(error < FAR).sum()} such rows in both: mean error {error[error < FAR].mean():.2f}, in the other")
    print(f"chemistry {again[error < FAR].mean():.2f}; correlation of all errors {np.corrcoef(error, again)[0, 1]:.2f}")


def say_designed(rows):
    """The ceiling of the designed library; returns the factor of its noise: variance times reads."""
    print(f"\ndesigned library, {len(rows)} rows: R2 of the model, ceiling, variance of the noise times reads")
    print(interval(lambda t: metrics.r2_score(t["label"], t["predicted"]), rows))
    print(interval(lambda t: 1 - (noise_factor(t) / t["reads"]).mean() / t["label"].var(), rows))
    print(interval(noise_factor, rows))
    return noise_factor(rows)


def say_variants(snv, factor):
    """The ceiling of single variants, for two factors: by the width of most effects, and that of the library."""
    reads = snv.loc[snv["utr"] == snv["mother"]].set_index("utr")["total"]
    snv = snv[(snv["utr"] != snv["mother"]) & snv["mother"].isin(reads.index)]
    inverse = 1 / snv["total"] + 1 / reads[snv["mother"]].to_numpy()
    parts = pd.qcut(inverse, 6)
    width = [
        (1.4826 * np.median(np.abs(e - np.median(e)))) ** 2 for _, e in snv["obs_diff"].groupby(parts, observed=True)
    ]
    most = np.polyfit(inverse.groupby(parts, observed=True).mean(), width, 1)[0]
    kept = snv["total"] >= READS
    print(f"\n{kept.sum()} single variants, {READS} reads and more: variance times reads, Spearman, Pearson")
    for one in (most, factor):
        best = ceilings(snv["obs_diff"][kept].to_numpy(), np.sqrt(one * inverse[kept].to_numpy()))
        print(f"{one:.0f}", *(f"{value:.2f}" for value in best))


if __name__ == "__main__":
    main()
