"""scikit-learn's QuantileTransformer; skl2onnx knows its uniform distribution only."""

import numpy as np
from sklearn.preprocessing import QuantileTransformer

from sknn_scratch.onnx_export.functions import (
    absolute,
    clip,
    equal,
    log,
    minimum,
    sqrt,
    take,
    where,
)
from sknn_scratch.onnx_export.graph import Value


def quantile_transformed(transformer: QuantileTransformer, x: Value) -> Value:
    """Return the quantiles of numbers, or numbers with a normal distribution.

    Where quantiles coincide, it is the mean of the first and of the last of them. scikit-learn
    keeps p in the dtype of X. That counts in float32, near the ends.
    """
    dtype = np.float32 if x.dtype == np.float32 else np.float64
    x = x.astype(dtype)
    p = _quantile(transformer, x.astype(np.float64)).astype(dtype).astype(np.float64)
    lowest, highest = transformer.quantiles_[[0, -1]].astype(np.float64)
    if transformer.output_distribution == "uniform":
        x = x.astype(np.float64)
        p = where(equal(x, lowest), 0.0, where(equal(x, highest), 1.0, p))
        return p.astype(dtype)
    near = 1e-7  # scikit-learn's BOUNDS_THRESHOLD: numbers nearer to an end count as the end
    p = where((x + near).astype(np.float64) > highest, 1.0, p)
    p = where((x - near).astype(np.float64) < lowest, 0.0, p)
    return _normal_quantile(clip(p, near, 1 - near)).astype(dtype)


def _quantile(transformer, x):
    quantiles, references = transformer.quantiles_.T.astype(np.float64), transformer.references_
    is_empty = np.isnan(quantiles[:, 0])  # columns without values, which become NaN
    quantiles[is_empty] = 0
    x = x + np.where(is_empty, np.nan, 0)
    first = -_interpolated(-x, -quantiles[:, ::-1], -references[::-1])
    return (_interpolated(x, quantiles, references) + first) / 2


def _interpolated(x, points, values):
    """Return what numpy.interp does, with points of shape (n_features, n_points) for each column.

    The last point that is not above x is found by bisection, for all columns at once.
    """
    n_features, n_points = points.shape
    at, offset = x.graph.constant(np.zeros(n_features), np.int64), n_points * np.arange(n_features)
    table = x.graph.constant(points.ravel())
    for step in _halves(n_points):
        probe = minimum(at + step, n_points - 1)
        is_beyond = x < take(table, probe + offset, axis=0)
        at = where(is_beyond, at, probe)
    after = minimum(at + 1, n_points - 1)
    x_0, x_1 = (take(table, place + offset, axis=0) for place in (at, after))
    heights = x.graph.constant(values)
    y_0, y_1 = (take(heights, place, axis=0) for place in (at, after))
    width = x_1 - x_0
    return y_0 + clip((x - x_0) / where(width > 0, width, 1.0), 0, 1) * (y_1 - y_0)


def _halves(n_points):
    """Return powers of two, falling, that add up to at least n_points - 1."""
    n_bits = int(n_points - 1).bit_length()
    return [2**bit for bit in reversed(range(n_bits))]


def _normal_quantile(p):
    """Return the quantile function of the normal distribution for p in [1e-7, 1 - 1e-7].

    Wichura (1988), "Algorithm AS 241: the percentage points of the normal distribution", Applied
    Statistics 37(3), for which 16 digits are claimed.
    """
    q = p - 0.5
    r = 0.180625 - q * q
    numerator, denominator = _polynomials(r, _MIDDLE)
    middle = q * numerator / denominator
    r = sqrt(-log(minimum(p, 1 - p))) - 1.6
    numerator, denominator = _polynomials(r, _TAIL)
    tail = numerator / denominator
    return where(absolute(q) > 0.425, where(q < 0, -tail, tail), middle)


def _polynomials(r, coefficients):
    """Yield two polynomials by Horner's rule, the coefficients of the highest power first."""
    for highest, *others, constant in zip(*coefficients, strict=True):
        value = r * highest
        for coefficient in others:
            value = (value + coefficient) * r
        yield value + constant


# Of a numerator and a denominator, from the highest power down
_MIDDLE = (
    (2.5090809287301226727e3, 5.2264952788528545610e3),
    (3.3430575583588128105e4, 2.8729085735721942674e4),
    (6.7265770927008700853e4, 3.9307895800092710610e4),
    (4.5921953931549871457e4, 2.1213794301586595867e4),
    (1.3731693765509461125e4, 5.3941960214247511077e3),
    (1.9715909503065514427e3, 6.8718700749205790830e2),
    (1.3314166789178437745e2, 4.2313330701600911252e1),
    (3.3871328727963666080e0, 1.0),
)
_TAIL = (
    (7.74545014278341407640e-4, 1.05075007164441684324e-9),
    (2.27238449892691845833e-2, 5.47593808499534494600e-4),
    (2.41780725177450611770e-1, 1.51986665636164571966e-2),
    (1.27045825245236838258e0, 1.48103976427480074590e-1),
    (3.64784832476320460504e0, 6.89767334985100004550e-1),
    (5.76949722146069140550e0, 1.67638483018380384940e0),
    (4.63033784615654529590e0, 2.05319162663775882187e0),
    (1.42343711074968357734e0, 1.0),
)
