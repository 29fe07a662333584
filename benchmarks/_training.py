"""What all contestants are given, and what each gives back."""

from typing import Any, NamedTuple

import numpy as np


class Trained(NamedTuple):
    """The weights (n_in, n_out) and biases of each layer, and the mean loss of the last epoch."""

    coefs: Any
    intercepts: Any
    loss: float


def estimator_parameters(job):
    """Return the parameters that the two estimators share; no rule ends training early."""
    return {
        "hidden_layer_sizes": job.hidden,
        "solver": job.solver,
        "alpha": job.alpha,
        "epsilon": job.epsilon,
        "batch_size": job.batch_size,
        "learning_rate_init": job.learning_rate,
        "max_iter": job.epochs,
        "shuffle": job.shuffle,
        "random_state": job.seed,
        "tol": 0.0,
        "n_iter_no_change": np.inf,
    }
