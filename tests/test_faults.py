"""Twenty injections from saved seeds; `make test-faults` runs two hundred."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from utrlm import options

from .faults.inject import SkippedError, inject, plan
from .faults.lab import Lab

SEEDS = [int(line.split()[0]) for line in (Path(__file__).parent / "faults/seeds.txt").read_text().splitlines()]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Inputs and right results, made once."""
    return Lab(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed}-{plan(seed).name.replace(' ', '-')}")
def test_the_right_table_or_one_line(lab, seed):
    try:
        inject(lab, seed)
    except SkippedError as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "Error: out of memory\n"),
        (ImportError("libtorch.so: failed to map segment"), "cannot be loaded: libtorch.so: failed to map segment\n"),
    ],
)
def test_too_little_memory_is_one_line(error, line):
    @options.command("")
    def main():
        raise error

    done = CliRunner().invoke(main, [])
    assert (done.exit_code, done.output.count("\n")) == (1, 1) and done.output.endswith(line)
