"""Designs: constraints hold for every one, the same seed gives the same bytes, numbers are those of prediction."""

import csv
import re
import runpy
from random import Random
from types import SimpleNamespace

import pytest
from Bio import Restriction
from Bio.Seq import Seq
from click.testing import CliRunner
from rapidfuzz.distance import Levenshtein

from utrlm import alphabet
from utrlm.constraints import Constraints, make_constraints, site_motifs
from utrlm.design import trained_lengths
from utrlm.distance import Apart
from utrlm.errors import InputError
from utrlm.fasta import Record, read_fasta
from utrlm.objectives import Objective, Scorer, parse_objectives
from utrlm.predict import Predictor
from utrlm.search import Plan, child_of, evolve, first_sequences

from .conftest import ROOT

RULES = {
    "gc": (0.4, 0.6),
    "five_prime": "GGGA",
    "three_prime": "GCCACC",
    "following": "ATGCTGAGC",
    "forbid_motif": ["AAYAAA", "CCAUGG"],
    "forbid_site": ["BsaI", "EcoRI", "NcoI"],
    "no_uaug": True,
}


def holds(sequence, shortest, longest):
    """What RULES ask, checked another way."""
    share = sum(sequence.count(letter) for letter in "GC") / len(sequence)
    joined = sequence + "ATGCTGAGC"
    return (
        shortest <= len(sequence) <= longest
        and 0.4 <= share <= 0.6
        and sequence[:4] == "GGGA"
        and sequence[-6:] == "GCCACC"
        and "ATG" not in sequence
        and not re.search("AA[CT]AAA|CCATGG", joined)
        and not any(enzyme.search(Seq(joined)) for enzyme in (Restriction.BsaI, Restriction.EcoRI, Restriction.NcoI))
    )


@pytest.mark.parametrize("seed", range(3))
def test_drawn_fitted_and_changed_sequences_meet_the_constraints(seed):
    random = Random(seed)
    rules = make_constraints((30, 45), **RULES)
    for _ in range(30):
        sequence = rules.draw(random)
        other = rules.fit("".join(random.choices("ACGT", k=random.randint(1, 90))), random)
        child = child_of(sequence, other, rules, random)
        lone = child_of(sequence, sequence, rules, random)
        for one in (sequence, other, child, lone):
            assert holds(one, 30, 45)


def test_motifs_across_the_end_count_and_those_behind_it_do_not():
    assert Constraints(1, 99, motifs=("CCATGG",), following="ATGG").faults("AAACC") == 1
    assert Constraints(1, 99, motifs=("ATG",), following="ATGATG").faults("AAACC") == 0
    assert Constraints(1, 99, motifs=("AA",)).faults("AAAC") == 2  # overlapping matches
    assert Constraints(1, 99, no_uaug=True, following="GTG").faults("AAAAT") == 1
    assert Constraints(1, 99, no_uaug=True, following="ATG").faults("AAAAT") == 0
    with pytest.raises(InputError, match="--three-prime AT: breaks the constraint no uAUG"):
        make_constraints((30, 45), **RULES | {"three_prime": "AT", "following": "GTG"})


def test_an_enzyme_of_two_sites():
    assert site_motifs(["HpyUM037X"]) == ["TNGGNAG", "CTNCCNA", "GTGGNAG", "CTNCCAC"]


def test_a_fixed_length_is_kept_by_every_change():
    rules, random = Constraints(20, 20, "GG", "CC"), Random(1)
    sequence = rules.draw(random)
    for _ in range(200):
        sequence = rules.change(sequence, random)
        assert len(sequence) == 20 and sequence[:2] == "GG" and sequence[-2:] == "CC"


def test_apart_is_the_edit_distance():
    random = Random(2)
    for least in (1, 2, 5):
        apart, kept = Apart(least), []
        for _ in range(60):
            sequence = "".join(random.choices("AC", k=random.randint(6, 9)))
            far = all(Levenshtein.distance(sequence, other) >= least for other in kept)
            assert apart.admit(sequence) == far
            kept += [sequence] * far


@pytest.fixture(scope="module")
def scorer():
    return Scorer([Objective("mrl_varying", 1)], 0.1, 0.0, ["mrl"], [], device="cpu", cpus=1)


def test_the_search_beats_its_start_and_never_falls(scorer):
    rules, random = Constraints(30, 30, no_uaug=True), Random(0)
    plan = Plan(number=8, rounds=12, children=0.5, min_distance=4)
    designs, history = evolve(scorer, rules, first_sequences([], rules, plan, random), plan, random)
    medians = [state.quantiles["score"][1] for state in history]
    assert medians == sorted(medians) and medians[-1] > medians[0] + 0.1
    assert [state.predictions for state in history][-1] <= 50 + 12 * 25
    sequences = [one.scored.sequence for one in designs]
    assert min(Levenshtein.distance(a, b) for a in sequences for b in sequences if a != b) >= 4


def test_wishes_that_are_met_end_the_search():
    scorer = Scorer([Objective("mrl_varying", 0, value=5.5)], 0.5, 0.5, ["mrl"], [], device="cpu", cpus=1)
    rules, random = Constraints(30, 40), Random(0)
    plan = Plan(number=55, rounds=60, children=1, min_distance=3)
    designs, history = evolve(scorer, rules, first_sequences([], rules, plan, random), plan, random)
    assert all(one.scored.met and abs(one.scored.values["mrl_varying"] - 5.5) <= 0.5 for one in designs)
    assert len(designs) == 55 and history[-1].number < 60


def test_doubt_lowers_a_score_and_models_of_one_column_are_averaged(tmp_path):
    from utrlm.models import shipped

    sequence = "ACACACCAACACGTACCAACCATTGACCAA"
    (row,) = Predictor(["mrl"], device="cpu").rows(iter([Record("r", "r", sequence, alphabet.encode(sequence))]))
    half = (row["mrl_varying_high"] - row["mrl_varying_low"]) / 2
    wish = [Objective("mrl_varying", 1, 2.0)]
    (careful,) = Scorer(wish, 0.1, 0.5, ["mrl"], [], device="cpu").score([sequence])
    assert careful.score == pytest.approx(2 * (row["mrl_varying"] - 0.5 * half))
    copies = [tmp_path / "a.onnx", tmp_path / "b.onnx"]
    for path in copies:
        path.write_bytes(shipped()["mrl"].read_bytes())
    (agreed,) = Scorer(wish, 0.1, 0.5, [], [str(path) for path in copies], device="cpu").score([sequence])
    assert (agreed.doubts["mrl_varying"], agreed.score) == (0.0, pytest.approx(2 * row["mrl_varying"]))


def arguments(folder):
    rules = "--length 30-45 --gc 0.4-0.6 --five-prime GGGA --three-prime GCCACC --no-uaug --following ATGCTGAGC"
    sites = "--forbid-motif AAYAAA --forbid-site BsaI --forbid-site EcoRI --min-distance 4"
    wishes = "--maximise mrl_varying --target te_hek_full=0:0.5 --number 6 --rounds 2 --seed 3"
    outputs = ["--table", folder / "d.tsv", "--trajectory", folder / "t.tsv", "--plot", folder / "p.svg"]
    return [*f"{rules} {sites} {wishes}".split(), "--output", folder / "d.fa", *outputs]


def test_the_same_seed_gives_the_same_bytes_and_every_design_holds(run, fasta, tmp_path):
    start = fasta(b">some\nGGGTTTACNACACACCAAGGCCATAACCGG\n>more\nACGUACGUACGUACGUACGUACGUACGU\n")
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder, settings in zip(folders, (["--cpus", 1], ["--batch-tokens", 100]), strict=True):
        folder.mkdir()
        done = run(
            "design",
            "--fasta",
            start,
            *arguments(folder),
            *settings,
            PYTHONHASHSEED=str(settings[1]),
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr.startswith(b"6 designs; ") and done.stderr.endswith(b" predictions\n")
    for name in ("d.fa", "d.tsv", "t.tsv", "p.svg"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes()
    records = list(read_fasta(str(folders[0] / "d.fa")))
    with open(folders[0] / "d.tsv", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    sequences = [record.sequence for record in records]
    assert all(holds(one, 30, 45) for one in sequences)
    assert min(Levenshtein.distance(a, b) for a in sequences for b in sequences if a != b) >= 4
    again = Predictor(["mrl", "te"], device="cpu").rows(iter(records))
    for row, record, predicted in zip(rows, records, again, strict=True):
        assert (row["id"], row["sequence"]) == (record.id, record.sequence)
        assert row["start"] in ("some", "more")
        for column in ("mrl_varying", "te_hek_full"):
            assert row[column] == f"{predicted[column]:.4f}"


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ("", "give --maximise COLUMN, --minimise COLUMN or --target COLUMN=VALUE"),
        ("--maximise nope", "no model predicts 'nope'; there are mrl_egfp_unmod"),
        ("--maximise mrl_varying=3", "should be COLUMN[:WEIGHT]"),
        ("--target mrl_varying", "should be COLUMN=VALUE[:WEIGHT]"),
        ("--target mrl_varying=nan", "should be COLUMN=VALUE[:WEIGHT]"),
        ("--maximise mrl_varying --minimise mrl_varying", "mrl_varying: asked for twice"),
        ("--maximise mrl_varying --length 20-50", "--length 20-50: the models were trained on 25 to 100 nt"),
        ("--maximise mrl_varying --length 20-50 --any-length", "so --any-length needs --caution 0"),
        ("--maximise mrl_designed --length 40-50", "--length 40-50: the models were trained on 50 to 50 nt"),
        ("--maximise mrl_varying --length x", "--length x: should be LOW-HIGH"),
        ("--maximise mrl_varying --length 50.9", "--length 50.9: should be whole numbers"),
        (
            "--maximise mrl_varying --length 11 --any-length --caution 0 --five-prime GGTC --three-prime TCAAAAA"
            " --forbid-site BsaI",
            "left unmet: GGTCTC",
        ),
        ("--maximise mrl_varying --gc 40-60", "--gc 40-60: should be LOW-HIGH, or one value, from 0 to 1"),
        ("--maximise mrl_varying --five-prime GGX", "--five-prime GGX: letter 'X' at position 3"),
        ("--maximise mrl_varying --three-prime GAATTC --forbid-site EcoRI", "breaks the constraint GAATTC"),
        (
            "--maximise mrl_varying --three-prime GCCACC --following ATGG --forbid-site NcoI",
            "breaks the constraint CCATGG",
        ),
        ("--maximise mrl_varying --forbid-site Eco", "--forbid-site Eco: no restriction enzyme"),
        ("--maximise mrl_varying --length 30 --gc 1 --forbid-motif SSS", "left unmet: "),
        ("--maximise mrl_varying --plot x.pdf", "x.pdf: a drawing is .svg or .png"),
        ("--maximise mrl_varying --children inf", "--children inf: should be a finite number"),
        ("--target mrl_varying=5 --tolerance nan", "--tolerance nan: should be a finite number"),
        ("--maximise mrl_varying --caution nan", "--caution nan: should be a finite number"),
        ("--maximise mrl_varying --fasta empty.fa", "empty.fa: holds no records"),
    ],
)
def test_bad_input_is_one_line_and_leaves_no_output(tmp_path, monkeypatch, wishes, message):
    (tmp_path / "empty.fa").write_text("")
    monkeypatch.chdir(tmp_path)
    main = runpy.run_path(str(ROOT / "bin/utrlm-design"))["main"]
    done = CliRunner().invoke(main, [*wishes.split(), "--output", "d.fa", "--table", "d.tsv", "--tasks", "mrl"])
    assert (done.exit_code, done.output.count("\n")) == (1, 1), done.output
    assert message in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["empty.fa"]


def test_models_that_were_trained_on_no_length_in_common():
    scorer = SimpleNamespace(domain=(100, 50), doubt_by_interval=False)
    with pytest.raises(InputError, match="no length in common; give --length"):
        trained_lengths("", scorer, any_length=True)
    assert trained_lengths("60", scorer, any_length=True) == (60, 60)


def test_the_place_of_the_drawing_is_looked_at_before_the_search(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("utrlm.design.evolve", None)
    main = runpy.run_path(str(ROOT / "bin/utrlm-design"))["main"]
    wishes = "--tasks mrl --maximise mrl_varying --length 30 --number 1 --output d.fa --plot none/x.svg"
    done = CliRunner().invoke(main, wishes.split())
    assert (done.exit_code, done.output) == (1, "Error: none/x.svg: No such file or directory\n")
    assert not list(tmp_path.iterdir())


def test_wishes_are_read_in_a_fixed_order():
    found = parse_objectives(["a:2"], ["b"], ["c=-1.5:0.5"])
    assert [(one.column, one.sign, one.weight, one.value) for one in found] == [
        ("a", 1, 2.0, 0.0),
        ("b", -1, 1.0, 0.0),
        ("c", 0, 0.5, -1.5),
    ]
    assert (found[2].gain(-1.4, 0.1), found[2].gain(0.5, 0.1)) == (pytest.approx(0.0), pytest.approx(-1.9))
    with pytest.raises(InputError):
        parse_objectives(["a:0"], [], [])
