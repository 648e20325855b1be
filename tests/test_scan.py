import math

import numpy as np
import pandas as pd
import pytest

from utrlm import alphabet
from utrlm.batches import padded_length
from utrlm.card import CardTarget, ModelCard
from utrlm.decode import site_columns
from utrlm.errors import InputError
from utrlm.fasta import Record
from utrlm.scan import Site, at_prior, candidates, scan, scan_fasta

DONOR, ACCEPTOR = (CardTarget(f"human_{n}", "probability", "", s) for n, s in (("donor", "GT"), ("acceptor", "AG")))
CARD = ModelCard("splice", "site", "0", "", (DONOR, ACCEPTOR), 8, 8, 8)


class Even:
    """A predictor that finds every window as probable as its share of G, and remembers what it saw."""

    def __init__(self):
        self.models = [type("Model", (), {"card": CARD})]
        self.seen = []

    def rows(self, records):
        for record in records:
            self.seen.append(record.codes)
            values = np.full((1, 2), (record.codes == 4).mean(), dtype=np.float32)
            yield site_columns(CARD, {"values": values}, [record.codes])[0]


def test_every_candidate_stands_in_the_middle_of_its_window():
    sequence = "GTACAGGTNNAGTTAG"
    predictor = Even()
    sites = list(scan(Record("r", "", sequence, alphabet.encode(sequence)), predictor, "human", 50))
    wanted = [(i, k) for i in range(15) for k, s in (("donor", "GT"), ("acceptor", "AG")) if sequence[i : i + 2] == s]
    assert [(site.start, site.kind) for site in sites] == [(i, f"human_{k}") for i, k in wanted]
    for site, window in zip(sites, predictor.seen, strict=True):
        assert len(window) == 8
        assert bytes(window[3:5]) == bytes(alphabet.encode(sequence[site.start : site.start + 2]))
    assert all(0 < site.probability < 1 for site in sites)


def test_a_prior_turns_the_odds():
    assert at_prior(0.5, 0.5) == 0.5
    assert at_prior(0.9, 0.1) == pytest.approx(0.5)  # odds 9 at even, 1 at one in ten
    assert at_prior(1.0, 0.01) == 1 and at_prior(0.0, 0.01) == 0


def test_bed():
    assert Site("r", 4, "human_donor", 0.98765).bed() == "r\t4\t6\thuman_donor\t988\t+\t0.9877\t.\n"
    assert Site("r", 4, "d", 1.0, "short,ambiguous").bed().endswith("\t1.0000\tshort,ambiguous\n")


def test_sites_near_an_end_or_an_unknown_letter_or_of_a_repeated_id_are_flagged(tmp_path):
    (tmp_path / "g.fa").write_text(f">g\n{'C' * 10}GT{'C' * 400}GT{'C' * 100}N{'C' * 200}\n>g\nGT\n")
    scan_fasta(str(tmp_path / "g.fa"), str(tmp_path / "s.bed"), "human", 1.0, 0.0, None, 1)
    flags = [line.split("\t")[-1] for line in (tmp_path / "s.bed").read_text().splitlines()]
    assert flags == ["short", "ambiguous", "short,duplicate_id"]


@pytest.mark.parametrize(("sequence", "found"), [("", []), ("G", []), ("GT", [0]), ("GTGT", [0, 2]), ("ggu", [1])])
def test_candidates(sequence, found):
    assert candidates(alphabet.encode(sequence), DONOR) == found


def test_an_unknown_species():
    with pytest.raises(InputError, match="predicts no sites of 'yeast'"):
        list(scan(Record("r", "", "GT", alphabet.encode("GT")), Even(), "yeast", 1))


@pytest.mark.parametrize("numbers", [{"prior": math.nan, "least": 0.5}, {"prior": 1.0, "least": math.nan}])
def test_numbers_that_are_none(tmp_path, numbers):
    with pytest.raises(InputError, match=r"nan.*should be numbers"):
        scan_fasta("none.fa", str(tmp_path / "s.bed"), "human", model=None, cpus=1, **numbers)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("context", [48, 80, 320])
def test_training_reads_the_very_window_that_prediction_reads(context):
    """A column more on the left would move the site off the middle (as it once did, at 320)."""
    import pandas as pd

    from utrlm.training.data import Examples

    sequence = "ACGTTGCA" * 75 + "GT"
    rows = pd.DataFrame({"sequence": [sequence], "target": "d", "label": 1.0, "weight": 1.0, "repeat": 1})
    examples = Examples(rows, ["d"], context, 25_600, kind="site")
    ((_, batch),) = examples.in_order()
    window = alphabet.WINDOWS["site"](alphabet.encode(sequence), context)
    assert batch.codes.tolist() == [window.tolist()]
    assert padded_length(context) == context


def test_mutations_leave_a_site_and_what_is_no_letter():
    from utrlm.training.data import Examples

    rows = pd.DataFrame({"sequence": ["N" + "ACGT" * 9 + "TAN"] * 2, "target": "t", "label": 1.0})
    examples = Examples(rows.assign(weight=1.0, repeat=1), ["t"], 48, 480, mutated=0.2, kind="site")
    drawn, given = examples.batch(48, np.zeros(500, dtype=int), (3,)).codes, examples.codes[0]
    assert (drawn == examples.batch(48, np.zeros(500, dtype=int), (3,)).codes).all()  # the same draw, the same letters
    changed = drawn != given
    free = (given > alphabet.MASK) & ~np.isin(np.arange(48), np.arange(20, 28))
    assert not changed[:, ~free].any() and drawn.max() < alphabet.SIZE and drawn[changed].min() > alphabet.MASK
    assert abs(changed[:, free].mean() - 0.2) < 0.02
