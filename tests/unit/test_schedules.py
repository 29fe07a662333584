from dataclasses import fields

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.schedules import SCHEDULES, ByEpoch, Constant

EPS = np.finfo(np.float64).eps

every_schedule = pytest.mark.parametrize("name", SCHEDULES)
in_scikit_learn = pytest.mark.parametrize(
    "name", [name for name in SCHEDULES if name in ("constant", "invscaling", "adaptive")]
)


def schedule(name, **values):
    """Return a schedule filled from the estimator's parameters, as the estimator does."""
    given = MLPScratchClassifier().get_params() | values
    cls = SCHEDULES[name]
    return cls(**{field.name: given[field.name] for field in fields(cls) if field.init})


def rates(ours, n_epochs, parts=4):
    """Return the step at a few moments of each epoch, shape (n_epochs, parts)."""
    found = []
    for epoch in range(1, n_epochs + 1):
        found.append([ours.rate((part + 0.5) / parts) for part in range(parts)])
        ours.end_epoch(100 * epoch)
    return np.array(found)


def scikit_learns(name, rate, power_t=0.5):
    return SGDOptimizer([], rate, lr_schedule=name, power_t=power_t)


@every_schedule
def test_learning_rate_init_is_the_largest_step(name):
    ours = schedule(name, learning_rate_init=0.3, max_iter=20)
    assert ours.learning_rate == 0.3
    found = rates(ours, 20)
    assert np.all(found > 0)
    assert found.max() == pytest.approx(0.3, rel=1e-2)  # one_cycle is seen near its peak only
    assert found.max() <= 0.3 * (1 + 4 * EPS)


@every_schedule
def test_a_plateau_says_go_on_or_stop_and_the_step_stays_positive(name):
    ours = schedule(name, learning_rate_init=0.3)
    for epoch in range(1, 100):
        ours.end_epoch(50 * epoch)
        assert ours.on_plateau() in (True, False)
        assert ours.rate(0.5) > 0


@every_schedule
def test_a_schedule_says_whether_it_changes_before_a_plateau(name):
    ours = schedule(name, learning_rate_init=0.3, max_iter=20)
    if ours.is_line_search:
        pytest.skip("it is found step by step")
    assert ours.holds_until_plateau == (np.ptp(rates(ours, 6)) == 0)


def test_until_the_warm_up_is_over_the_learning_rate_changes():
    ours = schedule("constant", warmup_epochs=2)
    held = []
    for epoch in range(4):
        held.append(ours.holds_until_plateau)
        ours.end_epoch(epoch)
    assert held == [False, False, True, True]


def test_a_schedule_of_the_users_own_may_change_after_each_epoch():
    class Falling(Constant):
        def end_epoch(self, n_seen):
            super().end_epoch(n_seen)
            self.learning_rate /= 2

    assert Constant(0.1).holds_until_plateau
    assert not Falling(0.1).holds_until_plateau


@every_schedule
def test_warm_up_multiplies_by_the_epochs_done(name):
    plain = rates(schedule(name, learning_rate_init=0.3), 6)
    warm = rates(schedule(name, learning_rate_init=0.3, warmup_epochs=3.5), 6)
    done = np.arange(6)[:, None] + np.array([0.125, 0.375, 0.625, 0.875])
    assert_allclose(warm, plain * np.minimum(1, done / 3.5), rtol=4 * EPS)


@every_schedule
def test_never_ends_lowering_and_stops(name):
    ours = schedule(name, learning_rate_init=0.3)
    # 0.3 / 5^8 is below 1e-6: no schedule should take as many as 50 plateaus to stop.
    assert not all(ours.on_plateau() for _ in range(50))


@in_scikit_learn
def test_steps_over_epochs_are_scikit_learns(name):
    ours, theirs = schedule(name, learning_rate_init=0.3), scikit_learns(name, 0.3)
    for n_seen in (10, 20, 30, 1000):
        ours.end_epoch(n_seen)
        theirs.iteration_ends(n_seen)
        assert ours.learning_rate == ours.rate(0.5) == theirs.learning_rate


@in_scikit_learn
def test_plateaus_are_scikit_learns(name):
    ours, theirs = schedule(name, learning_rate_init=0.3), scikit_learns(name, 0.3)
    stopped = False
    while not stopped:
        stopped = theirs.trigger_stopping("", verbose=False)
        assert ours.on_plateau() is not stopped
        assert ours.learning_rate == ours.rate(0.5) == theirs.learning_rate


@pytest.mark.parametrize("power_t", [0.0, 0.5, 2.0])
def test_invscaling_is_its_formula(power_t):
    ours = schedule("invscaling", learning_rate_init=0.3, power_t=power_t)
    for n_seen in (1, 150, 10**6):
        ours.end_epoch(n_seen)
        expected = 0.3 * np.exp(-power_t * np.log1p(n_seen))
        # the exponent, up to 2 log(10^6) = 28, is rounded
        assert ours.learning_rate == pytest.approx(expected, rel=30 * EPS)


def test_constant_stops_at_the_first_plateau():
    ours = schedule("constant", learning_rate_init=0.3)
    assert ours.on_plateau() is False
    assert ours.learning_rate == 0.3


def test_adaptive_divides_by_five_until_the_step_is_small():
    ours = schedule("adaptive", learning_rate_init=0.3)
    rates = [ours.learning_rate]
    while ours.on_plateau():
        rates.append(ours.learning_rate)
    assert_allclose(rates, 0.3 / 5.0 ** np.arange(9), rtol=8 * EPS)  # 8 divisions


def test_cosine_is_its_formula():
    found = rates(schedule("cosine", learning_rate_init=0.3, max_iter=20), 20)
    done = (np.arange(80) + 0.5) / 80
    # Loshchilov and Hutter (2017), eq. 5; 1 + cos loses eps where it is small
    expected = 0.3 * 0.5 * (1 + np.cos(np.pi * done))
    assert_allclose(found.ravel(), expected, rtol=0, atol=4 * EPS)


def test_one_cycle_goes_up_and_down():
    ours = schedule("one_cycle", learning_rate_init=0.3, max_iter=20)
    assert ours.rate(0.0) == pytest.approx(0.3 / 25, rel=16 * EPS)
    found = rates(ours, 20).ravel()
    top = np.argmax(found)
    assert abs((top + 0.5) / 80 - 0.3) <= 1 / 80  # a moment before or after 0.3 of all
    assert np.all(np.diff(found[: top + 1]) > 0)
    assert np.all(np.diff(found[top:]) < 0)
    assert ours.rate(0.0) == pytest.approx(0.3 / 250_000, rel=1e-9)  # at the end: 4e-6 eps lost


@pytest.mark.parametrize("name", ["cosine", "one_cycle"])
def test_after_max_iter_the_step_does_not_grow_again(name):
    found = rates(schedule(name, learning_rate_init=0.3, max_iter=5), 8)[5:]
    assert_allclose(found, found[0, 0])
    assert found[0, 0] <= 0.3 / 250_000 * (1 + 1e-9)


def test_a_function_is_asked_once_for_each_epoch():
    ours = ByEpoch(0.3, function=lambda epoch: 1 / (epoch + 1))
    assert_allclose(rates(ours, 3), [[1] * 4, [1 / 2] * 4, [1 / 3] * 4], rtol=0)


def test_backtracking_halves_until_accepted_and_never_grows():
    ours = schedule("backtracking", learning_rate_init=0.8)
    assert ours.is_line_search
    assert ours.search(lambda step: step <= 0.25) == 0.2
    assert ours.search(lambda step: True) == 0.2
    assert ours.learning_rate == ours.rate(0.5) == 0.2


def test_backtracking_gives_up_where_nothing_is_finite():
    ours = schedule("backtracking", learning_rate_init=0.8)
    assert 0 <= ours.search(lambda step: False) < 1e-300
