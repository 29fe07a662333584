"""How many threads BLAS is to use."""

from contextlib import nullcontext

from sknn_scratch._sklearn import threadpool_controller

# Multiplications in a matrix product below which a second BLAS thread costs more than it does:
# 200 x 64 by 64 x 100, 1.3 million, takes as long with two threads as with one if the other core is
# idle, and many times as long if it is busy; 256 x 784 by 784 x 50, 10 million, takes 0.8 of it.
_WORTH_THREADS = 2**22


def blas_threads(params, n_samples):
    """Return a context in which BLAS uses one thread if batches of `n_samples` are small work."""
    largest = n_samples * max(W.shape[-2] * W.shape[-1] for W in params.weights)
    if largest >= _WORTH_THREADS:
        return nullcontext()
    return one_blas_thread()


def one_blas_thread():
    """Return a context in which BLAS uses one thread."""
    return threadpool_controller().limit(limits=1, user_api="blas")
