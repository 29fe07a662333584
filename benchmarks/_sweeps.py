"""Seconds of whole searches over hyper-parameters, with the networks trained at once or singly."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV, ParameterGrid
from sklearn.neural_network import MLPClassifier

from benchmarks._shapes import load_circles, load_scaled_digits
from benchmarks._timing import medians, time_in_turn
from sknn_scratch import MLPScratchClassifier
from sknn_scratch.model_selection import MLPGridSearchCV

SEARCHERS = {
    "stacked": (MLPGridSearchCV, MLPScratchClassifier),
    "one by one": (GridSearchCV, MLPScratchClassifier),
    "scikit-learn": (GridSearchCV, MLPClassifier),
}
OURS = ["stacked", "one by one"]
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
        search, network = SEARCHERS[name]
        network = network(**self.network, **TO_THE_END)
        return search(network, self.grid, cv=self.folds, refit=False)


def load_noise(folder):
    """Return 4,000 samples that mean nothing, of the size of MNIST's images."""
    draw = np.random.default_rng(0)
    return draw.random((4000, 784)), np.arange(4000) % 10


def load_three_classes(folder):
    """Return 500 samples of 20 features, of three classes."""
    return make_classification(500, 20, n_informative=10, n_classes=3, random_state=0)


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

BASE = Sweep(
    name="alpha",
    load=load_three_classes,
    network={"batch_size": 32, "max_iter": 20},
    grid={"alpha": []},
    folds=3,
)
N_CANDIDATES, WIDTHS = [1, 2, 4, 8, 16, 32, 64], [5, 20, 100, 300]
QUICK_N_CANDIDATES, QUICK_WIDTHS = [1, 2], [4, 8]


def measure_sweeps(rounds, *, quick):
    """Return an entry for each search, and the seconds over number and width of the networks."""
    searches = []
    for sweep in SWEEPS:
        sweep = sweep.quick() if quick else sweep
        batch_size = sweep.network.get("batch_size", "auto")
        print(f"sweeps: {sweep.name}, {batch_size}, {sweep.dtype}", file=sys.stderr, flush=True)
        searches.append(time_search(sweep, rounds, SEARCHERS))
    return {"searches": searches, "growth": measure_growth(rounds, quick=quick)}


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


def measure_growth(rounds, *, quick):
    """Return the median seconds over the number of networks, for networks of each width."""
    base = BASE.quick() if quick else BASE
    counts, widths = (QUICK_N_CANDIDATES, QUICK_WIDTHS) if quick else (N_CANDIDATES, WIDTHS)
    result = {"networks": [count * base.folds for count in counts], "widths": {}}
    for width in widths:
        print(f"sweeps: {width} units", file=sys.stderr, flush=True)
        entries = [time_search(alphas(base, count, width), rounds, OURS) for count in counts]
        result["widths"][str(width)] = {
            name: [entry["median_seconds"][name] for entry in entries] for name in OURS
        }
    return result


def alphas(base, count, width):
    """Return the search over so many values of `alpha`, of networks with one hidden layer."""
    network = {**base.network, "hidden_layer_sizes": (width,)}
    return replace(base, network=network, grid={"alpha": np.logspace(-6, 0, count).tolist()})
