"""Forward and backward pass one sample at a time, to be read beside the equations.

The package itself works on whole batches (`sknn_scratch.engine.network`). Here is the same
mathematics for a single sample x, a vector: loops over samples and layers, no batch, no buffers.
It is slow, and an oracle: its gradients, averaged over the samples, are those of the matrix
products.

Notation: layer l has the weights W_l (n_in, n_out) and biases b_l (n_out,). a_0 = x;
z_l = W_l^T a_{l-1} + b_l; a_l = f_l(z_l) for the hidden layers. The last z are the raw scores; the
loss is a function of them. delta_l is d loss / d z_l.
"""

import copy

import numpy as np
from sklearn.base import BaseEstimator

from sknn_scratch._typing import ArrayLike
from sknn_scratch.engine.activations import Activation
from sknn_scratch.engine.losses import Loss
from sknn_scratch.engine.outputs import quietly
from sknn_scratch.estimators.build import build_activations, per_matrix
from sknn_scratch.estimators.prepare import prepare

__all__ = ["backward", "forward", "objective_and_gradient", "value_and_gradient"]

Arrays = list[np.ndarray]  # one for each layer


def forward(
    weights: Arrays, biases: Arrays, activations: list[Activation], x: np.ndarray
) -> tuple[Arrays, Arrays]:
    """Compute z_l and a_l of every layer for one sample.

    Parameters
    ----------
    weights : list of n_layers - 1 ndarrays of shape (n_in, n_out)
        Weight matrices, such as `coefs_`.
    biases : list of n_layers - 1 ndarrays of shape (n_out,)
        Biases, such as `intercepts_`.
    activations : list of n_layers - 2 Activation objects
        One for each hidden layer.
    x : ndarray of shape (n_features,)
        The sample.

    Returns
    -------
    z : list of ndarrays
        z_1, z_2, ...; the last are the raw scores.
    a : list of ndarrays
        a_0 = x, a_1, ...: what goes into each layer.
    """
    z, a = [], [x]
    for layer, (W, b) in enumerate(zip(weights, biases, strict=True)):
        z.append(W.T @ a[layer] + b)
        if layer < len(activations):
            a.append(_f(activations[layer], z[layer]))
    return z, a


def backward(
    weights: Arrays, activations: list[Activation], z: Arrays, a: Arrays, delta: np.ndarray
) -> tuple[Arrays, Arrays]:
    """Compute the gradient of the loss of one sample.

    Parameters
    ----------
    weights, activations : lists
        As in `forward`.
    z, a : lists of ndarrays
        As `forward` returns them.
    delta : ndarray of shape (n_outputs,)
        d loss / d raw scores.

    Returns
    -------
    dW : list of ndarrays
        d loss / d W_l = a_{l-1} delta_l^T.
    db : list of ndarrays
        d loss / d b_l = delta_l.
    """
    dW, db = [], []
    for layer in reversed(range(len(weights))):
        dW.insert(0, np.outer(a[layer], delta))
        db.insert(0, delta)
        if layer > 0:
            delta = (weights[layer] @ delta) * _f_prime(activations[layer - 1], z[layer - 1])
    return dW, db


def value_and_gradient(
    weights: Arrays,
    biases: Arrays,
    activations: list[Activation],
    loss: Loss,
    X: np.ndarray,
    y: np.ndarray,
    sample_weight: np.ndarray | None = None,
) -> tuple[float, Arrays, Arrays]:
    """Average the loss and its gradient over samples, one by one.

    Parameters
    ----------
    weights, biases, activations : lists
        As in `forward`.
    loss : Loss object
        Of `sknn_scratch.engine.losses.LOSSES`.
    X : ndarray of shape (n_samples, n_features)
        The samples.
    y : ndarray of shape (n_samples, n_outputs)
        The targets, classes one-hot.
    sample_weight : ndarray of shape (n_samples,) or (n_samples, n_outputs), default=None
        Weights w_i, or w_ik of each target; all 1 if None.

    Returns
    -------
    value : float
        sum_i w_i loss_i / sum_i w_i, or sum_ik w_ik loss_ik / sum_i max_k w_ik.
    dW, db : lists of ndarrays
        Its gradient.
    """
    n_samples = X.shape[0]
    w = np.ones(n_samples) if sample_weight is None else sample_weight
    total, value = _total(w), 0.0
    mean_dW, mean_db = ([np.zeros_like(array) for array in arrays] for arrays in (weights, biases))
    for i in range(n_samples):
        z, a = forward(weights, biases, activations, X[i])
        delta = z[-1].copy()
        value += _weighted_loss(loss, delta, y[i], w[i]) / total
        dW, db = backward(weights, activations, z, a, delta)
        for mean, term in zip(mean_dW + mean_db, dW + db, strict=True):
            mean += term / total
    return float(value), mean_dW, mean_db


@quietly
def objective_and_gradient(
    estimator: BaseEstimator,
    X: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
) -> tuple[float, Arrays, Arrays]:
    """Compute F and its gradient at the weights of a fitted estimator, sample by sample.

    ::

        F = (1/S) sum_i w_i loss_i + alpha / (2 S) sum_l ||W_l||_2^2
            + sum_l ( l1_l ||W_l||_1 + l2_l ||W_l||_2^2 ) + group_l1 sum_j ||row j of W_1||_2

    Here S = sum_i w_i. Where a weight, or a row, is zero the subgradient 0 is taken.

    Parameters
    ----------
    estimator : MLPScratchClassifier or MLPScratchRegressor
        Fitted.
    X : array-like of shape (n_samples, n_features)
        The samples.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The targets.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Weights, or those of each target; all 1 if None.

    Returns
    -------
    value : float
        F.
    dW, db : lists of ndarrays
        Its gradient.
    """
    estimator = copy.deepcopy(estimator)
    double = np.dtype(np.float64)
    data = prepare(estimator, X, y, sample_weight, continued=True, partial=True, dtype=double)
    X, y, w = data.X, data.training_y, data.training_weight
    weights, biases = estimator.coefs_, estimator.intercepts_
    activations = build_activations(estimator, n_hidden=len(weights) - 1)
    value, dW, db = value_and_gradient(weights, biases, activations, data.loss, X, y, w)
    total = X.shape[0] if w is None else _total(w)
    l1, l2 = per_matrix(estimator, "l1"), per_matrix(estimator, "l2")
    for layer, W in enumerate(weights):
        ridge = l2[layer] + estimator.alpha / (2 * total)
        value += l1[layer] * np.abs(W).sum() + ridge * (W**2).sum()
        dW[layer] += l1[layer] * np.sign(W) + 2 * ridge * W
    for row, W_j in enumerate(weights[0]):
        length = np.sqrt((W_j**2).sum())
        value += estimator.group_l1 * length
        if length > 0:
            dW[0][row] += estimator.group_l1 * W_j / length
    return float(value), dW, db


def _total(w):
    """Return S: a sample weighs as much as the heaviest of its targets."""
    return sum(np.max(w_i) for w_i in w)


def _weighted_loss(loss, z, y, w):
    """Return w loss(z, y) of a sample, and overwrite z with its gradient; w may be a vector."""
    if np.ndim(w) == 0:
        value = w * loss.value_and_gradient(z, y)
        z *= w
        return value
    value = 0.0
    for k in range(len(w)):  # each target by itself, as a vector of one element
        z_k, y_k = z[k : k + 1], y[k : k + 1]
        value += _weighted_loss(loss, z_k, y_k, w[k]) if w[k] > 0 else 0
    z[w == 0] = 0
    return value


def _f(activation, z):
    a = z.copy()
    activation.forward(z.copy() if activation.needs_z else a, a)
    return a


def _f_prime(activation, z):
    a, derivative = _f(activation, z), np.ones_like(z)
    activation.backward(z.copy() if activation.needs_z else a, a, derivative)
    return derivative
