"""Tables of measured sequences, and splits by group: what lets a score be believed.

Sequences that share `kmer` letters in a row, or a value of the group column, form one group, over
all tables together; a group lies in one split. Needs the extra `evaluate` (pandas, scipy).
"""

import hashlib
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from utrlm import alphabet
from utrlm.errors import InputError
from utrlm.recipe import Recipe, Source


def read_table(path: Path) -> pd.DataFrame:
    """A CSV, TSV or Parquet table, compressed or not.

    Raises:
        InputError: the file is missing or cannot be read as a table.
    """
    try:
        if ".parquet" in path.suffixes:
            return pd.read_parquet(path)
        return pd.read_csv(path, sep="\t" if ".tsv" in path.suffixes else ",")
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: {error}") from error


def build_table(recipe: Recipe, data: Path) -> pd.DataFrame:
    """All sources of a recipe as one table.

    Columns: sequence (upper case, T), target, label (target's unit), weight, repeat, rank, source,
    row (in its file), group, split (train, valid, test, or dropped: a near copy of a test or
    valid sequence in a table whose test rows are fixed by a query).
    """
    table = pd.concat([_read_source(source, data) for source in recipe.sources], ignore_index=True)
    shared = group_by_kmers(table["sequence"].to_numpy(), recipe.kmer)
    table["group"] = _join_groups(shared, table["group"].to_numpy())
    table["split"] = _split(table, recipe)
    return table


def digest(recipe: Recipe, data: Path) -> str:
    """SHA-256 over the sources' files, in the recipe's order."""
    total = hashlib.sha256()
    for source in recipe.sources:
        total.update((data / source.file).read_bytes())
    return total.hexdigest()


def _read_source(source: Source, data: Path) -> pd.DataFrame:
    """One source's rows, checked, with the split that its queries ask for."""
    path = data / source.file
    raw = read_table(path)
    for column in filter(None, (source.sequence, source.label, source.group, source.rank)):
        if column not in raw.columns:
            raise InputError(f"{path}: no column {column!r}; there are {', '.join(map(str, raw.columns))}")
    if source.keep:
        raw = _query(raw, source.keep, path)
    label = pd.to_numeric(raw[source.label], errors="coerce")
    if label.isna().any():
        row = int(np.flatnonzero(label.isna())[0])
        raise InputError(f"{path}: row {row + 1}: label {raw[source.label].iloc[row]!r} is not a number")
    rank = raw[source.rank] if source.rank else pd.Series(0, index=raw.index)
    wanted = pd.Series("", index=raw.index)
    for name in ("valid", "test"):  # test wins where both queries hold
        if query := getattr(source, name):
            wanted[_query(raw, query, path).index] = name
    table = pd.DataFrame(
        {
            "sequence": raw[source.sequence].str.upper().str.replace("U", "T"),
            "target": source.target,
            "label": label.astype(float),
            "weight": 1 / (1 + rank / source.rank_scale) if source.rank else 1.0,
            "repeat": source.repeat,
            "rank": rank,
            "source": source.file,
            "row": np.arange(len(raw)),
            "group": source.file + ":" + raw[source.group].astype(str) if source.group else "",
            "wanted": wanted,
            "fixed": bool(source.test),
        }
    )
    for row, sequence in enumerate(table["sequence"]):
        alphabet.encode(sequence, f"{path}: row {row + 1}")
    if source.known:
        table = table[table["sequence"].isin(set(read_table(data / source.known)[source.sequence]))]
    return table


def _query(raw: pd.DataFrame, query: str, path: Path) -> pd.DataFrame:
    """Rows that a pandas query keeps."""
    try:
        return raw.query(query)
    except (ValueError, NameError, SyntaxError, TypeError) as error:
        raise InputError(f"{path}: query {query!r}: {error}") from error


def group_by_kmers(sequences: Sequence[str], kmer: int) -> np.ndarray:
    """Number of the group of every sequence; sharing `kmer` letters in a row joins two. (N,) int

    A sequence shorter than `kmer` is one k-mer as a whole. `kmer` is at most 27 (five letters a digit).
    """
    hashes, owners = [], []
    powers = np.int64(5) ** np.arange(kmer, dtype=np.int64)
    for number, sequence in enumerate(sequences):
        digits = alphabet.encode(sequence).astype(np.int64) - alphabet.MASK
        if len(digits) < kmer:
            digits = np.concatenate([np.zeros(kmer - len(digits), dtype=np.int64), digits])
        words = np.unique(np.lib.stride_tricks.sliding_window_view(digits, kmer) @ powers)
        hashes.append(words)
        owners.append(np.full(len(words), number))
    _, words = np.unique(np.concatenate(hashes), return_inverse=True)
    owner = np.concatenate(owners)
    return _components(owner, words, len(sequences))


def _join_groups(shared: np.ndarray, named: np.ndarray) -> np.ndarray:
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


def _split(table: pd.DataFrame, recipe: Recipe) -> pd.Series:
    """Split of every row: its group's, decided by a query where a row of the group met one, else by hash."""
    first = table.groupby("group")["sequence"].transform("min")
    chance = first.map(lambda sequence: zlib.crc32(sequence.encode()) / 2**32)
    drawn = np.where(
        chance < recipe.test_share, "test", np.where(chance < recipe.test_share + recipe.valid_share, "valid", "train")
    )
    asked = table["wanted"].map({"": 0, "valid": 1, "test": 2}).groupby(table["group"]).transform("max")
    fixed = table.groupby("group")["fixed"].transform("any")  # a fixed table's groups are train unless asked
    split = pd.Series(np.where(fixed, "train", drawn), index=table.index)
    split[asked == 1] = "valid"
    split[asked == 2] = "test"
    split[table["fixed"] & (split != table["wanted"]) & (split != "train")] = "dropped"
    return split
