"""The compiled functions of one number, over all numbers, against wider arithmetic.

The bounds count roundings, each of half an ulp of a term. Where a term is below a power of two and
the result above it, or the other way round, half an ulp of one is a whole ulp of the other.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("numba")

from sknn_scratch.engine.kernels import activations, functions
from sknn_scratch.engine.kernels.compiler import compiled

NAMES = ["exp", "expm1", "log1p_exp", "tanh", "logistic", "Phi", "phi"]
DTYPES = [np.float32, np.float64]

every_dtype = pytest.mark.parametrize("dtype", DTYPES)


@compiled
def _evaluate(z, out):
    for i in range(z.size):
        out[0, i] = functions.exp(z[i])
        out[1, i] = functions.expm1(z[i])
        out[2, i] = functions.log1p_exp(z[i])
        out[3, i] = activations.tanh(z[i])
        out[4, i] = activations.logistic(z[i])
        out[5, i], out[6, i] = functions.normal(z[i])


def evaluate(z):
    """Return a dict of what the compiled functions make of z, in a loop as the kernels have it."""
    out = np.empty((len(NAMES), z.size), z.dtype)
    _evaluate(z, out)
    return dict(zip(NAMES, out, strict=True))


def exact(z):
    """Return the same values in long double, where that is wider than float64."""
    z = z.astype(np.longdouble)
    with np.errstate(over="ignore", under="ignore"):
        # erfc of the C library is double only: the bound below counts what that costs
        Phi = [math.erfc(-float(value) / math.sqrt(2)) / 2 for value in z]
        return {
            "exp": np.exp(z),
            "expm1": np.expm1(z),
            "log1p_exp": np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))),
            "tanh": np.tanh(z),
            "logistic": 1 / (1 + np.exp(-z)),
            "Phi": np.array(Phi, np.longdouble),
            "phi": np.exp(-z * z / 2) / np.sqrt(2 * np.longdouble(np.pi)),
        }


def ulps(name, z):
    """Return how many ulps are allowed.

    exp: 1/2 for each of the reduced argument, the polynomial, and 1 + q, which may be below 1.
    expm1, log1p_exp: as exp, and another addition. logistic: exp, an addition and a division.
    tanh: expm1 in numerator and denominator, an addition and a division.
    Phi, phi: exp(-u^2), u = |z| sqrt(1/2). Constant and product are rounded, a relative error of
    eps at most, which is one of 2 u^2 eps = z^2 eps in the result; u^2 is rounded, which adds
    u^2 eps / 2. An ulp is between eps / 2 and eps of a number: 2.5 z^2 ulp. Phi is compared with an
    erfc in float64 whose argument was rounded twice, too: 2 z^2 ulp more.
    """
    fixed = {"exp": 1.5, "expm1": 2, "log1p_exp": 2, "tanh": 4, "logistic": 3}
    if name in fixed:
        return np.full(z.size, fixed[name])
    return 6 + {"Phi": 4.5, "phi": 2.5}[name] * z.astype(float) ** 2


def everywhere(dtype):
    """Return points at every scale, dense where the functions bend, up to overflow of exp."""
    rng, info = np.random.default_rng(0), np.finfo(dtype)
    end = math.log(info.max)
    small = np.geomspace(info.tiny, 1, 4000)
    points = [
        *(rng.uniform(-a, a, 20_000) for a in (1, 6, 40)),
        rng.uniform(math.log(info.tiny), end - 1, 20_000),
        *(small, -small),
    ]
    return np.concatenate(points).astype(dtype)


@pytest.mark.slow
@every_dtype
@pytest.mark.parametrize("name", NAMES)
def test_error_in_ulps(name, dtype):
    z = everywhere(dtype)
    found, expected = evaluate(z)[name], exact(z)[name]
    normal = np.abs(expected) >= np.finfo(dtype).tiny
    error = np.abs(found - expected) / np.spacing(np.abs(expected).astype(dtype))
    slack = 0.5 if np.finfo(np.longdouble).eps == np.finfo(dtype).eps else 0  # of the reference
    assert (error <= ulps(name, z) + slack)[normal].all()
    # What is subnormal may be zero: the kernels flush it
    assert np.abs(found - expected)[~normal].max(initial=0) <= np.finfo(dtype).tiny


@every_dtype
def test_limits(dtype):
    info = np.finfo(dtype)
    z = np.array([-np.inf, -info.max, info.max, np.inf], dtype)
    found = evaluate(z)
    assert_array_equal(found["exp"], [0, 0, np.inf, np.inf])
    assert_array_equal(found["expm1"], [-1, -1, np.inf, np.inf])
    assert_array_equal(found["log1p_exp"], [0, 0, info.max, np.inf])
    assert_array_equal(found["tanh"], [-1, -1, 1, 1])
    assert_array_equal(found["logistic"], [0, 0, 1, 1])


@every_dtype
def test_distribution_far_out(dtype):
    found = evaluate(np.array([-1e15, -50, 50, 1e15], dtype))
    assert_array_equal(found["Phi"], [0, 0, 1, 1])
    assert_array_equal(found["phi"], [0, 0, 0, 0])


@every_dtype
@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_nan_in_company(name, dtype):
    z = np.linspace(-3, 3, 64).astype(dtype)  # so many that several are done at a time
    z[[0, 13, 63]] = np.nan
    assert_array_equal(np.isnan(evaluate(z)[name]), np.isnan(z))


@every_dtype
def test_subnormal_numbers(dtype):
    z = np.finfo(dtype).smallest_subnormal * np.array([1, 2, 1000, -1, -1000, 0], dtype)
    found, expected = evaluate(z), exact(z)
    for name in NAMES:  # expm1 and tanh are z itself, the others their value at 0
        bound = ulps(name, z) * np.spacing(np.abs(expected[name]).astype(dtype))
        assert (np.abs(found[name] - expected[name]) <= bound).all(), name


@every_dtype
@pytest.mark.parametrize("name", ["exp", "expm1"])
def test_error_in_ulps_up_to_overflow(name, dtype):
    """The last factor of two before overflow, where powers of two overflow by themselves."""
    end = math.log(np.finfo(dtype).max)
    z = np.random.default_rng(0).uniform(end - 1, end * (1 - 1e-6), 20_000).astype(dtype)
    found, expected = evaluate(z)[name], exact(z)[name]
    error = np.abs(found - expected) / np.spacing(expected.astype(dtype))
    slack = 0.5 if np.finfo(np.longdouble).eps == np.finfo(dtype).eps else 0  # of the reference
    assert (error <= ulps(name, z) + slack).all()


@every_dtype
def test_where_exp_overflows_and_underflows(dtype):
    info = np.finfo(dtype)
    end, beginning = math.log(info.max), math.log(info.smallest_subnormal)
    ends = np.array([end * (1 - 1e-6), end * (1 + 1e-6)], dtype)
    assert_array_equal(np.isinf(evaluate(ends)["exp"]), [False, True])
    assert_array_equal(np.isinf(evaluate(ends)["expm1"]), [False, True])
    beginnings = np.array([beginning * (1 - 1e-3), beginning * (1 + 1e-2)], dtype)
    assert_array_equal(evaluate(beginnings)["exp"] > 0, [True, False])
