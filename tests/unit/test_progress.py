"""The record of a training: its curves, its best weights, its ending."""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sknn_scratch.engine.progress import Ending, Progress, falling, stale_epochs

VALUES = st.lists(st.sampled_from([math.nan, 0.0, 0.1, 0.2, 0.25, 1.0, math.inf]), max_size=30)


def progress(watched="loss", tol=0.1, n_iter_no_change=3):
    return Progress(tol, n_iter_no_change, watched=watched, best_flat=np.zeros(2))


def record(one, values):
    """Record an epoch of two samples for each value, after which the parameters are its number."""
    for epoch, value in enumerate(values):
        flat = np.full(2, float(epoch))
        one.record({"loss": value, "validation_score": -value}, 2, flat)
        flat[...] = -1  # the parameters go on to change
    return one


@given(VALUES, st.sampled_from([0.0, 0.1]), st.sampled_from(["loss", "validation_score"]))
def test_it_counts_as_scikit_learn_does_and_keeps_the_best(values, tol, watched):
    one = progress(watched, tol)
    best, count, best_epoch = np.inf, 0, 0
    for epoch, value in enumerate(values):
        # BaseMultilayerPerceptron._update_no_improvement_count
        count = count + 1 if value > best - tol else 0
        if value < best:
            best, best_epoch = value, epoch
        flat = np.full(2, float(epoch))
        one.record({"loss": value, "validation_score": -value}, 5, flat)
        flat[...] = -1
        assert one.n_stale_epochs == count
        assert one.on_plateau is (count > 3)
        assert one.best == best
        assert one.has_best is (best < np.inf)
        assert_array_equal(one.best_flat, 2 * [best_epoch])
        assert one.loss is value
        assert one.best_score == (-best if best < np.inf else None)
    assert (one.n_epochs, one.n_samples_seen) == (len(values), 5 * len(values))


@given(VALUES, st.sampled_from([0.0, 0.1]))
def test_a_plateau_is_a_property_of_the_curve(values, tol):
    """Whoever has the curve, and no other record of the training, finds the same."""
    best, count = math.inf, 0
    for value in values:
        count = stale_epochs(count, value, best, tol)
        best = min(best, value) if value == value else best
    assert record(progress(tol=tol), values).n_stale_epochs == count


@given(VALUES, VALUES, st.integers(1, 4))
def test_before_the_epochs_to_a_plateau_are_over_there_is_none(before, after, patience):
    one = record(progress(n_iter_no_change=patience), before)
    n = one.n_epochs_to_plateau
    assert n >= 1
    was_on_plateau = one.on_plateau
    for value in after[: n - 1]:
        assert not record(one, [value]).on_plateau
    rest = record(progress(n_iter_no_change=patience), before)
    record(rest, n * [math.inf])
    assert was_on_plateau or rest.on_plateau == (rest.best < math.inf)


def test_without_an_end_to_patience_there_is_no_plateau():
    assert progress(n_iter_no_change=math.inf).n_epochs_to_plateau == math.inf


def test_what_is_to_rise_is_watched_upside_down():
    assert falling("validation_score", 0.5) == -0.5
    assert falling("validation_loss", 0.5) == falling("loss", 0.5) == 0.5


def test_the_history_says_nan_where_an_epoch_says_nothing():
    one = progress()
    for entry in ({"loss": 3.0}, {"loss": 2.0, "accuracy": 0.5}, {"loss": 1.0, "new": 7}):
        one.record(entry, 1, np.zeros(2))
    assert list(one.history) == ["loss", "accuracy", "new"]
    assert one.history["loss"] == [3.0, 2.0, 1.0]
    assert_array_equal(one.history["accuracy"], [np.nan, 0.5, np.nan])
    assert_array_equal(one.history["new"], [np.nan, np.nan, 7])


def test_curves_grow_where_they_are():
    """partial_fit appends to the lists of the estimator: a copy would take ever longer."""
    one, curve = progress(), []
    one.history["loss"] = curve
    record(one, [3.0, 2.0])
    assert one.history["loss"] is curve
    assert curve == [3.0, 2.0]


@pytest.mark.parametrize("watched", ["loss", "validation_score", "validation_loss"])
@pytest.mark.parametrize("ending", [None, *Ending])
def test_a_training_is_lost_without_weights_to_keep(watched, ending):
    one = record(Progress(0.1, 3, watched=watched, best_flat=np.zeros(2)), [])
    one.ending = ending
    assert one.is_lost is (watched == "loss" and ending is Ending.DIVERGED)
    one.record({"loss": np.nan, watched: np.nan}, 1, np.zeros(2))
    lost = ending is Ending.DIVERGED or (watched != "loss" and ending is not None)
    assert one.is_lost is lost
    one.record({"loss": 1.0, watched: 1.0}, 1, np.zeros(2))
    assert one.is_lost is (watched == "loss" and ending is Ending.DIVERGED)


def test_endings_are_sentences():
    for ending in Ending:
        assert ending.value[0].isupper()
        assert ending.value.endswith(".")
        assert not (ending.is_premature and ending.is_final)
    assert {ending for ending in Ending if not ending.is_final} == {
        *(ending for ending in Ending if ending.is_premature),
        Ending.SCHEDULE_OVER,
    }


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_it_is_a_plain_record(copied):
    one = record(progress(), [3.0, 2.0, 2.5])
    other = copied(one)
    record(other, [1.0])
    assert one.history["loss"] == [3.0, 2.0, 2.5]
    assert_array_equal(one.best_flat, [1, 1])
    assert_array_equal(other.best_flat, [0, 0])
