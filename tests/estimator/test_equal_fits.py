"""Equal fits are equal models: the same hash, and the same bytes in a file."""

import io
import os
import pickle
import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from sklearn.utils import check_random_state

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.callbacks import Checkpoint
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.estimators.resume import generator_of
from sknn_scratch.model_selection import MLPGridSearchCV

X, y = load_iris(return_X_y=True)
X = scale(X)
SETTINGS = [
    *({"solver": solver} for solver in [*SOLVERS, "lbfgs"]),
    {"early_stopping": True},
    {"learning_rate": "one_cycle", "dropout": 0.2},
    {"warm_start": "resume", "early_stopping": True},
    {"activation": ["tanh", "relu"], "hidden_layer_sizes": [4, 3], "l1": [1e-3, 0, 0]},
]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0} | params)


def file_of(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    return file.getvalue()


def assert_equal(model, other):
    assert joblib.hash(model) == joblib.hash(other)
    assert file_of(model) == file_of(other)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_fit(cls, settings):
    first, second = new(cls, **settings).fit(X, y), new(cls, **settings).fit(X, y, X_val=None)
    assert_equal(first, second)
    assert_equal(first, second.fit(X, y) if not second.warm_start else first)
    assert joblib.hash(new(cls, **settings).fit(X, y + (y == 0))) != joblib.hash(first)


@pytest.mark.parametrize("solver", SOLVERS)
def test_partial_fit(solver):
    streams = [new(solver=solver), new(solver=solver)]
    for model in streams:
        for start in (0, 1, 2):
            model.partial_fit(X[start::3], y[start::3], classes=[0, 1, 2])
    assert_equal(*streams)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_resumed_fit_through_a_file(solver, early_stopping):
    model = new(solver=solver, warm_start="resume", early_stopping=early_stopping).fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    assert joblib.hash(loaded) == joblib.hash(model)
    assert joblib.hash(loaded.fit(X, y)) == joblib.hash(model.fit(X, y))


class BrokenOffError(Exception):
    pass


class BreakOff:
    """End a fit after two epochs."""

    def setup(self, estimator, context):
        pass

    teardown = on_fit_task_begin = setup

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and estimator.n_iter_ == 3:
            raise BrokenOffError


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True, "dropout": 0.1}], ids=str)
def test_fit_from_a_checkpoint(settings, tmp_path):
    path = tmp_path / "checkpoint"
    broken = new(**settings).set_callbacks(Checkpoint(path), BreakOff())
    with pytest.raises(BrokenOffError):
        broken.fit(X, y)
    resumed = Checkpoint.load(path).set_callbacks().fit(X, y)
    assert joblib.hash(resumed) == joblib.hash(new(**settings).set_callbacks().fit(X, y))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_search(early_stopping):
    estimator, fitted = new(early_stopping=early_stopping), []

    def score(model, X, y):
        fitted[-1][model.alpha, model.max_iter, len(X), X[0, 0]] = joblib.hash(model)
        return model.score(X, y)

    for _ in range(2):
        fitted.append({})
        grid = {"alpha": [1e-4, 1.0], "max_iter": [2, 4]}
        search = MLPGridSearchCV(estimator, grid, scoring=score, cv=2).fit(X, y)
        assert_equal(search.best_estimator_, clone(search.best_estimator_).fit(X, y))
    assert len(fitted[0]) == 8
    assert fitted[0] == fitted[1]


SCRIPT = """
import joblib
from sklearn.datasets import load_iris
from sknn_scratch import MLPScratchClassifier
X, y = load_iris(return_X_y=True)
names = [("fir", "ash", "elm")[k] for k in y]
model = MLPScratchClassifier(5, max_iter=300, tol=1e-2, random_state=0).fit(X, names)
joblib.dump(model, "model.joblib")
"""


@pytest.mark.slow
def test_a_script_that_is_run_twice_writes_the_same_file(tmp_path):
    """As DVC expects it, also where sets and dicts of strings come in another order."""
    files = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        subprocess.run([sys.executable, "-c", SCRIPT], check=True, cwd=tmp_path, env=environment)
        files.append((tmp_path / "model.joblib").read_bytes())
    assert files[0] == files[1]


@pytest.mark.parametrize(
    "random_state", [0, 7, np.uint32(2**32 - 1), None, np.random.RandomState(3)]
)
def test_generators_are_those_of_scikit_learn(random_state):
    found, expected = generator_of(random_state), check_random_state(random_state)
    assert (found is expected) == (not isinstance(random_state, (int, np.integer)))
    assert pickle.dumps(found) == pickle.dumps(expected)
