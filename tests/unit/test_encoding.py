"""Labels become what scikit-learn's LabelBinarizer makes of them, whatever way leads there."""

import re

import numpy as np
import pytest
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import unique_labels

from sknn_scratch.estimators import encoding
from sknn_scratch.estimators.encoding import accuracy, binarized, classes_in, fitted_binarizer

rng = np.random.default_rng(0)
LABELS = {
    "one class": [3, 3, 3],
    "two": [5, -2, -2, 5],
    "two, far apart": [2**62, -(2**62), 2**62],
    "two of zeros and ones": [1, 1, 0],
    "three": [7, 0, 3, 0, 7],
    "many": rng.integers(0, 40, 60).tolist(),
}
DTYPES = ["i1", "i4", "i8", "u1", "u8", ">i4", "?", "f4", "f8", "U5", "O"]


def as_dtype(labels, dtype):
    array = np.array(labels)
    if np.dtype(dtype).kind in "biuf":
        array = array.astype(dtype)  # large ones wrap around: that makes labels, too
    return array.astype(dtype)


CASES = {
    f"{name}, {dtype}": as_dtype(labels, dtype)
    for name, labels in LABELS.items()
    for dtype in DTYPES
    if dtype != "O"  # of strings
} | {"objects": np.array(["b", "a", "b"], dtype=object)}
CASES["several labels"] = np.array([[0, 1, 1], [1, 0, 0]])


@pytest.mark.parametrize("case", CASES)
def test_a_binarizer_is_that_of_scikit_learn(case):
    y = CASES[case]
    ours, theirs = fitted_binarizer(y), LabelBinarizer().fit(y)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.classes_.dtype == theirs.classes_.dtype
    assert vars(ours).keys() == vars(theirs).keys()
    for name in ("y_type_", "sparse_input_"):
        assert getattr(ours, name) == getattr(theirs, name)
        assert type(getattr(ours, name)) is type(getattr(theirs, name))
    np.testing.assert_array_equal(classes_in(y), unique_labels(y))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_zeros_and_ones_are_those_of_scikit_learn(case, dtype):
    y = CASES[case]
    theirs = LabelBinarizer().fit(y)
    for part in (y, y[:2], y[:1]):  # a part may lack classes
        encoded = binarized(fitted_binarizer(y), part, np.dtype(dtype))
        np.testing.assert_array_equal(encoded, theirs.transform(part))
        assert encoded.dtype == dtype
        assert encoded.shape == theirs.transform(part).shape


def test_classes_of_another_dtype_than_the_labels():
    for classes, y in ([0.0, 1.0], [1, 0]), ([False, True], [1, 0]), ([1, 2, 3], [3, 1]):
        theirs = LabelBinarizer().fit(np.array(classes))
        for dtype in ("i8", "i4", "u8"):
            part = np.array(y, dtype)
            encoded = binarized(fitted_binarizer(np.array(classes)), part, np.float64)
            np.testing.assert_array_equal(encoded, theirs.transform(part))


def test_large_classes_of_another_dtype_are_told_apart():
    """Compared with each other, int64 and uint64 become floats of 53 bits."""
    y = np.array([2**62, 2**62 + 1, 2**62])
    encoded = binarized(fitted_binarizer(y), y.astype(np.uint64), np.float64)
    np.testing.assert_array_equal(encoded, [[0], [1], [0]])


def test_whole_numbers_are_encoded_without_scikit_learn(monkeypatch):
    """This is what saves the time: none of the functions that look at y again is called."""
    monkeypatch.setattr(encoding, "unique_labels", None)
    monkeypatch.setattr(LabelBinarizer, "fit", None)
    monkeypatch.setattr(LabelBinarizer, "transform", None)
    y = np.array([4, 2, 2, 9])
    np.testing.assert_array_equal(classes_in(y), [2, 4, 9])
    assert binarized(fitted_binarizer(y), y, np.float64).argmax(axis=1).tolist() == [1, 0, 0, 2]


def test_no_labels_at_all_are_left_to_scikit_learn():
    with pytest.raises(ValueError, match="0 samples"):
        fitted_binarizer(np.array([], dtype=int))


def assert_same_accuracy(y, predicted, weight=None):
    try:
        expected = accuracy_score(y, predicted, sample_weight=weight)
    except Exception as error:
        kind, words = type(error), str(error)
        if isinstance(error, ValueError):
            kind, words = ValueError, f"y and sample_weight must fit the predictions: {error}"
        elif isinstance(error, TypeError):
            kind, words = TypeError, "y must hold labels of one type, as those that are predicted"
        with pytest.raises(kind, match=f"^{re.escape(words)}"):
            accuracy(y, predicted, weight)
        return
    found = accuracy(y, predicted, weight)
    assert (type(found), found) == (type(expected), expected)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", ["array", "list", "weighted", "other dtype", "read-only"])
def test_the_accuracy_is_that_of_scikit_learn(case, kind):
    y = CASES[case]
    predicted, weight = y[::-1].copy(), None
    if kind == "list":
        y = y.tolist()
    elif kind == "weighted":
        weight = np.arange(1.0, 1 + len(y))
    elif kind == "other dtype":
        y = y.astype(object)
    elif kind == "read-only":
        y.setflags(write=False)
    assert_same_accuracy(y, predicted, weight)


@pytest.mark.parametrize(
    "y", [[0, 1], [0, 1, 1, 1], [0.5, 1, 1], [[1], [0], [1]], None, "abc", ["a", 0.5, "b"]]
)
def test_labels_that_have_no_accuracy_are_refused_as_by_scikit_learn(y):
    assert_same_accuracy(y, np.array([0, 1, 1]))
    assert_same_accuracy(np.asarray(y), np.array([0, 1, 1]))
