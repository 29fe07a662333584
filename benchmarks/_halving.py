"""Seconds of halving searches, and what they find: beside the full grid, and scikit-learn's own."""

import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec

import numpy as np
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV, StratifiedKFold
from sklearn.neural_network import MLPClassifier

from benchmarks._shapes import load_circles, load_covertype, load_scaled_digits
from benchmarks._sweeps import TO_THE_END, Sweep
from benchmarks._timing import expected_warnings, medians, time_in_turn
from sknn_scratch import MLPScratchClassifier
from sknn_scratch.model_selection import MLPGridSearchCV, MLPHalvingGridSearchCV

# The search, its network, and its number of jobs; all find the same but the first
SEARCHERS = {
    "full grid": (MLPGridSearchCV, MLPScratchClassifier, {"engine": "numba"}, 2),
    "halving": (MLPHalvingGridSearchCV, MLPScratchClassifier, {"engine": "numba"}, 2),
    "sklearn, numba": (HalvingGridSearchCV, MLPScratchClassifier, {"engine": "numba"}, 1),
    "sklearn, numba, 2": (HalvingGridSearchCV, MLPScratchClassifier, {"engine": "numba"}, 2),
    "sklearn, numpy": (HalvingGridSearchCV, MLPScratchClassifier, {}, 1),
    "scikit-learn": (HalvingGridSearchCV, MLPClassifier, {}, 1),
}
# Each shuffles the rows in its own way before they are split into folds: what halving finds in one
# of them is luck in part. The seconds are those of the first.
SHUFFLINGS = range(20)


@dataclass(frozen=True)
class HalvingSweep(Sweep):
    """A sweep whose grid has no epochs; the full grid also tries those of `epochs`.

    The `first_round` has this share of the epochs, the last one all of them. With a `factor` of 3
    there are three rounds, and a ninth of the candidates reaches the last one; with 16 there are
    two rounds, and one of 16 candidates is left.
    """

    epochs: tuple = ()
    factor: int = 3
    first_round: float = 1 / 9

    def search(self, name, shuffling=SHUFFLINGS[0]):
        """Return the search, not yet fitted, of one of `SEARCHERS`."""
        search, network, own, n_jobs = SEARCHERS[name]
        network = network(**self.network, **TO_THE_END, **own)
        folds = StratifiedKFold(self.folds, shuffle=True, random_state=shuffling)
        common = {"cv": folds, "refit": False, "n_jobs": n_jobs}
        if search is MLPGridSearchCV:
            epochs = {"max_iter": list(self.epochs)} if self.epochs else {}
            return search(network, self.grid | epochs, **common)
        most = self.network["max_iter"]
        common |= {"resource": "max_iter", "max_resources": most, "factor": self.factor}
        least = max(1, int(most * self.first_round))
        return search(network, self.grid, min_resources=least, return_train_score=False, **common)

    def data(self, folder):
        """Return the X and y that are searched on; `folder` may hold data sets."""
        X, y = self.load(folder)
        return np.ascontiguousarray(X[: self.rows], dtype=self.dtype), y[: self.rows]

    def quick(self):
        """Return the same with next to no work, to see that it runs."""
        quick = super().quick()
        return replace(quick, epochs=(), rows=300, network={**quick.network, "max_iter": 9})


SWEEPS = [
    HalvingSweep(
        name="circles",
        load=load_circles,
        network={"solver": "sgd", "batch_size": 25, "max_iter": 100},
        grid={
            "hidden_layer_sizes": [(5,), (100,)],
            "learning_rate_init": [0.05, 0.005],
            "alpha": [0, 1e-4, 1e-3, 1e-2],
        },
        folds=5,
        epochs=(25, 100),
        factor=16,
        first_round=1 / 16,
    ),
    HalvingSweep(
        name="digits",
        load=load_scaled_digits,
        network={"hidden_layer_sizes": (32,), "solver": "sgd", "max_iter": 81},
        grid={
            "learning_rate_init": [0.01, 0.1, 0.5],
            "alpha": [1e-4, 1e-2, 1.0],
            "momentum": [0, 0.5, 0.9],
        },
        folds=5,
    ),
    HalvingSweep(
        name="covertype",
        load=load_covertype,
        network={"max_iter": 27},
        grid={
            "hidden_layer_sizes": [(50,), (100,), (50, 50)],
            "learning_rate_init": [0.001, 0.003, 0.01],
            "alpha": [1e-5, 1e-3, 1e-1],
        },
        folds=3,
        dtype="float32",
        rows=20_000,
    ),
]


def measure_halving(folder, rounds, *, quick):
    """Return an entry for each sweep."""
    entries = []
    for sweep in SWEEPS:
        print(f"halving: {sweep.name}", file=sys.stderr, flush=True)
        sweep = sweep.quick() if quick else sweep
        X, y = sweep.data(folder)
        entry = time_halving(sweep, X, y, rounds, searchers())
        entry["missed_scores"] = missed_scores(sweep, X, y, SHUFFLINGS[: 1 if quick else None])
        entries.append(entry)
    return {"searches": entries}


def searchers():
    """Return the names of the searches that can run here."""
    return [name for name, parts in SEARCHERS.items() if not parts[2] or find_spec("numba")]


def time_halving(sweep, X, y, rounds, names):
    """Return how long each search took, and the best score that it found."""
    scores = {}

    def prepare(name):
        def call():
            scores[name] = float(sweep.search(name).fit(X, y).best_score_)

        return call

    seconds = time_in_turn({name: prepare(name) for name in names}, rounds)
    return {
        "sweep": sweep.name,
        "candidates": sweep.n_candidates,
        "folds": sweep.folds,
        "seconds": seconds,
        "median_seconds": medians(seconds),
        "best_scores": scores,
    }


def missed_scores(sweep, X, y, shufflings):
    """Return how far halving's best score is below the full grid's, for each shuffling."""
    if "halving" not in searchers():
        return []
    with expected_warnings():
        return [
            sweep.search("full grid", shuffling).fit(X, y).best_score_
            - sweep.search("halving", shuffling).fit(X, y).best_score_
            for shuffling in shufflings
        ]
