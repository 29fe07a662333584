"""What is wrong with labels of classes that scikit-learn has refused."""

from contextlib import contextmanager

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.multiclass import type_of_target

from sknn_scratch.estimators.data_faults import (
    as_error_of,
    as_objects,
    is_missing,
    is_nan,
    kind_of,
    says_which,
    shown,
    without_values,
)


@contextmanager
def labels_in_words(name, labels):
    """Replace an error that scikit-learn raises about labels by one that says what is wrong."""
    try:
        yield
    except (OverflowError, TypeError, ValueError) as error:
        if fault := fault_of_labels(name, labels):
            raise fault from error
        if says_which(error, name):
            raise
        said = without_values(str(error))
        raise as_error_of(error)(f"{name} is not valid: {said}") from error


def refuse_no_classes(y):
    """Raise a ValueError unless y, an array, holds classes; say nothing of how many there are."""
    with labels_in_words("y", y):
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind.startswith("continuous"):
            raise ValueError(f"Unknown label type: {kind}")


def has_many_classes(n_classes, n_samples):
    """Whether there are so many classes that scikit-learn warns of them."""
    return n_samples > 20 and n_classes > round(0.5 * n_samples)


def fault_of_labels(name, labels):
    """Return an error that says what is wrong with labels, or None if nothing is found."""
    if labels is None or issparse(labels):
        return None
    values = as_objects(labels)
    if values.ndim == 0:
        return TypeError(f"{name} must hold a label for each sample, got {labels!r}.")
    if values.ndim > 2 or values.size == 0:
        return ValueError(
            f"{name} must be a list of labels, or have a column for each of several labels, got an "
            f"array of the shape {values.shape}."
        )
    return (
        fault_of_missing(name, labels)
        or _fault_of_kinds(name, values)
        or _fault_of_target(name, np.asarray(labels))
    )


def fault_of_missing(name, targets):
    """Return an error if labels or targets are missing: None, NaN, NaT or pandas' NA."""
    if getattr(getattr(targets, "dtype", None), "kind", "") in ("M", "m"):
        missing = ["NaT"] if np.isnat(np.asarray(targets)).any() else []
    else:
        values = as_objects(targets).flat
        missing = [value for value in values if is_missing(value)]
    if not missing:
        return None
    what = "NaN" if is_nan(missing[0]) else str(missing[0])
    return ValueError(f"{name} has missing values, {what} among others. Leave such samples out.")


def _fault_of_kinds(name, values):
    """Return an error if labels are of several kinds, or of one that no label can be."""
    kinds = {kind_of(value): value for value in values.flat}
    several = [value for value in values.flat if isinstance(value, (list, tuple, set, np.ndarray))]
    if several:
        return ValueError(
            f"{name} must hold one label for each sample, or rows of the same length, got "
            f"{shown(several[0])} among others. Turn several labels into columns of zeros and "
            "ones, by a MultiLabelBinarizer."
        )
    if len(kinds) > 1:
        listed = " and ".join(f"{shown(v)} ({type(v).__name__})" for v in kinds.values())
        return ValueError(
            f"{name} must hold labels of one type, got {listed}. Turn all into strings, for "
            f"example by {name}.astype(str)."
        )
    if kinds.keys() & {"dict", "huge", "object", "date", "interval"}:
        (value,) = kinds.values()
        return ValueError(
            f"Unknown label type: {name} must hold numbers or strings, got {shown(value)}. Turn "
            f"the labels into strings, for example by {name}.astype(str)."
        )
    return None


def _fault_of_target(name, labels):
    """Return an error if labels are numbers, but not those of classes."""
    if isinstance(labels.flat[0], bytes):
        return TypeError(
            f"{name} must hold numbers or strings, got {shown(labels.flat[0])}, which is bytes. "
            f"Turn the labels into strings, for example by numpy.char.decode({name})."
        )
    if np.iscomplexobj(labels):
        return ValueError(f"Complex data not supported: {name} must hold labels of classes.")
    if labels.dtype == object and all(kind_of(value) == "number" for value in labels.flat):
        return ValueError(
            f"Unknown label type: {name} holds numbers as Python objects, for example "
            f"{shown(labels.flat[0])}. Give {name}.astype(int), or strings."
        )
    kind = type_of_target(labels)
    if kind.startswith("continuous"):
        fraction = next((value for value in labels.flat if value != int(value)), None)
        if fraction is None:
            return ValueError(
                f"Unknown label type: {name} holds numbers of up to {abs(labels).max():.3g}, too "
                "large for labels. Turn them into whole numbers of 64 bits, or into strings."
            )
        return ValueError(
            f"Unknown label type: {name} must hold classes, but it holds real numbers, for example "
            f"{fraction!s}. For real targets use MLPScratchRegressor, or tabular_regressor."
        )
    if kind == "multiclass-multioutput":
        return ValueError(
            f"Multioutput classes are not supported: {name} has {labels.shape[1]} columns of "
            "several classes. Fit a network for each, for example by a MultiOutputClassifier."
        )
    return None
