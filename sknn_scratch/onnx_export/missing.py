"""scikit-learn's SimpleImputer and MissingIndicator.

skl2onnx has the first one for float32 only and without its indicator, and not the second one.
"""

from typing import Any

import numpy as np
from sklearn.impute import MissingIndicator, SimpleImputer

from sknn_scratch.estimators.data_faults import is_missing, kind_of
from sknn_scratch.onnx_export.errors import NotConvertibleError
from sknn_scratch.onnx_export.functions import concatenate, equal, isnan, take, where
from sknn_scratch.onnx_export.graph import Value

# No string of ONNX is missing: any of these stands for None and NaN
MISSING_STRINGS = ("", "nan", "None")


def imputed(imputer: SimpleImputer, x: Value) -> Value:
    """Return a matrix with the missing values replaced, and the indicators beside it."""
    statistics = imputer.statistics_
    kept = [k for k, s in enumerate(statistics) if imputer.keep_empty_features or s == s]
    if x.dtype.kind in "bi":
        x = x.astype(np.float64)
    mask = missing(x, imputer.missing_values)
    fill = x.graph.constant(statistics[kept], x.dtype)
    filled = where(take(mask, kept, axis=1), fill, take(x, kept, axis=1))
    if not imputer.add_indicator:
        return filled
    marked = take(mask, imputer.indicator_.features_, axis=1)
    return concatenate([filled, marked.astype(x.dtype)])


def indicated(indicator: MissingIndicator, x: Value) -> Value:
    """Return 1 where a value is missing, of the features that the indicator chose."""
    mask = missing(x, indicator.missing_values)
    return take(mask, indicator.features_, axis=1).astype(np.float32)


def missing(x: Value, missing_values: Any) -> Value:
    """Return which elements of a matrix are missing."""
    if x.dtype == object:
        given = MISSING_STRINGS if is_missing(missing_values) else (str(missing_values),)
        codes = encoded(x, dict.fromkeys(given, 1), other=0)
        return codes.astype(bool)
    if is_missing(missing_values):
        return isnan(x.astype(np.float64))
    if kind_of(missing_values) != "number":
        raise NotConvertibleError(
            f"missing_values={missing_values!r} of an imputer is no number, and X holds numbers"
        )
    return equal(x, missing_values)


def encoded(x: Value, codes: dict[str, int], *, other: int) -> Value:
    """Return the code of each string, or `other`."""
    return x.graph.node(
        "LabelEncoder",
        [x],
        dtype=np.int64,
        domain="ai.onnx.ml",
        keys_strings=list(codes),
        values_int64s=list(codes.values()),
        default_int64=other,
    )
