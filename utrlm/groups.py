"""Groups of sequences that share letters in a row. Needs the extra `evaluate` (scipy)."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from utrlm import alphabet


def group_by_kmers(sequences: Sequence[str], kmer: int) -> np.ndarray:
    """Number of the group of every sequence; sharing `kmer` letters in a row joins two. (N,) int

    A sequence shorter than `kmer` is one k-mer as a whole. `kmer` is at most 27 (five letters a digit).
    """
    hashes = [kmers_of(sequence, kmer) for sequence in sequences]
    _, words = np.unique(np.concatenate(hashes), return_inverse=True)
    owner = np.repeat(np.arange(len(sequences)), [len(one) for one in hashes])
    return _components(owner, words, len(sequences))


def kmers_of(sequence: str, kmer: int) -> np.ndarray:
    """Number of every distinct k-mer of a sequence, or of the whole of a shorter one. (K,) int64"""
    digits = alphabet.encode(sequence).astype(np.int64) - alphabet.MASK
    if len(digits) < kmer:
        digits = np.concatenate([np.zeros(kmer - len(digits), dtype=np.int64), digits])
    powers = np.int64(5) ** np.arange(kmer, dtype=np.int64)
    return np.unique(np.lib.stride_tricks.sliding_window_view(digits, kmer) @ powers)


def join_groups(shared: np.ndarray, named: np.ndarray) -> np.ndarray:
    """Groups that join k-mer groups and named groups ("" is none). (N,) int"""
    has_name = named != ""
    _, names = np.unique(named[has_name], return_inverse=True)
    joined = _components(shared[has_name], names, int(shared.max()) + 1)
    groups: np.ndarray = joined[shared]
    return groups


def _components(left: np.ndarray, right: np.ndarray, lefts: int) -> np.ndarray:
    """Connected components of the bipartite graph of edges left-right, for each of `lefts` left nodes."""
    nodes = lefts + (int(right.max()) + 1 if len(right) else 0)
    graph = coo_array((np.ones(len(left), dtype=bool), (left, right + lefts)), shape=(nodes, nodes))
    labels: np.ndarray = connected_components(graph, directed=False)[1]
    return labels[:lefts]
