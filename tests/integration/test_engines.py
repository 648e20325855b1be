"""The same bytes in every container engine, on the local executor and under Slurm."""

import json
import os
import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from .conftest import COUNT, SHARDS, Pipeline

pytestmark = pytest.mark.integration
IMAGE = "ghcr.io/utrlm/{}:0.1.0"
CONTAINED = "apptainer.runOptions = '--contain --cleanenv'\n"  # else a forgotten mount hides behind the host's /tmp


@pytest.mark.parametrize("engine", ["podman", "docker", "apptainer", "charliecloud"])
@pytest.mark.parametrize("executor", ["local", "slurm"])
def test_same_bytes(pipeline, table, engines, slurm, engine, executor):
    pipeline.environment = engines | slurm
    profile = engine if executor == "local" else f"{engine},slurm"
    assert pipeline.run(*SHARDS, profile=profile, config=CONTAINED) == table
    assert len(pipeline.trace("PREDICT")) == COUNT


def need(engines, kind):
    """Skips the test where `engines.sh image KIND` has not been run."""
    command = ["podman", "image", "exists", IMAGE.format(kind)]
    if subprocess.run(command, env={**os.environ, **engines}).returncode:
        pytest.skip(f"no image {kind}")


def images(pipeline, process):
    """Images in which the tasks of a process ran, as their scripts name them."""
    scripts = [path.read_text() for path in pipeline.folder.glob("work/*/*/.command.run")]
    return {re.search(r"ghcr\.io/utrlm/(\S+):", one)[1] for one in scripts if f"### name: '{process}" in one}


def test_designs_and_folding_run_in_full(pipeline, engines, tmp_path_factory):
    need(engines, "full")
    folding = [*SHARDS, "--tasks", "structure", "--fold"]
    design = ["--design=--maximise mrl_varying --number 3 --rounds 1 --length 30", "--plots"]
    plain = Pipeline(tmp_path_factory.mktemp("folded"))
    folded = plain.run(*folding)
    pipeline.environment = engines
    assert pipeline.run(*folding, profile="podman") == folded
    assert images(pipeline, "PREDICT") == {"full"}
    assert images(pipeline, "MERGE") == {"predict"}
    assert pipeline.start(*design, profile="podman").wait() == 0, (pipeline.folder / "head.log").read_text()
    assert images(pipeline, "DESIGN") == {"full"}
    assert (pipeline.folder / "results/random.designs.fa").read_text().count(">") == 3
    assert (pipeline.folder / "results/random.trajectory.svg").exists()


@pytest.mark.parametrize("kind", ["train-cpu", "train-cuda"])
def test_training_leaves_its_checkpoint_outside_the_image(pipeline, engines, kind):
    """The table lies apart, so that no input's folder brings that of the checkpoints along."""
    need(engines, kind)
    pipeline.environment = engines
    image = f"process {{ withLabel: 'train' {{ container = '{IMAGE.format(kind)}' }} }}\n"
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        table = Path(folder) / "own.csv"
        rows = [f"{i:050b}".replace("0", "A").replace("1", "G") for i in range(0, 10**9, 10**7)]
        table.write_text("utr,rl\n" + "".join(f"{row},{row.count('G')}\n" for row in rows))
        settings = ["--train_table", table, "--label_column", "rl", "--epochs", 0.6]
        head = pipeline.start(*settings, profile="podman", config=image)
        assert head.wait() == 0, (pipeline.folder / "head.log").read_text()
    results = pipeline.folder / "results"
    assert (results / "own.onnx").stat().st_size > 10_000
    assert list(results.glob("checkpoints/own-*/checkpoint.pt"))


def podman(engines, *arguments):
    """Output of a command in the image: a user that does not exist, a read-only root, no HOME, no network."""
    locked = ["--rm", "--read-only", "--user", "12345:12345", "--network", "none", "--env", "HOME="]
    command = ["podman", "run", *locked, IMAGE.format("predict"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **engines})
    assert done.returncode == 0, done.stderr
    return done


def test_any_user_read_only_no_home_no_network(engines):
    done = podman(engines, "utrlm-predict", "--sequence", "ACGT" * 9, "--output", "-")
    assert done.stderr == ""
    assert done.stdout.count("\n") == 2


def test_size_and_contents(engines):
    listed = json.loads(podman(engines, "cat", "/usr/share/utrlm/sbom.cdx.json").stdout)["components"]
    names = {one["name"]: one for one in listed}
    assert {"onnxruntime", "numpy", "pysam", "libc6", "utrlm"} <= set(names)
    assert not {"torch", "pandas", "sympy"} & set(names)
    assert all(one["version"] and one["licenses"] for one in listed)
    arguments = ["podman", "image", "inspect", "--format", "{{.Size}} {{.Labels}}", IMAGE.format("predict")]
    shown = subprocess.run(arguments, capture_output=True, text=True, env={**os.environ, **engines}, check=True).stdout
    assert int(shown.split()[0]) <= 300_000_000
    assert "org.opencontainers.image.version:0.1.0" in shown
