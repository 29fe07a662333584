from dataclasses import fields

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from sknn_scratch import MLPScratchClassifier
from sknn_scratch._schedules import SCHEDULES

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


def scikit_learns(name, rate, power_t=0.5):
    return SGDOptimizer([], rate, lr_schedule=name, power_t=power_t)


@every_schedule
def test_first_step_is_learning_rate_init(name):
    assert schedule(name, learning_rate_init=0.3).learning_rate == 0.3


@every_schedule
def test_step_stays_positive_and_a_plateau_says_go_on_or_stop(name):
    ours = schedule(name, learning_rate_init=0.3)
    for epoch in range(1, 100):
        ours.end_epoch(50 * epoch)
        assert ours.on_plateau() in (True, False)
        assert ours.learning_rate > 0


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
        assert ours.learning_rate == theirs.learning_rate


@in_scikit_learn
def test_plateaus_are_scikit_learns(name):
    ours, theirs = schedule(name, learning_rate_init=0.3), scikit_learns(name, 0.3)
    stopped = False
    while not stopped:
        stopped = theirs.trigger_stopping("", verbose=False)
        assert ours.on_plateau() is not stopped
        assert ours.learning_rate == theirs.learning_rate


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


@pytest.mark.parametrize("name", ["constant", "invscaling"])
def test_a_stack_has_a_step_per_model(name):
    rates = np.array([[0.1], [0.2], [0.4]])
    ours = schedule(name, learning_rate_init=rates)
    ours.end_epoch(100)
    for i, rate in enumerate([0.1, 0.2, 0.4]):
        alone = schedule(name, learning_rate_init=rate)
        alone.end_epoch(100)
        assert ours.learning_rate[i, 0] == alone.learning_rate
    assert rates.tolist() == [[0.1], [0.2], [0.4]]
