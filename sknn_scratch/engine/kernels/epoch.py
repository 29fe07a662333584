"""The steps of an epoch, as in `sknn_scratch.engine.training`."""

import numpy as np

from sknn_scratch.engine.kernels.compiler import cached, compiled, inlined
from sknn_scratch.engine.kernels.functions import faded
from sknn_scratch.engine.kernels.layers import backward, drop, forward, matrix
from sknn_scratch.engine.kernels.losses import loss_and_gradient
from sknn_scratch.engine.kernels.solvers import step
from sknn_scratch.engine.training import STEPS_PER_FLUSH


@compiled
def _copy(source, target):
    for i in range(target.size):
        target[i] = source[i]


@compiled
def _take_rows(array, rows, out):
    for i in range(rows.size):
        _copy(array[rows[i]], out[i])


@inlined
def _batch(s, start, stop, order, X, y, weight, shares, noise, work):
    """Return X, y, weights and shares of the samples of a step, with values of X dropped."""
    n = stop - start
    X_batch, y_batch, shares_batch = X[start:stop], y[start:stop], shares[start:stop]
    w = work[s.weight : s.weight + n]
    if order.size:
        rows = order[start:stop]
        X_batch = matrix(work, s.X, n, X.shape[1])
        y_batch = matrix(work, s.y, n, y.shape[1])
        _take_rows(X, rows, X_batch)
        _take_rows(y, rows, y_batch)
        if shares.size:
            shares_batch = matrix(work, s.shares, n, y.shape[1])
            _take_rows(shares, rows, shares_batch)
    elif s.dropout:
        X_batch = matrix(work, s.X, n, X.shape[1])
        for i in range(n):
            for j in range(X.shape[1]):
                X_batch[i, j] = X[start + i, j]
    for i in range(n):
        w[i] = weight[order[start + i] if order.size else start + i] if weight.size else 1
    if s.dropout:
        drop(X_batch.reshape(X_batch.size), noise, s.dropout)
    return X_batch, y_batch, w, shares_batch


@inlined
def _total(w):
    """Return the sum of weights.

    A batch without weight asks for nothing: its shares and alpha / S are to be zero.
    """
    total = 0.0
    for i in range(w.size):
        total += w[i]
    return total if total > 0 else np.inf


@compiled
def _flush_subnormals(vector):
    """Put zeros in place of what has faded, as in `subnormals`."""
    limit = faded(vector)
    for i in range(vector.size):
        if abs(vector[i]) < limit:
            vector[i] = 0


@cached
def run_steps(
    first, last, sums, flats, orders, rates, noise, X, y, weight, shares, error_of_constant,
    layers, parts, settings, params, at, grad, m, v, scratch, work,
):  # fmt: skip
    """Do the steps from `first` to `last` of one or more epochs.

    Parameters
    ----------
    sums : a row for each epoch: the sums of loss, penalty and score, to which is added.
    flats : a row for each epoch but the last: overwritten by the parameters after it.
    orders : a row for each epoch: the rows of X in its order; empty for that in which they lie.
    rates : the learning rate of each step of an epoch.
    noise : a number in [0, 1) for each value that may be dropped in these steps.
    X, y, weight : the training samples; weight is empty for ones.
    shares : of each target in the weight of its sample, 1 for the heaviest; empty for ones.
    error_of_constant : of each target, by which the score is measured.
    layers, parts, settings : records of the dtypes in `records`.
    params, at : the parameters, and those at which the gradient is taken.
    m, v : the vectors of the solver's state, empty where it has none.
    grad, scratch, work : overwritten; scratch may be empty if no penalty binds weights together.
    """
    s, n_samples = settings[0], orders.shape[1] if orders.size else X.shape[0]
    # Added up in registers: small arrays of fits in other threads may lie in the same cache line
    loss_sum = penalty_sum = score_sum = 0.0
    n_steps, per_epoch, n_drawn = s.n_steps, rates.size, 0
    for number in range(first, last):
        epoch, in_epoch = number // per_epoch, number % per_epoch
        order, start = orders[epoch], in_epoch * s.batch_size
        stop = min(start + s.batch_size, n_samples)
        n = stop - start
        of_step = noise[n_drawn * s.n_noise :]
        X_batch, y_batch, w, shares_batch = _batch(
            s, start, stop, order, X, y, weight, shares, of_step, work
        )
        total = _total(w)

        raw = forward(X_batch, at, layers, work, of_step)
        loss_of, score_of = work[s.loss_of : s.loss_of + n], work[s.score_of : s.score_of + n]
        loss, score = loss_and_gradient(
            s, raw, y_batch, w, shares_batch, total, error_of_constant, loss_of, score_of
        )
        backward(X_batch, at, layers, work, of_step, raw, grad)
        penalty = step(s, rates[in_epoch], total, layers, parts, params, at, grad, m, v, scratch)

        share = n / n_samples
        loss_sum += share * loss
        penalty_sum += share * penalty
        score_sum += share * score
        n_steps += 1
        n_drawn += n
        if n_steps % STEPS_PER_FLUSH == 0:
            _flush_subnormals(params)
            _flush_subnormals(at)
            _flush_subnormals(m)
            _flush_subnormals(v)
        ends_epoch = in_epoch == per_epoch - 1
        if ends_epoch and epoch < flats.shape[0]:
            _copy(params, flats[epoch])
        if ends_epoch or number == last - 1:
            sums[epoch, 0] += loss_sum
            sums[epoch, 1] += penalty_sum
            sums[epoch, 2] += score_sum
            loss_sum = penalty_sum = score_sum = 0.0
    s.n_steps = n_steps
