"""A file under its final name is whole; what is no regular file is written to as it stands."""

import os
import subprocess
import sys
import threading
from contextlib import nullcontext

import pytest

from utrlm.decode import open_writer
from utrlm.errors import InputError
from utrlm.files import check_inputs_stay, written
from utrlm.speed import timed
from utrlm.table import read_table

from .conftest import ROOT


def write(path, text="new"):
    with written(str(path)) as beside, open(beside, "w") as stream:
        stream.write(text)


def test_whole_or_not_at_all(tmp_path):
    path = tmp_path / "o.tsv"
    write(path, "first")
    with pytest.raises(KeyError), written(str(path)) as beside:
        write(beside, "half")
        raise KeyError
    assert path.read_text() == "first"
    write(path)
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["o.tsv"]


def test_two_runs_with_one_output_do_not_mix(tmp_path, monkeypatch):
    """In containers both are process 1; the one that ends last has written the file, whole, and anyone may read it."""
    monkeypatch.setattr(os, "getpid", lambda: 1)
    path = tmp_path / "o.tsv"
    with written(str(path)) as slow, open(slow, "w") as stream:
        stream.write("a's first row\n")
        write(path, "b's rows\n")
        assert path.read_text() == "b's rows\n"
        stream.write("a's last row\n")
    assert path.read_text() == "a's first row\na's last row\n"
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert sorted(os.listdir(tmp_path)) == ["o.tsv", "plain"]


@pytest.mark.parametrize("name", ["none.csv", "none.tsv.gz", "none.parquet"])
def test_a_missing_table_is_named_once(tmp_path, name):
    with pytest.raises(InputError, match=rf"^{tmp_path}/{name}: No such file or directory$"):
        read_table(tmp_path / name)


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path):
    """Nextflow and Galaxy link a user's files into the folder of a task."""
    target, link = tmp_path / "genome.fa", tmp_path / "utrs.fa"
    target.write_text("the user's")
    link.symlink_to(target)
    write(link)
    assert target.read_text() == "the user's"
    assert link.read_text() == "new" and not link.is_symlink()


def test_a_pipe_gets_what_is_written_and_stays(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got = []
    reader = threading.Thread(target=lambda: got.append(path.read_text()), daemon=True)
    reader.start()
    write(path)
    reader.join(10)
    assert got == ["new"]
    assert path.is_fifo() and os.listdir(tmp_path) == ["pipe"]


def test_standard_output_by_a_name(run, fasta, tmp_path):
    """As /dev/stdout, which a fault here would replace; it leads to a pipe, which has no path."""
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    done = run("uorf", "--fasta", fasta(b">u1\nATGACC\n"), "--output", tmp_path / "stdout")
    assert (done.returncode, done.stdout[:2]) == (0, b"id"), done.stderr
    assert (tmp_path / "stdout").is_symlink()


@pytest.mark.parametrize("hops", [1, 2])
def test_standard_output_that_is_a_file_by_a_name(fasta, tmp_path, hops):
    """As --output /dev/stdout > o.tsv."""
    (tmp_path / "stdout").symlink_to("/proc/self/fd/1")
    (tmp_path / "link").symlink_to("stdout")
    command = [ROOT / "bin/utrlm-uorf", "--fasta", fasta(b">u1\nATGACC\n"), "--output"]
    with open(tmp_path / "o.tsv", "wb") as stdout:
        name = tmp_path / ("stdout" if hops == 1 else "link")
        subprocess.run([sys.executable, *command, name], stdout=stdout, check=True)
    assert (tmp_path / "o.tsv").read_bytes()[:2] == b"id"
    assert name.is_symlink() and len(os.listdir(tmp_path)) == 4


def test_wrong_places_are_told_before_the_work(tmp_path):
    for path, opened in (
        (tmp_path, written),
        (tmp_path / "none/s.json", lambda path: timed(path, "cpu", 1)),
        (tmp_path / "o.parquet", lambda path: open_writer(path, "tsv", [])),
        (tmp_path / "o.tsv.gz", lambda path: open_writer(path, "tsv", [])),
    ):
        with pytest.raises(InputError, match=f"^{path}: "), opened(str(path)):
            raise AssertionError("the work has begun")
    assert not os.listdir(tmp_path)


def test_an_output_does_not_replace_its_input(run, fasta, tmp_path):
    path = fasta(b">u1\nATGACC\n")
    os.link(path, tmp_path / "same.fa")
    done = run("uorf", "--fasta", path, "--output", tmp_path / "same.fa")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1) and b"would replace --fasta" in done.stderr
    (tmp_path / "link.fa").symlink_to(path)
    assert run("uorf", "--fasta", path, "--output", tmp_path / "link.fa").returncode == 0
    assert path.read_bytes() == b">u1\nATGACC\n" and not (tmp_path / "link.fa").is_symlink()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fasta": "in.fa", "output": "o.fa", "table": "in.fa"}, "--table in.fa: would replace --fasta in.fa"),
        ({"gtf": "in.fa", "output": "-", "bed": "in.fa"}, "--bed in.fa: would replace --gtf in.fa"),
        ({"output": "o.fa", "summary": "./o.fa"}, "--summary ./o.fa: is --output, too"),
        ({"fasta": "in.fa", "output": "-", "table": "-", "plot": None, "bed": "/dev/null", "summary": "/dev/null"}, ""),
    ],
)
def test_an_output_that_is_another_file_of_the_command(tmp_path, monkeypatch, settings, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.fa").write_text(">u1\nATGACC\n")
    with pytest.raises(InputError, match=message) if message else nullcontext():
        check_inputs_stay(settings)


def test_text_is_written_uncompressed(run, fasta, tmp_path):
    done = run("scan", "--fasta", fasta(b">g\nACGT\n"), "--output", tmp_path / "sites.bed.gz")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1) and b"leave out .gz" in done.stderr
    assert not (tmp_path / "sites.bed.gz").exists()


def test_places_not_to_be_written_to(tmp_path):
    for path, message in ((tmp_path / "none/o.tsv", "No such file"), (tmp_path, "directory")):
        with pytest.raises(InputError, match=message) as caught:
            write(path)
        assert str(path) in str(caught.value)
