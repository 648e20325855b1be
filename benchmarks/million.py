"""Time, memory and disk of many records: the bare command beside the pipeline. Run on an idle machine.

python benchmarks/million.py [RANDOM [SHUFFLED]]: RANDOM 50-mers (default 1,000,000) and SHUFFLED records (default
50,000) of the shipped example's lengths, each a shuffled one of its records. Processor seconds depend less than wall
seconds on what else the machine does.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from utrlm.fasta import read_fasta

ROOT = Path(__file__).parent.parent
COLUMNS = "what records letters wall_s cpu_s records_a_cpu_s peak_MB disk_MB disk_ratio"


def write_random(path, count):
    """Random 50-mers."""
    random = np.random.default_rng(0)
    with path.open("w") as file:
        for first in range(0, count, 10_000):
            block = random.choice(np.frombuffer(b"ACGT", dtype=np.uint8), (min(10_000, count - first), 50))
            file.writelines(f">r{first + i}\n{row.tobytes().decode()}\n" for i, row in enumerate(block))


def write_shuffled(path, count):
    """Shuffled records of the example."""
    random = np.random.default_rng(0)
    some = [np.array(list(record.sequence)) for record in read_fasta(str(ROOT / "tests/data/example.fa"))]
    with path.open("w") as file:
        for i in range(count):
            file.write(f">s{i}\n{''.join(random.permutation(some[i % len(some)]))}\n")


def peak(pid):
    """Largest memory that a process has had so far, kB."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return max((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), default=0)


def measure(command, folder):
    """Wall seconds, processor seconds of the command and all its children, and its own peak memory in MB."""
    began, before, highest = time.monotonic(), os.times(), 0
    running = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    while running.poll() is None:
        highest = max(highest, peak(running.pid))
        time.sleep(1)
    if running.returncode:
        raise SystemExit(f"{command[0]} ended with {running.returncode}")
    after = os.times()
    used = sum(after[2:4]) - sum(before[2:4])
    return time.monotonic() - began, used, highest / 1024


def disk(folder):
    """MB of the files in a folder, a link counted as nothing."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


def report(what, fasta, measured, folder, extra=""):
    """One line of the table. The ratio is of all that the run left, over its input and its output."""
    records, letters = 0, 0
    for record in read_fasta(str(fasta)):
        records, letters = records + 1, letters + len(record.codes)
    wall, cpu, memory = measured
    table = next(folder.rglob("predictions.tsv"))
    ratio = disk(folder) / ((fasta.stat().st_size + table.stat().st_size) / 1e6)
    numbers = (
        f"{wall:.0f}",
        f"{cpu:.0f}",
        f"{records / cpu:.0f}",
        f"{memory:.0f}",
        f"{disk(folder):.0f}",
        f"{ratio:.2f}",
    )
    print(what, records, letters, *numbers, extra, sep="\t", flush=True)


def task_memory(folder):
    """Largest peak_rss among the pipeline's tasks, as the trace says it."""
    lines = [line.split("\t") for line in next(folder.rglob("trace.tsv")).read_text().splitlines()]
    column = lines[0].index("peak_rss")
    return "tasks: " + ", ".join(sorted({line[column] for line in lines[1:]})[-3:])


def main():
    counts = [int(argument) for argument in sys.argv[1:]] + [1_000_000, 50_000][len(sys.argv) - 1 :]
    print(*COLUMNS.split(), sep="\t")
    for name, write, count in zip(("random", "shuffled"), (write_random, write_shuffled), counts, strict=True):
        with tempfile.TemporaryDirectory() as scratch:
            fasta, bare, pipeline = (Path(scratch) / one for one in ("in.fa", "bare", "pipeline"))
            bare.mkdir()
            pipeline.mkdir()
            write(fasta, count)
            command = [sys.executable, str(ROOT / "bin/utrlm-predict"), "--tasks", "mrl", "--cpus", "2"]
            measured = measure([*command, "--fasta", str(fasta), "--output", "predictions.tsv"], bare)
            report(f"{name} bare", fasta, measured, bare)
            command = ["nextflow", "run", str(ROOT / "main.nf"), "--tasks", "mrl", "--fasta", str(fasta)]
            measured = measure(command, pipeline)
            report(f"{name} pipeline", fasta, measured, pipeline, task_memory(pipeline))
            if (bare / "predictions.tsv").read_bytes() != (pipeline / "results/predictions.tsv").read_bytes():
                raise SystemExit("the pipeline's table differs from the command's")


if __name__ == "__main__":
    main()
