"""The estimators in scikit-learn's searches, pipelines and cross-validation."""

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.datasets import load_iris
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.solvers import SOLVERS

ESTIMATORS = [MLPScratchClassifier]

X, y = load_iris(return_X_y=True)
NAMES = load_iris().target_names[y]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def pipeline(**params):
    defaults = {"hidden_layer_sizes": (5,), "max_iter": 15, "random_state": 0}
    return make_pipeline(StandardScaler(), MLPScratchClassifier(**defaults | params))


def grid(**choices):
    return {f"mlpscratchclassifier__{name}": values for name, values in choices.items()}


def search(grids, **params):
    return GridSearchCV(pipeline(), grids, **{"cv": 3} | params).fit(X, NAMES)


def results(search):
    """Return all of cv_results_ that does not depend on the clock."""
    return {k: list(v) for k, v in search.cv_results_.items() if not k.endswith("_time")}


@pytest.mark.slow
def test_two_processes_find_what_one_finds():
    grids = [
        grid(solver=list(SOLVERS), activation=["relu", ["tanh"]], learning_rate_init=[0.01, 0.1]),
        grid(solver=["sgd"], l1=[0.0, [0.01, 0.0]], l2=[0.0, 0.01]),
        grid(solver=["lbfgs"], l2=[0.0, 0.01, [0.01, 0.0]]),
    ]
    alone, both = search(grids), search(grids, n_jobs=2)
    assert results(both) == results(alone)
    assert both.best_params_ == alone.best_params_
    np.testing.assert_array_equal(both.predict_proba(X), alone.predict_proba(X))
    assert alone.best_score_ > 0.9


def test_folds_are_stratified():
    assert is_classifier(MLPScratchClassifier())
    grids = grid(solver=["lbfgs"])
    given, stratified, in_order = (
        results(search(grids, cv=cv)) for cv in (3, StratifiedKFold(3), KFold(3))
    )
    assert given == stratified
    assert in_order["mean_test_score"] == [0]  # a fold is a class that was not in training


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_cross_val_predict(solver, method):
    model = pipeline(solver=solver, learning_rate_init=0.1)
    folds = StratifiedKFold(3)
    predicted = cross_val_predict(model, X, NAMES, cv=folds, method=method)
    for train, test in folds.split(X, NAMES):
        expected = getattr(clone(model).fit(X[train], NAMES[train]), method)(X[test])
        np.testing.assert_array_equal(predicted[test], expected)


def test_cross_val_score_of_early_stopping_and_weights():
    model = pipeline(solver="sgd", early_stopping=True, learning_rate_init=0.1)
    weight = {"mlpscratchclassifier__sample_weight": np.arange(150) % 3}
    scores = cross_val_score(model, X, NAMES, cv=3, params=weight)
    assert scores.min() > 0.5  # one class for all gets a third


def test_a_search_stops_at_parameters_that_cannot_be():
    grids = grid(solver=["lbfgs"], weight_decay=[0.1])
    with pytest.raises(ValueError, match=r"weight_decay=0\.1 needs one of the solvers"):
        search(grids, error_score="raise")


OTHER = {
    "hidden_layer_sizes": [3, 2],
    "activation": ["tanh", "relu"],
    "solver": "sgd",
    "warm_start": "resume",
    "random_state": 7,
    "n_iter_no_change": np.inf,
    "l1": [0.0, 0.1, 0.2],
    "l2": np.array([0.0, 0.1, 0.2]),
}


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_parameters_are_kept_as_they_are_given(estimator):
    model = estimator()
    defaults = model.get_params()
    assert vars(model) == defaults
    model.set_params(**OTHER)
    for same in (model, estimator(**model.get_params())):
        assert all(same.get_params()[name] is value for name, value in OTHER.items())
    model.set_params(**defaults)
    assert model.get_params() == defaults


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_fit_keeps_the_parameters(estimator):
    model = estimator(max_iter=2, **OTHER)
    before = model.get_params()
    model.fit(X, y)
    assert all(model.get_params()[name] is value for name, value in before.items())
    assert repr(model).startswith(f"{estimator.__name__}(activation=['tanh', 'relu']")
    clone(model).fit(X, y)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_unknown_parameter(estimator):
    with pytest.raises(ValueError, match="Invalid parameter 'l3' for estimator"):
        estimator().set_params(l3=1.0)
    with pytest.raises(TypeError, match="l3"):
        estimator(l3=1.0)
