import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import kstest, norm, uniform
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.initializers import INITIALIZERS, draw_parameters
from sknn_scratch.engine.parameters import Parameters

FAN_IN, FAN_OUT = 300, 500

every_initializer = pytest.mark.parametrize("name", INITIALIZERS)


def within(bound):
    return uniform(-bound, 2 * bound)


# The distribution of the weights, and that of the biases or None where these are zero.
DISTRIBUTIONS = {
    "glorot_uniform": lambda gain: [within(np.sqrt(gain / (FAN_IN + FAN_OUT)))] * 2,
    "he_normal": lambda gain: [norm(0, np.sqrt(2 / FAN_IN)), None],
    "he_uniform": lambda gain: [within(np.sqrt(6 / FAN_IN)), None],
    "lecun_normal": lambda gain: [norm(0, np.sqrt(1 / FAN_IN)), None],
    "lecun_uniform": lambda gain: [within(1 / np.sqrt(FAN_IN)), None],
    "normal": lambda gain: [norm(0, 0.1)] * 2,
}


def draw(name, gain=6.0, seed=0, fan_in=FAN_IN, fan_out=FAN_OUT):
    return INITIALIZERS[name](np.random.RandomState(seed), fan_in, fan_out, gain)


@every_initializer
@pytest.mark.parametrize("gain", [2.0, 6.0])
def test_distribution(name, gain):
    for drawn, expected in zip(draw(name, gain), DISTRIBUTIONS[name](gain), strict=True):
        if expected is None:
            assert_array_equal(drawn, 0)
            continue
        # A right draw fails one time in 10^4, and the seed is fixed.
        assert kstest(drawn.ravel(), expected.cdf).pvalue > 1e-4
        low, high = expected.support()
        assert low <= drawn.min()
        assert drawn.max() <= high


@every_initializer
def test_variance_of_weights(name):
    weights, _ = draw(name)
    expected = DISTRIBUTIONS[name](6.0)[0]
    # The variance of n numbers deviates by sqrt((kurtosis - 1) / n) of itself, kurtosis <= 3.
    assert weights.var() == pytest.approx(expected.var(), rel=5 * np.sqrt(2 / weights.size))
    assert abs(weights.mean()) < 5 * expected.std() / np.sqrt(weights.size)


@every_initializer
def test_shapes_and_the_same_seed_the_same_numbers(name):
    weights, biases = draw(name, fan_in=3, fan_out=4)
    assert weights.shape == (3, 4)
    assert biases.shape == (4,)
    again, other = (draw(name, seed=seed, fan_in=3, fan_out=4) for seed in (0, 1))
    assert_array_equal(weights, again[0])
    assert_array_equal(biases, again[1])
    assert not np.any(weights == other[0])


@every_initializer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layers_are_drawn_one_after_the_other(name, dtype):
    units, gains = (4, 3, 5, 2), [6.0, 2.0, 1.0]
    params = Parameters.empty(units, dtype)
    draw_parameters(params, INITIALIZERS[name], gains, np.random.RandomState(3))
    generator = np.random.RandomState(3)
    for W, b, gain in zip(params.weights, params.biases, gains, strict=True):
        weights, biases = INITIALIZERS[name](generator, *W.shape, gain)
        # float32 are the same numbers, rounded
        assert_array_equal(W, weights.astype(dtype))
        assert_array_equal(b, biases.astype(dtype))


@pytest.mark.parametrize("activation", ["relu", "logistic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_glorot_uniform_draws_what_scikit_learn_draws(activation, dtype):
    X, y = np.zeros((3, 4), dtype), np.array([0, 1, 2])
    # A step too small to change anything leaves the weights as they were drawn.
    model = MLPClassifier(
        (7, 5),
        activation=activation,
        solver="sgd",
        momentum=0.0,
        learning_rate_init=1e-30,
        shuffle=False,
        max_iter=1,
        random_state=5,
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    params = Parameters.empty((4, 7, 5, 3), dtype)
    gains = [ACTIVATIONS[activation].gain] * 3
    generator = np.random.RandomState(5)
    draw_parameters(params, INITIALIZERS["glorot_uniform"], gains, generator)
    for ours, theirs in zip(
        params.weights + params.biases, model.coefs_ + model.intercepts_, strict=True
    ):
        assert theirs.dtype == dtype
        assert_array_equal(ours, theirs)
