"""Activations: f(z), and f' given z and a = f(z), as in `sknn_scratch.engine.activations`."""

import math

from sknn_scratch.engine.activations import SELU as _SELU
from sknn_scratch.engine.activations import Mish as _Mish
from sknn_scratch.engine.kernels.compiler import compiled, elementwise, exactly, inlined
from sknn_scratch.engine.kernels.functions import exp, expm1, log1p_exp, normal
from sknn_scratch.engine.kernels.records import (
    ELU,
    GELU,
    HARD_SWISH,
    IDENTITY,
    LEAKY_RELU,
    LOGISTIC,
    MISH,
    RELU,
    SELU,
    SILU,
    SINE,
    SOFTPLUS,
    TANH,
)

_MISH_LIMIT, _S, _ST = _Mish.limit, _SELU.s, _SELU.s * _SELU.t


@elementwise
def identity(z):
    """f(z) = z."""
    return z


@elementwise
def identity_prime(z, a):
    """F' = 1."""
    return type(a)(1)


@elementwise
def logistic(z):
    """f(z) = 1 / (1 + exp(-z))."""
    one = type(z)(1)
    return one / (one + exp(-z))


@elementwise
def logistic_prime(z, a):
    """F' = f (1 - f)."""
    return a * (type(a)(1) - a)


@exactly
def tanh(z):
    """f(z) = tanh(z) = -m / (2 + m) with m = exp(-2z) - 1, for z >= 0."""
    two = type(z)(2)
    m = expm1(-two * abs(z))
    a = -m / (two + m)
    return -a if z < type(z)(0) else a


@elementwise
def tanh_prime(z, a):
    """F' = 1 - f^2."""
    return type(a)(1) - a * a


@elementwise
def relu(z):
    """f(z) = max(z, 0)."""
    zero = type(z)(0)
    return zero if z < zero else z


@elementwise
def relu_prime(z, a):
    """F' = 1 where z > 0, else 0."""
    return type(a)(1) if a > type(a)(0) else type(a)(0)


@elementwise
def leaky_relu(z):
    """f(z) = z where z > 0, else z / 100."""
    return z * type(z)(0.01) if z < type(z)(0) else z


@elementwise
def leaky_relu_prime(z, a):
    """F' = 1 where z > 0, else 1/100."""
    return type(a)(1) if a > type(a)(0) else type(a)(0.01)


@elementwise
def elu(z):
    """f(z) = z where z > 0, else exp(z) - 1."""
    return expm1(z) if z < type(z)(0) else z


@elementwise
def elu_prime(z, a):
    """F' = 1 where z > 0, else f + 1."""
    return type(a)(1) + min(a, type(a)(0))


@elementwise
def softplus(z):
    """f(z) = log(1 + exp(z))."""
    return log1p_exp(z)


@elementwise
def softplus_prime(z, a):
    """F' = 1 - exp(-f)."""
    return -expm1(-a)


@elementwise
def gelu(z):
    """f(z) = z Phi(z)."""
    Phi, _ = normal(z)
    return z * Phi


@elementwise
def gelu_prime(z, a):
    """F' = Phi(z) + z phi(z)."""
    Phi, phi = normal(z)
    return Phi + z * phi


@elementwise
def silu(z):
    """f(z) = z s with s = 1 / (1 + exp(-z))."""
    return z * logistic(z)


@elementwise
def silu_prime(z, a):
    """F' = s (1 + z (1 - s))."""
    one = type(z)(1)
    s = logistic(z)
    return s * (one + z * (one - s))


@elementwise
def _mish_parts(z):
    """Return z within the limit, e = exp(z) and n = e (e + 2)."""
    limit = type(z)(_MISH_LIMIT)
    w = limit if z > limit else z
    e = exp(w)
    return w, e, e * (e + type(z)(2))


@elementwise
def mish(z):
    """f(z) = z n / (n + 2)."""
    _, _, n = _mish_parts(z)
    return z * (n / (n + type(z)(2)))


@elementwise
def mish_prime(z, a):
    """F' = (n (n + 2) + 4 z e (1 + e)) / (n + 2)^2."""
    of_type = type(z)
    w, e, n = _mish_parts(z)
    below = n + of_type(2)
    return (n * below + of_type(4) * (w * e) * (of_type(1) + e)) / (below * below)


@elementwise
def selu(z):
    """f(z) = s z where z > 0, else s t (exp(z) - 1)."""
    of_type = type(z)
    return of_type(_ST) * expm1(z) if z < of_type(0) else of_type(_S) * z


@elementwise
def selu_prime(z, a):
    """F' = s where z > 0, else f + s t."""
    of_type = type(a)
    return of_type(_S) if a > of_type(0) else a + of_type(_ST)


@elementwise
def hard_swish(z):
    """f(z) = z (z + 3) / 6, the second factor within [0, 1]."""
    of_type = type(z)
    return z * (min(max(z + of_type(3), of_type(0)), of_type(6)) * of_type(1 / 6))


@elementwise
def hard_swish_prime(z, a):
    """F' = 0 where z < -3, 1 where z > 3, else (2 z + 3) / 6."""
    of_type = type(z)
    slope = z * of_type(1 / 3) + of_type(0.5)
    slope = of_type(0) if z < of_type(-3) else slope
    return of_type(1) if z > of_type(3) else slope


@elementwise
def sine(z):
    """f(z) = sin(z), of the C library: to reduce large z by 2 pi takes more than a product."""
    return type(z)(math.sin(z))


@elementwise
def sine_prime(z, a):
    """F' = cos(z)."""
    return type(z)(math.cos(z))


def _loop(f):
    @compiled
    def loop(b, z, a):
        """Add the biases to z, and write a = f(z)."""
        for i in range(z.shape[0]):
            for j in range(z.shape[1]):
                z[i, j] += b[j]
                a[i, j] = f(z[i, j])

    return loop


def _loop_in_place(f):
    @compiled
    def loop(b, z, a):
        """Write a = f(z + b) where z is the same array."""
        # With one name for both it is known that they are one: several are then done at a time
        for i in range(a.shape[0]):
            for j in range(a.shape[1]):
                a[i, j] = f(a[i, j] + b[j])

    return loop


def _loop_prime(f_prime):
    @compiled
    def loop(z, a, delta, db):
        """Multiply delta by f'(z), and write its sums over the samples into db."""
        db[:] = 0
        for i in range(z.shape[0]):
            for j in range(z.shape[1]):
                delta_ij = delta[i, j] * f_prime(z[i, j], a[i, j])
                delta[i, j] = delta_ij
                db[j] += delta_ij

    return loop


_identity = _loop_in_place(identity)
_logistic = _loop_in_place(logistic)
_tanh = _loop_in_place(tanh)
_relu = _loop_in_place(relu)
_leaky_relu = _loop_in_place(leaky_relu)
_elu = _loop_in_place(elu)
_softplus = _loop_in_place(softplus)
_gelu = _loop(gelu)
_silu = _loop(silu)
_mish = _loop(mish)
_selu = _loop_in_place(selu)
_hard_swish = _loop(hard_swish)
_sine = _loop(sine)
_identity_prime = _loop_prime(identity_prime)
_logistic_prime = _loop_prime(logistic_prime)
_tanh_prime = _loop_prime(tanh_prime)
_relu_prime = _loop_prime(relu_prime)
_leaky_relu_prime = _loop_prime(leaky_relu_prime)
_elu_prime = _loop_prime(elu_prime)
_softplus_prime = _loop_prime(softplus_prime)
_gelu_prime = _loop_prime(gelu_prime)
_silu_prime = _loop_prime(silu_prime)
_mish_prime = _loop_prime(mish_prime)
_selu_prime = _loop_prime(selu_prime)
_hard_swish_prime = _loop_prime(hard_swish_prime)
_sine_prime = _loop_prime(sine_prime)


@inlined
def activate(code, b, z, a):
    """Add the biases to z, and write a = f(z)."""
    if code == IDENTITY:
        _identity(b, z, a)
    elif code == LOGISTIC:
        _logistic(b, z, a)
    elif code == TANH:
        _tanh(b, z, a)
    elif code == RELU:
        _relu(b, z, a)
    elif code == LEAKY_RELU:
        _leaky_relu(b, z, a)
    elif code == ELU:
        _elu(b, z, a)
    elif code == SOFTPLUS:
        _softplus(b, z, a)
    elif code == GELU:
        _gelu(b, z, a)
    elif code == SILU:
        _silu(b, z, a)
    elif code == MISH:
        _mish(b, z, a)
    elif code == SELU:
        _selu(b, z, a)
    elif code == HARD_SWISH:
        _hard_swish(b, z, a)
    elif code == SINE:
        _sine(b, z, a)


@inlined
def through_activation(code, z, a, delta, db):
    """Multiply delta by f'(z), and write its sums over the samples into db."""
    if code == IDENTITY:
        _identity_prime(z, a, delta, db)
    elif code == LOGISTIC:
        _logistic_prime(z, a, delta, db)
    elif code == TANH:
        _tanh_prime(z, a, delta, db)
    elif code == RELU:
        _relu_prime(z, a, delta, db)
    elif code == LEAKY_RELU:
        _leaky_relu_prime(z, a, delta, db)
    elif code == ELU:
        _elu_prime(z, a, delta, db)
    elif code == SOFTPLUS:
        _softplus_prime(z, a, delta, db)
    elif code == GELU:
        _gelu_prime(z, a, delta, db)
    elif code == SILU:
        _silu_prime(z, a, delta, db)
    elif code == MISH:
        _mish_prime(z, a, delta, db)
    elif code == SELU:
        _selu_prime(z, a, delta, db)
    elif code == HARD_SWISH:
        _hard_swish_prime(z, a, delta, db)
    elif code == SINE:
        _sine_prime(z, a, delta, db)
