"""Ensembles and searches as ONNX."""

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.ensemble import MLPBaggingClassifier, MLPBaggingRegressor
from sknn_scratch.model_files import to_onnx
from sknn_scratch.model_selection import MLPGridSearchCV
from sknn_scratch.onnx_export.comparison import run

pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 4))
y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
CLASSIFIER = MLPScratchClassifier((6, 5), ["silu", "tanh"], max_iter=5)
REGRESSOR = MLPScratchRegressor(hidden_layer_sizes=5, activation="gelu", max_iter=5)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def assert_predicts_the_same(model, dtype=np.float64):
    """Convert a fitted model, and compare what both predict."""
    samples = X.astype(dtype)
    *labels, given = run(to_onnx(model, samples), {"X": samples})
    expected = (model.predict_proba if labels else model.predict)(samples)
    assert given.dtype == dtype
    np.testing.assert_allclose(given, expected.reshape(len(X), -1), atol=1e-6)
    if labels:
        np.testing.assert_array_equal(labels[0], model.predict(samples))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 2],
        ["ash", "elm", "fir"],
        [-(10**12), 0, 2**40],
        [True, False, False],
        [0.0, 2.0, 1e9],
    ],
    ids=str,
)
def test_labels_of_an_ensemble(labels, dtype):
    model = MLPBaggingClassifier(CLASSIFIER, 3, random_state=0)
    assert_predicts_the_same(model.fit(X, np.array(labels)[y]), dtype)


@pytest.mark.parametrize(
    "params",
    [
        {"bootstrap": False},
        {"max_features": 0.5},
        {"max_features": 3, "bootstrap_features": True},
        {"n_estimators": 1},
    ],
    ids=str,
)
def test_samples_and_features_of_members(params):
    params = {"n_estimators": 4, "random_state": 0} | params
    classifier = MLPBaggingClassifier(CLASSIFIER, **params).fit(X, y)
    assert_predicts_the_same(classifier)
    assert_predicts_the_same(MLPBaggingRegressor(REGRESSOR, **params).fit(X, X[:, 0]))


def test_an_ensemble_of_the_default():
    network = {"estimator": None, "n_estimators": 2, "random_state": 0}
    assert_predicts_the_same(MLPBaggingClassifier(**network).fit(X[:20], y[:20]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_members_that_are_pipelines(dtype):
    for model, target in (
        (MLPBaggingClassifier(make_pipeline(StandardScaler(), CLASSIFIER), 2), y),
        (MLPBaggingRegressor(make_pipeline(StandardScaler(), REGRESSOR), 2), X[:, 0]),
    ):
        model.set_params(random_state=0, max_features=3).fit(X, target)
        assert_predicts_the_same(model, dtype)


@pytest.mark.filterwarnings("ignore:y holds one class only:RuntimeWarning")
def test_members_that_have_not_seen_all_classes():
    """Pipelines get the samples that were drawn; a network gets all, with weights."""
    pipeline = make_pipeline(StandardScaler(), CLASSIFIER)
    for n_samples, n_classes in ((3, 2), (1, 1)):
        model = MLPBaggingClassifier(pipeline, 4, max_samples=n_samples, random_state=0).fit(X, y)
        assert {len(member.classes_) for member in model.estimators_} == {n_classes}
        assert_predicts_the_same(model)


def test_several_targets_and_poisson():
    y = np.exp(X[:, :2])
    for loss in ("squared_error", "poisson"):
        network = MLPScratchRegressor(loss, hidden_layer_sizes=5, max_iter=5)
        assert_predicts_the_same(MLPBaggingRegressor(network, 3, random_state=0).fit(X, y))


def test_an_ensemble_within_others():
    scaled = make_pipeline(StandardScaler(), MLPBaggingClassifier(CLASSIFIER, 2, random_state=0))
    assert_predicts_the_same(scaled.fit(X, y))
    ensemble = MLPBaggingRegressor(REGRESSOR, 2, random_state=0)
    target = TransformedTargetRegressor(ensemble, transformer=StandardScaler())
    assert_predicts_the_same(make_pipeline(StandardScaler(), target).fit(X, 1000 + 10 * X[:, 0]))


def test_of_a_search_the_best_estimator():
    search = MLPGridSearchCV(CLASSIFIER, {"alpha": [0.1, 1.0]}, cv=2).fit(X, y)
    assert_predicts_the_same(search)
