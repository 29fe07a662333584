"""Which data scikit-learn is asked about: it takes longer than a short training."""

import numpy as np
import pandas as pd
import pytest

import sknn_scratch.estimators.validation as validation
from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.RandomState(0).normal(size=(12, 3))
Y = np.arange(12) % 3
MISSING, INFINITE = X.copy(), X.copy()
MISSING[3, 1], INFINITE[3, 1] = np.nan, np.inf
LARGE = np.full((12, 3), 1e308)  # finite, but their sum is not


@pytest.fixture
def questions(monkeypatch):
    """Return a list that grows whenever scikit-learn is asked."""
    asked = []

    def counted(*args, **kwargs):
        asked.append(args)
        return validate_data(*args, **kwargs)

    validate_data = validation.validate_data
    monkeypatch.setattr(validation, "validate_data", counted)
    return asked


def network(cls=MLPScratchClassifier):
    return cls(hidden_layer_sizes=2, max_iter=1, random_state=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("y", [Y, Y > 0, np.column_stack([Y > 0, Y > 1]).astype(int)], ids=str)
def test_sound_samples_need_no_question(questions, y, dtype):
    model = network().fit(X.astype(dtype), y)
    assert model.n_features_in_ == 3
    model.predict(X.astype(model.coefs_[0].dtype))
    network(MLPScratchRegressor).fit(X, X[:, 1]).fit(X, X[:, :2]).predict(X[:1])
    assert not questions


@pytest.mark.parametrize(
    "data",
    [X.tolist(), np.asfortranarray(X), X.astype(">f8"), X.astype(int), X[:, ::-1], LARGE],
    ids=["list", "columns", "big-endian", "whole", "backwards", "large"],
)
def test_other_samples_are_asked_about(questions, data):
    model = network().fit(X, Y)
    model.coefs_[0][:] = 0  # or the largest would be too large to predict for
    model.predict(data)
    assert len(questions) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (MISSING, "X contains NaN"),
        (INFINITE, "X contains infinity"),
        (X[:, :2], "X has 2 features"),
        (X[:0], "0 sample"),
        (X[0], "Expected 2D array"),
    ],
    ids=["NaN", "infinite", "narrow", "empty", "row"],
)
def test_faults_are_found(data, message):
    with pytest.raises(ValueError, match=message):
        network().fit(X, Y).predict(data)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.where(Y == 2, np.nan, Y), "y contains NaN"),
        (Y[:5], "X has 12 samples, but y has 5"),
        (Y[:, None, None], "y is not valid|dim 3"),
    ],
    ids=["NaN", "short", "three dimensions"],
)
def test_faults_of_targets_are_found(y, message):
    with pytest.raises(ValueError, match=message):
        network(MLPScratchRegressor).fit(X, y)


def test_names_are_missed_and_forgotten(questions):
    model = network().fit(pd.DataFrame(X, columns=list("abc")), Y)
    with pytest.warns(UserWarning, match="feature names"):
        model.predict(X)
    model.fit(X, Y)
    assert not hasattr(model, "feature_names_in_")
    assert len(questions) == 3
