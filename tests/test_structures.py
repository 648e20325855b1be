"""Structures as files: what is written of pairs, pseudoknots, long sequences, and that tools could read it."""

import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace

import numpy as np
import pytest

from utrlm import alphabet, batches, card, tiles
from utrlm.card import STRUCTURE, CardTarget, ModelCard
from utrlm.decode import flags, make_structure
from utrlm.errors import InputError
from utrlm.evaluate import shifted_pairs
from utrlm.pairs import best_knots, can_pair, parse_structure
from utrlm.predict import predict_fasta
from utrlm.structures import connect_table, draw_arcs

from .mini import export_pair_model

pytestmark = pytest.mark.filterwarnings("ignore:# The axis name:UserWarning")  # two inputs have one length
CONTEXT = 64
LONGEST = 120  # letters of which a structure is told in a test
TARGETS = (CardTarget("dot_bracket", STRUCTURE, ""), CardTarget("confidence", "share", ""))
CARD = ModelCard("fold", "pairs", "0", "", TARGETS, 10, 2000, CONTEXT, threshold=0.05)
KNOT = "(((((...[[[[..)))))....]]]]"


def table_of(text, probability=0.9):
    """Probabilities of the pairs in a text, by first letter and distance. (L, L)"""
    table = np.zeros((len(text), len(text)))
    for i, j in parse_structure(text):
        table[i, j - i] = probability
    return table


def test_a_pseudoknot_is_the_second_layer():
    structure = make_structure(table_of(KNOT), 0.3)
    assert structure == KNOT.replace("[", ".").replace("]", ".")
    assert [pair[:2] for pair in structure.knots] == [(8, 26), (9, 25), (10, 24), (11, 23)]
    assert {pair[2] for pair in structure.pairs + structure.knots} == {0.9}


def test_what_is_no_pseudoknot():
    nested = "((((....))))..((((....))))"
    assert make_structure(table_of(nested), 0.3).knots == ()
    lone = "(((((...[[.....)))))....]]"  # two stacked pairs are too few
    assert make_structure(table_of(lone), 0.3).knots == ()
    crossed = table_of(KNOT) * np.where(np.arange(len(KNOT)) < 8, 1, 0.2)[:, None]  # below the threshold
    assert best_knots(crossed, parse_structure(KNOT)[:5], 0.3) == []


@pytest.mark.parametrize("fold, expected", [(False, "((((...))))"), (True, "...........")])
def test_what_is_told_has_a_threshold_of_its_own(monkeypatch, fold, expected):
    """In a batch and tile by tile; a card of before that has none keeps to its only one."""
    key = bytes(alphabet.encode("GGGGAAACCCC"))
    square = np.zeros((1, len(key), len(key)))
    for i, j in parse_structure("((((...))))"):
        square[0, i, j] = square[0, j, i] = 0.4
    for module in (batches, tiles):
        monkeypatch.setattr(module, "raw_outputs", lambda *_: {"probability": square})
    for threshold_told, wanted in ((0.5, expected), (0.0, "((((...))))")):
        card = ModelCard("s", "pairs", "0", "", TARGETS, 1, 99, len(key), threshold=0.3, threshold_told=threshold_told)
        for run, keys in ((batches.run_batch, [key]), (tiles.run_tiles, key)):
            assert run(0, SimpleNamespace(card=card), keys, fold)[0, key]["s_dot_bracket"] == wanted


def test_connectivity_table():
    lines = connect_table("r", "GAAAC", [(0, 4, 0.9)]).splitlines()
    assert lines == [
        "5\tr",
        "1\tG\t0\t2\t5\t1",
        "2\tA\t1\t3\t0\t2",
        "3\tA\t2\t4\t0\t3",
        "4\tA\t3\t5\t0\t4",
        "5\tC\t4\t0\t1\t5",
    ]


def test_drawing():
    root = ElementTree.fromstring(draw_arcs("GAAAC", [(0, 4, 0.9)]))
    kinds = [child.tag.split("}")[1] for child in root]
    assert kinds == ["style", "path", *["text"] * 5]
    assert root[1].get("opacity") == "0.90" and root[1][0].text == "1-5: 0.90"
    assert len(ElementTree.fromstring(draw_arcs("A", []))) == 2


def test_letters_that_were_not_read_count_as_unpaired():
    assert shifted_pairs("(...)", 12) == [(7, 11)]
    assert flags(alphabet.encode("A" * CONTEXT), [CARD], False) == ""
    assert flags(alphabet.encode("A" * (CONTEXT + 1)), [CARD], False) == "long"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model of random weights, as a file."""
    return export_pair_model(tmp_path_factory.mktemp("model") / "fold.onnx", CARD)


SEQUENCES = {
    "r1": "GGGGAAACCCC" * 3,
    "r2": "acgu" * 12,
    "r3": "GGCATTAGCC" * 9,
    "r6": "GGCATTAGCC" * 14,
    "r4": "NNNN",
    "r5": "A",
}


def predict(model, folder, fasta=None, sequence=None, **settings):
    """Run and return the table's rows by id."""
    output = folder / "table.tsv"
    fixed = {"tasks": [], "models": [model], "device": "cpu", "cpus": 1, "batch_tokens": 2048, "form": "tsv"}
    where = {"structures": str(folder / "new" / "structures")} | settings
    predict_fasta(fasta and str(fasta), sequence, str(output), **fixed, **where)
    lines = [line.split("\t") for line in output.read_text().splitlines()]
    return {row[0]: dict(zip(lines[0], row, strict=True)) for row in lines[1:]}


def test_files_of_a_fasta(model, fasta, tmp_path, monkeypatch):
    monkeypatch.setattr(card, "LONGEST_FOLDED", LONGEST)
    path = fasta("".join(f">{name} x\n{letters}\n" for name, letters in SEQUENCES.items()).encode())
    rows = predict(model, tmp_path, path, ct=True)
    made = tmp_path / "new" / "structures"
    assert sorted(one.name for one in made.iterdir()) == ["pairs.tsv", "structures.ct", "structures.dbn"]
    lines = (made / "structures.dbn").read_text().splitlines()
    names = [line[1:] for line in lines[::3]]
    assert names == ["r1", "r2", "r3", "r6/21-140", "r4", "r5"]
    assert rows["r3"]["flags"] == "long" and rows["r6"]["flags"] == "long,truncated"
    told = [line.split("\t") for line in (made / "pairs.tsv").read_text().splitlines()]
    assert told.pop(0) == ["id", "i", "j", "letters", "probability", "knot"]
    pairs_found = 0
    for (name, sequence), letters, text in zip(SEQUENCES.items(), lines[1::3], lines[2::3], strict=True):
        assert letters == sequence[-LONGEST:] and text == rows[name]["fold_dot_bracket"]
        pairs = shifted_pairs(text, len(sequence))
        pairs_found += len(pairs)
        assert [(int(one[1]) - 1, int(one[2]) - 1) for one in told if one[0] == name] == pairs
        possible = can_pair(alphabet.encode(sequence))
        assert all(possible[pair] for pair in pairs)
        for one in told:
            if one[0] == name:
                assert one[3] == sequence[int(one[1]) - 1] + sequence[int(one[2]) - 1]
                assert CARD.threshold < float(one[4]) <= 1
    assert pairs_found > 10
    assert len((made / "structures.ct").read_text().splitlines()) == 6 + sum(
        len(s[-LONGEST:]) for s in SEQUENCES.values()
    )


def test_files_of_one_sequence(model, tmp_path):
    predict(model, tmp_path, sequence=SEQUENCES["r1"], pseudoknots=True)
    made = tmp_path / "new" / "structures"
    assert sorted(one.name for one in made.iterdir()) == ["pairs.tsv", "structure.svg", "structures.dbn"]
    name, letters, text = (made / "structures.dbn").read_text().splitlines()
    told = (made / "pairs.tsv").read_text().splitlines()[1:]
    assert name == ">sequence" and len(parse_structure(text)) == len(told) and letters == SEQUENCES["r1"]
    assert sum(line.endswith("\t1") for line in told) == text.count("[")
    assert (made / "structure.svg").read_text().count("<path") == len(told)


def test_refusals(model, tmp_path):
    with pytest.raises(InputError, match="--ct and --pseudoknots go with --structures"):
        predict(model, tmp_path, sequence="ACGU", structures=None, ct=True)
    with pytest.raises(InputError, match="0 are asked; try --tasks structure"):
        predict_fasta(None, "ACGT", "-", ["mrl"], [], "cpu", 1, 2048, "tsv", structures=str(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        predict(model, tmp_path, sequence="ACGU", structures=str(tmp_path / "file"))
    assert not list(tmp_path.glob("*.tsv"))


def test_if_any(model, tmp_path):
    predict(model, tmp_path, sequence="GGGGAAACCCC", if_any=True)
    assert (tmp_path / "new/structures/structures.dbn").exists()
    fixed = {"tasks": ["mrl"], "models": [], "device": "cpu", "cpus": 1, "batch_tokens": 2048, "form": "tsv"}
    predict_fasta(None, "ACGT", str(tmp_path / "t.tsv"), **fixed, structures=str(tmp_path / "none"), if_any=True)
    assert not (tmp_path / "none").exists()
