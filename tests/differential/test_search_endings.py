"""Searches that fail, in part or as a whole, or are interrupted: they end as scikit-learn's do."""

import io
import re
import warnings
from contextlib import redirect_stdout

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.callbacks import SearchProgress
from sknn_scratch.model_selection import (
    MLPGridSearchCV,
    MLPHalvingGridSearchCV,
    MLPRandomizedSearchCV,
)

X, y = make_classification(40, 5, random_state=0)
RANDOM = {"n_iter": 3, "random_state": 0}
PAIRS = {
    "grid": (MLPGridSearchCV, GridSearchCV, {}),
    "random": (MLPRandomizedSearchCV, RandomizedSearchCV, RANDOM),
    "halving": (MLPHalvingGridSearchCV, HalvingGridSearchCV, {"max_resources": 6}),
}
ATTRIBUTES = ["best_index_", "best_score_", "best_params_", "multimetric_", "n_candidates_"]
NETWORK = MLPScratchClassifier((3,), max_iter=2, solver="sgd", random_state=0)


class Fragile(StandardScaler):
    """A step of a pipeline that fails, from some number of samples on."""

    def __init__(self, how=None, at=0):
        super().__init__()
        self.how = how
        self.at = at

    def fit(self, X, y=None):
        if self.how is not None and len(X) >= self.at:
            raise self.how("the scaler broke")
        return super().fit(X, y)


class Scorer:
    """Fails, or returns something else, for one value of alpha."""

    def __init__(self, result, at=0):
        self.result = result
        self.at = at

    def __call__(self, estimator, X, y):
        if estimator.get_params()["alpha"] != self.at:
            return estimator.score(X, y)
        if isinstance(self.result, type):
            raise self.result("the scorer broke")
        return self.result


PIPELINE = Pipeline([("scale", Fragile()), ("net", NETWORK)])
GRID = {"alpha": [0, 0.1, 1.0]}
SOME, ALL = {"alpha": [0, -1, 0.1]}, {"alpha": [-1, -2, -3]}
DIVERGING = {"learning_rate_init": [0.1, 1e200, 0.01]}
BROKEN = {"scale__how": [None, ZeroDivisionError], "net__alpha": [0, 1.0]}
CASES = {
    "some fail": (NETWORK, SOME, {}),
    "some fail, with a number": (NETWORK, SOME, {"error_score": 0.0, "return_train_score": True}),
    "some fail, raised": (NETWORK, SOME, {"error_score": "raise"}),
    "some fail, as told": (NETWORK, SOME, {"verbose": 3}),
    "some fail, two metrics": (NETWORK, SOME, {"scoring": ["accuracy", "f1"], "refit": "f1"}),
    "all fail": (NETWORK, ALL, {}),
    "all fail, with a number": (NETWORK, ALL, {"error_score": 0.0}),
    "one diverges": (NETWORK, DIVERGING, {}),
    "one diverges, raised": (NETWORK, DIVERGING, {"error_score": "raise"}),
    "parts of a training fail": (NETWORK, {"alpha": [0, 1.0], "max_iter": [3, -1, 2]}, {}),
    "a transformer fails": (PIPELINE, BROKEN, {}),
    "a transformer fails, raised": (PIPELINE, BROKEN, {"error_score": "raise"}),
    "a transformer is interrupted": (PIPELINE, {"scale__how": [None, KeyboardInterrupt]}, {}),
    "the interpreter is to end": (PIPELINE, {"scale__how": [None, SystemExit]}, {}),
    "the refit fails": (
        Pipeline([("scale", Fragile(ZeroDivisionError, at=len(X))), ("net", NETWORK)]),
        {"net__alpha": [0, 1.0]},
        {},
    ),
    "the refit is interrupted": (
        Pipeline([("scale", Fragile(KeyboardInterrupt, at=len(X))), ("net", NETWORK)]),
        {"net__alpha": [0, 1.0]},
        {},
    ),
    "the scorer fails": (NETWORK, GRID, {"scoring": Scorer(ZeroDivisionError)}),
    "the scorer fails, raised": (
        NETWORK,
        GRID,
        {"scoring": Scorer(ZeroDivisionError), "error_score": "raise"},
    ),
    "the scorer is interrupted": (NETWORK, GRID, {"scoring": Scorer(KeyboardInterrupt)}),
    "the scorer returns NaN": (NETWORK, GRID, {"scoring": Scorer(np.nan)}),
    "the scorer returns a word": (NETWORK, GRID, {"scoring": Scorer("good")}),
    "the choice of the best fails": (NETWORK, GRID, {"refit": lambda results: 77}),
}
# A halving search takes one metric, and no `max_iter` in its grid
NOT_HALVED = {"some fail, two metrics", "parts of a training fail"}
PLACES = [
    *((case, "grid") for case in CASES),
    *((case, "halving") for case in CASES if case not in NOT_HALVED),
    *((case, "random") for case in ("some fail", "all fail", "the refit fails")),
]


def ending(search):
    """Return how `fit` ends: what is raised or found, the warnings, and what is printed."""
    printed = io.StringIO()
    with warnings.catch_warnings(record=True) as caught, redirect_stdout(printed):
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            found = _found(search.fit(X, y))
        except BaseException as error:
            found = type(error), _as_sklearns(error)
    told = sorted({(w.category.__name__, _as_sklearns(w.message)) for w in caught})
    return found, told, re.sub(r"total time=.*|\.+", "", printed.getvalue())


def _as_sklearns(message):
    """Return a message without the tracebacks at its end, and the "MLP" in the names."""
    return str(message).partition("Below are")[0].replace("MLP", "")


def _found(search):
    results = search.cv_results_
    found = {name: repr(list(results[name])) for name in results if "_time" not in name}
    found |= {name: repr(getattr(search, name, None)) for name in ATTRIBUTES}
    return found | {"predicted": search.predict(X).tolist()}


@pytest.mark.parametrize(("case", "kind"), PLACES)
def test_ending(case, kind, capsys):
    ours, theirs, options = PAIRS[kind]
    estimator, grid, given = CASES[case]
    options = {"cv": 2, **options, **given}
    if kind == "halving":
        options["resource"] = "net__max_iter" if estimator is not NETWORK else "max_iter"
    search = ours(estimator, grid, **options)
    found = ending(search)
    assert found == ending(theirs(estimator, grid, **options))
    # A bar changes nothing, and is closed. All fits have been done where they are judged together
    search.set_callbacks(SearchProgress("text"))
    assert ending(search) == found
    lines = capsys.readouterr().err
    assert lines.endswith("\n")
    is_raised = isinstance(found[0], tuple)
    is_done = case.startswith(("all fail", "the choice of the best"))
    assert ("stopped" in lines) == (is_raised and not is_done)
