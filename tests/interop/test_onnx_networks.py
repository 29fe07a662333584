"""Networks as ONNX: every one of them, by our converters for skl2onnx and by onnx alone."""

import sys

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import ACTIVATIONS, Activation
from sknn_scratch.engine.losses import LOSSES, REGRESSION_LOSSES, SquaredError
from sknn_scratch.model_files import to_onnx
from sknn_scratch.onnx_export import (
    ACTIVATION_CONVERTERS,
    OUTPUT_CONVERTERS,
    functions,
    network_to_onnx,
    register_converters,
)
from sknn_scratch.onnx_export.comparison import run

from .onnx_models import difference

onnx = pytest.importorskip("onnx")
skl2onnx = pytest.importorskip("skl2onnx")
pytest.importorskip("onnxruntime")

X, y = load_iris(return_X_y=True)
X, y = scale(X)[::3], y[::3]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": (5, 4), "max_iter": 3, "random_state": 0} | params)


@pytest.mark.parametrize("hundred", [0, 1, 2])
def test_networks_drawn_at_random(hundred):
    """`python -m tests.interop.onnx_models` converts more of them."""
    assert max(map(difference, range(100 * hundred, 100 * hundred + 20))) < 1e-5


def test_there_is_a_converter_for_all_that_is_registered():
    assert set(ACTIVATION_CONVERTERS) >= set(ACTIVATIONS.values())
    assert {loss.out_activation for loss in LOSSES.values()} <= set(OUTPUT_CONVERTERS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_value_by_value(name, dtype):
    """A unit by itself, from the smallest values to the largest."""
    sizes = 10.0 ** np.arange(-6, 4)
    z = np.concatenate([-sizes[::-1], [0.0], sizes]).astype(dtype)[:, np.newaxis]
    model = new(MLPScratchRegressor, hidden_layer_sizes=1, activation=name)
    model.fit(z.clip(-1, 1), z[:, 0].clip(-1, 1))
    one, zero = np.ones((1, 1), dtype), np.zeros(1, dtype)
    model.coefs_, model.intercepts_ = [one, one], [zero, zero]
    (given,) = run(network_to_onnx(model), {"X": z})
    # Of float32, or of an erf of that precision
    np.testing.assert_allclose(given[:, 0], model.predict(z), rtol=1e-6, atol=2e-7)


def test_a_network_alone_needs_nothing_but_onnx(monkeypatch):
    for module in ("skl2onnx", "onnxruntime"):
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not there
    network = new().fit(X, y)
    converted = network_to_onnx(network)
    evaluator = pytest.importorskip("onnx.reference").ReferenceEvaluator(converted)
    label, probabilities = evaluator.run(None, {"X": X})
    np.testing.assert_allclose(probabilities, network.predict_proba(X), atol=1e-9)
    np.testing.assert_array_equal(label, network.predict(X))


def test_a_network_alone_is_a_sound_model():
    network = new(activation="gelu").fit(X, np.array(["ash", "elm", "fir"])[y])
    converted = network_to_onnx(network)
    onnx.checker.check_model(converted, full_check=True)
    assert [(entry.domain, entry.version) for entry in converted.opset_import] == [("", 18)]
    assert (converted.producer_name, converted.ir_version) == ("sknn_scratch", 8)
    given = {output.name: output.type.tensor_type for output in converted.graph.output}
    assert given["label"].elem_type == onnx.TensorProto.STRING
    assert [d.dim_value for d in given["probabilities"].shape.dim] == [0, 3]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_that_of_the_weights_unless_given(dtype):
    network = new().fit(X.astype(dtype), y)
    for given, expected in ((None, dtype), (np.float32, np.float32), ("float64", np.float64)):
        _, probabilities = run(network_to_onnx(network, given), {"X": X.astype(expected)})
        assert probabilities.dtype == expected
    with pytest.raises(ValueError, match=r"dtype must be numpy.float32 or .*, got int64"):
        network_to_onnx(network, int)


def test_what_is_no_network_alone():
    with pytest.raises(NotFittedError):
        network_to_onnx(new())
    model = make_pipeline(StandardScaler(), new()).fit(X, y)
    with pytest.raises(TypeError, match=r"got Pipeline. For a Pipeline call sknn_scratch.model_f"):
        network_to_onnx(model)


def test_onnx_is_not_installed(monkeypatch):
    for module in ("onnx.helper", "onnx.numpy_helper"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r'^onnx is needed for this: pip install "sknn-scratch\['):
        network_to_onnx(new().fit(X, y))


class TestByFunctionsOfSkl2onnx:
    """After `register_converters`, wherever the network is."""

    @pytest.fixture(autouse=True)
    def registered(self):
        register_converters()

    def test_behind_a_column_transformer(self):
        columns = ColumnTransformer([("a", StandardScaler(), [0, 2]), ("b", MinMaxScaler(), [1])])
        model = make_pipeline(columns, new(activation="silu")).fit(X, y)
        converted = skl2onnx.to_onnx(model, X, options={id(model[-1]): {"zipmap": False}})
        label, probabilities = run(converted, {"X": X})
        np.testing.assert_allclose(probabilities, model.predict_proba(X), atol=1e-6)
        np.testing.assert_array_equal(label, model.predict(X))

    def test_networks_that_vote(self):
        members = [(name, new(activation=name)) for name in ("gelu", "relu")]
        # skl2onnx has no converter for the other way to flatten
        model = VotingClassifier(members, voting="soft", flatten_transform=False).fit(X, y)
        converted = skl2onnx.to_onnx(model, X, options={id(model): {"zipmap": False}})
        np.testing.assert_allclose(run(converted, {"X": X})[1], model.predict_proba(X), atol=1e-6)

    def test_options_of_classifiers(self):
        samples = X.astype(np.float32)
        model = new().fit(samples, np.array(["ash", "elm", "fir"])[y])
        _, probabilities = run(skl2onnx.to_onnx(model, samples), {"X": samples})
        assert set(probabilities[0]) == {"ash", "elm", "fir"}
        options = {id(model): {"zipmap": False, "nocl": True}}
        label, _ = run(skl2onnx.to_onnx(model, samples, options=options), {"X": samples})
        np.testing.assert_array_equal(model.classes_[label], model.predict(samples))

    @pytest.mark.parametrize("opset", [13, 15, 22])
    def test_other_opsets(self, opset):
        model = new(MLPScratchRegressor, activation=["gelu", "softplus"]).fit(X, X[:, :2])
        converted = skl2onnx.to_onnx(model, X, target_opset=opset)
        np.testing.assert_allclose(run(converted, {"X": X})[0], model.predict(X), atol=1e-6)

    def test_whole_numbers_as_input(self):
        whole = np.round(3 * X).astype(np.int64)
        model = new().fit(whole, y)
        converted = skl2onnx.to_onnx(model, whole, options={id(model): {"zipmap": False}})
        given = run(converted, {"X": whole})[1]
        np.testing.assert_allclose(given, model.predict_proba(whole), atol=1e-6)


class Derived(MLPScratchRegressor):
    """A class of a user."""


def test_derived_classes():
    model = make_pipeline(StandardScaler(), new(Derived)).fit(X, X[:, 0])
    to_onnx(model, X)
    register_converters(Derived)
    skl2onnx.to_onnx(model, X)
    for other in (StandardScaler, 5):
        with pytest.raises(TypeError, match="derived must be classes derived from MLPScratch"):
            register_converters(other)


class Cube(Activation):
    """An activation of a user: the cube of z."""

    needs_z = True

    def forward(self, z, a):
        np.multiply(z * z, z, out=a)

    def backward(self, z, a, delta):
        delta *= 3 * z * z


class TestActivationsOfUsers:
    def test_the_error_names_them_and_says_what_to_do(self):
        for model in (new(activation=Cube()), new(activation=["relu", Cube()])):
            model.fit(X, y)
            for convert in (network_to_onnx, lambda network: to_onnx(network, X)):
                with pytest.raises(
                    ValueError,
                    match=r"^This model cannot be converted to ONNX: no converter is known for the "
                    r"activation Cube\. Write .*\.ACTIVATION_CONVERTERS\[Cube\] = lambda z: ",
                ):
                    convert(model)

    def test_with_a_converter(self, monkeypatch):
        monkeypatch.setitem(ACTIVATION_CONVERTERS, Cube, lambda z: z * z * z)
        network = new(activation=[Cube(), "tanh"]).fit(X, y)
        _, probabilities = run(to_onnx(network, X), {"X": X})
        np.testing.assert_allclose(probabilities, network.predict_proba(X), atol=1e-6)

    def test_with_a_wrong_converter(self, monkeypatch):
        monkeypatch.setitem(ACTIVATION_CONVERTERS, Cube, lambda z: z * z)
        with pytest.raises(ValueError, match="predictions of what comes out differ by up to"):
            to_onnx(new(activation=Cube()).fit(X, y), X)

    def test_one_derived_from_ours_may_compute_something_else(self):
        class Halved(ACTIVATIONS["relu"]):
            def forward(self, z, a):
                np.maximum(z / 2, 0, out=a)

        with pytest.raises(ValueError, match="the activation Halved"):
            network_to_onnx(new(activation=Halved()).fit(X, y))


def test_losses_of_users(monkeypatch):
    class DoubledError(SquaredError):
        out_activation = "double"

        def predict(self, raw):
            raw *= 2

    monkeypatch.setitem(REGRESSION_LOSSES, "doubled", DoubledError)
    model = new(MLPScratchRegressor, loss="doubled").fit(X, X[:, 0])
    with pytest.raises(
        ValueError, match=r"output function 'double'.*OUTPUT_CONVERTERS\['double'\]"
    ):
        to_onnx(model, X)
    monkeypatch.setitem(OUTPUT_CONVERTERS, "double", lambda raw: raw * 2)
    to_onnx(model, X)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (functions.exp, np.exp),
        (functions.sin, np.sin),
        (functions.tanh, np.tanh),
        (functions.absolute, np.absolute),
        (lambda z: functions.sqrt(z * z), np.absolute),
        (lambda z: functions.log(z * z + 1), lambda z: np.log1p(z * z)),
        (lambda z: 1 - 2 / (z + 3) - z, lambda z: 1 - 2 / (z + 3) - z),
        (lambda z: functions.where(z > 1, z, 5), lambda z: np.where(z > 1, z, 5)),
        (lambda z: functions.clip(z, -1, 1), lambda z: z.clip(-1, 1)),
        (
            lambda z: functions.where(functions.logical_not(z > 1), z, 5),
            lambda z: np.where(z > 1, 5, z),
        ),
        (
            lambda z: functions.where(functions.logical_and(z > -1, z < 1), z, 5),
            lambda z: np.where(np.abs(z) < 1, z, 5),
        ),
    ],
)
def test_functions_are_those_of_numpy(function, expected, monkeypatch):
    z = np.linspace(-2, 2, 9).reshape(3, 3)
    network = new(MLPScratchRegressor, hidden_layer_sizes=(), max_iter=1).fit(z, z)
    network.coefs_, network.intercepts_ = [np.eye(3)], [np.zeros(3)]
    monkeypatch.setitem(OUTPUT_CONVERTERS, "identity", function)
    (given,) = run(network_to_onnx(network), {"X": z})
    np.testing.assert_allclose(given, expected(z), rtol=1e-12)
