"""What the regressor has of its own; what it shares is tested on the classifier."""

import copy
import pickle

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.linear_model import (
    GammaRegressor,
    HuberRegressor,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.metrics import (
    mean_gamma_deviance,
    mean_poisson_deviance,
    mean_squared_error,
    r2_score,
)
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchRegressor
from sknn_scratch.engine.losses import REGRESSION_LOSSES, DevianceLoss
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.estimators.build import build_loss
from sknn_scratch.reference import objective_and_gradient

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


@pytest.mark.parametrize("weight", [None, np.linspace(0, 3, 200)], ids=["unweighted", "weighted"])
@pytest.mark.parametrize(
    ("loss", "target", "exact"),
    [
        ({"loss": "gamma"}, COUNTS + 0.5, GammaRegressor(alpha=0.1)),
        ({"loss": "tweedie"}, COUNTS, TweedieRegressor(power=1.5, alpha=0.1)),
        (
            {"loss": "tweedie", "power": 3},
            COUNTS + 0.5,
            TweedieRegressor(power=3, alpha=0.1, link="log"),
        ),
    ],
    ids=["gamma", "tweedie", "inverse Gaussian"],
)
def test_without_hidden_layer_a_deviance_makes_a_generalised_linear_model(
    loss, target, exact, weight
):
    model = new("lbfgs", hidden_layer_sizes=(), l2=0.05, alpha=0.0, max_iter=500, tol=1e-9, **loss)
    exact.set_params(tol=1e-9, max_iter=1000).fit(X, target, weight)
    model.fit(X, target, weight)
    # scipy stops at a relative decrease of 1e-13, about its root from the optimum
    np.testing.assert_allclose(model.predict(X), exact.predict(X), rtol=1e-5)
    found = model.loss_ - model.history_["penalty"][-1]
    d2 = 1 - found / build_loss(model).errors_of_constant(target[:, None], weight)[0, 0]
    assert d2 == pytest.approx(exact.score(X, target, weight), abs=1e-6)


@pytest.mark.parametrize("epsilon", [1.1, 2.0])
@pytest.mark.parametrize("weight", [None, np.linspace(0, 3, 200)], ids=["unweighted", "weighted"])
def test_without_hidden_layer_huber_is_huber_regression(epsilon, weight):
    exact = HuberRegressor(epsilon=epsilon, alpha=2.0, tol=1e-7, max_iter=1000).fit(X, y, weight)
    # It minimises 2 / s sum_i w_i loss_i + alpha |w|^2 at its scale s, with delta = epsilon s
    total = len(y) if weight is None else weight.sum()
    l2 = 2.0 * exact.scale_ / (2 * total)
    model = new("lbfgs", loss="huber", hidden_layer_sizes=(), delta=epsilon * exact.scale_, l2=l2)
    model.set_params(alpha=0.0, max_iter=500, tol=1e-9).fit(X, y, weight)
    np.testing.assert_allclose(model.predict(X), exact.predict(X), atol=1e-4)


@pytest.mark.parametrize("weight", [None, np.linspace(0, 3, 200)], ids=["unweighted", "weighted"])
@pytest.mark.parametrize(
    ("loss", "quantile", "factor"), [("absolute_error", 0.5, 2), ("quantile", 0.85, 1)]
)
def test_without_hidden_layer_it_is_quantile_regression(loss, quantile, factor, weight):
    exact = QuantileRegressor(quantile=quantile, alpha=0.02).fit(X, y, weight)
    model = new(loss=loss, quantile=quantile, hidden_layer_sizes=(), l1=0.02 * factor, alpha=0.0)
    model.set_params(tol=0.0, batch_size=200, n_iter_no_change=np.inf)
    model.set_params(learning_rate="cosine", learning_rate_init=0.05, max_iter=1500)
    model.fit(X, y, weight)
    residual = y - exact.predict(X)
    pinball = np.maximum(quantile * residual, (quantile - 1) * residual)
    least = factor * (np.average(pinball, weights=weight) + 0.02 * np.abs(exact.coef_).sum())
    found, _, _ = objective_and_gradient(model, X, y, weight)
    # A linear program has the exact minimum; with a rate that falls to 0 adam comes near
    assert least * (1 - 1e-12) <= found <= least * (1 + 1e-3)
    # and our objective, at the same weights, is the same number
    model.coefs_, model.intercepts_ = [exact.coef_[:, None]], [np.array([exact.intercept_])]
    assert objective_and_gradient(model, X, y, weight)[0] == pytest.approx(least, rel=1e-12)


def test_without_hidden_layer_log_cosh_has_the_minimum_of_scipy():
    model = new("lbfgs", loss="log_cosh", hidden_layer_sizes=(), l2=0.05, alpha=0.0, tol=1e-9)
    model.set_params(max_iter=500).fit(X, y)

    def objective(w):
        return np.log(np.cosh(X @ w[1:] + w[0] - y)).mean() + 0.05 * w[1:] @ w[1:]

    best = minimize(objective, np.zeros(11), tol=1e-10)
    assert model.loss_ == pytest.approx(best.fun, rel=1e-9)


DEVIANCES = [name for name, loss in REGRESSION_LOSSES.items() if issubclass(loss, DevianceLoss)]


@pytest.mark.parametrize("loss", DEVIANCES)
@pytest.mark.parametrize("weight", [None, np.linspace(0, 3, 200)], ids=["unweighted", "weighted"])
def test_d2_in_the_history_is_that_before_the_step(loss, weight):
    target = np.exp(SEVERAL / 2)
    model = new("sgd", loss=loss, batch_size=200, quantile=0.8).fit(X, target, weight)
    before = clone(model).set_params(max_iter=9).fit(X, target, weight)
    of_loss, raw = build_loss(model), before.predict(X)
    raw = np.log(raw) if model.out_activation_ == "exp" else raw
    score = of_loss.mean_score(raw, target, weight)
    assert model.history_["d2"][9] == pytest.approx(score, rel=1e-9)
    assert model.score(X, target) == pytest.approx(r2_score(target, model.predict(X)))


@pytest.mark.parametrize("loss", DEVIANCES)
def test_a_loss_has_its_parameters_everywhere(loss):
    """In early stopping, in parts, in copies and files, and in float32."""
    target = np.exp(y)
    params = {"loss": loss, "quantile": 0.8, "delta": 0.5, "power": 1.2, "tol": 0.0}
    whole = new("adam", **params, early_stopping=True).fit(X, target)
    parts = clone(whole).set_params(warm_start="resume", max_iter=5).fit(X, target)
    assert_same_weights(pickle.loads(pickle.dumps(parts)).fit(X, target), whole)
    of_loss = build_loss(pickle.loads(pickle.dumps(whole)))
    assert vars(of_loss).items() <= params.items()
    X_val, y_val = X[150:], target[150:]
    held = clone(whole).fit(X[:150], target[:150], X_val=X_val, y_val=y_val)
    raw = held.predict(X_val)[:, None]
    raw = np.log(raw) if held.out_activation_ == "exp" else raw
    score = of_loss.mean_score(raw, y_val[:, None], None)
    assert max(held.validation_scores_) == pytest.approx(score, rel=1e-9)
    single = clone(whole).fit(X.astype(np.float32), target)
    assert single.coefs_[0].dtype == np.float32
    np.testing.assert_allclose(single.loss_curve_, whole.loss_curve_, rtol=1e-3)


def test_a_quantile_has_its_share_of_the_targets_below():
    for quantile in (0.1, 0.5, 0.9):
        model = new(loss="quantile", quantile=quantile, batch_size=200, learning_rate="cosine")
        model.set_params(hidden_layer_sizes=(), learning_rate_init=0.05, max_iter=600, tol=0.0)
        below = (model.set_params(n_iter_no_change=np.inf).fit(X, y).predict(X) > y).mean()
        assert below == pytest.approx(quantile, abs=11 / 200)  # 11 parameters meet 11 targets


def test_last_loss_is_half_the_error():
    for loss, target, metric in [
        ("squared_error", y, mean_squared_error),
        ("squared_error", SEVERAL, mean_squared_error),
        ("poisson", COUNTS, mean_poisson_deviance),
        ("gamma", COUNTS + 0.5, mean_gamma_deviance),
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
        ({"loss": "hubert"}, y, "'loss' parameter.*'hubert'"),
        ({"quantile": 1.0}, y, r"'quantile' parameter.*\(0.0, 1.0\)"),
        ({"delta": 0}, y, "'delta' parameter"),
        ({"power": 0.5}, y, r"'power' parameter.*\[1.0, 3.0\]"),
        ({"loss": "gamma"}, COUNTS, "loss='gamma' needs y > 0, but y has values down to 0.0"),
        ({"loss": "tweedie"}, y, "loss='tweedie' needs y >= 0, but y has values down to -"),
        ({"loss": "tweedie", "power": 2}, COUNTS, "loss='tweedie' with power=2 needs y > 0"),
        ({"loss": 5}, y, "'loss' parameter.*Got 5 .* write hidden_layer_sizes=5[.]"),
        ({"loss": (5, 2)}, y, r"Got \(5, 2\) .* write hidden_layer_sizes=\(5, 2\)[.]"),
        ({"loss": None}, y, "'loss' parameter.*Got None instead[.]$"),
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
