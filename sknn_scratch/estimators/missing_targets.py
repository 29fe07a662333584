"""Real targets that may be missing: NaN, None, pandas' NA, or masked.

A missing target is one of weight zero. A value of its column stands in for it, because a loss takes
whatever takes the others: what it says of the stand-in is multiplied by zero.
"""

import re

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import r2_score
from sklearn.utils import check_array

from sknn_scratch._warnings import warn
from sknn_scratch.engine.losses import r_squared
from sknn_scratch.engine.outputs import quietly
from sknn_scratch.engine.target_weights import mean_over_targets
from sknn_scratch.estimators.data_faults import (
    fault_of,
    fault_of_not_finite,
    fault_of_rows,
    is_missing,
    name_of_column,
)
from sknn_scratch.estimators.validation import (
    is_two_dimensional,
    naming_y,
    refuse_misread,
    validated,
    weights_of_score,
)

_REMEDY = (
    "Leave such samples out, or set missing_targets='ignore' to train on the targets that are "
    "there."
)


def validated_numbers(estimator, X, y, *, missing_targets, in_part=False, **kwargs):
    """Return X and y checked by scikit-learn, and where y is missing, or None.

    `in_part` says that a column may lack all its targets, as in a part of a stream.
    """
    numbers, missing = y, None
    if missing_targets == "ignore":
        refuse_misread("y", y, gaps=True)
        numbers, missing = filled(y)
    if missing is not None and not in_part:
        _refuse_empty_columns(y, missing)
    try:
        X, y = validated(estimator, X, numbers, multi_output=True, y_numeric=True, **kwargs)
    except (TypeError, ValueError) as error:
        # Without its gaps y is an array, whose columns have no names
        if missing is not None:
            given = {"X": X, "y": y}
            fault = fault_of("y", y, gaps=True) or fault_of_not_finite(str(error), given)
            error = fault or error
        raise _with_remedy(error) from error
    return X, y, missing


def with_gaps(y, missing):
    """Return y with NaN where it is missing."""
    return y if missing is None else np.where(missing.reshape(y.shape), np.nan, y)


def weight_of_targets(weight, missing):
    """Return weights that are zero where a target is missing (n, k), and else as given or one."""
    if weight is None:
        weight = np.ones((len(missing), 1))
    return np.where(missing, 0, weight if weight.ndim == 2 else weight[:, None])


@quietly
def r2(y, predicted, sample_weight, missing_targets):
    """Return scikit-learn's R^2: of each target over the samples that have it, and the mean."""
    refuse_misread("y", y, gaps=True)
    y = y.toarray() if issparse(y) else y
    if not isinstance(y, np.ndarray) and (fault := fault_of_rows("y", y)):
        raise fault
    given, (y, missing) = y, filled(y)
    if missing is not None and missing_targets == "error":
        raise _with_remedy(fault_of_not_finite("Input y contains NaN", {"y": given}))
    if missing is None and not is_two_dimensional(sample_weight):
        with naming_y(given):
            return r2_score(y, predicted, sample_weight=sample_weight)
    if np.shape(y) not in (predicted.shape, (*predicted.shape, 1)):
        raise ValueError(
            f"y must have the shape of the predictions, {predicted.shape}; got {np.shape(y)}."
        )
    predicted = predicted.reshape(len(predicted), -1)
    with naming_y(given):
        y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
    y = y.reshape(predicted.shape)
    weight = np.ones_like(y)
    if sample_weight is not None:
        weight = weights_of_score(sample_weight, y)
    if missing is not None:
        weight = weight_of_targets(weight, missing.reshape(y.shape))
    score = mean_over_targets(lambda z, y, w: r_squared(y, z, w), predicted, y, weight)
    if np.isnan(score):
        warn("R^2 is not defined: no target has two values or more.", UndefinedMetricWarning)
    return score


def filled(y):
    """Return y with a value in place of each that is missing, and where; y and None if none is."""
    masked = isinstance(y, np.ma.MaskedArray)
    if issparse(y):
        return y, None
    try:
        values = np.asarray(y.data if masked else y)
    except ValueError:  # rows of several lengths, which are refused elsewhere
        return y, None
    missing = np.ma.getmaskarray(y) if masked else np.zeros(values.shape, bool)
    if values.dtype.kind == "f":
        missing = missing | np.isnan(values)
    elif values.dtype == object:
        missing = missing | np.reshape([is_missing(value) for value in values.flat], values.shape)
    if values.ndim not in (1, 2) or not missing.any():
        return y, None
    return _with_stand_ins(values, missing), missing


def _with_stand_ins(values, missing):
    """Return the values with the first of its column, else 1, in place of each missing one."""
    values = values.copy()
    columns, gaps = (array.reshape(len(values), -1) for array in (values, missing))
    for k, gaps_of in enumerate(gaps.T):
        there = np.flatnonzero(~gaps_of)
        columns[gaps_of, k] = columns[there[0], k] if there.size else 1
    return values


def _refuse_empty_columns(y, missing):
    empty = missing.reshape(len(missing), -1).all(axis=0)
    if not empty.any():
        return
    if empty.size == 1:
        raise ValueError("y has no values, all of them are missing. Give samples with a target.")
    names = [name_of_column(y, k) for k in np.flatnonzero(empty)]
    which = f"column {names[0]!r}" if len(names) == 1 else f"the columns {names}"
    raise ValueError(
        f"y has no values in {which}: all of them are missing. Leave out what no sample has, or "
        "give samples that have it."
    )


def _with_remedy(error):
    """Return the error, with what to do if it is that targets are missing."""
    said = str(error)
    if not re.search(r"\by (contains NaN|has missing values|has \d+ masked values)", said):
        return error
    said = re.sub("( Leave|, or leave) such samples out[.]$", "", said).removesuffix(".")
    return ValueError(f"{said}. {_REMEDY}")
