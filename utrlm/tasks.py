"""What can be trained. Choices, losses and protocol tests follow from an entry here.

Prediction does not read this file: a model's card says all that is needed to predict with it.
"""

from dataclasses import dataclass

from utrlm.card import PROBABILITY, STRUCTURE


@dataclass(frozen=True)
class Target:
    """One column that a model predicts."""

    name: str  # column suffix: <model>_<name>
    unit: str  # of the label and of the prediction; PROBABILITY: the label is 0 or 1
    description: str  # what was measured, for people who read a table
    letters: str = ""  # two letters that a site has in the middle


@dataclass(frozen=True)
class Task:
    """A kind of prediction and the targets that share one model."""

    name: str
    kind: str  # how raw outputs become columns; one of card.KINDS
    targets: tuple[Target, ...]
    loss: str = "huber"  # a key of training.heads.LOSSES


_LOAD = "ribosomes a transcript"
_EFFICIENCY = "ln of ribosome footprints over RNA-seq"
_EXPRESSION = "ln RPKM of RNA-seq"
_CAO = "Cao et al. 2021"

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
                    "the same assay, another library: random and human 5' UTRs of 25 to 100 nt (GSM4084997); the column"
                    " to read for natural UTRs, since no other learned from human ones of their own lengths",
                ),
                Target("designed", _LOAD, "the same assay, windows of human 5' UTRs and their variants (GSM3130443)"),
                Target("egfp_m1psi", _LOAD, "the same assay, N1-methyl-pseudouridine mRNA, another scale (GSM3130440)"),
            ),
        ),
        Task(
            name="te",
            kind="scalar",
            targets=(
                Target("hek", _EFFICIENCY, f"translation efficiency in HEK293T cells ({_CAO})"),
                Target("muscle", _EFFICIENCY, f"translation efficiency in human skeletal muscle ({_CAO})"),
                Target("hek_full", _EFFICIENCY, f"as te_hek, from a table of full-length 5' UTRs ({_CAO})"),
                Target(
                    "pc3_high",
                    PROBABILITY,
                    "experimental: whether a transcript is of the 1,000 best translated ones in PC3 cells rather than"
                    f" of the 500 worst, the only ones whose values are public ({_CAO})",
                ),
            ),
        ),
        Task(
            name="el",
            kind="scalar",
            targets=(
                Target("hek", _EXPRESSION, f"expression level in HEK293T cells ({_CAO})"),
                Target("muscle", _EXPRESSION, f"expression level in human skeletal muscle ({_CAO})"),
                Target(
                    "pc3",
                    "rank, 0 to 1",
                    "experimental: rank of the expression level in PC3 cells among transcripts from both ends of the"
                    f" scale of translation efficiency, the only ones whose values are public ({_CAO})",
                ),
            ),
        ),
        Task(
            name="structure",
            kind="pairs",
            targets=(
                Target("dot_bracket", STRUCTURE, "structure without pseudoknots, of the letters that were read"),
                Target("confidence", "share", "letters expected to be paired or unpaired as that structure says"),
            ),
        ),
        Task(
            name="splice",
            kind="site",
            targets=tuple(
                Target(
                    f"{species.lower()}_{site}",
                    PROBABILITY,
                    f"whether the {letters} in the middle is a splice {site} of {species}, if half of those asked are",
                    letters,
                )
                for species in ("Human", "Arabidopsis")
                for site, letters in (("donor", "GT"), ("acceptor", "AG"))
            ),
        ),
    )
}
