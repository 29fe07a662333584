"""What the transformers have in common: columns of floats, where NaN is a missing value."""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from sknn_scratch._sklearn import num_samples
from sknn_scratch.estimators.validation import converted, float_dtypes, refuse_misread, validated


def checked(transformer, X, *, reset):
    """Return X as an array of floats; `reset` is whether this is the X of a fit."""
    refuse_misread("X", X)
    return validate_data(
        transformer,
        X,
        reset=reset,
        dtype=float_dtypes(X),
        ensure_all_finite="allow-nan",
        copy=False,
    )


def checked_result(X, what, n_columns, each=""):
    """Return as an array of floats what the `transform` of a transformer is to have returned."""
    # float32 is kept, all else becomes float64
    dtypes = [np.float64, np.float32]
    X = check_array(X, dtype=dtypes, ensure_all_finite="allow-nan", input_name="X")
    if X.shape[1] != n_columns:
        raise ValueError(
            f"X has {X.shape[1]} columns, but this {what} returns {n_columns}{each}. Give what its "
            "transform returned."
        )
    return X


def checked_targets(X, y, *, are_numbers):
    """Return y as an array, or raise an error in the words in which a network would refuse it."""
    if len(getattr(y, "shape", ())) > 2:
        raise ValueError(f"y must have one or two dimensions, got the shape {y.shape}.")
    rows = np.zeros((num_samples(X), 1))  # only their number matters: X has been checked
    options = {"dtype": np.float64, "multi_output": True, "y_numeric": are_numbers}
    y = validated(BaseEstimator(), rows, y, **options)[1]
    y = y.toarray() if issparse(y) else y
    return converted("y", y, np.float64) if are_numbers else y


def name_of_feature(transformer, number):
    """Return what messages call a column that the transformer was fitted on."""
    names = getattr(transformer, "feature_names_in_", None)
    return f"Column {number if names is None else names[number]!r}"


def range_of(column, name):
    """Return the smallest and the largest value of a column, NaN where it has none.

    Scaling subtracts one value from another. The difference must be a float as well.
    """
    values = column[~np.isnan(column)]
    if not values.size:
        return np.nan, np.nan
    lowest, highest = float(values.min()), float(values.max())
    if np.isinf(highest - lowest):
        raise ValueError(
            f"{name} of X goes from {lowest:.3g} to {highest:.3g}, and a float cannot "
            "hold the difference. Divide the column by a large number first."
        )
    return lowest, highest


def saturated(values, dtype):
    """Return values in a dtype; those beyond its range become its largest finite number."""
    largest = np.finfo(dtype).max
    return np.clip(values, -largest, largest).astype(dtype, copy=False)
