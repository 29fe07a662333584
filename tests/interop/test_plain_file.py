"""Plain files: the readers on the page of model files predict what the models predict."""

import ast
import json
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import ACTIVATIONS, Activation
from sknn_scratch.engine.losses import REGRESSION_LOSSES
from sknn_scratch.ensemble import MLPBaggingClassifier
from sknn_scratch.model_files import to_json
from sknn_scratch.plain_file import _ACTIVATIONS

PAGE = (Path(__file__).parents[2] / "docs" / "model_files.md").read_text("utf-8")
COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")

X, Y = load_iris(return_X_y=True)
REAL = np.stack([X[:, 2] * X[:, 3] / 5, np.sin(X[:, 0])], axis=1)
TARGETS = {
    "two classes": Y > 0,
    "two strings": np.where(Y > 0, "yes", "no"),
    "three classes": Y,
    "strings": np.array(["fir", '"n_units": 3', "élm\n"], dtype=object)[Y],
    "labels": np.stack([Y > 0, Y > 1, Y == 1], axis=1).astype(int),
    "one class": np.full(150, 7),
    "one number": REAL[:, 0],
    "two numbers": REAL,
    "counts": np.floor(np.exp(REAL)),
}
SCALERS = {
    "none": (),
    "standard": (StandardScaler(),),
    "standard, its mean": (StandardScaler(with_std=False),),
    "standard, its scale": (StandardScaler(with_mean=False),),
    "min-max": (MinMaxScaler((-1, 2)),),
    "min-max that clips": (MinMaxScaler((-1, 1), clip=True),),
}


def new(target, **params):
    defaults = {"hidden_layer_sizes": (5, 4), "max_iter": 3, "random_state": 0}
    if TARGETS[target].dtype.kind == "f":
        loss = "poisson" if target == "counts" else "squared_error"
        return MLPScratchRegressor(**{"loss": loss} | defaults | params)
    return MLPScratchClassifier(**defaults | params)


def fitted(target, *scalers, X=X, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make_pipeline(*scalers, new(target, **params)).fit(X, TARGETS[target])


def expected_outputs(model, X):
    """Return what the page says that the outputs are."""
    if not hasattr(model, "classes_"):
        return model.predict(X).reshape(len(X), -1)
    probabilities = model.predict_proba(X)
    has_one_output = len(model.classes_) == 2 and model[-1].coefs_[-1].shape[1] == 1
    return probabilities[:, 1:] if has_one_output else probabilities


def assert_same(given, expected, tolerance=1e-9):
    assert given.shape == expected.shape
    assert np.abs(given - expected).max() <= tolerance * max(1, np.abs(expected).max())


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.S | re.M)


@pytest.fixture(scope="module")
def in_python():
    """Return the reader in Python: a function of the text of the file, and samples."""
    (code,) = (block for block in blocks("python") if "def outputs" in block)
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"json", "math", "operator"}
    names: dict = {}
    exec(code, names)

    def read_and_predict(text, X):
        network = json.loads(text)
        return np.array([names["outputs"](network, x) for x in X.tolist()])

    return read_and_predict


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Return the path of the reader in C, compiled."""
    if COMPILER is None:
        pytest.skip("there is no C compiler: neither cc, gcc nor clang")
    (code,) = blocks("c")
    folder = tmp_path_factory.mktemp("c")
    (folder / "predict.c").write_text(code)
    options = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O2"]
    command = [COMPILER, *options, "predict.c", "-o", "predict", "-lm"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "predict"


@pytest.fixture
def in_c(program, tmp_path):
    """Return the reader in C: a function of the text of the file, and samples."""

    def read_and_predict(text, X):
        (tmp_path / "network.json").write_text(text)
        samples = "\n".join(" ".join(map(repr, x)) for x in X.tolist())
        command = [program, tmp_path / "network.json"]
        done = subprocess.run(command, input=samples, capture_output=True, text=True, check=True)
        return np.array([line.split() for line in done.stdout.splitlines()], dtype=float)

    return read_and_predict


@pytest.fixture(params=["in_python", "in_c"])
def reader(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("sizes", [(), (6,), (4, 3, 5)])
def test_every_kind_of_target(reader, target, sizes):
    model = fitted(target, hidden_layer_sizes=sizes)
    assert_same(reader(to_json(model), X[::7]), expected_outputs(model, X[::7]))


@pytest.mark.parametrize("scaler", SCALERS)
def test_every_scaler(reader, scaler):
    model = fitted("two numbers", *SCALERS[scaler])
    samples = 10 * X[::7] - 20  # beyond what the scaler has seen
    assert_same(reader(to_json(model), samples), expected_outputs(model, samples))


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("factor", [1, 100])
def test_every_activation(reader, name, factor):
    assert name in _ACTIVATIONS
    model = fitted("two numbers", StandardScaler(), activation=["tanh", name])
    model[-1].coefs_[1] *= factor
    assert_same(reader(to_json(model), X[::7]), model.predict(X[::7]))


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_every_loss_of_regression(reader, loss):
    model = MLPScratchRegressor(loss, (4,), max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, np.exp(REAL))
    assert_same(reader(to_json(model), X[::7]), model.predict(X[::7]))


def test_large_scores_do_not_overflow(reader):
    model = fitted("three classes")
    model[-1].coefs_[-1] *= 1e5
    assert_same(reader(to_json(model), X[::7]), model.predict_proba(X[::7]))


def test_float32(reader):
    samples = X[::7].astype(np.float32)
    model = fitted("three classes", StandardScaler(), X=X.astype(np.float32))
    assert model[-1].coefs_[0].dtype == np.float32
    assert_same(reader(to_json(model), samples), model.predict_proba(samples), 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_are_those_of_the_model_to_the_last_digit(dtype):
    model = fitted("two numbers", X=X.astype(dtype))[-1]
    model.coefs_[0][0, :3] = [1e-30, -3.3e33, 0.1]
    for layer, W, b in zip(
        json.loads(to_json(model))["layers"], model.coefs_, model.intercepts_, strict=True
    ):
        assert_array_equal(np.array(layer["weights"], dtype).T, W, strict=True)
        assert_array_equal(np.array(layer["biases"], dtype), b, strict=True)


def test_numbers_are_short():
    text = to_json(fitted("two numbers", X=X.astype(np.float32)))
    assert max(map(len, re.findall(r"[\d.]+", text))) <= 13


def test_keys_and_their_order():
    model = fitted("strings", StandardScaler())
    read = json.loads(to_json(model))
    keys = re.findall(r"^\| (`.*?`) \|", PAGE.partition("with these keys, in this order")[2], re.M)
    assert list(read) == re.findall(r"`(\w+)`", " ".join(keys))
    assert list(read["scaling"]) == ["offset", "factor", "clip"]
    assert list(read["layers"][0]) == ["n_units", "activation", "biases", "weights"]
    assert [layer["n_units"] for layer in read["layers"]] == [5, 4, 3]
    assert read["classes"] == model.classes_.tolist()
    assert (read["format"], read["version"]) == ("sknn_scratch network", 1)
    assert read["feature_names"] is None


def test_names_of_features(reader):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", '"layers": [9', '"clip": [', "ü"])
    model = fitted("three classes", MinMaxScaler(), X=frame)
    assert json.loads(to_json(model))["feature_names"] == list(frame)
    assert_same(reader(to_json(model), X[::7]), model.predict_proba(frame[::7]))


@pytest.mark.parametrize("target", ["two classes", "two strings", "three classes", "one class"])
def test_labels_as_the_page_says(target):
    model = fitted(target)
    read = json.loads(to_json(model))
    labels = np.array(read["classes"])
    outputs = expected_outputs(model, X)
    if read["layers"][-1]["activation"] == "softmax":
        found = labels[outputs.argmax(axis=1)]
    else:
        found = labels[(outputs[:, 0] > 0.5).astype(int)]
    assert_array_equal(found, model.predict(X))


def test_a_step_that_does_nothing_is_passed_over():
    model = fitted("three classes", StandardScaler())
    steps = [("a", "passthrough"), *model.steps[:1], ("b", None), *model.steps[1:]]
    assert to_json(Pipeline(steps)) == to_json(model)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (StandardScaler(), "got StandardScaler().*best_estimator_"),
        (GridSearchCV(MLPScratchClassifier(), {}), "got GridSearchCV.*best_estimator_"),
        ("network", "got str[.] Of a search"),
        (
            make_pipeline(StandardScaler(), MLPBaggingClassifier()),
            "got Pipeline that ends in MLPBaggingClassifier[.] .* of an ensemble one of its",
        ),
        (make_pipeline(MLPScratchClassifier(), "passthrough", StandardScaler()), "got Pipeline"),
        (make_pipeline(PCA(2), MLPScratchClassifier()), "has PCA before the network"),
        (make_pipeline(RobustScaler(), MLPScratchClassifier()), "has RobustScaler before"),
        (
            make_pipeline(StandardScaler(), MinMaxScaler(), MLPScratchClassifier()),
            "has StandardScaler, MinMaxScaler before",
        ),
    ],
)
def test_what_it_does_not_take(model, said):
    with pytest.raises(TypeError, match=f"(?s){said}"):
        to_json(model)


@pytest.mark.parametrize("model", [MLPScratchRegressor(), make_pipeline(MLPScratchClassifier())])
def test_not_fitted(model):
    with pytest.raises(NotFittedError):
        to_json(model)


class Cube(Activation):
    needs_z = True

    def forward(self, z, a):
        np.power(z, 3, out=a)

    def backward(self, z, a, delta):
        delta *= 3 * z**2


def test_an_activation_of_ones_own_is_named():
    model = fitted("three classes", activation=["tanh", Cube()])
    with pytest.raises(ValueError, match="hidden layer 2, 'Cube', has no counterpart in a plain"):
        to_json(model)


def test_labels_without_a_form_are_named():
    model = fitted("three classes")
    model[-1].classes_ = np.array([(0, 1), (1, 0), (1, 1), None], dtype=object)[:3]
    with pytest.raises(ValueError, match=r"classes_ holds \(0, 1\), which has no form in JSON"):
        to_json(model)


def test_the_reader_in_c_says_that_there_is_no_file(program):
    assert subprocess.run([program], check=False).returncode == 1
    assert subprocess.run([program, "missing.json"], check=False).returncode == 1
