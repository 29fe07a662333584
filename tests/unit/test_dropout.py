"""Dropout: what it leaves unchanged on average, where its noise comes from, its derivative."""

import io
import pickle
import warnings

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.batches import Batch
from sknn_scratch.engine.dropout import Dropout
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.engine.network import Workspace, forward
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters

X, Y = load_iris(return_X_y=True)
X = scale(X)
MODEL = MLPScratchClassifier((8, 6), dropout=0.3, max_iter=10, random_state=0, batch_size=40)


def fitted(model, X=X, y=Y, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, **kwargs)


def assert_same_bits(model, other):
    arrays = zip(model.coefs_ + model.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    for mine, yours in arrays:
        np.testing.assert_array_equal(mine, yours)


def weights_differ(model, other):
    pairs = zip(model.coefs_, other.coefs_, strict=True)
    return all(not np.array_equal(mine, yours) for mine, yours in pairs)


def generator(seed=0):
    return np.random.Generator(np.random.SFC64(seed))


def drawn(units, dtype=float, seed=0):
    params = Parameters.empty(units, dtype)
    params.flat[...] = np.random.default_rng(seed).normal(scale=0.5, size=params.flat.shape)
    return params


# The masks


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_a_value_is_zero_or_divided_by_the_share_that_is_kept(rate, dtype):
    dropout, n = Dropout([0.0, rate], generator()), 40_000
    a = np.full((n // 10, 10), 3.0, dtype)
    dropout.apply(1, a)
    # 1 / (1 - rate), and its product with 3, are rounded once each
    np.testing.assert_allclose(a[a != 0], 3 / (1 - rate), rtol=2 * np.finfo(dtype).eps)
    error = (rate * (1 - rate) / n) ** 0.5
    assert abs(np.mean(a == 0) - rate) < 4 * error
    assert a.dtype == dtype
    by_column = np.mean(a == 0, axis=0)  # all units, not some of them
    assert np.abs(by_column - rate).max() < 5 * error * 10**0.5


def test_expected_values_are_preserved_in_every_layer():
    """With one layer dropped the next z is linear in the mask: its mean is that without."""
    params, identity = drawn([4, 6, 5, 3]), ACTIVATIONS["identity"]()
    for rates in ([0.3, 0, 0], [0, 0.5, 0], [0, 0, 0.7], [0.2, 0.5, 0.3]):
        work = Workspace(params, [identity] * 2, 20)
        plain = forward(params, [identity] * 2, X[:20], work).copy()
        dropout, n = Dropout(rates, generator()), 2000
        z = np.array(
            [forward(params, [identity] * 2, X[:20], work, dropout).copy() for _ in range(n)]
        )
        error = z.std(axis=0) / n**0.5
        # Sixty numbers: the largest of them is beyond five standard errors once in 10^5 seeds
        assert (np.abs(z.mean(axis=0) - plain) < 5 * error).all()


def test_masks_are_new_for_every_batch_and_every_layer():
    dropout, seen = Dropout([0.5, 0.5, 0.5], generator()), []
    for _ in range(3):
        for layer in (1, 2):
            a = np.ones((6, 7))
            dropout.apply(layer, a)
            seen.append(a.tobytes())
    assert len(set(seen)) == len(seen)


def test_input_is_not_changed():
    data = X.copy()
    dropout = Dropout([0.5], generator())
    dropped = dropout.of_input(X)
    assert not np.shares_memory(dropped, X)
    np.testing.assert_array_equal(X, data)
    kept = dropped != 0
    np.testing.assert_allclose(dropped[kept], 2 * X[kept], rtol=1e-15)
    assert 0.4 < kept.mean() < 0.6  # 600 values: within five standard errors


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_input(dtype):
    dense = np.where(np.abs(X) > 0.5, X, 0).astype(dtype)
    sparse = csr_array(dense)
    dropped = Dropout([0.25], generator()).of_input(sparse)
    assert dropped.dtype == dtype
    np.testing.assert_array_equal(sparse.toarray(), dense)
    found, stored = dropped.toarray(), dense != 0
    kept = found != 0
    assert not (kept & ~stored).any()
    np.testing.assert_allclose(found[kept], dense[kept] / 0.75, rtol=4 * np.finfo(dtype).eps)
    share = kept.sum() / stored.sum()
    assert abs(share - 0.75) < 5 * (0.25 * 0.75 / stored.sum()) ** 0.5


# The derivative


@pytest.mark.parametrize("rates", [[0.0, 0.4, 0.3], [0.3, 0.0, 0.0], [0.2, 0.5, 0.6]])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_under_a_fixed_mask_is_the_numeric_derivative(activation, rates):
    params, batch = drawn([4, 5, 6, 3]), Batch.of(X[:12], np.eye(3)[np.arange(12) % 3])
    activations = [ACTIVATIONS[activation]()] * 2
    grad = params.view(np.empty_like(params.flat))

    def loss():
        dropout = Dropout(rates, generator(5))  # the same draws at each call
        objective = Objective(activations, LOSSES["log_loss"](), [], params, dropout)
        return objective.value_and_gradient(params, batch, grad)[0]

    loss()
    gradient, numeric = grad.flat.copy(), np.empty_like(grad.flat)
    for i, p in enumerate(params.flat.tolist()):
        params.flat[i] = p + 1e-5
        above = loss()
        params.flat[i] = p - 1e-5
        numeric[i] = (above - loss()) / 2e-5
        params.flat[i] = p
    # The error of the quotient is h^2 = 1e-10, and eps / h = 2e-11 by rounding, times a few
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=2e-9)
    assert np.count_nonzero(gradient) > 20


def test_the_mask_acts_on_the_gradient_and_not_on_the_value():
    params, batch = drawn([4, 5, 3]), Batch.of(X, np.eye(3)[Y])
    tanh, loss = [ACTIVATIONS["tanh"]()], LOSSES["log_loss"]()
    plain = Objective(tanh, loss, [], params)
    dropped = Objective(tanh, loss, [], params, Dropout([0, 0.5], generator()))
    assert plain.value(params, batch) == dropped.value(params, batch)
    grad = params.view(np.empty_like(params.flat))
    losses = [dropped.value_and_gradient(params, batch, grad)[0] for _ in range(2)]
    assert len({*losses, plain.value(params, batch)[0]}) == 3


# Where the noise comes from


def test_reproducible_by_random_state():
    assert_same_bits(fitted(clone(MODEL)), fitted(clone(MODEL)))
    # The first weights and the order of the samples depend on the seed as well: hold them fixed
    model = clone(MODEL).set_params(warm_start=True, shuffle=False)
    one, other = fitted(clone(model)), fitted(clone(model))
    assert_same_bits(one, other)
    assert weights_differ(fitted(one.set_params(random_state=1)), fitted(other))


def test_dropout_makes_a_difference_in_every_layer():
    for rates in ([0.3, 0, 0], [0, 0.3, 0], [0, 0, 0.3]):
        model = clone(MODEL).set_params(dropout=rates)
        assert weights_differ(fitted(model), fitted(clone(MODEL).set_params(dropout=0.0)))


def test_one_number_is_for_the_hidden_layers():
    per_layer = clone(MODEL).set_params(dropout=[0.0, 0.3, 0.3])
    assert_same_bits(fitted(clone(MODEL)), fitted(per_layer))
    assert_same_bits(
        fitted(clone(MODEL).set_params(dropout=np.array([0.1, 0.2, 0.0]))),
        fitted(clone(MODEL).set_params(dropout=(0.1, 0.2, 0))),
    )


@pytest.mark.parametrize("zero", [0, 0.0, [0.0, 0, 0]])
def test_without_dropout_the_random_numbers_are_those_of_scikit_learn(zero):
    params = {"hidden_layer_sizes": (8, 6), "max_iter": 5, "batch_size": 30}
    mine, yours = np.random.RandomState(3), np.random.RandomState(3)
    model = fitted(MLPScratchClassifier(random_state=mine, dropout=zero, **params))
    theirs = fitted(MLPClassifier(random_state=yours, **params))
    np.testing.assert_array_equal(mine.uniform(size=5), yours.uniform(size=5))
    for W, V in zip(model.coefs_, theirs.coefs_, strict=True):
        np.testing.assert_allclose(W, V, rtol=1e-10, atol=1e-13)  # five epochs of rounding


def test_no_dropout_at_prediction_nor_on_the_validation_set():
    model = fitted(clone(MODEL), X_val=X, y_val=Y)
    first = model.predict_proba(X)
    np.testing.assert_array_equal(first, model.predict_proba(X))
    # Scikit-learn, which knows no dropout: the same formulas
    np.testing.assert_allclose(first, model.to_sklearn().predict_proba(X), rtol=1e-12)
    # The log loss, by the probabilities of prediction, which are clipped at eps only
    expected = -np.mean(np.log(first[np.arange(150), Y]))
    assert model.history_["validation_loss"][-1] == pytest.approx(expected, rel=1e-13)
    assert model.history_["validation_score"][-1] == model.score(X, Y)


@pytest.mark.parametrize("solver", ["gd", "nag", "sgd", "adam"])
@pytest.mark.parametrize("Estimator", [MLPScratchClassifier, MLPScratchRegressor])
def test_every_solver(Estimator, solver):
    model = Estimator(hidden_layer_sizes=8, solver=solver, random_state=0, max_iter=5)
    plain = fitted(clone(model))
    assert weights_differ(plain, fitted(model.set_params(dropout=0.4)))
    assert np.isfinite(model.predict(X)).all()


def test_input_dropout_without_hidden_layer():
    model = MLPScratchClassifier((), solver="gd", learning_rate_init=0.1, max_iter=5)
    plain = fitted(clone(model.set_params(random_state=0)))
    assert weights_differ(plain, fitted(clone(model).set_params(dropout=[0.5])))
    assert_same_bits(plain, fitted(clone(model).set_params(dropout=0.5)))  # no hidden layer


def test_single_precision_is_kept():
    model = fitted(clone(MODEL).set_params(dropout=[0.1, 0.2, 0.3]), X=X.astype(np.float32))
    assert {w.dtype for w in model.coefs_ + model.intercepts_} == {np.dtype(np.float32)}


def test_sparse_data_is_as_good_as_dense():
    few = np.where(np.abs(X) > 0.5, X, 0)
    hidden = clone(MODEL)  # the same draws where the input is not dropped
    for dense, sparse in zip(
        fitted(clone(hidden), X=few).coefs_, fitted(hidden, X=csr_array(few)).coefs_, strict=True
    ):
        # Sums over four features in another order, over 40 steps
        np.testing.assert_allclose(sparse, dense, rtol=1e-9, atol=1e-12)
    model = clone(MODEL).set_params(dropout=[0.2, 0.1, 0], max_iter=60, learning_rate_init=0.01)
    assert fitted(model, X=csr_array(few)).score(csr_array(few), Y) > 0.8


# Going on


def test_partial_fit_draws_new_masks_at_each_call():
    """A step of exactly zero leaves the weights: only the masks of the calls differ."""
    model = clone(MODEL).set_params(learning_rate=lambda epoch: 0.0, shuffle=False)
    for _ in range(6):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    assert len(set(model.history_["loss"])) == 6
    again = clone(model)
    for _ in range(6):
        again.partial_fit(X, Y, classes=[0, 1, 2])
    assert again.history_["loss"] == model.history_["loss"]


@pytest.mark.parametrize("solver", ["gd", "nag", "sgd", "adam"])
def test_resumed_training_ends_in_the_same_bits(solver):
    model = clone(MODEL).set_params(solver=solver, warm_start="resume", dropout=[0.1, 0.3, 0.2])
    whole = fitted(clone(model))
    halves = fitted(clone(model).set_params(max_iter=5))
    assert weights_differ(whole, halves)
    saved = pickle.loads(pickle.dumps(halves))
    assert_same_bits(whole, fitted(halves))
    assert_same_bits(whole, fitted(saved))
    assert halves.history_["loss"] == whole.history_["loss"]


def test_masks_are_not_saved():
    """A model trained on more samples is not larger, but for a few digits of numbers."""
    sizes = []
    for n in (10, 150):
        model = clone(MODEL).set_params(batch_size=n, hidden_layer_sizes=(100,), warm_start=True)
        file = io.BytesIO()
        joblib.dump(
            fitted(model, X=X[:n] if n == 150 else X[::15], y=Y[:n] if n == 150 else Y[::15]), file
        )
        sizes.append(len(file.getvalue()))
    assert sizes[1] - sizes[0] < 150 * 8  # masks of 150 x 100 would be a hundred times this
