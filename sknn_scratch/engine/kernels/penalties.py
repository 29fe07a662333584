"""Penalties and their proximal operators, as in `sknn_scratch.engine.penalties`."""

import math

import numpy as np

from sknn_scratch.engine.kernels.compiler import compiled


@compiled
def elastic_net(part, total, w):
    """l1 ||w||_1 + (l2 + alpha / (2 S)) ||w||_2^2."""
    absolute = square = w.dtype.type(0)
    for i in range(w.size):
        absolute += abs(w[i])
        square += w[i] * w[i]
    return part.l1 * absolute + (part.l2 + 0.5 * part.alpha / total) * square


@compiled
def soft_threshold(w, threshold):
    """Return argmin_u (u - w)^2 / 2 + threshold |u|, exactly zero within the threshold."""
    return w - min(max(w, -threshold), threshold)


@compiled
def group_lasso(strength, W):
    """||W_j||_2 summed over the rows W_j, times its strength."""
    value = 0.0
    for j in range(W.shape[0]):
        square = W.dtype.type(0)
        for k in range(W.shape[1]):
            square += W[j, k] * W[j, k]
        value += math.sqrt(square)
    return strength * value


@compiled
def shrink_rows(W, rate, strength):
    """Do what `GroupLasso.prox` does: in row j, ``u_k = W_jk r / (r + t_k)``, t = rate * strength.

    ``r = ||u||`` solves ``sum_k (W_jk / (r + t_k))^2 = 1``, by Newton's method from below; u = 0 if
    there is no solution.
    """
    for j in range(W.shape[0]):
        square = largest = 0.0
        for k in range(W.shape[1]):
            square += np.float64(W[j, k]) ** 2
            largest = max(largest, strength * rate[j, k])
        r = max(0.0, math.sqrt(square) - largest)
        for _ in range(50):
            total = slope = 0.0
            for k in range(W.shape[1]):
                length = r + strength * rate[j, k]
                length = length if length > 0 else 1.0
                part = (W[j, k] / length) ** 2
                total += part
                slope += part / length
            change = (math.sqrt(total) - 1) * total / slope if total > 1 else 0.0
            r += change
            if not change > 4 * np.finfo(W.dtype).eps * r:  # in this form NaN ends it too
                break
        for k in range(W.shape[1]):
            length = r + strength * rate[j, k]
            if length != r:  # as compiled, W r / r is W only to rounding
                W[j, k] *= r / length


@compiled
def bound_columns(W, rate, bound):
    """Do what `MaxNorm.prox` does: in a column k that is too long, ``u_j = W_jk / (1 + m s_j)``.

    m >= 0 makes ``||u||`` the bound, by Newton's method on 1 / ||u|| from m = 0; s is the rate.
    """
    for k in range(W.shape[1]):
        m = 0.0
        for _ in range(50):
            square = slope = 0.0
            for j in range(W.shape[0]):
                factor = 1 + m * rate[j, k]
                u_square = (W[j, k] / factor) ** 2
                square += u_square
                slope += u_square * rate[j, k] / factor
            excess = math.sqrt(square) / bound - 1
            change = square / slope * excess if excess > 0 and slope > 0 else 0.0
            m += change
            if not change > 4 * np.finfo(W.dtype).eps * m:  # in this form NaN ends it too
                break
        square = 0.0
        for j in range(W.shape[0]):
            W[j, k] /= 1 + m * rate[j, k]
            square += np.float64(W[j, k]) ** 2
        if math.sqrt(square) > bound:
            factor = bound / math.sqrt(square)
            for j in range(W.shape[0]):
                W[j, k] *= factor
