"""What takes hours to compute before the first step, kept as it comes: a killed run has lost the last minute of it."""

import json
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from utrlm.files import written

SECONDS = 60  # between two parts


@contextmanager
def computed(kept: Path, digest: str, rest: Callable[[int], Generator[Any, None, None]]) -> Iterator[list[Any]]:
    """All that `rest(0)` yields, of which an earlier run may have kept the first n: then `rest(n)` yields the others.

    The body writes them to `kept`, beside which the parts lie until it has. Each value is the same after a trip through
    JSON; `digest` is of what they are computed from, so that those of something else are not taken for them.

    Raises:
        InputError: a part cannot be written.
    """

    def part(first: int) -> Path:
        return kept.with_name(f"{kept.name}.{digest[:12]}.{first}.json")

    values: list[Any] = []
    while part(len(values)).exists():
        values += json.loads(part(len(values)).read_text(encoding="utf-8"))
    saved, since = len(values), time.monotonic()

    def save() -> int:
        with written(str(part(saved))) as beside:
            Path(beside).write_text(json.dumps(values[saved:]), encoding="utf-8")
        return len(values)

    try:
        with closing(rest(saved)) as coming:
            for value in coming:
                values.append(value)
                if time.monotonic() - since > SECONDS:
                    saved, since = save(), time.monotonic()
    except BaseException:  # SIGTERM and Ctrl-C as well
        if len(values) > saved:
            save()
        raise
    yield values
    for path in kept.parent.glob(f"{kept.name}.*.json"):
        path.unlink()
