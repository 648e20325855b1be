"""Embeddings: what is written, that neighbours do not matter, and that a backbone survives its export."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest
import torch

from utrlm import alphabet, vectors
from utrlm.embed import embed_batch, embed_fasta, embed_records, open_backbone, pool
from utrlm.errors import InputError
from utrlm.fasta import Record
from utrlm.models import backbones, open_model
from utrlm.predict import Predictor
from utrlm.training.export import EmbeddingModel, check_size, example_codes, export_backbone_file
from utrlm.training.model import PRESETS, Backbone, BackboneConfig
from utrlm.training.pretrain import find_backbone, load_backbone, save_backbone

WIDTH = 128


def random_records(lengths):
    random = np.random.default_rng(0)
    sequences = ["".join(random.choice(list("ACGT"), n)) for n in lengths]
    return [Record(f"r{i}", "", s, alphabet.encode(s)) for i, s in enumerate(sequences)]


SOME = random_records([1, 2, 3, 16, 17, 30, 30, 64, 100, 600])


@pytest.fixture
def run_embed(fasta, tmp_path):
    """Embeds SOME into a file of the given name; returns its path."""
    path = fasta("".join(f">{one.id} x\n{one.sequence}\n" for one in SOME).encode())

    def run(name, per, **settings):
        fixed = {"model": "backbone-tiny", "device": "cpu", "cpus": 1, "batch_tokens": 2048}
        assert embed_fasta(str(path), output=str(tmp_path / name), per=per, **fixed | settings) == (len(SOME), WIDTH)
        return tmp_path / name

    return run


@pytest.fixture(scope="module")
def model():
    return open_backbone("backbone-tiny", "cpu")


@pytest.mark.parametrize("per", ["sequence", "nucleotide"])
def test_neighbours_batches_and_order_do_not_matter(model, per):
    wanted = {record.id: one for record, one in embed_records(model, iter(SOME), per, 1)}
    for some, settings in ((SOME[::-1], {}), (SOME, {"batch_tokens": 1}), (SOME * 2, {"batch_tokens": 333, "cpus": 2})):
        got = list(embed_records(model, iter(some), per, **settings))
        assert [record.id for record, _ in got] == [record.id for record in some]
        assert all(np.array_equal(one, wanted[record.id]) for record, one in got)
    for record in SOME:
        ((_, alone),) = embed_records(model, iter([record]), per, 1)
        assert np.array_equal(alone, wanted[record.id])


def test_shipped_backbone_is_the_network(model):
    network = EmbeddingModel(load_backbone(find_backbone("backbone-tiny"))).eval()
    codes = example_codes(3, 80)
    with torch.no_grad():
        wanted = network(torch.from_numpy(codes))[0].numpy()
    (got,) = model.session.run(["vectors"], {"codes": codes})
    assert np.abs(got - wanted).max() < 1e-4 < np.abs(wanted).max()


def test_frames_count_back_from_the_start_codon():
    letters = np.arange(10.0)[:, None] * np.ones((1, 2))  # (L, D)
    assert pool(letters)[:, 0].tolist() == [4.5, 4.5, 5.0, 4.0]  # 9 6 3 0; 8 5 2; 7 4 1
    assert pool(letters[:2])[:, 0].tolist() == [0.5, 1.0, 0.0, 0.0]  # no letter in the third frame


def test_npz(run_embed):
    whole, letters = np.load(run_embed("s.npz", "sequence")), np.load(run_embed("n.npz", "nucleotide"))
    assert whole["id"].tolist() == letters["id"].tolist() == [one.id for one in SOME]
    assert whole["length"].tolist() == letters["length"].tolist() == [len(one.sequence) for one in SOME]
    assert (whole["mean"].shape, whole["frames"].shape) == ((10, WIDTH), (10, 3, WIDTH))
    assert letters["offset"].tolist() == np.cumsum([0] + [min(512, len(one.sequence)) for one in SOME]).tolist()
    assert letters["embedding"].shape == (letters["offset"][-1], WIDTH)
    for number, (first, last) in enumerate(zip(letters["offset"], letters["offset"][1:], strict=False)):
        wanted = pool(letters["embedding"][first:last])
        assert np.array_equal(wanted[0], whole["mean"][number]) and np.array_equal(wanted[1:], whole["frames"][number])


@pytest.mark.parametrize("group", [vectors.GROUP_BYTES, 1])
def test_parquet_holds_the_same_numbers(run_embed, monkeypatch, group):
    monkeypatch.setattr(vectors, "GROUP_BYTES", group)
    whole, letters = np.load(run_embed("s.npz", "sequence")), np.load(run_embed("n.npz", "nucleotide"))
    rows, each = (run_embed(f"{per}.parquet", per) for per in ("sequence", "nucleotide"))
    assert parquet.ParquetFile(rows).num_row_groups == (1 if group > 1 else len(SOME))
    rows, each = pd.read_parquet(rows), pd.read_parquet(each)
    assert list(rows.columns) == ["id", "length", "mean", "frame_0", "frame_1", "frame_2"]
    assert np.array_equal(np.stack(rows["mean"]), whole["mean"])
    assert np.array_equal(np.stack(rows["frame_1"]), whole["frames"][:, 1])
    assert np.array_equal(np.stack(each["embedding"]), letters["embedding"])
    last = each[each["id"] == "r9"]
    assert last["position"].tolist() == list(range(89, 601)) and "".join(last["letter"]) == SOME[9].sequence[88:]


def test_empty_fasta(fasta, tmp_path):
    path, fixed = fasta(b""), {"per": "nucleotide", "device": "cpu", "cpus": 1, "batch_tokens": 2048}
    embed_fasta(str(path), "backbone-tiny", str(tmp_path / "e.npz"), **fixed)
    assert np.load(tmp_path / "e.npz")["embedding"].shape == (0, WIDTH)
    embed_fasta(str(path), "backbone-tiny", str(tmp_path / "e.parquet"), **fixed)
    assert len(pd.read_parquet(tmp_path / "e.parquet")) == 0


def test_own_backbone(tmp_path):
    torch.manual_seed(0)
    made = Backbone(BackboneConfig(1, 16, 2, 16)).eval()
    for weight in made.parameters():  # a block that starts as the identity would hide its attention
        torch.nn.init.normal_(weight, std=0.3)
    about, scores = {"notes": "Made up.", "data": [{"file": "utrs.fa"}]}, {"utrs.fa": {"accuracy": 0.5}}
    save_backbone(made, tmp_path / "mine.safetensors", scores, about=about)
    export_backbone_file(str(tmp_path / "mine.safetensors"), str(tmp_path / "mine.onnx"))
    made = load_backbone(tmp_path / "mine.safetensors").eval()
    card = open_model(tmp_path / "mine.onnx").card
    assert (card.name, card.kind, card.default, card.columns) == ("mine", "embedding", False, [])
    assert (card.notes, card.data, card.metrics) == ("Made up.", ({"file": "utrs.fa"},), scores)
    model = open_backbone(str(tmp_path / "mine.onnx"))
    (_, got), *_ = embed_records(model, iter(SOME[8:9]), "nucleotide")
    with torch.no_grad():
        wanted = EmbeddingModel(made)(torch.from_numpy(SOME[8].codes[None].astype(np.int64)))[0][0].numpy()
    assert np.abs(got - wanted).max() < 1e-4


def test_what_one_file_cannot_hold():
    with torch.device("meta"):  # shapes alone
        check_size(Backbone(PRESETS["giga"]), "giga")
        with pytest.raises(InputError, match=r"^big: 3.0 GB of weights, and one .onnx file holds 2.1 GB$"):
            check_size(torch.nn.Linear(50_000, 30_000), "big")


def test_a_network_that_cannot_be_run(model):
    class Small:
        """A GPU with memory for `most` sequences."""

        most = 2

        def run(self, names, feeds):
            if len(feeds["codes"]) > self.most:
                raise RuntimeError("CUDA out of memory")
            return model.session.run(names, feeds)

    keys = [one.codes[-16:].tobytes() for one in SOME[3:7]]
    small = replace(model, session=Small())
    halved, whole = (dict(embed_batch(one, keys, "sequence")) for one in (small, model))
    assert all((halved[key] == whole[key]).all() for key in keys)
    Small.most = 1
    with pytest.raises(InputError, match="its network cannot be run: CUDA out of memory"):
        embed_batch(small, keys, "sequence")


def test_refusals(run_embed, tmp_path, run):
    with pytest.raises(InputError, match=r"ends in \.npz or \.parquet"):
        run_embed("e.tsv", "sequence")
    with pytest.raises(InputError, match="gives no embeddings; make a model"):
        run_embed("e.npz", "sequence", model=str(backbones()["backbone-tiny"].parent / "mrl.onnx"))
    with pytest.raises(InputError, match=r"nowhere: no such file, and no backbone .*\(backbone-tiny\); utrlm-export"):
        run_embed("e.npz", "sequence", model="nowhere")
    for settings in ({"tasks": ["backbone-tiny"]}, {"models": [str(backbones()["backbone-tiny"])]}):
        with pytest.raises(InputError, match="gives embeddings, not predictions; use utrlm-embed"):
            Predictor(**settings)
    with pytest.raises(InputError, match="nowhere"):
        export_backbone_file("nowhere", str(tmp_path / "x.onnx"))
    done = run("export", "--output", tmp_path / "x.onnx")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["in.fa"]
