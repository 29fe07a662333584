"""Ctrl-C ends what the user has asked for: one network, or all those of a search."""

import os
import signal
import subprocess
import sys
import time
from _thread import interrupt_main
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from threading import Timer

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import AdaBoostRegressor, BaggingClassifier, VotingClassifier
from sklearn.feature_selection import RFE
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    cross_val_predict,
    cross_val_score,
    learning_curve,
)
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.compiled import CompiledEpochs
from sknn_scratch.engine.objective import Objective
from sknn_scratch.ensemble import MLPBaggingClassifier
from sknn_scratch.estimators.interrupts import _fits_many
from sknn_scratch.model_selection import MLPGridSearchCV, MLPHalvingGridSearchCV

X, y = load_iris(return_X_y=True)
GRID = {"alpha": [0.0, 0.1]}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def network(cls=MLPScratchClassifier, **params):
    return cls(hidden_layer_sizes=3, max_iter=9, random_state=0, **params)


@pytest.fixture
def pythons_ctrl_c():
    """Let Ctrl-C raise a KeyboardInterrupt: tests that a shell runs in the background ignore it."""
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


@pytest.fixture
def press_ctrl_c(monkeypatch):
    """Return a function that has Ctrl-C pressed at the k-th gradient of all fits together."""
    value_and_gradient, calls = Objective.value_and_gradient, count(1)

    def at(k):
        def interrupted(*args, **kwargs):
            if next(calls) == k:
                raise KeyboardInterrupt
            return value_and_gradient(*args, **kwargs)

        monkeypatch.setattr(Objective, "value_and_gradient", interrupted)
        return calls

    return at


class Wrapper(MLPScratchClassifier):
    """A user's own class: it makes no difference to what Ctrl-C is meant to end."""

    def fit(self, X, y, **params):
        return super().fit(X, y, **params)


MANY = {
    "GridSearchCV": lambda: GridSearchCV(network(), GRID).fit(X, y),
    "lbfgs": lambda: GridSearchCV(network(solver="lbfgs"), GRID).fit(X, y),
    "in a pipeline": lambda: GridSearchCV(make_pipeline(network()), {}).fit(X, y),
    "class of one's own": lambda: GridSearchCV(Wrapper(3, max_iter=9), GRID).fit(X, y),
    "RandomizedSearchCV": lambda: RandomizedSearchCV(network(), GRID, n_iter=2).fit(X, y),
    "our search": lambda: MLPGridSearchCV(network(), GRID).fit(X, y),
    "our search, lbfgs": lambda: MLPGridSearchCV(network(solver="lbfgs"), GRID).fit(X, y),
    "our halving search": lambda: MLPHalvingGridSearchCV(
        network(), GRID, resource="max_iter", max_resources=9
    ).fit(X, y),
    "cross_val_score": lambda: cross_val_score(network(), X, y),
    "cross_val_predict": lambda: cross_val_predict(network(), X, y),
    "learning_curve": lambda: learning_curve(network(), X, y, shuffle=True, random_state=0),
    "bagging": lambda: BaggingClassifier(network()).fit(X, y),
    "our bagging": lambda: MLPBaggingClassifier(network()).fit(X, y),
    "boosting": lambda: AdaBoostRegressor(network(MLPScratchRegressor)).fit(X, y),
    "voting": lambda: VotingClassifier([("a", network()), ("b", network())]).fit(X, y),
    "one against the rest": lambda: OneVsRestClassifier(network()).fit(X, y),
    "elimination": lambda: RFE(network(), importance_getter=importance).fit(X, y),
}


def importance(model):
    return abs(model.coefs_[0]).sum(axis=1)


@pytest.mark.parametrize("fits", MANY.values(), ids=MANY)
def test_many_fits_end_together(fits, press_ctrl_c):
    calls = press_ctrl_c(5)
    with pytest.raises(KeyboardInterrupt):
        fits()
    assert next(calls) == 6  # nothing was trained after that


def fit_each_by_hand():
    return [network().fit(X, y), network().fit(X, y)][0]


ONE = {
    "fit": lambda: network().fit(X, y),
    "lbfgs": lambda: network(solver="lbfgs").fit(X, y),
    "class of one's own": lambda: Wrapper(3, max_iter=9, random_state=0).fit(X, y),
    "pipeline": lambda: make_pipeline(StandardScaler(), network()).fit(X, y),
    "loop": fit_each_by_hand,
    "transformed targets": lambda: TransformedTargetRegressor(network(MLPScratchRegressor)).fit(
        X, X.sum(axis=1)
    ),
}


@pytest.mark.parametrize("fit", ONE.values(), ids=ONE)
def test_a_fit_by_itself_keeps_its_best_weights(fit, press_ctrl_c):
    press_ctrl_c(5)
    with pytest.warns(UserWarning, match="interrupted by user in epoch .*best weights"):
        model = fit()
    assert model.predict(X).shape == (150,)


@pytest.mark.parametrize("search_class", [GridSearchCV, MLPGridSearchCV])
def test_the_last_fit_of_a_search_keeps_its_best_weights(search_class, press_ctrl_c):
    """All scores are there by then, and would be lost."""
    searched = search_class(network(), GRID, cv=2, refit=False)
    calls = press_ctrl_c(-1)
    searched.fit(X, y)
    n_gradients = next(calls) - 1
    calls = press_ctrl_c(2 * n_gradients + 1 + 5)
    search = search_class(network(), GRID, cv=2)
    with pytest.warns(UserWarning, match="interrupted by user in epoch"):
        search.fit(X, y)
    assert search.best_estimator_.n_iter_ == 4
    scores = searched.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], scores)


@pytest.mark.parametrize(
    ("module", "many"),
    [
        ("sklearn.base", False),
        ("sklearn.utils.metaestimators", False),
        ("sklearn.baseline", True),
        ("sklearn.pipeline", False),
        ("sklearn.model_selection._search", False),
        ("sklearn.model_selection._search_successive_halving", True),
        ("sklearn.model_selection._validation", True),
        ("sklearn.ensemble._bagging", True),
        ("joblib.parallel", True),
        ("joblibrary", False),
        ("__main__", False),
        ("None", False),
    ],
)
def test_which_modules_fit_many(module, many):
    assert _fits_many(module) == many


@pytest.mark.skipif(find_spec("numba") is None, reason="networks train in threads with numba")
@pytest.mark.parametrize("ended_by", ["Ctrl-C", "an error"])
@pytest.mark.parametrize("many", ["search", "ensemble"])
def test_threads_end_with_what_has_started_them(many, ended_by, monkeypatch, pythons_ctrl_c):
    """No thread trains on when the search has ended, though it had a million epochs to go."""
    run, epochs = CompiledEpochs.run, count()

    def counted(self, at_most):
        next(epochs)
        return run(self, at_most)

    monkeypatch.setattr(CompiledEpochs, "run", counted)
    model = MLPScratchClassifier(3, max_iter=10**6, n_iter_no_change=np.inf, random_state=0)
    model.set_params(engine="numba")
    calls, grid, expected = count(), {"alpha": [0.0, 0.1]}, KeyboardInterrupt

    def fails_once(history):
        if next(calls) == 5:
            raise ValueError("in one of the threads")

    if ended_by == "an error":
        grid, expected = {"alpha": [-1, 0.0]}, ValueError
        model.set_params(stop_when=fails_once if many == "ensemble" else None)
    else:
        Timer(0.5, interrupt_main).start()
    search = MLPGridSearchCV(model, grid, cv=2, n_jobs=2, error_score="raise")
    ensemble = MLPBaggingClassifier(model, 3, n_jobs=2, random_state=0)
    with pytest.raises(expected):
        {"search": search, "ensemble": ensemble}[many].fit(X, y)
    give_up = time.monotonic() + 10  # a million epochs take longer
    while time.monotonic() < give_up:
        n_epochs = next(epochs)
        time.sleep(0.2)
        if next(epochs) == n_epochs + 1:
            return
    pytest.fail("a thread trains on")


# The key itself, in processes of its own; it goes to all processes of the terminal

OUTCOMES = {
    ("fit", 1): "went on",
    ("grid", 1): "stopped",
    ("grid", 2): "stopped",
    ("score", 2): "stopped",
    ("ours", 1): "stopped",
    ("ours", 2): "stopped",
}
# To import all this takes longer than a case: it is done once, and each case is a fork of its own
PROGRAM = """
import contextlib, os, signal, sys, warnings
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sknn_scratch import MLPScratchClassifier
from sknn_scratch.model_selection import MLPGridSearchCV

def press_ctrl_c(history):
    if len(history["loss"]) == 5:
        os.killpg(os.getpgrp(), signal.SIGINT)

X, y = load_iris(return_X_y=True)
network = MLPScratchClassifier(3, max_iter=9, random_state=0, stop_when=press_ctrl_c)
pipeline = make_pipeline(StandardScaler(), network)
grid = {"mlpscratchclassifier__alpha": [0, 0.1]}
warnings.simplefilter("ignore")

def run(what, n_jobs):
    try:
        if what == "score":
            cross_val_score(pipeline, X, y, n_jobs=n_jobs)
        elif what == "fit":
            pipeline.fit(X, y)
        else:
            search = {"grid": GridSearchCV, "ours": MLPGridSearchCV}[what]
            search(pipeline, grid, n_jobs=n_jobs).fit(X, y)
    except KeyboardInterrupt:
        print("stopped", flush=True)
    else:
        print("went on", flush=True)

for case in sys.argv[1:]:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        continue
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(60)
    # Files, for a worker of joblib that the key has left idle would hold a pipe open
    for name, stream in ((case, 1), (case + " errors", 2)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), stream)
    what, n_jobs = case.split()
    run(what, int(n_jobs))
    os._exit(0)  # at its exit joblib may wait for ever for a worker that the key has left idle
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Return what each case has printed, and its errors."""
    folder = tmp_path_factory.mktemp("key")
    cases = [f"{what} {n_jobs}" for what, n_jobs in OUTCOMES]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", PROGRAM, *cases]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="Windows has no process groups")
@pytest.mark.parametrize(("what", "n_jobs"), OUTCOMES)
def test_the_key_itself(what, n_jobs, said):
    case = f"{what} {n_jobs}"
    assert said[case] == f"{OUTCOMES[what, n_jobs]}\n", said[f"{case} errors"]
