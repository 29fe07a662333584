"""Losses, as in `sknn_scratch.engine.losses`.

Each writes the loss of each sample and its share of the score; z becomes d loss / dz.
"""

import math

import numpy as np

from sknn_scratch.engine.kernels.activations import logistic
from sknn_scratch.engine.kernels.compiler import compiled, inlined
from sknn_scratch.engine.kernels.functions import exp, faded, log1p_exp
from sknn_scratch.engine.kernels.records import (
    ABSOLUTE_ERROR,
    BINARY_LOG_LOSS,
    GAMMA,
    HUBER,
    LOG_COSH,
    LOG_LOSS,
    POISSON,
    QUANTILE,
    SQUARED_ERROR,
)


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
def _squared_error(z, y, error_of_constant, loss_of, score_of):
    """1/2 sum_k (z_k - y_k)^2; d/dz = z - y."""
    for i in range(z.shape[0]):
        loss, explained = z.dtype.type(0), z.dtype.type(0)
        for k in range(z.shape[1]):
            z[i, k] -= y[i, k]
            square = z[i, k] * z[i, k]
            loss += z.dtype.type(0.5) * square
            explained += square / error_of_constant[k]
        loss_of[i] = loss
        score_of[i] = 1 - explained / z.shape[1]


@compiled
def _poisson(z, y, error_of_constant, loss_of, score_of):
    """sum_k y_k log(y_k / m_k) - y_k + m_k with m = exp(z); d/dz = m - y."""
    for i in range(z.shape[0]):
        loss, explained = z.dtype.type(0), z.dtype.type(0)
        for k in range(z.shape[1]):
            if y[i, k] > 0:  # y log(y / m) = y log(y) - y z: exact where m underflows to zero
                loss += y[i, k] * math.log(y[i, k])
            loss -= y[i, k] * z[i, k]
            z[i, k] = exp(z[i, k]) - y[i, k]
            loss += z[i, k]
            explained += z[i, k] * z[i, k] / error_of_constant[k]
        loss_of[i] = loss
        score_of[i] = 1 - explained / z.shape[1]


# The functions of one output: those of the C library will do, because there are few outputs


@inlined
def _absolute_error(r):
    """Return |r|, and its sign."""
    of_type = type(r)
    return abs(r), of_type(r > 0) - of_type(r < 0)


@inlined
def _pinball(r, quantile):
    """Return (1 - q) r where r > 0, else -q r, and the slope."""
    of_type = type(r)
    slope = of_type(r > 0) * (of_type(1) - quantile) - of_type(r < 0) * quantile
    return r * slope, slope


@inlined
def _huber(r, delta):
    """Return c (|r| - c / 2) with c = min(|r|, delta), and r within ±delta."""
    c = min(abs(r), delta)
    return c * (abs(r) - type(r)(0.5) * c), -c if r < 0 else c


@inlined
def _log_cosh(r):
    """Return log cosh(r), and tanh(r)."""
    of_type = type(r)
    excess = math.log1p(of_type(0.5) * math.expm1(of_type(-2) * abs(r)))
    return abs(r) + excess, math.tanh(r)


@inlined
def _gamma(z, y):
    """Return y / m - log(y / m) - 1 with m = exp(z), and 1 - y / m."""
    log_ratio = math.log(y) - z
    excess = math.expm1(log_ratio)
    return excess - log_ratio, -excess


@compiled
def _difference_of_powers(log_y, z, e):
    """Return (y^e - m^e) / e with m = exp(z), and log(y / m) for e = 0; exact for small e too."""
    log_ratio = log_y - z
    if e == 0:
        return log_ratio
    larger = math.exp(max(e * log_y, e * z))
    size = larger * -math.expm1(-abs(e * log_ratio)) / abs(e)
    return -size if log_ratio < 0 else size


@inlined
def _tweedie(z, y, power):
    """Return half the Tweedie deviance, as `TweedieLoss` of numpy does, and the slope."""
    of_type = type(z)
    q, s = of_type(1) - power, of_type(2) - power
    without_y = math.exp(s * z)
    if y == 0:
        return without_y / s, without_y
    log_y, slope = math.log(y), without_y - y * math.exp(q * z)
    if power <= 1.5:
        return (y * _difference_of_powers(log_y, z, q) + slope) / s, slope
    return (_difference_of_powers(log_y, z, s) + slope) / q, slope


@inlined
def _deviance_of(loss, z, y, quantile, delta, power):
    """Return the loss of one output, and its derivative."""
    r = z - y
    if loss == ABSOLUTE_ERROR:
        of_each, slope = _absolute_error(r)
    elif loss == QUANTILE:
        of_each, slope = _pinball(r, quantile)
    elif loss == HUBER:
        of_each, slope = _huber(r, delta)
    elif loss == LOG_COSH:
        of_each, slope = _log_cosh(r)
    elif loss == GAMMA:
        of_each, slope = _gamma(z, y)
    else:
        of_each, slope = _tweedie(z, y, power)
    return of_each, slope


@compiled
def _deviance(s, z, y, error_of_constant, loss_of, score_of):
    """Losses whose score is D^2: the loss of each output, and its derivative."""
    of_type = z.dtype.type
    quantile, delta, power = of_type(s.quantile), of_type(s.delta), of_type(s.power)
    for i in range(z.shape[0]):
        loss, explained = of_type(0), of_type(0)
        for k in range(z.shape[1]):
            of_each, z[i, k] = _deviance_of(s.loss, z[i, k], y[i, k], quantile, delta, power)
            loss += of_each
            explained += of_each / error_of_constant[k]
        loss_of[i] = loss
        score_of[i] = 1 - explained / z.shape[1]


@inlined
def _binary_log_loss_of(z, y):
    """Return log(1 + exp(z)) - y z, and 1 / (1 + exp(-z)) - y."""
    return log1p_exp(z) - y * z, logistic(z) - y


@inlined
def _squared_error_of(r):
    """Return r^2 / 2, and r."""
    return type(r)(0.5) * r * r, r


@inlined
def _poisson_of(z, y):
    """Return y log(y / m) - y + m with m = exp(z), and m - y."""
    slope = exp(z) - y
    y_log_y = y * math.log(y) if y > 0 else y
    return y_log_y - y * z + slope, slope


@compiled
def _by_target(s, z, y, shares, error_of_constant, loss_of, score_of):
    """Weigh the targets of each sample: shares of the weight of the sample, 1 for the heaviest.

    What is predicted for a missing target, whose share is 0, has no say, even if it is infinite.
    """
    of_type, n_targets = z.dtype.type, z.shape[1]
    quantile, delta, power = of_type(s.quantile), of_type(s.delta), of_type(s.power)
    for i in range(z.shape[0]):
        loss, explained, right = of_type(0), of_type(0), True
        for k in range(n_targets):
            if shares[i, k] == 0:
                z[i, k] = 0
                continue
            if s.loss == BINARY_LOG_LOSS:
                right &= (z[i, k] > 0) == (y[i, k] > 0.5)
                of_each, slope = _binary_log_loss_of(z[i, k], y[i, k])
            elif s.loss == SQUARED_ERROR:
                of_each, slope = _squared_error_of(z[i, k] - y[i, k])
            elif s.loss == POISSON:
                of_each, slope = _poisson_of(z[i, k], y[i, k])
            else:
                of_each, slope = _deviance_of(s.loss, z[i, k], y[i, k], quantile, delta, power)
            scores_r2 = s.loss == SQUARED_ERROR or s.loss == POISSON
            error = slope * slope if scores_r2 else of_each
            explained += shares[i, k] * error / error_of_constant[k]
            loss += shares[i, k] * of_each
            z[i, k] = shares[i, k] * slope
        loss_of[i] = loss
        score_of[i] = right if s.loss == BINARY_LOG_LOSS else 1 - explained / n_targets


@inlined
def loss_and_gradient(s, z, y, weight, shares, total, error_of_constant, loss_of, score_of):
    """Return the means of loss and score with these weights; z becomes their gradient in z.

    What is negligible in it becomes zero as in `subnormals`, in every batch: here that is free.
    """
    if shares.size:
        _by_target(s, z, y, shares, error_of_constant, loss_of, score_of)
    elif s.loss == LOG_LOSS:
        _log_loss(z, y, loss_of, score_of)
    elif s.loss == BINARY_LOG_LOSS:
        _binary_log_loss(z, y, loss_of, score_of)
    elif s.loss == SQUARED_ERROR:
        _squared_error(z, y, error_of_constant, loss_of, score_of)
    elif s.loss == POISSON:
        _poisson(z, y, error_of_constant, loss_of, score_of)
    else:
        _deviance(s, z, y, error_of_constant, loss_of, score_of)
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
