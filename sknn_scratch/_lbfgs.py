"""The quasi-Newton solver: scipy's L-BFGS-B over all samples at once."""

import time

import numpy as np
from scipy.optimize import minimize

from sknn_scratch._training import Epoch


def lbfgs(objective, params, batch, *, tol, max_iter, max_fun, on_epoch):
    """Minimise a smooth `objective` over `params` in place; return scipy's result.

    ``on_epoch(epoch)`` is called after each iteration and stops the solver by returning True.
    """
    grad = params.view(np.empty_like(params.flat))
    parts = start = None

    def value_and_gradient(flat):
        nonlocal parts
        params.flat[...] = flat
        parts = objective.value_and_gradient(params, batch, grad)
        return parts[0] + parts[1], grad.flat.copy()

    def callback(intermediate_result):
        nonlocal start
        # The last point at which the line search asked for a value is the one that it accepted.
        now = time.perf_counter()
        epoch = Epoch(*parts, learning_rate=np.nan, seconds=now - start)
        start = now
        if on_epoch(epoch):
            raise StopIteration

    start = time.perf_counter()
    result = minimize(
        value_and_gradient,
        params.flat.copy(),
        method="L-BFGS-B",
        jac=True,
        callback=callback,
        options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
    )
    params.flat[...] = result.x
    return result
