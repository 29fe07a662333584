"""A fit that was killed goes on from its checkpoint, and ends in the bits of an unbroken one."""

import contextlib
import multiprocessing
import os
import pickle
import random
import shutil
import signal
import sys
import time
from itertools import count

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.callbacks import Checkpoint
from sknn_scratch.engine.solvers import SOLVERS

from ..epoch_callbacks import EpochCallback

X, y = load_iris(return_X_y=True)
X = scale(X)
WEIGHT = np.random.default_rng(0).integers(0, 4, len(y)).astype(float)
N_EPOCHS = 12

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls=MLPScratchClassifier, **params):
    defaults = {
        "hidden_layer_sizes": (6,),
        "batch_size": 40,
        "learning_rate_init": 0.05,
        "max_iter": N_EPOCHS,
        "random_state": 0,
    }
    return cls(**defaults | params)


class BrokenOffError(Exception):
    """Training was broken off."""


class BreakAfter(EpochCallback):
    """Break training off after so many epochs of this fit."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and estimator.n_iter_ == self.n_epochs:
            raise BrokenOffError


class StopAfter(BreakAfter):
    """Ask to stop."""

    def on_fit_task_end(self, estimator, context):
        return estimator.n_iter_ == self.n_epochs


class Watch(BreakAfter):
    """Note after each epoch how many epochs the model in a file has seen; 0 without a file."""

    def __init__(self, path):
        self.path = path
        self.seen = []

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and estimator.n_iter_ > 0:
            exists = self.path.exists()
            self.seen.append(len(Checkpoint.load(self.path).loss_curve_) if exists else 0)

    def on_fit_task_end(self, estimator, context):
        pass


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.checkpoint"


def broken(model, path, n_epochs, *data, every_epochs=1, **validation):
    """Train, break off after so many epochs, and return what the checkpoint holds."""
    model.set_callbacks(Checkpoint(path, every_epochs=every_epochs), BreakAfter(n_epochs))
    with pytest.raises(BrokenOffError):
        model.fit(*data, **validation)
    return Checkpoint.load(path).set_callbacks()


def assert_same_training(model, expected, X=X):
    for name in ("coefs_", "intercepts_"):
        for given, wanted in zip(getattr(model, name), getattr(expected, name), strict=True):
            np.testing.assert_array_equal(given, wanted, strict=True)
    assert list(model.history_) == list(expected.history_)
    for name, values in expected.history_.items():
        np.testing.assert_equal(model.history_[name], values)
    for name in ("loss_curve_", "loss_", "best_loss_", "validation_scores_"):
        np.testing.assert_equal(getattr(model, name), getattr(expected, name))
    for name in ("best_validation_score_", "n_iter_", "t_", "_no_improvement_count"):
        assert getattr(model, name) == getattr(expected, name)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X), strict=True)


# The rest of a fit ends in the bits of the whole


def step_by_epoch(n_epochs):
    return 0.1 / (1 + n_epochs)


SETTINGS = {
    "early stopping": {"early_stopping": True, "validation_fraction": 0.4},
    "early stopping on loss": {"early_stopping": True, "early_stopping_on": "loss"},
    "unsteady": {"early_stopping": True, "learning_rate_init": 1.0, "tol": 0.0},
    "dropout": {"dropout": 0.3},
    "no shuffling": {"shuffle": False},
    "plateaus": {"learning_rate": "plateau", "tol": 0.05, "n_iter_no_change": 1},
    "invscaling": {"learning_rate": "invscaling"},
    "one cycle": {"learning_rate": "one_cycle"},
    "cosine": {"learning_rate": "cosine", "warmup_epochs": 7},
    "by epoch": {"learning_rate": step_by_epoch},
    "penalties": {"l1": 0.01, "l2": 0.01, "group_l1": 0.01, "weight_decay": 0.01, "max_norm": 2.0},
    "classes": {"class_weight": "balanced", "label_smoothing": 0.1},
    "plateau ends it": {"tol": 1e9, "n_iter_no_change": 7},
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", SETTINGS)
def test_with_every_setting(solver, name, path):
    settings = {"solver": solver} | SETTINGS[name]
    whole = new(**settings).fit(X, y)
    resumed = broken(new(**settings), path, 8, X, y, every_epochs=3)
    assert resumed.n_iter_ == 6
    assert_same_training(resumed.fit(X, y), whole)
    # and the state of the optimiser is the same
    for model in (resumed, whole):
        model.set_params(early_stopping=False, class_weight=None).partial_fit(X, y)
    assert_same_training(resumed, whole)


@pytest.mark.parametrize("solver", ["gd", "nag"])
def test_with_backtracking_and_restart(solver, path):
    settings = {"solver": solver, "learning_rate": "backtracking", "learning_rate_init": 9.0}
    settings |= {"activation": "softplus", "restart": True, "max_iter": 40}
    resumed = broken(new(**settings), path, 21, X, y)
    assert_same_training(resumed.fit(X, y), new(**settings).fit(X, y))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        (X, y, WEIGHT),
        (X.astype(np.float32), y),
        (csr_array(X), y),
        (X, np.array(["ab", "c"])[y % 2]),
    ],
    ids=["weights", "float32", "sparse", "strings"],
)
def test_with_all_data(solver, early_stopping, data, path):
    model = new(solver=solver, early_stopping=early_stopping)
    resumed = broken(clone(model), path, 5, *data)
    assert_same_training(resumed.fit(*data), model.fit(*data), data[0])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_with_a_validation_set(solver, early_stopping, path):
    validation = {"X_val": X[::3], "y_val": y[::3], "sample_weight_val": WEIGHT[::3]}
    model = new(solver=solver, early_stopping=early_stopping)
    resumed = broken(clone(model), path, 5, X, y, **validation)
    assert_same_training(resumed.fit(X, y, **validation), model.fit(X, y, **validation))


def test_with_gaps_in_the_targets(path):
    targets = np.where(np.arange(2 * len(y)).reshape(-1, 2) % 7 == 0, np.nan, y[:, None])
    model = new(MLPScratchRegressor, missing_targets="ignore")
    resumed = broken(clone(model), path, 5, X, targets)
    with pytest.raises(ValueError, match="goes on with the data of its fit"):
        Checkpoint.load(path).fit(X, np.where(np.arange(len(y)) % 7 == 1, np.nan, targets.T).T)
    assert_same_training(resumed.fit(X, targets), model.fit(X, targets))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_of_a_regressor(solver, loss, path):
    samples, targets = load_diabetes(return_X_y=True)
    targets = np.stack([targets, targets[::-1]], axis=1) / 100
    model = new(MLPScratchRegressor, loss=loss, solver=solver, early_stopping=True)
    resumed = broken(clone(model), path, 5, scale(samples), targets)
    whole = model.fit(scale(samples), targets)
    assert_same_training(resumed.fit(scale(samples), targets), whole, samples)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("warm_start", [True, "resume"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_of_a_second_fit(solver, warm_start, early_stopping, path):
    model = new(solver=solver, warm_start=warm_start, early_stopping=early_stopping, tol=0.0)
    resumed = broken(clone(model).fit(X, y), path, 5, X, y)
    assert_same_training(resumed.fit(X, y), model.fit(X, y).fit(X, y))
    # and a third one goes on as it should
    assert_same_training(resumed.fit(X, y), model.fit(X, y))


@pytest.mark.parametrize("solver", SOLVERS)
def test_broken_again_and_again(solver, path):
    model = new(solver=solver, dropout=0.2, early_stopping=True, tol=0.0)
    resumed = clone(model)
    for n_epochs in (2, 3, 7, 11):
        resumed = broken(resumed, path, n_epochs, X, y)
    assert_same_training(resumed.fit(X, y), model.fit(X, y))


def test_with_a_generator_that_others_use(path):
    whole = new(random_state=np.random.RandomState(3)).fit(X, y)
    resumed = broken(new(random_state=np.random.RandomState(3)), path, 5, X, y)
    resumed.random_state.random_sample(7)
    assert_same_training(resumed.fit(X, y), whole)


def test_of_a_network_in_a_pipeline(path):
    samples = load_iris().data
    whole = make_pipeline(StandardScaler(), new()).fit(samples, y)
    network = new().set_callbacks(Checkpoint(path), BreakAfter(5))
    with pytest.raises(BrokenOffError):
        make_pipeline(StandardScaler(), network).fit(samples, y)
    loaded = Checkpoint.load(path)
    assert not hasattr(loaded, "_parent_callback_ctx")  # it stands alone, and callbacks know it
    resumed = make_pipeline(StandardScaler(), loaded.set_callbacks())
    assert_same_training(resumed.fit(samples, y)[-1], whole[-1])


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_ctrl_c_after_resuming_keeps_the_best_weights_of_all(solver, path, monkeypatch):
    settings = {"solver": solver, "learning_rate_init": 3.0, "activation": "tanh", "max_iter": 30}

    class Interrupt(BreakAfter):
        def on_fit_task_end(self, estimator, context):
            if estimator.n_iter_ == self.n_epochs and context.task_name == "epoch":
                raise KeyboardInterrupt

    resumed = broken(new(**settings), path, 20, X, y)
    for model in (resumed, whole := new(**settings)):
        with pytest.warns(UserWarning, match="interrupted by user"), no_ctrl_c():
            model.set_callbacks(Interrupt(22)).fit(X, y)
    assert np.argmin(whole.loss_curve_) < 20
    np.testing.assert_array_equal(resumed.coefs_[0], whole.coefs_[0])


@contextlib.contextmanager
def no_ctrl_c():
    """Fail where Ctrl-C gets through, which would else end all tests."""
    try:
        yield
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C was not handled")


# A process that is really killed

TRAINING = """
import resource, signal, warnings
from sklearn.datasets import load_digits
from sknn_scratch import MLPScratchClassifier
from sknn_scratch.callbacks import Checkpoint
from threadpoolctl import threadpool_limits

warnings.simplefilter("ignore")
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))
X, y = load_digits(return_X_y=True)
network = MLPScratchClassifier(**params).set_callbacks(Checkpoint(path))
with threadpool_limits(1):  # as in the process of the tests: sums in another order differ
    network.fit((X / 16).astype(dtype), y)
"""


def start_training(path, dtype, params, largest_file=2**30):
    """Return a process that trains, and writes no file beyond a number of bytes."""
    pytest.importorskip("resource")  # POSIX
    # Forked from a server that has it all imported, and is not this process with its threads
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sknn_scratch.callbacks", "sklearn.datasets"])
    names = {"path": path, "dtype": dtype, "params": params, "largest_file": largest_file}
    process = context.Process(target=exec, args=(TRAINING, names))
    process.start()
    return process


DIGITS = load_digits(return_X_y=True)
# More epochs than it is left to live for
LONG = {"hidden_layer_sizes": (40,), "max_iter": 60, "tol": 0.0, "n_iter_no_change": np.inf}
KILLED = [
    {"solver": "gd", "learning_rate_init": 0.5},
    {"solver": "nag", "learning_rate_init": 0.5, "early_stopping": True},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 10},
    {"solver": "sgd", "learning_rate": "one_cycle", "shuffle": False, "learning_rate_init": 0.1},
    {"solver": "adam", "dropout": 0.2, "hidden_layer_sizes": (30, 20), "l1": 1e-4},
    {"solver": "adam", "early_stopping": True, "class_weight": "balanced"},
]


@pytest.mark.slow
@pytest.mark.parametrize("params", KILLED, ids=lambda params: params["solver"])
def test_after_sigkill_at_a_random_moment(path, params):
    dtype = random.choice(["float32", "float64"])
    params = LONG | params | {"random_state": 0}
    process = start_training(path, dtype, params)
    n_files, pause = random.randint(1, 40), random.uniform(0, 0.01)
    print(f"{dtype}, killed after {n_files} files and {pause} s")
    times = set()
    while len(times) < n_files:
        assert process.is_alive()
        with contextlib.suppress(FileNotFoundError):
            times.add(path.stat().st_mtime_ns)
    time.sleep(pause)
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL

    samples, targets = (DIGITS[0] / 16).astype(dtype), DIGITS[1]
    resumed = Checkpoint.load(path)
    assert n_files <= resumed.n_iter_ < params["max_iter"]
    whole = MLPScratchClassifier(**params).fit(samples, targets)
    assert_same_training(resumed.set_callbacks().fit(samples, targets), whole, samples)


@pytest.mark.slow
def test_after_a_kill_amid_writing(path):
    params = {"hidden_layer_sizes": (40,), "random_state": 0}
    new(max_iter=5, **params).set_callbacks(Checkpoint(path)).fit(DIGITS[0] / 16, DIGITS[1])
    # Each epoch adds its history, eight numbers of nine bytes: the kernel kills the one who writes
    # beyond the limit, amid the sixth file
    limit = path.stat().st_size + 36
    path.unlink()
    params = new(max_iter=60, **params).get_params()
    process = start_training(path, "float64", params, largest_file=limit)
    process.join()
    assert process.exitcode == -signal.SIGXFSZ
    assert path.with_name(path.name + ".tmp").stat().st_size == limit
    assert Checkpoint.load(path).n_iter_ == 5
    # The next one to be written clears up
    resumed = Checkpoint.load(path).set_params(max_iter=7).fit(DIGITS[0] / 16, DIGITS[1])
    assert os.listdir(path.parent) == [path.name]
    whole = clone(resumed).set_callbacks().fit(DIGITS[0] / 16, DIGITS[1])
    assert_same_training(resumed, whole, DIGITS[0])


# When it is written


@pytest.mark.parametrize(
    ("every", "expected"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"every_epochs": 1}, [1, 2, 3, 4, 5, 6]),
        ({"every_epochs": 3}, [0, 0, 3, 3, 3, 6]),
        ({"every_epochs": 100}, [0, 0, 0, 0, 0, 0]),
        ({"every_seconds": 0.0}, [1, 2, 3, 4, 5, 6]),
        ({"every_seconds": 3600}, [0, 0, 0, 0, 0, 0]),
        ({"every_epochs": 3, "every_seconds": 3600}, [0, 0, 3, 3, 3, 6]),
    ],
    ids=str,
)
def test_every_so_many_epochs_or_seconds(every, expected, path):
    watch = Watch(path)
    new(max_iter=7).set_callbacks(Checkpoint(path, **every), watch).fit(X, y)
    assert watch.seen == expected
    assert Checkpoint.load(path).n_iter_ == 7  # after the last one in any case


def test_seconds_are_counted_from_the_last_file(path, monkeypatch):
    watch = Watch(path)
    monkeypatch.setattr(time, "monotonic", lambda: len(watch.seen))  # a second for each epoch
    new(max_iter=7).set_callbacks(Checkpoint(path, every_seconds=2), watch).fit(X, y)
    assert watch.seen == [0, 0, 3, 3, 5, 5]


def test_seconds_are_counted_anew_in_another_process(path, monkeypatch):
    clock = count(1_000_000)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    loaded = broken(new(), path, 5, X, y)
    checkpoint = pickle.loads(pickle.dumps(Checkpoint(path, every_seconds=3)))
    new().set_callbacks(checkpoint).fit(X, y)
    clock = count(0)  # the machine was started again
    watch = Watch(path)
    checkpoint = pickle.loads(pickle.dumps(checkpoint))
    loaded.set_callbacks(checkpoint, watch).fit(X, y)
    assert len(set(watch.seen)) > 2


def test_epochs_are_counted_over_all_fits(path):
    model = new(max_iter=4, warm_start=True).set_callbacks(Checkpoint(path, every_epochs=3))
    watch = Watch(path)
    model.fit(X, y).set_callbacks(*model._skl_callbacks, watch).fit(X, y)
    assert watch.seen == [4, 6, 6]


def test_the_model_in_the_file_is_what_a_fit_of_so_many_epochs_returns(path):
    for early_stopping in (False, True):
        model = new(early_stopping=early_stopping, tol=0.0)
        loaded = broken(clone(model), path, 7, X, y)
        assert_same_training(loaded, model.set_params(max_iter=6).fit(X, y))


def test_a_callback_that_stops_is_asked_before_the_file_is_written(path):
    whole = new().set_callbacks(StopAfter(5)).fit(X, y)
    model = new().set_callbacks(Checkpoint(path), StopAfter(5)).fit(X, y)
    assert model.n_iter_ == 5
    assert_same_training(Checkpoint.load(path).fit(X, y), whole)


# A fit that is over


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_nothing_is_left_to_do_after_the_last_epoch(solver, early_stopping, path):
    model = new(solver=solver, early_stopping=early_stopping).set_callbacks(Checkpoint(path))
    model.fit(X, y)
    loaded = Checkpoint.load(path)
    assert_same_training(loaded, model)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        assert_same_training(loaded.fit(X, y), model)


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_nothing_is_left_to_do_after_a_plateau(path):
    model = new(tol=1e9, n_iter_no_change=3, max_iter=50).set_callbacks(Checkpoint(path)).fit(X, y)
    assert model.n_iter_ == 5
    assert_same_training(Checkpoint.load(path).fit(X, y), model)
    assert_same_training(Checkpoint.load(path).set_params(max_iter=99).fit(X, y), model)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_more_epochs_than_planned(solver, early_stopping, path):
    model = new(solver=solver, early_stopping=early_stopping, tol=0.0, n_iter_no_change=99)
    clone(model).set_callbacks(Checkpoint(path)).fit(X, y)
    longer = Checkpoint.load(path).set_params(max_iter=20).fit(X, y)
    assert_same_training(longer, model.set_params(max_iter=20).fit(X, y))


def test_the_fit_after_the_resumed_one_is_a_new_one(path):
    resumed = broken(new(), path, 5, X, y).fit(X, y)
    assert_same_training(resumed.fit(X[:100], y[:100]), new().fit(X[:100], y[:100]))


def test_a_clone_begins_anew(path):
    assert_same_training(clone(broken(new(), path, 5, X, y)).fit(X, y), new().fit(X, y))


@pytest.mark.parametrize("solver", SOLVERS)
def test_partial_fit(solver, path):
    rows = np.random.default_rng(0).permutation(150).reshape(10, 15)
    whole, model = (new(solver=solver, batch_size=10) for _ in range(2))
    model.set_callbacks(Checkpoint(path, every_epochs=3))
    for part in rows:
        whole.partial_fit(X[part], y[part], classes=[0, 1, 2])
    for part in rows[:8]:
        model.partial_fit(X[part], y[part], classes=[0, 1, 2])
    loaded = Checkpoint.load(path)
    assert len(loaded.loss_curve_) == 6
    for part in rows[6:]:
        loaded.partial_fit(X[part], y[part])
    assert_same_training(loaded, whole)


def test_partial_fit_of_a_model_whose_fit_was_broken_off(path):
    resumed = broken(new(), path, 5, X, y).partial_fit(X, y)
    whole = new(max_iter=4).fit(X, y).partial_fit(X, y)
    assert_same_training(resumed, whole)
    assert_same_training(resumed.fit(X, y), new().fit(X, y))


# The file


def test_it_goes_on_with_the_file_that_was_loaded(tmp_path, path):
    model = new().set_callbacks(Checkpoint(path, every_epochs=2), BreakAfter(5))
    with pytest.raises(BrokenOffError):
        model.fit(X, y)
    before = path.read_bytes()
    moved = tmp_path / "other" / "moved.checkpoint"
    moved.parent.mkdir()
    shutil.copy(path, moved)
    loaded = Checkpoint.load(moved)
    checkpoint, _ = loaded._skl_callbacks
    assert repr(checkpoint) == f"Checkpoint({str(moved)!r}, every_epochs=2, every_seconds=None)"
    loaded.set_callbacks(checkpoint).fit(X, y)
    assert Checkpoint.load(moved).n_iter_ == N_EPOCHS
    assert path.read_bytes() == before


def test_path_is_that_at_the_time(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = Checkpoint("here.checkpoint")
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path / "sub")
    new().set_callbacks(checkpoint).fit(X, y)
    assert (tmp_path / "here.checkpoint").exists()
    loaded = Checkpoint.load("../here.checkpoint")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.checkpoint").unlink()
    loaded.set_params(max_iter=N_EPOCHS + 1).fit(X, y)
    assert (tmp_path / "here.checkpoint").exists()


def test_logs_of_a_scoring_monitor_are_kept(path):
    monitor = ScoringMonitor(scoring="accuracy")
    model = new().set_callbacks(Checkpoint(path), monitor, BreakAfter(5))
    with pytest.raises(BrokenOffError):
        model.fit(X, y)
    loaded = Checkpoint.load(path)
    checkpoint, monitor, _ = loaded._skl_callbacks
    loaded.set_callbacks(checkpoint, monitor).fit(X, y)
    first, rest = monitor.get_logs(select="all")
    scores = [
        row["accuracy"]
        for log in (first, rest)
        for row in log.data
        if len(row["task_id_path"]) == 2
    ]
    whole = ScoringMonitor(scoring="accuracy")
    new().set_callbacks(whole).fit(X, y)
    assert scores == [row["accuracy"] for row in whole.get_logs().data[1:]]


def test_callbacks_of_the_pipeline_are_not_those_of_the_network(path):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    network = new().set_callbacks(Checkpoint(path))
    make_pipeline(StandardScaler(), network).set_callbacks(ProgressBar()).fit(X, y)
    loaded = Checkpoint.load(path)
    assert [type(callback) for callback in loaded._skl_callbacks] == [Checkpoint]
    make_pipeline(StandardScaler(), loaded).set_callbacks(ProgressBar()).fit(X, y)


def test_a_model_in_the_file_drags_nothing_along(path):
    model = new().set_callbacks(Checkpoint(path)).fit(X, y)
    known = {*vars(model), "_resume_point"}
    assert set(vars(Checkpoint.load(path))) == known
    assert path.stat().st_size < 15_000
    new().set_callbacks(Checkpoint(path)).fit(np.tile(X, (10, 1)), np.tile(y, 10))
    assert path.stat().st_size < 15_000 + 8 * 10 * len(X)  # the order of the samples


class Never:
    """Fails the test when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("code of a foreign file was run",)


def test_foreign_files(path, tmp_path):
    joblib.dump(new().fit(X, y), tmp_path / "joblib")
    for content in [b"", b"text", pickle.dumps(Never()), (tmp_path / "joblib").read_bytes()]:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"network\.checkpoint is not a checkpoint"):
            Checkpoint.load(path)
    with pytest.raises(FileNotFoundError, match=r"network\.checkpoint"):
        Checkpoint.load(tmp_path / "sub" / path.name)


def test_damaged_files(path):
    new().set_callbacks(Checkpoint(path)).fit(X, y)
    content = path.read_bytes()
    cut = [content[:n] for n in (30, 37, 38, 39, 100, len(content) - 1)]
    changed = bytearray(content)
    changed[-40] ^= 1
    for damaged in [*cut, content + b"more", changed]:
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"network\.checkpoint is truncated or damaged"):
            Checkpoint.load(path)


def test_what_cannot_be_imported(path, monkeypatch):
    new(stop_when=stop_when_never).set_callbacks(Checkpoint(path)).fit(X, y)
    monkeypatch.delattr(sys.modules[__name__], "stop_when_never")
    with pytest.raises(ValueError, match=r"stop_when_never.*module that can be imported"):
        Checkpoint.load(path)


def stop_when_never(history):
    return False


def test_a_file_that_cannot_be_written_is_a_warning(path):
    path.mkdir()  # no file can take the place of a folder
    with pytest.warns(
        RuntimeWarning, match=r"network\.checkpoint could not be written.*goes on"
    ) as record:
        model = new().set_callbacks(Checkpoint(path)).fit(X, y)
    assert not [entry for entry in record if ".tmp" in str(entry.message)]
    assert_same_training(model, new().fit(X, y))
    assert os.listdir(path.parent) == [path.name]


# What is refused


@pytest.mark.parametrize("value", [0, -1, 1.5, "2", np.nan, True])
def test_bad_every_epochs(path, value):
    with pytest.raises(
        ValueError, match=f"every_epochs must be a whole number >= 1, got {value!r}"
    ):
        Checkpoint(path, every_epochs=value)


@pytest.mark.parametrize("value", [-0.5, "2", np.nan, True])
def test_bad_every_seconds(path, value):
    with pytest.raises(ValueError, match=f"every_seconds must be a number >= 0, got {value!r}"):
        Checkpoint(path, every_seconds=value)


def assert_refused(model, match, path, error=ValueError):
    before = {name: pickle.dumps(value) for name, value in vars(model).items()}
    model.set_callbacks(Checkpoint(path))
    with pytest.raises(error, match=match):
        model.fit(X, y)
    model.set_callbacks()
    assert {name: pickle.dumps(value) for name, value in vars(model).items()} == before
    assert not path.exists()


def test_lbfgs_is_refused(path):
    assert_refused(new(solver="lbfgs").fit(X, y), "got 'lbfgs': .*cannot go on", path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    path = tmp_path / "none" / "network.checkpoint"
    assert_refused(new().fit(X, y), "no such folder", path, FileNotFoundError)


def test_what_cannot_be_pickled_is_refused(path):
    model = new().set_params(stop_when=lambda history: False)
    model.set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match=r"cannot be pickled: .*lambda"):
        model.fit(X, y)


def test_other_estimators_are_refused(path):
    for other in (make_pipeline(StandardScaler(), new()), GridSearchCV(new(), {"alpha": [1]})):
        name = type(other).__name__
        with pytest.raises(ValueError, match=f"not on a {name}.*set it on the network"):
            other.set_callbacks(Checkpoint(path)).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
def test_a_search_is_refused(path):
    pipeline = make_pipeline(StandardScaler(), new().set_callbacks(Checkpoint(path)))
    search = GridSearchCV(pipeline, {"mlpscratchclassifier__alpha": [0.1, 1.0]}, cv=2)
    with pytest.raises(ValueError, match="one file, but GridSearchCV trains many networks"):
        search.fit(X, y)
    assert not path.exists()


@pytest.mark.parametrize(
    ("data", "match"),
    [
        ((X[::-1], y), "X, y, sample_weight or the validation set are other ones"),
        ((X, np.roll(y, 1)), "X, y, sample_weight or the validation set are other ones"),
        ((X, y, WEIGHT), "X, y, sample_weight or the validation set are other ones"),
        ((X[:140], y[:140]), "A checkpoint goes on with .* 150 samples, this X has 140"),
        ((X[:, :3], y), "X has 3 features"),
        ((X, y + 1), "A checkpoint can only be used where `y` has the same classes"),
    ],
    ids=["order of X", "y", "weights", "number", "features", "classes"],
)
def test_other_data_is_refused(data, match, path):
    loaded = broken(new(), path, 5, X, y)
    before = {name: pickle.dumps(value) for name, value in vars(loaded).items()}
    with pytest.raises(ValueError, match=match):
        loaded.fit(*data)
    assert {name: pickle.dumps(value) for name, value in vars(loaded).items()} == before
    assert_same_training(loaded.fit(X, y), new().fit(X, y))


def test_another_validation_set_is_refused(path):
    validation = {"X_val": X[::3], "y_val": y[::3]}
    loaded = broken(new(), path, 5, X, y, **validation)
    for other in ({}, {"X_val": X[1::3], "y_val": y[1::3]}):
        with pytest.raises(ValueError, match="the validation set are other ones"):
            loaded.fit(X, y, **other)
    assert_same_training(loaded.fit(X, y, **validation), new().fit(X, y, **validation))


def test_the_same_data_in_other_containers_is_the_same(path):
    loaded = broken(new(), path, 5, X, y)
    assert_same_training(loaded.fit(np.asfortranarray(X), list(y)), new().fit(X, y))
    targets = np.stack([X[:, 0], y], axis=1)
    regressor = broken(new(MLPScratchRegressor), path, 5, X, targets[:, 0])
    whole = new(MLPScratchRegressor).fit(X, targets[:, 0])
    assert_same_training(regressor.fit(X, targets[:, 0].copy()), whole)


@pytest.mark.parametrize("warm_start", [False, True])
def test_lbfgs_does_not_go_on(warm_start, path):
    alone = new(tol=1e9, n_iter_no_change=2).set_callbacks(Checkpoint(path)).fit(X, y)
    params = {"solver": "lbfgs", "max_iter": 3, "warm_start": warm_start, "tol": 1e-4}
    loaded = Checkpoint.load(path)
    for model in (loaded, alone):
        model.set_callbacks().set_params(**params).fit(X, y)
    assert loaded.n_iter_ == 3
    assert_same_training(loaded, alone)
