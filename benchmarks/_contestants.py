"""Who is timed. Each is a function from a job to the call that does all of the training.

What the function does before it returns is not timed. The estimators have nothing to do there;
torch gets the first weights, which the estimators draw while they are timed; the matrix products
get their arrays.
"""

import importlib.util
from itertools import pairwise

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks._training import Trained, estimator_parameters
from sknn_scratch import MLPScratchClassifier


def prepare_estimator(estimator_class, job, **more):
    """Return the call that makes and fits an estimator, with `more` parameters of its own."""

    def train():
        model = estimator_class(**estimator_parameters(job), **more).fit(job.X, job.y)
        return Trained(model.coefs_, model.intercepts_, model.loss_)

    return train


def prepare_sknn_scratch(job):
    """Return the training by MLPScratchClassifier."""
    return prepare_estimator(MLPScratchClassifier, job)


def prepare_numba(job):
    """Return the training by MLPScratchClassifier with its compiled engine."""
    return prepare_estimator(MLPScratchClassifier, job, engine="numba")


def prepare_scikit_learn(job):
    """Return the training by MLPClassifier."""
    return prepare_estimator(MLPClassifier, job)


def prepare_torch(job):
    """Return the training by torch."""
    from benchmarks._torch import prepare  # not above: torch need not be there

    return prepare(job)


def prepare_products(job):
    """Return the floor: no more than the matrix products of the training, and the gathering.

    Each batch takes its rows, Z_l = A_l W_l for each layer, then from the last layer back
    dW_l = A_l^T D_l and, but for the first layer, D_{l-1} = D_l W_l^T. All go into arrays that are
    there already. The values have the size of those of a network, but no meaning.
    """
    draw = np.random.default_rng(job.seed)
    n, dtype = len(job.X), job.X.dtype
    weights = [(draw.normal(size=s) / np.sqrt(s[0])).astype(dtype) for s in pairwise(job.units)]
    gradients = [np.empty_like(W) for W in weights]
    order = draw.permutation(n) if job.shuffle and job.batch_size < n else None
    starts = range(0, n, job.batch_size)
    arrays = {
        size: [draw.normal(size=(size, units)).astype(dtype) for units in (*job.units, *job.units)]
        for size in {min(job.batch_size, n - start) for start in starts}
    }

    def train():
        for _ in range(job.epochs):
            for start in starts:
                stop = min(start + job.batch_size, n)
                layers = arrays[stop - start]
                values, deltas = layers[: len(job.units)], layers[len(job.units) :]
                if order is None:
                    values[0] = job.X[start:stop]
                else:
                    job.X.take(order[start:stop], axis=0, out=values[0], mode="clip")
                multiply(weights, values, deltas, gradients)

    return train


def multiply(weights, values, deltas, gradients):
    """Do the matrix products of one step."""
    for W, A, Z in zip(weights, values, values[1:], strict=False):
        np.matmul(A, W, out=Z)
    for layer in range(len(weights) - 1, -1, -1):
        np.matmul(values[layer].T, deltas[layer + 1], out=gradients[layer])
        if layer > 0:
            np.matmul(deltas[layer + 1], weights[layer].T, out=deltas[layer])


CONTESTANTS = {
    "sknn_scratch": prepare_sknn_scratch,
    "numba": prepare_numba,
    "scikit-learn": prepare_scikit_learn,
    "torch": prepare_torch,
    "products": prepare_products,
}


def has_torch():
    """Return whether torch is installed."""
    return importlib.util.find_spec("torch") is not None


def has_numba():
    """Return whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


def available():
    """Return the names of those that can run here."""
    missing = {"torch": not has_torch(), "numba": not has_numba()}
    return [name for name in CONTESTANTS if not missing.get(name)]


def prepare_all(job):
    """Return the calls to be timed by name."""
    return {name: CONTESTANTS[name](job) for name in available()}
