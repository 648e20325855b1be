"""Drawings, as SVG or PNG. Needs the extra `plots` (matplotlib, logomaker, pandas)."""

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.files import make_folder, written

if TYPE_CHECKING:
    from utrlm.mutagenesis import MutationMap
    from utrlm.objectives import Objective
    from utrlm.search import Round

DPI = 150
LETTER = 0.14  # inches a letter is wide
LONGEST_NAME = 60  # letters of an id in a title
CHANGES = [*alphabet.LETTERS, "deleted"]
matplotlib.rcParams["svg.hashsalt"] = "utrlm"  # the same drawing is the same file


def drawing_kind(path: str) -> str:
    """Format of a drawing, by its name's ending. Raises InputError: another one than svg or png."""
    kind = Path(path).suffix[1:]
    if kind not in ("svg", "png"):
        raise InputError(f"{path}: a drawing is .svg or .png")
    return kind


def save(figure: Figure, path: str) -> None:
    """Write a figure in the format that its name's ending says; the file appears only when whole.

    Raises:
        InputError: another ending, or the folder is missing or may not be written to.
    """
    kind = drawing_kind(path)
    with written(path) as beside:
        write_figure(figure, beside, kind)


def write_figure(figure: Figure, path: str, kind: str) -> None:
    """Write a figure as svg or png, whatever the name's ending says."""
    figure.savefig(path, format=kind, dpi=DPI, metadata={"Date": None} if kind == "svg" else None)


class Gallery:
    """The drawings of mutation maps: of the first records one each, and one of all; made when all was read."""

    def __init__(self, folder: str, form: str, known: list[str], columns: list[str], records: int):
        """`known`: columns that there are; `columns`: those to draw, all if empty.

        Raises:
            InputError: an unknown column, or a folder that could not be made; it is not made yet.
        """
        for column in columns:
            if column not in known:
                raise InputError(f"--plot-column {column}: no such column; there are {', '.join(known)}")
        there = next(one for one in (Path(folder), *Path(folder).parents) if one.exists())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            raise InputError(f"{folder}: cannot be made; {there} is no folder to write to")
        self._folder, self._form, self._columns, self._records = Path(folder), form, list(columns) or known, records
        self._maps: list[MutationMap] = []
        self._names: list[str] = []
        self._saliencies: dict[str, list[np.ndarray]] = {column: [] for column in self._columns}

    def add(self, one: "MutationMap") -> None:
        """Take a map in; of all but the first ones only what the stacked drawing needs is kept."""
        if len(self._maps) < self._records:
            self._maps.append(one)
        self._names.append(one.id)
        for column, kept in self._saliencies.items():
            kept.append(saliency(one.effects(column)))

    def draw(self) -> int:
        """Write all drawings into the folder, which is made where there are any; returns how many."""
        if self._maps or len(self._names) > 1:
            make_folder(str(self._folder))
        paths = []
        for column in self._columns:
            for number, one in enumerate(self._maps, start=1):
                name = re.sub(r"[^\w.-]", "_", one.id)[:80]
                paths.append(self._folder / f"{number:04}_{name}.{column}.{self._form}")
                save(draw_map(one, column), str(paths[-1]))
            if len(self._names) > 1:
                paths.append(self._folder / f"overview.{column}.{self._form}")
                save(draw_overview(self._names, self._saliencies[column], column), str(paths[-1]))
        return len(paths)


def saliency(effects: np.ndarray) -> np.ndarray:
    """What a letter adds: the prediction minus the mean over its substitutions. (L, 5) -> (L,)"""
    added: np.ndarray = -np.nanmean(effects[:, : len(alphabet.LETTERS)], axis=1)
    return added


def draw_map(one: "MutationMap", column: str) -> Figure:
    """A record's saliency logo over the heatmap of its mutants' differences."""
    import logomaker  # other drawings do without

    effects = one.effects(column)
    letters, positions = one.letters[one.first :], np.arange(one.first + 1, len(one.letters) + 1)
    figure = Figure(figsize=(2.5 + LETTER * len(letters), 3.6), layout="constrained")
    logo, heat = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1])
    heights = pd.DataFrame(0.0, index=positions, columns=list(alphabet.LETTERS))
    for position, letter, height in zip(positions, letters, saliency(effects), strict=True):
        if letter in alphabet.LETTERS:  # an unknown letter adds nothing that could be drawn
            heights.loc[position, letter] = height
    logomaker.Logo(heights, ax=logo, show_spines=False, baseline_width=0.5)
    logo.set_ylabel("what the\nletter adds")
    name = one.id if len(one.id) <= LONGEST_NAME else one.id[:LONGEST_NAME] + " ..."
    told = f"{name}   {column} {one.reference[column]:.2f}"
    figure.suptitle(told, x=0.01, ha="left", fontsize=10, parse_math=False)  # a $ of an id is a $
    shown = effects if np.isfinite(effects[:, -1]).any() else effects[:, :-1]
    image = _heat(heat, shown.T, (positions[0] - 0.5, positions[-1] + 0.5, shown.shape[1] - 0.5, -0.5))
    heat.set_yticks(range(shown.shape[1]), CHANGES[: shown.shape[1]], fontsize=8)
    heat.set_xlabel("position")
    figure.colorbar(image, ax=heat, label="difference", fraction=0.03, pad=0.01, aspect=10)
    return figure


def draw_overview(names: list[str], saliencies: list[np.ndarray], column: str) -> Figure:
    """One line a record, aligned at the start codon: what each letter adds."""
    longest = max(map(len, saliencies))
    table = np.full((len(names), longest), np.nan)
    for line, added in zip(table, saliencies, strict=True):
        line[longest - len(added) :] = added
    height = min(60.0, 2.2 + 0.16 * len(names))
    figure = Figure(figsize=(min(40.0, 4 + 0.06 * longest), height), layout="constrained")
    axes = figure.subplots()
    image = _heat(axes, table, (-longest - 0.5, -0.5, len(names) - 0.5, -0.5))
    if len(names) <= 300:  # more could not be read
        axes.set_yticks(range(len(names)), names, fontsize=6)
    axes.set_xlabel("position before the start codon")
    axes.set_title(f"what each letter adds to {column}", loc="left", fontsize=10)
    figure.colorbar(image, ax=axes, fraction=0.03, pad=0.01)
    return figure


def draw_trajectory(history: list["Round"], objectives: list["Objective"]) -> Figure:
    """Median and 10 to 90 % band of each wished-for column over the predictions made."""
    figure = Figure(figsize=(6, 1 + 2.2 * len(objectives)), layout="constrained")
    made = [state.predictions for state in history]
    for axes, wish in zip(
        figure.subplots(len(objectives), 1, sharex=True, squeeze=False)[:, 0], objectives, strict=True
    ):
        low, middle, high = np.transpose([state.quantiles[wish.column] for state in history])
        axes.fill_between(made, low, high, alpha=0.3, linewidth=0, label="10 to 90 %")
        axes.plot(made, middle, marker=".", label="median")
        if not wish.sign:
            axes.axhline(wish.value, color="0.4", linestyle="--", linewidth=1, label="target")
        axes.set_ylabel(wish.column)
    axes.set_xlabel("predictions")
    axes.legend(fontsize=8)
    return figure


def _heat(axes: Axes, table: np.ndarray, extent: tuple[float, float, float, float]) -> matplotlib.image.AxesImage:
    """Colours around 0, red below and blue above; grey where there is nothing. Positions are whole numbers."""
    axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    bound = float(np.nanmax(np.abs(table))) or 1.0
    axes.set_facecolor("0.85")
    return axes.imshow(
        table, cmap="RdBu", vmin=-bound, vmax=bound, aspect="auto", interpolation="nearest", extent=extent
    )
