import json
import shutil

import pytest

from utrlm.errors import InputError
from utrlm.shards import merge, merge_files, split
from utrlm.structures import HEADER, connect_table


def fake_tables(folder, manifest):
    """Tables as predict would write them: id and position in the shard."""
    for shard in json.loads(manifest.read_text())["shards"]:
        titles = [line[1:].split()[0] for line in (folder / f"{shard['name']}.fa").read_text().splitlines()[::2]]
        rows = "".join(f"{title}\t\n" for title in titles)
        (folder / f"{shard['name']}.tsv").write_text("id\tflags\n" + rows)


@pytest.mark.parametrize(("residues", "shards"), [(10_000, 1), (100, 5), (99, 5), (1, 50), (301, 2)])
def test_nothing_is_lost_and_order_stays(fasta, tmp_path, residues, shards):
    path = fasta(b"".join(b">u%d x\nACGTACGTAC\n" % (i % 48) for i in range(50)))
    assert split(str(path), "s", residues, str(tmp_path / "d")) == 50
    manifest = tmp_path / "d/s.manifest.json"
    assert len(list((tmp_path / "d").glob("*.fa"))) == shards
    fake_tables(tmp_path / "d", manifest)
    assert merge(str(tmp_path / "m.tsv"), str(tmp_path / "d"), (str(manifest),)) == 50
    rows = [line.split("\t") for line in (tmp_path / "m.tsv").read_text().splitlines()[1:]]
    assert [row[0] for row in rows] == [f"u{i % 48}" for i in range(50)]
    assert [row[0] for row in rows if row[1] == "duplicate_id"] == ["u0", "u1"]


def test_a_lost_row_and_a_lost_table_are_errors(fasta, tmp_path):
    split(str(fasta(b">a\nAC\n>b\nAC\n")), "s", 100, str(tmp_path))
    manifest = tmp_path / "s.manifest.json"
    with pytest.raises(InputError, match="No such file"):
        merge(str(tmp_path / "m.tsv"), str(tmp_path), (str(manifest),))
    (tmp_path / "s.00001.tsv").write_text("id\tflags\na\t\n")
    with pytest.raises(InputError, match="1 rows for a shard of 2 records"):
        merge(str(tmp_path / "m.tsv"), str(tmp_path), (str(manifest),))
    assert not (tmp_path / "m.tsv").exists()


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("id\tlength\tflags\nb\t3\t\n", "3 letters predicted for a shard of 2"),
        ("id\tlength\tflags\nb\t1\t\n", "1 letters predicted for a shard of 2"),
        ("id\tlength\tflags\nb\t2\n", "row 1 is cut off"),
        ("id\tlength\tflags\nb\t2\t", "row 1 is cut off"),
        ("id\tlength\tother\nb\t2\t\n", "its columns differ from the first table's"),
    ],
)
def test_a_damaged_table_is_an_error(fasta, tmp_path, second, message):
    split(str(fasta(b">a\nAC\n>b\nAC\n")), "s", 2, str(tmp_path))
    (tmp_path / "s.00001.tsv").write_text("id\tlength\tflags\na\t2\t\n")
    (tmp_path / "s.00002.tsv").write_text(second)
    with pytest.raises(InputError, match=f"s.00002.tsv: {message}"):
        merge(str(tmp_path / "m.tsv"), str(tmp_path), (str(tmp_path / "s.manifest.json"),))


def test_an_empty_fasta_is_one_empty_shard(fasta, tmp_path):
    assert split(str(fasta(b"")), "s", 100, str(tmp_path)) == 0
    assert (tmp_path / "s.00001.fa").read_text() == ""


def test_several_samples_get_a_column(fasta, tmp_path):
    manifests = []
    for sample in ("one", "two"):
        split(str(fasta(b">a\nAC\n")), sample, 100, str(tmp_path))
        manifests.append(tmp_path / f"{sample}.manifest.json")
        fake_tables(tmp_path, manifests[-1])
    merge(str(tmp_path / "m.tsv"), str(tmp_path), tuple(map(str, manifests)))
    assert (tmp_path / "m.tsv").read_text() == "sample\tid\tflags\none\ta\t\ntwo\ta\t\n"


def test_samples_of_different_models_share_one_table(fasta, tmp_path):
    manifests = []
    for sample, columns, cells in (("one", "mrl", "1"), ("two", "te\tfold", "2\t()"), ("three", "te\tfold", "3\t()")):
        split(str(fasta(b">a\nAC\n>a\nAC\n")), sample, 100, str(tmp_path))
        manifests.append(tmp_path / f"{sample}.manifest.json")
        (tmp_path / f"{sample}.00001.tsv").write_text(f"id\t{columns}\tflags\na\t{cells}\t\na\t{cells}\tlong\n")
        if sample != "one":
            fake_structures(tmp_path, manifests[-1])
    (tmp_path / "out").mkdir()
    asked = str(tmp_path / "m.tsv"), str(tmp_path), tuple(map(str, manifests)), str(tmp_path), str(tmp_path / "out")
    assert merge_files(*asked) == 6
    told = [line.split("\t") for line in (tmp_path / "m.tsv").read_text().splitlines()]
    assert told[0] == ["sample", "id", "mrl", "te", "fold", "flags"]
    assert told[2] == ["one", "a", "1", "", "", "long,duplicate_id"] and told[3] == ["two", "a", "", "2", "()", ""]
    titles = (tmp_path / "out/structures.dbn").read_text().splitlines()[::3]
    assert titles == [">a two", ">a two", ">a three", ">a three"]
    shutil.rmtree(tmp_path / "three.00001.structures")  # its table says that it had structures
    with pytest.raises(InputError, match=r"three\.00001\.structures: No such file"):
        merge_files(*asked)


def fake_structures(folder, manifest, ct=True):
    """Structures as predict would write them: a hairpin a record."""
    for shard in json.loads(manifest.read_text())["shards"]:
        part = folder / f"{shard['name']}.structures"
        part.mkdir()
        lines = (folder / f"{shard['name']}.fa").read_text().splitlines()
        titles, letters = [line.split()[0] for line in lines[::2]], lines[1::2]
        texts = ["(" + "." * (len(one) - 2) + ")" for one in letters]
        brackets = [f"{title}\n{one}\n{text}\n" for title, one, text in zip(titles, letters, texts, strict=True)]
        (part / "structures.dbn").write_text("".join(brackets))
        rows = [f"{title[1:]}\t1\t{len(one)}\tAC\t0.9\t0\n" for title, one in zip(titles, letters, strict=True)]
        (part / "pairs.tsv").write_text(HEADER + "".join(rows))
        if ct:
            tables = [
                connect_table(t[1:], one, [(0, len(one) - 1, 0.9)]) for t, one in zip(titles, letters, strict=True)
            ]
            (part / "structures.ct").write_text("".join(tables))


@pytest.fixture
def shards(fasta, tmp_path):
    """Six shards of one sample, with tables and structures; arguments of merge_files."""
    path = fasta(b"".join(b">u%d x\nACGTACGTAC\n" % i for i in range(6)))
    split(str(path), "s", 1, str(tmp_path))
    manifest = tmp_path / "s.manifest.json"
    fake_tables(tmp_path, manifest)
    fake_structures(tmp_path, manifest)
    (tmp_path / "out").mkdir()
    return str(tmp_path / "m.tsv"), str(tmp_path), (str(manifest),), str(tmp_path), str(tmp_path / "out")


def test_structures_of_all_records_in_order(shards, tmp_path):
    assert merge_files(*shards) == 6
    out = tmp_path / "out"
    lines = (out / "structures.dbn").read_text().splitlines()
    assert lines[::3] == [f">u{i}" for i in range(6)] and lines[2] == "(........)"
    rows = (out / "pairs.tsv").read_text().splitlines()
    assert rows[0] + "\n" == HEADER and [row.split("\t")[0] for row in rows[1:]] == [f"u{i}" for i in range(6)]
    assert (out / "structures.ct").read_text().count("10\tu") == 6


def test_a_part_of_a_sequence_is_that_sequence_and_a_missing_folder_is_made(shards, tmp_path):
    for file in ("structures.dbn", "structures.ct"):
        path = tmp_path / "s.00003.structures" / file
        path.write_text(path.read_text().replace("u2", "u2/11-20"))
    assert merge_files(*shards[:-1], str(tmp_path / "deep/er")) == 6
    assert ">u2/11-20\n" in (tmp_path / "deep/er/structures.dbn").read_text()


def test_a_split_leaves_no_shards_of_another(fasta, tmp_path):
    """Nor does one that reads nothing touch what is there."""
    path, folder = fasta(b">a\nAC\n>b\nAC\n>c\nAC\n"), tmp_path / "d"
    split(str(path), "s", 1, str(folder))
    (folder / "s.x.00001.fa").touch()  # of a sample s.x
    there = {one.name: one.read_bytes() for one in folder.iterdir()}
    with pytest.raises(InputError, match="No such file"):
        split(str(tmp_path / "none.fa"), "s", 1, str(folder))
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == there
    split(str(path), "s", 100, str(folder))
    assert {one.name for one in folder.iterdir()} == {"s.00001.fa", "s.manifest.json", "s.x.00001.fa"}


def test_a_sample_is_merged_once(shards, tmp_path):
    with pytest.raises(InputError, match=r"s.manifest.json: another manifest of sample s$"):
        merge(shards[0], shards[1], shards[2] * 2)
    assert not (tmp_path / "m.tsv").exists()


def test_structures_of_several_samples(fasta, tmp_path):
    manifests = []
    for sample in ("one", "two"):
        split(str(fasta(b">a\nACGTACGT\n")), sample, 100, str(tmp_path))
        manifests.append(tmp_path / f"{sample}.manifest.json")
        fake_tables(tmp_path, manifests[-1])
        fake_structures(tmp_path, manifests[-1])
    (tmp_path / "out").mkdir()
    merge_files(
        str(tmp_path / "m.tsv"), str(tmp_path), tuple(map(str, manifests)), str(tmp_path), str(tmp_path / "out")
    )
    assert (tmp_path / "out/structures.dbn").read_text().splitlines()[::3] == [">a one", ">a two"]
    rows = [line.split("\t")[:2] for line in (tmp_path / "out/pairs.tsv").read_text().splitlines()]
    assert rows == [["sample", "id"], ["one", "a"], ["two", "a"]]
    assert "8\ta two" in (tmp_path / "out/structures.ct").read_text()


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("structures.dbn", lambda text: "", "structures of 0 records for a shard of 1"),
        ("structures.ct", lambda text: text * 2, "for a shard of 1"),
        (
            "pairs.tsv",
            lambda text: text + text.splitlines()[1] + "\n",
            "2 rows of pairs, but 1 pairs",
        ),
        ("pairs.tsv", None, "No such file"),
        ("structures.dbn", lambda text: text[:-2], "structures.dbn is cut off"),
        ("structures.dbn", lambda text: text[:-3] + "\n", "structures.dbn: record 1 is cut off"),
        ("structures.dbn", lambda text: "".join(text.splitlines(True)[:2]), "structures.dbn: record 1 is cut off"),
        ("structures.dbn", lambda text: ">u2\n", "structures.dbn: record 1 is cut off"),
        ("structures.dbn", lambda text: text.replace("u2", "u3"), "record 1 is u3, and not u2 as in the table"),
        ("structures.dbn", lambda text: text.replace("u2", "\udcff"), "structures.dbn is not text"),
        ("pairs.tsv", lambda text: text[:-1], "pairs.tsv is cut off"),
        ("pairs.tsv", lambda text: text[:-3] + "\n", "pairs.tsv: row 1 is damaged"),
        ("pairs.tsv", lambda text: text.replace("u2", "u3"), "pairs.tsv: row 1 is damaged or of another shard"),
        ("structures.ct", lambda text: text[:-1], "structures.ct is cut off"),
        ("structures.ct", lambda text: "".join(text.splitlines(True)[:-1]), "structures.ct: record 1 is cut off"),
        ("structures.ct", lambda text: "x" + text, "structures.ct: record 1 is cut off"),
    ],
)
def test_lost_structures_are_an_error(shards, tmp_path, file, change, message):
    path = tmp_path / "s.00003.structures" / file
    path.write_text(change(path.read_text()), errors="surrogateescape") if change else path.unlink()
    with pytest.raises(InputError, match=f"s.00003.structures: .*({message})"):
        merge_files(*shards)
    assert not list((tmp_path / "out").iterdir()) and not (tmp_path / "m.tsv").exists()
