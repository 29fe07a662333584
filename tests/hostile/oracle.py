"""What a call may end in: a sound result, or an error in words; and nothing else has changed.

Each check returns sentences on what is wrong, none if all is well.
"""

import hashlib
import os
import pickle
import random
import re
import signal
import warnings
from contextlib import contextmanager

import numpy as np
import pandas as pd
import sklearn
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.utils.parallel import _get_threadpool_controller

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.exceptions import (
    LargePenaltyWarning,
    NothingLearnedWarning,
    UnscaledDataWarning,
    ValidationSetWarning,
)

# Errors

PARAMETERS = {*MLPScratchClassifier().get_params(), *MLPScratchRegressor().get_params()}
ARGUMENTS = {"X", "y", "sample_weight", "X_val", "y_val", "sample_weight_val", "classes"}
_NAMED = re.compile(rf"(?<![\w.])({'|'.join(PARAMETERS | ARGUMENTS)})(?!\w)")
# What numpy, pandas and Python say of their own business
_RAW = re.compile(
    r"setting an array element|operands|could not (be )?(convert|broadcast)|has no attribute"
    r"|not supported between|unhashable|cannot reshape|\barray\(|ufunc|divide by zero|dtype\('O'\)"
    r"|inhomogeneous|not iterable|not subscriptable|unsupported operand|is ambiguous|len\(\) of"
    r"|too large to convert|Unable to allocate|out of bounds|index \d+ is|must be real number"
    r"|argument must be a string|cannot convert|can't convert|Cannot cast|casting|Maximum allowed"
    r"|has no len|missing \d+ required|unexpected keyword|takes \d+ positional|math domain|matmul"
    r"|core dimension|too many values|not enough values|positional argument|Python int|C long"
    r"|NoneType|a bytes-like object|not callable|zip\(\)|slice indices|keepdims|axis \d"
    r"|dimension mismatch|(?i:object arrays)|underflow|overflow encountered|invalid value|NAType"
)
# scikit-learn's "Input y contains NaN." is the shortest that says all there is to say
_SHORTEST, _LONGEST = 20, 900


def faults_of_error(error, given=()):
    """Say what is wrong with an error; `given` are values that it may quote."""
    said = str(error)
    if isinstance(error, NotFittedError):  # scikit-learn's words for it, which all its users know
        return []
    if not isinstance(error, (ValueError, TypeError)):
        return [f"{type(error).__name__}: {said}"]
    name = type(error).__name__
    if not _NAMED.search(said):
        return [f"{name} without a name: {said}"]
    own = _without(said, given)
    if len(said) < _SHORTEST or len(own) > _LONGEST:
        return [f"{name} of {len(said)} characters: {said[:300]}"]
    if raw := _RAW.search(own):
        return [f"{name} with raw text, {raw[0]}: {said}"]
    return []


def _without(said, given):
    """Return a message without the values that it quotes, whose own words do not count."""
    quoted = {text for value in given for text in (repr(value), str(value)) if len(text) > 2}
    for text in sorted(quoted, key=len, reverse=True):  # what lies in another comes after it
        said = said.replace(text, "...")
    return said


def is_lack_of_partial_fit(error, model, method):
    """Whether this is how `hasattr(model, "partial_fit")` comes to be False."""
    return (
        isinstance(error, AttributeError)
        and method == "partial_fit"
        and not (isinstance(model.solver, str) and model.solver in SOLVERS)
        and "partial_fit" in str(error)
    )


# Warnings

_KNOWN_CLASSES = (
    ConvergenceWarning,
    DataConversionWarning,
    LargePenaltyWarning,
    UnscaledDataWarning,
    NothingLearnedWarning,
    ValidationSetWarning,
)
_KNOWN_WARNINGS = re.compile(
    "Got `batch_size`=|Training interrupted by user|y holds one class only"
    r"|y holds \d+ classes in"
    # scikit-learn's on the data
    "|X does not have valid feature names|X has feature names|The number of unique classes is"
    "|The least populated class in y|pandas.DataFrame with sparse columns|fits failed"
    "|Scoring failed|One or more of the test scores|score is not well-defined|(?i:unknown classes)"
    "|y_pred contains|unknown class\\(es\\)|A single label was found"
)


def faults_of_warnings(caught, of_one_fit=True):
    """Say what is wrong with the warnings of one call; a search may repeat those of its fits."""
    faults = [
        f"warns {w.category.__name__}: {w.message}"
        for w in caught
        if not issubclass(w.category, _KNOWN_CLASSES) and not _KNOWN_WARNINGS.search(str(w.message))
    ]
    said = [str(w.message) for w in caught if of_one_fit]
    return faults + [f"warns twice: {text}" for text in {s for s in said if said.count(s) > 1}]


# What must not change


def bits(value):
    """Return bytes that are others if anything of the value is."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        layout = (type(value).__name__, value.dtype.str, value.shape, value.strides)
        return _hash(repr((layout, value.flags.writeable)).encode() + value.tobytes())
    if sparse.issparse(value) and value.format in ("csr", "csc", "bsr", "coo", "dia"):
        names = ("data", "indices", "indptr", "offsets", "coords")
        parts = [bits(getattr(value, name)) for name in names if hasattr(value, name)]
        return repr((value.format, value.shape, parts)).encode()
    if isinstance(value, pd.DataFrame):
        columns = [value.iloc[:, k] for k in range(value.shape[1])]
        return repr((bits(list(value)), [*map(bits, columns)])).encode()
    if isinstance(value, pd.Series):
        # Some of pandas' arrays keep more than values, and change it when they are read
        return repr((value.dtype, bits(list(value.index)), bits(list(value)))).encode()
    if isinstance(value, np.ndarray) or type(value) in (list, tuple):
        # One by one: pickled together they tell whether two are the same object
        return repr((type(value), [*map(_pickled, value)])).encode()
    return _pickled(value)


def _pickled(value):
    try:
        return _hash(pickle.dumps(value, protocol=5))
    except (TypeError, AttributeError, pickle.PicklingError):  # generators, lazy frames
        return repr(type(value)).encode()


def _hash(content):
    return hashlib.blake2b(content, digest_size=16).digest()


def attributes_of(model):
    """Return what a failed call must leave: the bits of each attribute by its name."""
    return {name: bits(value) for name, value in vars(model).items() if not _is_random(value)}


def parameters_of(model):
    """Return what every call must leave: the very objects, and their bits."""
    return {
        name: (id(value), b"" if _is_random(value) else bits(value))
        for name, value in model.get_params(deep=False).items()
    }


def _is_random(value):
    """Whether to draw from the object is what it is for."""
    return isinstance(value, (np.random.RandomState, np.random.Generator))


def changed(before, after):
    """Return the names of what is not the same."""
    return sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))


def world():
    """Return what is global and must be left alone."""
    return {
        "np.errstate": np.geterr(),
        "warnings.filters": list(warnings.filters),
        "random": random.getstate(),
        "print options": np.get_printoptions(),
        "scikit-learn's configuration": sklearn.get_config(),
        "signal handlers": signal.getsignal(signal.SIGINT),
        "folder": os.getcwd(),
    }


def blas_threads():
    """Return the number of threads of each BLAS; it takes a while."""
    return [library["num_threads"] for library in _get_threadpool_controller().info()]


# Results


def faults_of_fit(model, is_fresh):
    """Say what is wrong with a model that was just fitted, or partly fitted."""
    faults = []
    arrays = [*model.coefs_, *model.intercepts_]
    if not all(np.isfinite(array).all() for array in arrays):
        faults.append("weights are not finite")
    if len({array.dtype for array in arrays}) != 1:
        faults.append(f"weights of dtypes {[array.dtype for array in arrays]}")
    lengths = {name: len(values) for name, values in model.history_.items()}
    if len(set(lengths.values())) > 1 or len(model.loss_curve_) != lengths.get("loss", 0):
        faults.append(f"lengths of history_ {lengths}, of loss_curve_ {len(model.loss_curve_)}")
    if is_fresh and lengths.get("loss", 0) != model.n_iter_:
        faults.append(f"n_iter_={model.n_iter_}, but history_ has {lengths}")
    if is_fresh and model.n_iter_ > model.max_iter:
        faults.append(f"n_iter_={model.n_iter_} beyond max_iter={model.max_iter}")
    numbers = [model.loss_, *(value for values in model.history_.values() for value in values)]
    if not all(type(number) in (int, float) for number in numbers):
        faults.append(f"not all plain numbers: loss_={model.loss_!r}, history_={model.history_}")
    if model.solver in SOLVERS and not _same(model.loss_, model.loss_curve_[-1]):
        faults.append(f"loss_={model.loss_}, but loss_curve_ ends in {model.loss_curve_[-1]}")
    return faults


def _same(a, b):
    return a == b or (a != a and b != b)


def faults_of_predictions(model, method, predicted, n_samples):
    """Say what is wrong with what a method of prediction returned."""
    if len(predicted) != n_samples:
        return [f"{method} returns {len(predicted)} rows for {n_samples}"]
    if method == "predict" and hasattr(model, "classes_"):
        known = predicted.ndim == 2 or np.isin(predicted, model.classes_).all()
        return [] if known else [f"{method} returns unknown classes"]
    if not np.isfinite(predicted).all():
        return [f"{method} is not finite"]
    if method == "predict_proba":
        return _faults_of_probabilities(model, predicted)
    return []


def _faults_of_probabilities(model, probabilities):
    faults = []
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        faults.append("probabilities beyond [0, 1]")
    several = model._label_binarizer.y_type_.startswith("multilabel")
    # Rounding of k terms, and what keeps a probability from being 0
    slack = 4 * probabilities.shape[1] * np.finfo(probabilities.dtype).eps
    if not several and (abs(probabilities.sum(axis=1, dtype=float) - 1) > slack).any():
        faults.append("probabilities do not add up to 1")
    return faults


# Time


class Hang(BaseException):
    """A call took longer than it may; no `except Exception` catches it."""


@contextmanager
def time_limit(seconds):
    """Raise Hang in the block after so many seconds."""

    def give_up(*_):
        raise Hang

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
