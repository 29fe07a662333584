"""Data as it comes: what scikit-learn checks, and errors that name what is wrong with it."""

import sys
from fractions import Fraction
from numbers import Real

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import validate_data


def is_number(value, kind=Real):
    """Whether the value is a number of this kind that numpy computes with.

    True and False are none, though Python's are; nor are fractions, of which numpy makes objects.
    """
    return isinstance(value, kind) and not isinstance(value, (bool, Fraction))


def is_finite(value):
    """Whether the value is a finite number, and none too large for a float."""
    return is_number(value) and abs(value) <= sys.float_info.max


def validated(estimator, X, y="no_validation", **kwargs):
    """Return the data checked by scikit-learn, sparse X as CSR, with an error that names it."""
    in_training = not isinstance(y, str)
    y_numeric = kwargs.get("y_numeric", False)
    if callable(getattr(type(X), "collect", None)):
        raise TypeError(f"X must be in memory, got a {type(X).__name__}: call its collect() first.")
    refuse_masked("X", X)
    _refuse_dates("X", X)
    if in_training:
        refuse_masked("y", y)
        if y_numeric:
            _refuse_dates("y", y)
    try:
        checked = validate_data(estimator, X, y, accept_sparse="csr", order="C", **kwargs)
    except ValueError as error:
        said = str(error).rstrip(".")
        if "could not convert string" not in said and "setting an array element" not in said:
            raise
        name = "X and y" if y_numeric else "X"
        raise ValueError(
            f"{name} must hold numbers, but {_columns_without_numbers(X)}{said}. Encode strings "
            "first, for example by an OrdinalEncoder or a OneHotEncoder."
        ) from error
    if in_training and checked[1].dtype == object and any(label is None for label in checked[1]):
        raise ValueError("y has missing values, None among others. Leave such samples out.")
    return tuple(map(aligned, checked)) if isinstance(checked, tuple) else aligned(checked)


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
        raise ValueError(
            f"{name} goes up to {largest:.3g}, but the network computes in {dtype}, which ends at "
            f"{np.finfo(dtype).max:.3g}. Scale {name}, or train with X in float64."
        )
    return result


def refuse_masked(name, array):
    """Raise a ValueError if values are masked: scikit-learn takes what lies under the mask."""
    if isinstance(array, np.ma.MaskedArray) and np.any(array.mask):
        raise ValueError(
            f"{name} has {np.sum(array.mask)} masked values, from which nothing can be learned. "
            f"Fill them, for example by {name}.filled(0), or leave such samples out."
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
        listed = _listed(dates) if dates.keys() != {""} else str(dates[""])
        raise ValueError(
            f"{name} must hold numbers, got dates: {listed}. Turn them into numbers first, for "
            "example into days since the first."
        )


def _dtypes(data):
    """Return the dtypes of the columns of a data frame by name; none if it is something else."""
    if not (hasattr(data, "columns") and hasattr(data, "dtypes")):
        return {}
    return dict(zip(data.columns, data.dtypes, strict=True))


def _listed(dtypes):
    return ", ".join(f"{column!r} ({dtype})" for column, dtype in dtypes.items())


def _columns_without_numbers(X):
    """Return the beginning of a sentence that lists them, if X is a data frame."""
    wrong = {name: dtype for name, dtype in _dtypes(X).items() if not _is_numeric(X[name])}
    return f"these columns do not: {_listed(wrong)}; " if wrong else ""


def _is_numeric(column):
    try:
        np.asarray(column).astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True
