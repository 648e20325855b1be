"""Letters to codes and back: the only place that knows what a nucleotide looks like.

``PAD`` fills a batch, ``MASK`` stands for a letter that is there but not known. Upper and lower
case, U and T are the same letter. IUPAC ambiguity codes are read as ``MASK`` and reported by
``is_ambiguous``, so that nothing is guessed and nothing refused; every other byte is an error.
"""

import numpy as np

from utrlm.errors import InputError

LETTERS = "ACGT"
AMBIGUOUS = "NRYSWKMBDHV"
PAD, MASK = 0, 1
SIZE = 2 + len(LETTERS)
NAME = "PAD,MASK," + ",".join(LETTERS)  # written into every model, compared on loading
_INVALID = 255


def _code_table() -> np.ndarray:
    """Code of every byte. (256,) uint8"""
    table = np.full(256, _INVALID, dtype=np.uint8)
    for code, letter in enumerate(LETTERS, start=2):
        table[[ord(letter), ord(letter.lower())]] = code
    table[[ord("U"), ord("u")]] = table[ord("T")]
    for letter in AMBIGUOUS:
        table[[ord(letter), ord(letter.lower())]] = MASK
    return table


_CODES = _code_table()


def encode(sequence: str, where: str = "sequence") -> np.ndarray:
    """Codes of a sequence's letters. (L,) uint8

    Raises:
        InputError: a letter is no nucleotide; `where` names the record in the message.
    """
    letters = np.frombuffer(sequence.encode("utf-8"), dtype=np.uint8)
    codes: np.ndarray = _CODES[letters]
    if codes.size and codes.max() == _INVALID:
        position = next(i for i, letter in enumerate(sequence) if not _is_nucleotide(letter))
        raise InputError(f"{where}: letter {sequence[position]!r} at position {position + 1} is no nucleotide")
    return codes


def _is_nucleotide(letter: str) -> bool:
    return letter.isascii() and _CODES[ord(letter)] != _INVALID


def is_ambiguous(codes: np.ndarray) -> bool:
    """Whether any letter is unknown. `codes`: (L,)"""
    return bool((codes == MASK).any())
