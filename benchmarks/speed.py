"""Speed and memory of prediction, as ratios within one run. Run on an idle machine.

python benchmarks/speed.py FASTA: two workers against one; bucketed batches against padding every
record to the longest, beside the ratio of padded areas; peak memory at 20,000 and 200,000 records.
python benchmarks/speed.py structures: processor time of a structure of 50 to 10,000 nt, on one core, without the prior.
"""

import subprocess
import sys
import time

import numpy as np

from utrlm import alphabet
from utrlm.batches import padded_length
from utrlm.fasta import Record, read_fasta
from utrlm.predict import Predictor

MEMORY = """
import resource, sys
import numpy as np
from utrlm.predict import predict_fasta
predict_fasta(sys.argv[1], None, '/dev/stdout', ['mrl'], [], 'cpu', 0, 2048, 'tsv')
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
"""


def seconds(function):
    """Wall seconds of one call."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def workers(records):
    """Print the rate with one worker and with two."""
    one, two = (Predictor(["mrl"], cpus=n) for n in (1, 2))
    rates = [len(records) / seconds(lambda p=p: list(p.rows(iter(records)))) for p in (one, two)]
    print(f"workers: 1 {rates[0]:.0f}/s, 2 {rates[1]:.0f}/s, ratio {rates[1] / rates[0]:.2f}")


def padding(records):
    """Print the gain of bucketed batches over padding to the longest, beside the ratio of areas."""
    predictor = Predictor(["mrl"], cpus=1)
    model = predictor.models[0]
    keys = [record.codes[-model.card.context :] for record in records]
    longest = padded_length(max(map(len, keys)))
    size = max(1, predictor.batch_tokens // longest)

    def naive():
        for start in range(0, len(keys), size):
            codes = np.full((size, longest), alphabet.PAD, dtype=np.int64)
            for row, key in zip(codes, keys[start : start + size], strict=False):
                row[-len(key) :] = key
            model.session.run(None, {"codes": codes})

    gain = seconds(naive) / seconds(lambda: list(predictor.rows(iter(records))))
    area = longest * len(keys) / sum(padded_length(len(key)) for key in keys)
    print(f"padding: {gain:.2f} times the naive rate, ratio of padded areas {area:.2f}, share {gain / area:.2f}")


def memory(count):
    """Print the peak memory of predicting `count` random 50-mers in a process of its own."""
    random = np.random.default_rng(0)
    text = "".join(f">r{i}\n{''.join(row)}\n" for i, row in enumerate(random.choice(list("ACGT"), (count, 50))))
    done = subprocess.run([sys.executable, "-c", MEMORY, "-"], input=text.encode(), capture_output=True, check=True)
    print(f"memory: {count} records, peak {int(done.stderr)} MB")


def structures():
    """Print the processor time of a structure by length: of one alone, and a record's share of many."""
    predictor, random = Predictor(["structure"], cpus=1), np.random.default_rng(0)
    for length, many in ((50, 40), (500, 4), (2_000, 1), (10_000, 1)):
        texts = ["".join(letters) for letters in random.choice(list("ACGT"), (1 + many, length))]
        some = [Record("", "", text, alphabet.encode(text)) for text in texts]
        took = []
        for part in (some[:1], some[1:]):
            start = time.process_time()
            list(predictor.rows(iter(part)))
            took.append(1000 * (time.process_time() - start) / len(part))
        print(f"structure: {length} nt, alone {took[0]:.0f} ms, of {many} {took[1]:.0f} ms a record")


def main():
    if sys.argv[1:] == ["structures"]:
        structures()
        return
    records = list(read_fasta(sys.argv[1]))
    workers(records)
    padding(records)
    for count in (20_000, 200_000):
        memory(count)


if __name__ == "__main__":
    main()
