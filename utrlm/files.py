"""Writing beside, then renaming: a file under its final name is always whole."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from utrlm.errors import InputError


@contextmanager
def written(path: str) -> Iterator[str]:
    """Name of a file to write; renamed to `path` on success, removed otherwise.

    The name is drawn by chance, so that two runs with one output do not write into one file: in containers, or on the
    machines of a shared disk, they may well have one number of a process. Whose is renamed last, is there.

    A link is replaced and its target left alone: workflow engines link inputs into the folder that outputs are written
    to. A pipe, a device, or what this process has open, such as /dev/stdout, cannot be renamed over: that is the name
    itself.

    Raises:
        InputError: a folder of that name, a folder that is missing or may not be written to, or the disk is full.
    """
    if os.path.isdir(path):
        raise InputError(f"{path}: Is a directory")
    direct = os.path.exists(path) and (not os.path.isfile(path) or _is_open(path))
    beside = path if direct else f"{path}.{os.urandom(8).hex()}.part"
    try:
        if not direct:  # a reader of a pipe would take it for the end
            open(beside, "xb").close()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    try:
        yield beside
        if not direct:
            os.replace(beside, path)
    except BrokenPipeError:  # of any stream, since others may be written within
        raise
    except OSError as error:
        raise InputError(f"{error.filename or path}: {error.strerror or error}") from error
    finally:
        if not direct:
            with suppress(FileNotFoundError):
                os.remove(beside)


def _is_open(path: str) -> bool:
    """Whether a name leads to a file that this process has open already, as /dev/stdout does after "> file"."""
    while True:
        folder = os.path.realpath(os.path.dirname(path))
        if re.fullmatch(r"/dev/fd|/proc/.+/fd", folder):
            return True
        if not os.path.islink(path):
            return False
        path = os.path.join(folder, os.readlink(path))


def make_folder(path: str) -> Path:
    """A folder, made with those above it if missing. Raises InputError: it cannot be made."""
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    return Path(path)


def check_inputs_stay(settings: dict[str, Any]) -> None:
    """Raise InputError where an output would replace an input, and not a link to it, or another output."""
    seen: dict[str, str] = {}
    for option in ("output", "table", "trajectory", "plot", "bed", "summary", "output_vcf", "speed"):
        output = settings.get(option)
        if not isinstance(output, str) or output == "-":
            continue
        told = f"--{option.replace('_', '-')}"
        for name in ("fasta", "genome", "gtf", "vcf"):
            path = settings.get(name) or ""
            there = os.path.isfile(path) and os.path.isfile(output) and not os.path.islink(output)
            if there and os.path.samefile(path, output):
                raise InputError(f"{told} {output}: would replace --{name} {path}")
        place = os.path.abspath(output)
        if place in seen and not place.startswith("/dev/"):
            raise InputError(f"{told} {output}: is {seen[place]}, too")
        seen[place] = told
