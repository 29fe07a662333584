"""What users hand to the recipe beside clean frames: it works, or an error says why not."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV, cross_val_predict

from sknn_scratch.model_selection import MLPGridSearchCV
from sknn_scratch.tabular import (
    PiecewiseLinearEncoder,
    SmoothClip,
    TableTransformer,
    tabular_classifier,
    tabular_regressor,
)

N = 60
draw = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": draw.normal(size=N),
        "code": draw.integers(0, 5, N),
        "colour": draw.choice(["red", "green", "blue"], N),
        "flag": draw.random(N) < 0.5,
    }
)
FRAME.loc[::9, "age"] = np.nan
LABELS = np.where(FRAME.age.fillna(0) + FRAME.flag > 0.5, "yes", "no")
TARGET = (10 * FRAME.age.fillna(0) + FRAME.flag).to_numpy()
NUMBERS, WORDS = FRAME[["age", "code"]], FRAME[["colour", "flag"]]


def classifier(**params):
    return tabular_classifier(**{"n_networks": 1, "max_iter": 2, "random_state": 0} | params)


def regressor(**params):
    return tabular_regressor(**{"n_networks": 1, "max_iter": 2, "random_state": 0} | params)


@pytest.fixture(scope="module")
def fitted():
    return classifier().fit(FRAME, LABELS)


# X

DOUBLE = FRAME.set_axis(["age", "age", "colour", "flag"], axis=1)
NO_TABLES = {
    "equal names": (DOUBLE, r"X has several columns of the same name, \['age'\]\. Rename"),
    "dict": (FRAME.to_dict("list"), r"got a dict\. Give pandas\.DataFrame\(X\)"),
    "one row as a dict": (dict(FRAME.iloc[0]), r"got a dict\. Give pandas\.DataFrame\(X\)"),
    "list of dicts": (FRAME.to_dict("records"), r"got a list of dicts\. Give pandas\.DataFrame"),
    "file name": ("frame.csv", r"must hold the data itself, got 'frame\.csv'\. Read a file"),
    "None": (None, r"X must be a table of rows and columns, got None\."),
    "Series": (FRAME.age, r"got a Series\. For a single column give X\.to_frame\(\)"),
    "row": (FRAME.iloc[0], r"got a Series\. .* as in frame\[:1\]"),
    "vector": (TARGET, r"an array of 1 dimension\. For a single column give X\.reshape"),
    "cube": (np.zeros((N, 2, 2)), r"an array of 3 dimensions\. "),
    "uneven rows": ([[1, 2], [3]] * (N // 2), r"row 0 has 2 values and row 1 has 1 value\."),
    "no rows": (FRAME[:0], r"X must have at least one row, got the shape \(0, 4\)"),
    "no columns": (FRAME[[]], r"X must have at least one column, got the shape \(60, 0\)"),
    "masked": (np.ma.masked_less(NUMBERS.to_numpy(), 1), r"X has \d+ masked values"),
}


@pytest.mark.parametrize("case", NO_TABLES)
def test_what_is_no_table(case, fitted):
    X, message = NO_TABLES[case]
    for call in (lambda: classifier().fit(X, LABELS), lambda: fitted.predict(X)):
        with pytest.raises((TypeError, ValueError), match=message):
            call()


def test_frames_of_polars_that_are_yet_to_be_computed(fitted):
    pl = pytest.importorskip("polars")
    with pytest.raises(TypeError, match=r"got a LazyFrame: call its collect\(\) first"):
        fitted.predict(pl.LazyFrame(FRAME.to_dict("list")))


@pytest.mark.parametrize("transformer", [PiecewiseLinearEncoder(), SmoothClip()])
@pytest.mark.parametrize(
    ("X", "message"),
    [
        (NUMBERS.set_axis(["a", "a"], axis=1), r"several columns of the same name, \['a'\]"),
        ({"a": [1.0, 2.0]}, r"got a dict\. Give pandas\.DataFrame"),
        (np.ma.masked_less(NUMBERS.to_numpy(), 1), "masked values"),
        (pd.DataFrame({"day": pd.date_range("2020", periods=3)}), "X must hold numbers, got dates"),
    ],
)
def test_what_is_no_table_for_a_transformer(transformer, X, message):
    with pytest.raises((TypeError, ValueError), match=message):
        clone(transformer).fit(X)


def test_other_columns_than_in_fit(fitted):
    for frame in (FRAME.drop(columns="age"), FRAME.rename(columns={"age": "AGE"})):
        with pytest.raises(ValueError, match=r"X lacks columns that it had in fit: 'age'\. Add"):
            fitted.predict(frame)
    with pytest.raises(
        ValueError, match=r"X must be a data frame, as in fit, got an array\. .*'age"
    ):
        fitted.predict(FRAME.to_numpy())
    with pytest.raises(ValueError, match="X has 2 features, but TableTransformer is expecting 4"):
        classifier().fit(FRAME.to_numpy(), LABELS).predict(WORDS.to_numpy())


def test_columns_given_by_a_slice():
    table = TableTransformer([("ages", SmoothClip(), slice(0, 1)), ("rest", "drop", slice("age"))])
    frame = FRAME[["age"]]
    assert_array_equal(table.fit_transform(frame), table.transform(frame))


@pytest.mark.parametrize("column", [2, np.int64(2), -2])
def test_a_column_given_by_its_number(column):
    parts = [("words", CountVectorizer(), column), ("age", SmoothClip(), ["age"])]
    table = TableTransformer(parts)
    expected = table.fit_transform(FRAME)
    assert_array_equal(table.transform(FRAME), expected)


def test_columns_that_matter_not(fitted):
    expected = fitted.predict_proba(FRAME)
    assert_array_equal(fitted.predict_proba(FRAME.assign(more=1)), expected)
    constant = classifier().fit(FRAME.assign(always=1), LABELS)
    assert_array_equal(constant.predict_proba(FRAME), expected)
    by_position = classifier().fit(FRAME.to_numpy(), LABELS)
    assert_array_equal(by_position.predict_proba(FRAME), expected)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (pd.Timestamp("2020-01-01"), "2020-01-01T00:00:00"),
        (pd.Timedelta("1D"), "1 days|86400"),
        (pd.NaT, "NaT"),
        (1j, "1j"),
        ("old", "'old'"),
        (np.inf, "infinite numbers"),
    ],
)
def test_what_was_a_number_in_fit(value, shown, fitted):
    for column in ("age", "flag"):
        with pytest.raises(ValueError, match=rf"Column '{column}' of X .*({shown}).*Write NaN"):
            fitted.predict(FRAME.assign(**{column: value}))


@pytest.mark.parametrize(
    "frame",
    [
        WORDS,
        WORDS[["flag"]],
        NUMBERS,
        FRAME.assign(colour=""),
        FRAME.assign(colour=["", None, "b"] * (N // 3)),
        FRAME.assign(colour=FRAME.colour.astype("string")),
        FRAME.assign(code=FRAME.code.astype("Float64").mask(FRAME.code == 1)),
        FRAME.assign(empty=pd.Series([pd.NA] * N, dtype="Int64")),
        FRAME.assign(code=pd.cut(FRAME.code, 3)),
        FRAME.assign(code=pd.arrays.SparseArray(FRAME.code)),
        FRAME.set_axis(range(4), axis=1),
        FRAME.set_axis(pd.MultiIndex.from_product([["a", "b"], [1, 2]]), axis=1),
        FRAME.set_index(7 * np.arange(N)[::-1]),
    ],
)
def test_frames_that_will_do(frame):
    probabilities = classifier().fit(frame, LABELS).predict_proba(frame)
    assert np.isfinite(probabilities).all()
    one = classifier().fit(frame, LABELS).predict_proba(frame[:1])
    assert_allclose(one, probabilities[:1], rtol=1e-6)  # float32, added up in another order


# y

NO_NUMBERS = {
    "words": (["a", "b"] * (N // 2), r"y must hold numbers, but it has 'a'\. .*tabular_classifier"),
    "Series": (pd.Series(LABELS), r"y must hold numbers, but it has 'yes'\. .*tabular_classifier"),
    "categories": (pd.Series(LABELS, dtype="category"), "y must hold numbers, but it has 'yes'"),
    "dates": (pd.Series(pd.date_range("2020", periods=N)), "y must hold numbers, got dates"),
    "NaN": (FRAME.age, r"Input y contains NaN\. Leave such samples out"),
    "None": ([None, *TARGET[1:]], "y has missing values, None among others"),
    "infinite": (np.where(TARGET > 1, np.inf, TARGET), "Input y contains infinity"),
    "complex": (1j * TARGET, "y must hold numbers, but it has .*j. Complex data not supported"),
    "huge": (1e200 * TARGET, r"y goes up to .*e\+201, and a float cannot hold its variance"),
    "few": (TARGET[:5], "X has 60 samples, but y has 5"),
    "a name": ("age", "y must hold the data itself, got 'age'"),
    "cube": (TARGET.reshape(N, 1, 1), r"y must have one or two dimensions, got .*60, 1, 1"),
    "nothing": (None, "requires y to be passed, but the target y is None"),
}


@pytest.mark.parametrize("X", [NUMBERS, WORDS], ids=["numbers", "categories"])
@pytest.mark.parametrize("case", NO_NUMBERS)
def test_what_no_regressor_can_learn(case, X):
    """With columns of numbers the bins see y first, otherwise the regressor does."""
    target, message = NO_NUMBERS[case]
    with pytest.raises((TypeError, ValueError), match=message):
        regressor().fit(X, target)


NO_LABELS = {
    "real": (TARGET, "y must hold classes, but it holds real numbers.*tabular_regressor"),
    "None": (np.array(["a", None] * (N // 2), dtype=object), "y has missing values, None"),
    "NaN": (np.where(FRAME.flag, np.nan, 1), "Input y contains NaN"),
    "several": (np.array(["a", 1] * (N // 2), dtype=object), "y must hold labels of one type"),
    "columns": (np.column_stack([FRAME.flag, FRAME.flag]), "one label for each sample, got 2"),
    "few": (LABELS[:5], "X has 60 samples, but y has 5"),
    "a name": ("flag", "y must hold the data itself, got 'flag'"),
    "nothing": (None, "requires y to be passed, but the target y is None"),
}


@pytest.mark.parametrize("X", [NUMBERS, WORDS], ids=["numbers", "categories"])
@pytest.mark.parametrize("case", NO_LABELS)
def test_what_no_classifier_can_learn(case, X):
    labels, message = NO_LABELS[case]
    with pytest.raises((TypeError, ValueError), match=message):
        classifier().fit(X, labels)


@pytest.mark.parametrize(
    "form", [pd.Series, lambda y: pd.Series(y, dtype="category"), list, lambda y: y.astype(object)]
)
def test_labels_in_other_forms(form, fitted):
    model = classifier().fit(FRAME, form(LABELS))
    assert model.classes_.tolist() == ["no", "yes"]
    assert_array_equal(model.predict_proba(FRAME), fitted.predict_proba(FRAME))


@pytest.mark.parametrize(
    "form", [pd.Series, list, lambda y: y.astype(object), lambda y: pd.Series(y, dtype="Float64")]
)
def test_numbers_to_predict_in_other_forms(form):
    expected = regressor().fit(FRAME, TARGET).predict(FRAME)
    assert_array_equal(regressor().fit(FRAME, form(TARGET)).predict(FRAME), expected)


@pytest.mark.parametrize(("make", "y"), [(classifier, LABELS), (regressor, TARGET)])
def test_a_column_of_targets_is_told_of_once(make, y):
    with pytest.warns(DataConversionWarning, match="column-vector y") as caught:
        model = make().fit(FRAME, pd.DataFrame({"y": y}))
    assert [warning.filename for warning in caught] == [__file__]
    assert_array_equal(model.predict(FRAME).ravel(), make().fit(FRAME, y).predict(FRAME))


def test_a_class_of_one_row_is_told_in_the_words_of_scikit_learn():
    """Its own tests of MLPClassifier ask for them, up to the name of the class."""
    with pytest.raises(ValueError, match="could not set samples aside") as error:
        classifier().fit(FRAME, np.arange(N) == 5)
    assert "least populated classes" in str(error.value)
    assert "too few members are: ['True']" in str(error.value)


# Within scikit-learn


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize(("make", "y"), [(classifier, LABELS), (regressor, TARGET)])
@pytest.mark.parametrize("is_global", [False, True])
def test_frames_between_the_steps_change_nothing(library, make, y, is_global):
    pytest.importorskip(library)
    expected = make().fit(FRAME, y).predict(FRAME)
    with sklearn.config_context(transform_output=library if is_global else "default"):
        model = make() if is_global else make().set_output(transform=library)
        model.fit(FRAME, y)
        assert type(model[:-1].transform(FRAME)).__module__.startswith(library)
        assert_array_equal(model.predict(FRAME), expected)
    ensemble = getattr(model[-1], "regressor_", model[-1])
    assert ensemble.estimators_[0].coefs_[0].dtype == np.float32


EQUAL_NAMES = {
    "two columns": ({"a": ["b_c", "d", "e"], "a_b": ["c", "d", "e"]}, "columns 'a' and 'a_b'"),
    "a column": ({"a": ["infrequent_sklearn", "b", "c"]}, "column 'a'"),  # and "d", which is rare
}


# scikit-learn's, because the steps of the table saw arrays in fit
@pytest.mark.filterwarnings("ignore:X has feature names, but")
@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("case", EQUAL_NAMES)
def test_features_of_one_name_have_no_place_in_a_frame(case, library):
    pytest.importorskip(library)
    columns, named = EQUAL_NAMES[case]
    X = pd.DataFrame({name: [*values * 20, "d"] for name, values in columns.items()})
    table = classifier()[0].fit(X)
    message = f"Two features .* 'categories__a_.*', after categories of {named}. Rename .*default"
    table.set_output(transform=library)
    for call in (table.transform, table.fit):
        with pytest.raises(ValueError, match=message):
            call(X)


def test_searches_and_cross_validation():
    assert cross_val_predict(regressor(), FRAME, TARGET, cv=3).shape == (N,)
    grid = {
        "networks__estimator__dropout": [0.0, 0.1],
        "columns__numbers__encode__bins": ["drop", "passthrough"],
    }
    theirs, ours = (
        search(classifier(), grid, cv=3).fit(FRAME, LABELS)
        for search in (GridSearchCV, MLPGridSearchCV)
    )
    assert_array_equal(*(s.cv_results_["mean_test_score"] for s in (theirs, ours)))
    calibrated = CalibratedClassifierCV(classifier(), method="temperature", cv=3)
    assert calibrated.fit(FRAME, LABELS).predict_proba(FRAME).shape == (N, 2)


def test_weights_of_samples():
    weight = np.where(LABELS == "yes", 1.0, 0.0)
    for model, y in ((classifier(), LABELS), (regressor(), TARGET)):
        inner = "networks__" if y is LABELS else "networks__regressor__"
        model.set_params(**{f"{inner}bootstrap": True})
        model.fit(FRAME, y, networks__sample_weight=weight)
        ensemble = getattr(model[-1], "regressor_", model[-1])
        assert (LABELS[ensemble.estimators_samples_[0]] == "yes").all()
        for wrong in (-weight, weight[:3], ["a"] * N):
            with pytest.raises(ValueError, match=r"^sample_weight "):
                model.fit(FRAME, y, networks__sample_weight=wrong)


def test_what_scikit_learn_asks_of_every_estimator(fitted):
    assert fitted.n_features_in_ == 4
    assert list(fitted.feature_names_in_) == list(FRAME)
    assert len(fitted[:-1].get_feature_names_out()) == fitted[:-1].transform(FRAME).shape[1]
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.predict(FRAME), fitted.predict(FRAME))
    for model in (fitted, *(classifier().fit(frame, LABELS) for frame in (NUMBERS, WORDS))):
        assert "TableTransformer" in model._repr_html_()
    assert not hasattr(clone(fitted).named_steps["columns"], "transformers_")
    with pytest.raises(NotFittedError):
        clone(fitted).predict(FRAME)
