"""What a cluster does to a run: no memory, no time, a cancelled job, a scheduler that goes away, a lost head job."""

import os
import re
import signal
import subprocess

import numpy as np
import pytest

from ..conftest import ROOT
from .conftest import COUNT, SHARDS, script, wait_until

pytestmark = pytest.mark.integration
SLOW = "process { withLabel: 'predict' { beforeScript = 'sleep %d' } }\n"


@pytest.fixture
def cluster(pipeline, slurm):
    """The pipeline with Slurm at hand."""
    pipeline.environment = slurm
    return pipeline


def jobs(cluster, *words):
    """Jobs of this run that Slurm knows (it remembers five minutes), as one line each, those with all words."""
    command = ["scontrol", "-o", "show", "jobs"]
    shown = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **cluster.environment}).stdout
    return [line for line in shown.splitlines() if str(cluster.folder) in line and all(word in line for word in words)]


def job_id(line):
    """Number of a job, that of its array included."""
    array = re.search(r"ArrayJobId=(\d+) ArrayTaskId=(\d+)", line)
    return "_".join(array.groups()) if array else re.search(r"JobId=(\d+)", line).group(1)


def test_shards_are_an_array(cluster, table):
    assert cluster.run(*SHARDS, profile="slurm") == table
    assert len(jobs(cluster, "ArrayTaskId=", "JobState=COMPLETED")) == COUNT
    assert len({re.search(r"ArrayJobId=(\d+)", line).group(1) for line in jobs(cluster, "ArrayTaskId=")}) == 1


def test_a_gpu_is_asked_for_by_gres(cluster, table):
    on_cpu = "process { withLabel: 'predict' { ext.device = 'cpu' } }\n"
    assert cluster.run(*SHARDS, profile="gpu,slurm", config=on_cpu) == table
    assert len(jobs(cluster, "TresPerNode=gres:gpu:1")) == COUNT


def test_out_of_memory_gets_more(cluster, table):
    little = "process { withLabel: 'predict' { memory = { task.attempt == 1 ? 30.MB : 2.GB } } }\n"
    assert cluster.run(*SHARDS, profile="slurm", config=little) == table
    assert sorted(cluster.trace("PREDICT")) == [("COMPLETED", "0")] * COUNT + [("FAILED", "137")] * COUNT
    assert len(jobs(cluster, "JobState=OUT_OF_MEMORY")) == COUNT


def test_out_of_time_gets_more(cluster, table):
    late = """process { withLabel: 'predict' {
        time = { 1.min * task.attempt ** 4 }
        beforeScript = { task.attempt == 1 && task.index == 1 ? 'sleep 200' : '' } } }\n"""
    assert cluster.run(*SHARDS, profile="slurm", config=late) == table
    assert sorted(cluster.trace("PREDICT"))[COUNT:] in ([("FAILED", "140")], [("FAILED", "143")])
    assert len(jobs(cluster, "JobState=TIMEOUT")) == 1


def test_a_cancelled_job_runs_again(cluster, table):
    head = cluster.start(*SHARDS, profile="slurm", config=SLOW % 5)
    running = wait_until(lambda: jobs(cluster, "PREDICT", "JobState=RUNNING"))
    subprocess.run(["scancel", job_id(running[0])], env={**os.environ, **cluster.environment}, check=True)
    assert head.wait() == 0
    assert cluster.table == table
    assert [status for status, _ in cluster.trace("PREDICT")].count("FAILED") == 1


def test_a_scheduler_that_goes_away_costs_nothing(cluster, table):
    head = cluster.start(*SHARDS, profile="slurm", config=SLOW % 5)
    wait_until(lambda: jobs(cluster, "PREDICT", "JobState=RUNNING"))
    script("slurm.sh", "restart", DOWN_SECONDS="15")
    assert head.wait() == 0
    assert cluster.table == table
    assert cluster.trace("PREDICT") == [("COMPLETED", "0")] * COUNT


def test_a_lost_head_job_loses_only_what_was_not_done(cluster, table):
    head = cluster.start(*SHARDS, profile="slurm", config=SLOW % 10)
    wait_until(lambda: (cluster.folder / ".nextflow.log").read_text().count("Task completed > TaskHandler") >= 3)
    head.send_signal(signal.SIGKILL)
    head.wait()
    subprocess.run(["scancel", "-u", "root"], env={**os.environ, **cluster.environment}, check=True)
    assert cluster.run(*SHARDS, "-resume", profile="slurm") == table
    statuses = [status for status, _ in cluster.trace("PREDICT")]
    assert len(statuses) == COUNT
    assert 2 <= statuses.count("CACHED") < COUNT
    assert cluster.run(*SHARDS, "-resume", profile="slurm") == table
    assert [status for status, _ in cluster.trace("PREDICT")] == ["CACHED"] * COUNT


RECIPE = """
name = "mini"
task = "mrl"
description = "for tests"
epochs = 100000
layers = 1
width = 16
heads = 2
feedforward = 16
batch_tokens = 1600
[[sources]]
file = "a.csv"
target = "egfp_unmod"
"""


def test_training_goes_on_after_its_time_limit(tmp_path, slurm):
    """Slurm's SIGTERM at the limit leaves a checkpoint; the same job submitted again continues from it."""
    random = np.random.default_rng(0)
    rows = ["".join(random.choice(list("ACGT"), 50)) for _ in range(100)]
    (tmp_path / "a.csv").write_text("utr,rl\n" + "".join(f"{row},{row.count('G')}\n" for row in rows))
    (tmp_path / "mini.toml").write_text(RECIPE)
    command = "utrlm-finetune --recipe mini.toml --data . --checkpoint-dir run --output mini.onnx --cpus 1"
    wrapped = f"export PATH={ROOT}/bin:$PATH; exec python {ROOT}/bin/{command}"
    steps = []
    for _ in range(2):
        arguments = ["sbatch", "--wait", "--time=1", "--mem=3G", "--output=job.%j.log", f"--wrap={wrapped}"]
        done = subprocess.run(arguments, cwd=tmp_path, env={**os.environ, **slurm}, capture_output=True, text=True)
        assert done.returncode != 0
        said = "".join(path.read_text() for path in sorted(tmp_path.glob("job.*.log")))
        steps = [int(step) for step in re.findall(r"stopped after step (\d+) of", said)]
        assert "Traceback" not in said
    assert len(steps) == 2
    assert steps[0] < steps[1]
    assert not (tmp_path / "mini.onnx").exists()
