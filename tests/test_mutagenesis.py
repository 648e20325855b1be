"""Mutation maps: a mutant's numbers are those of plain prediction."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from utrlm import alphabet, mutagenesis
from utrlm.fasta import Record
from utrlm.mutagenesis import MutationMap, mutants, mutation_maps
from utrlm.predict import Predictor

from .genomes import random_sequence


def record(sequence, name="r"):
    return Record(name, name, sequence, alphabet.encode(sequence))


def predicted(sequences):
    some = (record(letters, str(number)) for number, letters in enumerate(sequences))
    return list(Predictor(["mrl"], device="cpu").rows(some))


def table(path):
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_rows_equal_plain_predictions_of_the_mutated_sequences(run, fasta, tmp_path):
    random = np.random.default_rng(0)
    known = {"a": random_sequence(random, 27), "b": "acguUGCAn", "c": random_sequence(random, 63)}
    path = fasta("".join(f">{name}\n{letters}\n" for name, letters in known.items()).encode())
    done = run("mutagenesis", "--fasta", path, "--deletions", "--output", tmp_path / "m.tsv", "--tasks", "mrl")
    assert (done.returncode, done.stderr) == (0, b"3 records; 397 mutants\n")  # 4 a letter, 5 of an unknown one
    rows = table(tmp_path / "m.tsv")
    mutated = []
    for row in rows:
        letters, at = known[row["id"]], int(row["position"])
        assert letters[at - 1].upper().replace("U", "T") == row["reference"] != row["alternate"]
        assert int(row["to_start"]) == len(letters) - at + 1
        mutated.append(letters[: at - 1] + row["alternate"].strip("-") + letters[at:])
    before = dict(zip(known, predicted(known.values()), strict=True))
    for row, wanted in zip(rows, predicted(mutated), strict=True):
        for column in ("mrl_egfp_unmod", "mrl_varying", "mrl_designed", "mrl_egfp_m1psi"):
            assert row[column] == f"{wanted[column]:.4f}"
            assert row[f"{column}_delta"] == f"{wanted[column] - before[row['id']][column]:.4f}"
        assert row["flags"] == before[row["id"]]["flags"]


def test_without_deletions_every_other_letter_once():
    made = [one.sequence for one, edit in mutants(record("ACN"), 512, False) if edit]
    assert len(made) == len(set(made)) == 3 + 3 + 4
    assert [one.sequence for one, edit in mutants(record("A"), 512, True) if edit] == ["C", "G", "T"]


def test_only_letters_that_are_read_are_mutated_and_that_is_said(monkeypatch, tmp_path):
    letters = random_sequence(np.random.default_rng(1), 23)
    predictor = Predictor(["mrl"], device="cpu")
    predictor.models = [replace(one, card=replace(one.card, context=20)) for one in predictor.models]
    monkeypatch.setattr(mutagenesis, "Predictor", lambda: predictor)
    counts = mutagenesis.mutate_fasta(None, letters, str(tmp_path / "m.tsv"), True, "tsv", None, "svg", [], 20)
    assert list(counts.values()) == [1, 80, 3]
    rows = table(tmp_path / "m.tsv")
    assert (rows[0]["position"], rows[-1]["position"]) == ("4", "23")
    places = [(int(row["position"]), row["alternate"].strip("-")) for row in rows]
    mutated = [record(letters[: at - 1] + letter + letters[at:]) for at, letter in places]  # whole, as in a FASTA
    for row, wanted in zip(rows, predictor.rows(iter(mutated)), strict=True):
        assert row["mrl_varying"] == f"{wanted['mrl_varying']:.4f}"


def test_effects_and_order_do_not_depend_on_neighbours():
    random = np.random.default_rng(2)
    some = [record(random_sequence(random, length), f"r{length}") for length in (5, 30, 20)]
    predictor = Predictor(["mrl"], device="cpu")
    together = list(mutation_maps(predictor, iter(some), True))
    assert [one.id for one in together] == ["r5", "r30", "r20"]
    for one, alone in zip(together, some, strict=True):
        (single,) = mutation_maps(predictor, iter([alone]), True)
        np.testing.assert_array_equal(one.effects("mrl_varying"), single.effects("mrl_varying"))
        assert np.isnan(one.effects("mrl_varying")).sum() == len(alone.sequence)


def test_a_start_codon_out_of_frame_stands_out_in_the_map():
    from utrlm.plots import saliency

    letters = "ACCACAACACCAACACACCACATGCAACCACACAACACCACAACACACC"
    (one,) = mutation_maps(Predictor(["mrl"], device="cpu"), iter([record(letters)]))
    assert set(np.argsort(saliency(one.effects("mrl_varying")))[:3]) == {21, 22, 23}


def test_positions_in_drawings_are_whole_numbers():
    from utrlm.plots import draw_map, draw_overview

    letters = "ACGT" * 5  # a length at which matplotlib would put ticks at 2.5
    rows = [(edit, {"c": 1.0}) for _, edit in mutants(record(letters), 512, False) if edit]
    drawn = draw_map(MutationMap("r", letters, 0, {"c": 0.0}, rows), "c").axes[:2]
    for axes in (*drawn, draw_overview(["r"], [np.arange(20.0)], "c").axes[0]):
        assert all(tick == int(tick) for tick in axes.get_xticks())


@pytest.mark.parametrize(("name", "shown"), [("x" * 10_000, "x" * 60 + " ..."), ("$a\\b$", "$a\\b$")])
def test_an_id_in_a_title_is_short_and_no_formula(tmp_path, name, shown):
    from utrlm.plots import draw_map, save

    letters = "ACGTACGTAC"
    rows = [(edit, {"c": 1.0}) for _, edit in mutants(record(letters), 512, False) if edit]
    figure = draw_map(MutationMap(name, letters, 0, {"c": 0.0}, rows), "c")
    assert figure.get_suptitle() == f"{shown}   c 0.00"
    save(figure, str(tmp_path / "map.svg"))  # a warning, as of a figure without room, is an error here


def test_drawings(run, fasta, tmp_path):
    path = fasta(b">x/1\nACGTACGTNC\n>y\nGGGACC\n")
    arguments = ["mutagenesis", "--fasta", path, "--output", tmp_path / "m.tsv", "--plot-column", "mrl_varying"]
    for folder in ("one", "two"):
        done = run(*arguments, "--deletions", "--plots", tmp_path / folder, "--plot-records", 1)
        assert (done.returncode, done.stderr) == (0, b"2 records; 65 mutants; 2 drawings\n")
    names = ["0001_x_1.mrl_varying.svg", "overview.mrl_varying.svg"]
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == names
    for name in names:
        drawn = (tmp_path / "one" / name).read_text()
        assert drawn.startswith("<?xml") and drawn == (tmp_path / "two" / name).read_text()


def test_an_input_without_records_is_a_header_and_a_warning(run, tmp_path):
    arguments = ["mutagenesis", "--fasta", "-", "--tasks", "mrl", "--plots", tmp_path / "maps"]
    done = run(*arguments, "--output", tmp_path / "m.tsv")
    assert (done.returncode, done.stderr) == (0, b"warning: standard input holds no records\n")
    assert [path.name for path in tmp_path.iterdir()] == ["m.tsv"]
    assert (tmp_path / "m.tsv").read_text().count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sequence", "ACGZ"], "letter 'Z' at position 4"),
        (["--sequence", "ACGT", "--fasta", "x.fa"], "give either --fasta FILE or --sequence LETTERS"),
        (["--sequence", "ACGT", "--plots", "p", "--plot-column", "nope"], "nope: no such column; there are mrl_egfp"),
        (["--sequence", "ACGT", "--plots", "in.fa"], "in.fa: cannot be made; in.fa is no folder"),
        (["--sequence", "ACGT", "--plot-column", "mrl_varying"], "--plot-column goes with --plots DIR"),
        (["--fasta", "in.fa", "--plots", "p"], "record 2 (b): letter 'E'"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_output(run, fasta, tmp_path, monkeypatch, arguments, message):
    fasta(b">a\nACGT\n>b\nACGE\n")
    monkeypatch.chdir(tmp_path)
    done = run("mutagenesis", *arguments, "--output", "m.tsv", "--tasks", "mrl")
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert message in done.stderr.decode()
    assert {path.name for path in tmp_path.iterdir()} == {"in.fa"}
