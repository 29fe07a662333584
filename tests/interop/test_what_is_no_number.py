"""Whatever stands where a number or a label should, the error says where, what, and what to do."""

import datetime
import pathlib
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.model_selection import MLPGridSearchCV

pl = pytest.importorskip("polars")

N = 60
X = np.random.default_rng(0).normal(size=(N, 3))
Y = np.arange(N) % 3
FRAME = pd.DataFrame(X, columns=list("abc"))
CLASSES = [MLPScratchClassifier, MLPScratchRegressor]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0} | params)


def some(value, other=1.0):
    """Return a column with that value in every second place."""
    return pd.Series([other, value] * (N // 2), dtype=object)


DAY = datetime.date(2020, 1, 31)
# The column, a part of how it is shown, and of what to do
CELLS = {
    "dates": (some(DAY), r"datetime\.date\(2020, 1, 31\)", "days since"),
    "moments": (some(datetime.datetime(2020, 1, 31)), r"datetime\.datetime\(", "days since"),
    "Timestamps": (some(pd.Timestamp("2020")), "Timestamp", "days since"),
    "times": (some(datetime.time(3)), r"datetime\.time\(3", "days since"),
    "differences": (some(datetime.timedelta(3)), r"timedelta\(days=3\)", "days since"),
    "numpy's dates": (some(np.datetime64("2020-01-31")), "2020-01-31", "days since"),
    "numpy's differences": (some(np.timedelta64(3, "D")), "timedelta64", "days since"),
    "periods": (pd.Series(pd.period_range("2020", periods=N)), "Period", "days since"),
    "objects that are periods": (some(pd.Period("2020")), "Period", "days since"),
    "intervals": (pd.Series(pd.interval_range(0, N)), "Interval", "middles"),
    "dicts": (some({"a": 1}), r"\{'a': 1\}", "DictVectorizer"),
    "sets": (some({7}), r"\{7\}", "into numbers"),
    "lists": (some([1, 2]), r"\[1, 2\]", "column of its own"),
    "complex": (some(1 + 2j), r"\(1\+2j\)", "imaginary"),
    "NA": (some(pd.NA), "<NA>", "SimpleImputer"),
    "NaT": (some(pd.NaT), "NaT", "SimpleImputer"),
    "strings with NA": (pd.Series(pd.array(["1", None] * (N // 2), "string")), "<NA>", "Imputer"),
    "question marks": (some("?"), r"'\?'", r"na_values=\['\?'\]"),
    "marks": (some(" n/a ", "-"), "'-'", r"na_values=\[' n/a ', '-'\]"),
    "empty": (some(""), "''", r"na_values=\[''\]"),
    "decimal comma": (some("1,5", "-12,25"), "'-12,25'", "decimal=','"),
    "decimal comma and marks": (some("1,5", "?"), r"'\?'", r"na_values=\['\?'\].*decimal=','"),
    "thousands": (some("1,200", "1,234,567.5"), "'1,234", "thousands=','"),
    "German": (some("1.200,50"), r"'1\.200,50'", r"thousands='\.' and decimal=','"),
    "spaces": (some("1 200"), "'1 200'", "thousands="),
    "per cent": (some("12%", "3.5 %"), "%'", "rstrip"),
    "currency": (some("$5", "$1,200"), r"'\$", "currency"),
    "written dates": (some("2020-01-31", "2020-02-01"), "'2020", r"to_datetime.*days since"),
    "flags": (some("True", "False"), "'False'", "1 and 0"),
    "words": (some("red"), "'red'", "OneHotEncoder"),
    "words, and a number with a comma": (some("red", "1,5"), "'1,5'", "OneHotEncoder"),
    "bytes": (some(b"red"), "b'red'", "OneHotEncoder"),
}


def match(name, shown, advice):
    return rf"(?s)^{name} must hold numbers, but .*{shown}.*{advice}"


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("cls", CLASSES)
def test_a_column_is_named_with_a_value_and_with_what_to_do(cls, kind):
    column, shown, advice = CELLS[kind]
    frame = FRAME.assign(wood=column)
    with pytest.raises((TypeError, ValueError), match=match("X", f"'wood' .*{shown}", advice)):
        new(cls).fit(frame, Y)


@pytest.mark.parametrize("kind", CELLS)
def test_a_column_of_an_array_is_counted(kind):
    column, shown, advice = CELLS[kind]
    array = np.column_stack([X.astype(object), np.fromiter(column, object, N)])
    with pytest.raises((TypeError, ValueError), match=match("X", f"column 3 .*{shown}", advice)):
        new().fit(array, Y)
    with pytest.raises((TypeError, ValueError), match=match("X", f"column 3 .*{shown}", advice)):
        new().fit(np.column_stack([X, X[:, 0]]), Y).predict(array)


@pytest.mark.parametrize("kind", CELLS)
def test_targets_of_a_regressor_are_named(kind):
    column, shown, advice = CELLS[kind]
    advice = advice.replace("OneHotEncoder", "MLPScratchClassifier")
    with pytest.raises((TypeError, ValueError), match=match("y", shown, advice)):
        new(MLPScratchRegressor).fit(X, column)


def test_each_kind_of_column_has_its_advice():
    frame = FRAME.assign(wood=some("red"), price=some("1,5", "2,5"), day=some(DAY))
    message = r"'wood' \(.*'price' \(.*'day' \(.*OneHotEncoder.*decimal=','.*days since"
    with pytest.raises(ValueError, match=message):
        new().fit(frame, Y)


def test_of_many_columns_some_are_named():
    with pytest.raises(ValueError, match=r"column 4 has 'red' and 95 more\. Encode"):
        new().fit(np.full((N, 100), "red"), Y)


@pytest.mark.parametrize("number", [Decimal("1.5"), Fraction(1, 2), "1.5", True, np.float32(2)])
def test_objects_that_are_numbers_will_do(number):
    model = new().fit(FRAME.assign(z=some(number)), Y)
    expected = new().fit(FRAME.assign(z=some(float(number))), Y)
    np.testing.assert_array_equal(model.coefs_[0], expected.coefs_[0])


def test_structs_of_polars():
    with pytest.raises(TypeError, match=r"X must hold numbers, .*'a' \(Struct.*DictVectorizer"):
        new().fit(pl.DataFrame({"a": [{"b": 1}] * N}), Y)


RECORDS = np.zeros(N, dtype=[("a", float), ("b", float)])
NO_TABLES = {
    "file name": ("data.csv", r"must hold the data itself, got 'data\.csv'.*read_csv"),
    "path": (pathlib.Path("data.csv"), r"must hold the data itself, got .*data\.csv.*read_csv"),
    "dict": ({"a": [1.0] * N}, r"got a dict\. Give pandas\.DataFrame"),
    "set": ({1.0, 2.0}, r"got a set\. Give list"),
    "generator": ((row for row in X), r"got a generator\. Give list"),
    "records": (RECORDS, r"fields \['a', 'b'\].*structured_to_unstructured"),
    "frame": (FRAME.set_axis(list("aba"), axis=1), r"several columns .* \['a'\]\. Rename"),
}


@pytest.mark.parametrize("kind", NO_TABLES)
@pytest.mark.parametrize("cls", CLASSES)
def test_what_is_no_table_at_all(cls, kind):
    given, message = NO_TABLES[kind]
    with pytest.raises((TypeError, ValueError), match=f"^X .*{message}"):
        new(cls).fit(given, Y)
    with pytest.raises((TypeError, ValueError), match=f"^y .*{message}"):
        new(cls).fit(X, given)
    with pytest.raises((TypeError, ValueError), match=f"^X .*{message}"):
        new(cls).fit(X, Y).predict(given)


UNEVEN = {
    "lists": [[1.0, 2.0]] * (N - 1) + [[1.0]],
    "arrays": np.fromiter([np.ones(2)] * (N - 1) + [np.ones(1)], object, N),
}


@pytest.mark.parametrize("form", UNEVEN)
def test_rows_of_several_lengths(form):
    message = r"must have rows of the same length, .*row 0 has 2 values and row 59 has 1 value[.]"
    with pytest.raises(ValueError, match=f"^X {message}"):
        new().fit(UNEVEN[form], Y)
    with pytest.raises(ValueError, match=f"^y {message}"):
        new(MLPScratchRegressor).fit(X, UNEVEN[form])


@pytest.mark.parametrize("digits", [400, 5000], ids=["400 digits", "5000 digits"])
def test_whole_numbers_beyond_floats(digits):
    column = some(10**digits)
    message = r"^{} must hold numbers, but {} a whole number of \d+ bits\. Scale"
    with pytest.raises(ValueError, match=message.format("X", "column 1 has")):
        new().fit(np.column_stack([X[:, 0], column]), Y)
    with pytest.raises(ValueError, match=message.format("y", "it has")):
        new(MLPScratchRegressor).fit(X, column.tolist())
    with pytest.raises(ValueError, match=message.format("sample_weight", "it has")):
        new().fit(X, Y, sample_weight=column)


# Labels of a classifier

NAMES = ["ash", "elm"] * (N // 2)
LABELS = {
    "uneven": (UNEVEN["lists"], "one label for each sample.*MultiLabelBinarizer"),
    "lists": (pd.Series([["ash"], ["ash", "elm"]] * (N // 2)), "MultiLabelBinarizer"),
    "sets": ([{"ash"}] * N, r"got \{'ash'\}.*MultiLabelBinarizer"),
    "mixed": (some("ash", 1), r"of one type, got 1 \(int\) and 'ash' \(str\).*astype\(str\)"),
    "mixed in polars": (pl.Series([1, "ash"] * (N // 2), dtype=pl.Object), "of one type"),
    "NaN": (some(np.nan, "ash"), "has missing values, NaN"),
    "NaN in an array": (np.array(some(np.nan, "ash")), "has missing values, NaN"),
    "NaN in a list": (["ash", float("nan")] * (N // 2), "has missing values, NaN"),
    "NaN in a category": (pd.Series(["ash", None] * (N // 2), dtype="category"), "missing"),
    "NA": (some(pd.NA, "ash"), "has missing values, <NA>"),
    "NA in strings": (pd.Series(["ash", None] * (N // 2), dtype="string"), "missing values, <NA>"),
    "NA among numbers": (some(pd.NA, 1), "has missing values, <NA>"),
    "NaT": (np.full(N, np.datetime64("NaT")), "has missing values, NaT"),
    "dates": ([DAY] * N, r"Unknown label type: .*datetime\.date.*astype\(str\)"),
    "periods": (CELLS["periods"][0], r"Unknown label type: .*Period.*astype\(str\)"),
    "intervals": (CELLS["intervals"][0], r"Unknown label type: .*Interval.*astype\(str\)"),
    "dicts": ([{}] * N, "Unknown label type: "),
    "Decimals": ([Decimal(1)] * N, r"Unknown label type: .*Decimal\('1'\).*astype\(int\)"),
    "real": (X[:, 0], "Unknown label type: .*real numbers, for example .*MLPScratchRegressor"),
    "real columns": (X, "Unknown label type: .*real numbers, .*MLPScratchRegressor"),
    "columns of classes": (np.array([["ash", "elm"]] * N), "2 columns.*MultiOutputClassifier"),
    "complex": (Y + 1j, "Complex data not supported"),
    "one number": (3, "a label for each sample, got 3"),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "X_val"])
def test_labels_that_no_classifier_can_learn(method, kind):
    labels, message = LABELS[kind]
    call = {
        "fit": lambda: new().fit(X, labels),
        "partial_fit": lambda: new().partial_fit(X, labels, classes=[0, 1, 2]),
        "X_val": lambda: new().fit(X, Y, X_val=X, y_val=labels),
    }[method]
    with pytest.raises((TypeError, ValueError), match=f"(?s){message}") as error:
        call()
    assert re.search(r"\by\b", str(error.value))
    assert len(str(error.value)) < 300  # not the whole array
    assert "<" not in str(error.value).replace("<NA>", "")


@pytest.mark.parametrize("kind", ["mixed", "real", "NaN", "dates"])
def test_classes_that_no_classifier_can_learn(kind):
    classes, message = LABELS[kind]
    with pytest.raises((TypeError, ValueError), match=f"(?s){message}") as error:
        new().partial_fit(X, Y, classes=classes)
    assert re.search(r"\bclasses (must|has)\b", str(error.value))


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_targets_of_a_regressor_that_are_missing(missing):
    with pytest.raises(ValueError, match=r"^y .*missing values"):
        new(MLPScratchRegressor).fit(X, some(missing))
    with pytest.raises(ValueError, match=r"y (has missing values|contains NaN)|y .*<NA>"):
        new(MLPScratchRegressor).fit(X, [missing] * N)


def test_a_search_says_what_a_network_says():
    for given, labels in [(FRAME.assign(day=some(DAY)), Y), (X, LABELS["mixed"][0])]:
        with pytest.raises(ValueError) as alone:  # noqa: PT011
            new().fit(given, labels)
        search = MLPGridSearchCV(new(), {"l2": [0.0, 1.0]}, cv=2, error_score="raise")
        with pytest.raises(ValueError, match=r"must hold (numbers|labels)") as error:
            search.fit(given, labels)
        assert str(error.value)[:30] == str(alone.value)[:30]


# What is a number, but not finite


NOT_FINITE = {np.nan: "NaN", np.inf: "infinity or a value too large for a float"}


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])
def test_the_column_is_named_that_is_not_finite(library, value):
    def frame(*wrong):
        columns = {name: X[:, 0] for name in "abc"} | {name: [value, *X[1:, 0]] for name in wrong}
        return library.DataFrame(columns)

    message = f"^Input {{}} contains {NOT_FINITE[value]} in {{}}[.] [A-Z]"
    in_c, in_two = "column 'c'", "the columns 'a', 'c'"
    for cls in CLASSES:
        model = new(cls).fit(frame(), Y)
        for call in (model.predict, lambda X, cls=cls: new(cls).fit(X, Y)):
            with pytest.raises(ValueError, match=message.format("X", in_c)):
                call(frame("c"))
    with pytest.raises(ValueError, match=message.format("y", in_two)):
        new(MLPScratchRegressor).fit(X, frame("a", "c"))
    if value == np.inf:
        with_gap = library.DataFrame({"b": [np.nan, *X[1:, 0]], "c": [value, *X[1:, 0]]})
        with pytest.raises(ValueError, match=message.format("y", in_c)):
            new(MLPScratchRegressor, missing_targets="ignore").fit(X, with_gap)


def test_the_column_is_named_that_has_a_gap_among_whole_numbers():
    frame = pd.DataFrame({"a": Y, "b": [None, *Y[1:]]}).astype("Int64")
    for cls in CLASSES:
        with pytest.raises(ValueError, match=r"^Input X contains NaN in column 'b'[.] Fill"):
            new(cls).fit(frame, Y)


def test_columns_may_be_called_by_numbers():
    frame = pd.DataFrame(np.where(Y[:, None] > 1, np.nan, X[:, :2]), columns=[10, 20])
    with pytest.raises(ValueError, match=r"X contains NaN in the columns 10, 20[.] Fill"):
        new().fit(frame, Y)


def test_the_column_of_an_array_is_numbered_that_is_not_finite():
    wide = np.where(np.arange(9) > 1, np.nan, X[:, :1])
    with pytest.raises(ValueError, match=r"NaN in the columns 2, 3, 4, 5, 6 and 2 more[.] Fill"):
        new().fit(wide, Y)
    with pytest.raises(ValueError, match=r"y contains NaN[.] Leave such samples out[.]$"):
        new().fit(X, np.where(Y > 1, np.nan, Y))


def test_a_name_in_place_of_weights():
    with pytest.raises(ValueError, match=r"^sample_weight .* got 'balanced'.* use class_weight"):
        new().fit(X, Y, sample_weight="balanced")
