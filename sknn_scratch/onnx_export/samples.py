"""Samples as the inputs of a model of ONNX: one matrix, or one input for each column of a table."""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from sknn_scratch.estimators.data_faults import as_objects, is_frame, is_missing, kind_of
from sknn_scratch.onnx_export.container import type_of
from sknn_scratch.onnx_export.errors import NotConvertibleError
from sknn_scratch.tabular.kinds import as_string


class Samples(NamedTuple):
    """The names and types by which skl2onnx knows the inputs, and their values in this order."""

    types: list
    values: list[np.ndarray]


def as_inputs(model: Any, X: Any) -> Samples:
    """Return X as a model takes it: by columns if it begins with a ColumnTransformer."""
    if isinstance(_first(model), ColumnTransformer) and (is_frame(X) or _holds_objects(X)):
        inputs = {name: _column(name, values, dtype) for name, values, dtype in _columns(X)}
        inputs = _with_one_dtype(inputs)
    else:
        matrix = np.asarray(X.toarray() if issparse(X) else X)
        inputs = {"X": matrix if matrix.dtype == np.float32 else matrix.astype(np.float64)}
    types = [
        (name, type_of(values.dtype)([None, values.shape[1]])) for name, values in inputs.items()
    ]
    return Samples(types, list(inputs.values()))


def _first(model):
    """Return what gets X: the first step of a Pipeline, also of one within another."""
    while isinstance(model, (Pipeline, TransformedTargetRegressor)):
        model = model.steps[0][1] if isinstance(model, Pipeline) else model.regressor_
    return model


def _with_one_dtype(inputs):
    """Let all numbers be float32 if they are so, otherwise float64.

    Of columns that come together skl2onnx 1.20 takes the type of the first for all.
    """
    kinds = {values.dtype for values in inputs.values()} - {np.dtype(object)}
    kind = np.float32 if kinds == {np.dtype(np.float32)} else np.float64
    return {
        name: values if values.dtype == object else values.astype(kind)
        for name, values in inputs.items()
    }


def _holds_objects(X):
    return not issparse(X) and np.asarray(X).dtype.kind not in "biuf"


def _columns(X):
    """Yield the name, the values and the dtype of each column, as a frame says them."""
    if not is_frame(X):
        objects = as_objects(X)
        yield from ((f"x{number}", values, "object") for number, values in enumerate(objects.T))
        return
    for number, name in enumerate(X.columns):
        column = X.iloc[:, number] if hasattr(X, "iloc") else X[name]
        yield str(name), np.asarray(column), str(column.dtype)


def _column(name, values, dtype):
    """Return a column as a matrix of numbers or strings."""
    is_category = dtype == "category"
    if values.dtype.kind in "OSUTMm" or is_category:
        # One by one: astype makes whole numbers of dates
        objects = np.fromiter(values, dtype=object, count=len(values))
        values = _strings_or_numbers(name, objects, is_category)
    return values[:, np.newaxis]


def _strings_or_numbers(name, values, is_category):
    """Return objects as strings, the empty one if missing; numbers among gaps as float64."""
    kinds = {kind_of(value) for value in values if not is_missing(value)}
    if other := kinds - {"string", "number"}:
        raise NotConvertibleError(
            f"column {name!r} holds {' and '.join(sorted(other))} values. Turn them into numbers "
            "or strings before fit, or leave the column out if the model does not use it"
        )
    if kinds == {"number"} and not is_category:
        return np.array([np.nan if is_missing(v) else v for v in values], dtype=np.float64)
    return np.array(["" if is_missing(v) else as_string(v) for v in values], dtype=object)
