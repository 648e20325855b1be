"""What an upstream ATG does to the predicted load, by frame, at every place of real UTRs.

python benchmarks/upstream.py FASTA [SHORTEST LONGEST]: into each UTR of 70 to 100 nt (or as said) that has no ATG, one
is written at every distance before the start codon from 6 nt to 7 nt short of SHORTEST, and the change of `mrl_varying`
is averaged by distance; the range over distances is printed. The reading frame that opens there is in frame with the
start codon, overlaps it out of frame, or stops before it.
"""

import sys
from collections import defaultdict

import numpy as np

from utrlm import alphabet
from utrlm.fasta import Record, read_fasta
from utrlm.predict import Predictor

COLUMN = "mrl_varying"
STOPS = ("TAA", "TAG", "TGA")


def kind(sequence, start):
    """What the frame that opens at `start` is."""
    codons = (sequence[i : i + 3] for i in range(start, len(sequence) - 2, 3))
    if any(codon in STOPS for codon in codons):
        return "stops before the start codon"
    return "overlaps out of frame" if (len(sequence) - start) % 3 else "in frame, no stop"


def main():
    """See the module's docstring."""
    shortest, longest = map(int, sys.argv[2:]) if len(sys.argv) > 2 else (70, 100)
    distances = range(6, shortest - 6)
    utrs = [record.sequence.upper().replace("U", "T") for record in read_fasta(sys.argv[1])]
    utrs = [one for one in utrs if shortest <= len(one) <= longest and "ATG" not in one and set(one) <= set("ACGT")]
    cases, sequences = [], []
    for one in utrs:
        sequences.append(one)
        cases.append(None)
        for distance in distances:
            start = len(one) - distance
            changed = one[:start] + "ATG" + one[start + 3 :]
            if changed.count("ATG") == 1:
                sequences.append(changed)
                cases.append((kind(changed, start), distance))
    records = (Record("r", "", one, alphabet.encode(one)) for one in sequences)
    loads = [row[COLUMN] for row in Predictor(tasks=["mrl"]).rows(records)]
    changes = defaultdict(lambda: defaultdict(list))
    for case, load in zip(cases, loads, strict=True):
        if case is None:
            before = load
        else:
            changes[case[0]][case[1]].append(load - before)
    print(f"{len(utrs)} UTRs\ncase\tmean\tleast and most of {len(distances)} distances (of 10 UTRs and more)")
    for name, places in changes.items():
        means = [np.mean(values) for values in places.values() if len(values) >= 10]
        every = np.concatenate([*places.values()])
        print(f"{name}\t{every.mean():.2f}\t{min(means):.2f} to {max(means):.2f}, {len(means)} distances")


if __name__ == "__main__":
    main()
