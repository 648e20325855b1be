"""One pass over a table: nothing lost, whatever the order and however many rows."""

import numpy as np
import pytest

from utrlm.card import CardTarget, ModelCard
from utrlm.errors import InputError
from utrlm.summary import BINS, CHUNK, ENDS, Ends, Histogram, summarise

TARGETS = (CardTarget("a", "unit", "a number"), CardTarget("fold", "dot-bracket", "a structure"))
CARD = ModelCard("own", "scalar", "0", "made up", TARGETS, 1, 100, 100)


@pytest.fixture
def table(tmp_path):
    """Writes a table; returns its path."""

    def write(*rows, header="id length own_a own_fold flags"):
        path = tmp_path / "table.tsv"
        path.write_text("".join("\t".join(row.split(" ")) + "\n" for row in [header, *rows]))
        return str(path)

    return write


@pytest.mark.parametrize("scale", [1e-6, 1, 1e6])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_histogram_is_that_of_all_values_at_once(scale, size):
    values = np.random.default_rng(0).normal(3, 2, 1000) * scale
    pieces, whole = Histogram(), Histogram()
    for start in range(0, len(values), size):
        pieces.add(values[start : start + size])
    whole.add(values)
    assert (pieces.width, pieces.counts) == (whole.width, whole.counts)
    assert sum(pieces.counts.values()) == pieces.number == 1000 and len(pieces.counts) <= BINS
    assert pieces.mean == pytest.approx(values.mean()) and pieces.most == values.max()
    edges = np.arange(values.min() // pieces.width, values.max() // pieces.width + 2) * pieces.width
    assert list(np.histogram(values, edges)[0]) == [pieces.counts[int(e // pieces.width)] for e in edges[:-1]]


def test_shares_sum_to_a_hundred_in_wider_bins_too():
    one = Histogram()
    one.add(np.array([0.0, 1.0, 1.0, 5.0]))
    assert one.shares(1.0) == [(0.5, 25), (1.5, 50), (2.5, 0), (3.5, 0), (4.5, 0), (5.5, 25)]
    assert one.shares(4.0) == [(2.0, 75), (6.0, 25)]
    assert Histogram().shares(1.0) == []


@pytest.mark.parametrize("sign", [1, -1])
def test_ends_are_those_of_sorting_and_the_first_of_equal_ones(sign):
    values = np.random.default_rng(1).integers(0, 30, 500).astype(float)
    ends = Ends(sign)
    for start in range(0, 500, 60):
        part = values[start : start + 60]
        places = list(range(start, start + len(part)))
        ends.add(part, places, places)
    assert ends.rows() == sorted(range(500), key=lambda place: (-sign * values[place], place))[:ENDS]


def test_counts_of_a_table(table):
    rows = ["u1 8 1.5 ((..)).. short", "u2 4 -2 .... ", "u3 4   short,ambiguous"]
    one = summarise(table(*rows), [CARD], "s").samples["s"]
    assert (one.records, one.flags) == (3, {"short": 2, "ambiguous": 1})
    assert one.histograms["length"].mean == pytest.approx(16 / 3)
    assert one.histograms["own_a"].number == 2 and one.histograms["own_a"].least == -2
    assert (one.histograms["own_fold"].least, one.histograms["own_fold"].most) == (0, 50)


def test_samples_and_many_rows(table):
    rows = [f"{'xy'[i % 2]} u{i} 10 {i} ....  0 0 0 0  " for i in range(2 * CHUNK + 5)]
    header = "sample id length own_a own_fold uaugs uorfs inframe_oorfs outofframe_oorfs kozak flags"
    path = table(*[row.replace("....  ", ".... ") for row in rows], header=header)
    summary = summarise(path, [CARD], "unused")
    assert {name: one.records for name, one in summary.samples.items()} == {"x": CHUNK + 3, "y": CHUNK + 2}
    assert summary.samples["x"].kozak == {"none": CHUNK + 3} and summary.samples["x"].uaugs == {"0": CHUNK + 3}
    assert [row["id"] for row in summary.lowest["own_a"].rows()][:3] == ["u0", "u1", "u2"]
    assert summary.highest["own_a"].rows()[0] == {"sample": "x", **summary.highest["own_a"].rows()[0]}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["u1 8 x .... "], "rows from 1: column own_a: .*'x'"),
        (["u1 8 nan .... "], "rows from 1: column own_a: a value that is not finite"),
        (["u1 8 1 .... ", "u2"], "row 2 is cut off"),
    ],
)
def test_a_damaged_table(table, rows, message):
    with pytest.raises(InputError, match=message):
        summarise(table(*rows), [CARD], "s")


def test_no_table(table, tmp_path):
    with pytest.raises(InputError, match="not a table of predictions"):
        summarise(table(header="id length"), [CARD], "s")
    with pytest.raises(InputError, match=r"none.tsv: No such file"):
        summarise(str(tmp_path / "none.tsv"), [CARD], "s")
