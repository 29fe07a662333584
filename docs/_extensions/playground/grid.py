"""Train the networks of the playground, and pack their weights for the browser.

The browser gets the weights of each network after a few numbers of epochs, and computes all that
it shows from them: probabilities, losses, shares of right answers.
"""

import base64
import warnings
from itertools import product

import numpy as np
from joblib import Parallel, delayed
from sklearn.datasets import make_circles, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier

# What the reader chooses from. The order is that of the weights, see `train`.
GRID = {
    "problem": ["moons", "circles", "squares"],
    "hidden": [1, 2, 3, 4, 8],
    "activation": ["identity", "tanh", "relu", "logistic"],
    "rate": [0.02, 0.2, 2.0],
    "penalty": [0.0, 0.001, 0.003, 0.01],
}
EPOCHS = [1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200]
N_SAMPLES = 100  # to train on, and as many to validate
SEED = 3
# What the reader does not choose. One update an epoch, so that its effect can be seen; no end
# before the last epoch.
FIXED = {"solver": "nag", "alpha": 0, "n_iter_no_change": EPOCHS[-1], "random_state": SEED}


def four_squares(n_samples, random_state):
    """Return points in a square, and whether their coordinates had one sign before some noise."""
    draws = np.random.RandomState(random_state)
    X = draws.uniform(-1, 1, size=(n_samples, 2))
    y = (X[:, 0] * X[:, 1] > 0).astype(int)
    return X + draws.normal(scale=0.08, size=X.shape), y


def samples(problem):
    """Return training and validation data, in that order, of two standardised features."""
    if problem == "moons":
        X, y = make_moons(2 * N_SAMPLES, noise=0.22, random_state=0)
    elif problem == "circles":
        X, y = make_circles(2 * N_SAMPLES, noise=0.13, factor=0.4, random_state=1)
    else:
        X, y = four_squares(2 * N_SAMPLES, random_state=2)
    X = StandardScaler().fit_transform(X).round(2)  # the browser has the same points
    return X[:N_SAMPLES], y[:N_SAMPLES], X[N_SAMPLES:], y[N_SAMPLES:]


def network(hidden, activation, rate, penalty, **parameters):
    """Return the untrained network of a choice of the reader."""
    return MLPScratchClassifier(
        hidden, activation, learning_rate_init=rate, l1=penalty, **FIXED, **parameters
    )


def snapshots(settings, X, y, epochs):
    """Return the parameters of a network after each of the numbers of epochs, one row each."""
    fitted = network(**settings, warm_start="resume")
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the reader wants to see that
        for further in np.diff(epochs, prepend=0):
            fitted.set_params(max_iter=int(further)).fit(X, y)
            rows.append(np.concatenate([p.ravel() for p in fitted.coefs_ + fitted.intercepts_]))
    return np.array(rows)


def packed(parameters):
    """Return half-precision numbers in base64, little-endian; what is not zero remains so."""
    halves = parameters.astype("<f2")
    if not np.isfinite(halves).all() or ((halves == 0) != (parameters == 0)).any():
        raise ValueError("A weight is too large or too small for half precision.")
    return base64.b64encode(halves.tobytes()).decode()


def train(grid=GRID, epochs=EPOCHS, n_jobs=2):
    """Train all networks, and return what the browser needs, ready for JSON.

    `weights` has an array for each number of hidden units, whose axes are the other keys of the
    grid in their order, the epochs and the parameters: two matrices row by row, then two vectors
    of biases.
    """
    data = {problem: samples(problem) for problem in grid["problem"]}
    others = [name for name in grid if name not in ("problem", "hidden")]
    weights = {}
    with Parallel(n_jobs=n_jobs) as parallel:
        for hidden in grid["hidden"]:
            rows = parallel(
                delayed(snapshots)(
                    {"hidden": hidden, **dict(zip(others, choice, strict=True))},
                    *data[problem][:2],
                    epochs,
                )
                for problem, *choice in product(grid["problem"], *(grid[name] for name in others))
            )
            weights[hidden] = packed(np.array(rows))
    names = ("X", "y", "X_val", "y_val")
    points = {
        problem: {name: array.tolist() for name, array in zip(names, arrays, strict=True)}
        for problem, arrays in data.items()
    }
    return {"grid": grid, "epochs": epochs, "points": points, "weights": weights}
