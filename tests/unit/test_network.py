import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix

from sknn_scratch.engine import network as network_module
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.dropout import Dropout
from sknn_scratch.engine.network import Workspace, backward, forward, raw_scores
from sknn_scratch.engine.parameters import Layers, Parameters

EPS = np.finfo(np.float64).eps

every_activation = pytest.mark.parametrize("name", ACTIVATIONS)
every_depth = pytest.mark.parametrize("hidden", [(), (4,), (4, 3), (5, 2, 3)])


def network(hidden=(4, 3), name="tanh", n=7, dtype=np.float64):
    """Return (parameters, activations, X) of a network with 3 inputs and 2 outputs."""
    rng = np.random.default_rng(0)
    units = (3, *hidden, 2)
    params = Parameters.empty(units, dtype)
    params.flat[...] = rng.normal(size=params.flat.shape)
    return params, [ACTIVATIONS[name]() for _ in hidden], rng.normal(size=(n, 3)).astype(dtype)


def applied(activation, z):
    z = np.array(z)
    a = np.empty_like(z) if activation.needs_z else z
    activation.forward(z, a)
    return a


def plain_scores(layers, activations, x):
    """Return the raw scores of one sample, unit by unit."""
    for W, b, activation in zip(layers.weights, layers.biases, [*activations, None], strict=True):
        z = [sum(x[i] * W[i, j] for i in range(len(x))) + b[j] for j in range(len(b))]
        x = z if activation is None else [applied(activation, [v])[0] for v in z]
    return x


def scores(params, activations, X, dropout=None):
    work = Workspace(params, activations, X.shape[0])
    return forward(params, activations, X, work, dropout).copy()


def gradient_of(params, activations, X, delta, dropout=None):
    """Return the gradient of sum(delta * raw scores) in the parameters."""
    work = Workspace(params, activations, X.shape[0])
    forward(params, activations, X, work, dropout)
    work.raw[...] = delta
    grad = params.view(np.full_like(params.flat, np.nan))  # all of it is to be written
    backward(params, activations, work, grad, dropout)
    return grad


@every_activation
@every_depth
def test_forward_is_the_plain_formula(name, hidden):
    params, activations, X = network(hidden, name)
    expected = [plain_scores(params, activations, x) for x in X]
    # sums of at most 6 products, 4 layers, numbers below 100
    assert_allclose(scores(params, activations, X), expected, rtol=0, atol=6 * 4 * 100 * EPS)


@every_activation
def test_each_layer_has_its_own_activation(name):
    params, _, X = network((4, 3))
    activations = [ACTIVATIONS[name](), ACTIVATIONS["identity"]()]
    expected = [plain_scores(params, activations, x) for x in X]
    assert_allclose(scores(params, activations, X), expected, rtol=0, atol=2400 * EPS)
    expected = [plain_scores(params, activations[::-1], x) for x in X]
    assert_allclose(scores(params, activations[::-1], X), expected, rtol=0, atol=2400 * EPS)


def assert_backward_is_the_derivative(params, activations, X):
    """Along one direction, in which all parameters move at once."""
    rng = np.random.default_rng(1)
    delta, direction = rng.normal(size=(7, 2)), rng.normal(size=params.flat.shape)
    step = 2.0**-17  # about eps^(1/3), where the errors of central differences are least

    def output(t):
        moved = params.view(params.flat + t * direction)
        return np.vdot(delta, scores(moved, activations, X))

    expected = (output(step) - output(-step)) / (2 * step)
    found = gradient_of(params, activations, X, delta).flat @ direction
    # The rule errs by step^2 f'''/6, with f''' < 1e4 here, and by eps |f| / step, |f| < 1e3.
    assert abs(found - expected) < 1e-6


@every_activation
@every_depth
def test_backward_is_the_derivative_along_any_direction(name, hidden):
    assert_backward_is_the_derivative(*network(hidden, name))


@every_activation
@pytest.mark.parametrize("other", ["tanh", "softplus"])
def test_backward_takes_the_derivative_of_each_layers_own_activation(name, other):
    params, _, X = network((4, 3))
    for names in ((name, other), (other, name)):
        assert_backward_is_the_derivative(params, [ACTIVATIONS[n]() for n in names], X)


def test_without_hidden_layer_the_gradient_is_a_product_and_a_sum():
    params, activations, X = network(())
    delta = np.random.default_rng(1).normal(size=(7, 2))
    grad = gradient_of(params, activations, X, delta)
    # sums of 7 products of numbers below 4
    assert_allclose(grad.weights[0], X.T @ delta, rtol=0, atol=7 * 16 * EPS)
    assert_allclose(grad.biases[0], delta.sum(axis=0), rtol=0, atol=7 * 4 * EPS)


@every_activation
def test_nothing_that_belongs_to_the_caller_is_changed(name):
    params, activations, X = network(name=name)
    flat, X_before, delta = params.flat.copy(), X.copy(), np.ones((7, 2))
    gradient_of(params, activations, X, delta)
    raw_scores(params, activations, X)
    assert_array_equal(params.flat, flat)
    assert_array_equal(X, X_before)


@every_activation
def test_a_workspace_can_be_used_again(name):
    params, activations, X = network(name=name)
    work, grad = Workspace(params, activations, 7), params.copy()
    fresh = gradient_of(params, activations, X, 1.0)
    for other in (np.zeros_like(X), X):
        forward(params, activations, other, work)
        work.raw[...] = 1
        backward(params, activations, work, grad)
    assert_array_equal(grad.flat, fresh.flat)


@pytest.mark.parametrize("sparse", [csr_array, csr_matrix])
@every_depth
def test_sparse_equals_dense(sparse, hidden):
    params, activations, X = network(hidden)
    X[np.abs(X) < 0.7] = 0
    X[2] = 0
    delta = np.random.default_rng(1).normal(size=(7, 2))
    expected = scores(params, activations, X)
    # other orders of sums of a few products, over 4 layers, of numbers below 100
    assert_allclose(scores(params, activations, sparse(X)), expected, rtol=0, atol=2400 * EPS)
    assert_allclose(raw_scores(params, activations, sparse(X)), expected, rtol=0, atol=2400 * EPS)
    found, expected = (gradient_of(params, activations, A, delta) for A in (sparse(X), X))
    assert_allclose(found.flat, expected.flat, rtol=0, atol=2400 * EPS)


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("rows_per_chunk", [0.5, 1, 4])
def test_scores_in_chunks_are_those_of_the_whole(monkeypatch, n, rows_per_chunk):
    params, activations, X = network((5, 2), n=n)
    whole = scores(params, activations, X)
    monkeypatch.setattr(network_module, "_ELEMENTS_PER_CHUNK", int(rows_per_chunk * 5))
    chunks = []
    monkeypatch.setattr(
        network_module, "forward", lambda *args: chunks.append(args) or forward(*args)
    )
    for A in (X, csr_array(X)):
        # a product of fewer rows may sum in another order
        assert_allclose(raw_scores(params, activations, A), whole, rtol=0, atol=2400 * EPS)
    assert all(args[2].shape[0] <= max(1, rows_per_chunk) for args in chunks)


def test_scores_of_layers_are_those_of_parameters():
    params, activations, X = network()
    layers = Layers(params.weights, params.biases)
    assert_array_equal(raw_scores(layers, activations, X), raw_scores(params, activations, X))


def test_permuting_rows_permutes_scores_and_keeps_the_gradient():
    params, activations, X = network()
    order = np.random.default_rng(1).permutation(7)
    delta = np.random.default_rng(2).normal(size=(7, 2))
    expected = scores(params, activations, X)[order]
    assert_allclose(scores(params, activations, X[order]), expected, rtol=0, atol=64 * EPS)
    found, expected = (
        gradient_of(params, activations, X[rows], delta[rows]).flat for rows in (order, range(7))
    )
    assert_allclose(found, expected, rtol=0, atol=2400 * EPS)


@every_activation
def test_permuting_hidden_units_changes_no_score_and_permutes_the_gradient(name):
    params, activations, X = network((4, 3), name)
    order = np.array([2, 0, 3, 1])

    def permuted(given):
        twin = given.copy()
        twin.weights[0][...] = given.weights[0][:, order]
        twin.biases[0][...] = given.biases[0][order]
        twin.weights[1][...] = given.weights[1][order]
        return twin

    expected = scores(params, activations, X)
    assert_allclose(scores(permuted(params), activations, X), expected, rtol=0, atol=2400 * EPS)
    found = gradient_of(permuted(params), activations, X, 1.0)
    expected = permuted(gradient_of(params, activations, X, 1.0))
    assert_allclose(found.flat, expected.flat, rtol=0, atol=2400 * EPS)


@every_activation
def test_float32_is_kept(name):
    params, activations, X = network(name=name, dtype=np.float32)
    double = Parameters(params.units, params.flat.astype(np.float64))
    work = Workspace(params, activations, 7)
    assert {array.dtype for array in [*work.z, *work.a, *work.delta]} == {np.dtype(np.float32)}
    found, expected = raw_scores(params, activations, X), raw_scores(double, activations, X)
    assert found.dtype == np.float32
    assert_allclose(found, expected, rtol=0, atol=2400 * np.finfo(np.float32).eps)
    grad = gradient_of(params, activations, X, 1.0).flat
    assert grad.dtype == np.float32
    expected = gradient_of(double, activations, X, 1.0).flat
    assert_allclose(grad, expected, rtol=0, atol=2400 * np.finfo(np.float32).eps)


# Dropout


def dropping(rates, seed):
    return Dropout(rates, np.random.default_rng(seed))


@every_activation
@pytest.mark.parametrize("rates", [[0.0, 0.5, 0.3], [0.4, 0.0, 0.0], [0.4, 0.5, 0.3]])
def test_backward_with_dropout_is_the_derivative_for_the_same_masks(name, rates):
    params, activations, X = network(name=name)
    rng = np.random.default_rng(1)
    delta, direction = rng.normal(size=(7, 2)), rng.normal(size=params.flat.shape)
    step = 2.0**-17

    def output(t):
        moved = params.view(params.flat + t * direction)
        return np.vdot(delta, scores(moved, activations, X, dropping(rates, 0)))

    expected = (output(step) - output(-step)) / (2 * step)
    found = gradient_of(params, activations, X, delta, dropping(rates, 0)).flat @ direction
    # as without dropout; what is kept is at most doubled, layer by layer
    assert abs(found - expected) < 8e-6
    without = gradient_of(params, activations, X, delta).flat @ direction
    assert abs(found - without) > 1e-3


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dropout_keeps_its_share_and_the_mean(sparse, dtype):
    X = np.ones((400, 50), dtype)
    dropped = dropping([0.3], 0).of_input(csr_array(X) if sparse else X)
    dropped = dropped.toarray() if sparse else dropped
    assert dropped.dtype == dtype
    assert_array_equal(X, 1)
    assert_allclose(np.unique(dropped), [0, 1 / 0.7], rtol=4 * np.finfo(dtype).eps)
    # 20000 independent choices: five standard errors
    assert np.mean(dropped == 0) == pytest.approx(0.3, abs=5 * np.sqrt(0.3 * 0.7 / 20_000))


def test_dropout_of_a_hidden_layer_zeroes_or_scales_its_values():
    params, activations, X = network()
    work, plain = (Workspace(params, activations, 7) for _ in range(2))
    forward(params, activations, X, work, dropping([0.0, 0.5, 0.0], 0))
    forward(params, activations, X, plain)
    kept = work.a[0] != 0
    assert 0 < kept.sum() < kept.size
    assert_allclose(work.a[0], np.where(kept, 2 * plain.a[0], 0), rtol=4 * EPS)


def test_rates_of_zero_are_no_dropout():
    params, activations, X = network()
    found = gradient_of(params, activations, X, 1.0, dropping([0.0, 0.0, 0.0], 0))
    assert_array_equal(found.flat, gradient_of(params, activations, X, 1.0).flat)


def test_masks_are_drawn_anew_for_each_batch():
    params, activations, X = network()
    dropout = dropping([0.4, 0.5, 0.3], 0)
    first, second = (scores(params, activations, X, dropout) for _ in range(2))
    assert np.any(first != second)
