"""One seed, one injection: which step, which fault and which moment all follow from it."""

import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass

import numpy as np

from utrlm.models import open_model
from utrlm.shards import merge, split

from .lab import AT, ROOT, SHARD, SmallDisk, predict, weights

SPLIT = ["utrlm-split", "--fasta", "in.fa.gz", "--sample", "s", "--shard-residues", str(SHARD), "--output-dir", "out"]
PREDICT = ["utrlm-predict", "--cpus", "1", "--models", "own.onnx", "--fasta", "in.fa.gz", "--output", "out/out.tsv"]
MERGE = ["utrlm-merge", "--output", "out/out.tsv", "--tables-dir", "tables", "shards/s.manifest.json"]
FINETUNE = ["utrlm-finetune", "--cpus", "1", "--recipe", "mini.toml", "--data", ".", "--checkpoint-dir", "out"]
FINETUNE += ["--output", "out/m.onnx"]
STEPS = {  # command, files that it needs, what it ends with, processor seconds and file events that it takes
    "split": (SPLIT, ["in.fa.gz"], "out/s.manifest.json", 0.5, 20),
    "predict": (PREDICT, ["in.fa.gz", "own.onnx"], "out/out.tsv", 1.6, 6),
    "merge": (MERGE, ["shards", "tables"], "out/out.tsv", 0.4, 9),
    "finetune": (FINETUNE, ["a.csv.gz", "mini.toml"], "out/m.onnx", 8.0, 40),
}
KILLS = ("SIGKILL", "SIGTERM")
COMMON = (*KILLS, *KILLS, "full", "read-only", "clock", "memory")
FAULTS = {
    "split": (*COMMON, "damaged:in.fa.gz"),
    "predict": (*COMMON, "damaged:in.fa.gz", "gone:in.fa.gz", "cut:own.onnx"),
    "merge": (*COMMON, "gone:tables/s.00002.tsv", "cut:tables/s.00002.tsv", "cut:shards/s.manifest.json"),
    "finetune": (*KILLS, *KILLS, "full", "read-only", "clock", "damaged:a.csv.gz", "cut:mini.toml"),
    "head": KILLS,
}
WEIGHTS = {"split": 28, "predict": 28, "merge": 28, "finetune": 10, "head": 6}


@dataclass(frozen=True)
class Plan:
    """What a seed says."""

    step: str
    fault: str
    part: float  # of the run, the file or the disk: the moment

    @property
    def name(self):
        """For the table of what was injected."""
        return f"{self.step} {self.fault.split(':')[0]}"


def plan(seed):
    """What a seed says."""
    dice = random.Random(seed)
    step = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    return Plan(step, dice.choice(FAULTS[step]), dice.random())


class SkippedError(Exception):
    """This machine cannot do that; the reason."""


def inject(lab, seed):
    """Inject, judge, repeat without the fault, judge again: "line", "ended" or "too late"; else AssertionError."""
    one = plan(seed)
    if one.step == "head":
        return kill_head(lab, one)
    command, files, final, _, _ = STEPS[one.step]
    bench = lab.fresh(*files)
    done = FAULT_KINDS[one.fault.split(":")[0]](lab, one, command)
    assert "Traceback" not in done.said, done.said
    result = judge(lab, one, done, bench / final)
    lab.put(*files)  # what was broken is right again; what the broken run left stays
    recover(one.step, bench)
    check(lab, one.step)
    return result


def judge(lab, one, done, final):
    """How it ended: with the right result, or with nothing under the final name and at most one line."""
    if done.status == 0:
        check(lab, one.step)
        return "too late"
    if one.fault in KILLS and final.exists():  # it was whole before the signal came
        check(lab, one.step)
        return "too late"
    assert not final.exists(), f"{final.name} is there after exit status {done.status}"
    if one.fault in KILLS:
        number = getattr(signal, one.fault)
        ends = -number, 128 + number, -signal.SIGPROF  # the timer may go off when Python has let its handlers go
        assert done.status in ends, (done.status, done.said)
        assert done.said.count("\n") == 0, done.said
        return "ended"
    assert done.status == 1, (done.status, done.said)
    assert done.said.startswith("Error: "), done.said
    assert done.said.count("\n") == 0, done.said
    if one.step == "split":
        assert not list(final.parent.glob("*")), list(final.parent.glob("*"))
    return "line"


def signalled(lab, one, command):
    """A signal at a moment that the plan draws, by file events or by processor time."""
    _, _, _, seconds, events = STEPS[one.step]
    by_event = int(one.part * 1000) % 2
    moment = f"event:{int(one.part * events)}" if by_event else f"cpu:{0.05 + one.part * seconds:.3f}"
    return lab.run(command, (AT, one.fault, moment))


def short_of_memory(lab, one, command):
    """From a moment on, no more memory than is held: as a command loads its libraries, or works. Of predictions once a
    worker runs, for Python may wait for ever for a thread that has too little to begin."""
    _, _, _, _, events = STEPS[one.step]
    late = f"batch:{int(one.part * 12)}" if one.step == "predict" else f"event:{int(one.part * events)}"
    early = "import:utrlm.predict" if one.step == "predict" else "import:utrlm.shards"
    return lab.run(command, (AT, "memory", early if int(one.part * 1000) % 2 else late))


def full_disk(lab, one, command):
    """The output's folder holds 0 to 12 kB (finetune: 400 kB)."""
    size = int(one.part * (400_000 if one.step == "finetune" else 12_000)) // 4096 * 4096 + 4096
    return on_disk(lab, f"size={size}", command)


def read_only(lab, one, command):
    """The output's folder may not be written to."""
    return on_disk(lab, "ro", command)


def on_disk(lab, options, command):
    """Run with the output's folder on a tmpfs of its own, and keep what is on it."""
    disk, out = lab.bench / "disk", lab.bench / "out"
    try:
        with SmallDisk(disk, options) as mounted:
            out.rmdir()
            out.symlink_to(mounted)
            done = lab.run(command)
            left = [path for path in mounted.iterdir() if not path.name.endswith(".part")]
            out.unlink()
            out.mkdir()
            for path in left:
                shutil.copy(path, out)
    except subprocess.CalledProcessError as error:
        raise SkippedError("a tmpfs cannot be mounted") from error
    return done


def broken(lab, one, command):
    """A file that is gone, cut off, or damaged in its middle."""
    kind, name = one.fault.split(":")
    path = lab.bench / name
    content = bytearray(path.read_bytes())
    if kind == "damaged":
        content[10 + int(one.part * (len(content) - 20))] ^= 0x55
    path.write_bytes(content[: int(len(content) * one.part)] if kind == "cut" else content)
    if kind == "gone":
        path.unlink()
    return lab.run(command)


def clock(lab, one, command):
    """A clock that is ten years off, in either direction, or runs a thousand times too fast; nothing may come of it."""
    if not shutil.which("faketime"):
        raise SkippedError("faketime is not installed")
    return lab.run(command, ("faketime", "-f", ("+10y", "-10y", "+0 x1000")[int(one.part * 3)]))


FAULT_KINDS = {
    **dict.fromkeys(KILLS, signalled),
    **dict.fromkeys(("damaged", "gone", "cut"), broken),
    "full": full_disk,
    "read-only": read_only,
    "clock": clock,
    "memory": short_of_memory,
}


def recover(step, bench):
    """The same step again, in this process."""
    (bench / "out").mkdir(exist_ok=True)
    if step == "split":
        split(str(bench / "in.fa.gz"), "s", SHARD, str(bench / "out"))
    elif step == "predict":
        predict(bench / "in.fa.gz", bench / "out/out.tsv", [str(bench / "own.onnx")])
    elif step == "merge":
        merge(str(bench / "out/out.tsv"), str(bench / "tables"), (str(bench / "shards/s.manifest.json"),))


def check(lab, step):
    """The step's result is the right one, to the byte; of a training, to the bit of every weight."""
    out = lab.bench / "out"
    if step == "split":
        right = lab.right / "shards"
        manifest = "s.manifest.json"
        assert (out / manifest).read_bytes() == (right / manifest).read_bytes()
        for shard in right.glob("*.fa"):
            assert (out / shard.name).read_bytes() == shard.read_bytes()
    elif step == "finetune":
        for one, right in zip(weights(lab.bench), lab.weights, strict=True):
            np.testing.assert_array_equal(one, right)
        assert not (out / "m.onnx").exists() or open_model(out / "m.onnx")
    else:
        assert (out / "out.tsv").read_bytes() == (lab.right / "out.tsv").read_bytes()


def kill_head(lab, one):
    """End the head job after one of its lines; -resume must give the table of an unbroken run."""
    if not shutil.which("nextflow"):
        raise SkippedError("no nextflow")
    bench = lab.fresh("in.fa.gz")
    command = ["nextflow", "run", str(ROOT / "main.nf"), "--fasta", "in.fa.gz", "--shard_residues", "12000"]
    command += ["--outdir", "out", "--tasks", "mrl", "--report", "false"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NXF_ANSI_LOG": "false"}
    log, lines = bench / "head.log", int(one.part * 5)
    with log.open("w") as stream:
        head = subprocess.Popen(command, cwd=bench, env=env, stdin=subprocess.DEVNULL, stdout=stream)
    while head.poll() is None and log.read_text().count("Submitted process") < lines:
        time.sleep(0.2)
    head.send_signal(getattr(signal, one.fault))
    status = head.wait()
    resumed = subprocess.run([*command, "-resume"], cwd=bench, env=env, stdin=subprocess.DEVNULL, capture_output=True)
    assert resumed.returncode == 0, resumed.stdout.decode()
    assert (bench / "out/predictions.tsv").read_bytes() == (lab.right / "out.tsv").read_bytes()
    return "ended" if status else "too late"
