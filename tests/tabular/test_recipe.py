"""The recipe for tables: what a frame may hold, to which part each column goes, what is refused."""

import datetime
import pickle
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

from sknn_scratch.model_files import load, save, to_onnx
from sknn_scratch.tabular import ColumnsOfKind, tabular_classifier, tabular_regressor

try:
    import polars as pl
except ImportError:
    pl = None
needs_polars = pytest.mark.skipif(
    pl is None, reason='needs polars: pip install "sknn-scratch[test-all]"'
)

N = 90
draw = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "age": draw.normal(size=N),
        "code": draw.integers(0, 5, N),
        "colour": draw.choice(["red", "green", "blue"], N),
        "sex": draw.choice(["female", "male"], N),
        "flag": draw.random(N) < 0.5,
        "constant": 1.5,
        "empty": np.nan,
        "single": "here",
    }
)
FRAME.loc[::9, "age"] = np.nan
FRAME.loc[::8, "colour"] = None
y = (FRAME.age.fillna(0) + FRAME.flag > 0.5).to_numpy().astype(int)
WITH_GAPS = FRAME.assign(
    code=FRAME.code.astype("Int64").mask(FRAME.code == 3),
    flag=FRAME.flag.astype("boolean").mask(FRAME.code == 4),
)


def classifier(**params):
    return tabular_classifier(**{"n_networks": 1, "max_iter": 2, "random_state": 0} | params)


def regressor(**params):
    return tabular_regressor(**{"n_networks": 1, "max_iter": 2, "random_state": 0} | params)


def encoded(X, labels=y):
    """Return what the networks are given for X, with the names of its columns."""
    encode = classifier()[:-1].fit(X, labels)
    return pd.DataFrame(encode.transform(X), columns=encode.get_feature_names_out())


def in_polars():
    """Return FRAME as a frame of polars."""
    columns = FRAME.astype(object).where(FRAME.notna(), None)
    return pl.DataFrame({name: columns[name].tolist() for name in FRAME})


# Which part each column goes to


def test_each_column_goes_to_the_part_for_what_it_holds():
    kinds = ["numbers", "two_numbers", "numbers_with_gaps", "categories", "two_categories"]
    assert [ColumnsOfKind(kind)(FRAME) for kind in kinds] == [
        ["age", "code"],
        ["flag"],
        ["age"],
        ["colour"],
        ["sex"],
    ]
    assert ColumnsOfKind("numbers_with_gaps")(WITH_GAPS) == ["age", "code", "flag"]


def test_what_the_networks_are_given():
    table = encoded(FRAME)
    assert [name for name in table if "_bin_" not in name] == [
        "numbers__smooth__age",
        "numbers__smooth__code",
        "two_numbers__flag",
        "gaps__missingindicator_age",
        "categories__colour_blue",
        "categories__colour_green",
        "categories__colour_red",
        "categories__colour_None",
        "two_categories__sex",
    ]
    assert set(table.dtypes) == {np.dtype(np.float32)}
    missing = FRAME.age.isna()
    assert_array_equal(table["gaps__missingindicator_age"], missing)
    of_age = table.filter(like="age_bin_").join(table["numbers__smooth__age"])
    assert not of_age[missing].to_numpy().any()
    assert_allclose(of_age.filter(like="bin").mean(), 0, atol=1e-6)  # float32
    assert_array_equal(table["two_numbers__flag"], np.where(FRAME.flag, 1, -1))
    assert_array_equal(table["two_categories__sex"], np.where(FRAME.sex == "male", 1, -1))
    assert_array_equal(table["categories__colour_None"], FRAME.colour.isna())


def test_rare_categories_are_one():
    colours = np.repeat(["red", "blue", "pink", "grey"], [50, 30, 6, 4])
    table = encoded(FRAME.assign(colour=colours))
    names = [name.removeprefix("categories__colour_") for name in table.filter(like="colour")]
    assert names == ["blue", "red", "infrequent_sklearn"]
    assert_array_equal(table["categories__colour_infrequent_sklearn"], np.arange(N) >= 80)


SAME = {
    "objects": FRAME.astype(object),
    "array": FRAME.to_numpy(),
    "list": FRAME.to_numpy().tolist(),
    "dtypes of pandas": FRAME.convert_dtypes(),
    "category": FRAME.astype({"colour": "category", "sex": "category"}),
    "decimals": FRAME.assign(code=[Decimal(int(code)) for code in FRAME.code]),
    "names that are numbers": FRAME.set_axis(range(5, 5 + len(FRAME.columns)), axis=1),
}
if pl is not None:
    SAME |= {
        "polars": in_polars(),
        "categories of polars": in_polars().with_columns(
            pl.col("sex").cast(pl.Categorical),
            pl.col("colour").cast(pl.Enum(["blue", "green", "red"])),
            pl.lit(None).alias("empty"),
        ),
    }


@pytest.mark.parametrize("form", SAME)
def test_the_same_table_in_other_forms(form):
    expected = classifier().fit(FRAME, y).predict_proba(FRAME)
    model = classifier().fit(SAME[form], y)
    assert_array_equal(model.predict_proba(SAME[form]), expected)


def test_gaps_in_whole_numbers_and_in_true_and_false():
    table = encoded(WITH_GAPS)
    assert_array_equal(table["two_numbers__flag"][FRAME.code == 4], 0)
    assert_array_equal(table["gaps__missingindicator_flag"], FRAME.code == 4)
    with_nan = WITH_GAPS.astype({"code": float, "flag": object})
    pd.testing.assert_frame_equal(encoded(with_nan), table)


def test_columns_of_mixed_types_are_categories():
    mixed = FRAME.assign(code=[1, "a", 2.5, None, True] * (N // 5))
    names = [name for name in encoded(mixed) if "code" in name]
    assert names == [f"categories__code_{value}" for value in ("1", "2.5", "True", "a", "None")]


def test_whole_numbers_that_are_categories_keep_their_names():
    """pandas makes floats of them where one is missing."""
    codes = FRAME.assign(code=FRAME.code.astype("category"))
    model = classifier().fit(codes, y)
    gap = pd.DataFrame({**codes[:2], "code": pd.Series([codes.code[0], None]).astype("category")})
    first = model.predict_proba(codes[:1])
    assert_array_equal(model.predict_proba(gap)[:1], first)


# What comes at prediction


@pytest.fixture(scope="module")
def fitted():
    return classifier(max_iter=10).fit(FRAME, y)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("colour", "violet"),
        ("sex", "unknown"),
        ("sex", None),
        ("code", None),
        ("flag", None),
        ("flag", 7),
        ("age", 1e300),
        ("empty", 1.0),
        ("constant", "other"),
        ("single", None),
    ],
)
def test_what_fit_has_not_seen(fitted, column, value):
    new = FRAME.assign(**{column: pd.Series([value] * N, dtype=object)})
    probabilities = fitted.predict_proba(new)
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    if column in ("empty", "constant", "single"):
        assert_array_equal(probabilities, fitted.predict_proba(FRAME))


def test_a_number_beyond_those_of_fit_is_as_the_last(fitted):
    highest, beyond = FRAME.assign(age=FRAME.age.max()), FRAME.assign(age=1e9)
    given = [fitted[:-1].transform(X) for X in (highest, beyond)]
    bins = ["bin" in name for name in fitted[:-1].get_feature_names_out()]
    assert_array_equal(*(X[:, bins] for X in given))
    assert np.abs(given[1]).max() <= 3


def test_columns_are_found_by_their_names(fitted):
    shuffled = FRAME[FRAME.columns[::-1]]
    assert_array_equal(fitted.predict_proba(shuffled), fitted.predict_proba(FRAME))


# What is refused, in words

DATE = datetime.datetime(2020, 1, 1)


@pytest.mark.parametrize(
    "dates",
    [
        pd.Series([pd.Timestamp(DATE)] * N),
        pd.Series([pd.Timestamp(DATE, tz="UTC")] * N),
        pd.Series([pd.Period("2020-01")] * N),
        pd.Series([pd.Timedelta(1)] * N),
        pd.Series([DATE.date(), None] * (N // 2), dtype=object),
        pd.Series([DATE.time()] * N),
    ],
)
def test_dates_are_refused_with_advice(dates):
    with pytest.raises(ValueError, match=r"Column 'when' of X holds dates or times\. Turn them"):
        classifier().fit(FRAME.assign(when=dates), y)


@needs_polars
def test_dates_of_polars_are_refused():
    with pytest.raises(ValueError, match="Column 'when' of X holds dates or times"):
        classifier().fit(in_polars().with_columns(pl.date(2020, 1, 1).alias("when")), y)


REFUSED = {
    "infinite": (FRAME.assign(age=np.inf), "Column 'age' of X holds infinite numbers"),
    "huge": (FRAME.assign(code=[10**400] + [1] * (N - 1)), "got a whole number of 1329 bits"),
    "lists": (FRAME.assign(age=[[1, 2]] * N), "Column 'age' of X holds lists"),
    "complex": (FRAME.assign(age=1j), "Column 'age' of X holds complex numbers"),
    "objects": (FRAME.assign(age=[object()] * N), "holds objects that are neither"),
    "dicts": (FRAME.assign(age=[{"a": 1}] * N), "Column 'age' of X holds dicts"),
    "equal names": (
        FRAME.set_axis(["age", *"abcdef", "age"], axis=1),
        "several columns of the same name",
    ),
    "nothing": (FRAME[["constant", "empty", "single"]], "X has no column to learn from"),
    "a vector": (FRAME.age.to_numpy(), "an array of 1 dimension"),
    "no rows": (FRAME[:0], "X must have at least one row"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_of_numbers_and_categories(case):
    X, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, y[: len(X)])


def test_sparse_matrices_are_refused():
    with pytest.raises(TypeError, match=r"X is a sparse matrix.*X\.toarray\(\)"):
        classifier().fit(sp.csr_array(np.eye(N)), y)


@pytest.mark.parametrize("value", ["old", datetime.date(2020, 1, 1)])
def test_what_was_a_number_in_fit(fitted, value):
    with pytest.raises(ValueError, match=r"Column 'age' of X must hold numbers.*NaN"):
        fitted.predict(FRAME.assign(age=[value] * N))


@pytest.mark.parametrize("n_values", [2, 3])
def test_numbers_whose_difference_is_no_float(n_values):
    wild = np.linspace(-1, 1, n_values)[np.arange(N) % n_values] * 1e308
    with pytest.raises(ValueError, match=r"Column 'wild' of X goes from -1e\+308 to 1e\+308"):
        classifier().fit(FRAME.assign(wild=wild), y)


@pytest.mark.parametrize("make", [tabular_classifier, tabular_regressor])
@pytest.mark.parametrize(
    "params", [{"n_networks": 0}, {"max_iter": 1.5}, {"engine": "torch"}, {"n_jobs": "all"}]
)
def test_parameters_are_checked_under_their_own_names(make, params):
    (name,) = params
    with pytest.raises(ValueError, match=f"The '{name}' parameter of {make.__name__} must be"):
        make(**params)


@pytest.mark.parametrize("make", [tabular_classifier, tabular_regressor])
def test_arguments_that_are_none_are_refused_by_python(make):
    words = rf"^{make.__name__}\(\) got an unexpected .* 'epochs'"
    with pytest.raises(TypeError, match=words) as error:
        make(epochs=3)
    assert error.value.__context__ is None  # one error, one traceback
    with pytest.raises(TypeError, match=rf"^{make.__name__}\(\) takes 0 positional arguments"):
        make(8)


# Few rows, few of a class


@pytest.mark.parametrize("labels", [np.r_[[1] * 3, [0] * (N - 3)], np.r_[7, 8, 9, y[3:]]])
def test_rare_classes(labels):
    probabilities = classifier().fit(FRAME, labels).predict_proba(FRAME)
    assert probabilities.shape == (N, len(np.unique(labels)))
    assert np.isfinite(probabilities).all()


def test_one_class():
    with pytest.warns(RuntimeWarning, match="y holds one class only"):
        model = classifier().fit(FRAME, ["yes"] * N)
    assert set(model.predict(FRAME)) == {"yes"}


def test_a_single_row_of_one_of_two_classes():
    with pytest.raises(ValueError, match=r"could not set samples aside.*early_stopping=False"):
        classifier().fit(FRAME, np.arange(N) == 5)


def test_twenty_rows():
    X, labels = load_iris(return_X_y=True, as_frame=True)
    model = classifier()
    with pytest.warns(UserWarning, match="more than the 17 training samples"):
        model.fit(X[::8], labels[::8])
    assert np.isfinite(model.predict_proba(X)).all()


# What comes out


def test_it_learns():
    X, labels = load_iris(return_X_y=True, as_frame=True)
    model = classifier(n_networks=2, max_iter=30).fit(X[::2], labels[::2])
    assert model.score(X[1::2], labels[1::2]) > 0.92


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_a_regressor_learns_targets_of_any_scale(scale):
    X, target = load_diabetes(return_X_y=True, as_frame=True)
    model = regressor(max_iter=10).fit(X[:300], scale * target[:300])
    assert model.score(X[300:], scale * target[300:]) > 0.4


@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_losses_for_amounts_keep_the_sign_of_targets(loss):
    amounts = np.exp(3 + y - FRAME.age.fillna(0) / 50)
    model = regressor().set_params(networks__regressor__estimator__loss=loss)
    unscaled = clone(model).set_params(networks__transformer=None)
    expected = unscaled.fit(FRAME, amounts / amounts.std(ddof=0)).predict(FRAME)
    predicted = model.fit(FRAME, amounts).predict(FRAME)
    assert_allclose(predicted, amounts.std(ddof=0) * expected, rtol=1e-5)
    assert model.get_params()["networks__transformer"].with_mean
    message = f"loss='{loss}' needs y >=? 0, but y has values down to -{amounts.max()}"
    with pytest.raises(ValueError, match=message):
        model.fit(FRAME, -amounts)


def test_several_targets():
    predicted = regressor().fit(FRAME, np.column_stack([y, -1000.0 * y])).predict(FRAME)
    assert predicted.shape == (N, 2)
    assert np.ptp(predicted[:, 1]) > 100 * np.ptp(predicted[:, 0])


def test_counts_are_no_classes_to_the_bins_of_a_regressor():
    counts = np.arange(N) % 40
    fitted = regressor().fit(FRAME, counts)
    bins = fitted.named_steps["columns"].named_transformers_["numbers"]["encode"]["bins"]["bins"]
    assert bins.target_type == "regression"


def test_networks_hold_out_rows_of_their_own_and_keep_their_best_epoch():
    model = classifier(n_networks=2, max_iter=4).fit(FRAME, y)
    first, second = model.named_steps["networks"].estimators_
    assert first.early_stopping_on == "loss"
    assert first.history_["validation_loss"] != second.history_["validation_loss"]


def test_every_part_can_be_changed_by_its_name():
    model = classifier().set_params(
        columns__numbers__encode__bins="drop",
        columns__numbers__encode__smooth=StandardScaler(),
        columns__categories__one_hot__min_frequency=2,
        networks__estimator__dropout=0.0,
        networks__estimator__hidden_layer_sizes=(16,),
    )
    model.fit(FRAME, y)
    assert not any("bin" in name for name in model[:-1].get_feature_names_out())
    (network,) = model.named_steps["networks"].estimators_
    assert network.coefs_[0].shape == (9, 16)
    regressor().set_params(networks__regressor__estimator__dropout=0.0).fit(FRAME, y)


def test_in_a_cross_validation():
    assert cross_val_score(clone(classifier()), FRAME, y, cv=2).shape == (2,)


def test_the_engine_is_that_of_all_networks():
    assert classifier(engine="numba").get_params()["networks__estimator__engine"] == "numba"
    regression = regressor(engine="numba").get_params()
    assert regression["networks__regressor__estimator__engine"] == "numba"


def test_files(fitted, tmp_path):
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(again.predict_proba(FRAME), fitted.predict_proba(FRAME))
    pytest.importorskip("skops")
    for name in ("model.joblib", "model.skops"):
        save(fitted, tmp_path / name)
        loaded = load(tmp_path / name)
        assert_array_equal(loaded.predict_proba(FRAME), fitted.predict_proba(FRAME))


def test_to_onnx():
    for package in ("skl2onnx", "onnxruntime"):
        pytest.importorskip(package)
    numbers = FRAME[["age", "code", "colour", "sex"]].dropna()
    labels = y[numbers.index]
    for model, target in ((classifier(), labels), (regressor(), 100.0 * labels)):
        # Both would raise an error if it predicted something else: test_onnx_tables.py
        graph = to_onnx(model.fit(numbers, target), numbers).graph
        assert [entry.name for entry in graph.input] == list(numbers)
