"""Weights and a validation set find their way through pipelines and searches."""

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.model_selection import MLPGridSearchCV, MLPHalvingGridSearchCV

X, X_VAL, y, Y_VAL = train_test_split(*load_iris(return_X_y=True), random_state=0)
WEIGHT = np.arange(1.0, len(y) + 1)
WEIGHT_VAL = np.arange(1.0, len(Y_VAL) + 1)
GIVEN = {
    "sample_weight": WEIGHT,
    "X_val": X_VAL,
    "y_val": Y_VAL,
    "sample_weight_val": WEIGHT_VAL,
}
ESTIMATORS = [MLPScratchClassifier, MLPScratchRegressor]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def network(cls=MLPScratchClassifier, **requests):
    model = cls(hidden_layer_sizes=(5,), max_iter=4, learning_rate_init=0.05, random_state=0)
    model.set_fit_request(**requests or dict.fromkeys(GIVEN, True))
    return model.set_score_request(sample_weight=True)


def in_pipeline(model):
    # The scaler takes weights as well, and has to be told not to
    scaler = StandardScaler().set_fit_request(sample_weight=False)
    return Pipeline([("scale", scaler), ("network", model)], transform_input=["X_val"])


def assert_same(model, expected):
    np.testing.assert_array_equal(model.coefs_[0], expected.coefs_[0])
    for name in ("loss", "validation_loss", "validation_score"):
        assert model.history_[name] == expected.history_[name]


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_pipeline_scales_the_validation_set(cls):
    model = in_pipeline(network(cls)).fit(X, y, **GIVEN)
    scaler = StandardScaler().fit(X)
    by_hand = GIVEN | {"X_val": scaler.transform(X_VAL)}
    assert_same(model[-1], network(cls).fit(scaler.transform(X), y, **by_hand))
    not_scaled = network(cls).fit(scaler.transform(X), y, **GIVEN)
    assert model[-1].history_["validation_loss"] != not_scaled.history_["validation_loss"]


def test_early_stopping_in_a_pipeline():
    model = in_pipeline(network().set_params(early_stopping=True, max_iter=60))
    model.fit(X, y, X_val=X_VAL, y_val=Y_VAL)
    assert model[-1].best_validation_score_ == model.score(X_VAL, Y_VAL) > 0.9


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_cross_validation_splits_weights_and_keeps_the_validation_set(cls):
    folds = StratifiedKFold(3)
    found = cross_validate(
        in_pipeline(network(cls)), X, y, cv=folds, params=GIVEN, return_estimator=True
    )
    for (train, _), model in zip(folds.split(X, y), found["estimator"], strict=True):
        part = GIVEN | {"sample_weight": WEIGHT[train]}
        assert_same(model[-1], in_pipeline(network(cls)).fit(X[train], y[train], **part)[-1])


@pytest.mark.parametrize("search_class", [GridSearchCV, MLPGridSearchCV])
def test_search(search_class):
    model = in_pipeline(network())
    search = search_class(model, {"network__alpha": [1e-4, 1.0]}, cv=3).fit(X, y, **GIVEN)
    assert len(search.cv_results_["params"]) == 2
    best = clone(model).set_params(**search.best_params_)
    assert_same(search.best_estimator_[-1], best.fit(X, y, **GIVEN)[-1])
    folds = cross_validate(best, X, y, cv=3, params=GIVEN)["test_score"]
    assert search.best_score_ == folds.mean()
    weighted = search.score(X, y, sample_weight=WEIGHT)
    assert weighted == best.score(X, y, sample_weight=WEIGHT) != search.score(X, y)


def test_halving_search():
    """Its survivors go on with the weights and the validation set of their folds."""
    rounds = {"resource": "network__max_iter", "max_resources": 6, "factor": 2, "cv": 3}
    search = MLPHalvingGridSearchCV(
        in_pipeline(network()), {"network__alpha": [1e-4, 1.0]}, **rounds
    )
    search.fit(X, y, **GIVEN)
    assert search.n_resources_ == [3, 6]
    best = in_pipeline(network()).set_params(**search.best_params_)
    assert_same(search.best_estimator_[-1], best.fit(X, y, **GIVEN)[-1])
    assert search.best_score_ == cross_validate(best, X, y, cv=3, params=GIVEN)["test_score"].mean()


def test_validation_set_as_large_as_the_training_set_is_split_with_it():
    """scikit-learn splits whatever has as many rows as X; the user guide warns of it."""
    folds, same_size = StratifiedKFold(3), {"X_val": X[::-1], "y_val": y[::-1]}
    model = network(X_val=True, y_val=True)
    found = cross_validate(model, X, y, cv=folds, params=same_size, return_estimator=True)
    train = next(folds.split(X, y))[0]
    part = {name: given[train] for name, given in same_size.items()}
    assert_same(found["estimator"][0], clone(model).fit(X[train], y[train], **part))


def test_what_is_not_asked_for():
    with pytest.raises(UnsetMetadataPassedError, match=r"\[X_val, y_val\] are passed"):
        in_pipeline(network(sample_weight=True)).fit(X, y, X_val=X_VAL, y_val=Y_VAL)


def test_weights_for_the_scaler_alone():
    model = in_pipeline(network(sample_weight=False))
    model[0].set_fit_request(sample_weight=True)
    model.fit(X, y, sample_weight=WEIGHT)
    scaler = StandardScaler().fit(X, sample_weight=WEIGHT)
    expected = network().fit(scaler.transform(X), y)
    np.testing.assert_array_equal(model[-1].coefs_[0], expected.coefs_[0])


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_partial_fit_takes_weights(cls):
    model = cls().set_partial_fit_request(sample_weight=True)
    assert model.get_metadata_routing().partial_fit.requests["sample_weight"] is True
