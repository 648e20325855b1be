"""One batch through one model: sequences of one padded length, which makes no prediction depend on its neighbours."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from utrlm import alphabet
from utrlm.decode import DECODERS, Outputs, Row
from utrlm.errors import InputError
from utrlm.fold import pair_probabilities
from utrlm.models import Model

STEP = 16  # a record is padded to the next multiple
AREA = 256  # a batch's padded letters times its length is at most this times the token budget
PAIRS = 65_536  # the same for models of structure, whose memory is all in their pairs
NO_MEMORY = ("out of memory", "failed to allocate memory")  # as onnxruntime and CUDA say it


def padded_length(length: int) -> int:
    """Length that a record of `length` nt is padded to, alone or among others."""
    return -(-length // STEP) * STEP


def batches(keys: list[bytes], batch_tokens: int, area: int) -> Iterator[list[bytes]]:
    """Cut sequences, sorted by length, into batches of one padded length within the budgets.

    `batch_tokens`: letters; `area`: letters times their length.
    """
    batch: list[bytes] = []
    for key in keys:
        length = padded_length(len(key))
        size = max(2, min(batch_tokens // length, area // length**2))  # one is filled up to two, see `fill_batch`
        if batch and (padded_length(len(batch[0])) != length or len(batch) >= size):
            yield batch
            batch = []
        batch.append(key)
    if batch:
        yield batch


def run_batch(number: int, model: Model, keys: list[bytes], fold: bool) -> dict[Any, Row]:
    """Predict one batch -> columns by (model's number, sequence)."""
    windows = [np.frombuffer(key, dtype=np.uint8) for key in keys]
    rows = DECODERS[model.card.kind](model.card.told(fold), raw_outputs(model, keys, fold), windows)
    return {(number, key): row for key, row in zip(keys, rows, strict=True)}


def raw_outputs(model: Model, keys: list[bytes], fold: bool) -> Outputs:
    """What the network says of a batch, by output's name. What a GPU has no memory for is halved.

    Raises:
        InputError: the network cannot be run on sequences.
    """
    codes = fill_batch(keys)
    feeds = {"codes": codes}
    if model.card.kind == "pairs":
        feeds["prior"] = priors(codes, len(keys), fold)
    try:
        raw = model.session.run(list(model.outputs), feeds)
    except Exception as error:  # onnxruntime has no common base class
        if len(keys) > 1 and any(words in str(error).lower() for words in NO_MEMORY):
            half = len(keys) // 2
            parts = [raw_outputs(model, part, fold) for part in (keys[:half], keys[half:])]
            return {name: np.concatenate([part[name] for part in parts]) for name in model.outputs}
        raise InputError(f"{model.path}: its network cannot be run: {error}") from error
    return {name: value[: len(keys)] for name, value in zip(model.outputs, raw, strict=True)}


def fill_batch(keys: list[bytes]) -> np.ndarray:
    """Sequences of one padded length, padded on the left, as a model reads them. (at least 2, L) int64"""
    codes = np.full((max(2, len(keys)), padded_length(len(keys[0]))), alphabet.PAD, dtype=np.int64)
    codes[len(keys) :, -1] = alphabet.MASK  # a batch of one takes another matrix kernel, with other rounding
    for row, key in zip(codes, keys, strict=False):
        row[-len(key) :] = np.frombuffer(key, dtype=np.uint8)
    return codes


def priors(codes: np.ndarray, records: int, fold: bool) -> np.ndarray:
    """What thermodynamics says of the first `records` rows' pairs; -1 where it was not asked. (B, L) -> (B, L, L)"""
    table = np.full((*codes.shape, codes.shape[1]), -1.0, dtype=np.float32)
    for row, one in zip(codes[:records], table, strict=False) if fold else ():
        letters = row[row != alphabet.PAD]
        first = len(row) - len(letters)
        one[first:, first:] = pair_probabilities(letters)
    return table
