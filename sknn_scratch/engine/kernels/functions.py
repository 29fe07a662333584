"""Functions of one number.

Those of the C library are computed one by one; these have no branches, so that loops over them do
several at a time.
"""

import math

import numpy as np
from numba import float32
from numba.extending import overload

from sknn_scratch.engine.kernels.compiler import exactly

_LOG2_E = 1 / math.log(2)
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.1219444005469058277e-4  # products with the first are exact
_EXP = tuple(1 / math.factorial(k) for k in range(13, 1, -1))
# (1 + 2x) exp(x^2) erfc(x) as a polynomial in (x - 3.75) / (x + 3.75), to 1e-16 for all x >= 0. The
# form is that in Shepherd and Laframboise (1981), the coefficients are those of its Chebyshev
# series. It stands in two parts, because loops over many more coefficients than a dozen are not
# unrolled
_ERFC_HIGH = (
    -2.6231484677622022e-9, -1.9551547644774273e-9, 3.1979484412487738e-8,
    1.8790918641046141e-8, -2.4857175882777056e-7, -5.0844859865437348e-8,
    1.7419827962907299e-6, -9.7926232243772748e-7, -1.1438048540424666e-5,
    2.2387565532146490e-5, 5.1646529999902074e-5,
)  # fmt: skip
_ERFC_LOW = (
    -2.9015535237615967e-4, 2.9371437796089690e-4, 1.7556261651726163e-3, -9.7465796832482693e-3,
    2.8362277372115365e-2, -5.8693398576651333e-2, 9.2304321164280851e-2,
    -1.0880393014244449e-1, 8.2276738489995080e-2, 3.5854154854790229e-3,
    -1.4024059858554526e-1, 1.2375126308378275,
)  # fmt: skip


@exactly
def faded(array):
    """Return the limit below which numbers of this dtype count as zero, as in `subnormals`."""
    return array.dtype.type(1e8 * np.finfo(array.dtype).tiny)


@exactly
def _polynomial(x, coefficients):
    """Evaluate a polynomial by Horner's rule, the highest power first."""
    of_type = type(x)
    value = of_type(0)
    for c in coefficients:
        value = value * x + of_type(c)
    return value


def _limits(x):
    """Beyond these numbers exp is 0 and infinite."""


def _power_of_two(n):
    """2^n for a whole n: the bits of its exponent."""


@overload(_limits)
def _limits_of_type(x):
    low, high = (float32(-104), float32(89)) if x == float32 else (-746.0, 710.0)
    return lambda x: (low, high)


@overload(_power_of_two)
def _power_of_two_of_type(n):
    if n == float32:
        return lambda n: np.int32((np.int32(n) + np.int32(127)) << np.int32(23)).view(np.float32)
    return lambda n: np.int64((np.int64(n) + 1023) << 52).view(np.float64)


@exactly
def _exp_parts(x):
    """Return (q, s, t, 1 / t) with exp(x) = (1 + q) s t, |q| < 1/2 and s, t powers of two."""
    of_type = type(x)
    low, high = _limits(x)
    x = low if x < low else x  # in this form NaN stays NaN
    x = high if x > high else x
    n = np.floor(x * of_type(_LOG2_E) + of_type(0.5))
    r = (x - n * of_type(_LN2_HIGH)) - n * of_type(_LN2_LOW)
    q = r + r * r * _polynomial(r, _EXP)
    half = np.floor(n * of_type(0.5))  # 2^n itself may be out of range
    return q, _power_of_two(half), _power_of_two(n - half), _power_of_two(half - n)


@exactly
def exp(x):
    """Return e^x."""
    q, s, t, _ = _exp_parts(x)
    return (q + type(x)(1)) * s * t


@exactly
def expm1(x):
    """Return e^x - 1, accurate near 0."""
    q, s, t, one_over_t = _exp_parts(x)
    return (q * s + (s - one_over_t)) * t  # s t overflows before e^x does


@exactly
def log1p_exp(x):
    """Return log(1 + e^x), which itself would overflow."""
    of_type = type(x)
    return max(x, of_type(0)) + of_type(math.log1p(exp(-abs(x))))


@exactly
def normal(x):
    """Return the distribution function and the density of the standard normal distribution."""
    of_type = type(x)
    one = of_type(1)
    u = abs(x) * of_type(math.sqrt(0.5))
    bell = exp(-u * u)
    v = (u - of_type(3.75)) / (u + of_type(3.75))
    v_4 = (v * v) * (v * v)
    tail = _polynomial(v, _ERFC_HIGH) * (v_4 * v_4 * v_4) + _polynomial(v, _ERFC_LOW)
    tail *= of_type(0.5) * bell / (one + of_type(2) * u)
    return (tail if x < of_type(0) else one - tail), bell * of_type(1 / math.sqrt(2 * math.pi))
