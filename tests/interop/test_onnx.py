"""To ONNX: what onnxruntime predicts is what the network predicts."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.model_files import to_onnx

skl2onnx = pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

X, y = load_iris(return_X_y=True)
X = scale(X)
TARGETS = {
    "binary": y > 0,
    "binary strings": np.where(y > 0, "yes", "no"),
    "multiclass": y,
    "multiclass strings": np.array(["fir", "ash", "elm"])[y],
    "multiclass negative": np.array([-1, -7, 5])[y],
    "multilabel": np.stack([y > 0, y > 1, y == 1], axis=1).astype(int),
}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls=MLPScratchClassifier, **params):
    defaults = {"hidden_layer_sizes": (10, 5), "max_iter": 30, "learning_rate_init": 0.03}
    return cls(**defaults | {"random_state": 0} | params)


def run(converted, X):
    """Return what onnxruntime makes of the bytes of the model."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # skl2onnx declares labels to have one axis
    session = onnxruntime.InferenceSession(
        converted.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: X})


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
@pytest.mark.parametrize("target", TARGETS)
def test_probabilities_and_labels(target, solver):
    step = 0.5 if solver == "gd" else 0.03
    model = new(solver=solver, learning_rate_init=step, max_iter=50).fit(X, TARGETS[target])
    samples = X.astype(np.float32)
    labels, probabilities = run(to_onnx(model, samples), samples)
    expected = model.predict_proba(samples)
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-5)
    decided = np.abs(expected - 0.5).min(axis=-1) > 1e-4
    np.testing.assert_array_equal(labels[decided], model.predict(samples)[decided])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(), (5,), (6, 4, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_layers_and_activations(dtype, sizes, activation):
    samples = X.astype(dtype)
    model = new(hidden_layer_sizes=sizes, activation=activation).fit(samples, y)
    probabilities = run(to_onnx(model, samples), samples)[1]
    assert probabilities.dtype == dtype
    np.testing.assert_allclose(probabilities, model.predict_proba(samples), rtol=0, atol=1e-5)


@pytest.mark.parametrize("factor", [1.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_regressor(dtype, factor):
    samples, target = X.astype(dtype), factor * X[:, 0]
    model = new(MLPScratchRegressor).fit(samples, target)
    (given,) = run(to_onnx(model, samples), samples)
    tolerance = 1e-5 * max(1, np.abs(model.predict(samples)).max())
    np.testing.assert_allclose(given[:, 0], model.predict(samples), rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pipeline_with_a_scaler(dtype):
    pixels, digits = load_digits(return_X_y=True)
    pixels = pixels.astype(dtype)
    model = make_pipeline(StandardScaler(), new(max_iter=15)).fit(pixels, digits)
    probabilities = run(to_onnx(model, pixels[:100]), pixels)[1]
    np.testing.assert_allclose(probabilities, model.predict_proba(pixels), rtol=0, atol=1e-5)
    regressor = make_pipeline(StandardScaler(), new(MLPScratchRegressor)).fit(X, y)
    np.testing.assert_allclose(
        run(to_onnx(regressor, X), X)[0][:, 0], regressor.predict(X), rtol=0, atol=1e-5
    )


def test_pipeline_in_a_pipeline():
    inner = make_pipeline(StandardScaler(), new())
    model = make_pipeline(StandardScaler(), inner).fit(X, y)
    probabilities = run(to_onnx(model, X), X)[1]
    np.testing.assert_allclose(probabilities, model.predict_proba(X), rtol=0, atol=1e-5)
    assert isinstance(inner[-1], MLPScratchClassifier)


def test_model_is_as_it_was():
    model = make_pipeline(StandardScaler(), new()).fit(X, y)
    before = model.predict_proba(X)
    to_onnx(model, X)
    assert isinstance(model[-1], MLPScratchClassifier)
    np.testing.assert_array_equal(model.predict_proba(X), before)


LABELS = {
    "int64": [2, 5, 10**12],
    "negative": [-(10**12), 0, 2**31],
    "limits": [-(2**63), 0, 2**63 - 1],
    "uint8": np.array([1, 200, 255], np.uint8),
    "uint64": np.array([1, 2, 2**62], np.uint64),
    "int8": np.array([-1, 1, 0], np.int8),
    "float64": [-2.0, 0.0, 1e15],
    "float32": np.array([1, 2, 3], np.float32),
    "two": [7, 10**12, 10**12],
    "two flags": [False, True, True],
    "strings": ["ash", "Föhre", "10"],
    "objects": np.array(["ash", "fir", ""], dtype=object),
}


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LABELS)
def test_labels_of_all_kinds(name, dtype, in_pipeline):
    samples, labels = X.astype(dtype), np.asarray(LABELS[name])[y]
    model = make_pipeline(StandardScaler(), new()) if in_pipeline else new()
    model.fit(samples, labels)
    given = run(to_onnx(model, samples), samples)[0]
    sure = np.sort(model.predict_proba(samples), axis=1)[:, -1] > 0.51
    assert sure.sum() > 100
    expected = model.predict(samples)
    assert set(expected) == set(model.classes_)
    np.testing.assert_array_equal(given[sure], expected[sure])


def test_labels_beyond_64_bits():
    """Whether or not one of the samples has such a label."""
    model = new().fit(X, np.array([1, 2, 2**63], np.uint64)[y])
    with pytest.raises(
        ValueError, match=r"labels in ONNX are integers of 64 bits, but classes_ is"
    ):
        to_onnx(model, X[:2])


def test_labels_are_compared(monkeypatch):
    model = new().fit(X, np.array([2, 5, 10**12])[y])
    monkeypatch.setattr(
        "sknn_scratch.onnx_export.network_converters.labels_of",
        lambda classes: np.asarray(classes).astype(np.int32).astype(np.int64),
    )
    with pytest.raises(ValueError, match=r"the label .*-727379968.* in place of .*1000000000000"):
        to_onnx(model, X)


TWO_LABELS = np.stack([y > 0, y > 1], axis=1).astype(int)


@pytest.mark.filterwarnings("ignore:y holds one class only:RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("model", "target"),
    [
        # skl2onnx 1.20 knows no exp, takes two labels for two classes, flattens several targets,
        # and knows nothing of one class only
        (new(MLPScratchRegressor, loss="poisson"), y),
        (new(), TWO_LABELS),
        (new(), TARGETS["multilabel"]),
        (new(MLPScratchRegressor), X[:, :2]),
        (new(), np.zeros(150)),
        (new(), np.full(150, "all")),
        (new(activation=["gelu", "tanh"]), y),
    ],
    ids=["poisson", "two labels", "labels", "two targets", "one class", "one string", "per layer"],
)
def test_what_skl2onnx_cannot_convert_by_itself(model, target, dtype):
    samples = X.astype(dtype)
    *labels, values = run(to_onnx(model.fit(samples, target), samples), samples)
    expected = (model.predict_proba if labels else model.predict)(samples)
    assert values.dtype == dtype
    assert values.shape == expected.reshape(150, -1).shape
    np.testing.assert_allclose(values, expected.reshape(150, -1), rtol=1e-5, atol=1e-5)
    if labels:
        np.testing.assert_array_equal(labels[0], model.predict(samples))


@pytest.mark.parametrize("activation", ["softplus", "elu", "silu", "gelu", "logistic"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_of_large_values(dtype, activation):
    """A formula that overflows, or that loses its digits, would show."""
    model = new(MLPScratchRegressor, activation=activation).fit(X, X[:, 0])
    samples = (2000 * X).astype(dtype)
    (given,) = run(to_onnx(model, samples), samples)
    expected = model.predict(samples)
    assert np.abs(samples @ model.coefs_[0]).max() > 700  # where exp overflows in float64
    np.testing.assert_allclose(given[:, 0], expected, atol=1e-5 * np.abs(expected).max())


def test_the_opset_is_stated():
    """18, whatever skl2onnx takes by itself: onnxruntime from 1.14 on reads it."""
    for model in (new(), make_pipeline(StandardScaler(), new())):
        converted = to_onnx(model.fit(X, y), X)
        assert {entry.domain: entry.version for entry in converted.opset_import}[""] == 18
    assert "opset 18" in to_onnx.__doc__


def test_not_fitted():
    for model in (new(), make_pipeline(StandardScaler(), new())):
        with pytest.raises(NotFittedError):
            to_onnx(model, X)


@pytest.mark.parametrize("samples", [X[:0], X[:, :2], np.full((2, 4), np.nan), [["a"] * 4]])
def test_what_is_wrong_with_the_samples_is_told_as_in_predict(samples):
    for model in (new().fit(X, y), make_pipeline(StandardScaler(), new(MLPScratchRegressor))):
        with pytest.raises((ValueError, TypeError)) as of_predict:
            model.fit(X, y).predict(samples)
        with pytest.raises(type(of_predict.value)) as of_to_onnx:
            to_onnx(model, samples)
        assert str(of_to_onnx.value).replace("predict_proba", "predict") == str(of_predict.value)


@pytest.mark.parametrize("model", [StandardScaler(), make_pipeline(new(), StandardScaler()), 5])
def test_not_a_model_of_ours(model):
    with pytest.raises(TypeError, match=r"model must be an estimator of this package, .* got "):
        to_onnx(model, X)
