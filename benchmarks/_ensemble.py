"""Seconds of ensembles: `fit` by ours with either engine and by scikit-learn's, and predictions."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec

import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import BaggingClassifier

from benchmarks._sweeps import TO_THE_END, load_noise
from benchmarks._timing import expected_warnings, medians, time_in_turn
from sknn_scratch import MLPScratchClassifier
from sknn_scratch.ensemble import MLPBaggingClassifier

N_MEMBERS = 8
# The class, the engine of its members, and how many jobs train them
TRAINERS = {
    "numba, 2 threads": (MLPBaggingClassifier, "numba", 2),
    "numba": (MLPBaggingClassifier, "numba", 1),
    "numpy": (MLPBaggingClassifier, "numpy", 1),
    "scikit-learn, numba, 2 jobs": (BaggingClassifier, "numba", 2),
    "scikit-learn, numpy": (BaggingClassifier, "numpy", 1),
}
# The class, and how many jobs predict
PREDICTORS = {
    "sknn_scratch, 2 jobs": (MLPBaggingClassifier, 2),
    "sknn_scratch": (MLPBaggingClassifier, 1),
    "scikit-learn, 2 jobs": (BaggingClassifier, 2),
    "scikit-learn": (BaggingClassifier, 1),
}
ROWS = (1, 1_000, 100_000)
AT_LEAST = 0.1  # seconds of a round of predictions


@dataclass(frozen=True)
class Members:
    """What the members of an ensemble are, and what they are trained on."""

    name: str
    load: Callable
    network: dict
    dtype: str = "float64"
    rows: int | None = None
    n_members: int = N_MEMBERS

    def quick(self):
        """Return the same with next to no work, to see that it runs."""
        return replace(self, rows=300, n_members=2, network={**self.network, "max_iter": 2})

    def data(self):
        """Return the X and y that are trained on."""
        X, y = self.load(None)
        return np.ascontiguousarray(X[: self.rows], dtype=self.dtype), y[: self.rows]

    def ensemble(self, cls, engine, n_jobs):
        """Return an ensemble without resampling, not yet fitted."""
        network = MLPScratchClassifier(**TO_THE_END | self.network, engine=engine)
        return cls(network, self.n_members, bootstrap=False, n_jobs=n_jobs, random_state=0)


def load_table(folder):
    """Return 4,500 samples of 60 numbers, in four classes: a table of some size after encoding."""
    return make_classification(
        4500, 60, n_informative=20, n_classes=4, class_sep=0.7, random_state=0
    )


# As in the recipe for tables
WIDE = Members(
    name="128-128-128",
    load=load_table,
    network={
        "hidden_layer_sizes": (128, 128, 128),
        "activation": "silu",
        "batch_size": 256,
        "learning_rate": "one_cycle",
        "learning_rate_init": 0.003,
        "weight_decay": 0.3,
        "dropout": 0.1,
        "alpha": 0.0,
        "max_iter": 10,
    },
)
SMALL = Members(
    name="64",
    load=load_table,
    network={"hidden_layer_sizes": (64,), "batch_size": 32, "max_iter": 10},
)
IMAGES = Members(
    name="784-100-10",
    load=load_noise,
    network={"hidden_layer_sizes": (100,), "max_iter": 5},
)
ENSEMBLES = [
    WIDE,
    replace(WIDE, dtype="float32"),
    SMALL,
    replace(SMALL, dtype="float32"),
    IMAGES,
    replace(IMAGES, dtype="float32"),
]


def measure_ensembles(rounds, *, quick):
    """Return an entry for each ensemble, of training and of prediction."""
    fits, predictions = [], []
    for members in ENSEMBLES:
        members = members.quick() if quick else members
        print(f"ensemble: {members.name}, {members.dtype}", file=sys.stderr, flush=True)
        fits.append(time_training(members, rounds))
        if members.dtype == "float32":
            rows = ROWS[:2] if quick else ROWS
            predictions += time_predictions(members, rows, rounds, 0.0 if quick else AT_LEAST)
    return {"fit": fits, "predict": predictions}


def trainers():
    """Return the names of those that can train here."""
    return [name for name in TRAINERS if "numba" not in name or find_spec("numba")]


def time_training(members, rounds):
    """Return what was trained, how long each took, and how far apart their predictions are."""
    X, y = members.data()
    fitted = {}

    def prepare(name):
        def call():
            fitted[name] = members.ensemble(*TRAINERS[name]).fit(X, y)

        return call

    seconds = time_in_turn({name: prepare(name) for name in trainers()}, rounds)
    predicted = [ensemble.predict_proba(X[:500]) for ensemble in fitted.values()]
    return {
        "members": members.name,
        "n_members": members.n_members,
        "dtype": members.dtype,
        "batch_size": members.network.get("batch_size", "auto"),
        "rows": len(X),
        "epochs": members.network["max_iter"],
        "seconds": seconds,
        "median_seconds": medians(seconds),
        "largest_difference": max(float(abs(p - predicted[0]).max()) for p in predicted),
    }


def time_predictions(members, numbers_of_rows, rounds, at_least):
    """Return an entry for each number of rows; what the weights are does not matter."""
    members = replace(members, network={**members.network, "max_iter": 1})
    X, y = members.data()
    with expected_warnings():
        models = {
            name: members.ensemble(cls, "numpy", 1).fit(X, y).set_params(n_jobs=n_jobs)
            for name, (cls, n_jobs) in PREDICTORS.items()
        }
    entries = []
    for n_rows in numbers_of_rows:
        samples = np.resize(X, (n_rows, X.shape[1]))
        calls = {name: partial(model.predict_proba, samples) for name, model in models.items()}
        seconds = time_in_turn(calls, rounds, at_least)
        entries.append(
            {
                "members": members.name,
                "n_members": members.n_members,
                "dtype": members.dtype,
                "rows": n_rows,
                "seconds": seconds,
                "median_seconds": medians(seconds),
            }
        )
    return entries
