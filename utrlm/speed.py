"""What a task was granted, and how fast it went."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

from utrlm.files import written


def granted_cpus() -> int:
    """Processors that this process may use: affinity and the cgroup's quota, whichever is less."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open("/sys/fs/cgroup/cpu.max", encoding="ascii") as file:
            quota, period = file.read().split()
    except (OSError, ValueError):
        return cpus
    return cpus if quota == "max" else max(1, min(cpus, int(quota) // int(period)))


@dataclass
class Speed:
    """What was done, in what time, with what."""

    device: str
    cpus: int
    records: int = 0
    letters: int = 0
    seconds: float = 0.0


@contextmanager
def timed(path: str | None, device: str, cpus: int) -> Iterator[Speed]:
    """Something to count in; written to `path` as JSON, with the seconds within, unless there is none or it failed.

    Raises:
        InputError: see `files.written`; a place that cannot be written to is told before the work.
    """
    speed = Speed(device, cpus)
    with written(path) if path else nullcontext() as beside:
        begun = time.monotonic()
        yield speed
        speed.seconds = round(time.monotonic() - begun, 3)
        if beside:
            Path(beside).write_text(json.dumps(asdict(speed)), encoding="utf-8")
