import json

import pytest

from utrlm.errors import InputError
from utrlm.shards import merge, split


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
