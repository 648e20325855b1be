"""Rows of a predictor: that an error ends its work at once, and where intervals stand."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from utrlm import alphabet, predict
from utrlm.errors import InputError
from utrlm.fasta import Record
from utrlm.predict import Predictor


def record(name, sequence):
    return Record(name, name, sequence, alphabet.encode(sequence))


@pytest.fixture
def computed(monkeypatch):
    """Batches that were computed; the first waits until somebody waits for it."""
    waited, done = threading.Event(), []

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, **settings):
            if wait:
                waited.set()
            super().shutdown(wait, **settings)

    def run_batch(number, model, batch, fold):
        waited.wait(20)
        done.append(batch)
        return {}

    monkeypatch.setattr(predict, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(predict, "run_batch", run_batch)
    monkeypatch.setattr(predict, "WINDOW_RECORDS", 20)
    return done


@pytest.mark.parametrize("error", [InputError, KeyboardInterrupt])
def test_after_an_error_no_batch_is_begun(computed, error):
    def records():
        for length in range(30, 50):
            yield record(f"r{length}", "C" * length)
        raise error

    with pytest.raises(error):
        next(Predictor(["mrl"], device="cpu", cpus=1, batch_tokens=1).rows(records()))
    assert len(computed) <= 1


def test_an_interval_goes_by_the_whole_sequence():
    """The models of te read the last 512 letters, and were trained on longer sequences than that."""
    letters = "".join(np.random.default_rng(0).choice(list("ACGT"), 5_000))
    predictor = Predictor(["te"], device="cpu")
    (card,) = (model.card for model in predictor.models)
    assert card.context < card.longest
    long, inside = predictor.rows(iter([record("a", letters), record("b", letters[-card.longest :])]))
    assert long["te_hek"] == inside["te_hek"] and long["flags"] == inside["flags"] == "long"
    assert (long["te_hek_low"], long["te_hek_high"]) == (None, None)
    assert inside["te_hek_low"] < inside["te_hek"] < inside["te_hek_high"]
    assert list(long) == predictor.columns
