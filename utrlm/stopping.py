"""SIGTERM, by which schedulers ask a command to end."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from utrlm.errors import InterruptedRunError


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends what is being done, wherever that is, as Ctrl-C does; a second one ends the process at once.

    Raises:
        InterruptedRunError: SIGTERM arrived.
    """

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        raise InterruptedRunError("stopped by SIGTERM; give the same command again")

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def catch_sigterm() -> Iterator[list[int]]:
    """A list that is empty until SIGTERM arrives, which ends nothing meanwhile."""
    received: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = signal.signal(signal.SIGTERM, remember)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)
