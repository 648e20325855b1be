"""What predictions are compared with in a report: human 5' UTRs, and what was measured for training.

`reference.json` holds histograms and counts alone; `tools/reference.py` makes it, again when a shipped model changes.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from utrlm.summary import Histogram, Sample

PATH = Path(__file__).with_name("reference.json")
HUMAN = "human 5' UTRs"  # as a report names them
MEASURED = "measured"


@dataclass
class Reference:
    """Distributions to draw beside a run's."""

    human: Sample = field(default_factory=Sample)  # predictions of the shipped models for human 5' UTRs
    measured: dict[str, Histogram] = field(default_factory=dict)  # column -> labels of its training rows
    models: dict[str, str] = field(default_factory=dict)  # name of a model -> SHA-256 of the file that predicted


def read_reference(path: Path = PATH) -> Reference:
    """The shipped reference."""
    read = json.loads(path.read_text(encoding="utf-8"))
    human = read["human"]
    counts = {name: Counter(human[name]) for name in ("flags", "uaugs", "uorfs", "kozak")}
    sample = Sample(human["records"], **counts, histograms=_histograms(human["histograms"]))
    return Reference(sample, _histograms(read["measured"]), read["models"])


def reference_json(reference: Reference) -> str:
    """The text that `read_reference` reads, a histogram a line, bins in order."""

    def plain(histograms: dict[str, Histogram]) -> dict[str, Any]:
        return {name: vars(one) | {"counts": dict(sorted(one.counts.items()))} for name, one in histograms.items()}

    human = vars(reference.human) | {"histograms": plain(reference.human.histograms)}
    values = {"models": reference.models, "human": human, "measured": plain(reference.measured)}
    return json.dumps(values).replace('}, "', '},\n"') + "\n"


def label_histogram(labels: np.ndarray) -> Histogram:
    """Of measured values. (N,)"""
    made = Histogram()
    made.add(labels)
    return made


def _histograms(read: dict[str, Any]) -> dict[str, Histogram]:
    made = {}
    for name, one in read.items():
        counts = Counter({int(place): count for place, count in one["counts"].items()})
        made[name] = Histogram(**{**one, "counts": counts})
    return made
