"""FASTA in: plain, gzipped or standard input, as a stream of records."""

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from Bio.SeqIO.FastaIO import SimpleFastaParser

from utrlm import alphabet
from utrlm.errors import InputError

MAX_LENGTH = 100_000  # nt; longer is a chromosome, not a UTR
GZIP_MAGIC = b"\x1f"  # its first byte, with which no text begins; a pipe may give no more at first


@dataclass(frozen=True)
class Record:
    """One FASTA entry, letters as they stand in the file, and their codes."""

    id: str
    description: str  # the whole title line, id included
    sequence: str
    codes: np.ndarray  # (L,) uint8, see `alphabet`


def read_fasta(path: str) -> Iterator[Record]:
    """Records of a FASTA file (plain or gz) or, for "-", of standard input.

    Raises:
        InputError: not to be opened, not FASTA, cut off, not UTF-8, a record without a name or a
            letter, one over 100,000 nt, or a letter that is no nucleotide.
    """
    name = "standard input" if path == "-" else path
    number = 0
    try:
        with _open_text(path) as text:
            for title, sequence in _parse(text, name):
                number += 1
                yield _record(title, sequence, name, number)
    except OSError as error:  # gzip.BadGzipFile is one
        raise InputError(f"{name}: {error.strerror or error} (after record {number})") from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{name}: the gzip stream is cut off or damaged after record {number}") from error


def read_records(fasta: str | None, sequence: str | None) -> Iterator[Record]:
    """Records of a FASTA, or one of a `sequence` given as letters.

    Raises:
        InputError: both, neither, or what `read_fasta` says.
    """
    if (fasta is None) == (sequence is None):
        raise InputError("give either --fasta FILE or --sequence LETTERS")
    if fasta is not None:
        return read_fasta(fasta)
    if not sequence:
        raise InputError("--sequence: no letters")
    return iter([Record("sequence", "sequence", sequence, alphabet.encode(sequence, "--sequence"))])


def _parse(text: IO[str], name: str) -> Iterator[tuple[str, str]]:
    """Titles and sequences, once the first letter shows that this is FASTA."""
    first = ""
    for line in text:
        first = line.removeprefix("\ufeff").strip()  # a byte order mark, as Windows editors put it
        if first:
            break
    if not first:
        return
    _check_text(first, f"{name}: before record 1")
    if not first.startswith(">"):
        kind = "FASTQ" if first.startswith("@") else "text"
        raise InputError(f"{name}: not FASTA: the first line should begin with '>', this looks like {kind}")
    yield from SimpleFastaParser(_Chained(first + "\n", text))


class _Chained:
    """A line that was read already, then the rest: what SimpleFastaParser iterates over."""

    def __init__(self, first: str, rest: IO[str]):
        self._first: str | None = first
        self._rest = rest

    def __iter__(self) -> Iterator[str]:
        if self._first is not None:
            line, self._first = self._first, None
            yield line
        yield from self._rest


def _check_text(text: str, where: str) -> None:
    """Raise InputError for a byte that is not UTF-8, see `_open_text`."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        byte = ord(text[error.start]) - 0xDC00
        raise InputError(f"{where}: byte 0x{byte:02x} is not UTF-8 text") from None


def _record(title: str, sequence: str, name: str, number: int) -> Record:
    _check_text(title + sequence, f"{name}: record {number}")
    words = title.split(None, 1)
    if not words:
        raise InputError(f"{name}: record {number} has no name after '>'")
    where = f"{name}: record {number} ({words[0]})"
    if not sequence:
        raise InputError(f"{where}: no letters")
    if len(sequence) > MAX_LENGTH:
        raise InputError(f"{where}: {len(sequence):,} nt; at most {MAX_LENGTH:,} nt make a UTR")
    return Record(words[0], title, sequence, alphabet.encode(sequence, where))


@contextmanager
def _open_text(path: str) -> Iterator[IO[str]]:
    """A text stream of the file, decompressed where its first byte says so; CRLF reads as LF.

    Bytes that are not UTF-8 come as surrogates, for `_check_text` to tell in which record they are.

    Raises:
        InputError: standard input is closed.
    """
    with ExitStack() as stack:
        if path == "-" and sys.stdin is None:
            raise InputError("standard input is closed")
        binary: Any = sys.stdin.buffer if path == "-" else stack.enter_context(open(path, "rb"))
        if binary.peek(1)[:1] == GZIP_MAGIC:
            binary = stack.enter_context(gzip.open(binary))
        yield io.TextIOWrapper(binary, encoding="utf-8", errors="surrogateescape")


class SeenIds:
    """Finds repeated ids: 64-bit hashes in a set, about 70 bytes a record (70 MB a million)."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def repeats(self, identifier: str) -> bool:
        """Whether this id was given before."""
        number = hash(identifier)
        if number in self._seen:
            return True
        self._seen.add(number)
        return False
