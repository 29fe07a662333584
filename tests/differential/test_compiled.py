"""Both engines: the same numbers, whoever makes the epochs, and whoever goes on from them.

They evaluate the same formulas on the same random draws, in another order of summation: ten epochs
of stable steps keep what parts them near rounding.
"""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import (
    load_iris,
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine import compiled
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.losses import REGRESSION_LOSSES
from sknn_scratch.engine.schedules import SCHEDULES
from sknn_scratch.engine.solvers import SOLVERS

numba = pytest.importorskip("numba")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_CONFIGURATIONS = 200
IRIS = load_iris(return_X_y=True)
IRIS = scale(IRIS[0]), IRIS[1]
# float64: ten epochs of some ten steps; a step multiplies rounding by a few. float32: 1e-7 likewise
TOLERANCE = {np.float64: 1e-9, np.float32: 1e-3}


def draw_data(rng, dtype):
    """Return (class of estimator, X, y, weights or None, parameters that belong to y)."""
    n, seed = int(rng.integers(40, 160)), int(rng.integers(2**31))
    target = rng.choice(["binary", "multiclass", "multilabel", "single", "several", "positive"])
    weight = rng.integers(0, 3, size=n).astype(float) if rng.random() < 0.3 else None
    if target == "multilabel":
        X, y = make_multilabel_classification(n, 8, n_classes=4, random_state=seed)
    elif target in ("binary", "multiclass"):
        n_classes = 2 if target == "binary" else 4
        X, y = make_classification(n, 8, n_informative=5, n_classes=n_classes, random_state=seed)
    else:
        n_targets = 3 if target == "several" else 1
        X, y = make_regression(n, 8, n_targets=n_targets, noise=5.0, random_state=seed)
        y = scale(y)
    X = scale(X).astype(dtype)
    if target in ("single", "several", "positive"):
        loss, y = draw_loss(rng, y, target == "positive")
        return MLPScratchRegressor, X, y, weight, loss
    smoothing = float(rng.choice([0.0, 0.1]))
    return MLPScratchClassifier, X, y, weight, {"label_smoothing": smoothing}


def draw_loss(rng, y, positive):
    """Return the parameters of a loss, and targets that it allows."""
    function = "exp" if positive else "identity"
    names = [name for name, loss in REGRESSION_LOSSES.items() if loss.out_activation == function]
    loss = {
        "loss": str(rng.choice(names)),
        "quantile": float(rng.choice([0.1, 0.5, 0.9])),
        "delta": float(rng.choice([0.1, 1.0])),
        "power": float(rng.choice([1, 1.5, 2, 3])),
    }
    y = np.exp(y) if positive else y
    allows_zero = loss["loss"] == "poisson" or (loss["loss"] == "tweedie" and loss["power"] < 2)
    return loss, np.floor(y) if allows_zero else y


def draw_parameters(rng):
    units = [(7,), (12, 5), (), (4, 4, 4)][rng.integers(4)]
    solver = str(rng.choice(list(SOLVERS)))
    full_batch = SOLVERS[solver].full_batch
    slow = {"learning_rate": "constant", "learning_rate_init": 0.01}
    schedule = str(rng.choice([name for name in SCHEDULES if name != "backtracking"]))
    params = {
        "hidden_layer_sizes": units,
        "activation": [str(rng.choice(list(ACTIVATIONS))) for _ in units],
        "solver": solver,
        "alpha": float(rng.choice([0.0, 1e-4, 1e-2, 1.0])),
        "batch_size": ["auto", 7, 10, 33, 1000][0 if full_batch else rng.integers(4)],
        "shuffle": bool(rng.random() < 0.8),
        "learning_rate": schedule,
        "learning_rate_init": float(rng.choice([1e-3, 1e-2])),
        "warmup_epochs": float(rng.choice([0.0, 2.5])),
        "random_state": int(rng.integers(1000)),
        "max_iter": 10,
        "n_iter_no_change": [1, 3, np.inf][rng.integers(3)],
        "early_stopping": bool(rng.random() < 0.2),
        "momentum": float(rng.choice([0.0, 0.5, 0.9])),
        "nesterovs_momentum": bool(rng.random() < 0.5),
        "restart": bool(rng.random() < 0.5),
    }
    if rng.random() < 0.4:
        params["l1"] = rng.choice([0.0, 1e-3, 1e-2], size=len(units) + 1)
        params["l2"] = rng.choice([0.0, 1e-2, 1e-1], size=len(units) + 1)
    if rng.random() < 0.3:
        params |= {"group_l1": 0.02, "max_norm": float(rng.choice([0.5, 2.0]))}
    if rng.random() < 0.3:
        params["weight_decay"] = 0.1
    if rng.random() < 0.3:
        params["dropout"] = rng.choice([0.0, 0.1, 0.5], size=len(units) + 1)
    return params | slow if schedule == "invscaling" else params


def fit(cls, X, y, weight, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a large alpha, for example: not the subject here
        return cls(**params).fit(X, y, weight)


def assert_same(found, expected, tolerance):
    """Compare the weights, relative to the largest of an array, and the histories, each number."""
    for ours, theirs in zip(
        found.coefs_ + found.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(np.abs(theirs).max(), 1e-3))
    assert found.history_.keys() == expected.history_.keys()
    for name, values in expected.history_.items():
        # R^2 is a difference from 1, and may be near zero. For the rest nothing but the relative
        # error counts: a sample on the other side of a tie is 1/160 of an accuracy, or more.
        # No sample and no weight of these fits is so near a tie or a threshold.
        slack = tolerance if name in ("r2", "d2", "validation_score") else 0
        rounding = 0 if name in ("learning_rate", "nonzero_weights") else tolerance
        found_values = found.history_[name]
        assert_allclose(found_values, values, rtol=rounding, atol=slack, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("seed", range(N_CONFIGURATIONS))
def test_both_engines_agree(seed, dtype):
    rng = np.random.default_rng(seed)
    cls, X, y, weight, of_data = draw_data(rng, dtype)
    params = draw_parameters(rng) | of_data
    expected = fit(cls, X, y, weight, **params)
    found = fit(cls, X, y, weight, engine="numba", **params)
    assert (found.engine_, expected.engine_) == ("numba", "numpy")
    assert_same(found, expected, TOLERANCE[dtype])


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_of_a_target_that_does_not_vary_the_score_is_that_of_numpy(loss):
    X, y = IRIS
    targets = np.column_stack([y + 1.0, np.full(len(y), 0.1)])
    params = {"hidden_layer_sizes": (6,), "max_iter": 10, "loss": loss, "random_state": 0}
    expected = fit(MLPScratchRegressor, X, targets, None, **params)
    found = fit(MLPScratchRegressor, X, targets, None, engine="numba", **params)
    assert np.isfinite(expected.history_[REGRESSION_LOSSES[loss].score_name]).all()
    assert_same(found, expected, TOLERANCE[np.float64])


def network(**params):
    common = {"hidden_layer_sizes": (6,), "max_iter": 10, "tol": 0.0, "random_state": 0}
    return MLPScratchClassifier(**common | {"engine": "numba"} | params)


@pytest.mark.parametrize("limit", ["_MULTIPLICATIONS_PER_CALL", "_NOISE_PER_CALL"])
def test_an_epoch_in_many_calls_ends_in_the_same_bits(monkeypatch, limit):
    params = {"batch_size": 11, "dropout": [0.1, 0.3]}
    expected = network(**params).fit(*IRIS)
    monkeypatch.setattr(compiled, limit, 1)
    found = network(**params).fit(*IRIS)
    assert_array_equal(found.coefs_[0], expected.coefs_[0])
    # The sums over the batches are added up in parts
    assert_allclose(found.loss_curve_, expected.loss_curve_, rtol=1e-14)


@pytest.mark.parametrize("mode", ["r", "c"])
def test_what_is_dropped_of_a_memory_map_stays_there(tmp_path, mode):
    np.save(tmp_path / "X.npy", IRIS[0])
    before = (tmp_path / "X.npy").read_bytes()
    mapped = np.load(tmp_path / "X.npy", mmap_mode=mode)
    # Rows are taken as they lie: without a copy X itself would be what is dropped from
    params = {"shuffle": False, "dropout": [0.2, 0.0]}
    found = network(**params).fit(mapped, IRIS[1])
    assert found.engine_ == "numba"
    assert_array_equal(found.coefs_[0], network(**params).fit(*IRIS).coefs_[0])
    assert (tmp_path / "X.npy").read_bytes() == before
    assert_array_equal(mapped, IRIS[0])
