"""Writing beside, then renaming: a file under its final name is always whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from utrlm.errors import InputError


@contextmanager
def written(path: str) -> Iterator[str]:
    """Name of a file to write; renamed to `path` on success, removed otherwise.

    A link is replaced and its target left alone: workflow engines link inputs into the folder that outputs are written
    to. A pipe or a device, such as /dev/stdout, cannot be renamed over: that is the name itself.

    Raises:
        InputError: the folder is missing or may not be written to, or the disk is full.
    """
    direct = os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
    beside = path if direct else f"{path}.{os.getpid()}.part"
    try:
        if not direct:  # a reader of a pipe would take it for the end
            open(beside, "wb").close()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    try:
        yield beside
        if not direct:
            os.replace(beside, path)
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror or error}") from error
    finally:
        if not direct:
            with suppress(FileNotFoundError):
                os.remove(beside)
