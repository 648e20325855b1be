"""Tables of measured sequences, and splits by group: what lets a score be believed.

Sequences that share `kmer` letters in a row, or a value of the group column, form one group, over
all tables together; a group lies in one split. Needs the extra `evaluate` (pandas, scipy).
"""

import lzma
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from utrlm import alphabet
from utrlm.card import PROBABILITY
from utrlm.errors import InputError
from utrlm.groups import group_by_kmers, join_groups
from utrlm.pairs import parse_structure
from utrlm.recipe import Recipe
from utrlm.recipe_parts import Source
from utrlm.tasks import Target

OWN = re.compile(r"`([^`\n]+)`(?:\.notna\(\)| == '(\w+)')")  # the queries of `own.table_recipe`


def read_table(path: Path, **how: Any) -> pd.DataFrame:
    """A CSV, TSV or Parquet table, compressed or not; `how`: of the former two, as pandas' reader takes it.

    Raises:
        InputError: the file is missing or cannot be read as a table.
    """
    try:
        path.open("rb").close()  # the readers of pandas say in many ways that a file is missing
        if ".parquet" in path.suffixes:
            return pd.read_parquet(path)
        return pd.read_csv(path, sep="\t" if ".tsv" in path.suffixes else ",", **how)
    except (OSError, ValueError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OverflowError) as error:
        raise InputError(f"{path}: {getattr(error, 'strerror', None) or str(error) or 'cut off'}") from error


def build_table(recipe: Recipe, data: Path, fold: int | None = None) -> pd.DataFrame:
    """All sources of a recipe as one table; with a `fold`, the part with that number is the test.

    Columns: sequence (upper case, T), target, binary (its unit is a probability), label (target's unit), structure
    (dot-bracket, kind "pairs" only), part (name it is scored under), weight, family (weight in the loss of
    differences), measured (the label, whatever teachers make of it), repeat, rank, source, row (in its file), group,
    split (train, valid, test, or dropped: a near copy of a test or valid sequence in a table whose test rows
    are fixed by a query or by the recipe's `identity`, and all rows of a table that is not learned).
    """
    task = recipe.asked
    targets = {target.name: target for target in task.targets}
    parts = [_read_source(source, data, task.kind, targets[source.target]) for source in recipe.sources]
    table = pd.concat(parts, ignore_index=True)
    shared = group_by_kmers(table["sequence"].to_numpy(), recipe.kmer)
    table["group"] = join_groups(shared, table["group"].to_numpy())
    table["split"] = _split(table, recipe, fold)
    table.loc[table["repeat"] == 0, "split"] = "dropped"
    if recipe.identity:
        table.loc[_near_held_out(table, recipe.identity), "split"] = "dropped"
    return table


def _read_source(source: Source, data: Path, kind: str, target: Target) -> pd.DataFrame:
    """One source's rows, checked, with the split that its queries ask for."""
    path = data / source.file
    raw = read_table(path).reset_index(drop=True)  # a Parquet file may bring an index of its own
    said = _values(raw, source.label, path)
    if source.keep:
        raw = _query(raw, source.keep, path)
        said = said[raw.index]
    if raw.empty:
        raise InputError(f"{path}: no row to use" + (f" where {source.keep}" if source.keep else ""))
    structure = _texts(said, "structure", path) if kind == "pairs" else pd.Series("", index=said.index)
    sequence = _sequences(raw, source.sequence, path)
    label = structure.str.len() if kind == "pairs" else pd.to_numeric(said, errors="coerce")
    wrong = ~(label.astype(float).abs() <= np.finfo("f").max)  # nor infinite in the 32 bits that training has
    if wrong.any():
        row = label.index[wrong][0]
        raise InputError(f"{path}: row {row + 1}: label {str(said[row])!r} is not a number")
    named = _values(raw, source.group, path) if source.group else pd.Series("", index=raw.index)
    group = named.astype(str).where(named.notna(), "")  # an empty cell is no group
    rank = _amounts(raw, source.rank, "rank", path) if source.rank else pd.Series(0, index=raw.index)
    weight = _amounts(raw, source.weight, "weight", path) if source.weight else pd.Series(1.0, index=raw.index)
    weight = weight / (1 + rank / source.rank_scale)
    wanted = pd.Series("", index=raw.index)
    for name in ("valid", "test"):  # test wins where both queries hold
        if query := getattr(source, name):
            wanted[_query(raw, query, path).index] = name
    table = pd.DataFrame(
        {
            "sequence": sequence,
            "target": source.target,
            "binary": target.unit == PROBABILITY,
            "label": label.astype(float),
            "structure": structure,
            "part": source.name or source.target,
            "weight": weight.astype(float),
            "family": weight.astype(float) * source.family,
            "measured": label.astype(float),
            "repeat": source.repeat,
            "rank": rank,
            "source": source.file,
            "row": raw.index,
            "group": group,
            "wanted": wanted,
            "fixed": bool(source.test),
        }
    )
    for row, letters, text, number in zip(table.index, sequence, structure, table["label"], strict=True):
        _check_row(letters, text if kind == "pairs" else None, number, target, f"{path}: row {row + 1}")
    if source.known:
        known = _sequences(read_table(data / source.known), source.sequence, data / source.known)
        table = table[table["sequence"].isin(set(known))]
        if table.empty:
            raise InputError(f"{path}: no sequence of its rows is in {source.known}")
    return _average(table) if source.average else table


def _check_row(letters: str, structure: str | None, label: float, target: Target, where: str) -> None:
    """Raise InputError where a row cannot be learned from: it does not fit its letters or its target."""
    codes = alphabet.encode(letters, where)
    if structure is not None:
        parse_structure(structure, where)
        if len(structure) != len(letters):
            raise InputError(f"{where}: {len(letters)} letters, but a structure of {len(structure)}")
    if target.unit == PROBABILITY and label not in (0, 1):
        raise InputError(f"{where}: label {label:g} is neither 0 nor 1")
    if target.letters and bytes(alphabet.middle(codes, 2)) != bytes(alphabet.encode(target.letters)):
        raise InputError(f"{where}: the two letters in the middle are not {target.letters}, as of {target.name}")


def _texts(values: pd.Series, what: str, path: Path) -> pd.Series:
    """Values that must all be text of at least one sign."""
    for row, value in values.items():
        if not isinstance(value, str) or not value:
            raise InputError(f"{path}: row {int(str(row)) + 1}: no {what}")
    return values


def _sequences(raw: pd.DataFrame, expression: str, path: Path) -> pd.Series:
    """Sequences in upper case, with T for U."""
    return _texts(_values(raw, expression, path), "sequence", path).str.upper().str.replace("U", "T")


def _values(raw: pd.DataFrame, expression: str, path: Path) -> pd.Series:
    """A column, or what a pandas expression makes of columns."""
    if expression in raw.columns:
        return raw[expression]
    _check_expression(raw, expression, path)
    try:
        return pd.Series(raw.eval(expression), index=raw.index)
    except (ValueError, NameError, SyntaxError, TypeError, AttributeError, KeyError):
        there = ", ".join(map(str, raw.columns))
        raise InputError(f"{path}: no column {expression!r}; there are {there}") from None


def _amounts(raw: pd.DataFrame, expression: str, what: str, path: Path) -> pd.Series:
    """Weights or ranks, all of them numbers of 0 or more."""
    said = _values(raw, expression, path)
    amount = pd.to_numeric(said, errors="coerce").astype(float)
    wrong = ~amount.between(0, np.finfo("f").max)
    if wrong.any():
        row = amount.index[wrong][0]
        raise InputError(f"{path}: row {row + 1}: {what} {str(said[row])!r} is not a number of 0 or more")
    return amount


def _check_expression(raw: pd.DataFrame, expression: str, path: Path) -> None:
    """Raise InputError where an expression names more than columns: pandas' @ and names with __ reach into Python."""
    for column in raw.columns:
        expression = expression.replace(f"`{column}`", "")
    if "@" in expression or "__" in expression:
        raise InputError(f"{path}: {expression!r}: @ and __ have no place in an expression of columns")


def _average(table: pd.DataFrame) -> pd.DataFrame:
    """One row a distinct sequence: its first row with the mean label, weighing as much as all its rows."""
    same = table.groupby("sequence")
    mean, weights = same["label"].transform("mean"), same[["weight", "family"]].transform("sum")
    return table.assign(label=mean, measured=mean, **weights).drop_duplicates("sequence")


def _query(raw: pd.DataFrame, query: str, path: Path) -> pd.DataFrame:
    """Rows that a pandas query keeps."""
    own = OWN.fullmatch(query)
    if own and own[1] in raw:  # not by pandas, which does not know every header
        return raw[raw[own[1]] == own[2] if own[2] else raw[own[1]].notna()]
    _check_expression(raw, query, path)
    try:
        return raw.query(query)
    except (ValueError, NameError, SyntaxError, TypeError, AttributeError, KeyError) as error:
        raise InputError(f"{path}: query {query!r}: {error}") from error


def _split(table: pd.DataFrame, recipe: Recipe, fold: int | None) -> pd.Series:
    """Split of every row: its group's, decided by a query where a row of the group met one, else by hash."""
    share = 0.0 if recipe.folds else recipe.test_share  # after all folds one model learns from all
    first_tested, test_share = (0.0, share) if fold is None else (fold / recipe.folds, 1 / recipe.folds)
    first = table.groupby("group")["sequence"].transform("min")
    chance = first.map(lambda sequence: zlib.crc32(sequence.encode()) / 2**32 - first_tested) % 1
    if fold is None and share:  # one big family is no test, nor is it left out of the training
        chance[table.groupby("group")["group"].transform("size") > test_share * len(table)] = 1.0
    asked = table["wanted"].map({"": 0, "valid": 1, "test": 2}).groupby(table["group"]).transform("max")
    drawn = np.where(chance < test_share, "test", np.where(chance < test_share + recipe.valid_share, "valid", "train"))
    fixed = table.groupby("group")["fixed"].transform("any")  # a fixed table's groups are train unless asked
    split = pd.Series(np.where(fixed, "train", drawn), index=table.index)
    split[asked == 1] = "valid"
    split[asked == 2] = "test"
    split[table["fixed"] & (split != table["wanted"]) & (split != "train")] = "dropped"
    return split


def _near_held_out(table: pd.DataFrame, identity: float) -> np.ndarray:
    """Rows of train that are like one of valid or test, and of valid that are like one of test. (N,) bool"""
    from utrlm.distance import alike  # of the extra `design`: few recipes ask for it

    near = np.zeros(len(table), dtype=bool)
    for split, held_out in (("valid", ["test"]), ("train", ["test", "valid"])):
        rows = (table["split"] == split).to_numpy() & ~near
        others = table.loc[table["split"].isin(held_out).to_numpy() & ~near, "sequence"].unique()
        near[rows] = alike(table.loc[rows, "sequence"].tolist(), others.tolist(), identity)
    return near
