"""The folder of a training: one at a time, and not for other tables, teachers or recipes than it was begun with."""

import subprocess
import sys
from dataclasses import replace

import pytest

from utrlm.errors import InputError
from utrlm.recipe import read_recipe
from utrlm.training import checkpoint, claim, finetune
from utrlm.training.build import inputs
from utrlm.training.claim import claimed
from utrlm.training.finetune import export_checkpoint, finetune_file
from utrlm.training.pretrain import pretrain_file

from .mini import trained

pytestmark = pytest.mark.usefixtures("eager")


def begin(data, resume=True, **settings):
    """What a training does first, in `data`/run."""
    plan = replace(read_recipe(data / "mini.toml"), **settings)
    with claimed(data / "run", plan, inputs(plan, data), resume):
        pass


def correct(path):
    """The table with one cell changed."""
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], lines[-1] + "1"]) + "\n")


def test_corrected_labels_are_not_taken_for_the_old_ones(data):
    begin(data)
    trained(data)
    begin(data)
    begin(data, seeds=3, distil=True)  # of the same recipe, each in its own folder
    correct(data / "a.csv")
    with pytest.raises(InputError, match=r"run: of a run with another a\.csv; --restart begins anew"):
        begin(data)
    with pytest.raises(InputError, match=r"another a\.csv"):  # nor is a card written that names them
        export_checkpoint(str(data / "mini.toml"), str(data), str(data / "x.onnx"), str(data / "run"))
    with pytest.raises(InputError, match=r"another recipe \(epochs\)"):
        begin(data, epochs=9.0)
    begin(data, resume=False)
    assert not (data / "run" / checkpoint.NAME).exists()
    begin(data)


def test_teachers_backbones_and_tables_to_draw_from_are_known(data):
    first, second = read_recipe(data / "mini.toml").sources
    names = ("t.onnx", "own.onnx", "b.safetensors", "known.csv")
    for name in names:
        (data / name).write_text("one")
    teacher, own, backbone = (str(data / name) for name in names[:3])
    sources = (replace(first, teachers=(own,), known="known.csv"), second)
    settings = {"teachers": (teacher,), "backbone": backbone, "sources": sources}
    begin(data, **settings)
    (data / "run/teachers.npy").touch()
    for name in names:
        (data / name).write_text("other")
        with pytest.raises(InputError, match=f"another (\\S*/)?{name};"):
            begin(data, **settings)
        (data / name).write_text("one")
    (data / "t.onnx").unlink()  # what it said is kept
    begin(data, **settings)


@pytest.mark.parametrize("kept", ["fold0.tsv", "seed1.onnx", "priors-train.npy", "fold1/checkpoint.pt"])
def test_all_that_is_kept_counts(data, kept):
    begin(data)
    correct(data / "a.csv")
    begin(data)  # nothing was made of the old table yet: it may be corrected
    (data / "run/fold1").mkdir()
    (data / "run" / kept).touch()
    correct(data / "a.csv")
    with pytest.raises(InputError, match=r"another a\.csv"):
        begin(data)
    begin(data, resume=False)
    assert not (data / "run" / kept).exists()


def test_a_run_from_before_there_were_stamps_is_continued(data):
    trained(data)
    begin(data)
    correct(data / "a.csv")
    with pytest.raises(InputError, match=r"another a\.csv"):
        begin(data)
    (data / "run" / checkpoint.STAMP).write_text("{\n")
    with pytest.raises(InputError, match=r"inputs\.jsonl: damaged"):
        begin(data)


def test_the_command_looks_before_it_takes_up_what_is_kept(data, monkeypatch):
    monkeypatch.setattr(finetune, "export_plan", lambda *_: None)
    arguments = (str(data / "mini.toml"), str(data), str(data / "x.onnx"), str(data / "run"), 1)
    finetune_file(*arguments)
    finetune_file(*arguments)
    correct(data / "a.csv")
    with pytest.raises(InputError, match=r"another a\.csv"):
        finetune_file(*arguments)
    finetune_file(*arguments, resume=False)


def test_so_does_the_one_that_pretrains(data, monkeypatch):
    def fail(*_):
        (data / "run" / checkpoint.NAME).touch()
        raise InputError("begun")

    monkeypatch.setattr("utrlm.training.pretrain.read_corpus", fail)
    for letters, said in (("ACGT", "begun"), ("ACGT", "begun"), ("ACGTA", r"another \S*a\.fa; --restart")):
        (data / "a.fa").write_text(f">one\n{letters}\n")
        with pytest.raises(InputError, match=said):
            pretrain_file((str(data / "a.fa"),), "tiny", 0, 1.0, str(data / "b"), str(data / "run"), 1)


def test_options_of_a_pretraining_are_those_it_was_begun_with(data, monkeypatch):
    def fail(*_):
        (data / "run" / checkpoint.NAME).touch()
        raise InputError("begun")

    monkeypatch.setattr("utrlm.training.pretrain.read_corpus", fail)
    for name in ("a.fa", "b.fa"):
        (data / name).write_text(">one\nACGT\n")

    def pretrain(fastas=("a.fa",), random=0, **more):
        paths = tuple(str(data / name) for name in fastas)
        pretrain_file(paths, "tiny", random, 1.0, str(data / "b"), str(data / "run"), 1, **more)

    with pytest.raises(InputError, match="begun"):
        pretrain()
    changed = {"fastas": ("a.fa", "b.fa"), "random": 5, "init": "backbone-tiny", "fold": True, "token_dropout": True}
    for name, value in changed.items():
        with pytest.raises(InputError, match=f"another --{name.removesuffix('s').replace('_', '-')};"):
            pretrain(**{name: value})
    with pytest.raises(InputError, match="begun"):
        pretrain()


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("none/x.onnx", "none/x.onnx: its folder is missing or may not be written to"),
        ("a.csv", "a.csv: would replace an input"),
        ("mini.toml", "mini.toml: would replace an input"),
        ("", "Is a directory"),
    ],
)
def test_a_place_for_the_output_is_there_before_the_work(data, output, message):
    with pytest.raises(InputError, match=message):
        finetune_file(str(data / "mini.toml"), str(data), str(data / output), str(data / "run"), 1)
    assert not (data / "run").exists()
    claim.check_output(str(data / "run/x.onnx"), data / "run", [])  # which the training makes
    claim.check_output(str(data / "runs/x.onnx"), data / "runs/x", [])  # and what lies above it


def test_restart_removes_what_runs_left_alone(data):
    (data / "run").mkdir()
    kept = [data / "run" / name for name in ("foldchange.tsv", "seedlings.onnx")]
    for path in [*kept, data / "run/fold0.tsv", data / "run/seed12.onnx"]:
        path.touch()
    begin(data, resume=False)
    assert [path for path in kept if path.exists()] == kept
    assert not (data / "run/fold0.tsv").exists() and not (data / "run/seed12.onnx").exists()


HOLDER = """
import sys, time
from pathlib import Path
from utrlm.training.claim import lock
held = lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def test_two_trainings_do_not_share_a_folder(data):
    (data / "run").mkdir()
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(data / "run")], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"held\n"
        for resume in (True, False):
            with pytest.raises(InputError, match="run: another training runs here; give another --checkpoint-dir"):
                begin(data, resume)
        child.kill()  # which lets go of it
    begin(data)
    begin(data)
