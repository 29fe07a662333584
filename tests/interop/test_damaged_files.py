"""A file in which a bit has changed holds the same model still, or says that it is damaged."""

import copy
import io
import pickle
import warnings

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.estimators import state as state_module
from sknn_scratch.exceptions import ModelVersionWarning
from sknn_scratch.model_files import load, save

X, y = load_iris(return_X_y=True)
X = scale(X)
NAMES = np.array(["fir", "ash", "elm"], dtype=object)[y]
N_FLIPS = 100  # in each file; 300 in those of save

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0} | params)


MODELS = {
    "resumable": lambda: new(warm_start="resume", early_stopping=True, dropout=0.1).fit(X, NAMES),
    "float32": lambda: new(solver="sgd", activation=["tanh", "elu"], hidden_layer_sizes=[4, 3]).fit(
        X.astype(np.float32), np.stack([y > 0, y > 1], axis=1)
    ),
    "regressor": lambda: new(MLPScratchRegressor, solver="lbfgs").fit(X, y),
}


def dumped(model, **compress):
    file = io.BytesIO()
    joblib.dump(model, file, **compress)
    return file.getvalue()


FORMATS = {
    "joblib": dumped,
    "zlib": lambda model: dumped(model, compress=3),
    "gzip": lambda model: dumped(model, compress=("gzip", 3)),
    "xz": lambda model: dumped(model, compress=("xz", 3)),
    "pickle": pickle.dumps,
}


def flipped(content, n_flips):
    """Yield the content with one bit changed, at seeded places."""
    for place in np.random.RandomState(0).randint(0, 8 * len(content), n_flips):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << (place % 8)
        yield place // 8, bytes(damaged)


def content_of(model):
    """Return parameters, predictions and what training goes on to: all that a bit may change."""
    network = copy.deepcopy(model[-1] if isinstance(model, Pipeline) else model)
    content = [repr(model.get_params(deep=False)), model.predict(X).tolist(), network.history_]
    if network.warm_start == "resume":
        content.append([W.tolist() for W in network.fit(X, NAMES).coefs_])
    return repr(content)


def count_refused(content, path, expected, errors, n_flips=N_FLIPS):
    """Flip bits; assert that what is read is `expected`; return how many files are refused."""
    n_refused = 0
    for place, damaged in flipped(content, n_flips):
        path.write_bytes(damaged)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a version is changed, and warned of
                loaded = load(path)
        except errors as error:
            n_refused += str(path) in str(error)
        else:
            assert content_of(loaded) == expected, f"byte {place}"
    return n_refused


@pytest.mark.parametrize("model", MODELS)
class TestOneBit:
    def test_in_a_file_of_save(self, model, tmp_path):
        model = make_pipeline(StandardScaler(), MODELS[model]())
        model[0].fit(X)
        save(model, tmp_path / "model.joblib")
        content = (tmp_path / "model.joblib").read_bytes()
        expected = content_of(model)
        # All but flips in the name of the checksum, which is then none
        n_refused = count_refused(content, tmp_path / "damaged", expected, ValueError, 300)
        assert n_refused > 0.95 * 300

    # numpy complains to nobody when it frees an array whose dtype a flipped bit has made impossible
    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    @pytest.mark.parametrize("how", FORMATS)
    def test_in_a_file_of_others(self, how, model, tmp_path):
        """One whose name of a class or module has changed cannot be told from one of elsewhere."""
        model = MODELS[model]()
        path, errors = tmp_path / "damaged", (ValueError, ImportError, TypeError)
        n_refused = count_refused(FORMATS[how](model), path, content_of(model), errors)
        assert n_refused > 0.6 * N_FLIPS  # the rest are mostly zeros between arrays, to align them

    def test_in_a_skops_file(self, model, tmp_path):
        pytest.importorskip("skops")
        model = MODELS[model]()
        save(model, tmp_path / "model.skops")
        content = (tmp_path / "model.skops").read_bytes()
        expected = content_of(load(tmp_path / "model.skops"))
        path, errors = tmp_path / "damaged", (ValueError, TypeError)
        assert count_refused(content, path, expected, errors) > 0.9 * N_FLIPS


# What is in the state, without model_files

ATTRIBUTES = {
    "coefs_": lambda W: [W[0], np.nextafter(W[1], 1)],
    "intercepts_": lambda b: [b[0].astype(np.float32), b[1]],
    "classes_": lambda classes: classes[::-1].copy(),
    "activation": lambda name: "tanh",
    "alpha": lambda alpha: np.nextafter(alpha, 1),
    "n_iter_": lambda n: n + 1,
    "early_stopping": int,
    "hidden_layer_sizes": list,
    "history_": lambda history: history | {"loss": history["loss"][::-1]},
    "_optimizer": lambda record: record | {"n_steps": 2**70},
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_any_other_value_is_noticed_by_joblib_itself(name):
    written = pickle.loads(pickle.dumps(MODELS["resumable"]().__getstate__()))
    model = MLPScratchClassifier()
    model.__setstate__(written)
    changed = written | {name: ATTRIBUTES[name](written[name])}
    without = {key: value for key, value in written.items() if key != name}
    for state in (changed, without):
        with pytest.raises(ValueError, match="The file of this MLPScratchClassifier is damaged"):
            model.__setstate__(state)


def test_weights_that_the_user_has_changed_are_what_is_written():
    model = MODELS["regressor"]()
    model.coefs_[0][0] = 7
    model.coefs_ = [np.asfortranarray(W) for W in model.coefs_]
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_parameters_of_all_kinds():
    model = new(
        hidden_layer_sizes=np.array([4, 3]),
        class_weight={"fir": np.float32(2), "ash": 1, "elm": 1.5},
        random_state=np.random.RandomState(3),
        n_iter_no_change=np.inf,
        max_iter=np.int64(3),
        stop_when=callable,
        shuffle=np.True_,
    ).fit(X, NAMES)
    model.notes_ = {"huge": 10**5000, "text": "\ud800", 1j: b"\0", "dates": X[:, 0].astype("M8[s]")}
    model.notes_["of all kinds"] = [np.array([None, "a", model.random_state]), np.zeros((2, 0)), ()]
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


class Slim(MLPScratchClassifier):
    """A class of the user's own that leaves something out of its files."""

    def __getstate__(self):
        state = super().__getstate__().copy()
        del state["_optimizer"]
        return state


class Marked(MLPScratchClassifier):
    def __setstate__(self, state):
        super().__setstate__(state | {"loaded": True})


@pytest.mark.parametrize("cls", [Slim, Marked])
def test_class_with_a_state_of_its_own(cls):
    model = new(cls).fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_mapped_weights_are_not_read(tmp_path, monkeypatch):
    model = MODELS["regressor"]()
    joblib.dump(model, tmp_path / "model")
    read = []
    monkeypatch.setattr("sknn_scratch.estimators.checksum._little_endian", read.append)
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert read == []
    assert isinstance(mapped.coefs_[0], np.memmap)
    monkeypatch.undo()
    # All else is checked, and what is written from it has its checksum
    content = (tmp_path / "model").read_bytes()
    (tmp_path / "model").write_bytes(content.replace(b"relu", b"rely"))
    with pytest.raises(ValueError, match="is damaged"):
        joblib.load(tmp_path / "model", mmap_mode="r")
    assert content_of(pickle.loads(pickle.dumps(mapped))) == content_of(model)


def test_memory_that_a_damaged_length_asks_for_is_an_error_in_words(tmp_path):
    weights = np.zeros(1_000_003)
    content = dumped(new().set_params(hidden_layer_sizes=weights))
    assert content.count(b"\x43\x42\x0f\x00") == 1  # its length, in four bytes
    damaged = content.replace(b"J\x43\x42\x0f\x00", b"J\x43\x42\x0f\x7f")
    (tmp_path / "damaged").write_bytes(damaged)
    with pytest.raises(ValueError, match="is truncated or damaged"):
        load(tmp_path / "damaged")


def run_out_of_memory(file):
    raise MemoryError


def test_memory_that_a_sound_file_lacks_is_what_it_is(tmp_path, monkeypatch):
    save(MODELS["regressor"](), tmp_path / "sealed")
    joblib.dump(MODELS["regressor"](), tmp_path / "plain")
    monkeypatch.setattr(joblib, "load", run_out_of_memory)
    with pytest.raises(MemoryError):
        load(tmp_path / "sealed")
    with pytest.raises(ValueError, match=r"damaged.*MemoryError"):
        load(tmp_path / "plain")


@pytest.mark.parametrize("version", ["0.0.1", None])
def test_file_of_a_version_without_checksums(version, monkeypatch):
    model = MODELS["regressor"]()
    state = model.__getstate__()
    del state["_sknn_scratch_checksum"]
    state["_sknn_scratch_version"] = version
    monkeypatch.setattr("sknn_scratch.estimators.base.packed", lambda _: state)
    content = pickle.dumps(model)
    with pytest.warns(ModelVersionWarning):
        loaded = pickle.loads(content)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    state["_sknn_scratch_version"] = state_module.__version__
    with pytest.raises(ValueError, match="is damaged"):
        pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize("damaged", [(1, 2), (1, 2, 3), "none"], ids=str)
def test_checksum_that_is_none(damaged):
    state = MODELS["regressor"]().__getstate__() | {"_sknn_scratch_checksum": damaged}
    with pytest.raises(ValueError, match="is damaged"):
        new(MLPScratchRegressor).__setstate__(state)


def test_copies_in_memory_have_no_checksum_to_compute(monkeypatch):
    model = MODELS["resumable"]()
    monkeypatch.setattr("sknn_scratch.estimators.checksum._checksum", None)
    for copied in (copy.copy(model), copy.deepcopy(model)):
        assert vars(copied).keys() == vars(model).keys()
