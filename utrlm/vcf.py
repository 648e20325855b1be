"""VCF and BCF in, annotated bgzipped VCF out. Needs the extra `genome` (pysam)."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pysam

from utrlm.errors import InputError
from utrlm.files import written
from utrlm.genome import Quiet

TAG = "UTRLM"
LONGEST_TBI = 1 << 29  # nt; a longer chromosome needs a .csi index
END_BLOCK = 28  # bytes that end a bgzipped file


class VariantReader:
    """Records of a VCF (plain, bgzipped) or BCF file, streamed; `-` is standard input."""

    def __init__(self, path: str):
        """Raises InputError: missing, gzipped but not bgzipped, or neither VCF nor BCF."""
        self.path = path
        try:
            with Quiet():
                self._file = pysam.VariantFile(path)
        except NotImplementedError as error:
            raise InputError(f"{path}: gzipped, not bgzipped; gunzip it, or compress it by bgzip") from error
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: not to be opened as VCF or BCF ({_reason(error)})") from error
        self.header = self._file.header

    def __iter__(self) -> Iterator[Any]:
        """pysam.VariantRecord, one by one.

        Raises:
            InputError: a line that cannot be read, or the file is cut off.
        """
        number = 0
        with Quiet():
            records = iter(self._file)
            while True:
                try:
                    record = next(records)
                except StopIteration:
                    return
                except (OSError, ValueError) as error:
                    raise InputError(f"{self.path}: {_reason(error)} (after record {number})") from error
                number += 1
                yield record

    def describe(self, fields: list[str]) -> None:
        """Declare INFO UTRLM with the names of its fields. Call it before reading.

        Raises:
            InputError: the file has an INFO of that name already.
        """
        if TAG in self.header.info:
            raise InputError(f"{self.path}: has INFO {TAG} already; annotate the original file")
        self.header.info.add(
            TAG, ".", "String", f"Effects on 5' UTRs predicted by utrlm, one a transcript: {'|'.join(fields)}"
        )


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0] if text else type(error).__name__


def packed(cells: list[str]) -> str:
    """One entry of INFO UTRLM; what divides entries and fields in a VCF stands in no value."""
    return "|".join("".join("_" if c in "|,;= \t" else c for c in cell.replace(",", "&")) for cell in cells)


@contextmanager
def open_vcf_writer(path: str, header: Any) -> Iterator[Callable[[Any], None]]:
    """A function that writes a pysam.VariantRecord; bgzipped, and indexed when all is written.

    `header` is the reader's own, and is written last: htslib adds to it what records use and it does not declare.
    Records are written as text, since pysam's writer gives END to those that lack it.

    Raises:
        InputError: the name does not end in .vcf.gz or is no regular file's, the place may not be written to, or the
            records are unsorted or no UTF-8 text.
    """
    if not path.endswith(".vcf.gz"):
        raise InputError(f"{path}: the name should end in .vcf.gz")
    if os.path.exists(path) and not os.path.isfile(path):
        raise InputError(f"{path}: no regular file, which an indexed VCF must be")
    csi = any((contig.length or 0) >= LONGEST_TBI for contig in header.contigs.values())
    index = path + (".csi" if csi else ".tbi")
    with written(path) as beside, written(index) as index_beside, _temporary(path) as body:
        try:
            with pysam.BGZFile(body.name, "wb", None) as file:
                yield lambda record: file.write(str(record).encode())
            with pysam.BGZFile(beside, "wb", None) as file:
                file.write(str(header).encode())
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: cannot be written; the input is not UTF-8 text, which a VCF must be") from error
        with open(beside, "r+b") as whole:  # bgzipped parts, joined, are a bgzipped whole
            whole.seek(-END_BLOCK, os.SEEK_END)
            shutil.copyfileobj(body, whole)
        try:
            with Quiet():
                pysam.tabix_index(beside, force=True, preset="vcf", csi=csi, index=index_beside)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be indexed; are the input's records sorted by position?") from error
        if not os.path.getsize(index_beside):
            raise InputError(f"{path}: cannot be indexed; are the input's records sorted by position?")


def _temporary(path: str) -> Any:
    """A file beside `path` that is gone when it is closed."""
    return tempfile.NamedTemporaryFile(dir=os.path.dirname(path) or ".", prefix=os.path.basename(path), suffix=".part")
