"""The same bytes in every container engine, on the local executor and under Slurm."""

import json
import os
import subprocess

import pytest

from .conftest import COUNT, SHARDS

pytestmark = pytest.mark.integration
IMAGE = "ghcr.io/utrlm/predict:0.1.0"
CONTAINED = "apptainer.runOptions = '--contain --cleanenv'\n"  # else a forgotten mount hides behind the host's /tmp


@pytest.mark.parametrize("engine", ["podman", "docker", "apptainer", "charliecloud"])
@pytest.mark.parametrize("executor", ["local", "slurm"])
def test_same_bytes(pipeline, table, engines, slurm, engine, executor):
    pipeline.environment = engines | slurm
    profile = engine if executor == "local" else f"{engine},slurm"
    assert pipeline.run(*SHARDS, profile=profile, config=CONTAINED) == table
    assert len(pipeline.trace("PREDICT")) == COUNT


def podman(engines, *arguments):
    """Output of a command in the image: a user that does not exist, a read-only root, no HOME, no network."""
    locked = ["--rm", "--read-only", "--user", "12345:12345", "--network", "none", "--env", "HOME="]
    command = ["podman", "run", *locked, IMAGE, *arguments]
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
    arguments = ["podman", "image", "inspect", "--format", "{{.Size}} {{.Labels}}", IMAGE]
    shown = subprocess.run(arguments, capture_output=True, text=True, env={**os.environ, **engines}, check=True).stdout
    assert int(shown.split()[0]) <= 300_000_000
    assert "org.opencontainers.image.version:0.1.0" in shown
