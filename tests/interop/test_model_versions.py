"""A model file says which version of the package wrote it, and holds no private class."""

import copy
import io
import pickle
import pickletools
import warnings

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import InconsistentVersionWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor, __version__
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.ensemble import MLPBaggingRegressor
from sknn_scratch.estimators import state as state_module
from sknn_scratch.exceptions import ModelVersionWarning

X, y = load_iris(return_X_y=True)
X = scale(X)
ESTIMATORS = [MLPScratchClassifier, MLPScratchRegressor]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fitted(cls=MLPScratchClassifier, **params):
    defaults = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0}
    return cls(**defaults | {"warm_start": "resume"} | params).fit(X, y)


def written(model, version):
    """Return the bytes of a file as that version would have written it; None did not say so."""
    file = io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        if version is None:
            patch.setattr("sknn_scratch.estimators.base.packed", dict)
        else:
            patch.setattr(state_module, "__version__", version)
        joblib.dump(model, file)
    return file.getvalue()


@pytest.mark.parametrize("version", ["0.0.1", "99.0", None])
@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_file_of_another_version_warns_and_is_read(cls, in_pipeline, version):
    model = fitted(cls)
    stored = make_pipeline(StandardScaler(), model) if in_pipeline else model
    content = written(stored, version)
    with pytest.warns(ModelVersionWarning) as record:
        loaded = joblib.load(io.BytesIO(content))
    (warning,) = [entry.message for entry in record]
    assert str(warning).startswith(f"This {cls.__name__} was written by sknn_scratch ")
    assert f"is read by sknn_scratch {__version__}" in str(warning)
    assert (version or "of an older version") in str(warning)
    assert (warning.original_version, warning.current_version) == (version, __version__)
    loaded = loaded[-1] if in_pipeline else loaded
    assert vars(loaded).keys() == vars(model).keys()
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    # The optimiser is there as well
    np.testing.assert_array_equal(loaded.fit(X, y).coefs_[0], model.fit(X, y).coefs_[0])


def test_filters_for_scikit_learns_warning_apply():
    content = written(fitted(), "0.0.1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InconsistentVersionWarning)
        joblib.load(io.BytesIO(content))
        warnings.simplefilter("error", InconsistentVersionWarning)
        with pytest.raises(ModelVersionWarning):
            joblib.load(io.BytesIO(content))


class Subclass(MLPScratchClassifier):
    pass


@pytest.mark.parametrize("cls", [*ESTIMATORS, Subclass])
def test_same_version_says_nothing(cls):
    model = fitted(cls)
    for copied in (
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        copy.copy(model),
        pickle.loads(pickle.dumps(cls())),
    ):
        assert not [name for name in vars(copied) if "version" in name]


def modules_named(content):
    """Return what of this package a pickle names."""
    strings = [argument for _, argument, _ in pickletools.genops(content)]
    return {name for name in strings if str(name).startswith("sknn_scratch")}


@pytest.mark.parametrize("params", [{}, {"dropout": 0.1}, {"early_stopping": True}], ids=str)
@pytest.mark.parametrize("solver", SOLVERS)
def test_file_names_no_private_class(solver, params):
    content = pickle.dumps(fitted(solver=solver, **params))
    assert modules_named(content) == {"sknn_scratch"}


@pytest.mark.parametrize("labels", [{"class": 1.0, "other": 2.0}, {"Adam": 2.0, "class": 1.0}])
def test_parameter_that_looks_like_a_record(labels):
    names = np.array(list(labels))[(y > 0).astype(int)]
    model = MLPScratchClassifier(3, max_iter=2, class_weight=labels).fit(X, names)
    assert pickle.loads(pickle.dumps(model)).class_weight == labels


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_file_from_before_a_parameter_was_there_has_its_default(cls):
    model, name = fitted(cls), "l1"
    state = {key: value for key, value in vars(model).items() if key != name}
    read = cls.__new__(cls)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelVersionWarning)
        read.__setstate__(state)
    assert read.get_params() == model.get_params()
    assert read.score(X, y) == model.score(X, y)
    read.partial_fit(X, y)


def test_an_older_ensemble_can_be_trained_further():
    model = MLPBaggingRegressor(fitted(MLPScratchRegressor), 2, random_state=0, warm_start=True)
    model.fit(X, y)
    del model._n_outputs
    model.set_params(n_estimators=3).fit(X, y)
    assert len(model.estimators_) == 3
