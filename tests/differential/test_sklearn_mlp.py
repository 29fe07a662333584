"""The same numbers as scikit-learn's MLP, on random configurations.

Both libraries evaluate the same formulas on the same random draws, so that they part by rounding
only; ten epochs of stable steps on standardised data do not blow that up.
"""

import warnings
from importlib.util import find_spec

import numpy as np
import pytest
from scipy.sparse import csc_array, csr_array
from sklearn.datasets import (
    load_digits,
    load_iris,
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor

N_CONFIGURATIONS = 200
ENGINES = ["numpy", "numba"] if find_spec("numba") else ["numpy"]
PAIRS = {
    "classifier": (MLPClassifier, MLPScratchClassifier),
    "regressor": (MLPRegressor, MLPScratchRegressor),
}


def draw_data(rng):
    """Return (kind of estimator, X, y, parameters that belong to y)."""
    n, seed = int(rng.integers(40, 160)), int(rng.integers(2**31))
    target = rng.choice(
        ["binary", "strings", "multiclass", "multilabel", "single", "several", "poisson"]
    )
    if target in ("binary", "strings", "multiclass"):
        X, y = make_classification(
            n, 8, n_informative=5, n_classes=2 if target == "binary" else 4, random_state=seed
        )
        y = np.array(["ash", "elm", "fir", "oak"], dtype=object)[y] if target == "strings" else y
        return "classifier", scale(X), y, {}
    if target == "multilabel":
        X, y = make_multilabel_classification(n, 8, n_classes=4, random_state=seed)
        return "classifier", scale(X), y, {}
    n_targets = 3 if target == "several" else 1
    X, y = make_regression(n, 8, n_targets=n_targets, noise=5.0, random_state=seed)
    y = scale(y)
    if target == "poisson":
        return "regressor", scale(X), np.floor(np.exp(y)), {"loss": "poisson"}
    return "regressor", scale(X), y, {}


def draw_parameters(rng, solver):
    params = {
        "solver": solver,
        "hidden_layer_sizes": [(7,), (12, 5), 9, (4, 4, 4)][rng.integers(4)],
        "activation": str(rng.choice(["identity", "logistic", "tanh", "relu"])),
        "alpha": float(rng.choice([0.0, 1e-4, 1e-2, 1.0])),
        "random_state": int(rng.integers(1000)),
        "max_iter": 10,
        "tol": float(rng.choice([1e-4, 1e-2])),
    }
    if solver == "lbfgs":
        return params
    params |= {
        "batch_size": ["auto", 7, 10, 33, 1000][rng.integers(5)],
        "shuffle": bool(rng.random() < 0.8),
        "learning_rate_init": float(rng.choice([1e-3, 1e-2])),
        "n_iter_no_change": [1, 3, 10, np.inf][rng.integers(4)],
        "learning_rate": str(rng.choice(["constant", "invscaling", "adaptive"])),
        "early_stopping": bool(rng.random() < 0.3),
        "validation_fraction": float(rng.choice([0.1, 0.3])),
    }
    if solver == "sgd":
        params |= {
            "momentum": float(rng.choice([0.0, 0.5, 0.9])),
            "nesterovs_momentum": bool(rng.random() < 0.5),
            "power_t": float(rng.choice([0.25, 0.5])),
        }
    else:
        params |= {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6} if rng.random() < 0.3 else {}
    return params


def draw_configuration(seed):
    rng = np.random.default_rng(seed)
    kind, X, y, params = draw_data(rng)
    solver = str(rng.choice(["sgd", "adam", "lbfgs"], p=[0.4, 0.4, 0.2]))
    params |= draw_parameters(rng, solver)
    if solver == "lbfgs" and y.ndim == 2 and kind == "regressor":
        y = y[:, 0]  # scikit-learn's value there is not that of its gradient: see test below
    how = str(rng.choice(["fit", "warm_start", "partial_fit"], p=[0.5, 0.25, 0.25]))
    if how == "partial_fit" and solver != "lbfgs":
        params["early_stopping"] = False  # an error in both libraries
    params["warm_start"] = how == "warm_start"
    if rng.random() < 0.3:
        X = X.astype(np.float32)
    if rng.random() < 0.3:
        X = (csr_array if rng.random() < 0.5 else csc_array)(np.where(np.abs(X) > 0.5, X, 0))
    weight = rng.uniform(0.1, 3, len(y)) if rng.random() < 0.4 else None
    return kind, X, y, weight, params, how


def train(estimator, X, y, weight, how):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if how == "partial_fit" and estimator.solver != "lbfgs":
            known = {}
            if hasattr(estimator, "predict_proba"):
                known["classes"] = np.unique(y) if y.ndim == 1 else np.arange(y.shape[1])
            for _ in range(5):
                estimator.partial_fit(X, y, sample_weight=weight, **known)
        else:
            for _ in range(2 if how == "warm_start" else 1):
                estimator.fit(X, y, sample_weight=weight)
    return estimator


def assert_close(actual, desired, rtol, name):
    """Compare arrays relative to the largest entry, below which rounding has no scale."""
    if desired is None:
        assert actual is None, name
        return
    actual, desired = np.asarray(actual, dtype=float), np.asarray(desired, dtype=float)
    np.testing.assert_allclose(
        actual, desired, rtol=rtol, atol=rtol * max(np.abs(desired).max(), 1e-8), err_msg=name
    )


def keeps_first_best(estimator):
    """Whether a warm start with early stopping found nothing better than the fit before it."""
    if not (estimator.warm_start and getattr(estimator, "validation_scores_", None)):
        return False
    second = estimator.validation_scores_[-estimator.n_iter_ :]
    return max(second) <= max(estimator.validation_scores_[: -estimator.n_iter_])


def train_both(kind, params, engine, *data):
    """Return scikit-learn's estimator and ours, trained alike."""
    their_class, our_class = PAIRS[kind]
    return train(their_class(**params), *data), train(our_class(engine=engine, **params), *data)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(N_CONFIGURATIONS))
def test_same_numbers_as_scikit_learn(seed, engine):
    kind, X, y, weight, params, how = draw_configuration(seed)
    theirs, ours = train_both(kind, params, engine, X, y, weight, how)
    lbfgs = params["solver"] == "lbfgs"
    # The figures of the promise: rounding grows over the steps, more so through a line search
    rtol = 2e-3 if X.dtype == np.float32 else 1e-3 if lbfgs else 1e-7
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, name) == getattr(theirs, name)
    curves = ("loss_curve_", "validation_scores_", "best_loss_", "best_validation_score_")
    for name in ("loss_", *(() if lbfgs else curves)):
        assert_close(getattr(ours, name), getattr(theirs, name), rtol, name)
    if keeps_first_best(theirs):
        return  # scikit-learn then returns other weights than the best: see the test below
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert_close(a, b, rtol, name)
    if kind == "regressor":
        assert_close(ours.predict(X), theirs.predict(X), rtol, "predict")
    else:
        probabilities = theirs.predict_proba(X)
        assert_close(ours.predict_proba(X), probabilities, rtol, "predict_proba")
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


def test_configurations_cover_what_they_are_to_cover():
    drawn = [draw_configuration(seed) for seed in range(N_CONFIGURATIONS)]
    for solver in ("sgd", "adam", "lbfgs"):
        of_solver = [d for d in drawn if d[4]["solver"] == solver]
        assert {how for *_, how in of_solver} == {"fit", "warm_start", "partial_fit"}
        assert {str(X.dtype) for _, X, *_ in of_solver} == {"float32", "float64"}
        assert {type(X) for _, X, *_ in of_solver} == {np.ndarray, csr_array, csc_array}
        assert {weight is None for *_, weight, _, _ in of_solver} == {True, False}
        assert {d[4]["activation"] for d in of_solver} == {"identity", "logistic", "tanh", "relu"}
    early = {(d[0], d[4]["solver"]) for d in drawn if d[4].get("early_stopping")}
    assert early == {(kind, solver) for kind in PAIRS for solver in ("sgd", "adam")}


@pytest.mark.parametrize("engine", ENGINES)
def test_long_trajectory_on_digits(engine):
    X, y = load_digits(return_X_y=True)
    X = scale(X)
    params = {"hidden_layer_sizes": (40,), "random_state": 0, "max_iter": 30}
    theirs, ours = train_both("classifier", params, engine, X, y, None, "fit")
    assert ours.engine_ == engine
    # 270 steps of Adam: rounding alone, 1e-16 a step, grows to a few 1e-15
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-11)
    for a, b in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-11)


def test_long_trajectory_of_lbfgs():
    X, y = load_iris(return_X_y=True)
    params = {"solver": "lbfgs", "hidden_layer_sizes": (8,), "activation": "tanh", "alpha": 0.1}
    params |= {"random_state": 0, "max_iter": 40}
    theirs, ours = (train(cls(**params), scale(X), y, None, "fit") for cls in PAIRS["classifier"])
    assert ours.n_iter_ == theirs.n_iter_ == 40
    # rounding grows through 40 line searches, on a smooth function, to about 1e-8
    for a, b in zip(ours.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-6)


# Where scikit-learn is wrong, and this package is not


def test_warm_start_with_early_stopping_keeps_the_best_weights():
    """Scikit-learn trains on in the very arrays in which it keeps the best weights."""
    X, y = make_classification(120, 8, n_informative=5, random_state=1)
    params = {"early_stopping": True, "warm_start": True, "max_iter": 30, "random_state": 0}
    params |= {"solver": "sgd", "learning_rate_init": 0.1, "n_iter_no_change": 3}
    first = train(MLPScratchClassifier(**params), X, y, None, "fit")
    best = [w.copy() for w in first.coefs_]
    second = train(first, X, y, None, "fit")
    assert keeps_first_best(second)
    for a, b in zip(second.coefs_, best, strict=True):
        np.testing.assert_array_equal(a, b)


def test_lbfgs_with_several_targets_reaches_the_least_squares_solution():
    """Scikit-learn's value is the mean over the targets, its gradient that of the sum."""
    X, y = make_regression(60, 5, n_targets=3, noise=5.0, random_state=0)
    y = scale(y)
    model = MLPScratchRegressor(
        hidden_layer_sizes=(), solver="lbfgs", alpha=0, tol=1e-8, max_iter=500
    )
    # scipy stops at a relative decrease of 2e-9, in a quadratic about sqrt(2e-9) from the optimum
    exact = LinearRegression().fit(X, y)
    np.testing.assert_allclose(model.fit(X, y).coefs_[0].T, exact.coef_, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_log_probabilities_are_finite_where_the_network_is_saturated(dtype, n_classes):
    X, y = make_classification(60, 8, n_informative=5, n_classes=n_classes, random_state=0)
    X = X.astype(dtype)
    theirs, ours = (
        train(cls(max_iter=5, random_state=0), X, y, None, "fit") for cls in PAIRS["classifier"]
    )
    with np.errstate(divide="ignore"):
        assert np.isneginf(theirs.predict_log_proba(1e4 * X)).any()
    log_probabilities = ours.predict_log_proba(1e4 * X)
    assert np.isfinite(log_probabilities).all()
    assert log_probabilities.dtype == dtype


def test_reported_loss_is_not_clipped():
    """Scikit-learn clips probabilities at machine epsilon in its loss, not in its gradient."""
    X, y = np.array([[200.0], [-200.0]]), np.array([0, 1])
    params = {"hidden_layer_sizes": 3, "max_iter": 1, "alpha": 0, "solver": "sgd"}
    params |= {"random_state": 0, "learning_rate_init": 1e-9}
    theirs, ours = (train(cls(**params), X, y, None, "fit") for cls in PAIRS["classifier"])
    exact = -np.log(ours.predict_proba(X)[[0, 1], y]).mean()  # metrics.log_loss would clip
    # a step of 1e-9 moves the loss by far less than 1e-3 of itself
    np.testing.assert_allclose(ours.loss_, exact, rtol=1e-3)
    assert theirs.loss_ <= -np.log(np.finfo(float).eps) < ours.loss_


def test_partial_fit_of_a_batch_without_some_classes_under_warm_start():
    """Scikit-learn asks for all classes in each batch as soon as warm_start is set."""
    X, y = make_classification(60, 8, n_informative=5, n_classes=3, random_state=0)
    model = MLPScratchClassifier(5, warm_start=True, random_state=0)
    model.partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X[y != 1], y[y != 1])
    assert model.n_outputs_ == 3
