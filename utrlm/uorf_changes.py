"""What a variant does to the upstream open reading frames of a 5' UTR, in UTRannotator's terms.

uAUG_gained, uAUG_lost, uSTOP_gained, uSTOP_lost, uFrameShift, and one more, uKozak_changed: an upstream AUG that
stays but whose Kozak strength is another.
"""

from dataclasses import dataclass

from utrlm.edits import Edit, shift
from utrlm.uorf import Uorf, find_uorfs


@dataclass(frozen=True)
class Change:
    """One consequence for one upstream AUG."""

    consequence: str
    before: Uorf | None  # None: gained
    after: Uorf | None  # None: lost

    def __str__(self) -> str:
        """Such as uAUG_gained:OutOfFrame_oORF:Strong:35 or uSTOP_lost:uORF>inframe_oORF:Weak:60; the number is
        the distance from the AUG's A to the start codon's, after the change where there is one."""
        both = [one for one in (self.before, self.after) if one]
        words = [[getattr(one, name) for one in both] for name in ("kind", "strength")]
        told = [">".join(dict.fromkeys(names)) for names in words]
        return ":".join([self.consequence, *told, str(both[-1].to_start)])


def find_changes(reference: str, alternate: str, edits: tuple[Edit, ...], following: str = "A") -> list[Change]:
    """All consequences, by position in the alternate UTR, then lost AUGs. Upper-case DNA; see `uorf.find_uorfs`."""
    edits = roll(reference, edits)
    before = find_uorfs(reference, following)
    after = {uorf.position: uorf for uorf in find_uorfs(alternate, following)}
    pairs = pair(before, after, edits)
    kept = {position: uorf for uorf, position in pairs.items()}
    changes: list[Change] = []
    for position, uorf in after.items():
        if position not in kept:
            changes.append(Change("uAUG_gained", None, uorf))
            continue
        old = kept[position]
        frame = frame_change(old, uorf, edits)
        if frame:
            changes.append(Change(frame, old, uorf))
        if old.strength != uorf.strength:
            changes.append(Change("uKozak_changed", old, uorf))
    return changes + [Change("uAUG_lost", uorf, None) for uorf in before if uorf not in pairs]


def roll(reference: str, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """Each insertion or deletion at the last of the places where it may be written, but not up to the next edit: the
    rule of HGVS, by which what a change is does not depend on the genome's strand."""
    moved: list[Edit] = []
    limit = len(reference)
    for edit in sorted(edits, reverse=True):
        start, end, letters = edit.start, edit.end, edit.letters
        one_way = (start == end) != (not letters)  # inserted or deleted, not replaced
        while one_way and end < limit and reference[end] == (letters or reference[start:end])[0]:
            start, end, letters = start + 1, end + 1, letters[1:] + letters[:1]
        moved.append(Edit(start, end, letters))
        limit = start - 1
    return tuple(reversed(moved))


def pair(before: list[Uorf], after: dict[int, Uorf], edits: tuple[Edit, ...]) -> dict[Uorf, int]:
    """Position after the change of every AUG that is still there. One that an edit touches stays if an AUG stands
    where its left or its right end went to."""
    pairs: dict[Uorf, int] = {}
    touched = []
    for uorf in before:
        moved, across = shift(edits, uorf.position, uorf.position + 3)
        if any(edit.end > uorf.position and edit.start < uorf.position + 3 for edit in edits):
            touched.append((uorf, uorf.position + moved, uorf.position + moved + across))
        elif uorf.position + moved in after:
            pairs[uorf] = uorf.position + moved
    for uorf, left, right in touched:
        free = [place for place in (left, right) if place in after and place not in pairs.values()]
        if free:
            pairs[uorf] = free[0]
    return pairs


def frame_change(old: Uorf, new: Uorf, edits: tuple[Edit, ...]) -> str:
    """What happened to the reading frame of an AUG that stays: uFrameShift, uSTOP_lost, uSTOP_gained or nothing."""
    if old.stop is None:
        if old.frame != new.frame:
            return "uFrameShift"
        return "" if new.stop is None else "uSTOP_gained"
    moved = old.stop + sum(edit.growth for edit in edits if edit.end <= old.stop)  # where the stop codon should be
    touching = [edit for edit in edits if edit.growth and edit.end > old.stop and edit.start < old.stop + 3]
    # the stop codon stays where its first letter does (a deletion of three and more takes a codon), or its last one
    if new.stop == moved and all(edit.start > old.stop and edit.end - edit.start < 3 for edit in touching):
        return ""
    across = sum(edit.growth for edit in touching)
    if new.stop == moved + across and all(edit.end < old.stop + 3 for edit in touching):
        return ""
    if (moved - new.position - old.stop + old.position) % 3:
        return "uFrameShift"
    first = min([old.stop, *(edit.start + len(edit.letters) for edit in touching)])
    before = new.stop is not None and new.stop + 3 <= moved + first - old.stop  # wholly before what is gone
    return "uSTOP_gained" if before else "uSTOP_lost"
