"""Changes to a sequence, and where its letters go."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Edit:
    """Letters that replace a stretch of a 5' UTR, 5' to 3'; 0-based, end excluded."""

    start: int
    end: int
    letters: str

    @property
    def growth(self) -> int:
        """Letters more than before."""
        return len(self.letters) - (self.end - self.start)


def apply_edits(sequence: str, edits: Iterable[Edit]) -> str | None:
    """The changed sequence; None where edits touch the same letters or the same gap."""
    pieces = []
    at = 0
    before: Edit | None = None
    for edit in sorted(edits):
        if before and (edit.start < before.end or (edit.start, edit.end) == (before.start, before.end)):
            return None
        pieces += [sequence[at : edit.start], edit.letters]
        at, before = edit.end, edit
    return "".join([*pieces, sequence[at:]])


def shift(edits: Iterable[Edit], start: int, end: int) -> tuple[int, int]:
    """How far a stretch moves: by edits wholly before it, and how much further those that touch it may."""
    before = sum(edit.growth for edit in edits if edit.end <= start)
    across = sum(edit.growth for edit in edits if edit.end > start and edit.start < end)
    return before, across
