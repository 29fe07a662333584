"""A file names what is public, so that the package can be arranged anew without breaking it."""

import io
import pickle
import pickletools
import re
import runpy
import zipfile

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale

import sknn_scratch.engine.progress as progress
from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor, callbacks
from sknn_scratch.callbacks import Checkpoint
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.engine.schedules import SCHEDULES
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.ensemble import MLPBaggingClassifier, MLPBaggingRegressor
from sknn_scratch.estimators import state
from sknn_scratch.model_files import save
from sknn_scratch.model_selection import (
    MLPGridSearchCV,
    MLPHalvingGridSearchCV,
    MLPHalvingRandomSearchCV,
    MLPRandomizedSearchCV,
)

from ..public_names import public_modules

X, y = load_iris(return_X_y=True)
X = scale(X)
PUBLIC = {"sknn_scratch", "sknn_scratch.callbacks"}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def planned(n_epochs):
    return 0.1 / (1 + n_epochs)


def diverging(n_epochs):
    return 0.01 if n_epochs < 2 else 1e300


def new(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": 3, "max_iter": 3, "random_state": 0} | params)


def refitted(model):
    return model.fit(X, y).set_params(max_iter=5).fit(X, y)


MODELS = {
    "not fitted": new,
    **{f"fresh {solver}": new(solver=solver).fit for solver in [*SOLVERS, "lbfgs"]},
    **{
        f"resumable {solver}": new(solver=solver, warm_start="resume", early_stopping=True).fit
        for solver in SOLVERS
    },
    **{
        f"{schedule}": new(
            MLPScratchRegressor, solver="gd", learning_rate=schedule, warm_start="resume"
        ).fit
        for schedule in SCHEDULES
    },
    "function": new(learning_rate=planned, dropout=0.1, warm_start="resume").fit,
    "warm": lambda X, y: refitted(new(warm_start=True)),
    "resumed": lambda X, y: refitted(new(warm_start="resume", early_stopping=True)),
    "partial": lambda X, y: new().partial_fit(X, y, classes=[0, 1, 2]),
    "partial after resume": lambda X, y: new(warm_start="resume").fit(X, y).partial_fit(X, y),
}


def model_of(name):
    return MODELS[name]() if name == "not fitted" else MODELS[name](X, y)


def modules_in_pickle(content):
    strings = [str(arg) for _, arg, _ in pickletools.genops(bytes(content)) if isinstance(arg, str)]
    return {s.split()[0] for s in strings if re.match(r"sknn_scratch\b", s)}


def modules_in(content):
    return {name.decode() for name in re.findall(rb"\bsknn_scratch(?:\.\w+)*", content)}


@pytest.mark.parametrize("name", MODELS)
def test_model_files(name, tmp_path):
    model, file = model_of(name), io.BytesIO()
    assert modules_in_pickle(pickle.dumps(model)) == {"sknn_scratch"}
    joblib.dump(model, file)
    assert modules_in(file.getvalue()) == {"sknn_scratch"}


@pytest.mark.parametrize("name", sorted(MODELS.keys() - {"not fitted"}))
def test_skops_files(name, tmp_path):
    pytest.importorskip("skops")
    save(model_of(name), tmp_path / "model.skops")
    schema = zipfile.ZipFile(tmp_path / "model.skops").read("schema.json")
    assert modules_in(schema) == {"sknn_scratch"}


SEARCHES = {
    "grid": MLPGridSearchCV(new(), {"l2": [0, 0.1], "max_iter": [2, 3]}, cv=2),
    "randomized": MLPRandomizedSearchCV(new(), {"l2": [0, 0.1]}, n_iter=2, cv=2, random_state=0),
    "halving": MLPHalvingGridSearchCV(
        new(), {"l2": [0, 0.1]}, factor=2, resource="max_iter", max_resources=4, cv=2
    ),
    "random halving": MLPHalvingRandomSearchCV(
        new(), {"l2": [0, 0.1]}, factor=2, resource="max_iter", max_resources=2, cv=2
    ),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_searches(name):
    search = SEARCHES[name].fit(X, y)
    named = modules_in_pickle(pickle.dumps(search))
    assert named == {"sknn_scratch", "sknn_scratch.model_selection"}


@pytest.mark.parametrize("cls", [MLPBaggingClassifier, MLPBaggingRegressor])
def test_ensembles(cls):
    ensemble = cls(n_estimators=2, random_state=0).set_params(estimator=new(cls._network))
    named = modules_in_pickle(pickle.dumps(ensemble.fit(X, y)))
    assert named == {"sknn_scratch", "sknn_scratch.ensemble"}


@pytest.mark.parametrize("module", public_modules(), ids=lambda module: module.__name__)
def test_public_classes_name_the_module_that_users_import(module):
    classes = [found for name in module.__all__ if isinstance(found := getattr(module, name), type)]
    assert {cls.__module__ for cls in classes} <= {module.__name__}


TRAININGS = {
    **{f"{solver}": {"solver": solver} for solver in SOLVERS},
    **{f"{s} stopping early": {"solver": s, "early_stopping": True} for s in SOLVERS},
    **{f"{name}": {"solver": "gd", "learning_rate": name} for name in SCHEDULES},
    "resumable": {"warm_start": "resume", "early_stopping": True, "dropout": 0.1},
    "plateau": {"tol": 10.0, "n_iter_no_change": 1, "max_iter": 9},
    "diverged": {
        "solver": "sgd",
        "learning_rate": diverging,
        "max_iter": 9,
        "early_stopping": True,
    },
    "rule": {"stop_when": callable},
}
ENDINGS = {"plateau": progress.Ending.PLATEAU, "diverged": progress.Ending.DIVERGED}


@pytest.mark.parametrize("name", TRAININGS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_checkpoints(name, method, tmp_path):
    path = tmp_path / "network.checkpoint"
    model = new(MLPScratchRegressor, **TRAININGS[name]).set_callbacks(Checkpoint(path))
    if method == "partial_fit":
        model.set_params(early_stopping=False)
    getattr(model, method)(X, np.sin(y))
    pickled = callbacks._checked(path.read_bytes(), path)
    assert modules_in_pickle(pickled) == PUBLIC
    if method == "fit" and name in ENDINGS:
        assert Checkpoint.load(path)._resume_point.progress.ending is ENDINGS[name]


def test_each_record_of_the_engine_is_known_by_name():
    """A record that is not on the list would name its module in every file."""
    registered = {*SOLVERS.values(), *SCHEDULES.values(), *LOSSES.values()}
    assert registered <= set(state._RECORDS.values())
    assert all(name == record.__name__ for name, record in state._RECORDS.items())


def test_what_users_register_before_is_no_record(monkeypatch):
    class Mine(SOLVERS["sgd"]):
        pass

    for registry in (SOLVERS, SCHEDULES, LOSSES):
        monkeypatch.setitem(registry, "mine", Mine)
    assert set(runpy.run_path(state.__file__)["_RECORDS"]) == set(state._RECORDS)
