"""Vectors of many records to one file, written as they come: `.npz` for NumPy, `.parquet` for tables.

An `.npz` wants the number of rows before the first one. Rows therefore go to nameless temporary files
beside the output, and are copied into it, behind their headers, once all are there: the memory is that of
one row, and for a moment the disk holds everything twice.
"""

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from utrlm.errors import InputError
from utrlm.fasta import Record
from utrlm.files import written

GROUP_BYTES = 16_000_000  # of vectors in a row group


class Writer(Protocol):
    """Takes records one by one."""

    def write(self, record: Record, vectors: np.ndarray) -> None:
        """Append a record; vectors as `embed.embed_records` gives them."""

    def close(self) -> None:
        """Write what is held back."""


@contextmanager
def open_vectors(path: str, per: str, width: int) -> Iterator[Writer]:
    """A writer; the file appears under its name only when whole.

    Raises:
        InputError: a name that ends neither in .npz nor in .parquet.
    """
    kinds: dict[str, Any] = {".npz": NpzWriter, ".parquet": ParquetWriter}
    if Path(path).suffix not in kinds:
        raise InputError(f"{path}: the output's name ends in .npz or .parquet")
    with written(path) as beside, ExitStack() as stack:
        writer: Writer = kinds[Path(path).suffix](beside, per, width, stack)
        yield writer
        writer.close()


class NpzWriter:
    """Arrays id and length, and mean (N, D) and frames (N, 3, D), or embedding (letters, D) and offset (N + 1,)."""

    def __init__(self, path: str, per: str, width: int, stack: ExitStack):
        self._path, self._per, self._width = path, per, width
        names = ["id", "length", *(("mean", "frames") if per == "sequence" else ("embedding", "offset"))]
        folder = Path(path).parent
        self._files: dict[str, IO[bytes]] = {}
        for name in names:
            self._files[name] = stack.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
        self._rows = self._letters = self._longest = 0
        if per == "nucleotide":
            self._append("offset", np.int64(0))

    def _append(self, name: str, values: Any) -> None:
        self._files[name].write(values.tobytes())

    def write(self, record: Record, vectors: np.ndarray) -> None:
        """Append a record."""
        self._rows += 1
        self._longest = max(self._longest, len(record.id))
        self._files["id"].write(record.id.encode() + b"\n")
        self._append("length", np.int64(len(record.codes)))
        if self._per == "sequence":
            self._append("mean", vectors[0])
            self._append("frames", vectors[1:])
        else:
            self._letters += len(vectors)
            self._append("embedding", vectors)
            self._append("offset", np.int64(self._letters))

    def close(self) -> None:
        """Put the arrays together."""
        rows, width = self._rows, self._width
        shapes: dict[str, tuple[Any, ...]] = {
            "id": (np.dtype(f"<U{max(1, self._longest)}"), rows),
            "length": (np.dtype(np.int64), rows),
            "offset": (np.dtype(np.int64), rows + 1),
            "mean": (np.dtype(np.float32), rows, width),
            "frames": (np.dtype(np.float32), rows, 3, width),
            "embedding": (np.dtype(np.float32), self._letters, width),
        }
        with zipfile.ZipFile(self._path, "w") as archive:
            for name, file in self._files.items():
                kind, *shape = shapes[name]
                file.seek(0)
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    header = {"descr": kind.str, "fortran_order": False, "shape": tuple(shape)}
                    np.lib.format.write_array_header_1_0(member, header)  # type: ignore[arg-type]
                    if name == "id":
                        for line in file:
                            member.write(np.array(line[:-1].decode(), dtype=kind).tobytes())
                    else:
                        shutil.copyfileobj(file, member)


class ParquetWriter:
    """A row a record (id, length, mean, frame_0 to frame_2) or a letter (id, position from 1, letter, embedding)."""

    def __init__(self, path: str, per: str, width: int, stack: ExitStack):
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]

        vector, text, number = pyarrow.list_(pyarrow.float32(), width), pyarrow.string(), pyarrow.int32()
        columns = {"id": text, "length": number, "mean": vector, **{f"frame_{frame}": vector for frame in range(3)}}
        if per == "nucleotide":
            columns = {"id": text, "position": number, "letter": text, "embedding": vector}
        self._arrow, self._per = pyarrow, per
        self._schema = pyarrow.schema(list(columns.items()))
        self._file = stack.enter_context(pyarrow.parquet.ParquetWriter(path, self._schema))
        self._held: list[list[Any]] = []  # a list of columns a record
        self._bytes = 0

    def write(self, record: Record, vectors: np.ndarray) -> None:
        """Append a record, or its letters."""
        if self._per == "sequence":
            self._held.append([[record.id], [len(record.codes)], *(vector[None] for vector in vectors)])
        else:
            first, last = len(record.codes) - len(vectors), len(record.codes)
            positions = list(range(first + 1, last + 1))
            self._held.append([[record.id] * len(vectors), positions, list(record.sequence[first:]), vectors])
        self._bytes += vectors.nbytes
        if self._bytes > GROUP_BYTES:
            self.close()

    def close(self) -> None:
        """Write the records that are held as one row group."""
        if not self._held:
            return
        arrays = []
        for parts, field in zip(zip(*self._held, strict=True), self._schema, strict=True):
            if isinstance(parts[0], np.ndarray):
                flat = self._arrow.array(np.concatenate(parts).ravel())
                arrays.append(self._arrow.FixedSizeListArray.from_arrays(flat, type=field.type))
            else:
                arrays.append(self._arrow.array([one for part in parts for one in part], type=field.type))
        self._file.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
        self._held, self._bytes = [], 0
