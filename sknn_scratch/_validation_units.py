"""Whether a validation set of the user's own is in the units of the training set."""

import numpy as np
from scipy.sparse import issparse

from sknn_scratch._outputs import quietly
from sknn_scratch._warnings import warn
from sknn_scratch.exceptions import ValidationSetWarning

# Over 300 random splits of each of ten data sets, from iris to Cauchy numbers, validation sets of
# 20 samples or more had quartiles at most 28 times as far apart as those of the training set, and
# medians at most 1.03 of that distance away; with 10 samples the first went up to 77. Scaled
# against raw values gave 87 to 1,785 for wine, breast cancer and the targets of diabetes.
_FEWEST_SAMPLES = 20
_LARGE_RATIO = 50
_LARGE_SHIFT = 10
_N_PROBES = 300  # rows of each set that are looked at

_REMEDIES = {
    "X": "Transform X_val as X was transformed: in a Pipeline by transform_input=['X_val'].",
    "y": (
        "Transform y_val as y was transformed: a TransformedTargetRegressor transforms y alone, "
        "so give it y_val in the units in which the network sees y."
    ),
}


@quietly
def warn_of_other_units(name, training, validation):
    """Warn if a column of the validation set is orders of magnitude away from that of training.

    `name` is X or y, both sets have shape (n_samples, n_columns). Sparse matrices, whose quartiles
    are mostly zero, are not looked at, nor are sets of fewer than 20 samples.
    """
    if issparse(training) or issparse(validation):
        return
    if min(len(training), len(validation)) < _FEWEST_SAMPLES:
        return
    (low, median, high), (low_val, median_val, high_val) = map(_quartiles, (training, validation))
    spread, spread_val = high - low, high_val - low_val
    varies = (spread > 0) & (spread_val > 0)
    larger, smaller = np.maximum(spread, spread_val), np.minimum(spread, spread_val)
    ratio = np.divide(larger, smaller, out=np.ones_like(larger), where=varies)
    away = np.abs(median_val - median)
    shift = np.divide(away, larger, out=np.zeros_like(larger), where=varies)
    # Differences of numbers near the largest may overflow: of these nothing is said here
    how_far = np.maximum(ratio / _LARGE_RATIO, shift / _LARGE_SHIFT)
    how_far[~np.isfinite(how_far)] = 0
    worst = int(how_far.argmax())
    if how_far[worst] < 1:
        return
    where = f" in column {worst}" if training.shape[1] > 1 else ""
    warn(
        f"{name}_val does not seem to be in the units of {name}: half of the values{where} lie "
        f"between {low_val[worst]:.3g} and {high_val[worst]:.3g}, those of {name} between "
        f"{low[worst]:.3g} and {high[worst]:.3g}. {_REMEDIES[name]}",
        ValidationSetWarning,
    )


def _quartiles(array):
    """Return the three quartiles of each column, in float64, from rows spread over the array."""
    rows = array[:: -(-len(array) // _N_PROBES)]
    return np.quantile(rows.astype(np.float64), [0.25, 0.5, 0.75], axis=0)
