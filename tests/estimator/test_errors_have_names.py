"""Errors about data say which data, in words, and do not print all of it."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import coo_array, csr_array
from sklearn.datasets import load_iris
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.model_selection import MLPGridSearchCV

try:
    import polars as pl
except ImportError:  # it is not in the extra test
    pl = None

X, y = load_iris(return_X_y=True)
X = scale(X)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", PendingDeprecationWarning)  # numpy's, of all its matrices
    MATRIX = np.asmatrix(X)
HUGE = 10**400  # more than a float can hold

BOTH = pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0} | params)


def with_first(array, value):
    array = array.astype(object)
    array[0] = value
    return array


BAD_X = {
    "vector": (X[:, 0], r"^X is not valid: Expected 2D array, got 1D .*\. Reshape your data"),
    "series": (pd.Series(X[:, 0]), r"^X is not valid: Expected a 2-dimensional container"),
    "sparse vector": (coo_array(X[:, 0]), r"^X is not valid: .*2D"),
    "three axes": (X[None], r"^X is not valid: Found array with dim 3"),
    "blocks": ([np.zeros((2, 3 + i // 75)) for i in range(150)], "^X must have rows of the same"),
    "no rows": (X[:0], r"^X is not valid: Found array with 0 sample\(s\)"),
    "no columns": (X[:, :0], r"^X is not valid: Found array with 0 feature\(s\)"),
    "matrix": (MATRIX, "^X is not valid: np.matrix is not supported"),
    "complex": (X + 1j, "^X must hold numbers, .*Complex data not supported"),
    "complex and sparse": (csr_array(X + 1j), r"^X is not valid: Complex data not supported\.$"),
    "huge": (with_first(X, HUGE), r"^X must hold numbers, .*of 1329 bits.*Scale it down"),
}
if pl is not None:
    BAD_X["lazy"] = pl.DataFrame(X).lazy(), "^X must be in memory, got a LazyFrame"


@BOTH
@pytest.mark.parametrize(("bad", "message"), BAD_X.values(), ids=BAD_X)
def test_samples(cls, bad, message):
    model = new(cls).fit(X, y)
    calls = [lambda: new(cls).fit(bad, y), lambda: model.predict(bad)]
    calls += [lambda: model.partial_fit(bad, y), lambda: model.fit(X, y, X_val=bad, y_val=y)]
    for call in calls:
        with pytest.raises((ValueError, TypeError)) as error:
            call()
        said = str(error.value).removeprefix("X_val, y_val and sample_weight_val: ")
        assert re.search(message, said, re.DOTALL)
        assert len(said) < 400


BAD_Y = {
    "empty": ([], r"^y is not valid: Found array with 0 sample\(s\)"),
    "three axes": (np.zeros((150, 2, 2)), "^y is not valid: Found array with dim 3"),
    "huge": (with_first(y, HUGE), r"y must hold (numbers|labels of one type).*of 1329 bits"),
}
if pl is not None:
    BAD_Y["lazy"] = pl.DataFrame({"y": y}).lazy(), "^y must be in memory, got a LazyFrame"
BAD_LABELS = {
    "bytes": (np.full(150, b"a"), r"^y must hold numbers or strings, got b'a'.*char\.decode"),
    "complex": (y + 0j, r"^Complex data not supported: y must hold labels of classes\.$"),
    "floats without a fraction": (np.where(y, 1e300, 1e301), r"up to 1e\+301, too large for lab"),
}


@pytest.mark.parametrize(
    ("cls", "bad", "message"),
    [
        pytest.param(cls, *case, id=f"{cls.__name__}-{name}")
        for cls in (MLPScratchClassifier, MLPScratchRegressor)
        for name, case in (BAD_Y | (BAD_LABELS if cls is MLPScratchClassifier else {})).items()
    ],
)
def test_targets(cls, bad, message):
    classes = {"classes": [0, 1, 2]} if cls is MLPScratchClassifier else {}
    for call in (
        lambda: new(cls).fit(X, bad),
        lambda: new(cls).partial_fit(X, bad, **classes),
        lambda: new(cls).fit(X, y, X_val=X, y_val=bad),
    ):
        with pytest.raises((ValueError, TypeError)) as error:
            call()
        said = str(error.value).removeprefix("X_val, y_val and sample_weight_val: ")
        assert re.search(message, said, re.DOTALL)
        assert len(said) < 400


@pytest.mark.parametrize("classes", [[], np.zeros((2, 3, 4))], ids=["none", "three axes"])
def test_classes_that_are_no_list(classes):
    shape = re.escape(str(np.shape(classes)))
    with pytest.raises(ValueError, match=f"^classes must be a list .*, got an array .* {shape}"):
        new().partial_fit(X, y, classes=classes)


@BOTH
def test_numbers_of_samples(cls):
    with pytest.raises(ValueError, match=r"^X has 150 samples, but y has 149\. Found input var"):
        new(cls).fit(X, y[:-1])


BAD_WEIGHTS = {
    "strings": (["heavy"] * 150, "must hold numbers, but it has 'heavy'. Give a number >= 0"),
    "dicts": ([{}] * 150, "must hold numbers, but it has {}"),
    "NA": (pd.Series([pd.NA] * 150), "must hold numbers, but it has <NA>"),
    "dates": (np.full(150, np.datetime64("2024")), "must hold numbers, got dates"),
    "huge": ([HUGE] * 150, "must hold numbers, but it has a whole number of 1329 bits"),
    "complex": (np.full(150, 1j), "must hold numbers, but it has 1j"),
    "a dict": ({0: 1}, "must be an array or a data frame, got a dict"),
    "a word": ("balanced", "must hold the data itself, got 'balanced'"),
    "sparse": (csr_array(np.ones((1, 150))), "is not valid: Sparse data"),
    "short": (np.ones(149), r"is not valid: sample_weight.shape == \(149,\)"),
}
if pl is not None:
    BAD_WEIGHTS["lazy"] = pl.DataFrame({"w": y}).lazy(), "must be in memory, got a LazyFrame"


@BOTH
@pytest.mark.parametrize(("bad", "message"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_weights(cls, bad, message):
    with pytest.raises((ValueError, TypeError), match=f"^sample_weight {message}"):
        new(cls).fit(X, y, bad)
    with pytest.raises((ValueError, TypeError), match=f"_weight_val: sample_weight {message}"):
        new(cls).fit(X, y, X_val=X, y_val=y, sample_weight_val=bad)


@pytest.mark.parametrize(
    ("cls", "targets"),
    [(MLPScratchRegressor, X[:, :2]), (MLPScratchClassifier, (X[:, :2] > 0).astype(int))],
)
def test_weights_of_each_target(cls, targets):
    weights = np.ones((150, 3))
    shapes = r"its shape is \(150, 3\), but it must be \(150,\), or \(150, 2\) for a weight"
    with pytest.raises(ValueError, match=f"^sample_weight is not valid: {shapes}"):
        new(cls).fit(X, targets, weights)
    model = new(cls).fit(X, targets)
    with pytest.raises(ValueError, match=r"^y must have the shape of the predictions, \(150, 2\)"):
        model.score(X, targets[:, :1], weights[:, :2])


def test_one_label_and_several_labels():
    """Also where the classes are the same: the codes of the one would do for the other."""
    several = np.stack([y > 0, y > 1, y < 1], axis=1).astype(int)
    for first, second, message in [
        (several, y, "y has one label for each .* to go on with has several labels"),
        (several[:, :2], y > 0, "y has one label for each .* to go on with has several labels"),
        (y, several, "same classes|y has several labels .* has one label"),
        (y > 0, several[:, :2], "y has several labels .* to go on with has one label"),
    ]:
        model = new(warm_start=True).fit(X, first)
        for method in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match=message):
                method(X, second)


# Once, also with a validation set


def warnings_of(function):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function()
    return caught


def test_one_class_is_told_of_once():
    one = np.zeros(150, int)
    caught = warnings_of(lambda: new().fit(X, one, X_val=X, y_val=one))
    assert len([w for w in caught if "one class only" in str(w.message)]) == 1


@BOTH
def test_columns_are_told_of_once(cls):
    caught = warnings_of(lambda: new(cls).fit(X, y[:, None], X_val=X, y_val=y[:, None]))
    assert len([w for w in caught if issubclass(w.category, DataConversionWarning)]) == 1


# Searches


@pytest.mark.parametrize(
    "bad", [{"verbose": np.zeros(2)}, {"solver": ["sgd"]}, {"stop_when": np.zeros(2)}], ids=str
)
def test_parameters_that_have_no_truth_value_in_a_search(bad):
    search = MLPGridSearchCV(new(**bad), {"alpha": [0, 1]}, cv=2, error_score="raise")
    with pytest.raises(ValueError, match=f"The '{next(iter(bad))}' parameter"):
        search.fit(X, y)


def test_numpy_does_not_warn_of_targets_whose_variance_overflows():
    search = MLPGridSearchCV(new(MLPScratchRegressor), {"tol": [0, 1]}, cv=2)
    caught = warnings_of(lambda: search.fit(X, (y - 1) * 1e200))
    assert not [w for w in caught if "sknn_scratch" in w.filename]
