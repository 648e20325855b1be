"""Writing beside, then renaming: a file under its final name is always whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from utrlm.errors import InputError


@contextmanager
def written(path: str) -> Iterator[str]:
    """Name of a file to write; renamed to `path` on success, removed otherwise.

    Raises:
        InputError: the folder is missing or may not be written to, or the disk is full.
    """
    beside = f"{path}.{os.getpid()}.part"
    try:
        open(beside, "wb").close()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    try:
        yield beside
        os.replace(beside, path)
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror or error}") from error
    finally:
        with suppress(FileNotFoundError):
            os.remove(beside)
