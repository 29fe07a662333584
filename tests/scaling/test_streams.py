"""Training on data that never is in memory as a whole."""

import copy
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.estimators import resume

N_FEATURES, CLASSES = 100, [0, 1, 2]


def parts(n_parts, n_rows=2_000):
    """Yield samples whose class is the largest of their first three features."""
    generator = np.random.default_rng(0)
    for _ in range(n_parts):
        X = generator.random((n_rows, N_FEATURES), dtype=np.float32)
        yield X, X[:, :3].argmax(axis=1)


def peak_of_stream(network, n_parts):
    """Return the bytes that training on so many parts holds at its peak."""
    tracemalloc.start()
    for X, y in parts(n_parts):
        network.partial_fit(X, y, classes=CLASSES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_stream():
    network = MLPScratchClassifier(20, learning_rate_init=0.01, random_state=0)
    part = 2_000 * N_FEATURES * 4
    few, many = peak_of_stream(network, 3), peak_of_stream(network, 60)
    assert few > 2 * part  # the loop holds a part while the next is made
    assert many < 3 * part
    assert many < few + part / 4
    X, y = next(parts(1))
    assert network.score(X, y) > 0.95


def test_six_times_the_weights_beside_the_part():
    X, y = next(parts(1, n_rows=20))
    network = MLPScratchClassifier((2_000, 100), random_state=0)
    network.partial_fit(X, y, classes=CLASSES)
    tracemalloc.start()
    network.partial_fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    weights = 4 * network.n_parameters_
    assert 5 * weights < peak < 7 * weights


SHORT_OF_MEMORY = """
import resource, sys, warnings
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sknn_scratch import MLPScratchClassifier

warnings.simplefilter("ignore", ConvergenceWarning)
X = np.load(sys.argv[1], mmap_mode="r")
y = np.arange(len(X)) % 2
MLPScratchClassifier(2, random_state=0).partial_fit(X[:400], y[:400], classes=[0, 1])
soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
in_use = int(next(line for line in open("/proc/self/status") if "VmData" in line).split()[1]) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (in_use + X.nbytes // 4, hard))
try:
    np.array(X)
except MemoryError:
    print("too large")
for shuffle in (True, False):
    network = MLPScratchClassifier(2, shuffle=shuffle, max_iter=1, random_state=0).fit(X, y)
    print(network.n_iter_)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux's RLIMIT_DATA")
def test_a_file_larger_than_the_memory_that_is_left(tmp_path):
    path = tmp_path / "X.npy"
    X = np.lib.format.open_memmap(path, "w+", np.float32, (200_000, N_FEATURES))
    X[::1_000] = 1.0  # all else stays a hole in the file
    X.flush()
    command = [sys.executable, "-c", SHORT_OF_MEMORY, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("too large\n1\n1\n", "")


def blocks_of(X, n_rows):
    return np.split(X, range(n_rows, len(X), n_rows))


@pytest.mark.parametrize("solver", ["sgd", "adam", "nag"])
def test_blocks_of_dask_train_as_slices_of_numpy(solver):
    da = pytest.importorskip("dask.array")
    dask = pytest.importorskip("dask")
    X, _ = next(parts(1, n_rows=700))
    y = X[:, :2] - X[:, 2:4]
    lazy = [da.from_array(data, chunks=(300, -1)).blocks.ravel() for data in (X, y)]
    sliced, blocked = (
        MLPScratchRegressor(
            hidden_layer_sizes=5, solver=solver, learning_rate_init=0.01, random_state=0
        )
        for _ in range(2)
    )
    for pair in zip(blocks_of(X, 300), blocks_of(y, 300), strict=True):
        sliced.partial_fit(*pair)
    for pair in zip(*lazy, strict=True):
        blocked.partial_fit(*dask.compute(*pair))
    assert blocked.t_ == 700
    for W, expected in zip(blocked.coefs_, sliced.coefs_, strict=True):
        np.testing.assert_array_equal(W, expected)


def unaligned(data):
    """Return a copy at an odd address, where what Dask fetches from a worker may lie."""
    memory = np.empty(data.nbytes + 1, np.uint8)
    copy = memory[1 - memory.ctypes.data % 2 :][: data.nbytes].view(data.dtype).reshape(data.shape)
    copy[...] = data
    assert not copy.flags.aligned
    return copy


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["gd", "nag", "sgd", "adam", "lbfgs"])
def test_the_address_of_the_data_changes_no_bit(solver):
    X, _ = next(parts(1, n_rows=300))
    data = X, X[:, :2] - X[:, 2:4], X[:, 5].copy()
    network = MLPScratchRegressor(
        hidden_layer_sizes=5, solver=solver, learning_rate_init=0.01, max_iter=5, random_state=0
    )
    expected = network.fit(*data).predict(X)
    moved = [unaligned(array) for array in data]
    np.testing.assert_array_equal(network.fit(*moved).predict(moved[0]), expected)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_each_call_is_an_epoch_of_the_schedule(schedule):
    """As docs/scaling_out.md says: max_iter is the number of calls."""
    streamed, whole = (
        MLPScratchClassifier(5, learning_rate=schedule, max_iter=6, random_state=0)
        for _ in range(2)
    )
    for X, y in parts(6, n_rows=200):
        streamed.partial_fit(X, y, classes=CLASSES)
    rates = streamed.history_["learning_rate"]
    assert len(set(rates)) == 6
    assert rates == whole.fit(X, y).history_["learning_rate"]


# Streams of many calls


def sample(k):
    """Return the k-th of a stream of single samples, and its label."""
    X = np.random.default_rng(k).random((1, 3))
    return X, [int(X.argmax())]


def streamed(n_calls, network=None, **parameters):
    """Return a network after so many single samples."""
    network = network or MLPScratchClassifier(2, random_state=0, **parameters)
    for k in range(n_calls):
        network.partial_fit(*sample(k), classes=CLASSES)
    return network


def lengthen_history(network, n_epochs):
    """Have the history as long as after so many calls."""
    for name, values in network.history_.items():
        network.history_[name] = [values[-1] + 0.0 for _ in range(n_epochs)]
    network.loss_curve_ = network.history_["loss"]


def peak_of_call(network):
    tracemalloc.start()
    network.partial_fit(*sample(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_a_call_takes_as_much_memory_after_many_calls_as_after_a_few():
    network = streamed(10)
    after_ten = peak_of_call(network)
    lengthen_history(network, 15_000)
    network.partial_fit(*sample(0))  # to append to a list now and then moves it
    pointers = 8 * 15_000
    assert peak_of_call(network) < after_ten + pointers / 2


def test_the_history_of_a_stream_is_bounded():
    network = streamed(2)
    lengthen_history(network, 19_999)
    lengths = [len(network.partial_fit(*sample(k)).loss_curve_) for k in range(3)]
    assert lengths == [20_000, 10_001, 10_002]
    assert {len(values) for values in network.history_.values()} == {10_002}


@pytest.fixture
def short_history(monkeypatch):
    monkeypatch.setattr(resume, "EPOCHS_OF_A_STREAM", 5)


N_CALLS = [9, 10, 11, 12, 23]


@pytest.mark.parametrize("n_calls", N_CALLS)
def test_the_last_calls_are_kept_and_nothing_else_changes(n_calls, monkeypatch):
    expected = streamed(n_calls)
    monkeypatch.setattr(resume, "EPOCHS_OF_A_STREAM", 5)
    network = streamed(n_calls)
    n_kept = len(network.loss_curve_)
    assert 5 < n_kept <= 10
    for name, values in expected.history_.items():
        assert network.history_[name] == values[-n_kept:]
    assert network.loss_curve_ is network.history_["loss"]
    assert network.t_ == n_calls
    assert network.best_loss_ == expected.best_loss_
    for W, of_expected in zip(network.coefs_, expected.coefs_, strict=True):
        np.testing.assert_array_equal(W, of_expected)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.usefixtures("short_history")
def test_each_call_has_its_number(capsys):
    network = streamed(23, verbose=True, tol=0.0, n_iter_no_change=np.inf)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["Iteration", *map(str, range(1, 24))]
    n_iter = network.fit(np.eye(3), CLASSES).n_iter_
    capsys.readouterr()
    network.partial_fit(np.eye(3), CLASSES)
    assert int(capsys.readouterr().out.split()[0]) == n_iter + 1


def bits(network):
    return {name: pickle.dumps(value) for name, value in vars(network).items()}


def fail(history):
    raise RuntimeError(len(history["loss"]))


@pytest.mark.parametrize("n_calls", N_CALLS)
@pytest.mark.usefixtures("short_history")
def test_a_call_that_fails_late_leaves_no_trace(n_calls):
    network = streamed(n_calls)
    network.set_params(stop_when=fail)
    before, curve = bits(network), network.loss_curve_
    for method in (network.partial_fit, network.fit):
        with pytest.raises(RuntimeError):
            method(np.eye(3), CLASSES)
        assert bits(network) == before
        assert network.loss_curve_ is curve is network.history_["loss"]
    network.set_params(stop_when=None)
    expected = streamed(n_calls)
    for one in (network, expected):
        one.partial_fit(np.eye(3), CLASSES)
    assert network.history_ == expected.history_


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
def test_copies_have_a_history_of_their_own(copied):
    network = streamed(5)
    other = copied(network)
    assert other.loss_curve_ is other.history_["loss"]
    before = bits(other)
    streamed(3, network)
    assert bits(other) == before
    before = bits(network)
    streamed(2, other)
    assert bits(network) == before
    assert (len(network.loss_curve_), len(other.loss_curve_)) == (8, 7)
    assert other.loss_curve_ is other.history_["loss"]


def test_a_history_of_arrays_is_taken_up():
    network = streamed(3)
    network.history_ = {name: np.array(values) for name, values in network.history_.items()}
    with pytest.raises(ValueError, match="NaN"):
        network.partial_fit([[np.nan, 0.0, 0.0]], [0])
    assert len(network.partial_fit(*sample(0)).loss_curve_) == 4
