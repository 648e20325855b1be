"""FASTA -> the sequences that a backbone learns from, and those that are held out."""

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.fasta import read_fasta
from utrlm.groups import group_by_kmers
from utrlm.recipe import Recipe
from utrlm.training.backbone_report import COUNTS

SHORTEST = 20  # nt; less is too little context to guess a letter from
VALID_SHARE = 0.05
RANDOM_LENGTHS = (25, 100)  # nt, of the random UTRs
HELD_OUT = "{:.0%} of the groups of sequences that share {} letters in a row are held out; random UTRs never are."


@dataclass(frozen=True)
class Corpus:
    """Sequences to learn from, and those of groups that were held out."""

    train: list[np.ndarray]  # each (L,) uint8
    valid: dict[str, list[np.ndarray]]  # by file
    groups: dict[str, np.ndarray]  # of these, (N,) int64
    counts: dict[str, dict[str, int]]  # by file, see COUNTS; what is repeated or short nothing learns


def read_corpus(fastas: tuple[str, ...], random_utrs: int, recipe: Recipe) -> Corpus:
    """Distinct sequences of 20 nt and more; whole groups that share 25 letters in a row are held out.

    Raises:
        InputError: a FASTA cannot be read, or nothing is left to learn from.
    """
    files: dict[str, str] = {}  # distinct sequence -> its file
    counts: dict[str, dict[str, int]] = {}
    names = [Path(fasta).name for fasta in dict.fromkeys(fastas)]
    for fasta in dict.fromkeys(fastas):
        name = Path(fasta).name if names.count(Path(fasta).name) == 1 else fasta
        count = counts[name] = dict.fromkeys(COUNTS, 0)
        for record in read_fasta(fasta):
            sequence = record.sequence.upper().replace("U", "T")
            count["records"] += 1
            count["short"] += len(sequence) < SHORTEST
            count["repeated"] += sequence in files
            if len(sequence) >= SHORTEST:
                files.setdefault(sequence, name)
    letters = list(files)
    groups = group_by_kmers(letters, recipe.kmer) if letters else np.zeros(0, dtype=np.int64)
    first: dict[int, str] = {}
    for group, sequence in zip(groups, letters, strict=True):
        first[group] = min(first.get(group, sequence), sequence)
    learned: list[np.ndarray] = []
    valid: dict[str, list[np.ndarray]] = {}
    held: dict[str, list[int]] = {}  # their groups
    for group, sequence in zip(groups, letters, strict=True):
        codes, name = alphabet.encode(sequence), files[sequence]
        held_out = zlib.crc32(first[group].encode()) / 2**32 < VALID_SHARE
        if held_out:
            valid.setdefault(name, []).append(codes)
            held.setdefault(name, []).append(group)
        else:
            learned.append(codes)
        counts[name]["held_out" if held_out else "learned"] += 1
    if not learned or not valid:
        raise InputError(f"{', '.join(fastas)}: {len(letters)} distinct UTRs of {SHORTEST} nt or more are too few")
    held_groups = {name: np.array(part) for name, part in held.items()}
    return Corpus(learned + draw_random(random_utrs, recipe.seed), valid, held_groups, counts)


def draw_random(count: int, seed: int) -> list[np.ndarray]:
    """Random UTRs of 25 to 100 nt. Each (L,) uint8"""
    random = np.random.default_rng(seed)
    lengths = random.integers(RANDOM_LENGTHS[0], RANDOM_LENGTHS[1] + 1, size=count)
    return [random.integers(alphabet.MASK + 1, alphabet.SIZE, size=n).astype(np.uint8) for n in lengths]
