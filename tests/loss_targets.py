"""Targets of the kind that a loss takes, drawn at random."""

import numpy as np

from sknn_scratch.engine.losses import LOSSES

# By the function of the output
_TARGETS = {
    "softmax": lambda rng, n, k: np.eye(k)[rng.integers(k, size=n)],
    "logistic": lambda rng, n, k: rng.integers(2, size=(n, k)).astype(float),
    "identity": lambda rng, n, k: rng.normal(size=(n, k)),
    "exp": lambda rng, n, k: rng.poisson(2.0, size=(n, k)).astype(float),
}


def draw_targets(name, rng, n, k):
    """Return k targets of n samples for the loss of that name."""
    loss = LOSSES[name]()
    y = _TARGETS[loss.out_activation](rng, n, k)
    return y if loss.fault_of_targets(y) is None else y + 1
