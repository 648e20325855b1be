"""The learning curve of a run, as a picture."""

import warnings
from pathlib import Path
from typing import Any

import pandas as pd


def draw_curve(logs: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Loss of the training batches, smoothed, and scores of the validation rows, over steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, lines in logs.items():
        loss = pd.Series({line["step"]: line["loss"] for line in lines if "loss" in line}, dtype=float)
        left.plot(loss.index, loss.ewm(span=max(1, len(loss) / 50)).mean(), label=name)
        valid = pd.DataFrame({line["step"]: line["valid"] for line in lines if "valid" in line}).T
        for column in valid:
            right.plot(valid.index, valid[column], label=f"{name} {column}")
    left.set(xlabel="step", ylabel="training loss", yscale="log")
    right.set(xlabel="step", ylabel="validation")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a log without lines has no legend
        right.legend(fontsize=6)
    FigureCanvasAgg(figure).print_png(str(path))
