"""The transformers of this package.

They compute in float64, as they do in Python: onnxruntime has all operators that they need.
"""

import numpy as np

from sknn_scratch.onnx_export.functions import absolute, clip, maximum, sqrt, take
from sknn_scratch.onnx_export.graph import Value
from sknn_scratch.tabular.piecewise_linear import PiecewiseLinearEncoder, limits_of
from sknn_scratch.tabular.smooth_clip import SmoothClip


def piecewise_linear(encoder: PiecewiseLinearEncoder, x: Value) -> Value:
    """Return equation (1) of the encoder, one column for each bin."""
    lower, upper, start, width = np.concatenate(
        [_bins(edges, encoder.extrapolation == "linear") for edges in encoder.bin_edges_], axis=1
    )
    each = np.repeat(np.arange(len(encoder.n_bins_)), encoder.n_bins_)
    repeated = take(x.astype(np.float64), each, axis=1)
    return _saturated((clip(repeated, lower, upper) - start) / width, x.dtype)


def _bins(edges, is_linear):
    """Return where each bin of a column begins and ends, what is subtracted and divided by."""
    if not edges[0] < edges[-1]:
        return np.array([[0.0], [0.0], [0.0], [1.0]])  # a column that does not vary becomes 0
    return np.array([*limits_of(edges, is_linear), edges[:-1], np.diff(edges)])


def smooth_clip(transformer: SmoothClip, x: Value) -> Value:
    """Return z / sqrt(1 + (z / bound)^2) of the scaled column."""
    bound = transformer.bound
    z = (x.astype(np.float64) - transformer.center_) / transformer.scale_
    z = _saturated(z, np.float64)
    t = z / bound
    # Divided by the larger one of 1 and |t|, no square overflows
    m = maximum(absolute(t), 1)
    u = z / m / sqrt((1 / m) * (1 / m) + (t / m) * (t / m))
    return _saturated(clip(u, -bound, bound), x.dtype)


def _saturated(value, dtype):
    """Return numbers in the dtype of X, or float64; those beyond its range become finite."""
    dtype = np.float32 if dtype == np.float32 else np.float64
    largest = float(np.finfo(dtype).max)
    return clip(value, -largest, largest).astype(dtype)
