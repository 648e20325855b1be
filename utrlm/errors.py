"""Exceptions that end a command in one line: the user's data is wrong, or a training was stopped."""


class InputError(Exception):
    """Something given by the user cannot be used; the message names file, record and position.

    Raised anywhere in the library, caught once, in ``options.command``, where it becomes one
    line on stderr and exit status 1.
    """


class InterruptedRunError(BaseException):
    """A command was asked to stop (SIGTERM); a training has written its checkpoint.

    Becomes one line on stderr and exit status 143, by which schedulers and Nextflow know to try again. No Exception,
    like Ctrl-C, so that nobody who catches these takes it for a damaged file or tries another way.
    """


class DivergedError(InputError):
    """A training's loss is not a number; the message names the step and the rows."""
