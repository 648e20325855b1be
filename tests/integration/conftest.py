"""Real engines and a real Slurm, for `make test-integration`: root, Debian 12; everything is stopped again."""

import os
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ..conftest import ROOT

HERE = Path(__file__).parent
EXAMPLE = ROOT / "tests/data/example.fa"
SHARDS = ["--fasta", EXAMPLE, "--shard_residues", 600]
COUNT = 4  # shards that this makes
QUICK = """
process.resourceLimits = [cpus: 1, memory: '4 GB', time: '1 h']
executor { queueStatInterval = '2 s'; pollInterval = '1 s'; exitReadTimeout = '15 s'; submitRateLimit = null }
"""


@dataclass
class Pipeline:
    """Runs main.nf in one folder."""

    folder: Path
    environment: dict = field(default_factory=dict)

    def start(self, *arguments, config="", profile=""):
        """The running head job; its output goes to `head.log`."""
        (self.folder / "test.config").write_text(QUICK + config)
        command = [
            "nextflow",
            "run",
            ROOT / "main.nf",
            "-c",
            "test.config",
            *(["-profile", profile] if profile else []),
            "--report",
            "false",  # its image is another's, and is not there
        ]
        with (self.folder / "head.log").open("w") as log:
            return subprocess.Popen(
                list(map(str, [*command, *arguments])),
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def run(self, *arguments, **settings):
        """The table's bytes."""
        done = self.start(*arguments, **settings).wait()
        assert done == 0, (self.folder / "head.log").read_text()
        return self.table

    @property
    def table(self):
        """Bytes of predictions.tsv."""
        return (self.folder / "results/predictions.tsv").read_bytes()

    def trace(self, name):
        """(status, exit status) of every task of one process."""
        lines = (self.folder / "results/pipeline_info/trace.tsv").read_text().splitlines()
        rows = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]
        return [(row["status"], row["exit"]) for row in rows if row["name"].startswith(name)]


def wait_until(condition, seconds=1200):
    """What `condition` gives, once it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(1)
    raise TimeoutError(f"{condition} did not hold within {seconds} s")


def script(name, *arguments, **environment):
    """Runs a shell script of this folder; returns what it printed."""
    command = [str(HERE / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """The table of a run without container or scheduler."""
    return Pipeline(tmp_path_factory.mktemp("plain")).run(*SHARDS)


@pytest.fixture
def pipeline(tmp_path):
    """A pipeline in a folder of its own."""
    return Pipeline(tmp_path)


@pytest.fixture(scope="session")
def slurm():
    """A running Slurm; yields the environment that finds it."""
    folder = Path(os.environ.setdefault("SLURM_DIR", str(ROOT / "build/slurm")))
    if os.geteuid() != 0:
        pytest.skip("starting Slurm's daemons needs root")
    script("slurm.sh", "start")
    yield {"SLURM_CONF": str(folder / "slurm.conf")}
    script("slurm.sh", "stop")


@pytest.fixture(scope="session")
def engines():
    """The environment in which podman, apptainer and Charliecloud find the image, built where it is missing."""
    folder = Path(os.environ.setdefault("ENGINES_DIR", str(ROOT / "build/engines")))
    if os.geteuid() != 0:
        pytest.skip("building images here needs root")
    if not list(folder.glob("sif/*.img")):
        script("engines.sh", "install")
        script("engines.sh", "image")
    lines = script("engines.sh", "env")
    shown = subprocess.run(["bash", "-c", lines + "env -0"], capture_output=True, text=True, check=True).stdout
    found = dict(line.split("=", 1) for line in shown.split("\0") if "=" in line)
    return {name: value for name, value in found.items() if os.environ.get(name) != value} | {"PYTHONPATH": ""}
