"""-profile gpu with an engine: what a task's container is asked for, by a stand-in for the engine on the PATH."""

import os

from .conftest import ROOT

APPTAINER = """#!/bin/bash
# pulls an empty image; notes what a task's container would get, and runs its command without one
if [ "$1" = pull ]; then
    while [ "$1" != --name ]; do shift; done
    touch "$2"
else
    echo "GPU $APPTAINERENV_CUDA_VISIBLE_DEVICES:" "$@" >> NOTES
    while [ "$1" != /bin/bash ]; do shift; done
    exec "$@"
fi
"""


def test_the_granted_gpu_reaches_the_container(nextflow, tmp_path):
    """By its number, as Slurm says it; an engine's container has nothing of the environment by itself."""
    (tmp_path / "apptainer").write_text(APPTAINER.replace("NOTES", f"'{tmp_path}/notes'"))
    (tmp_path / "apptainer").chmod(0o755)
    told = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "NXF_APPTAINER_CACHEDIR": str(tmp_path)}
    example = ROOT / "tests/data/example.fa"
    done = nextflow("--fasta", example, "-profile", "apptainer,gpu", "-stub", CUDA_VISIBLE_DEVICES="3", **told)
    assert done.returncode == 0, done.stdout
    runs = (tmp_path / "notes").read_text().splitlines()
    assert len(runs) == 3 and all(run.startswith("GPU 3: exec ") for run in runs)  # split, predict, merge
    (predicted,) = (run for run in runs if " --nv " in run)
    assert "utrlm-gpu-" in predicted
