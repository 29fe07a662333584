"""Losses, as in `sknn_scratch.engine.losses`.

Each writes the loss of each sample and its share of the score; z becomes d loss / dz.
"""

import math

import numpy as np

from sknn_scratch.engine.kernels.activations import logistic
from sknn_scratch.engine.kernels.compiler import compiled, inlined
from sknn_scratch.engine.kernels.functions import exp, faded, log1p_exp
from sknn_scratch.engine.kernels.records import BINARY_LOG_LOSS, LOG_LOSS, POISSON, SQUARED_ERROR


@compiled
def _log_loss(z, y, loss_of, score_of):
    """-sum_k y_k log softmax(z)_k; d/dz = softmax(z) - y."""
    n, n_classes = z.shape
    for i in range(n):
        predicted = true = 0
        for k in range(1, n_classes):
            predicted = k if z[i, k] > z[i, predicted] else predicted
            true = k if y[i, k] > y[i, true] else true
        score_of[i] = predicted == true
        largest = z[i, predicted]
        of_target = z.dtype.type(0)
        for k in range(n_classes):
            z[i, k] -= largest
            of_target += y[i, k] * z[i, k]
        loss_of[i] = -of_target
    # In one loop over all scores: rows of a few classes are too short to do several at a time
    flat = z.reshape(z.size)
    for i in range(flat.size):
        flat[i] = exp(flat[i])
    for i in range(n):
        total = z.dtype.type(0)
        for k in range(n_classes):
            total += z[i, k]
        loss_of[i] += math.log(total)
        share = z.dtype.type(1) / total  # one division for a sample, not one for each class
        for k in range(n_classes):
            z[i, k] = z[i, k] * share - y[i, k]


@compiled
def _binary_log_loss(z, y, loss_of, score_of):
    """sum_k log(1 + exp(z_k)) - y_k z_k; d/dz = 1 / (1 + exp(-z)) - y."""
    for i in range(z.shape[0]):
        loss, right = z.dtype.type(0), True
        for k in range(z.shape[1]):
            loss += log1p_exp(z[i, k]) - y[i, k] * z[i, k]
            right &= (z[i, k] > 0) == (y[i, k] > 0.5)
            z[i, k] = logistic(z[i, k]) - y[i, k]
        loss_of[i], score_of[i] = loss, right


@compiled
def _squared_error(z, y, y_variance, loss_of, score_of):
    """1/2 sum_k (z_k - y_k)^2; d/dz = z - y."""
    for i in range(z.shape[0]):
        loss, explained = z.dtype.type(0), z.dtype.type(0)
        for k in range(z.shape[1]):
            z[i, k] -= y[i, k]
            square = z[i, k] * z[i, k]
            loss += z.dtype.type(0.5) * square
            explained += square / y_variance[k]
        loss_of[i] = loss
        score_of[i] = 1 - explained / z.shape[1]


@compiled
def _poisson(z, y, y_variance, loss_of, score_of):
    """sum_k y_k log(y_k / m_k) - y_k + m_k with m = exp(z); d/dz = m - y."""
    for i in range(z.shape[0]):
        loss, explained = z.dtype.type(0), z.dtype.type(0)
        for k in range(z.shape[1]):
            if y[i, k] > 0:  # y log(y / m) = y log(y) - y z: exact where m underflows to zero
                loss += y[i, k] * math.log(y[i, k])
            loss -= y[i, k] * z[i, k]
            z[i, k] = exp(z[i, k]) - y[i, k]
            loss += z[i, k]
            explained += z[i, k] * z[i, k] / y_variance[k]
        loss_of[i] = loss
        score_of[i] = 1 - explained / z.shape[1]


@inlined
def loss_and_gradient(code, z, y, weight, total, y_variance, loss_of, score_of):
    """Return the means of loss and score with these weights; z becomes their gradient in z.

    What is negligible in it becomes zero as in `subnormals`, in every batch: here that is free.
    """
    if code == LOG_LOSS:
        _log_loss(z, y, loss_of, score_of)
    elif code == BINARY_LOG_LOSS:
        _binary_log_loss(z, y, loss_of, score_of)
    elif code == SQUARED_ERROR:
        _squared_error(z, y, y_variance, loss_of, score_of)
    elif code == POISSON:
        _poisson(z, y, y_variance, loss_of, score_of)
    negligible = z.dtype.type(math.sqrt(faded(z)))
    # In double precision, as in `objective`: epochs are compared by digits that float32 would lose
    loss = score = 0.0
    for i in range(z.shape[0]):
        loss += weight[i] * np.float64(loss_of[i])
        score += weight[i] * np.float64(score_of[i])
        share = z.dtype.type(weight[i] / total)
        for k in range(z.shape[1]):
            delta = z[i, k] * share
            z[i, k] = z.dtype.type(0) if abs(delta) < negligible else delta
    return loss / total, score / total
