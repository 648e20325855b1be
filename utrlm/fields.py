"""Whether a dataclass that came from a user's file holds what its fields say."""

from dataclasses import fields
from typing import Any, get_args, get_origin


def check_types(made: Any) -> None:
    """Look at every field of a dataclass, and at those that are dataclasses in a tuple.

    Raises:
        TypeError: a value is not of its field's type; a whole number may stand for a float.
    """
    for one in fields(made):
        value = getattr(made, one.name)
        if not _fits(value, one.type):
            raise TypeError(f"{one.name} is {value!r:.100}, not {getattr(one.type, '__name__', one.type)}")


def _fits(value: Any, kind: Any) -> bool:
    origin = get_origin(kind)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(one, get_args(kind)[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict)
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return isinstance(value, kind)
