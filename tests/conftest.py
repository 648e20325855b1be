"""What several test files need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted((ROOT / "bin").iterdir())


@pytest.fixture(scope="session")
def forks():
    """Runs scripts in processes that have all modules loaded already."""
    from .forks import Forks

    forks = Forks()
    yield forks
    forks.end()


@pytest.fixture
def run(forks):
    """Runs a script of bin/; returns the finished process. With an environment of its own in a Python of its own."""

    def run(name, *arguments, stdin=b"", **environment):
        command = [str(ROOT / "bin" / f"utrlm-{name}"), *map(str, arguments)]
        if not environment:
            return forks.run(command, stdin)
        told = {"input": stdin, "capture_output": True, "env": {**os.environ, **environment}}
        return subprocess.run([sys.executable, *command], **told)

    return run


@pytest.fixture(scope="module")
def nextflow(tmp_path_factory):
    """Runs main.nf in one folder, for -resume; `report` asks for page and crate. Returns the finished process."""
    folder = tmp_path_factory.mktemp("pipeline")

    def run(*arguments, report=False, **environment):
        page = [] if report else ["--report", "false", "--crate", "false"]
        command = ["nextflow", "run", str(ROOT / "main.nf"), *map(str, arguments), *page]
        told = {"cwd": folder, "env": {**os.environ, **environment}, "stdin": subprocess.DEVNULL}
        done = subprocess.run(command, capture_output=True, text=True, **told)
        done.folder = folder
        return done

    return run


@pytest.fixture
def fasta(tmp_path):
    """Writes a FASTA from bytes; returns its path."""

    def write(content, name="in.fa"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


@pytest.fixture
def data(tmp_path):
    """A folder for a training in miniature: a.csv, 60 UTRs, and mini.toml."""
    from .mini import RECIPE, random_utrs

    table = random_utrs(60, 25, 49)
    table.assign(rank=range(0, 9000 * 60, 9000)).to_csv(tmp_path / "a.csv")
    (tmp_path / "mini.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def eager(monkeypatch):
    """No compiling, which takes longer than trainings in miniature."""
    monkeypatch.setattr("torch.compile", lambda function, **_: function)


@pytest.fixture
def certain(monkeypatch):
    """No dropout: what it draws depends on how a batch is divided."""
    monkeypatch.setattr("utrlm.training.heads.DROPOUT", 0.0)


@pytest.fixture
def finder(tmp_path):
    from utrlm.effects import EffectFinder
    from utrlm.genome import Genome
    from utrlm.transcripts import read_utrs

    from .genomes import gtf_text, write_fasta

    def make(contigs, genes):
        (tmp_path / "a.gtf").write_text(gtf_text(genes))
        genome = Genome(str(write_fasta(tmp_path / "g.fa", contigs)))
        return EffectFinder(genome, read_utrs(str(tmp_path / "a.gtf"), genome)[0])

    return make
