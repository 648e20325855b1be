"""What can be trained. Choices, losses and protocol tests follow from an entry here.

Prediction does not read this file: a model's card says all that is needed to predict with it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One column that a model predicts."""

    name: str  # column suffix: <model>_<name>
    unit: str  # of the label and of the prediction
    description: str  # what was measured, for people who read a table


@dataclass(frozen=True)
class Task:
    """A kind of prediction and the targets that share one model."""

    name: str
    kind: str  # how raw outputs become columns; one of card.KINDS
    targets: tuple[Target, ...]
    loss: str = "huber"  # a key of training.heads.LOSSES


_LOAD = "ribosomes a transcript"

TASKS = {
    task.name: task
    for task in (
        Task(
            name="mrl",
            kind="scalar",
            targets=(
                Target(
                    "egfp_unmod",
                    _LOAD,
                    "mean ribosome load before eGFP in HEK293T, unmodified mRNA, random 50-mers (GSM3130435)",
                ),
                Target(
                    "varying",
                    _LOAD,
                    "the same assay, another library: random and human 5' UTRs of 25 to 100 nt (GSM4084997)",
                ),
                Target("designed", _LOAD, "the same assay, windows of human 5' UTRs and their variants (GSM3130443)"),
                Target("egfp_m1psi", _LOAD, "the same assay, N1-methyl-pseudouridine mRNA, another scale (GSM3130440)"),
            ),
        ),
    )
}
