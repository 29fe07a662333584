"""Without hidden layers the problem is convex: every solver is to find what others find."""

import warnings
from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.solvers import SOLVERS


def two_classes(data):
    X, y = data
    return X[y > 0], y[y > 0]


# Standardised. Two classes have one output, with the logistic function.
DATA = {
    "iris": load_iris(return_X_y=True),
    "wine": load_wine(return_X_y=True),
    "two classes of iris": two_classes(load_iris(return_X_y=True)),
    "two classes of wine": two_classes(load_wine(return_X_y=True)),
}
DATA = {name: (scale(X), y) for name, (X, y) in DATA.items()}

every_data_set = pytest.mark.parametrize("data", DATA)

# (l1, l2): what is added is l1 |W|_1 + l2 |W|_2^2, to the mean of the loss
RIDGE, NET = (0.0, 0.02), (0.02, 0.01)


@cache
def reference(data, l1, l2):
    """Return scikit-learn's model of the same objective.

    It minimises C n (mean loss) + l1_ratio |W|_1 + (1 - l1_ratio) / 2 |W|_2^2. Divided by C n and
    term by term, l1 = l1_ratio / (C n) and 2 l2 = (1 - l1_ratio) / (C n).
    """
    X, y = DATA[data]
    solver = {"solver": "saga", "random_state": 0} if l1 else {"solver": "lbfgs"}
    model = LogisticRegression(
        C=1 / (len(X) * (l1 + 2 * l2)),
        l1_ratio=l1 / (l1 + 2 * l2),
        tol=1e-10,
        max_iter=100_000,
        **solver,
    )
    return model.fit(X, y)


def smoothness(data, l2):
    """Return L of the gradient: that of the mean loss, and 2 l2 from the penalty."""
    X, y = DATA[data]
    A = np.hstack([X, np.ones((len(X), 1))])
    curvature = 0.25 if y.max() - y.min() == 1 else 0.5  # at most, of the two losses
    return curvature * np.linalg.eigvalsh(A.T @ A / len(X))[-1] + 2 * l2


@cache
def fitted(solver, data, l1, l2, step=1.0, max_iter=3000, **params):
    """Return a model trained over all samples at once, by `step` / L."""
    X, y = DATA[data]
    model = MLPScratchClassifier(
        (),
        solver=solver,
        alpha=0.0,
        l1=l1,
        l2=l2,
        learning_rate_init=step / smoothness(data, l2),
        batch_size=len(X),
        tol=1e-9,
        n_iter_no_change=np.inf,
        max_iter=max_iter,
        random_state=0,
        **params,
    )
    with warnings.catch_warnings():
        # These steps are taken to the last one: nothing is to stop them before.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def assert_same_optimum(model, data, l1, l2, atol=1e-6):
    X, _ = DATA[data]
    expected = reference(data, l1, l2)
    assert_allclose(model.predict_proba(X), expected.predict_proba(X), rtol=0, atol=atol)
    assert_allclose(model.coefs_[0].T, expected.coef_, rtol=0, atol=10 * atol)
    assert_array_equal(model.coefs_[0].T == 0, expected.coef_ == 0)


def gradient(model, data):
    """Return the gradient of mean loss + l2 |W|_2^2 in W and b, from scratch."""
    X, y = DATA[data]
    W, b = model.coefs_[0], model.intercepts_[0]
    z = X @ W + b
    if len(b) == 1:
        residual = expit(z) - (y == y.max())[:, None]
    else:
        residual = softmax(z, axis=1) - np.eye(3)[y]
    return X.T @ residual / len(X) + 2 * model.l2 * W, residual.mean(axis=0)


# In probabilities 1e-6. The objective is 2 l2-strongly convex in W, and after 3000 steps the
# solvers are at rounding; scikit-learn's stop at a gradient, or a change, of 1e-10.


@every_data_set
@pytest.mark.parametrize(("l1", "l2"), [RIDGE, NET])
def test_nag_finds_the_optimum_of_logistic_regression(data, l1, l2):
    assert_same_optimum(fitted("nag", data, l1, l2), data, l1, l2)


@every_data_set
@pytest.mark.parametrize(("l1", "l2"), [RIDGE, NET])
def test_lbfgs_finds_the_optimum_of_logistic_regression(data, l1, l2):
    # scipy stops once F changes by 2e-9 of itself: an error of up to sqrt(2e-9 F) < 1e-4
    assert_same_optimum(fitted("lbfgs", data, l1, l2), data, l1, l2, atol=1e-4)


@every_data_set
def test_some_coefficients_are_zero_and_some_are_not(data):
    zeros = reference(data, *NET).coef_ == 0
    assert 0 < zeros.sum() < zeros.size


@every_data_set
@pytest.mark.parametrize(("l1", "l2"), [RIDGE, NET])
def test_nag_satisfies_the_conditions_of_optimality(data, l1, l2):
    model = fitted("nag", data, l1, l2)
    W, (in_W, in_b) = model.coefs_[0], gradient(model, data)
    # where the solver stands still to rounding, of sums over 178 samples
    assert_allclose(in_b, 0, rtol=0, atol=1e-9)
    assert_allclose(in_W[W != 0], -l1 * np.sign(W[W != 0]), rtol=0, atol=1e-9)
    assert np.all(np.abs(in_W[W == 0]) <= l1 + 1e-9)


OTHERS = {
    "gd": {},
    "sgd": {"step": 0.3},
    "sgd, heavy ball": {"step": 0.3, "nesterovs_momentum": False},
    "sgd, no momentum": {"momentum": 0.0},
    "adam": {"step": 0.02},
}
# A solver that is new in the registry is tried with a careful step.
OTHERS |= {name: {"step": 0.3} for name in SOLVERS if name not in [*OTHERS, "nag"]}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(("l1", "l2"), [RIDGE, NET])
@pytest.mark.parametrize("data", ["iris", "two classes of wine"])
def test_every_solver_finds_the_same_optimum(name, data, l1, l2):
    model = fitted(name.split(",")[0], data, l1, l2, **OTHERS[name])
    assert_same_optimum(model, data, l1, l2)
    assert_array_equal(model.coefs_[0] == 0, fitted("nag", data, l1, l2).coefs_[0] == 0)


@pytest.mark.parametrize("solver", ["nag", "lbfgs"])
def test_alpha_is_scikit_learns(solver):
    """Over all samples at once alpha / (2 n) is another name of l2."""
    X, y = DATA["iris"]
    expected = reference("iris", *RIDGE)
    model = MLPScratchClassifier(
        (),
        solver=solver,
        alpha=2 * len(X) * RIDGE[1],
        learning_rate_init=1 / smoothness("iris", RIDGE[1]),
        tol=1e-9,
        n_iter_no_change=np.inf,
        max_iter=3000,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    assert_allclose(model.predict_proba(X), expected.predict_proba(X), rtol=0, atol=1e-4)


def test_sample_weights_are_those_of_logistic_regression():
    X, y = DATA["iris"]
    weight = np.random.default_rng(0).uniform(0.2, 3, len(X))
    expected = LogisticRegression(C=1 / (2 * 0.02 * weight.sum()), tol=1e-10, max_iter=10_000)
    expected.fit(X, y, sample_weight=weight)
    model = MLPScratchClassifier((), solver="lbfgs", alpha=0, l2=0.02, tol=1e-9, max_iter=3000)
    model.fit(X, y, sample_weight=weight)
    assert_allclose(model.predict_proba(X), expected.predict_proba(X), rtol=0, atol=1e-4)
