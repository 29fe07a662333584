import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.neural_network import _base as sklearn_mlp

from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.network import Workspace
from sknn_scratch.engine.parameters import Parameters

EPS, EPS32 = np.finfo(np.float64).eps, np.finfo(np.float32).eps

every_activation = pytest.mark.parametrize("name", ACTIVATIONS)
in_scikit_learn = pytest.mark.parametrize(
    "name", [name for name in ACTIVATIONS if name in sklearn_mlp.DERIVATIVES]
)

# z + STEP is exact at all points below, so that no rounding of z enters the differences.
STEP = 2.0**-10
# Kinks are at whole numbers, if anywhere: these points keep away by more than 2 STEP.
POINTS = np.add.outer(np.arange(-40.0, 40.0), [0.125, 0.375, 0.625, 0.875]).ravel()
FAR = np.array([-1e3, -800.125, -200.25, -60.5, 60.5, 200.25, 800.125, 1e3])

FORMULAS = {
    "leaky_relu": lambda z: z if z > 0 else z / 100,
    "elu": lambda z: z if z > 0 else math.expm1(z),
    "softplus": lambda z: max(z, 0) + math.log1p(math.exp(-abs(z))),
    "gelu": lambda z: z * math.erfc(-z / math.sqrt(2)) / 2,
    "silu": lambda z: z / (1 + math.exp(-z)),
    "mish": lambda z: z * math.tanh(max(z, 0) + math.log1p(math.exp(-abs(z)))),
    "selu": lambda z: 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * math.expm1(z)),
    "hard_swish": lambda z: z * min(max(z + 3, 0), 6) / 6,
    "sine": math.sin,
}


def passed(name, z, delta):
    """Return f(z) and delta f'(z), computed in place as a network does, in copies of z, delta."""
    activation = ACTIVATIONS[name]()
    z, delta = z.copy(), delta.copy()
    a = np.empty_like(z) if activation.needs_z else z
    activation.forward(z, a)
    f = a.copy()
    activation.backward(z, a, delta)
    return f, delta


def value(name, z):
    return passed(name, z, z)[0]


def derivative(name, z):
    return passed(name, z, np.ones_like(z))[1]


def assert_derivative_is_that_of_differences(name, z):
    # The five-point rule errs by STEP^4 f'''''/30 < 1e-12, and by 1.5 eps |f| / STEP of rounding.
    near, far = (value(name, z + k * STEP) - value(name, z - k * STEP) for k in (1, 2))
    differences = (8 * near - far) / (12 * STEP)
    tolerance = 1e-12 + 2 * EPS * np.abs(value(name, z)) / STEP
    assert np.all(np.abs(derivative(name, z) - differences) <= tolerance)


@every_activation
def test_backward_is_the_derivative(name):
    assert_derivative_is_that_of_differences(name, POINTS)


@every_activation
def test_far_from_zero_nothing_overflows(name):
    # Warnings are errors here: an overflow on the way would raise.
    assert np.isfinite(value(name, FAR)).all()
    assert_derivative_is_that_of_differences(name, FAR)
    assert np.isfinite(derivative(name, FAR.astype(np.float32))).all()


@every_activation
def test_is_continuous_at_its_kinks(name):
    whole = np.arange(-10.0, 11.0)
    # No derivative is larger than 1.8: an interval of 2e-9 cannot be a rise of 1e-8.
    assert_allclose(value(name, whole - 1e-9), value(name, whole + 1e-9), rtol=0, atol=1e-8)


@in_scikit_learn
def test_equals_scikit_learn(name):
    a, delta = POINTS.copy(), np.cos(POINTS)
    sklearn_mlp.ACTIVATIONS[name](a)
    sklearn_mlp.DERIVATIVES[name](a, delta)
    ours, our_delta = passed(name, POINTS, np.cos(POINTS))
    assert_array_equal(ours, a)
    # one rounding more or less, in factors of at most 1
    assert_allclose(our_delta, delta, rtol=0, atol=2 * EPS)


@pytest.mark.parametrize("name", FORMULAS)
def test_equals_its_formula(name):
    expected = [FORMULAS[name](z) for z in POINTS]
    # exp(-z^2 / 2) in the tail of the normal distribution is the least exact: an error of eps in
    # z becomes one of z^2 eps, with z up to 38. Below that numbers have not all their digits.
    assert_allclose(value(name, POINTS), expected, rtol=38**2 * EPS, atol=1e-300)


def test_softplus_is_exact_where_log_of_exp_overflows():
    z = np.array([800.0, 1e3, 1e300])
    assert_array_equal(value("softplus", z), z)
    assert_array_equal(derivative("softplus", z), [1, 1, 1])


def test_softplus_keeps_its_digits_where_it_is_small():
    z = np.array([-40.0, -300.0, -700.0])
    # log(1 + e) = e and 1 / (1 + 1 / e) = e to double precision where e < eps
    assert_allclose(value("softplus", z), np.exp(z), rtol=4 * EPS)
    assert_allclose(derivative("softplus", z), np.exp(z), rtol=4 * EPS)


@every_activation
def test_backward_multiplies(name):
    delta = np.sin(np.arange(POINTS.size))
    expected = delta * derivative(name, POINTS)
    assert_allclose(passed(name, POINTS, delta)[1], expected, rtol=4 * EPS, atol=0)


@every_activation
@given(
    z=arrays(
        np.float64,
        array_shapes(min_dims=1, max_dims=4, max_side=4),
        elements=st.floats(-30, 30, allow_subnormal=False),
    )
)
def test_each_element_is_treated_alone(name, z):
    pairs = [passed(name, np.array([v]), np.array([0.75])) for v in z.flat]
    f, delta = passed(name, z, np.full_like(z, 0.75))
    # Long arrays may go through vector instructions: last digits may differ.
    assert_allclose(f.ravel(), [pair[0][0] for pair in pairs], rtol=8 * EPS, atol=EPS)
    assert_allclose(delta.ravel(), [pair[1][0] for pair in pairs], rtol=8 * EPS, atol=EPS)


@every_activation
def test_float32_is_float64_rounded(name):
    z = POINTS.astype(np.float32)
    delta = np.ones_like(z)
    f32, delta32 = passed(name, z, delta)
    f64, delta64 = passed(name, z.astype(np.float64), delta.astype(np.float64))
    assert f32.dtype == delta32.dtype == np.float32
    # A handful of roundings. Where f' is small, 1 - a and the like have lost eps absolutely,
    # and a factor z in f' magnifies that.
    assert_allclose(f32, f64, rtol=8 * EPS32, atol=2 * EPS32)
    assert np.all(np.abs(delta32 - delta64) <= 8 * EPS32 * np.abs(delta64) + EPS32 * (2 + abs(z)))


class Float32Only(np.ndarray):
    """Single precision that refuses to meet double precision, in which all would be computed."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **kwargs):
        for value in inputs:
            assert type(value) in (int, float) or value.dtype != np.float64, ufunc
        plain = [v.view(np.ndarray) if isinstance(v, Float32Only) else v for v in inputs]
        if out:
            kwargs["out"] = tuple(array.view(np.ndarray) for array in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        return out[0] if out else result


@every_activation
def test_float32_is_computed_in_float32(name):
    z = POINTS.astype(np.float32)
    f, delta = passed(name, z.view(Float32Only), np.ones_like(z).view(Float32Only))
    expected_f, expected_delta = passed(name, z, np.ones_like(z))
    assert_array_equal(f, expected_f)
    assert_array_equal(delta, expected_delta)


@every_activation
def test_z_has_a_buffer_of_its_own_only_where_it_is_needed(name):
    activation = ACTIVATIONS[name]()
    params = Parameters.empty((3, 4, 2), np.float64)
    work = Workspace(params, [activation], n_samples=5)
    assert np.shares_memory(work.z[0], work.a[0]) is not activation.needs_z
    work.z[0][...] = z = np.linspace(-2, 2, 20).reshape(5, 4)
    activation.forward(work.z[0], work.a[0])
    assert_array_equal(work.a[0], value(name, z))
    if activation.needs_z:
        assert_array_equal(work.z[0], z)


@in_scikit_learn
def test_gain_is_scikit_learns(name):
    X, y = np.zeros((2, 3)), np.array([0, 1])
    # A step too small to change anything leaves the weights as they were drawn.
    model = MLPClassifier(
        5, activation=name, solver="sgd", learning_rate_init=1e-300, max_iter=1, random_state=0
    )
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    bound = np.sqrt(ACTIVATIONS[name].gain / (3 + 5))
    drawn = np.random.RandomState(0).uniform(-bound, bound, (3, 5))
    assert_array_equal(model.coefs_[0], drawn)
