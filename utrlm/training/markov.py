"""The baseline of the language model: each letter guessed from the five before it."""

import numpy as np

from utrlm import alphabet

ORDER = 5
NUCLEOTIDES = len(alphabet.LETTERS)


def count(sequences: list[np.ndarray]) -> np.ndarray:
    """Probability of each nucleotide after each context, one added to every count. (4^5, 4)"""
    counts = np.ones((NUCLEOTIDES**ORDER, NUCLEOTIDES))
    for codes in sequences:
        np.add.at(counts, _contexts(codes), 1)
    shares: np.ndarray = counts / counts.sum(axis=1, keepdims=True)
    return shares


def scores(shares: np.ndarray, sequences: list[np.ndarray]) -> dict[str, float]:
    """Accuracy and perplexity over all letters that have five known ones before them; {} where there are none."""
    rows, letters = (np.concatenate(part) for part in zip(*map(_contexts, sequences), strict=True))
    if not len(rows):
        return {}
    right = (shares[rows].argmax(axis=1) == letters).mean()
    perplexity = np.exp(-np.log(shares[rows, letters]).mean())
    return {"markov_accuracy": round(float(right), 4), "markov_perplexity": round(float(perplexity), 4)}


def _contexts(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number of the context and of the letter after it, where all six are known. Two of (N,)"""
    digits = codes.astype(np.int64) - (alphabet.SIZE - NUCLEOTIDES)
    windows = np.lib.stride_tricks.sliding_window_view(digits, ORDER + 1)  # (L - 5, 6)
    windows = windows[(windows >= 0).all(axis=1)]
    return windows[:, :ORDER] @ NUCLEOTIDES ** np.arange(ORDER), windows[:, ORDER]
