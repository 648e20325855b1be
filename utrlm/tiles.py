"""Structures of sequences longer than a model reads at once: overlapping tiles, and the mean of what they say.

Each tile begins half a tile behind the one before. Letters further apart than a tile never pair; further apart
than half of one, only where a tile holds both. Memory grows with the length, not with its square.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from utrlm.batches import raw_outputs
from utrlm.decode import Row, structure_columns
from utrlm.models import Model
from utrlm.pairs import by_distance


def run_tiles(number: int, model: Model, key: bytes, fold: bool) -> dict[Any, Row]:
    """Predict the structure of one sequence, as `batches.run_batch` does of several."""
    near = mean_of_tiles(len(key), model.card.context, told_of_tiles(model, key, fold))
    return {(number, key): structure_columns(model.card.told(fold), near)}


def told_of_tiles(model: Model, key: bytes, fold: bool) -> Iterator[tuple[int, np.ndarray]]:
    """Where each tile begins, and its pair probabilities, (tile, tile). Two a batch: what a batch is filled up to."""
    tile = model.card.context
    starts = tile_starts(len(key), tile)
    for two in (starts[first : first + 2] for first in range(0, len(starts), 2)):
        padded = raw_outputs(model, [key[start : start + tile] for start in two], fold)["probability"]
        yield from zip(two, padded[:, -tile:, -tile:], strict=True)


def tile_starts(length: int, tile: int) -> list[int]:
    """Where tiles begin in a sequence no shorter than one; the last one ends with it, the first begins with it."""
    step = max(1, tile // 2)
    return sorted({max(0, start) for start in range(length - tile, -step, -step)})


def mean_of_tiles(length: int, tile: int, told: Iterable[tuple[int, np.ndarray]]) -> np.ndarray:
    """Mean probability of every pair over the tiles that hold it, as `pairs.by_distance` has it. (length, tile)"""
    near = np.zeros((length, tile), dtype=np.float32)
    count = np.zeros((length, tile), dtype=np.uint8)
    held = by_distance(np.ones((tile, tile), dtype=np.uint8))
    for start, table in told:
        near[start : start + tile] += by_distance(table)
        count[start : start + tile] += held
    return np.divide(near, count, out=near, where=count > 0)
