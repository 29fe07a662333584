"""Seconds of `predict_proba`, for a few rows and for many, all with the same weights."""

import sys
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from benchmarks._contestants import has_torch
from benchmarks._timing import medians, time_in_turn
from sknn_scratch import MLPScratchClassifier

NETWORKS = {"digits": ((64, 100, 10), "float64"), "mnist": ((784, 256, 10), "float32")}
ROWS = (1, 1_000, 100_000)
AT_LEAST = 0.1  # seconds of a round


def time_predictions(rounds, *, quick):
    """Return an entry for each network and number of rows."""
    entries = []
    for name, (units, dtype) in NETWORKS.items():
        model = fit_on_noise(units, dtype)
        for rows in ROWS[:2] if quick else ROWS:
            print(f"predict_proba: {name}, {rows:,} rows", file=sys.stderr, flush=True)
            X = np.random.default_rng(1).random((rows, units[0]), dtype=dtype)
            at_least = 0.0 if quick else AT_LEAST
            seconds = time_in_turn(prepare_predictions(model, X), rounds, at_least)
            entries.append(
                {
                    "network": name,
                    "units": units,
                    "dtype": dtype,
                    "rows": rows,
                    "seconds": seconds,
                    "median_seconds": medians(seconds),
                }
            )
    return entries


def fit_on_noise(units, dtype):
    """Return an MLPClassifier; what its weights are does not matter for the time."""
    draw = np.random.default_rng(0)
    X = draw.random((200, units[0]), dtype=dtype)
    y = np.arange(len(X)) % units[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPClassifier(units[1:-1], max_iter=1, random_state=0).fit(X, y)


def prepare_predictions(model, X):
    """Return the calls to be timed by name."""
    ours = MLPScratchClassifier.from_sklearn(model)
    calls = {
        "sknn_scratch": lambda: ours.predict_proba(X),
        "scikit-learn": lambda: model.predict_proba(X),
    }
    if has_torch():
        from benchmarks._torch import prepare_predict_proba

        calls["torch"] = prepare_predict_proba(model.coefs_, model.intercepts_, X)
    return calls
