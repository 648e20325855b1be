"""The one exception that means: the user's data is wrong, not the program."""


class InputError(Exception):
    """Something given by the user cannot be used; the message names file, record and position.

    Raised anywhere in the library, caught once, in ``options.command``, where it becomes one
    line on stderr and exit status 1.
    """
