"""Standard input and output, closed, in another encoding, or coming a byte at a time."""

import gzip
import io
import subprocess
import sys
from types import SimpleNamespace

import pytest

from utrlm.errors import InputError
from utrlm.fasta import read_fasta

from .conftest import ROOT


class Slow(io.RawIOBase):
    """A pipe that gives a byte at a time."""

    def __init__(self, content):
        self._rest = iter(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        for byte in self._rest:
            buffer[0] = byte
            return 1
        return 0


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_slow_pipe(monkeypatch, pack):
    stdin = SimpleNamespace(buffer=io.BufferedReader(Slow(pack(b">a\nAC\n"))))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert [(one.id, one.sequence) for one in read_fasta("-")] == [("a", "AC")]


def closed(redirection, *arguments):
    """Runs utrlm-uorf with a stream closed."""
    command = [sys.executable, str(ROOT / "bin/utrlm-uorf"), *arguments]
    return subprocess.run(["sh", "-c", f'exec "$@" {redirection}', "sh", *command], capture_output=True)


@pytest.mark.parametrize(
    ("redirection", "arguments", "name"),
    [
        ("<&-", ["--fasta", "-", "--output", "-"], "input"),
        (">&-", ["--sequence", "ATGACC", "--output", "-"], "output"),
    ],
)
def test_closed_streams_are_one_line(redirection, arguments, name):
    done = closed(redirection, *arguments)
    assert (done.returncode, done.stderr.decode()) == (1, f"Error: standard {name} is closed\n")


def test_a_merge_to_a_closed_stream_is_an_input_error(monkeypatch, tmp_path):
    from utrlm.shards import merge

    (tmp_path / "s.manifest.json").write_text(
        '{"sample": "s", "shards": [{"name": "s.00001", "records": 0, "residues": 0}], "duplicates": []}'
    )
    (tmp_path / "s.00001.tsv").write_text("id\tlength\tflags\n")
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(InputError, match="standard output is closed"):
        merge("-", str(tmp_path), (str(tmp_path / "s.manifest.json"),))


def test_what_is_written_is_utf8_whatever_the_locale(run, fasta):
    done = run("uorf", "--fasta", fasta(">gän\nATGACC\n".encode()), "--output", "-", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines()[1].startswith("gän\t")
