"""Bytes at the parsers, guided by coverage: atheris_campaign.py fasta|card|recipe|manifest|shard|table SECONDS

Needs `pip install atheris`. Ends at the first thing that is neither a result nor an InputError, and keeps its bytes;
prints the number of executions. The corpus starts from what ships and is kept in build/corpus/PARSER.
"""

import shutil
import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
SCRATCH = Path(tempfile.mkdtemp())


def parser(name):
    """What takes the bytes; only the modules that it needs are loaded and instrumented."""
    with atheris.instrument_imports(include=["utrlm.", "Bio.SeqIO.FastaIO", "json", "tomllib"]):
        if name == "fasta":
            from utrlm.fasta import read_fasta

            return through_file(lambda path: list(read_fasta(str(path))), "in.fa")
        if name == "card":
            from utrlm.card import parse_card

            return lambda data: parse_card(data.decode("utf-8", "replace"), "here")
        if name == "recipe":
            from utrlm.recipe import read_recipe

            return through_file(read_recipe, "in.toml")
        if name in ("manifest", "shard"):  # one of them as it should be beside the other's bytes
            from utrlm.shards import merge

            (SCRATCH / "s.1.tsv").write_text(TEXTS["shard"])
            (SCRATCH / "in.json").write_text(TEXTS["manifest"])
            arguments = str(SCRATCH / "out.tsv"), str(SCRATCH), (str(SCRATCH / "in.json"),)
            return through_file(lambda _: merge(*arguments), "in.json" if name == "manifest" else "s.1.tsv")
        from utrlm.table import read_table

        return through_file(read_table, "in.tsv")


def through_file(read, name):
    """A target that writes its bytes to a file first."""

    def target(data):
        (SCRATCH / name).write_bytes(data)
        read(SCRATCH / name)

    return target


SEEDS = {
    "fasta": ["tests/data/example.fa"],
    "recipe": ["recipes/mrl.toml", "recipes/te.toml"],
    "table": ["tests/data/golden_mrl.tsv"],
}
TEXTS = {
    "card": '{"name": "m", "kind": "scalar", "version": "1", "description": "", "shortest": 1, "longest": 9,'
    ' "context": 8, "targets": [{"name": "t", "unit": "", "description": ""}]}',
    "manifest": '{"sample": "s", "duplicates": [0], "shards": [{"name": "s.1", "records": 1, "residues": 4}]}',
    "shard": "id\tlength\tm_t\tflags\nu1\t4\t1.2345\t\n",
}


def main():
    """Fuzz one parser for so many seconds."""
    name, seconds = sys.argv[1], sys.argv[2]
    corpus = ROOT / "build/corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in SEEDS.get(name, []):
        shutil.copy(ROOT / seed, corpus)
    (corpus / "text").write_text(TEXTS.get(name, ""))

    target = parser(name)
    from utrlm.errors import InputError

    def one(data):
        try:
            target(data)
        except InputError as error:
            assert str(error)

    arguments = [sys.argv[0], f"-max_total_time={seconds}", "-max_len=4096", "-rss_limit_mb=4096", "-timeout=20"]
    arguments += ["-print_final_stats=1", f"-artifact_prefix={corpus.parent}/{name}-", str(corpus)]
    atheris.Setup(arguments, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
