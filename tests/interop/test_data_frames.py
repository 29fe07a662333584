"""pandas and polars: names are recorded and checked, the numbers are those of the array."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.ensemble import MLPBaggingClassifier
from sknn_scratch.model_selection import MLPGridSearchCV

try:
    import polars as pl
except ImportError:
    pl = None
needs_polars = pytest.mark.skipif(
    pl is None, reason='needs polars: pip install "sknn-scratch[test-all]"'
)


def of_polars(forms):
    """Return what a function without arguments makes with polars; nothing without it."""
    return {} if pl is None else forms()


X, y = load_iris(return_X_y=True)
X = np.round(2 * scale(X))  # exact in each of the dtypes below
NAMES = ["sepal length", "sepal width", "petal length", "petal width"]
LABELS = np.array(["fir", "ash", "elm"])[y]
WEIGHT = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)

PANDAS = pd.DataFrame(X, columns=NAMES)
POLARS = None if pl is None else pl.DataFrame(X, schema=NAMES)
FRAMES = {"pandas": PANDAS} | of_polars(lambda: {"polars": POLARS})
SAME_NUMBERS = FRAMES | {
    "pandas int": PANDAS.astype(int),
    "pandas Int64": PANDAS.astype("Int64"),
    "pandas Float64": PANDAS.astype("Float64"),
    "pandas objects": PANDAS.astype(object),
    "pandas mixed": PANDAS.astype({NAMES[0]: "int8", NAMES[1]: "Float32", NAMES[2]: "float16"}),
    "pandas categories that are numbers": PANDAS.astype({NAMES[0]: "category"}),
    "pandas sparse": pd.DataFrame.sparse.from_spmatrix(sp.csr_array(X), columns=NAMES),
}
SAME_NUMBERS |= of_polars(
    lambda: {
        "polars int": POLARS.cast(pl.Int16),
        "polars mixed": POLARS.with_columns(pl.col(NAMES[0]).cast(pl.Int8)),
        "polars decimal": POLARS.cast(pl.Decimal(10, 2)),
    }
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0} | params)


@pytest.mark.parametrize("name", SAME_NUMBERS)
@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_frames(cls, name):
    frame = SAME_NUMBERS[name]
    expected = new(cls).fit(X, y, X_val=X[:20], y_val=y[:20])
    model = new(cls).fit(frame, y, X_val=frame[:20], y_val=y[:20])
    assert list(model.feature_names_in_) == NAMES
    # Sums of products of sparse matrices are in another order
    np.testing.assert_allclose(model.predict(frame), expected.predict(X), rtol=1e-12)
    np.testing.assert_allclose(model.coefs_[0], expected.coefs_[0], rtol=1e-12, atol=1e-14)
    assert model.score(frame, y) == pytest.approx(expected.score(X, y), rel=1e-12)
    assert model.history_["validation_loss"] == pytest.approx(expected.history_["validation_loss"])
    again = new(cls).partial_fit(
        frame, y, **({"classes": [0, 1, 2]} if hasattr(model, "classes_") else {})
    )
    assert list(again.partial_fit(frame, y).feature_names_in_) == NAMES


VECTORS = {
    "pandas": pd.Series,
    "pandas index": pd.Index,
    "pandas objects": lambda array: pd.Series(array, dtype=object),
    "pandas categories": lambda array: pd.Series(array, dtype="category"),
} | of_polars(lambda: {"polars": pl.Series})


@pytest.mark.parametrize("form", VECTORS)
@pytest.mark.parametrize("name", FRAMES)
def test_search(name, form):
    frame, labels = FRAMES[name], VECTORS[form](LABELS)
    pipeline = make_pipeline(StandardScaler(), new())
    grid = {"mlpscratchclassifier__l2": [0.0, 1.0]}
    theirs, ours = (
        search_class(pipeline, grid, cv=3).fit(frame, labels)
        for search_class in (GridSearchCV, MLPGridSearchCV)
    )
    scores = [search.cv_results_["mean_test_score"] for search in (theirs, ours)]
    np.testing.assert_array_equal(*scores)
    assert list(ours.feature_names_in_) == NAMES
    np.testing.assert_array_equal(ours.predict(frame), theirs.predict(frame))


def test_dtype_of_the_computation():
    assert new().fit(PANDAS.astype(np.float32), y).coefs_[0].dtype == np.float32


@needs_polars
def test_dtype_of_the_computation_on_polars():
    assert new().fit(POLARS.cast(pl.Float32), y).coefs_[0].dtype == np.float64


STRINGS = {"pandas strings": lambda array: pd.Series(array, dtype="string")} | of_polars(
    lambda: {
        "polars categories": lambda array: pl.Series(array).cast(pl.Categorical),
        "polars enum": lambda array: pl.Series(array).cast(pl.Enum(["ash", "elm", "fir"])),
    }
)


@pytest.mark.parametrize("form", VECTORS | STRINGS)
def test_labels(form):
    convert = (VECTORS | STRINGS)[form]
    model = new().fit(PANDAS, convert(LABELS), X_val=PANDAS[:20], y_val=convert(LABELS[:20]))
    assert list(model.classes_) == ["ash", "elm", "fir"]
    assert model.score(PANDAS, convert(LABELS)) == model.score(PANDAS, LABELS)
    np.testing.assert_array_equal(model.predict(PANDAS), new().fit(PANDAS, LABELS).predict(PANDAS))
    again = new().partial_fit(PANDAS, convert(LABELS), classes=["ash", "elm", "fir"])
    assert again.t_ == 150


@pytest.mark.parametrize("form", VECTORS | {"pandas Int64": lambda a: pd.Series(a, dtype="Int64")})
def test_numbers_and_weights(form):
    convert = (VECTORS | {"pandas Int64": lambda a: pd.Series(a, dtype="Int64")})[form]
    expected = new(MLPScratchRegressor).fit(X, y, WEIGHT)
    weight = WEIGHT if "index" in form or "categories" in form else convert(WEIGHT)
    model = new(MLPScratchRegressor).fit(X, convert(y), weight)
    np.testing.assert_array_equal(model.coefs_[0], expected.coefs_[0])
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


@pytest.mark.parametrize("name", FRAMES)
def test_several_outputs_and_labels(name):
    frame = type(FRAMES[name])
    targets = frame({"a": X[:, 0], "b": X[:, 1]})
    model = new(MLPScratchRegressor).fit(X, targets)
    np.testing.assert_array_equal(
        model.predict(X), new(MLPScratchRegressor).fit(X, X[:, :2]).predict(X)
    )
    labels = frame({"a": (y > 0).astype(int), "b": (y > 1).astype(int)})
    assert new().fit(X, labels).predict_proba(X).shape == (150, 2)


OTHER_NAMES = {
    "another order": (NAMES[::-1], "must be in the same order"),
    "one missing": (NAMES[:3], "now missing:\n- petal width"),
    "one unseen": ([*NAMES, "x"], "unseen at fit time:\n- x"),
}


@pytest.mark.parametrize("wrong", OTHER_NAMES)
@pytest.mark.parametrize("name", FRAMES)
def test_other_names_are_refused(name, wrong):
    frame = FRAMES[name]
    names, message = OTHER_NAMES[wrong]
    given = pd.DataFrame({name: X[:, 0] for name in names})
    given = given if name == "pandas" else pl.DataFrame(dict(given))
    model = new().fit(frame, y)
    for method in (
        lambda: model.predict(given),
        lambda: model.predict_proba(given),
        lambda: model.score(given, y),
        lambda: model.partial_fit(given, y),
        lambda: new().fit(frame, y, X_val=given, y_val=y),
    ):
        with pytest.raises(
            ValueError, match=f"(?s)X is not valid: .*feature names should match .*{message}"
        ):
            method()


@needs_polars
def test_names_from_one_library_are_those_of_the_other():
    np.testing.assert_array_equal(
        new().fit(PANDAS, y).predict(POLARS), new().fit(POLARS, y).predict(PANDAS)
    )


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_array_in_place_of_a_frame(frame):
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        new().fit(frame, y).predict(X)
    with pytest.warns(UserWarning, match="X has feature names, but"):
        new().fit(X, y).predict(frame)


NO_ROWS = {
    "a row": (PANDAS.iloc[0], "Expected a 2-dimensional container"),
    "a list": ([1.0, 2.0], "Expected 2D array, got 1D array"),
    "a dict": ([{"a": 1}], "Spread dicts over columns"),
    "nothing": (None, "X must be a table of rows and columns, got None"),
}


@pytest.mark.parametrize("case", NO_ROWS)
def test_what_is_no_table_is_an_error_without_a_warning(case):
    """That X has no names, as in fit, would be no help."""
    given, message = NO_ROWS[case]
    model = new().fit(PANDAS, y)
    for predict in (model.predict, MLPBaggingClassifier(new(), 1).fit(PANDAS, y).predict):
        with pytest.raises((TypeError, ValueError), match=message):
            predict(given)


STRINGS_IN_X = {
    "pandas strings": PANDAS.assign(wood="ash", leaf="green"),
    "pandas categories": PANDAS.assign(wood=pd.Categorical(LABELS), leaf=pd.Categorical(LABELS)),
    "pandas objects": PANDAS.assign(wood=["ash", 1] * 75, leaf="green"),
} | of_polars(
    lambda: {
        "polars strings": POLARS.with_columns(wood=pl.lit("ash"), leaf=pl.lit("green")),
        "polars categories": POLARS.with_columns(
            wood=pl.Series(LABELS).cast(pl.Categorical),
            leaf=pl.Series(LABELS).cast(pl.Enum(["ash", "elm", "fir"])),
        ),
    }
)


@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
@pytest.mark.parametrize("form", STRINGS_IN_X)
def test_columns_of_strings_are_named(form, cls):
    message = r"must hold numbers, but these columns do not: 'wood' \(.*\), 'leaf' .*Encode"
    with pytest.raises(ValueError, match=message):
        new(cls).fit(STRINGS_IN_X[form], y)


DATES = {
    "pandas": PANDAS.assign(day=pd.Timestamp("2020-01-01")),
    "pandas differences": PANDAS.assign(day=pd.Timedelta("1D")),
    "pandas with a zone": PANDAS.assign(day=pd.Timestamp("2020-01-01", tz="UTC")),
    "pandas, dates alone": pd.DataFrame({"day": pd.date_range("2020-01-01", periods=150)}),
} | of_polars(
    lambda: {
        "polars": POLARS.with_columns(day=pl.date(2020, 1, 1)),
        "polars, time": POLARS.with_columns(day=pl.datetime(2020, 1, 1)),
    }
)


@pytest.mark.parametrize("form", DATES)
def test_columns_of_dates_are_named(form):
    with pytest.raises(ValueError, match=r"X must hold numbers, got dates: 'day' \("):
        new().fit(DATES[form], y)


@pytest.mark.parametrize("form", ["pandas", *of_polars(lambda: {"polars": None})])
def test_dates_as_targets(form):
    dates = VECTORS[form](pd.date_range("2020-01-01", periods=150))
    with pytest.raises(ValueError, match="y must hold numbers, got dates"):
        new(MLPScratchRegressor).fit(X, dates)


WRONG = {
    "None": (PANDAS.assign(x=[1.0, None] * 75), "X contains NaN"),
    "NA": (PANDAS.assign(x=pd.array([1, None] * 75, dtype="Int64")), "X contains NaN"),
    "Series": (PANDAS[NAMES[0]], "2-dimensional container"),
} | of_polars(
    lambda: {
        "null": (POLARS.with_columns(x=pl.lit(None)), "X contains NaN"),
        "lists": (POLARS.with_columns(x=pl.lit([1, 2])), r"columns do not: 'x' \(List\(Int"),
        "polars Series": (POLARS[NAMES[0]], "2D array, got 1D array"),
    }
)


@pytest.mark.parametrize("form", WRONG)
def test_what_else_is_wrong_with_frames(form):
    wrong, message = WRONG[form]
    with pytest.raises(ValueError, match=message):
        new().fit(wrong, y)


@needs_polars
def test_lazy_frame():
    with pytest.raises(TypeError, match=r"X must be in memory, got a LazyFrame.* collect\(\)"):
        new().fit(POLARS.lazy(), y)
    assert new().fit(POLARS.lazy().collect(), y).n_features_in_ == 4


def test_a_column_may_be_called_as_the_method_of_a_lazy_frame():
    assert new().fit(PANDAS.rename(columns={NAMES[0]: "collect"}), y).n_features_in_ == 4


MISSING = {"list": [None, "ash", "elm"] * 50} | of_polars(
    lambda: {"polars": pl.Series(["ash", None, "elm"] * 50)}
)


@pytest.mark.parametrize("missing", MISSING.values(), ids=MISSING)
def test_missing_labels(missing):
    with pytest.raises(ValueError, match="y has missing values, None"):
        new().fit(X, missing)
