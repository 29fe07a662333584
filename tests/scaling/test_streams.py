"""Training on data that never is in memory as a whole."""

import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor

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
