"""SIGTERM, at whatever moment of a command: one line, a status of its own, and no file that is not whole."""

import os
import signal
from pathlib import Path

import pytest

from utrlm import options
from utrlm.errors import InterruptedRunError
from utrlm.files import written
from utrlm.stopping import catch_sigterm, ended_by_sigterm


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_command_ends_in_one_line_and_leaves_nothing(tmp_path, capsys):
    before = signal.getsignal(signal.SIGTERM)

    @options.command("Example:\n  none")
    def main():
        with written(str(tmp_path / "x.onnx")) as beside:
            Path(beside).write_text("half")
            try:  # as libraries do, which then try another way
                terminate()
            except Exception:
                pytest.fail("taken for an error")

    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 143
    assert capsys.readouterr() == ("", "stopped by SIGTERM; give the same command again\n")
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_second_one_ends_at_once():
    with pytest.raises(InterruptedRunError), ended_by_sigterm():
        try:
            terminate()
        finally:
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_training_step_is_ended_first():
    with ended_by_sigterm():
        with catch_sigterm() as received:
            terminate()
            assert received == [signal.SIGTERM]
        with pytest.raises(InterruptedRunError):
            terminate()
