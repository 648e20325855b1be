"""What a backbone knows of a sequence: a vector a letter, or their means a sequence and a reading frame.

Read, padded and batched as predictions are, so that the same sequence has the same vectors, to the
last bit, whatever lies beside it. Rows are written as they come, through `vectors`.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

import numpy as np

from utrlm.batches import AREA, batches, raw_outputs
from utrlm.card import EMBEDDING
from utrlm.errors import InputError
from utrlm.fasta import Record, read_fasta
from utrlm.models import Model, backbones, open_model
from utrlm.predict import windows
from utrlm.speed import granted_cpus
from utrlm.vectors import open_vectors

FRAMES = 3
WINDOW_LETTERS = 65_536  # whose vectors are held at once: 32 MB at 128 numbers a letter


def embed_fasta(
    fasta: str | None, model: str, output: str, per: str, device: str, cpus: int, batch_tokens: int
) -> tuple[int, int]:
    """Write the embeddings of a FASTA; returns the numbers of records and of numbers in a vector.

    `model`: a shipped backbone's name or a file; `per`: "sequence" or "nucleotide".

    Raises:
        InputError: the FASTA or the model cannot be used, or the output is neither .npz nor .parquet.
    """
    if fasta is None:
        raise InputError("give --fasta FILE")
    opened = open_backbone(model, device)
    width, count = opened.session.get_outputs()[0].shape[-1], 0
    with open_vectors(output, per, width) as writer:
        for count, (record, vectors) in enumerate(  # noqa: B007
            embed_records(opened, read_fasta(fasta), per, cpus, batch_tokens), start=1
        ):
            writer.write(record, vectors)
    return count, width


def open_backbone(model: str, device: str = "auto") -> Model:
    """A model of embeddings: a shipped one by name, or a file.

    Raises:
        InputError: no model file of ours, or one of predictions.
    """
    known = backbones()
    if model not in known and not Path(model).exists():
        told = f"no such file, and no backbone that ships to embed with ({', '.join(known)})"
        raise InputError(f"--model {model}: {told}; utrlm-export --backbone makes a file of another")
    opened = open_model(known.get(model, Path(model)), device)
    if opened.card.kind != EMBEDDING:
        raise InputError(f"{opened.path}: gives no embeddings; make a model that does with utrlm-export --backbone")
    return opened


def embed_records(
    model: Model, records: Iterator[Record], per: str, cpus: int = 0, batch_tokens: int = 2048
) -> Iterator[tuple[Record, np.ndarray]]:
    """Records in input order, each with its vectors.

    Per "sequence" (1 + FRAMES, D): the mean over the letters that were read, then over those of each frame, see
    `pool`. Per "nucleotide" (L, D): the letters that were read, at most the card's `context` last ones.
    """
    workers = min(cpus, granted_cpus()) if cpus else granted_cpus()
    with ThreadPoolExecutor(workers) as pool:
        for window in windows(records, WINDOW_LETTERS):
            keys = [model.card.window(record.codes).tobytes() for record in window]
            cut = batches(sorted(set(keys), key=lambda key: (len(key), key)), batch_tokens, AREA * batch_tokens)
            found = dict(chain.from_iterable(pool.map(lambda batch: embed_batch(model, batch, per), cut)))
            for record, key in zip(window, keys, strict=True):
                yield record, found[key]


def embed_batch(model: Model, keys: list[bytes], per: str) -> list[tuple[bytes, np.ndarray]]:
    """Sequences of one padded length, each with its vectors, as `embed_records` gives them."""
    (embedding,) = raw_outputs(model, keys, fold=False).values()  # (B, L, D)
    letters = [rows[-len(key) :] for key, rows in zip(keys, embedding, strict=True)]
    if not all(np.isfinite(rows).all() for rows in letters):
        raise InputError(f"model {model.card.name!r} gave a value that is not a number")
    return [(key, pool(rows) if per == "sequence" else rows) for key, rows in zip(keys, letters, strict=True)]


def pool(letters: np.ndarray) -> np.ndarray:
    """Mean over all letters, then over those of frames 0, 1, 2. (L, D) -> (1 + FRAMES, D)

    Frame 0 is that of the last letter, counted back from the start codon; a frame without a letter is zeros.
    """
    backwards = letters[::-1]
    framed = [backwards[frame::FRAMES] for frame in range(FRAMES)]
    means = [part.mean(axis=0) if len(part) else np.zeros_like(letters[0]) for part in (letters, *framed)]
    return np.stack(means)
