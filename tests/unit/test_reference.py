"""One sample at a time with plain loops, and all at once with matrices: the same numbers."""

import numpy as np
import pytest

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor, reference
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.batches import Batch
from sknn_scratch.engine.losses import LOSSES, REGRESSION_LOSSES, DevianceLoss
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.estimators.build import build_objective
from sknn_scratch.estimators.prepare import prepare
from sknn_scratch.gradient_check import check_gradient

from ..loss_targets import draw_targets
from ..pairs import PAIRS

N, N_IN, N_OUT = 9, 4, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, N_IN))
CODES = np.arange(N) % N_OUT
TARGETS = {
    "log_loss": np.eye(N_OUT)[CODES],
    "binary_log_loss": (RNG.random((N, N_OUT)) > 0.5).astype(float),
    "squared_error": RNG.normal(size=(N, N_OUT)),
    "poisson": RNG.poisson(2.0, size=(N, N_OUT)).astype(float),
} | {
    name: draw_targets(name, RNG, N, N_OUT)
    for name, loss in REGRESSION_LOSSES.items()
    if issubclass(loss, DevianceLoss)
}


def assert_close(actual, desired):
    # Both add up the same few dozen products of size 1 to 10, in another order: some 100 eps
    np.testing.assert_allclose(actual, desired, rtol=1e-12, atol=1e-13)


def drawn(units, seed=0):
    rng = np.random.default_rng(seed)
    params = Parameters.empty(units, float)
    params.flat[...] = rng.normal(scale=0.6, size=params.flat.size)
    return params


def test_there_is_a_target_for_every_loss():
    assert set(TARGETS) == set(LOSSES)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("depth", [0, 1, 2, 3, 4])
@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_loops_equal_matrices(activation, loss, depth, weighted):
    params = drawn([N_IN, *[5, 3, 4, 2][:depth], N_OUT], seed=depth)
    activations, loss_object = [ACTIVATIONS[activation]()] * depth, LOSSES[loss]()
    weight = np.linspace(0.0, 3.0, N) if weighted else None
    objective = Objective(activations, loss_object, [], params)
    grad = params.view(np.full_like(params.flat, np.nan))
    matrix, penalty, _ = objective.value_and_gradient(
        params, Batch.of(X, TARGETS[loss], weight), grad
    )
    assert penalty == 0
    value, dW, db = reference.value_and_gradient(
        params.weights, params.biases, activations, loss_object, X, TARGETS[loss], weight
    )
    assert_close(value, matrix)
    for loops, matrices in zip(dW + db, grad.weights + grad.biases, strict=True):
        assert_close(loops, matrices)


def test_different_activations_in_one_network():
    params, names = drawn([N_IN, 5, 3, 4, N_OUT]), ["gelu", "relu", "softplus"]
    activations, loss = [ACTIVATIONS[name]() for name in names], LOSSES["log_loss"]()
    grad = params.view(np.empty_like(params.flat))
    batch = Batch.of(X, TARGETS["log_loss"])
    Objective(activations, loss, [], params).value_and_gradient(params, batch, grad)
    _, dW, db = reference.value_and_gradient(
        params.weights, params.biases, activations, loss, X, TARGETS["log_loss"]
    )
    for loops, matrices in zip(dW + db, grad.weights + grad.biases, strict=True):
        assert_close(loops, matrices)


def test_forward_is_three_loops_over_numbers():
    params = drawn([3, 2, 4])
    x = [0.3, -1.2, 0.7]
    z, a = reference.forward(params.weights, params.biases, [ACTIVATIONS["tanh"]()], np.array(x))
    inputs = x
    for layer in range(2):
        W, b = params.weights[layer].tolist(), params.biases[layer].tolist()
        expected = []
        for j in range(len(b)):
            total = b[j]
            for i in range(len(inputs)):
                total += inputs[i] * W[i][j]
            expected.append(total)
        assert_close(a[layer], inputs)
        assert_close(z[layer], expected)
        inputs = np.tanh(expected).tolist()
    assert len(z) == len(a) == 2


def test_backward_is_the_chain_rule_over_numbers():
    """Of a net 2-2-1 with tanh: d loss / d W_1[i, j] = delta W_2[j, 0] (1 - a_j^2) x_i."""
    params, tanh = drawn([2, 2, 1]), ACTIVATIONS["tanh"]()
    x, delta = np.array([0.4, -0.9]), np.array([1.7])
    z, a = reference.forward(params.weights, params.biases, [tanh], x)
    dW, db = reference.backward(params.weights, [tanh], z, a, delta)
    W1, W2 = params.weights
    for j in range(2):
        h = np.tanh(x[0] * W1[0, j] + x[1] * W1[1, j] + params.biases[0][j])
        assert_close(dW[1][j, 0], h * 1.7)
        assert_close(db[0][j], 1.7 * W2[j, 0] * (1 - h**2))
        for i in range(2):
            assert_close(dW[0][i, j], 1.7 * W2[j, 0] * (1 - h**2) * x[i])
    assert_close(db[1], [1.7])


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_arguments_are_not_changed(activation):
    params, f = drawn([N_IN, 3, N_OUT]), ACTIVATIONS[activation]()
    before, data = params.flat.copy(), X.copy()
    z, a = reference.forward(params.weights, params.biases, [f], X[0])
    kept = [array.copy() for array in z + a]
    delta = np.ones(N_OUT)
    reference.backward(params.weights, [f], z, a, delta)
    for array, copy in zip(z + a, kept, strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_array_equal(params.flat, before)
    np.testing.assert_array_equal(X, data)
    np.testing.assert_array_equal(delta, 1)


PENALTIES = [
    {"alpha": 0.7},
    {"l1": 0.2},
    {"l2": 0.3},
    {"l1": [0.1, 0.0, 0.3], "l2": [0.0, 0.2, 0.1]},
    {"group_l1": 0.4},
    {"alpha": 0.1, "l1": 0.1, "l2": 0.1, "group_l1": 0.1},
    {"dropout": 0.5, "weight_decay": 0.1, "max_norm": 5.0},
]


def matrices_of(model, X, y, weight=None):
    """Return F and its gradient, with subgradients, as training computes them."""
    params = Parameters.from_layers(model.coefs_, model.intercepts_, float)
    data = prepare(model, X, y, weight, continued=True, partial=True)
    batch = Batch.of(data.X, data.training_y, data.training_weight)
    objective = build_objective(model, data.loss, params)
    grad = params.view(np.empty_like(params.flat))
    loss, penalty, _ = objective.value_and_gradient(params, batch, grad)
    objective.add_subgradient(params, grad)
    return loss + penalty, grad.weights, grad.biases


def assert_same(found, expected):
    assert_close(found[0], expected[0])
    for part, matrices in zip(found[1] + found[2], expected[1] + expected[2], strict=True):
        assert_close(part, matrices)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
def test_objective_with_penalties(penalty, weighted):
    weight = np.linspace(0.5, 3.0, N) if weighted else None
    classifier = MLPScratchClassifier((5, 3), "gelu", random_state=0, **penalty)
    classifier.set_params(class_weight={0: 2.0, 1: 1.0, 2: 0.5}, label_smoothing=0.1)
    classifier.partial_fit(X, CODES, classes=range(3))
    regressor = MLPScratchRegressor("poisson", (5, 3), "tanh", random_state=0, **penalty)
    regressor.partial_fit(X, TARGETS["poisson"])
    for model, y in [(classifier, CODES), (regressor, TARGETS["poisson"])]:
        model.coefs_[0][1] = 0  # a row, and weights, at the kink
        model.coefs_[1][0, 0] = 0
        found = reference.objective_and_gradient(model, X, y, weight)
        assert_same(found, matrices_of(model, X, y, weight))


def test_objective_without_hidden_layer_by_hand():
    model = MLPScratchRegressor(hidden_layer_sizes=(), l1=0.2, l2=0.3, alpha=0.5, group_l1=0.4)
    y, weight = X @ [1.0, 0.0, -2.0, 0.5], np.linspace(0.5, 2, N)
    model.set_params(random_state=0).partial_fit(X, y, weight)
    w, total = model.coefs_[0][:, 0], weight.sum()
    residual = X @ w + model.intercepts_[0][0] - y
    F = 0.5 * (weight * residual**2).sum() / total + 0.5 * 0.5 / total * (w**2).sum()
    F += (0.2 + 0.4) * np.abs(w).sum() + 0.3 * (w**2).sum()  # a row holds one weight
    slope = X.T @ (weight * residual) / total + (0.5 / total + 0.6) * w + 0.6 * np.sign(w)
    value, dW, db = reference.objective_and_gradient(model, X, y, weight)
    assert_close(value, F)
    assert_close(dW[0][:, 0], slope)
    assert_close(db[0][0], (weight * residual).sum() / total)


def test_string_labels_and_a_model_that_is_not_changed():
    names = np.array(["ash", "elm", "fir"], dtype=object)
    model = MLPScratchClassifier((4, 4), "silu", random_state=0)
    model.partial_fit(X, names[CODES], classes=names)
    before = [w.copy() for w in model.coefs_ + model.intercepts_]
    found = reference.objective_and_gradient(model, X, names[CODES])
    assert_same(found, matrices_of(model, X, names[CODES]))
    for array, copy in zip(model.coefs_ + model.intercepts_, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_it_is_what_the_gradient_check_compares():
    model = MLPScratchClassifier((4, 3), "tanh", l1=0.01, random_state=0)
    model.partial_fit(X, CODES, classes=range(3))
    _, dW, db = reference.objective_and_gradient(model, X, CODES)
    loops = np.concatenate([array.ravel() for array in dW + db])
    check = check_gradient(model, X, CODES)
    assert_close(check.backprop, loops)
    # Rounding of an F of about 1, over a step of 1e-5
    np.testing.assert_allclose(check.numeric, loops, rtol=1e-6, atol=1e-9)
