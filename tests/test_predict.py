"""The protocol that every shipped model keeps: a prediction depends on its sequence alone."""

from dataclasses import replace

import numpy as np
import pytest

from utrlm import alphabet, models
from utrlm.batches import padded_length
from utrlm.decode import flags
from utrlm.errors import InputError
from utrlm.fasta import Record, read_fasta
from utrlm.predict import Predictor

from .conftest import ROOT

NAMES = sorted(models.shipped())
LETTERS = np.array(list("ACGT"))


def records(lengths, seed=0):
    random = np.random.default_rng(seed)
    sequences = ["".join(random.choice(LETTERS, n)) for n in lengths]
    return [Record(f"r{i}", "", s, alphabet.encode(s)) for i, s in enumerate(sequences)]


def values(predictor, some, texts=True):
    """Predictions by id; without `texts`, numbers only."""
    columns = [c for c in predictor.columns[2:-1] if texts or c not in predictor.texts]
    return {row["id"]: [row[c] for c in columns] for row in predictor.rows(iter(some))}


def run_padded(model, read, length):
    """First output for one sequence, padded to a length (of a site on both sides); of pairs, the sequence's part."""
    codes = np.full((1, length), alphabet.PAD, dtype=np.int64)
    first = length - len(read) if model.card.kind != "site" else (length - len(read)) // 2
    codes[0, first : first + len(read)] = read
    feeds = {"codes": codes}
    if model.card.kind == "pairs":
        feeds["prior"] = np.full((1, length, length), -1, dtype=np.float32)
    raw = model.session.run(None, feeds)[0][0]
    return raw[-len(read) :, -len(read) :] if model.card.kind == "pairs" else raw


@pytest.mark.parametrize("name", NAMES)
class TestProtocol:
    some = records([1, 2, 3, 7, 24, 25, 49, 50, 51, 64, 100, 101, 180, 400, 700] * 2)

    def test_alone_or_among_others(self, name):
        predictor = Predictor(tasks=[name])
        together = values(predictor, self.some)
        for record in self.some:
            assert values(predictor, [record])[record.id] == together[record.id]

    @pytest.mark.parametrize("settings", [{"batch_tokens": 1}, {"batch_tokens": 333}, {"cpus": 1}])
    def test_batch_size_and_threads(self, name, settings):
        wanted = values(Predictor(tasks=[name]), self.some)
        assert values(Predictor(tasks=[name], **settings), self.some) == wanted

    def test_order(self, name):
        predictor = Predictor(tasks=[name])
        assert values(predictor, self.some[::-1]) == values(predictor, self.some)

    def test_padding(self, name):
        model = models.open_model(models.shipped()[name])
        for record in self.some:
            read = model.card.window(record.codes)
            lengths = (len(read), padded_length(len(read)), len(read) + 61)
            if model.card.kind == "site":  # its window is of one length, even as its middle is of two letters
                lengths = (len(read), len(read) + 16, len(read) + 64)
            raw = [run_padded(model, read, length) for length in lengths]
            np.testing.assert_allclose(raw[1], raw[0], atol=1e-5, rtol=0)
            np.testing.assert_allclose(raw[2], raw[0], atol=1e-5, rtol=0)

    def test_predictions_differ_between_sequences(self, name):
        fifty = np.array(list(values(Predictor(tasks=[name]), records([50] * 200), texts=False).values()), dtype=float)
        assert np.nanstd(fifty, axis=0).min() > 0.005

    def test_golden(self, name):
        lines = (ROOT / "tests/data" / f"golden_{name}.tsv").read_text().splitlines()
        header, *golden = [line.split("\t") for line in lines]
        predictor = Predictor(tasks=[name])
        got = list(predictor.rows(read_fasta(str(ROOT / "tests/data/golden.fa"))))
        assert header == predictor.columns
        assert [row["id"] for row in got] == [cells[0] for cells in golden]
        for number, column in enumerate(header[2:-1], start=2):
            if column in predictor.texts:  # another processor may tip a pair that lies on the threshold
                same = [str(row[column]) == cells[number] for row, cells in zip(got, golden, strict=True)]
                assert np.mean(same) >= 0.95
            else:  # an interval that is not given is nan
                wanted = np.array([cells[number] or "nan" for cells in golden], dtype=float)
                numbers = np.array([row[column] for row in got], dtype=float)
                np.testing.assert_allclose(numbers, wanted, atol=2e-4 if "structure" in name else 1.01e-4, rtol=0)


def test_upstream_start_codon_lowers_ribosome_load():
    """Out-of-frame uAUGs are the strongest known effect in this assay (Sample et al. 2019)."""
    clean = "ACACACACACCACCACAACACACCACACACAACACCACACACCACAACAC"
    hit = clean[:20] + "ATG" + clean[23:]  # 30 nt before the end, minus 2: frame 0 is 50 - 20 = 30 -> shift by one
    out_of_frame = clean[:21] + "ATG" + clean[24:]
    some = [Record(n, "", s, alphabet.encode(s)) for n, s in (("clean", clean), ("in", hit), ("out", out_of_frame))]
    load = {row["id"]: row["mrl_egfp_unmod"] for row in Predictor(tasks=["mrl"]).rows(iter(some))}
    assert load["out"] < load["clean"] - 1


def test_flags_and_order():
    sequences = ["ACGT" * 10, "ACG", "ACGT" * 30, "A" * 30 + "ATG", "ACGN" * 10, "ACGT" * 10]
    some = [Record("u1" if i == 5 else f"u{i + 1}", "", s, alphabet.encode(s)) for i, s in enumerate(sequences)]
    rows = list(Predictor(tasks=["mrl"]).rows(iter(some)))
    assert [r["id"] for r in rows] == ["u1", "u2", "u3", "u4", "u5", "u1"]
    assert [r["flags"] for r in rows] == ["", "short", "long", "start_codon", "ambiguous", "duplicate_id"]


def test_the_ends_of_the_trained_lengths_are_inside():
    (card,) = (model.card for model in Predictor(["mrl"], device="cpu").models)
    lengths = (card.shortest - 1, card.shortest, card.longest, card.longest + 1)
    assert [flags(alphabet.encode("C" * n), [card], False) for n in lengths] == ["short", "", "", "long"]
    assert ["mrl_varying_low" in card.unbounded(n) for n in lengths] == [True, False, False, True]


def test_a_site_is_short_where_it_is_padded_and_never_long():
    (card,) = (model.card for model in Predictor(["splice"], device="cpu").models)
    told = [flags(alphabet.encode("C" * n), [card], False) for n in (card.context - 1, card.context, 602, 5_000)]
    assert told == ["short", "", "", ""]


def test_fold_is_for_structures(run):
    asked = ("--sequence", "ACGT" * 10, "--output", "-", "--cpus", "1", "--tasks")
    refused = run("predict", *asked, "mrl", "--fold")
    assert refused.returncode == 1 and refused.stdout == b""
    assert refused.stderr.startswith(b"Error: --fold is for models of structure") and refused.stderr.count(b"\n") == 1
    assert run("predict", *asked, "mrl").stderr == b""


def test_models_of_a_plain_run():
    told = [model.card.name for model in Predictor(device="cpu").models]
    assert told == ["mrl", "te", "el", "structure"]  # in the order of tasks.py; splice is on request


def test_unknown_task_and_foreign_files(tmp_path):
    broken = tmp_path / "x.onnx"
    broken.write_bytes(models.shipped()["mrl"].read_bytes()[:5000])
    with pytest.raises(InputError, match="cut off"):
        Predictor(models=[str(broken)])
    with pytest.raises(InputError, match="'nonsense' is no shipped model"):
        Predictor(tasks=["nonsense"])
    with pytest.raises(InputError, match="no such model file"):
        Predictor(models=[str(tmp_path / "none.onnx")])
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(models.shipped()["mrl"].read_bytes())
    with pytest.raises(InputError, match="writes column"):
        Predictor(tasks=["mrl"], models=[str(copy)])


def test_a_changed_shipped_file_is_refused_however_it_is_named(tmp_path, monkeypatch):
    """By name, by a path that goes round, by a link to it, by a folder that is one."""
    weights = tmp_path / "weights"
    weights.mkdir()
    (weights / "mrl.onnx").write_bytes(models.shipped()["mrl"].read_bytes() + b"\0")
    (weights / "SHA256SUMS").write_bytes(models.DIGESTS.read_bytes())
    monkeypatch.setattr(models, "WEIGHTS", weights)
    monkeypatch.setattr(models, "DIGESTS", weights / "SHA256SUMS")
    (tmp_path / "link.onnx").symlink_to(weights / "mrl.onnx")
    (tmp_path / "folder").symlink_to(weights)
    monkeypatch.chdir(tmp_path)
    for settings in (
        {"tasks": ["mrl"]},
        {"models": ["weights/mrl.onnx"]},
        {"models": ["link.onnx"]},
        {"models": ["weights/../folder/mrl.onnx"]},
    ):
        with pytest.raises(InputError, match="SHA-256"):
            Predictor(**settings)


def test_intervals_stand_inside_the_domain_alone():
    rows = Predictor(tasks=["mrl"]).rows(iter(records([24, 25, 50, 100, 101])))
    for row, known in zip(rows, (False, True, True, True, False), strict=True):
        ends = row["mrl_varying_low"], row["mrl_varying_high"]
        assert (ends != (None, None)) == known
        assert not known or ends[0] < row["mrl_varying"] < ends[1]
        assert (row["mrl_designed_low"] is not None) == (row["length"] == 50)  # as long as all that it learned from


BACKGROUND = "ACCACAACACCAACACACCACAACCACACAACACCACAACACACCACCAACACACCAACCACAACACACCA"  # 70 nt: no start, no stop, no G


def loads(sequences):
    """`mrl_varying` of each, in order."""
    some = [Record(str(i), "", s, alphabet.encode(s)) for i, s in enumerate(sequences)]
    return np.array([row["mrl_varying"] for row in Predictor(tasks=["mrl"]).rows(iter(some))])


def with_start(back, stop=False):
    """The background with a strong-context ATG whose A lies `back` nt before the start codon."""
    at = len(BACKGROUND) - back
    middle = "ATGGCTTAA" if stop else "ATGGCT"
    return (BACKGROUND[: at - 3] + "ACC" + middle + BACKGROUND[at + len(middle) :])[: len(BACKGROUND)]


def test_out_of_frame_starts_lower_the_load_at_every_position():
    """An overlapping uORF takes ribosomes away; one in frame only lengthens the protein (Sample et al. 2019)."""
    clean = loads([BACKGROUND])[0]
    backs = np.arange(6, 64)
    change = loads([with_start(back) for back in backs]) - clean
    in_frame = backs % 3 == 0
    assert change[~in_frame].max() < -0.5
    assert change[~in_frame].mean() < change[in_frame].mean() - 1


def test_a_closed_reading_frame_costs_about_as_much_as_an_open_one_out_of_frame():
    """A short uORF with its own stop holds ribosomes up whatever its frame."""
    backs = np.arange(12, 64)
    change = loads([with_start(back, stop=True) for back in backs]) - loads([BACKGROUND])[0]
    assert change.max() < -0.5


def test_a_batch_that_the_gpu_has_no_memory_for_is_halved():
    """The same numbers; what fits into no memory at all is one line."""
    some = records([50] * 20)
    wanted = values(Predictor(tasks=["mrl"]), some)
    predictor, sizes = Predictor(tasks=["mrl"], cpus=1), []

    class Small:
        def __init__(self, session, most):
            self.session, self.most = session, most

        def run(self, names, feeds):
            sizes.append(len(feeds["codes"]))
            if len(feeds["codes"]) > self.most:
                raise RuntimeError("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer")
            return self.session.run(names, feeds)

    model = predictor.models[0]
    predictor.models[0] = replace(model, session=Small(model.session, 6))
    assert values(predictor, some) == wanted
    assert sizes[:3] == [20, 10, 5]
    predictor.models[0] = replace(model, session=Small(model.session, 0))
    with pytest.raises(InputError, match="Failed to allocate"):
        values(predictor, some)
