"""Whether a validation set of the user's own is in the units of the training set."""

import numpy as np
from scipy.sparse import issparse

from sknn_scratch._warnings import warn
from sknn_scratch.engine.outputs import quietly
from sknn_scratch.estimators.data_faults import name_of_column
from sknn_scratch.exceptions import ValidationSetWarning

# These are from 300 random splits of each of ten data sets, from iris to Cauchy numbers. Validation
# sets of 20 samples or more had quartiles at most 28 times as far apart as those of the training
# set. Their medians were at most 1.03 of that distance away. With 10 samples the first went up to
# 77. Scaled against raw values gave 87 to 1,785 for wine, breast cancer and the targets of
# diabetes.
_FEWEST_SAMPLES = 20
_LARGE_RATIO = 50
_LARGE_SHIFT = 10
_N_PROBES = 300  # rows of each set that are looked at

_REMEDIES = {
    "X": "Transform X_val as X was transformed: in a Pipeline by transform_input=['X_val'].",
    "y": (
        "Transform y_val as y was transformed: a TransformedTargetRegressor transforms y alone. "
        "Give it y_val in the units in which the network sees y."
    ),
}


@quietly
def warn_of_other_units(name, training, validation, given=None):
    """Warn if a column of the validation set is orders of magnitude away from the training set's.

    `name` is X or y, both sets have shape (n_samples, n_columns); `given` is the second as the user
    gave it, perhaps with names. Sparse matrices, whose quartiles are mostly zero, are not looked
    at, nor are sets of fewer than 20 samples.
    """
    if issparse(training) or issparse(validation):
        return
    if min(len(training), len(validation)) < _FEWEST_SAMPLES:
        return
    tell, tell_val = _quantiles(training), _quantiles(validation)
    low, median, high = tell[1:4]
    low_val, median_val, high_val = tell_val[1:4]
    ratio, widest = _ratio(high - low, high_val - low_val)
    # Where most values are zero, as pixels are, quartiles are far apart or not by chance
    ratio_of_most, widest_of_most = _ratio(tell[4] - tell[0], tell_val[4] - tell_val[0])
    shift = np.abs(median_val - median) / np.maximum(widest, widest_of_most)
    how_far = np.maximum(np.minimum(ratio, ratio_of_most) / _LARGE_RATIO, shift / _LARGE_SHIFT)
    how_far[~((ratio > 0) & (ratio_of_most > 0))] = 0
    how_far[~np.isfinite(how_far)] = 0
    worst = int(how_far.argmax())
    if how_far[worst] < 1:
        return
    where = f" in column {name_of_column(given, worst)!r}" if training.shape[1] > 1 else ""
    warn(
        f"{name}_val does not seem to be in the units of {name}: half of the values{where} lie "
        f"between {low_val[worst]:.3g} and {high_val[worst]:.3g}, those of {name} between "
        f"{low[worst]:.3g} and {high[worst]:.3g}. {_REMEDIES[name]}",
        ValidationSetWarning,
    )


def _quantiles(array):
    """Return the 5 % quantile, the quartiles and the 95 % quantile of each column, in float64."""
    rows = array[:: -(-len(array) // _N_PROBES)]  # spread over the array
    return np.quantile(rows.astype(np.float64), [0.05, 0.25, 0.5, 0.75, 0.95], axis=0)


def _ratio(a, b):
    """Return how many times the larger is the smaller, zero where one of them is; the larger."""
    larger, smaller = np.maximum(a, b), np.minimum(a, b)
    return np.divide(larger, smaller, out=np.zeros_like(larger), where=smaller > 0), larger
