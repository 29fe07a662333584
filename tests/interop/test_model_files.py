"""To a file and back: the same model, or an error that says what is wrong with the file."""

import io
import os
import pickle
import sys
import zipfile

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor, model_files
from sknn_scratch.engine.activations import Activation, Tanh
from sknn_scratch.estimators import state as state_module
from sknn_scratch.exceptions import ModelVersionWarning
from sknn_scratch.model_files import load, save, to_onnx
from sknn_scratch.model_selection import MLPGridSearchCV

X, y = load_iris(return_X_y=True)
X = scale(X)
SUFFIXES = [".joblib", ".skops"]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path):
    if request.param == ".skops":
        pytest.importorskip("skops")
    return tmp_path / f"model{request.param}"


def fitted(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0} | params).fit(X, y)


def assert_alone(path):
    """No unfinished file is left beside it."""
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_there_and_back(cls, path):
    model = fitted(cls, warm_start="resume", early_stopping=True)
    save(model, path)
    assert_alone(path)
    loaded = load(str(path))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.fit(X, y).coefs_[0], model.fit(X, y).coefs_[0])


def test_a_file_is_replaced_not_written_over(path):
    """What is under another name of the old file, or being read, stays as it was."""
    save(fitted(), path)
    before, link = path.read_bytes(), path.with_name("link")
    os.link(path, link)
    save(fitted(max_iter=5), path)
    assert link.read_bytes() == before != path.read_bytes()


def test_pipeline(path):
    model = make_pipeline(StandardScaler(), fitted()).fit(X, y)
    save(model, path)
    np.testing.assert_array_equal(load(path).predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("search_class", [GridSearchCV, MLPGridSearchCV])
def test_search(search_class, tmp_path):
    search = search_class(fitted(), {"alpha": [1e-4, 1.0]}, cv=2).fit(X, y)
    save(search, tmp_path / "search.joblib")
    assert load(tmp_path / "search.joblib").best_params_ == search.best_params_


@pytest.mark.parametrize("name", ["model.onnx", "model.json"])
def test_a_name_that_asks_for_another_form(name, tmp_path):
    with pytest.raises(
        ValueError, match=rf"no \{name[5:]} files[.] Use Path\('.*{name}'\)[.]write_"
    ):
        save(fitted(), tmp_path / name)
    assert os.listdir(tmp_path) == []


def test_skops_does_not_know_metadata_requests(tmp_path):
    pytest.importorskip("skops")
    with sklearn.config_context(enable_metadata_routing=True):
        model = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), fitted())
        model.fit(X, y)
    with pytest.raises(ValueError, match=r"metadata requests .* Write it by joblib"):
        save(model, tmp_path / "model.skops")
    assert os.listdir(tmp_path) == []
    save(model, tmp_path / "model.joblib")
    np.testing.assert_array_equal(load(tmp_path / "model.joblib").predict(X), model.predict(X))


def test_what_is_written_is_what_joblib_and_skops_read(path, tmp_path):
    model = fitted()
    save(model, path)
    if path.suffix == ".skops":
        skops = pytest.importorskip("skops.io")
        theirs = skops.load(path, trusted=[MLPScratchClassifier])
        skops.dump(model, tmp_path / "theirs")
    else:
        theirs = joblib.load(path)
        joblib.dump(model, tmp_path / "theirs", compress=3)
    np.testing.assert_array_equal(theirs.predict_proba(X), model.predict_proba(X))
    loaded = load(tmp_path / "theirs")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("compress", [0, 3, ("gzip", 3), ("bz2", 3), ("lzma", 3), ("xz", 3)])
def test_truncated_joblib_file(tmp_path, compress):
    whole = io.BytesIO()
    joblib.dump(fitted(), whole, compress=compress)
    whole = whole.getvalue()
    path = tmp_path / "model.joblib"
    path.write_bytes(whole)
    assert load(path).n_iter_ == 4
    for length in [8, 20, *range(len(whole) // 9, len(whole) - 20, len(whole) // 9)]:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"model.joblib' is truncated or damaged, or not a"):
            load(path)


def test_truncated_or_damaged_skops_file(tmp_path):
    pytest.importorskip("skops")
    path = tmp_path / "model.skops"
    save(fitted(), path)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 3] ^= 1
    for content in (whole[:100], whole[: len(whole) // 2], whole[:-1], bytes(damaged)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"model.skops' is truncated or damaged"):
            load(path)


def archive():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("photos/cat.txt", "meow")
    return content.getvalue()


FOREIGN = {
    "empty": (b"", "not a model file: it is empty"),
    "csv": (b"sepal,petal\n1,2\n", r"not a model file: it begins with b'sepal,pe'"),
    "json": (b'{"weights": []}', "not a model file"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(99), "not a model file"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "not a model file"),
    "npy": (b"\x93NUMPY\x01\x00" + bytes(99), "not a model file"),
    "noise": (b"\x80" + np.random.default_rng(0).bytes(99), "or not a model file: .* ended in"),
    "archive": (archive(), "or not a model file: .* ended in"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_file(tmp_path, name):
    content, message = FOREIGN[name]
    path = tmp_path / "model"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"(?s)'{path}' is .*{message}"):
        load(path)


@pytest.mark.parametrize("content", [{"a": 1}, X, "text"])
def test_not_an_estimator(path, content):
    with pytest.raises(TypeError, match=f"must be an estimator, got {type(content).__name__}"):
        save(content, path)
    joblib.dump(content, path)
    with pytest.raises(TypeError, match=f"holds a {type(content).__name__}, not an estimator"):
        load(path)


def test_no_such_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nothing.joblib")
    with pytest.raises(FileNotFoundError):
        save(fitted(), tmp_path / "no folder" / "model.joblib")


BAD_TARGETS = {
    "no folder": ("missing/model", FileNotFoundError, "No such file or directory"),
    "through a file": ("file/model", NotADirectoryError, "Not a directory"),
    "a folder": ("folder", IsADirectoryError, "Is a directory"),
    "too long": (256 * "x", OSError, "File name too long"),
}


@pytest.mark.parametrize("name", BAD_TARGETS)
def test_error_names_the_path_that_the_user_gave(name, path, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    relative, error, reason = BAD_TARGETS[name]
    target = (tmp_path / relative).with_suffix(path.suffix)
    if name == "a folder":
        target.mkdir()
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(error) as raised:
        save(fitted(), target)
    assert reason in str(raised.value)
    assert str(raised.value).endswith(f": {str(target)!r}")
    assert ".tmp" not in str(raised.value)
    assert sorted(os.listdir(tmp_path)) == before
    assert (tmp_path / "file").read_text() == "mine"


def test_error_of_the_content_is_what_it_is(path):
    class Unreadable(CannotBeSaved):
        def __reduce__(self):
            path.with_name("data of my own").read_bytes()

    with pytest.raises(FileNotFoundError, match="data of my own"):
        save(fitted().set_params(activation=Unreadable()), path)


def test_class_that_is_not_there(tmp_path):
    path = tmp_path / "model.joblib"
    path.write_bytes(
        pickle.dumps(fitted()).replace(b"MLPScratchClassifier", b"MLPScratchClassifiez")
    )
    with pytest.raises(ImportError, match=r"needs something that is not there: .*Classifiez"):
        load(path)


class CannotBeSaved(Tanh):
    def forward(self, z, a):
        np.copyto(a, z)

    def __reduce__(self):
        raise RuntimeError("not me")


def test_failure_leaves_the_file_that_was_there(path):
    model = fitted()
    save(model, path)
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="not me"):
        save(model.set_params(activation=CannotBeSaved()), path)
    assert path.read_bytes() == before
    assert_alone(path)


class Witness(Tanh):
    """Sees what is in the file while the model is being written."""

    def __init__(self, path):
        self.path = path

    def forward(self, z, a):
        np.copyto(a, z)

    def __reduce__(self):
        return bytes, (self.path.read_bytes(),)


def test_file_is_the_old_one_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "model.joblib"
    save(fitted(), path)
    before = path.read_bytes()
    save(MLPScratchClassifier(activation=Witness(path)), path)
    assert load(path).activation == before


def test_version_of_another_package(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(state_module, "__version__", "0.0.1")
        save(fitted(), path)
    with pytest.warns(ModelVersionWarning, match=r"written by sknn_scratch 0\.0\.1 and is read"):
        loaded = load(path)
    assert loaded.predict(X).shape == (150,)


@pytest.mark.filterwarnings("error::sknn_scratch.exceptions.ModelVersionWarning")
def test_version_warning_as_an_error_stays_what_it_is(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(state_module, "__version__", "0.0.1")
        save(fitted(), path)
    with pytest.raises(ModelVersionWarning):
        load(path)


class Twice(Activation):
    def forward(self, z, a):
        np.multiply(z, 2, out=a)

    def backward(self, z, a, delta):
        delta *= 2


def test_skops_refuses_what_is_not_trusted(tmp_path):
    pytest.importorskip("skops")
    path = tmp_path / "model.skops"
    save(fitted(activation=Twice()), path)
    with pytest.raises(TypeError, match=r"Untrusted types.*Twice"):
        load(path)


def test_memory_map(tmp_path):
    model = fitted()
    save(model, tmp_path / "model.joblib")
    mapped = joblib.load(tmp_path / "model.joblib", mmap_mode="r")
    np.testing.assert_array_equal(mapped.predict_proba(X), model.predict_proba(X))
    mapped.partial_fit(X, y)
    np.testing.assert_array_equal(mapped.coefs_[0], model.partial_fit(X, y).coefs_[0])


@pytest.mark.parametrize("module", ["skops.io", "skl2onnx", "onnxruntime"])
def test_package_that_is_not_installed(module, tmp_path, monkeypatch):
    if module == "onnxruntime":
        pytest.importorskip("skl2onnx")  # which is asked for first
    monkeypatch.setitem(sys.modules, module, None)  # as if it were not there
    package = module.partition(".")[0]
    message = rf'{package} is needed for this: pip install "sknn-scratch\[interop\]"'
    with pytest.raises(ImportError, match=message):
        save(fitted(), tmp_path / "model.skops") if package == "skops" else to_onnx(fitted(), X)
    assert os.listdir(tmp_path) == []


def test_public_names():
    assert set(model_files.__all__) == {"load", "save", "to_json", "to_onnx"}
