"""The quasi-Newton solver: scipy's L-BFGS-B over all samples at once."""

import time

import numpy as np
from scipy.optimize import Bounds, minimize

from sknn_scratch.engine.training import Epoch


def lbfgs(objective, params, batch, *, l1=None, tol, max_iter, max_fun, on_epoch):
    """Minimise `objective` over `params` in place; return scipy's result.

    `l1` is the L1 coefficient of each weight, or None without such a penalty. With it the weights
    are split, w = u - v with u, v >= 0 and |w| = u + v, which makes a smooth problem under bounds
    (Andrew and Gao, 2007, section 2): at the solution u or v is zero, and so w may be exactly zero.
    ``on_epoch(epoch)`` is called after each iteration and stops the solver by returning True.
    """
    place, split_gradient, first, bounds = (
        _whole(params) if l1 is None else _split(objective, params, l1)
    )
    grad = params.view(np.empty_like(params.flat))
    value = start = None

    def value_and_gradient(theta):
        nonlocal value
        place(theta)
        objective.begin_epoch()
        value = objective.value_and_gradient(params, batch, grad)
        return split_gradient(theta, value.total, grad)

    def callback(intermediate_result):
        nonlocal start
        # The last point at which the line search asked for a value is the one that it accepted.
        place(intermediate_result.x)
        now = time.perf_counter()
        epoch = Epoch(*value, learning_rate=np.nan, seconds=now - start)
        start = now
        if on_epoch(epoch):
            raise StopIteration

    start = time.perf_counter()
    options = {"maxfun": max_fun, "maxiter": max_iter, "gtol": tol}
    if l1 is not None or not objective.activations:
        # scipy's default, 2e-9, is that of scikit-learn's MLP as well; but it stops before the
        # zeros settle, and before logistic regression, which that MLP lacks, is solved to 1e-4
        options["ftol"] = 1e-13
    result = minimize(
        value_and_gradient,
        first,
        method="L-BFGS-B",
        jac=True,
        bounds=bounds,
        callback=callback,
        options=options,
    )
    place(result.x)
    return result


def _whole(params):
    """Return how to place a vector, what to give scipy for a gradient, where to start, bounds."""

    def place(theta):
        params.flat[...] = theta

    def gradient(theta, value, grad):
        return value, grad.flat.copy()

    return place, gradient, params.flat.copy(), None


def _split(objective, params, l1):
    """Return the same as `_whole`, for the vector (u, v, biases)."""
    n = params.weights_flat.size

    def place(theta):
        params.weights_flat[...] = theta[:n] - theta[n : 2 * n]
        params.flat[n:] = theta[2 * n :]

    def gradient(theta, value, grad):
        smooth = value - objective.nonsmooth_value(params)
        in_w = grad.weights_flat
        return (
            smooth + l1 @ (theta[:n] + theta[n : 2 * n]),
            np.concatenate([l1 + in_w, l1 - in_w, grad.flat[n:]]),
        )

    w = params.weights_flat
    first = np.concatenate([np.maximum(w, 0), np.maximum(-w, 0), params.flat[n:]])
    lower = np.full(first.size, -np.inf)
    lower[: 2 * n] = 0
    return place, gradient, first, Bounds(lower, np.inf)
