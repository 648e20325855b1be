"""Exceptions that end a command in one line: the user's data is wrong, or a training was stopped."""


class InputError(Exception):
    """Something given by the user cannot be used; the message names file, record and position.

    Raised anywhere in the library, caught once, in ``options.command``, where it becomes one
    line on stderr and exit status 1.
    """


class InterruptedRunError(Exception):
    """A training was asked to stop (SIGTERM) and has written its checkpoint.

    Becomes one line on stderr and exit status 143, by which schedulers and Nextflow know to try again.
    """


class DivergedError(InputError):
    """A training's loss is not a number; the message names the step and the rows."""
