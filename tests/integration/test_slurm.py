"""What a cluster does to a run: no memory, no time, a cancelled job, a scheduler that goes away, a lost head job."""

import json
import os
import re
import signal
import subprocess
import time

import numpy as np
import pytest

from ..conftest import ROOT
from ..mini import recipe_text
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


def test_shards_are_an_array_and_a_gpu_is_asked_for_by_gres(cluster, table):
    on_cpu = "process { withLabel: 'predict' { ext.device = 'cpu' } }\n"
    assert cluster.run(*SHARDS, profile="gpu,slurm", config=on_cpu) == table
    shards = jobs(cluster, "ArrayTaskId=", "JobState=COMPLETED", "TresPerNode=gres:gpu:1")
    assert len(shards) == COUNT
    assert len({re.search(r"ArrayJobId=(\d+)", line).group(1) for line in shards}) == 1


LOSSES = """
process { withLabel: 'predict' {
    memory       = { task.index == 1 && task.attempt == 1 ? 30.MB : 2.GB }
    time         = { task.index == 2 && task.attempt == 1 ? 1.min : 1.h }
    beforeScript = { task.attempt > 1 || task.index == 1 ? '' : task.index == 2 ? 'sleep 300' : 'sleep 600 # task 3' }
} }
"""


def test_no_memory_no_time_or_a_cancelled_job_is_tried_again(cluster, table):
    """Of four shards the first is short of memory and the second of time; the third and fourth are cancelled."""
    head = cluster.start(*SHARDS, "--array_size", 0, profile="slurm", config=LOSSES)
    sleeping = "PREDICT", "JobState=RUNNING", "TimeLimit=01:00:00", "MinMemoryNode=2G"
    slow = wait_until(lambda: len(found := jobs(cluster, *sleeping)) == 2 and found)
    for line in slow:
        subprocess.run(["scancel", job_id(line)], env={**os.environ, **cluster.environment}, check=True)
    assert head.wait() == 0
    assert cluster.table == table
    trace = cluster.trace("PREDICT")
    assert [status for status, _ in trace].count("COMPLETED") == COUNT
    assert ("FAILED", "137") in trace
    assert {len(jobs(cluster, f"JobState={state}")) for state in ("OUT_OF_MEMORY", "TIMEOUT")} == {1}
    assert len(jobs(cluster, "JobState=CANCELLED")) == 2


def test_a_scheduler_that_goes_away_and_a_lost_head_job(cluster, table):
    """The first costs nothing; after the second, -resume runs only what was not done."""
    head = cluster.start(*SHARDS, profile="slurm", config=SLOW % 5)
    wait_until(lambda: jobs(cluster, "PREDICT", "JobState=RUNNING"))
    script("slurm.sh", "restart", DOWN_SECONDS="15")
    wait_until(lambda: (cluster.folder / ".nextflow.log").read_text().count("Task completed > TaskHandler") >= 3)
    time.sleep(2)  # what is done is noted for -resume a moment after it is told
    head.send_signal(signal.SIGKILL)
    head.wait()
    subprocess.run(["scancel", "-u", "root"], env={**os.environ, **cluster.environment}, check=True)
    assert cluster.run(*SHARDS, "-resume", profile="slurm") == table
    statuses = [status for status, _ in cluster.trace("PREDICT")]
    assert len(statuses) == COUNT
    assert statuses.count("CACHED") >= 2
    assert set(statuses) <= {"CACHED", "COMPLETED"}


RECIPE = recipe_text({"file": "a.csv", "target": "egfp_unmod"}, epochs=100_000)


@pytest.fixture
def data(tmp_path):
    """A folder with a table of 100 UTRs and a recipe that would take for ever."""
    random = np.random.default_rng(0)
    rows = ["".join(random.choice(list("ACGT"), 50)) for _ in range(100)]
    (tmp_path / "a.csv").write_text("utr,rl\n" + "".join(f"{row},{row.count('G')}\n" for row in rows))
    (tmp_path / "mini.toml").write_text(RECIPE)
    return tmp_path


def test_training_goes_on_after_its_time_limit(data, slurm):
    """Slurm's SIGTERM at the limit leaves a checkpoint; the same job submitted again continues from it."""
    command = "utrlm-finetune --recipe mini.toml --data . --checkpoint-dir run --output mini.onnx --cpus 1"
    wrapped = f"export TORCH_COMPILE_DISABLE=1; exec python {ROOT}/bin/{command}"
    environment, log, steps = {**os.environ, **slurm}, data / "run/log.jsonl", []
    for number in range(2):
        arguments = ["sbatch", "--parsable", "--time=60", "--mem=3G", f"--output={number}.log", f"--wrap={wrapped}"]
        job = subprocess.run(arguments, cwd=data, env=environment, capture_output=True, text=True, check=True)
        lines = log.read_text().count("\n") if number else 0
        wait_until(lambda lines=lines: log.exists() and log.read_text().count("\n") > lines)
        shorten = ["scontrol", "update", f"JobId={job.stdout.strip()}", "TimeLimit=1"]  # a limit that it has passed
        subprocess.run(shorten, env=environment, check=True)
        said = data / f"{number}.log"
        wait_until(lambda said=said: "stopped after step" in said.read_text() and "TIME LIMIT" in said.read_text())
        assert "Traceback" not in said.read_text()
        steps.append(int(re.search(r"stopped after step (\d+) of", said.read_text()).group(1)))
    assert steps[0] < steps[1]
    told = [json.loads(line) for line in log.read_text().splitlines()[lines:]]
    assert min(line["step"] for line in told if "loss" in line) > steps[0]
    assert not (data / "mini.onnx").exists()


def test_two_tasks_train_one_model(data, slurm):
    """The job script of docs/training.md, two tasks on one node in the place of two nodes."""
    (data / "mini.toml").write_text(RECIPE.replace("100000", "5"))
    job = re.search(r"```bash\n(#!.*?)```", (ROOT / "docs/training.md").read_text(), re.DOTALL).group(1)
    job = job.replace("--nodes=2 --ntasks-per-node=1", "--nodes=1 --ntasks=2").replace("--gpus-per-node=8", "--mem=6G")
    job = job.replace("--nproc-per-node 8", "--nproc-per-node 1").replace(
        "utrlm-finetune", f"{ROOT}/bin/utrlm-finetune"
    )
    (data / "train.sh").write_text(job.replace("RECIPE", "mini").replace("DATA", "."))
    environment = {**os.environ, **slurm, "TORCH_COMPILE_DISABLE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["sbatch", "--wait", "--output=log", "train.sh"], cwd=data, env=environment)
    assert done.returncode == 0, (data / "log").read_text()
    told = [json.loads(line) for line in (data / "runs/mini/log.jsonl").read_text().splitlines()]
    assert [line["processes"] for line in told if "processes" in line] == [2]
    assert (data / "mini.onnx").stat().st_size > 10_000
