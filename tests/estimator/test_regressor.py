"""What the regressor has of its own; what it shares is tested on the classifier."""

import copy
import pickle

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import PoissonRegressor, Ridge
from sklearn.metrics import mean_poisson_deviance, mean_squared_error, r2_score
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchRegressor
from sknn_scratch.engine.solvers import SOLVERS

X, y = load_diabetes(return_X_y=True)
X, y = scale(X)[:200], scale(y)[:200]
SEVERAL = np.column_stack([y, y**2, -y])
COUNTS = np.floor(np.exp(y))

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(solver="adam", **params):
    defaults = {"hidden_layer_sizes": (6,), "max_iter": 10, "batch_size": 64, "random_state": 0}
    return MLPScratchRegressor(solver=solver, **defaults | params)


def assert_same_weights(a, b):
    for u, v in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_array_equal(u, v)


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
@pytest.mark.parametrize(("target", "shape"), [(y, (200,)), (y[:, None], (200,)), (SEVERAL, None)])
@pytest.mark.filterwarnings("ignore:A column-vector y:sklearn.exceptions.DataConversionWarning")
def test_shape_and_dtype_of_predictions(solver, target, shape):
    for dtype in (np.float32, np.float64):
        predicted = new(solver).fit(X.astype(dtype), target).predict(X.astype(dtype))
        assert predicted.shape == (shape or target.shape)
        assert predicted.dtype == dtype


@pytest.mark.parametrize("alpha", [0.0, 0.3])
def test_without_hidden_layer_it_is_ridge_regression(alpha):
    model = new("lbfgs", hidden_layer_sizes=(), l2=alpha, alpha=0.0, max_iter=500, tol=1e-9)
    # 1/(2 n) |Xw - y|^2 + l2 |w|^2  is Ridge's with 2 n l2
    exact = Ridge(alpha=2 * len(y) * alpha).fit(X, y)
    # scipy stops at a relative decrease of 2e-9, about sqrt(2e-9) from the optimum
    np.testing.assert_allclose(model.fit(X, y).predict(X), exact.predict(X), atol=1e-3)


def test_without_hidden_layer_poisson_is_poisson_regression():
    model = new("lbfgs", loss="poisson", hidden_layer_sizes=(), l2=0.05, alpha=0.0, max_iter=500)
    exact = PoissonRegressor(alpha=0.1, tol=1e-9, max_iter=1000).fit(X, COUNTS)
    model.set_params(tol=1e-9).fit(X, COUNTS)
    np.testing.assert_allclose(model.predict(X), exact.predict(X), rtol=1e-3)


def test_last_loss_is_half_the_error():
    for loss, target, metric in [
        ("squared_error", y, mean_squared_error),
        ("squared_error", SEVERAL, mean_squared_error),
        ("poisson", COUNTS, mean_poisson_deviance),
    ]:
        model = new("lbfgs", loss=loss, alpha=0.0).fit(X, target)
        assert model.loss_ == pytest.approx(metric(target, model.predict(X)) / 2, rel=1e-9)


@pytest.mark.parametrize(("loss", "target"), [("squared_error", SEVERAL), ("poisson", COUNTS)])
@pytest.mark.parametrize("weight", [None, np.linspace(0, 3, 200)], ids=["unweighted", "weighted"])
def test_r2_in_the_history_is_that_before_the_step(loss, target, weight):
    model = new("sgd", loss=loss, batch_size=200).fit(X, target, weight)
    before = clone(model).set_params(max_iter=9).fit(X, target, weight)
    score = r2_score(target, before.predict(X), sample_weight=weight)
    assert model.history_["r2"][9] == pytest.approx(score, rel=1e-10)


def test_r2_of_a_constant_target_is_finite():
    assert np.isfinite(new().fit(X, np.ones(200)).history_["r2"]).all()


def test_score_and_loss_on_a_validation_set():
    weight = np.linspace(0.5, 2, 50)
    model = new().fit(
        X[:150], SEVERAL[:150], X_val=X[150:], y_val=SEVERAL[150:], sample_weight_val=weight
    )
    predicted = model.predict(X[150:])
    score = r2_score(SEVERAL[150:], predicted, sample_weight=weight)
    error = mean_squared_error(SEVERAL[150:], predicted, sample_weight=weight) / 2
    assert model.history_["validation_score"][-1] == pytest.approx(score, rel=1e-12)
    assert model.history_["validation_loss"][-1] == pytest.approx(error, rel=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("target", [y, SEVERAL, COUNTS])
def test_training_in_parts(solver, target):
    loss = "poisson" if target is COUNTS else "squared_error"
    whole = new(solver, loss=loss, tol=0.0).fit(X, target)
    parts = clone(whole).set_params(warm_start="resume", max_iter=5).fit(X, target)
    assert_same_weights(pickle.loads(pickle.dumps(parts)).fit(X, target), whole)
    unshuffled = clone(whole).set_params(shuffle=False, max_iter=2)
    twice = clone(unshuffled).partial_fit(X, target).partial_fit(X, target)
    assert_same_weights(twice, unshuffled.fit(X, target))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_is_dense(solver):
    zeros = np.where(np.abs(X) > 1, X, 0)
    sparse, dense = (new(solver).fit(data, y) for data in (csr_array(zeros), zeros))
    # the same sums in another order, over at most 40 steps
    np.testing.assert_allclose(sparse.predict(zeros), dense.predict(zeros), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("params", "target", "message"),
    [
        ({"loss": "huber"}, y, "'loss' parameter.*'huber'"),
        ({"loss": 5}, y, "'loss' parameter.*5"),
        ({"loss": "poisson"}, y, "loss='poisson' needs y >= 0, but y has values down to -"),
        ({}, np.where(y > 1, np.nan, y), "y contains NaN"),
        ({}, np.where(y > 1, np.inf, y), "y contains infinity"),
        ({}, np.full(200, "tall"), "y must hold numbers, but .*tall"),
        ({}, y[:50], "inconsistent numbers of samples"),
        ({"solver": "sgd", "learning_rate_init": 1e6}, y, "lower learning_rate_init"),
    ],
)
def test_errors_leave_the_model_that_was_there(params, target, message):
    model = new().fit(X, y)
    before = copy.deepcopy(model)
    with pytest.raises(ValueError, match=message):
        model.set_params(**params).fit(X, target)
    assert_same_weights(model, before)
    assert model.history_ == before.history_
