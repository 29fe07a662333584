"""The same numbers in whatever form they come: the same network, the same predictions."""

import tempfile
import tracemalloc
import warnings
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.ensemble import MLPBaggingClassifier, MLPBaggingRegressor
from sknn_scratch.model_selection import MLPGridSearchCV
from sknn_scratch.tabular import tabular_classifier

rng = np.random.default_rng(0)
# Whole numbers, which every dtype holds exactly, half of them zero
X = rng.integers(-3, 4, (60, 6)) * (rng.random((60, 6)) < 0.5).astype(float)
LABELS = rng.integers(0, 3, 60)
WEIGHT = rng.integers(1, 4, 60).astype(float)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def on_disk(array):
    with tempfile.TemporaryFile() as file:
        file.write(array.tobytes())
        file.flush()
        return np.memmap(file, array.dtype, "r", shape=array.shape)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def read_only_csr(array):
    given = sp.csr_array(array)
    for part in (given.data, given.indices, given.indptr):
        part.flags.writeable = False
    return given


def with_duplicates(array):
    given = sp.coo_array(array)
    place = tuple(np.tile(axis, 2) for axis in given.coords)
    return sp.coo_array((np.tile(given.data / 2, 2), place), shape=given.shape)


def with_unsorted_indices(array):
    given = sp.csr_array(array)
    for start, stop in zip(given.indptr[:-1], given.indptr[1:], strict=True):
        given.indices[start:stop] = given.indices[start:stop][::-1].copy()
        given.data[start:stop] = given.data[start:stop][::-1].copy()
    given.has_sorted_indices = False
    return given


def with_long_indices(array):
    given = sp.csr_array(array)
    given.indices, given.indptr = given.indices.astype(np.int64), given.indptr.astype(np.int64)
    return given


def csr_of(dtype):
    def convert(array):
        given = sp.csr_array(array)
        return sp.csr_array((given.data.astype(dtype), given.indices, given.indptr), given.shape)

    return convert


DTYPES = ["int8", "int64", "uint8", "float16", "longdouble", ">f8", ">f4", ">i4", "object"]
DENSE = {
    "lists": np.ndarray.tolist,
    "tuples": lambda array: tuple(map(tuple, array.tolist())),
    "Fortran": np.asfortranarray,
    "strided": lambda array: np.repeat(np.repeat(array, 2, 0), 3, 1)[::2, ::3],
    "backwards": lambda array: array[::-1].copy()[::-1],
    "read-only": read_only,
    "on disk": on_disk,
    "on disk, Fortran": lambda array: on_disk(array.T.copy()).T,
    "masked nowhere": np.ma.array,
} | {dtype: lambda array, dtype=dtype: array.astype(dtype) for dtype in DTYPES if dtype != "uint8"}
SPARSE = {
    f"{form}_{kind}": getattr(sp, f"{form}_{kind}")
    for form in ("csr", "csc", "coo", "lil", "dok", "dia", "bsr")
    for kind in ("array", "matrix")
} | {
    "read-only": read_only_csr,
    "duplicates": with_duplicates,
    "unsorted": with_unsorted_indices,
    "long indices": with_long_indices,
    **{
        f"csr {dtype}": csr_of(dtype) for dtype in ("int8", "int64", "float16", "longdouble", ">f8")
    },
}
FORMS = {
    **{name: (form, 0) for name, form in DENSE.items()},
    # Sums of products of sparse matrices are in another order
    **{f"sparse: {name}": (form, 1e-12) for name, form in SPARSE.items()},
}


def new(cls=MLPScratchClassifier, **params):
    defaults = {"hidden_layer_sizes": (4,), "max_iter": 3, "batch_size": 25, "random_state": 0}
    return cls(**defaults | params)


def outputs(model, X):
    names = ["predict", "predict_proba", "predict_log_proba"]
    return [getattr(model, name)(X) for name in names if hasattr(model, name)]


def assert_equal(given, expected, tolerance):
    for one, other in zip(given, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
        assert one.dtype == other.dtype


SETTINGS = {
    "one batch after the other": {"shuffle": False},
    "all at once": {"solver": "nag"},
    "lbfgs": {"solver": "lbfgs"},
    "held out": {"early_stopping": True},
}


@cache
def trained(cls, setting=None):
    """Return a network trained on the plain array, and what it predicts."""
    model = new(cls, **SETTINGS.get(setting, {}))
    model.fit(X, LABELS, **{} if setting else {"X_val": X[:20], "y_val": LABELS[:20]})
    return model, outputs(model, X)


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_fit_and_predict(cls, name):
    form, tolerance = FORMS[name]
    expected, predicted = trained(cls)
    given = form(X)
    model = new(cls).fit(given, LABELS, X_val=form(X[:20]), y_val=LABELS[:20])
    assert_equal(model.coefs_, expected.coefs_, tolerance)
    assert_equal(outputs(model, given), predicted, tolerance)
    assert model.score(given, LABELS) == pytest.approx(expected.score(X, LABELS), rel=tolerance)
    for entry in ("loss", "validation_loss", "validation_score"):
        wanted = expected.history_[entry]
        np.testing.assert_allclose(model.history_[entry], wanted, rtol=tolerance)


# What is left of a form after validation: an array or CSR, in memory of whatever kind
DISTINCT = ["on disk", "read-only", "strided"] + [
    f"sparse: {name}" for name in ("csr_array", "csr_matrix", "read-only", "unsorted")
]


@pytest.mark.parametrize("name", DISTINCT)
@pytest.mark.parametrize("setting", SETTINGS)
def test_other_ways_to_train(setting, name):
    form, tolerance = FORMS[name]
    model = new(**SETTINGS[setting]).fit(form(X), LABELS)
    assert_equal(model.coefs_, trained(MLPScratchClassifier, setting)[0].coefs_, tolerance)


# Of float16 scipy takes no rows, which a search needs
@pytest.mark.parametrize("name", [name for name in FORMS if name != "sparse: csr float16"])
def test_search(name):
    form, _ = FORMS[name]
    theirs, ours = (
        search_class(new(), {"l2": [0.0, 1.0]}, cv=2).fit(form(X), LABELS).cv_results_
        for search_class in (GridSearchCV, MLPGridSearchCV)
    )
    np.testing.assert_array_equal(ours["mean_test_score"], theirs["mean_test_score"])


@pytest.mark.parametrize("name", FORMS)
def test_partial_fit(name):
    form, tolerance = FORMS[name]
    given = form(X)
    model = new().partial_fit(given, LABELS, classes=[0, 1, 2]).partial_fit(given, LABELS)
    expected = new().partial_fit(X, LABELS, classes=[0, 1, 2]).partial_fit(X, LABELS)
    assert_equal(model.coefs_, expected.coefs_, tolerance)


BOOLS = {
    "array": lambda array: array,
    "uint8": lambda array: array.astype(np.uint8),
    "objects": lambda array: array.astype(object),
    "lists": np.ndarray.tolist,
    "csr": csr_of(bool),
    "coo": sp.coo_array,
}


@pytest.mark.parametrize("form", BOOLS)
def test_flags_are_zeros_and_ones(form):
    flags = X > 0
    expected = new().fit(flags.astype(float), LABELS)
    model = new().fit(BOOLS[form](flags), LABELS)
    assert_equal(outputs(model, BOOLS[form](flags)), outputs(expected, flags.astype(float)), 1e-12)


@pytest.mark.parametrize("form", [on_disk, np.asfortranarray, sp.csr_array, sp.dok_array])
def test_float32_stays_float32(form):
    single = X.astype(np.float32)
    expected = new().fit(single, LABELS)
    model = new().fit(form(single), LABELS)
    assert model.coefs_[0].dtype == model.predict_proba(form(single)).dtype == np.float32
    # Three epochs, each of sums of 25 terms that are rounded in another order
    assert_equal(outputs(model, form(single)), outputs(expected, single), 1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"shuffle": False}], ids=str)
def test_no_copy_is_made_of_what_is_on_disk(params, dtype):
    mapped = on_disk(np.zeros((20_000, 100), dtype))
    model = new(batch_size=200, max_iter=1, **params)
    tracemalloc.start()
    model.fit(mapped, np.arange(20_000) % 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < mapped.nbytes / 3


VECTORS = {
    "list": np.ndarray.tolist,
    "read-only": read_only,
    "on disk": on_disk,
    "strided": lambda array: np.repeat(array, 2)[::2],
    **{dtype: lambda array, dtype=dtype: array.astype(dtype) for dtype in ("int8", ">f8", "f2")},
}


@pytest.mark.parametrize("form", VECTORS)
@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_targets_and_weights(cls, form):
    form = VECTORS[form]
    validation = {"X_val": X[:20], "y_val": LABELS[:20], "sample_weight_val": WEIGHT[:20]}
    expected = new(cls).fit(X, LABELS, WEIGHT, **validation)
    validation = {"X_val": X[:20]} | {
        name: form(given) for name, given in validation.items() if name != "X_val"
    }
    model = new(cls).fit(X, form(LABELS), form(WEIGHT), **validation)
    assert_equal(model.coefs_, expected.coefs_, 0)
    assert model.history_["validation_loss"] == expected.history_["validation_loss"]
    assert model.history_["validation_score"] == expected.history_["validation_score"]
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))


@pytest.mark.parametrize("form", [sp.csr_array, sp.csc_matrix, sp.coo_array])
@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_sparse_targets(cls, form):
    indicator = np.eye(3, dtype=int)[LABELS]
    model = new(cls).fit(X, form(indicator))
    assert_equal(model.coefs_, new(cls).fit(X, indicator).coefs_, 0)
    assert model.predict(X).shape == indicator.shape


LEARNERS = {
    "fit": lambda y: new().fit(X, y),
    "partial_fit": lambda y: new().partial_fit(X, y, classes=[0, 1, 2]),
    "y_val": lambda y: new().fit(X, LABELS, X_val=X, y_val=y),
    "score": lambda y: new().fit(X, LABELS).score(X, y),
    "ensemble": lambda y: MLPBaggingClassifier(new(), 2).fit(X, y),
    "ensemble of pipelines": lambda y: MLPBaggingClassifier(make_pipeline(new()), 2).fit(X, y),
    "score of an ensemble": lambda y: MLPBaggingClassifier(new(), 1).fit(X, LABELS).score(X, y),
    "recipe": lambda y: tabular_classifier().fit(X, y),
}


@pytest.mark.parametrize("how", LEARNERS)
def test_one_sparse_label_for_each_sample_is_an_error_without_a_warning(how):
    for labels in (sp.csr_matrix(LABELS[:, None]), sp.coo_array(LABELS)):
        with pytest.raises(
            TypeError, match=r"y is sparse, but has one label .*toarray\(\)[.]ravel"
        ):
            LEARNERS[how](labels)


@pytest.mark.parametrize("n_targets", [1, 2])
def test_sparse_targets_are_scored(n_targets):
    y = np.column_stack([LABELS, WEIGHT])[:, :n_targets]
    for model in (new(MLPScratchRegressor), MLPBaggingRegressor(new(MLPScratchRegressor), 2)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DataConversionWarning)
            model.fit(X, sp.csr_array(y))
        assert model.score(X, sp.csr_array(y)) == model.score(X, y)


@pytest.mark.parametrize("name", ["X", "y", "sample_weight", "X_val"])
@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_masked_values_are_refused(cls, name):
    given = {"X": X, "y": LABELS, "sample_weight": WEIGHT, "X_val": X, "y_val": LABELS}
    given[name] = np.ma.array(given[name], mask=given[name] == given[name][7])
    hidden = given[name].mask.sum()
    with pytest.raises(ValueError, match=f"{name[0]}.* has {hidden} masked values, .* Fill them"):
        new(cls).fit(**given)
    if name == "X":
        with pytest.raises(ValueError, match=r"X has .* masked values"):
            new(cls).fit(X, LABELS).predict(given["X"])


def test_dates_are_refused():
    days = np.full(X.shape, np.datetime64("2020-01-01"))
    for X_given, y_given, name in [(days, LABELS, "X"), (X, days[:, 0], "y")]:
        with pytest.raises(ValueError, match=rf"{name} must .* got dates: datetime64\[D\]"):
            new(MLPScratchRegressor).fit(X_given, y_given)
    with pytest.raises(ValueError, match="X must hold numbers, got dates"):
        new().fit(X, LABELS).predict(days)
    # As labels of classes they will do
    assert new().fit(X, days[:, 0] + LABELS).predict(X).dtype == days.dtype


def test_label_that_is_missing():
    names = np.array(["ash", "elm", "fir"], dtype=object)[LABELS]
    names[3] = None
    with pytest.raises(ValueError, match="y has missing values, None"):
        new().fit(X, names)
