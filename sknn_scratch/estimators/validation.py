"""Data as it comes: what scikit-learn checks, and errors that name what is wrong with it."""

import re
import sys
from contextlib import contextmanager
from fractions import Fraction
from math import isfinite
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import validate_data

from sknn_scratch._sklearn import check_sample_weight
from sknn_scratch._warnings import warn
from sknn_scratch.estimators.data_faults import (
    as_error_of,
    as_objects,
    fault_of,
    fault_of_not_finite,
    holds_dates,
    is_frame,
    refuse_what_is_no_table,
    says_which,
    without_values,
)
from sknn_scratch.estimators.labels import fault_of_labels, fault_of_missing

# What scikit-learn and numpy say of values that they cannot take for numbers
_NO_NUMBERS = re.compile(
    "could not convert string|setting an array element|inhomogeneous|Complex data"
    "|Input contains NaN|truth value of an array"
)


def is_number(value, kind=Real):
    """Whether the value is a number of this kind that numpy computes with.

    True and False are none, though Python's are; nor are fractions, which numpy turns into objects.
    """
    return isinstance(value, kind) and not isinstance(value, (bool, Fraction))


def is_finite(value):
    """Whether the value is a finite number, and none too large for a float."""
    if not is_number(value):
        return False
    return abs(value) <= sys.float_info.max if isinstance(value, int) else isfinite(value)


def validated(estimator, X, y="no_validation", **kwargs):
    """Return the data checked by scikit-learn, sparse X as CSR, with an error that names it."""
    in_training = not (isinstance(y, str) and y == "no_validation")
    y_numeric = kwargs.get("y_numeric", False)
    if _is_sound(estimator, X, **kwargs) and (not in_training or _are_sound_targets(y, X)):
        estimator.n_features_in_ = X.shape[1]
        return (X, y) if in_training else X
    refuse_misread("X", X)
    finders = [("X", X, fault_of)]
    if in_training and y_numeric:
        refuse_misread("y", y)
        finders += [("y", y, fault_of), ("y", y, fault_of_missing)]
    elif in_training:
        refuse_what_is_no_table("y", y)
        refuse_masked("y", y)
        refuse_sparse_labels(y)
        finders.append(("y", y, fault_of_labels))
    try:
        if hasattr(estimator, "feature_names_in_") and not is_frame(X):
            # Before scikit-learn warns that X has no names: its error is to come alone
            check_array(X, accept_sparse="csr", dtype=kwargs["dtype"], estimator=estimator)
        checked = validate_data(estimator, X, y, accept_sparse="csr", order="C", **kwargs)
    except (OverflowError, TypeError, ValueError) as error:
        given = {"X": X, "y": y}
        fault = _fault_behind(error, finders) or fault_of_not_finite(str(error), given)
        if fault is None and not says_which(error, "X", "y"):
            fault = _with_names(error, estimator, X, y if in_training else None)
        if fault is None:
            raise
        raise fault from error
    if in_training and (fault := _fault_that_passed(y, checked[1], y_numeric)):
        raise fault
    return tuple(map(aligned, checked)) if isinstance(checked, tuple) else aligned(checked)


def _is_sound(estimator, X, *, dtype, reset=True, **_):
    """Whether scikit-learn would return X as it is, and say nothing.

    To ask it takes 0.1 ms, a tenth of a short training and most of the prediction of one row.
    """
    dtypes = dtype if isinstance(dtype, tuple) else (dtype,)
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.size > 0
        and X.dtype in dtypes
        and X.flags.c_contiguous
        and X.flags.aligned
        and not hasattr(estimator, "feature_names_in_")  # it would miss them, or forget them
        and (reset or getattr(estimator, "n_features_in_", None) == X.shape[1])
        and _has_finite_sum(X)
    )


def _are_sound_targets(y, X):
    """Whether scikit-learn would return targets as they are, beside an X that is sound."""
    return (
        type(y) is np.ndarray
        and y.ndim in (1, 2)
        and y.size > 0
        and len(y) == len(X)
        and y.dtype.kind in "biuf"
        and y.flags.aligned
        and _has_finite_sum(y)
    )


def _has_finite_sum(array):
    """Whether all values are finite, and their sum is: then no other look at them is needed."""
    with np.errstate(over="ignore", invalid="ignore"):
        return array.dtype.kind != "f" or bool(np.isfinite(array.sum()))


def _fault_behind(error, finders):
    """Return an error of ours for one of scikit-learn's or numpy's, or None if theirs will do.

    `finders` are triples: the name of the data, the data, and what looks for faults in it.
    """
    # That a number is not finite, or a shape not right, scikit-learn says well enough
    if isinstance(error, ValueError) and not _NO_NUMBERS.search(str(error)):
        return None
    faults = (find(name, data) for name, data, find in finders)
    return next((fault for fault in faults if fault is not None), None)


def _with_names(error, estimator, X, y):
    """Return an error of scikit-learn's with the name of what it is about."""
    said = without_values(str(error))
    if "inconsistent numbers of samples" in said:
        n_X, n_y = (data.shape[0] if hasattr(data, "shape") else len(data) for data in (X, y))
        return ValueError(f"X has {n_X} samples, but y has {n_y}. {said}.")
    is_of_X = y is None or "feature names" in said or not _is_table(X, estimator)
    name = "X" if is_of_X else "y"
    return as_error_of(error)(f"{name} is not valid: {said}")


def _is_table(X, estimator):
    try:
        check_array(X, accept_sparse="csr", estimator=estimator)
    except (OverflowError, TypeError, ValueError):
        return False
    return True


def checked_weights(weight, X, dtype, by_target=None):
    """Return the weights of the samples of X as an array, with an error that names them.

    The array has this dtype, or the weights' own if it is None. `by_target` is the shape that the
    weights may have if there is one for each target; None if that is not possible.
    """
    name = "sample_weight"
    refuse_misread(name, weight)
    try:
        # scikit-learn refuses a single column, as ever
        if by_target is not None and is_two_dimensional(weight) and np.shape(weight)[1] != 1:
            weight = _checked_target_weights(weight, by_target, dtype)
        else:
            weight = check_sample_weight(weight, X, dtype=dtype, ensure_non_negative=True)
    except (OverflowError, TypeError, ValueError) as error:
        if fault := _fault_behind(error, [(name, weight, fault_of)]):
            raise fault from error
        raise as_error_of(error)(f"{name} is not valid: {error}") from error
    weight = aligned(weight)
    with np.errstate(over="ignore"):
        total = weight.sum(dtype=np.float64)
    if not np.isfinite(total):
        raise ValueError(f"sample_weight must have a finite sum, got {total}.")
    return weight


def weights_of_score(weight, y):
    """Return the weights of a score, each of a sample or a target; they are not all zero."""
    weight = checked_weights(weight, y, None, by_target=y.shape)
    if not weight.any():
        raise ValueError("sample_weight must contain a number above zero.")
    return weight


@contextmanager
def naming_y(numbers=None):
    """Let errors of scikit-learn's scores say what the user calls y_true.

    `numbers` is y, if it is to hold numbers. Some may be missing.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if fault := fault_of("y", numbers, gaps=True):
            raise fault from error
        raise as_error_of(error)(
            f"y and sample_weight must fit the predictions: {error}"
        ) from error


def is_two_dimensional(data):
    """Whether data, whatever holds it, has rows and columns."""
    return (data.ndim if hasattr(data, "ndim") else as_objects(data).ndim) == 2


def _checked_target_weights(weight, shape, dtype):
    weight = check_array(
        weight, dtype=dtype or np.float64, ensure_non_negative=True, input_name="sample_weight"
    )
    if weight.shape != shape:
        n, k = shape
        raise ValueError(
            f"its shape is {weight.shape}, but it must be ({n},), or ({n}, {k}) for a weight of "
            "each target."
        )
    return weight


def _fault_that_passed(y, checked, y_numeric):
    """Return an error about a y that is as scikit-learn let it pass, but no use; or None."""
    if y_numeric and checked.dtype.kind in "USO":
        return fault_of("y", y)
    if y_numeric:  # None in an object becomes NaN after scikit-learn has looked for NaN
        finite = issparse(checked) or np.isfinite(checked).all()
        return None if finite else fault_of_missing("y", y)
    # numpy turns NaN in a list of strings into the string 'nan'
    suspicious = checked.dtype.kind in "OMm" or (
        checked.dtype.kind == "U" and not hasattr(y, "dtype") and "nan" in checked
    )
    return fault_of_missing("y", y) if suspicious else None


def refuse_misread(name, data, *, gaps=False):
    """Raise an error for what scikit-learn would misread, or say little about.

    `gaps` says that values may be missing, so that some may be masked.
    """
    # Nothing can be wrong with these; to ask would cost an eighth of the prediction of one row
    if type(data) is np.ndarray and data.dtype.kind in "biuf":
        return
    refuse_what_is_no_table(name, data)
    if not gaps:
        refuse_masked(name, data)
    _refuse_dates(name, data)


def as_vector(y, *, is_told=True):
    """Return targets of a single column as a vector, others as they are.

    `is_told` is whether to warn, in the words of scikit-learn's `column_or_1d`, whose own warning
    points at the line that calls it here.
    """
    if y.ndim != 2 or y.shape[1] != 1:
        return y
    if is_told:
        warn(
            "A column-vector y was passed when a 1d array was expected. Please change the shape of "
            "y to (n_samples, ), for example using ravel().",
            DataConversionWarning,
        )
    return column_or_1d(y)


def float_dtypes(X):
    """Return what scikit-learn is to check X for, so that float32 is kept.

    Of frames other than those of pandas it does not see that all columns hold float32.
    """
    if hasattr(X, "to_numpy") and not hasattr(X, "iloc") and X[:0].to_numpy().dtype == np.float32:
        return np.float32
    return np.float64, np.float32


def aligned(array):
    """Return the array, or a copy if its numbers do not lie at multiples of their size.

    Such arrays come over the network, from Dask for one. numpy takes them several times as slowly
    and adds them up in another order.
    """
    return array if issparse(array) or array.flags.aligned else array.copy()


def converted(name, array, dtype):
    """Return finite numbers as `dtype`, a copy only where it is another one."""
    if array.dtype == dtype:
        return array
    try:
        with np.errstate(over="ignore"):
            result = array.astype(dtype)
    except ValueError as error:
        raise ValueError(f"{name} must hold numbers, but {error}.") from error
    values = result.data if issparse(result) else result
    if not np.isfinite(values).all():
        largest = abs(array.astype(np.float64)).max()
        remedy = ", or train with X in float64" if dtype != np.float64 else ""
        raise ValueError(
            f"{name} goes up to {largest:.3g}, but the network computes in {dtype}, which ends at "
            f"{np.finfo(dtype).max:.3g}. Scale {name}{remedy}."
        )
    return result


def refuse_masked(name, array):
    """Raise a ValueError if values are masked: scikit-learn takes what lies under the mask."""
    if isinstance(array, np.ma.MaskedArray) and np.any(array.mask):
        raise ValueError(
            f"{name} has {np.sum(array.mask)} masked values, from which nothing can be learned. "
            f"Fill them, for example by {name}.filled(0), or leave such samples out."
        )


def refuse_sparse_labels(y):
    """Raise a TypeError for a sparse y with one label for each sample; several may be sparse."""
    if issparse(y) and (y.ndim == 1 or y.shape[1] == 1):
        raise TypeError(
            "y is sparse, but has one label for each sample. Only several labels may be sparse: "
            "give y.toarray().ravel()."
        )


def _refuse_dates(name, data):
    """Raise a ValueError for dates, which numpy would take for the numbers that it stores."""
    dtypes = _dtypes(data) or {"": getattr(data, "dtype", None)}
    # pandas' and numpy's dtypes have a kind; those of polars a method that the others have not
    dates = {
        column: dtype
        for column, dtype in dtypes.items()
        if getattr(dtype, "kind", "") in ("M", "m") or getattr(dtype, "is_temporal", bool)()
    }
    if dates:
        named = [f"{column!r} ({dtype})" for column, dtype in dates.items()]
        listed = ", ".join(named) if dates.keys() != {""} else str(dates[""])
        raise ValueError(
            f"{name} must hold numbers, got dates: {listed}. Turn them into numbers first, for "
            "example into days since the first."
        )
    named = is_frame(data)
    objects = [data[name] for name, dtype in dtypes.items() if named and str(dtype) == "object"]
    if isinstance(data, (list, tuple)):
        objects = [as_objects(data[:1])]  # to look at all would take as long as to convert them
    elif not named and str(dtypes[""]) == "object":
        objects = [data]
    if any(holds_dates(np.asarray(column, dtype=object)) for column in objects):
        raise fault_of(name, data)


def _dtypes(data):
    """Return the dtypes of the columns of a data frame by name; none if it is something else."""
    return dict(zip(data.columns, data.dtypes, strict=True)) if is_frame(data) else {}
