"""Rate of `utrlm-mutagenesis` against that of `utrlm-predict` on the same distinct sequences, one worker each.

python benchmarks/mutagenesis_speed.py FASTA RECORDS: all single mutants, deletions too, of the first RECORDS records.
Prints, of both commands, wall seconds, CPU seconds and distinct sequences a second.
"""

import sys
import tempfile
from itertools import islice
from pathlib import Path

from variant_speed import ROOT, timed

from utrlm.fasta import read_fasta
from utrlm.mutagenesis import mutants
from utrlm.uorf import plain

CONTEXT = 512  # letters that the shipped model reads


def main():
    records = list(islice(read_fasta(sys.argv[1]), int(sys.argv[2])))
    distinct = dict.fromkeys(plain(one.sequence) for record in records for one, _ in mutants(record, CONTEXT, True))
    common = ["--tasks", "mrl", "--cpus", 1, "--device", "cpu"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "r.fa").write_text("".join(f">{record.id}\n{record.sequence}\n" for record in records))
        (folder / "d.fa").write_text("".join(f">{i}\n{s}\n" for i, s in enumerate(distinct)))
        inputs = ["--fasta", folder / "r.fa", "--deletions", "--output", folder / "m.tsv"]
        mutated = timed(ROOT / "bin/utrlm-mutagenesis", *inputs, *common)
        plainly = timed(ROOT / "bin/utrlm-predict", "--fasta", folder / "d.fa", *common, "--output", folder / "p.tsv")
    print(f"{len(distinct):,} distinct sequences")
    for what, seconds in (("utrlm-mutagenesis", mutated), ("utrlm-predict", plainly)):
        rates = [len(distinct) / one for one in seconds]
        print(f"{what}: wall {seconds[0]:.1f} s ({rates[0]:.0f}/s), CPU {seconds[1]:.1f} s ({rates[1]:.0f}/s)")
    print(f"ratio of rates: wall {plainly[0] / mutated[0]:.3f}, CPU {plainly[1] / mutated[1]:.3f}")


if __name__ == "__main__":
    main()
