"""Without a hidden layer it is logistic regression; with one, the optimality conditions hold."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor, reference


def standardised(load, n_features=None):
    X, y = load(return_X_y=True)
    return scale(X[:, :n_features]), y


DATA = {
    "iris": standardised(load_iris),
    "wine": standardised(load_wine),
    "cancer": standardised(load_breast_cancer, 10),
}
LOGISTIC = MLPScratchClassifier((), alpha=0.0, random_state=0)
# The step is below 1 / L: L is a quarter of the largest eigenvalue of X^T X / n with two classes,
# and half of it with more, at most 0.5 * 5 + 2 * l2.
SOLVERS = {
    "nag": {"solver": "nag", "learning_rate_init": 0.3, "restart": True, "max_iter": 600}
    | {"tol": 0.0, "n_iter_no_change": np.inf},
    "lbfgs": {"solver": "lbfgs", "tol": 1e-9, "max_iter": 3000, "max_fun": 30_000},
}
# Without l1 lbfgs stops where F falls by less than 2e-9 of its size, as in scikit-learn, and gives
# probabilities to about 1e-4. Else the optimum is known to 1e-6 or better.
PROBABILITY = {"nag": 1e-5, "lbfgs": 1e-5, "lbfgs without l1": 1e-4}


def fitted(model, X, y, weight=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, weight)


def logistic_regression(total_weight, l1, l2, **params):
    """Return scikit-learn's, whose objective is C times the sum of the losses."""
    given = {"C": 1 / (total_weight * (l1 + 2 * l2)), "max_iter": 100_000, **params}
    if l1:
        given |= {"solver": "saga", "l1_ratio": l1 / (l1 + 2 * l2), "tol": 1e-9}
    return LogisticRegression(**{"solver": "newton-cholesky", "tol": 1e-9, **given})


def assert_same_probabilities(model, theirs, X):
    smooth_lbfgs = model.solver == "lbfgs" and not model.l1
    atol = PROBABILITY["lbfgs without l1" if smooth_lbfgs else model.solver]
    np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=atol)


def assert_optimal(model, X, y, l1, slack, weight=None):
    """|g| <= l1 where W = 0, g = -l1 sign(W) elsewhere; g, of the smooth part, is 0 for biases."""
    smooth = clone(model).set_params(l1=0.0)
    vars(smooth).update({k: v for k, v in vars(model).items() if k not in model.get_params()})
    _, dW, db = reference.objective_and_gradient(smooth, X, y, weight)
    for W, g, strength in zip(model.coefs_, dW, l1, strict=True):
        assert (np.abs(g[W == 0]) <= strength + slack).all()
        np.testing.assert_allclose(g[W != 0], -strength * np.sign(W[W != 0]), atol=slack)
    for g in db:
        np.testing.assert_allclose(g, 0, atol=slack)


# Logistic regression


@pytest.mark.parametrize(("l1", "l2"), [(0.03, 0.0), (0.01, 0.005)])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("data", DATA)
def test_elastic_net_is_that_of_saga(data, solver, l1, l2):
    X, y = DATA[data]
    model = fitted(clone(LOGISTIC).set_params(l1=l1, l2=l2, **SOLVERS[solver]), X, y)
    theirs = logistic_regression(len(y), l1, l2).fit(X, y)
    assert_same_probabilities(model, theirs, X)
    zero = model.coefs_[0] == 0
    np.testing.assert_array_equal(zero, theirs.coef_.T == 0)
    assert not zero.all()
    assert_optimal(model, X, y, [l1], slack=1e-6)


def test_there_are_zeros_to_be_found():
    for X, y in DATA.values():
        theirs = logistic_regression(len(y), 0.02, 0.01).fit(X, y)
        assert 0 < np.count_nonzero(theirs.coef_ == 0) < theirs.coef_.size


@pytest.mark.parametrize("l2", [0.1, 0.01])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("data", DATA)
def test_l2_is_that_of_logistic_regression(data, solver, l2):
    X, y = DATA[data]
    theirs = logistic_regression(len(y), 0.0, l2).fit(X, y)
    for penalty in ({"l2": l2}, {"l2": l2 / 4, "alpha": 1.5 * l2 * len(y)}):
        model = fitted(clone(LOGISTIC).set_params(**penalty, **SOLVERS[solver]), X, y)
        assert_same_probabilities(model, theirs, X)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_value_at_the_optimum_is_that_of_saga(solver):
    X, y = DATA["wine"]
    theirs = logistic_regression(len(y), 0.02, 0.01).fit(X, y)
    model = fitted(clone(LOGISTIC).set_params(l1=0.02, l2=0.01, **SOLVERS[solver]), X, y)
    loss = -np.mean(np.log(theirs.predict_proba(X)[np.arange(len(y)), y]))
    penalty = 0.02 * np.abs(theirs.coef_).sum() + 0.01 * (theirs.coef_**2).sum()
    assert model.loss_ == pytest.approx(loss + penalty, rel=1e-9)
    assert model.history_["penalty"][-1] == pytest.approx(penalty, rel=1e-5)


# It says, rightly, that it has learned nothing
@pytest.mark.filterwarnings("ignore::sknn_scratch.exceptions.NothingLearnedWarning")
@pytest.mark.parametrize("solver", SOLVERS)
def test_strong_l1_leaves_no_weight(solver):
    """Above the largest |g| at W = 0 all weights are zero: the frequencies of the classes."""
    X, y = DATA["wine"]
    shares = np.bincount(y) / len(y)
    strongest = np.abs(X.T @ (shares - np.eye(3)[y])).max() / len(y)
    model = fitted(clone(LOGISTIC).set_params(l1=strongest * 1.01, **SOLVERS[solver]), X, y)
    assert not model.coefs_[0].any()
    np.testing.assert_allclose(model.predict_proba(X), [shares] * len(y), atol=1e-6)
    weaker = fitted(clone(model).set_params(l1=strongest * 0.9), X, y)
    assert 1 <= np.count_nonzero(weaker.coefs_[0]) <= 6


# Weights of classes and samples

CLASS_WEIGHTS = [{0: 5.0, 1: 1.0, 2: 0.3}, "balanced"]


def unbalanced(data):
    X, y = DATA[data]
    few = np.r_[np.flatnonzero(y == 0)[:20], np.flatnonzero(y != 0)]
    return X[few], y[few]


def weights_of(y, class_weight, sample_weight):
    """Return the weights of the samples, by the formula of scikit-learn's user guide."""
    w = np.ones(len(y)) if sample_weight is None else sample_weight
    if class_weight == "balanced":
        totals = np.array([w[y == k].sum() for k in np.unique(y)])
        return w * (w.sum() / (len(totals) * totals))[y]
    return w * np.array([class_weight[k] for k in np.unique(y)])[y]


@pytest.mark.parametrize(("l1", "weighted"), [(0.0, True), (0.01, True), (0.01, False)])
@pytest.mark.parametrize("class_weight", CLASS_WEIGHTS, ids=str)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("data", ["iris", "cancer"])
def test_class_weights_are_those_of_logistic_regression(data, solver, class_weight, l1, weighted):
    X, y = unbalanced(data)
    sample_weight = np.random.default_rng(0).uniform(0.1, 2, len(y)) if weighted else None
    if isinstance(class_weight, dict):
        class_weight = {k: class_weight[k] for k in np.unique(y).tolist()}
    total = weights_of(y, class_weight, sample_weight).sum()
    theirs = logistic_regression(total, l1, 0.01, class_weight=class_weight)
    theirs.fit(X, y, sample_weight=sample_weight)
    model = clone(LOGISTIC).set_params(l1=l1, l2=0.01, **SOLVERS[solver])
    fitted(model.set_params(class_weight=class_weight), X, y, sample_weight)
    assert_same_probabilities(model, theirs, X)
    np.testing.assert_array_equal(model.coefs_[0] == 0, theirs.coef_.T == 0)
    # And it makes a difference
    plain = fitted(clone(model).set_params(class_weight=None), X, y, sample_weight)
    assert np.abs(plain.predict_proba(X) - model.predict_proba(X)).max() > 0.01


def test_class_weights_are_weights_of_samples():
    X, y = unbalanced("wine")
    names = np.array(["ash", "elm", "fir"], dtype=object)[y]
    of_class = {"ash": 2.0, "fir": 0.5}  # elm has one
    w = np.array([2.0, 1.0, 0.5])[y] * np.linspace(0.5, 2, len(y))
    base = MLPScratchClassifier(5, random_state=0, max_iter=20)
    weighted = fitted(clone(base), X, names, w)
    by_class = clone(base).set_params(class_weight=of_class)
    fitted(by_class, X, names, np.linspace(0.5, 2, len(y)))
    for mine, yours in zip(by_class.coefs_, weighted.coefs_, strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-10, atol=1e-13)  # 20 epochs of rounding


# Networks with a hidden layer


@pytest.mark.parametrize("l1", [0.01, [0.02, 0.005], [0.01, 0.0]], ids=str)
def test_lbfgs_with_l1_and_a_hidden_layer_ends_at_an_optimum(l1):
    X, y = DATA["iris"]
    model = MLPScratchClassifier(6, "tanh", l1=l1, l2=1e-3, random_state=0)
    fitted(model.set_params(**SOLVERS["lbfgs"], alpha=0.0), X, y)
    per_matrix = l1 if isinstance(l1, list) else [l1, l1]
    assert np.count_nonzero(model.coefs_[0] == 0) > model.coefs_[0].size / 2
    # F falls by less than 1e-13 per step at the end: gradients of the root of that, times a few
    assert_optimal(model, X, y, per_matrix, slack=1e-5)
    if l1 == [0.01, 0.0]:
        assert model.coefs_[1].all()  # without a penalty of its own none is exactly zero
    assert model.history_["nonzero_weights"][-1] == sum(map(np.count_nonzero, model.coefs_))


def test_lbfgs_with_l1_for_real_targets():
    X, _ = DATA["iris"]
    model = MLPScratchRegressor(hidden_layer_sizes=3, activation="tanh", l1=0.02, l2=0.01)
    fitted(model.set_params(alpha=0.0, random_state=0, **SOLVERS["lbfgs"]), X[:, 1:], X[:, 0])
    assert (model.coefs_[0] == 0).any()
    assert_optimal(model, X[:, 1:], X[:, 0], [0.02, 0.02], slack=1e-5)


def test_lbfgs_with_l1_of_zero_is_lbfgs_without():
    X, y = DATA["iris"]
    model = MLPScratchClassifier(5, "tanh", random_state=0, **SOLVERS["lbfgs"] | {"max_iter": 20})
    plain, zero = fitted(clone(model), X, y), fitted(clone(model).set_params(l1=[0.0, 0.0]), X, y)
    for mine, yours in zip(plain.coefs_, zero.coefs_, strict=True):
        np.testing.assert_array_equal(mine, yours)


def test_the_curve_of_lbfgs_with_l1_is_the_objective():
    X, y = DATA["iris"]
    model = MLPScratchClassifier(5, "tanh", random_state=0, l1=0.01, solver="lbfgs", max_iter=30)
    fitted(model, X, y)
    value, _, _ = reference.objective_and_gradient(model, X, y)
    assert model.loss_ == pytest.approx(value, rel=1e-12)
    assert model.loss_curve_[-1] == pytest.approx(value, rel=1e-12)
    assert len(model.loss_curve_) == model.n_iter_ == 30
    assert (np.diff(model.loss_curve_) <= 1e-12).all()  # a line search, up to u_i v_i > 0


# Nesterov's acceleration


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_nag_is_five_times_faster_than_gd(seed):
    """Iris, standardised, 16 softplus units, a step of 0.01: the loss of 350 iterations of gd."""
    X, y = DATA["iris"]
    model = MLPScratchClassifier(16, "softplus", learning_rate_init=0.01, random_state=seed)
    model.set_params(tol=0.0, n_iter_no_change=np.inf)
    gd = fitted(clone(model).set_params(solver="gd", max_iter=350), X, y)
    nag = fitted(clone(model).set_params(solver="nag", max_iter=70), X, y)
    assert min(nag.history_["loss"]) <= gd.history_["loss"][-1]
    assert gd.history_["loss"][0] == nag.history_["loss"][0]
