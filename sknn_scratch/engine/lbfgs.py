"""The quasi-Newton solver: scipy's L-BFGS-B over all samples at once."""

import time
from collections.abc import Callable
from math import nan
from typing import Any

import numpy as np
from scipy.optimize import Bounds, OptimizeResult, minimize

from sknn_scratch.engine.batches import Batch
from sknn_scratch.engine.objective import Objective, Value
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.training import Epoch


def lbfgs(
    objective: Objective,
    params: Parameters,
    batch: Batch,
    *,
    l1: np.ndarray | None = None,
    tol: float,
    max_iter: int,
    max_fun: int,
    on_epoch: Callable[[Epoch], Any],
) -> OptimizeResult:
    """Minimise `objective` over `params` in place; return scipy's result.

    `l1` is the L1 coefficient of each weight, or None without such a penalty. With it the weights
    are split: w = u - v with u, v >= 0 and |w| = u + v. This makes a smooth problem under bounds
    (Andrew and Gao, 2007, section 2). At the solution u or v is zero, so that w may be exactly
    zero. ``on_epoch(epoch)`` is called after each iteration and stops the solver by returning True.
    """
    place, split_gradient, first, bounds = (
        _whole(params) if l1 is None else _split(objective, params, l1)
    )
    grad = params.view(np.empty_like(params.flat))
    value, start = Value(nan, nan), time.perf_counter()

    def value_and_gradient(theta):
        nonlocal value
        place(theta)
        objective.begin_epoch()
        value = objective.value_and_gradient(params, batch, grad)
        return split_gradient(theta, value.total, grad)

    def callback(intermediate_result):
        nonlocal start
        # The last point at which the line search asked for a value is the one that it accepted
        place(intermediate_result.x)
        now = time.perf_counter()
        # scipy's steps have lengths, but no learning rate
        epoch = Epoch(*value, learning_rate=nan, flat=params.flat, seconds=now - start)
        start = now
        if on_epoch(epoch):
            raise StopIteration

    options = {"maxfun": max_fun, "maxiter": max_iter, "gtol": tol}
    if l1 is not None or not objective.activations:
        # scipy's default, 2e-9, is also the one in scikit-learn's MLP. It stops before the zeros
        # settle, and before logistic regression, which that MLP lacks, is solved to 1e-4
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
    place(result.x)  # the last evaluation may have been at a point that was not accepted
    return result


def _whole(params):
    """Return what scipy works with, for the vector of parameters itself.

    That is a function that places a vector in `params`, a function that turns value and gradient
    into scipy's, the first vector, and the bounds.
    """

    def place(theta):
        params.flat[...] = theta

    def gradient(theta, value, grad):
        return value, grad.flat.copy()  # scipy keeps it, and the next call overwrites ours

    return place, gradient, params.flat.copy(), None


def _split(objective, params, l1):
    """Return the same as `_whole`, for the vector (u, v, biases)."""
    n = params.weights_flat.size

    def place(theta):
        params.weights_flat[...] = theta[:n] - theta[n : 2 * n]
        params.flat[n:] = theta[2 * n :]

    def gradient(theta, value, grad):
        # l1 |w| counts as l1 (u + v) instead, which is smooth
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
