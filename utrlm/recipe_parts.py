"""The tables of a recipe: what is learned from, what is drawn beside it, and which part of the network learns when."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One table of measured sequences."""

    file: str  # path below the data folder
    target: str  # target of the task that this table's label is
    name: str = ""  # under which structures are scored; empty: the target
    sequence: str = "utr"  # column of sequences, or a pandas expression of columns
    label: str = "rl"  # column of labels, in the target's unit, or a pandas expression of columns
    group: str = ""  # column whose equal values stay in one split; shared k-mers join groups in any case
    rank: str = ""  # column of noise ranks: 0 is the best-measured row
    rank_scale: float = 80_000.0  # a row of rank r weighs 1 / (1 + r / rank_scale)
    weight: str = ""  # column of weights in the loss, or a pandas expression of columns; times what the rank gives
    family: float = 0.0  # weight of a second loss: what a row differs by from those of its group, which stay together
    repeat: int = 1  # times a row is seen in an epoch; 0: the table is not learned, it only helps to split the others
    cut: bool = False  # sequences are the ends of longer ones, which the labels are of, so that those get intervals too
    keep: str = ""  # pandas query: rows that are used at all
    average: bool = False  # rows of one sequence become one: their mean label, weighted by their number
    test: str = ""  # pandas query: rows to test on; empty: whole groups, `test_share` of them
    valid: str = ""  # pandas query: rows to select on; empty: whole groups, `valid_share` of them
    known: str = ""  # another source's file: a row whose sequence is not in that file is left out
    teachers: tuple[str, ...] = ()  # model files that teach this target, instead of the recipe's
    citation: str = ""  # paper and accession of the data
    terms: str = ""  # licence under which this copy was published


@dataclass(frozen=True)
class Drawn:
    """Sequences without a label, as long as training rows of the target: the teachers, or of a structure
    thermodynamics, give them one."""

    target: str  # whose label is asked for
    count: int
    file: str = ""  # table of real UTRs below the data folder, windows of which are taken; empty: random letters
    sequence: str = "utr"  # that table's column of sequences


@dataclass(frozen=True)
class Phase:
    """A part of a run in which only a part of the network learns: gradual unfreezing."""

    until: float  # share of the run's steps at which it ends; the last phase ends at 1
    train: str = "all"  # head, last N (the head and the N uppermost blocks), or all
    rate: float = 1.0  # factor on the learning rates

    @property
    def blocks(self) -> int | None:
        """Uppermost blocks that learn; None: everything.

        Raises:
            ValueError: `train` is none of the three.
        """
        if self.train == "all":
            return None
        first, _, number = "last 0".partition(" ") if self.train == "head" else self.train.partition(" ")
        if first != "last" or not number.isdecimal():
            raise ValueError(f"train = {self.train!r} is neither head, last N nor all")
        return int(number)
