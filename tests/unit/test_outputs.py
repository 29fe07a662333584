"""Outputs that are not finite are found, by a bound or by a pass over the samples."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine import outputs as outputs_module
from sknn_scratch.engine.activations import ACTIVATIONS, Activation
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.engine.outputs import are_finite, largest
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.gradient_check import check_gradient
from sknn_scratch.reference import objective_and_gradient

UNITS = (3, 5, 4, 2)


def network(scale, dtype=np.float64):
    params = Parameters.empty(UNITS, dtype)
    params.flat[...] = np.random.default_rng(0).normal(size=params.flat.shape)
    params.flat *= dtype(scale)
    return params


def samples(scale, dtype=np.float64):
    return np.random.default_rng(1).normal(size=(20, 3)).astype(dtype) * dtype(scale)


class Cube(Activation):
    def forward(self, z, a):
        np.multiply(z * z, z, out=a)

    def backward(self, z, a, delta):
        raise NotImplementedError


def says(params, activation, loss, X, monkeypatch, with_bound):
    """Return what `are_finite` says, with its bound or without it."""
    if not with_bound:
        monkeypatch.setattr(outputs_module, "_TAME", ())
    with outputs_module.quiet():
        answer = are_finite(params, [activation] * 2, loss, X)
    monkeypatch.undo()
    return answer


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES.values())
@pytest.mark.parametrize("activation", ACTIVATIONS.values())
def test_the_bound_never_hides_an_overflow(activation, loss, dtype, monkeypatch):
    """Scales through which the outputs go from finite to not; some of each must be among them."""
    powers = np.linspace(0, np.log10(np.finfo(dtype).max) / 2, 12)
    answers = set()
    for of_weights in powers:
        for of_samples in powers:
            given = network(10**of_weights, dtype), activation(), loss()
            X = samples(10**of_samples, dtype)
            exact = says(*given, X, monkeypatch, with_bound=False)
            assert says(*given, X, monkeypatch, with_bound=True) == exact
            answers.add(exact)
    is_bounded = activation in (ACTIVATIONS["tanh"], ACTIVATIONS["logistic"])
    assert answers == ({True} if is_bounded and loss.out_activation != "exp" else {True, False})


def test_ordinary_weights_cost_no_pass(monkeypatch):
    monkeypatch.setattr(
        outputs_module, "raw_scores", lambda *_: pytest.fail("a pass over the samples")
    )
    for dtype in (np.float32, np.float64):
        given = [ACTIVATIONS["relu"]()] * 2, LOSSES["log_loss"](), samples(100, dtype)
        assert are_finite(network(10, dtype), *given)


def test_of_a_users_activation_nothing_is_known():
    assert are_finite(network(1), [Cube()] * 2, LOSSES["squared_error"](), samples(1))
    with outputs_module.quiet():
        assert not are_finite(network(1), [Cube()] * 2, LOSSES["squared_error"](), samples(1e40))


def test_poisson_predictions_may_overflow_where_raw_scores_do_not():
    given = [ACTIVATIONS["relu"]()] * 2
    params, X = network(1), samples(1e4)
    assert are_finite(params, given, LOSSES["squared_error"](), X)
    with outputs_module.quiet():
        assert not are_finite(params, given, LOSSES["poisson"](), X)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("solver", ["adam", "nag", "lbfgs"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_underflows_is_no_error_even_if_numpy_is_set_to_raise_one(dtype, solver, engine):
    if engine == "numba":
        pytest.importorskip("numba")
    tiny = float(np.finfo(dtype).tiny)
    X = np.random.default_rng(0).normal(size=(40, 3)) * [1, 1e3 * tiny, 0.1 * tiny]
    X, labels, numbers = X.astype(dtype), np.digitize(X[:, 0], [-0.5, 0.5]), X[:, 0] * 1e-170
    params = {"solver": solver, "max_iter": 5, "engine": engine, "tol": 1.0, "l2": 1e-3}
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier = MLPScratchClassifier((5,), "gelu", **params).fit(X, labels)
        regressor = MLPScratchRegressor(hidden_layer_sizes=(5,), **params).fit(X, numbers)
        for network, y in ((classifier, labels), (regressor, numbers)):
            network.predict(X)
            network.score(X, y)
            network.hidden_outputs(X)
            check_gradient(network, X, y, n_parameters=5)
            objective_and_gradient(network, X, y)
        classifier.predict_log_proba(X)


def test_largest():
    assert largest(np.array([1.0, -3.0])) == 3
    assert largest(csr_array(np.array([[0.0, -3.0]]))) == 3
    assert largest(csr_array((2, 2))) == 0
    assert np.isnan(largest(np.array([1.0, np.nan])))
