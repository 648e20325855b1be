"""What near-identical sequences differ by, as a loss of its own (`family` of a recipe's table)."""

import numpy as np
import pandas as pd
import pytest

from utrlm.errors import InputError
from utrlm.recipe import parse_recipe
from utrlm.tasks import TASKS
from utrlm.training.data import Examples

torch = pytest.importorskip("torch")

from utrlm.training.heads import ScalarModel  # noqa: E402
from utrlm.training.model import BackboneConfig  # noqa: E402

FAMILY = [7, 7, 7, 3, 3, 9, 9, 9]  # of the first five rows differences count


@pytest.fixture
def table():
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"sequence": ["".join(random.choice(list("ACGT"), 50)) for _ in FAMILY], "target": "t"})
    rows["label"] = rows["measured"] = np.arange(8.0)
    return rows.assign(weight=1.0, repeat=1, group=FAMILY, family=[2.0] * 5 + [0.0] * 3)


def make_examples(table, size):
    return Examples(table, ["t"], 50, 50 * size)


def test_families_stay_side_by_side(table):
    table["repeat"] = [3, 3, 3, 3, 3, 1, 1, 1]
    examples = make_examples(table, 18)
    places = set()
    for number in range(20):
        ((_, rows),) = examples.epoch(1, number)
        assert sorted(rows) == sorted([0, 1, 2, 3, 4] * 3 + [5, 6, 7])
        kinds = "".join("b" if row in (3, 4) else "a" if row < 3 else "." for row in rows)
        met = [row for row in rows if row < 3]  # three times, each time all of them
        assert all(sorted(met[i : i + 3]) == [0, 1, 2] for i in (0, 3, 6))
        assert kinds.replace("aaa", "").count("a") == 0 and kinds.replace("bb", "").count("b") == 0
        places.add(kinds)
    assert len(places) > 10


def test_targets_of_one_group_are_families_of_their_own(table):
    two = Examples(table.assign(target=["t", "u"] * 4, family=2.0), ["t", "u"], 50, 400)
    assert [two.family[i] == two.family[0] for i in range(3)] == [True, False, True]
    assert len(set(two.family)) == 6


@pytest.mark.parametrize("task", ["splice", "structure"])
def test_probabilities_and_structures_are_not_compared(task):
    target = TASKS[task].targets[0].name
    source = f'[[sources]]\nfile = "a.csv"\ntarget = "{target}"\nfamily = 1.0\n'
    text = f'name = "x"\ndescription = ""\ntask = "{task}"\n{source}'
    with pytest.raises(InputError, match=r"x\.toml: family of a\.csv: structures and probabilities are not compared"):
        parse_recipe(text, "x.toml")


def test_without_families_an_epoch_is_a_plain_shuffle(table):
    ((_, rows),) = make_examples(table.assign(family=0.0), 8).epoch(3, 4)
    assert list(rows) == list(np.random.default_rng((3, 4)).permutation(8))


def test_what_a_family_shares_does_not_count(table):
    model = ScalarModel(BackboneConfig(1, 16, 2, 16, (3,)), [2.0], [4.0])
    batch = make_examples(table, 8).batch(50, np.arange(8), (0,))
    measured = torch.tensor((batch.measured - 2) / 4)

    def difference(output):
        return float(model.difference(output, torch.zeros(8, dtype=torch.int64), batch))

    shared = torch.tensor([5.0, 5, 5, -3, -3, 100, 200, 300])
    assert difference(measured + shared) == pytest.approx(0, abs=1e-9)
    wrong = torch.tensor([0.0, 0, 3, 0, 0, 0, 0, 0])  # off by -1, -1 and 2 from the family's mean
    assert difference(measured + wrong) == pytest.approx(2 * (0.5 + 0.5 + 1.5))


def test_the_loss_adds_it_and_a_batch_without_families_is_as_before(table):
    model = ScalarModel(BackboneConfig(1, 16, 2, 16, (3,)), [2.0], [4.0])
    output = torch.randn(8, 1, generator=torch.manual_seed(0))
    rows = np.arange(8)
    batch, plain = (make_examples(one, 8).batch(50, rows, (0,)) for one in (table, table.assign(family=0.0)))
    more = model.difference(output[:, 0], torch.zeros(8, dtype=torch.int64), batch)
    assert more > 0
    torch.testing.assert_close(model.loss(output, batch), model.loss(output, plain) + more / 8)


def test_teachers_do_not_change_what_is_compared(table):
    taught = table.assign(label=table["label"] + 10)
    assert list(make_examples(taught, 8).batch(50, np.arange(8), (0,)).measured) == list(np.arange(8.0))
