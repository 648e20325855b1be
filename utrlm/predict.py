"""From a FASTA to a table: the journey of every record.

Read, encode, gather a bounded window, sort by length, cut into batches, run, decode, put back
into input order, write. A record is always padded to the same length, whatever lies beside it,
so that its numbers do not depend on its neighbours, to the last bit.
"""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing
from itertools import chain, tee
from typing import Any

from utrlm.batches import AREA, PAIRS, batches, run_batch
from utrlm.card import STRUCTURE, ModelCard
from utrlm.decode import Writer, flags, open_writer
from utrlm.errors import InputError
from utrlm.fasta import Record, SeenIds, read_records
from utrlm.models import open_models
from utrlm.speed import granted_cpus, timed
from utrlm.structures import open_structures
from utrlm.tiles import run_tiles
from utrlm.uorf import COLUMNS, add_columns

WINDOW_RECORDS = 4096
WINDOW_RESIDUES = 1_000_000
BATCH_TOKENS = 2048  # larger batches were no faster on a CPU and took 650 MB at 8,192


class Predictor:
    """Opened models and the workers that run them."""

    def __init__(
        self,
        tasks: list[str] | None = None,
        models: list[str] | None = None,
        device: str = "auto",
        cpus: int = 0,
        batch_tokens: int = BATCH_TOKENS,
        fold: bool = False,
    ):
        """`cpus` 0 uses all that are granted; `fold` gives models of structure what thermodynamics says.

        Raises:
            InputError: see `models.open_models`.
        """
        self.models = open_models(tasks or [], models or [], device)
        self.cpus = min(cpus, granted_cpus()) if cpus else granted_cpus()
        self.batch_tokens = batch_tokens
        self.fold = fold

    def keep_scalar(self) -> list[ModelCard]:
        """Leave out the models that do not predict plain numbers of any sequence; the cards of the others.

        Raises:
            InputError: none is left.
        """
        self.models = [model for model in self.models if model.card.kind == "scalar"]
        if not self.models:
            raise InputError("none of the models predicts numbers that could be compared (kind scalar)")
        return [model.card for model in self.models]

    @property
    def columns(self) -> list[str]:
        """Names of the table's columns."""
        predicted = chain.from_iterable(model.card.columns for model in self.models)
        return ["id", "length", *predicted, "flags"]

    @property
    def texts(self) -> list[str]:
        """Names of the columns that hold no numbers."""
        cards = [model.card for model in self.models]
        told = [f"{card.name}_{target.name}" for card in cards for target in card.targets if target.unit == STRUCTURE]
        return ["id", *told, "flags"]

    def rows(self, records: Iterator[Record]) -> Generator[dict[str, Any], None, None]:
        """One row a record, in input order. The next window is read while the last one is computed.

        After an error, Ctrl-C or `close` no batch is begun any more.
        """
        seen, cards = SeenIds(), [model.card for model in self.models]
        with ThreadPoolExecutor(self.cpus) as pool, ExitStack() as stack:
            stack.callback(pool.shutdown, wait=False, cancel_futures=True)
            waiting: deque[tuple[list[Record], dict[Any, Future[Any]]]] = deque()
            for window in chain(windows(records), [None]):
                if window is not None:
                    waiting.append((window, self._submit(pool, window)))
                while waiting and (window is None or len(waiting) > 1):
                    held, futures = waiting.popleft()
                    values = {key: one for future in set(futures.values()) for key, one in future.result().items()}
                    for record in held:
                        row: dict[str, Any] = {"id": record.id, "length": len(record.codes)}
                        for number, model in enumerate(self.models):
                            row |= values[number, model.card.window(record.codes).tobytes()]
                            row |= dict.fromkeys(model.card.unbounded(len(record.codes)))
                        row["flags"] = flags(record.codes, cards, seen.repeats(record.id))
                        yield row

    def _submit(self, pool: ThreadPoolExecutor, window: list[Record]) -> dict[Any, "Future[Any]"]:
        """Start a window's batches: every distinct sequence once."""
        futures: dict[Any, Future[Any]] = {}
        for number, model in enumerate(self.models):
            distinct = {model.card.window(record.codes).tobytes() for record in window}
            area = PAIRS if model.card.kind == "pairs" else AREA * self.batch_tokens
            keys = sorted(distinct, key=lambda key: (len(key), key))
            whole = [key for key in keys if len(key) <= model.card.context]
            for batch in batches(whole, self.batch_tokens, area):
                future = pool.submit(run_batch, number, model, batch, self.fold)
                futures |= {(number, key): future for key in batch}
            for key in keys[len(whole) :]:
                futures[number, key] = pool.submit(run_tiles, number, model, key, self.fold)
        return futures


def windows(records: Iterator[Record], most: int = WINDOW_RESIDUES) -> Iterator[list[Record]]:
    """Runs of records, bounded in number and, by `most`, in letters."""
    window: list[Record] = []
    residues = 0
    for record in records:
        window.append(record)
        residues += len(record.codes)
        if len(window) == WINDOW_RECORDS or residues >= most:
            yield window
            window, residues = [], 0
    if window:
        yield window


def open_table(output: str, form: str, predictor: Predictor, uorf: bool) -> AbstractContextManager[Writer]:
    """A table with the columns of a predictor and, with `uorf`, those of upstream AUGs before the flags."""
    columns = predictor.columns
    if uorf:
        columns[-1:-1] = COLUMNS
    return open_writer(output, form, columns, [*predictor.texts, COLUMNS[-1]], ["length", *COLUMNS[:-1]])


def check_fold(cards: list[ModelCard], fold: bool) -> None:
    """Raise InputError for `fold` without a model of structure."""
    if fold and not any(card.kind == "pairs" for card in cards):
        raise InputError("--fold is for models of structure: add --tasks structure, or a model of your own")


def predict_fasta(
    fasta: str | None,
    sequence: str | None,
    output: str,
    tasks: list[str],
    models: list[str],
    device: str,
    cpus: int,
    batch_tokens: int,
    form: str,
    fold: bool = False,
    structures: str | None = None,
    ct: bool = False,
    pseudoknots: bool = False,
    uorf: bool = False,
    if_any: bool = False,
    speed: str | None = None,
) -> int:
    """Predict every record of a FASTA (or one sequence) into a table; returns the number of rows.

    With `structures`, a folder, the files of `structures.open_structures` as well (with `if_any`, and
    neither `ct` nor `pseudoknots`, only where a model predicts structures); with `uorf`, the counts of
    `uorf.COLUMNS` before the flags; with `speed`, a file of how fast it went (`speed.timed`).

    Raises:
        InputError: anything wrong with the input, the models or the output's place.
    """
    records = read_records(fasta, sequence)
    if (ct or pseudoknots) and not structures:
        raise InputError("--ct and --pseudoknots go with --structures DIR")
    predictor = Predictor(tasks, models, device, cpus, batch_tokens, fold)
    cards = [model.card for model in predictor.models]
    check_fold(cards, fold)
    rows, files = 0, None
    with ExitStack() as stack:
        done = stack.enter_context(timed(speed, device, predictor.cpus))
        writer = stack.enter_context(open_table(output, form, predictor, uorf))
        if structures and (ct or pseudoknots or not if_any or any(card.kind == "pairs" for card in cards)):
            files = stack.enter_context(open_structures(structures, cards, ct, pseudoknots, fasta is None))
        again, read = tee(records)  # as far apart as the windows that are computed
        told = stack.enter_context(closing(predictor.rows(read)))
        for rows, (record, row) in enumerate(zip(again, told, strict=True), start=1):  # noqa: B007
            if uorf:
                add_columns(row, record)
            writer.write(row)
            done.letters += row["length"]
            if files:
                files.write(record, row)
        done.records = rows
    return rows
