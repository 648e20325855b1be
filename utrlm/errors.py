"""The exceptions that end in one line: the user's data is wrong, or the run was asked to stop."""


class InputError(Exception):
    """Something given by the user cannot be used; the message names file, record and position.

    Raised anywhere in the library, caught once, in ``options.command``, where it becomes one
    line on stderr and exit status 1.
    """


class InterruptedRunError(Exception):
    """The run was asked to stop (SIGTERM) and has kept what it had; exit status 143, as of any process that it ends."""
