"""A model that is stored and loaded, or copied, is the same model, and no larger than need be."""

import copy
import io
import pickle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.solvers import SOLVERS

ALL_SOLVERS = [*SOLVERS, "lbfgs"]
# Vectors as long as that of the parameters which the optimiser needs to go on
N_STATE_VECTORS = {"gd": 0, "nag": 1, "sgd": 1, "adam": 2, "lbfgs": 0}

X, y = load_digits(return_X_y=True)
X, y = scale(X[:300]), y[:300]
TARGETS = {
    "numbers": y,
    "strings": np.array([f"digit {label}" for label in y]),
    "two classes": y > 4,
    "multilabel": np.stack([y > 4, y % 2 == 0, y % 3 == 0], axis=1).astype(int),
}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def through_file(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


COPIES = {
    "joblib": through_file,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
}


def new(**params):
    return MLPScratchClassifier(
        **{"hidden_layer_sizes": (20,), "max_iter": 4, "random_state": 0} | params
    )


def assert_same_probabilities(model, expected, X=X):
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X), strict=True)


@pytest.fixture(params=ALL_SOLVERS)
def solver(request):
    return request.param


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_same_predictions(solver, how, target, dtype):
    samples = X.astype(dtype)
    model = new(solver=solver).fit(samples, TARGETS[target])
    copied = COPIES[how](model)
    assert_same_probabilities(copied, model, samples)
    np.testing.assert_array_equal(copied.predict(samples), model.predict(samples), strict=True)
    np.testing.assert_equal(copied.history_, model.history_)


def test_copy_shares_no_memory(solver):
    model = new(solver=solver).fit(X, y)
    for how in COPIES.values():
        copied = how(model)
        before = model.predict_proba(X)
        copied.coefs_[0][...] = 0
        copied.history_["loss"].clear()
        np.testing.assert_array_equal(model.predict_proba(X), before)
        assert len(model.history_["loss"]) == model.n_iter_


def test_clone_trains_to_the_same_bits(solver):
    model = new(solver=solver).fit(X, y)
    cloned = clone(model)
    assert not hasattr(cloned, "coefs_")
    assert_same_probabilities(cloned.fit(X, y), model)


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("solver", SOLVERS)
def test_partial_fit_goes_on(solver, how, dtype):
    samples = X.astype(dtype)
    model = new(solver=solver, batch_size=64, learning_rate="adaptive").fit(samples, y)
    copied = COPIES[how](model)
    for _ in range(2):
        model.partial_fit(samples, y)
        copied.partial_fit(samples, y)
    assert_same_probabilities(copied, model, samples)
    assert copied.loss_curve_ == model.loss_curve_


def size_in_file(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    return file.tell()


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("warm_start", [False, True])
def test_size(solver, early_stopping, warm_start):
    model = new(solver=solver, early_stopping=early_stopping, warm_start=warm_start).fit(X, y)
    n_vectors = 1 + N_STATE_VECTORS[solver]
    # Parameters' names, labels, curves of four epochs, and the headers of about ten arrays
    rest = 4_000
    assert size_in_file(model) < n_vectors * 8 * model.n_parameters_ + rest
    assert rest < 8 * model.n_parameters_  # so that a vector too many would show


@pytest.mark.parametrize("early_stopping", [False, True])
def test_size_does_not_depend_on_the_data(solver, early_stopping):
    params = {"solver": solver, "early_stopping": early_stopping}
    sizes = [
        size_in_file(new(batch_size=batch_size, **params).fit(np.tile(X, (k, 1)), np.tile(y, k)))
        for k in (1, 3)
        for batch_size in (10, 200)
    ]
    # The numbers of samples and steps are stored in one to five bytes each
    assert max(sizes) - min(sizes) <= 20


@pytest.mark.parametrize("solver", SOLVERS)
def test_resumable_model_is_larger_by_the_order_of_the_samples(solver):
    sizes = [
        size_in_file(new(solver=solver, warm_start=warm_start).fit(X, y))
        for warm_start in (True, "resume")
    ]
    generator = size_in_file(np.random.RandomState(0))
    # Two classes and an array are named on top of it
    assert sizes[1] - sizes[0] < generator + 8 * len(X) + 1_000
