"""What a designed 5' UTR must be, whatever a model says of it; and how to get from any letters to such a UTR."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

from Bio.Data.IUPACData import ambiguous_dna_values
from Bio.Seq import reverse_complement

from utrlm.alphabet import LETTERS
from utrlm.errors import InputError
from utrlm.uorf import plain

TRIES = 20_000  # random changes after which a sequence that meets the constraints is not looked for any more
INDELS = 0.2  # share of changes that are insertions and deletions


@dataclass(frozen=True)
class Constraints:
    """All of them; letters are upper-case DNA."""

    shortest: int  # nt, fixed ends included
    longest: int
    five_prime: str = ""  # first letters
    three_prime: str = ""  # last letters
    gc_low: float = 0.0  # share of G and C, fixed ends included
    gc_high: float = 1.0
    motifs: tuple[str, ...] = ()  # IUPAC letters, that may not begin in the UTR on the strand given
    no_uaug: bool = False
    following: str = "ATG"  # letters after the UTR, for motifs and AUGs across its end

    def faults(self, sequence: str) -> int:
        """How many letters and matches too many or too few; 0: all constraints hold."""
        return sum(self.broken(sequence).values())

    def broken(self, sequence: str) -> dict[str, int]:
        """Faults by constraint."""
        length, gc = len(sequence), sequence.count("G") + sequence.count("C")
        low, high = math.ceil(self.gc_low * length - 1e-9), math.floor(self.gc_high * length + 1e-9)
        found = {
            "length": max(0, self.shortest - length, length - self.longest),
            "fixed ends": (not sequence.startswith(self.five_prime)) + (not sequence.endswith(self.three_prime)),
            "GC range": max(0, low - gc, gc - high),
            "no uAUG": (sequence + self.following[:2]).count("ATG") if self.no_uaug else 0,
        }
        if self._patterns:
            joined = sequence + self.following
            for motif, pattern in zip(self.motifs, self._patterns, strict=True):
                found[motif] = sum(match.start() < length for match in pattern.finditer(joined))
        return found

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        return [pattern_of(motif) for motif in self.motifs]

    def change(self, sequence: str, random: Random) -> str:
        """One letter substituted, inserted or deleted, between the fixed ends and within the length range; where
        the length is fixed, one letter is deleted and another inserted elsewhere. Nothing where no letter is free."""
        first, end = len(self.five_prime), len(sequence) - len(self.three_prime)
        if random.random() >= INDELS and end > first:
            at = random.randrange(first, end)
            return sequence[:at] + random.choice(LETTERS.replace(sequence[at], "")) + sequence[at + 1 :]
        grow, shrink = len(sequence) < self.longest, len(sequence) > self.shortest
        if grow and shrink:
            grow = random.random() < 0.5
            shrink = not grow
        elif not grow and not shrink:
            grow = shrink = end > first
        if shrink and end > first:
            at = random.randrange(first, end)
            sequence, end = sequence[:at] + sequence[at + 1 :], end - 1
        if grow:
            at = random.randint(first, end)
            sequence = sequence[:at] + random.choice(LETTERS) + sequence[at:]
        return sequence

    def fit(self, sequence: str, random: Random) -> str:
        """The sequence with the fixed ends put over its own, and changed at random until it has no fault.

        Raises:
            InputError: none was found; the message names what still fails.
        """
        ends = len(self.five_prime) + len(self.three_prime)
        free = sequence[len(self.five_prime) : max(0, len(sequence) - len(self.three_prime))]
        free = free[max(0, len(free) - (self.longest - ends)) :]  # what lies near the start codon stays
        free = "".join(random.choices(LETTERS, k=max(0, self.shortest - ends - len(free)))) + free
        best = self.five_prime + free + self.three_prime
        faults = self.faults(best)
        for _ in range(TRIES):
            if not faults:
                return best
            changed = self.change(best, random)
            if (now := self.faults(changed)) <= faults:
                best, faults = changed, now
        names = ", ".join(name for name, count in self.broken(best).items() if count)
        raise InputError(f"no sequence was found that meets all constraints; left unmet: {names}")

    def draw(self, random: Random) -> str:
        """A random sequence without a fault. Raises InputError as `fit` does."""
        length = random.randint(self.shortest, self.longest)
        gc = min(max(0.5, self.gc_low), self.gc_high)
        weights = [(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]
        return self.fit("".join(random.choices(LETTERS, weights, k=length)), random)


def pattern_of(motif: str) -> re.Pattern[str]:
    """Finds IUPAC letters in DNA, overlapping matches too."""
    return re.compile("(?=" + "".join(f"[{ambiguous_dna_values[letter]}]" for letter in motif) + ")")


def checked_letters(text: str, option: str, known: str = LETTERS) -> str:
    """Upper-case DNA. Raises InputError: other letters than `known`."""
    letters = plain(text)
    for position, letter in enumerate(letters, start=1):
        if letter not in known:
            raise InputError(f"{option} {text}: letter {text[position - 1]!r} at position {position} is not allowed")
    return letters


def site_motifs(enzymes: Sequence[str]) -> list[str]:
    """Recognition sites of restriction enzymes, both strands, each once.

    Raises:
        InputError: an enzyme that Bio.Restriction does not know.
    """
    if not enzymes:
        return []
    from Bio.Restriction.Restriction_Dictionary import rest_dict

    sites = []
    for name in enzymes:
        if name not in rest_dict:
            raise InputError(f"--forbid-site {name}: no restriction enzyme of this name (case matters: EcoRI)")
        for site in str(rest_dict[name]["site"]).split("|"):  # some recognise two
            sites += [site, reverse_complement(site)]
    return list(dict.fromkeys(sites))


def parse_range(text: str, option: str, most: float) -> tuple[float, float]:
    """LOW-HIGH, or one value for both, between 0 and `most`. Raises InputError where it is not that."""
    low, _, high = text.partition("-")
    try:
        ends = float(low), float(high or low)
    except ValueError:
        ends = -1.0, -1.0
    if not 0 <= ends[0] <= ends[1] <= most:
        raise InputError(f"{option} {text}: should be LOW-HIGH, or one value, from 0 to {most:g}")
    return ends


def make_constraints(
    length: tuple[int, int],
    gc: tuple[float, float],
    five_prime: str,
    three_prime: str,
    following: str,
    forbid_motif: Sequence[str],
    forbid_site: Sequence[str],
    no_uaug: bool,
) -> Constraints:
    """Constraints from a user's words.

    Raises:
        InputError: letters that are none, a range that holds nothing, or fixed ends that break another constraint.
    """
    iupac = "".join(ambiguous_dna_values)
    motifs = [checked_letters(motif, "--forbid-motif", iupac) for motif in forbid_motif if motif]
    ends = checked_letters(five_prime, "--five-prime"), checked_letters(three_prime, "--three-prime")
    if len(ends[0]) + len(ends[1]) > length[1]:
        raise InputError(f"the fixed ends hold {len(ends[0]) + len(ends[1])} letters, more than --length allows")
    motifs += site_motifs(forbid_site)
    shortest = max(length[0], len(ends[0]) + len(ends[1]))
    after = checked_letters(following, "--following")
    made = Constraints(shortest, length[1], *ends, *gc, tuple(dict.fromkeys(motifs)), no_uaug, after)
    for option, end, next_to in (("--five-prime", ends[0], ""), ("--three-prime", ends[1], after)):
        alone = Constraints(0, length[1], motifs=made.motifs, no_uaug=no_uaug, following=next_to)
        for name, count in alone.broken(end).items():
            if count:
                raise InputError(f"{option} {end}: breaks the constraint {name}")
    return made
