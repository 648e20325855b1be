"""A campaign: python -m tests.faults [--injections 200] [--first 0] [--seeds FILE]; prints what became of them."""

import argparse
import collections
import json
import tempfile
import time
from pathlib import Path

from .inject import SkippedError, inject, plan
from .lab import Lab


def attempt(lab, seed):
    """How one injection ended; "WRONG" with what was wrong."""
    try:
        return inject(lab, seed), ""
    except SkippedError as reason:
        return "skipped", str(reason)
    except AssertionError as wrong:
        return "WRONG", str(wrong)


def main():
    """Run the seeds, a JSON line each, then a table of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--injections", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=Path)
    parser.add_argument("--steps", nargs="*", help="only seeds of these")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.injections)
    if options.seeds:
        seeds = [int(line.split()[0]) for line in options.seeds.read_text().splitlines()]
    seeds = [seed for seed in seeds if not options.steps or plan(seed).step in options.steps]
    counts = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        for seed in seeds:
            began, one = time.monotonic(), plan(seed)
            how, why = attempt(lab, seed)
            counts[one.name][how] += 1
            values = {"seed": seed, "what": one.name, "how": how, "seconds": round(time.monotonic() - began, 1)}
            print(json.dumps(values | ({"why": why[-2000:]} if why else {})), flush=True)
    for name, ends in sorted(counts.items()):
        print(name, *(f"{how} {count}" for how, count in sorted(ends.items())), sep="\t")
    return any(ends["WRONG"] for ends in counts.values())


if __name__ == "__main__":
    raise SystemExit(main())
