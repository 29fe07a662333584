"""BLAS is held to one thread where the work is small, and left alone where it is not."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sknn_scratch import MLPScratchRegressor

FEW, MANY = 20, 2000  # hidden units: 100 x 50 by 50 x 20 is small work, by 50 x 2000 is not


def blas_threads():
    """Return the numbers of threads of the BLAS libraries that are loaded."""
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize(("hidden", "during"), [(FEW, {1}), (MANY, {2})])
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_threads_during_a_fit_and_after_it(solver, hidden, during):
    seen = []
    network = MLPScratchRegressor(
        hidden_layer_sizes=hidden,
        solver=solver,
        max_iter=1,
        stop_when=lambda history: seen.append(blas_threads()) is None,
    )
    X = np.random.default_rng(0).normal(size=(100, 50))
    with threadpool_limits(2, user_api="blas"):
        network.fit(X, X[:, 0])
        after = blas_threads()
    assert seen == [during]
    assert after == {2}


def test_threads_after_a_fit_that_failed():
    def fail(history):
        raise RuntimeError("on purpose")

    X = np.random.default_rng(0).normal(size=(100, 50))
    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(RuntimeError, match="on purpose"):
            MLPScratchRegressor(hidden_layer_sizes=FEW, stop_when=fail).fit(X, X[:, 0])
        assert blas_threads() == {2}
