"""Bytes at the parsers, guided by coverage: atheris_campaign.py fasta|card|recipe|manifest|table SECONDS

Needs `pip install atheris`. Ends at the first thing that is neither a result nor an InputError, and keeps its bytes;
prints the number of executions. The corpus starts from what ships and is kept in build/corpus/PARSER.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["utrlm", "Bio", "json", "tomllib"]):
    from utrlm.card import parse_card
    from utrlm.errors import InputError
    from utrlm.fasta import read_fasta
    from utrlm.recipe import read_recipe
    from utrlm.shards import merge
    from utrlm.table import read_table

ROOT = Path(__file__).parents[2]
SCRATCH = Path(tempfile.mkdtemp())
FILE = SCRATCH / "in"


def read_card(data):
    """The metadata of a model."""
    parse_card(data.decode("utf-8", "replace"), "here")


def through_file(read, name):
    """A target that writes its bytes to a file first."""

    def target(data):
        (SCRATCH / name).write_bytes(data)
        read(str(SCRATCH / name))

    return target


TARGETS = {
    "fasta": through_file(lambda path: list(read_fasta(path)), "in.fa"),
    "card": read_card,
    "recipe": through_file(lambda path: read_recipe(Path(path)), "in.toml"),
    "manifest": through_file(lambda path: merge(str(SCRATCH / "out.tsv"), str(SCRATCH), (path,)), "in.json"),
    "table": through_file(lambda path: read_table(Path(path)), "in.tsv"),
}
SEEDS = {
    "fasta": ["tests/data/example.fa"],
    "card": [],
    "recipe": ["recipes/mrl.toml", "recipes/te.toml"],
    "manifest": [],
    "table": ["tests/data/golden_mrl.tsv"],
}


def main():
    """Fuzz one parser for so many seconds."""
    name, seconds = sys.argv[1], sys.argv[2]
    corpus = ROOT / "build/corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS[name]:
        shutil.copy(ROOT / seed, corpus)
    (corpus / "manifest").write_text('{"sample": "s", "shards": [{"name": "s.1", "records": 1, "residues": 4}]}')

    def one(data):
        try:
            TARGETS[name](data)
        except InputError as error:
            assert str(error)

    arguments = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-rss_limit_mb=4096", "-timeout=20"]
    arguments += ["-print_final_stats=1", f"-artifact_prefix={corpus.parent}/{name}-", str(corpus)]
    atheris.Setup(arguments, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
