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


def last(codes: np.ndarray, context: int) -> np.ndarray:
    """The last `context` letters: those before the start codon. (L,) -> (at most context,)"""
    return codes[-context:]


def middle(codes: np.ndarray, context: int) -> np.ndarray:
    """The `context` positions around the middle, padded where the sequence is shorter. (L,) -> (context,)

    Of an even number of letters L, the middle ones are L / 2 - 1 and L / 2, counted from 0; of an odd number,
    the right half is shorter by one.
    """
    return around(codes, (len(codes) - 1) // 2, context)


def around(codes: np.ndarray, position: int, context: int) -> np.ndarray:
    """As many letters before `position` and the next one as behind, padded. `context` is even. (L,) -> (context,)"""
    first = position + 1 - context // 2
    window = np.full(context, PAD, dtype=codes.dtype)
    window[max(0, -first) : len(codes) - first] = codes[max(0, first) : first + context]
    return window


# by a model's kind: what it reads of a sequence
WINDOWS = {"scalar": last, "site": middle, "pairs": last, "embedding": last}


def is_ambiguous(codes: np.ndarray) -> bool:
    """Whether any letter is unknown. `codes`: (L,)"""
    return bool((codes == MASK).any())
