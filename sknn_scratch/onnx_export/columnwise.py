"""scikit-learn's FunctionTransformer and TransformedTargetRegressor.

skl2onnx knows the first one without a function, and not the second one.
"""

from collections.abc import Callable

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from sknn_scratch.onnx_export.errors import NotConvertibleError
from sknn_scratch.onnx_export.functions import absolute, exp, log, sqrt, tanh
from sknn_scratch.onnx_export.graph import Value
from sknn_scratch.tabular.kinds import read_categories, read_numbers

# By the function of a FunctionTransformer; each is called with its `kw_args`. Users add their own
FUNCTION_CONVERTERS: dict[Callable, Callable[..., Value]] = {
    np.absolute: absolute,
    np.asarray: lambda x, dtype=None: x if dtype is None else x.astype(dtype),
    np.exp: exp,
    np.expm1: lambda x: exp(x) - 1,
    np.log: log,
    np.log1p: lambda x: log(x + 1),
    np.sqrt: sqrt,
    np.square: lambda x: x * x,
    np.tanh: tanh,
    read_categories: lambda x: x.astype(object),
    read_numbers: lambda x: x.astype(np.float64),
}


def of_function(transformer: FunctionTransformer, x: Value) -> Value:
    """Return the function of a matrix."""
    return _applied(transformer.func, x, transformer.kw_args)


def _applied(function, x, arguments):
    if function is None:
        return x
    if function not in FUNCTION_CONVERTERS:
        name = getattr(function, "__name__", repr(function))
        raise NotConvertibleError(
            f"no converter is known for the function {name} of a FunctionTransformer. Write one "
            "with the functions of sknn_scratch.onnx_export.functions, and register it: "
            f"sknn_scratch.onnx_export.FUNCTION_CONVERTERS[{name}] = lambda x: log(x)"
        )
    return FUNCTION_CONVERTERS[function](x, **(arguments or {}))


def target(regressor: TransformedTargetRegressor, y: Value) -> Value:
    """Return predictions in the units of the target."""
    transformer = regressor.transformer_
    if isinstance(transformer, FunctionTransformer):
        return _applied(transformer.inverse_func, y, transformer.inv_kw_args)
    if not isinstance(transformer, (StandardScaler, MinMaxScaler, MaxAbsScaler, RobustScaler)):
        raise NotConvertibleError(
            f"no converter is known for the inverse of {type(transformer).__name__}, which "
            "transforms the target. Use a StandardScaler, or a function that has an inverse"
        )
    n_outputs = transformer.n_features_in_
    # An affine function is what it makes of 0 and of 1
    at_zero, at_one = transformer.inverse_transform(np.array([[0.0], [1.0]]).repeat(n_outputs, 1))
    return (y.astype(np.float64) * (at_one - at_zero) + at_zero).astype(y.dtype)
