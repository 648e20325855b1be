"""Where a variant of the genome falls in a spliced 5' UTR."""

from collections import defaultdict
from collections.abc import Iterable

from utrlm.edits import Edit
from utrlm.genome import Genome, reverse_complement
from utrlm.transcripts import Utr

BIN = 1 << 12  # nt of the genome that share one list of UTRs
FARTHEST = 1_000  # nt that an insertion or deletion is moved in a repeat
Places = list[tuple[int, str]]  # of an insertion or deletion: its start and its letters, the nearest first


def trim(start: int, ref: str, alt: str) -> tuple[int, str, str]:
    """The variant without letters that both alleles share: at their ends first, then at their starts."""
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    shared = 0
    while shared < min(len(ref), len(alt)) and ref[shared] == alt[shared]:
        shared += 1
    return start + shared, ref[shared:], alt[shared:]


def place(utr: Utr, start: int, ref: str, alt: str, genome: Genome) -> tuple[Edit | None, str]:
    """The edit that a trimmed variant makes, and a flag: outside, exon_edge, start_changed, utr_deleted or none.

    In a repeat, an insertion or deletion may be written at several places, and left-aligned is not the same on `-`. It
    is taken at the nearest place that lies wholly in the UTR; where there is none, at one wholly outside of it.
    """
    edit, flag = _place_as_written(utr, start, ref, alt)
    if flag in ("", "utr_deleted") or (ref and alt):
        return edit, flag
    flags = {flag}
    for places in rolled(start, ref, alt, utr.contig, genome):
        edge = (start, alt) if flag == "exon_edge" else None
        for moved, letters in places:
            other, found = _place_as_written(utr, moved, *((letters, "") if ref else ("", letters)))
            flags.add(found)
            if found == "exon_edge":
                edge = (moved, letters)
            elif found in ("", "utr_deleted"):
                # an insertion stays on the edge, whose exon has the same letters: other alleles stay on their side
                return _place_insertion(utr, *edge, on_edge=True) if edge and not ref else (other, found)
    return (None, "outside") if "outside" in flags else (edit, flag)


def rolled(start: int, ref: str, alt: str, contig: str, genome: Genome) -> tuple[Places, Places]:
    """Other places and letters of an insertion or deletion that make the same genome: to the left, to the right."""
    low, end = max(0, start - FARTHEST), start + len(ref)
    letters = ref or alt
    left: Places = []
    for letter in reversed(genome.fetch(contig, low, start)):
        if letter != letters[-1]:
            break
        letters = letter + letters[:-1]
        left.append((start - len(left) - 1, letters))
    letters = ref or alt
    right: Places = []
    for letter in genome.fetch(contig, end, end + FARTHEST):
        if letter != letters[0]:
            break
        letters = letters[1:] + letter
        right.append((start + len(right) + 1, letters))
    return left, right


def _place_as_written(utr: Utr, start: int, ref: str, alt: str) -> tuple[Edit | None, str]:
    """As `place`, at one place.

    Substitutions change no coordinates: their letters inside are applied even where they reach over an edge, with
    that edge as the flag. Where an insertion or deletion lies on an edge, what is spliced is not known: no edit.
    """
    if not ref:
        return _place_insertion(utr, start, alt)
    end = start + len(ref)
    pieces, before = [], 0  # (place in the joined blocks, genomic start and end)
    for left, right in utr.blocks:
        low, high = max(left, start), min(right, end)
        if low < high:
            pieces.append((before + low - left, low, high))
        before += right - left
    starts = any(left < end and start < right for left, right in utr.start)
    inside = sum(high - low for _, low, high in pieces)
    if not pieces:
        return None, "start_changed" if starts else "outside"
    edge = "" if inside == len(ref) else "start_changed" if starts else "exon_edge"
    if len(alt) == len(ref):
        letters = "".join(alt[low - start : high - start] for _, low, high in pieces)
    elif edge or len(pieces) > 1:
        return None, edge or "exon_edge"
    elif inside == len(utr) and not alt:
        return None, "utr_deleted"
    else:
        letters = alt
    return _oriented(utr, pieces[0][0], inside, letters), edge


def _place_insertion(utr: Utr, gap: int, letters: str, on_edge: bool = False) -> tuple[Edit | None, str]:
    """An insertion before the base at `gap`; right before the start codon (or `on_edge`) it belongs to the UTR.

    Between an intron and the start codon it lies on an exon's edge; further edges of exons are those of the CDS.
    """
    before = 0
    for left, right in utr.blocks:
        if left < gap < right or (gap in (left, right) and (on_edge or _borders_start(utr, gap))):
            return _oriented(utr, before + gap - left, 0, letters), ""
        if gap in (left, right):
            return None, "exon_edge"
        before += right - left
    if gap == (utr.start[0][0] if utr.strand == "+" else utr.start[-1][1]):
        return None, "exon_edge"
    return None, "start_changed" if any(left < gap < right for left, right in utr.start) else "outside"


def _borders_start(utr: Utr, gap: int) -> bool:
    """Whether the gap lies between the UTR's last base and the start codon's first, both of one exon."""
    if utr.strand == "+":
        return gap == utr.blocks[-1][1] == utr.start[0][0]
    return gap == utr.blocks[0][0] == utr.start[-1][1]


def _oriented(utr: Utr, start: int, size: int, letters: str) -> Edit:
    """The edit 5' to 3', from its place in the blocks joined in genomic order."""
    if utr.strand == "+":
        return Edit(start, start + size, letters)
    return Edit(len(utr) - start - size, len(utr) - start, reverse_complement(letters))


class UtrIndex:
    """Finds the UTRs that a stretch of the genome touches."""

    def __init__(self, utrs: Iterable[Utr]):
        self._bins: defaultdict[tuple[str, int], list[Utr]] = defaultdict(list)
        for utr in utrs:
            bins = {
                place for left, right in (*utr.blocks, *utr.start) for place in range(left // BIN, right // BIN + 1)
            }
            for place in bins:
                self._bins[utr.contig, place].append(utr)

    def touching(self, contig: str, start: int, end: int) -> list[Utr]:
        """UTRs, their start codons included, that the stretch overlaps or (an insertion) borders."""
        found = {}
        for number in range(start // BIN, end // BIN + 1):
            for utr in self._bins.get((contig, number), ()):
                if any(left <= end and start <= right for left, right in (*utr.blocks, *utr.start)):
                    found[id(utr)] = utr
        return list(found.values())

    def overlapping(self, contig: str, start: int, end: int) -> list[Utr]:
        """UTRs, their start codons included, of which at least one letter lies in the stretch."""
        pieces = ((utr, (*utr.blocks, *utr.start)) for utr in self.touching(contig, start, end))
        return [utr for utr, own in pieces if any(left < end and start < right for left, right in own)]

    def within_reach(self, contig: str, start: int, ref: str, alt: str, genome: Genome) -> list[Utr]:
        """UTRs that a trimmed variant touches at one of the places where it may be written."""
        end = start + len(ref)
        if (ref and alt) or not self.touching(contig, start - FARTHEST, end + FARTHEST):  # spares most of a genome
            return self.touching(contig, start, end)
        left, right = rolled(start, ref, alt, contig, genome)
        return self.touching(contig, start - len(left), end + len(right))
