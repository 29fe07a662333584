"""What the transformers have in common: columns of floats, where NaN is a missing value."""

import numpy as np
from sklearn.utils.validation import validate_data

FLOATS = [np.float64, np.float32]  # dtypes that are kept; all others become float64


def checked(transformer, X, *, reset):
    """Return X as an array of floats; `reset` is whether this is the X of a fit."""
    return validate_data(
        transformer, X, reset=reset, dtype=FLOATS, ensure_all_finite="allow-nan", copy=False
    )


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
