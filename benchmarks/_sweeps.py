"""Seconds of whole searches over hyper-parameters: ours with either engine, and scikit-learn's."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import combinations

import numpy as np
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.neural_network import MLPClassifier

from benchmarks._shapes import load_circles, load_scaled_digits
from benchmarks._timing import medians, time_in_turn
from sknn_scratch import MLPScratchClassifier
from sknn_scratch.model_selection import MLPGridSearchCV

# The search, its network, and what they are given beside what all have in common
SEARCHERS = {
    "numba, 2 threads": (MLPGridSearchCV, MLPScratchClassifier, {"engine": "numba"}, 2),
    "numba": (MLPGridSearchCV, MLPScratchClassifier, {"engine": "numba"}, 1),
    "numpy": (MLPGridSearchCV, MLPScratchClassifier, {}, 1),
    "one by one": (GridSearchCV, MLPScratchClassifier, {}, 1),
    "scikit-learn": (GridSearchCV, MLPClassifier, {}, 1),
}
TO_THE_END = {"random_state": 0, "n_iter_no_change": 1000}  # no rule ends a training early


@dataclass(frozen=True)
class Sweep:
    """A search: data, what all its networks have in common, and the grid of what they have not.

    `load(folder)` gives X and y; `rows` of them are searched on, all if it is None.
    """

    name: str
    load: Callable
    network: dict
    grid: dict
    folds: int
    dtype: str = "float64"
    rows: int | None = None

    @property
    def n_candidates(self):
        """How many settings the grid has."""
        return len(ParameterGrid(self.grid))

    def quick(self):
        """Return the same with next to no work, to see that it runs."""
        grid = {name: values[: math.ceil(len(values) / 2)] for name, values in self.grid.items()}
        network = {**self.network, "max_iter": 2}
        return replace(self, rows=100, folds=2, network=network, grid=grid)

    def data(self):
        """Return the X and y that are searched on."""
        X, y = self.load(None)
        return np.ascontiguousarray(X[: self.rows], dtype=self.dtype), y[: self.rows]

    def search(self, name):
        """Return the search, not yet fitted, of one of `SEARCHERS`."""
        search, network, own, n_jobs = SEARCHERS[name]
        network = network(**self.network, **TO_THE_END, **own)
        return search(network, self.grid, cv=self.folds, refit=False, n_jobs=n_jobs)


def load_noise(folder):
    """Return 4,000 samples that mean nothing, of the size of MNIST's images."""
    draw = np.random.default_rng(0)
    return draw.random((4000, 784)), np.arange(4000) % 10


DIGITS = Sweep(
    name="digits",
    load=load_scaled_digits,
    network={"hidden_layer_sizes": (32,), "max_iter": 20},
    grid={
        "learning_rate_init": [0.001, 0.003, 0.01, 0.03],
        "alpha": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0],
    },
    folds=5,
)
SWEEPS = [
    Sweep(
        name="circles",
        load=load_circles,
        network={"solver": "sgd", "batch_size": 25},
        grid={
            "hidden_layer_sizes": [(5,), (100,)],
            "learning_rate_init": [0.05, 0.005],
            "alpha": [0, 1e-4, 1e-3, 1e-2],
            "max_iter": [25, 100],
        },
        folds=5,
    ),
    DIGITS,
    replace(DIGITS, dtype="float32"),
    replace(DIGITS, network={**DIGITS.network, "batch_size": 32}),
    Sweep(
        name="large",
        load=load_noise,
        network={"hidden_layer_sizes": (256,), "max_iter": 3},
        grid={"learning_rate_init": [0.001, 0.01], "alpha": [1e-4, 1e-2]},
        folds=3,
    ),
]


def measure_sweeps(rounds, *, quick):
    """Return an entry for each search."""
    searches = []
    for sweep in SWEEPS:
        sweep = sweep.quick() if quick else sweep
        batch_size = sweep.network.get("batch_size", "auto")
        print(f"sweeps: {sweep.name}, {batch_size}, {sweep.dtype}", file=sys.stderr, flush=True)
        searches.append(time_search(sweep, rounds, searchers()))
    return {"searches": searches}


def searchers():
    """Return the names of the searches that can run here."""
    return [name for name in SEARCHERS if "numba" not in name or find_spec("numba")]


def time_search(sweep, rounds, names):
    """Return what was searched, how long each took, and how far apart they ended."""
    X, y = sweep.data()
    results = {}

    def prepare(name):
        def call():
            results[name] = sweep.search(name).fit(X, y).cv_results_

        return call

    seconds = time_in_turn({name: prepare(name) for name in names}, rounds)
    scores = [of_one["mean_test_score"] for of_one in results.values()]
    return {
        "sweep": sweep.name,
        "dtype": sweep.dtype,
        "batch_size": sweep.network.get("batch_size", "auto"),
        "candidates": sweep.n_candidates,
        "folds": sweep.folds,
        "seconds": seconds,
        "median_seconds": medians(seconds),
        "largest_difference_of_scores": max(
            float(np.abs(a - b).max()) for a, b in combinations(scores, 2)
        ),
    }
