"""Whatever a file holds: right records, or one InputError; never a traceback, a wrong count, or a file elsewhere."""

import contextlib
import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from utrlm import alphabet
from utrlm.card import ModelCard, parse_card
from utrlm.errors import InputError
from utrlm.fasta import read_fasta
from utrlm.models import describe, open_model, shipped
from utrlm.recipe import read_recipe
from utrlm.shards import merge, split
from utrlm.table import read_table

SOME = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
LINES = st.sampled_from(["\n", "\r\n"])
NAMES = st.one_of(
    st.sampled_from(
        ["../../x", "-rf", "/etc/passwd", "=1+1", "@x", "a" * 10_000, "é", "日本", "x\x00y", "$(id)", "a;b"]
    ),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
).map(lambda text: "".join(text.split()).replace("\r", ""))
SEQUENCES = st.text("ACGTUacgtuNRYKM", min_size=1, max_size=80)
RECORDS = st.lists(st.tuples(NAMES.filter(bool), SEQUENCES), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def fasta_text(records, end="\n", width=30):
    """A FASTA as people write it: wrapped lines, any line end."""
    lines = []
    for name, sequence in records:
        lines += [f">{name} more", *(sequence[i : i + width] for i in range(0, len(sequence), width))]
    return "".join(line + end for line in lines).encode()


@SOME
@given(records=RECORDS, end=LINES, zipped=st.booleans())
def test_fasta_gives_its_records(tmp_path_factory, records, end, zipped):
    path = tmp_path_factory.mktemp("f") / "in.fa"
    content = fasta_text(records, end)
    path.write_bytes(gzip.compress(content) if zipped else content)
    assert [(one.id, one.sequence) for one in read_fasta(str(path))] == records


@SOME
@given(content=st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda b: b">a\nACGT\n" + b)))
def test_fasta_of_any_bytes(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("f") / "in.fa"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        for record in read_fasta(str(path)):
            assert record.id and len(record.codes) == len(record.sequence) > 0


@SOME
@given(records=RECORDS, end=LINES, at=st.integers(0, 500), byte=st.integers(1, 255))
def test_a_damaged_gz_is_an_error_or_the_same_records(tmp_path_factory, records, end, at, byte):
    path = tmp_path_factory.mktemp("f") / "in.fa"
    content = bytearray(gzip.compress(fasta_text(records, end), mtime=0))
    content[at % len(content)] ^= byte
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        assert [(one.id, one.sequence) for one in read_fasta(str(path))] == records


@SOME
@given(records=RECORDS, residues=st.integers(1, 300), lost=st.integers(0, 40), how=st.sampled_from(["", "cut", "gone"]))
def test_records_are_conserved(tmp_path_factory, records, residues, lost, how):
    """Through split and merge, whatever the ids; a table that lost anything is an error and leaves no output."""
    folder = tmp_path_factory.mktemp("s")
    (folder / "in.fa").write_bytes(fasta_text(records))
    assert split(str(folder / "in.fa"), "s", residues, str(folder / "d")) == len(records)
    shards = json.loads((folder / "d/s.manifest.json").read_text())["shards"]
    for shard in shards:
        rows = (f"{one.id}\t{len(one.codes)}\t\n" for one in read_fasta(str(folder / f"d/{shard['name']}.fa")))
        (folder / f"d/{shard['name']}.tsv").write_text("id\tlength\tflags\n" + "".join(rows), newline="\n")
    table = folder / f"d/{shards[lost % len(shards)]['name']}.tsv"
    if how == "gone":
        table.unlink()
    elif how == "cut":
        table.write_bytes(table.read_bytes()[: -1 - lost])
    arguments = str(folder / "out.tsv"), str(folder / "d"), (str(folder / "d/s.manifest.json"),)
    if how:
        with pytest.raises(InputError):
            merge(*arguments)
        assert not (folder / "out.tsv").exists()
    else:
        assert merge(*arguments) == len(records)
        rows = (folder / "out.tsv").read_bytes().decode().split("\n")[1:-1]
        assert [row.split("\t")[:2] for row in rows] == [[name, str(len(sequence))] for name, sequence in records]
    assert {path.name for path in folder.iterdir()} <= {"in.fa", "d", "out.tsv"}


@SOME
@given(manifest=JSON | st.fixed_dictionaries({"sample": JSON, "records": JSON, "shards": JSON, "duplicates": JSON}))
def test_any_manifest(tmp_path_factory, manifest):
    folder = tmp_path_factory.mktemp("m")
    (folder / "m.json").write_text(json.dumps(manifest))
    with contextlib.suppress(InputError):
        assert merge(str(folder / "out.tsv"), str(folder), (str(folder / "m.json"),)) == 0


@pytest.mark.parametrize("sample", ["../../x", "/tmp/x", ".hidden", "..", "", "a\nb", "x" * 201, "a\0b"])
def test_a_sample_is_a_name_and_no_path(tmp_path, sample):
    (tmp_path / "in.fa").write_text(">a\nACGT\n")
    with pytest.raises(InputError, match="not a name for files"):
        split(str(tmp_path / "in.fa"), sample, 100, str(tmp_path / "deep/er/out"))
    assert [path.name for path in tmp_path.rglob("*")] == ["in.fa"]


@SOME
@given(
    content=st.binary(max_size=150), ending=st.sampled_from(["csv", "tsv", "csv.gz", "parquet", "csv.xz", "csv.zip"])
)
def test_tables_of_any_bytes(tmp_path_factory, content, ending):
    path = tmp_path_factory.mktemp("t") / f"a.{ending}"
    path.write_bytes(gzip.compress(b"utr,rl\nACGT,1\n", mtime=0)[:20] + content if ending == "csv.gz" else content)
    with contextlib.suppress(InputError):
        read_table(path)


TOML_VALUES = st.sampled_from(["1", "-1", "0", "1.5", "nan", "inf", "true", "'x'", "[1]", "['x']", "{a = 1}", "[[]]"])
KEYS = st.sampled_from(["name", "task", "description", "epochs", "stem", "kmer", "sources", "targets", "teachers", "x"])


@SOME
@given(
    pairs=st.dictionaries(KEYS, TOML_VALUES), rest=st.sampled_from(["", "[[sources]]\nfile='a'\ntarget='varying'\n"])
)
def test_recipes(tmp_path_factory, pairs, rest):
    path = tmp_path_factory.mktemp("r") / "r.toml"
    whole = {"name": "'m'", "description": "''", "task": "'mrl'"} | pairs
    path.write_text("".join(f"{key} = {value}\n" for key, value in whole.items()) + rest)
    with contextlib.suppress(InputError):
        recipe = read_recipe(path)
        assert recipe.sources and recipe.epochs > 0


CARD = json.loads(open_model(shipped()["mrl"], "cpu").card.to_json())


@SOME
@given(key=st.sampled_from(sorted(CARD)), value=JSON)
def test_cards(key, value):
    with contextlib.suppress(InputError):
        card = parse_card(json.dumps(CARD | {key: value}), "here")
        assert isinstance(card, ModelCard)
        assert len(card.window(alphabet.encode("ACGT" * 20))) <= card.reach
        assert all(column.isprintable() for column in card.columns)


@settings(SOME, max_examples=15)
@given(at=st.floats(0, 1, exclude_max=True), byte=st.integers(1, 255))
def test_a_model_with_a_wrong_byte(tmp_path_factory, at, byte):
    """In the metadata and the graph's end; what stays a model says so, what does not is one line."""
    path = tmp_path_factory.mktemp("o") / "own.onnx"
    content = bytearray(shipped()["mrl"].read_bytes())
    content[len(content) - 1 - int(at * 3000)] ^= byte
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        assert describe([str(path)])[0]["kind"] in ("scalar", "site", "pairs")


def test_card_nested_too_deep():
    with pytest.raises(InputError, match="cannot be read"):
        parse_card("[" * 100_000, "here")
