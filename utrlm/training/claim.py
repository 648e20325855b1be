"""The folder of a training: for one at a time, and for what it was begun with.

Weights, out-of-fold predictions, what teachers said: all that a run keeps is taken up again without a look at the
tables. So the folder has a stamp, the recipe and digests of the files that the model is made from.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from utrlm.errors import InputError
from utrlm.files import written
from utrlm.models import sha256
from utrlm.recipe import Recipe
from utrlm.training import checkpoint, parallel
from utrlm.training.checkpoint import ADVICE, KEPT, STAMP, described, differences

LOCK = "lock"
Options = Mapping[str, Any]
NONE: Options = {}


@contextmanager
def claimed(
    folder: Path, recipe: Recipe, files: dict[str, Path], resume: bool = True, options: Options = NONE
) -> Iterator[None]:
    """Have `folder` alone, to continue what lies there, or if not `resume`, after it was removed.

    `files`: what the model is made from, by the names that a message calls them; `options`: settings of the command
    that no recipe holds. Of several processes the first has it.

    Raises:
        InputError: another training has it, or what lies there was made with another recipe or other files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        with parallel.first_alone():
            if parallel.rank() == 0:
                held.enter_context(lock(folder))
                if not resume:
                    checkpoint.restart(folder)
                stamp(folder, recipe, files, options)
        yield


def check_output(output: str, folder: Path, files: Iterable[Path]) -> None:
    """Raise InputError, before the work rather than after it, where the output cannot be written or is an input.

    It may lie in `folder`, which is still to be made with those above it, or in one of those.
    """
    path = Path(output)
    if path.is_dir():
        raise InputError(f"{output}: Is a directory")
    place, made = path.parent.resolve(), folder.resolve()
    usable = place.is_dir() and (os.access(place, os.W_OK) or path.exists())
    if not usable and (place.exists() or place not in (made, *made.parents)):
        raise InputError(f"{output}: its folder is missing or may not be written to")
    for file in files if path.is_file() and not path.is_symlink() else ():
        if file.is_file() and file.samefile(path):
            raise InputError(f"--output {output}: would replace an input")


def lock(folder: Path) -> IO[bytes]:
    """A file whose closing, or the end of the process, lets go of the folder.

    Raises:
        InputError: another process has it.
    """
    held = (folder / LOCK).open("ab")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:  # where a file system knows no locks, a run goes without
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            held.close()
            raise InputError(f"{folder}: another training runs here; give another --checkpoint-dir") from None
    return held


def stamp(folder: Path, recipe: Recipe, files: dict[str, Path], options: Options = NONE) -> None:
    """Compare the stamp with what is given. Where nothing lies there yet, or has no stamp, it gets this one.

    Raises:
        InputError: another recipe or other files.
    """
    path = folder / STAMP
    if path.exists() and any(checkpoint.found(folder, KEPT)):
        compare(folder, recipe, files, options)
        return
    with written(str(path)) as beside:
        Path(beside).write_text("\n".join(stamp_of(recipe, files, options)) + "\n", encoding="utf-8")


def compare(folder: Path, recipe: Recipe, files: dict[str, Path], options: Options = NONE) -> None:
    """Raise InputError where the stamp in `folder` tells of another recipe or other files; none tells nothing."""
    path = folder / STAMP
    if not path.exists():
        return
    try:
        before, now = path.read_text(encoding="utf-8").splitlines(), stamp_of(recipe, files, options)
        fields, names = (differences(one, other) for one, other in zip(before, now, strict=True))
    except ValueError as error:
        raise InputError(f"{path}: damaged; {ADVICE}") from error
    if fields or names:
        what = f"recipe ({', '.join(fields)})" if fields else ", ".join(names)
        raise InputError(f"{folder}: of a run with another {what}; {ADVICE}")


def stamp_of(recipe: Recipe, files: dict[str, Path], options: Options) -> list[str]:
    """Two JSON objects: the recipe, whatever its number of seeds, and options beside digests of the files there are."""
    digests = {name: sha256(path) for name, path in files.items() if path.is_file()}
    return [described(replace(recipe, seeds=1, distil=False)), json.dumps({**digests, **options})]
