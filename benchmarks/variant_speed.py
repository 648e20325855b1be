"""Rate of `utrlm-variants` against that of `utrlm-predict` on the same distinct sequences, one worker each.

python benchmarks/variant_speed.py FASTA VARIANTS LONGEST: the UTRs of a FASTA of up to LONGEST nt become the genome of
one made-up chromosome (each followed by a start codon and a spacer, every second one on the other strand); VARIANTS
single substitutions are drawn. Prints, of both commands, wall seconds, CPU seconds and distinct sequences a second.
"""

import csv
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from utrlm.fasta import read_fasta
from utrlm.genome import reverse_complement

ROOT = Path(__file__).parent.parent
LETTERS = "ACGT"


def write_inputs(folder, sequences, count):
    """g.fa, a.gtf and v.vcf."""
    random = np.random.default_rng(0)
    genome, lines, at = [], [], 0
    for number, utr in enumerate(sequences):
        strand = "+-"[number % 2]
        piece = utr + "ATGGCTTGA"
        genome += [piece if strand == "+" else reverse_complement(piece), "CCCCCCCCCC"]
        span, coding = (at + 1, at + len(piece)), (at + len(utr) + 1, at + len(piece))
        if strand == "-":
            coding = (at + 1, at + 9)
        for kind, (start, end) in (("transcript", span), ("exon", span), ("CDS", coding)):
            text = f'gene_id "G{number}"; transcript_id "T{number}";'
            lines.append("\t".join(map(str, ["1", "x", kind, start, end, ".", strand, "0", text])))
        at += len(piece) + 10
    letters = "".join(genome)
    (folder / "g.fa").write_text(f">1\n{letters}\n")
    (folder / "a.gtf").write_text("\n".join(lines) + "\n")
    known = np.flatnonzero([letter in LETTERS for letter in letters])
    drawn = np.sort(random.choice(len(known) * 3, count, replace=False))
    rows = [
        f"##fileformat=VCFv4.2\n##contig=<ID=1,length={len(letters)}>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
    ]
    for place in drawn:
        position = int(known[place // 3])
        alt = LETTERS.replace(letters[position], "")[place % 3]
        rows.append(f"1\t{position + 1}\t.\t{letters[position]}\t{alt}\t.\t.\t.")
    (folder / "v.vcf").write_text("\n".join(rows) + "\n")


def timed(*command):
    """Wall and CPU seconds of a command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([sys.executable, *map(str, command)], check=True, capture_output=True, text=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.stderr:
        print(done.stderr.strip())
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    longest = int(sys.argv[3])
    utrs = {record.sequence.upper() for record in read_fasta(sys.argv[1]) if len(record.codes) <= longest}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder, sorted(utrs), int(sys.argv[2]))
        inputs = ["--genome", folder / "g.fa", "--gtf", folder / "a.gtf", "--vcf", folder / "v.vcf"]
        common = ["--tasks", "mrl", "--cpus", 1, "--device", "cpu"]
        outputs = ["--output", folder / "o.tsv", "--output-vcf", folder / "o.vcf.gz"]
        variants = timed(ROOT / "bin/utrlm-variants", *inputs, *common, *outputs)
        with open(folder / "o.tsv") as stream:
            rows = csv.DictReader(stream, delimiter="\t")
            distinct = dict.fromkeys(row[end] for row in rows for end in ("reference", "alternate"))
        (folder / "d.fa").write_text("".join(f">{i}\n{s}\n" for i, s in enumerate(filter(None, distinct))))
        plain = timed(ROOT / "bin/utrlm-predict", "--fasta", folder / "d.fa", *common, "--output", folder / "p.tsv")
    print(f"{len(distinct):,} distinct sequences")
    for what, seconds in (("utrlm-variants", variants), ("utrlm-predict", plain)):
        rates = [len(distinct) / one for one in seconds]
        print(f"{what}: wall {seconds[0]:.1f} s ({rates[0]:.0f}/s), CPU {seconds[1]:.1f} s ({rates[1]:.0f}/s)")
    print(f"ratio of rates: wall {plain[0] / variants[0]:.3f}, CPU {plain[1] / variants[1]:.3f}")


if __name__ == "__main__":
    main()
