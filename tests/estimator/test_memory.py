"""What `fit` takes beside X: y, the order of the rows, and a batch; never another X."""

import tracemalloc
from importlib.util import find_spec

import numpy as np
import pytest
import scipy.sparse

from sknn_scratch import MLPScratchClassifier

N_SAMPLES, N_FEATURES = 40_000, 200
ENGINES = ["numpy", "numba"] if find_spec("numba") else ["numpy"]

every_engine = pytest.mark.parametrize("engine", ENGINES)


def peak_of_fit(X, **parameters):
    """Return the bytes that a fit of one epoch holds at its peak, beside what was there."""
    network = MLPScratchClassifier(5, random_state=0, **parameters)
    y = np.arange(X.shape[0]) % 3
    load_engine(parameters.get("engine"), X.dtype)
    tracemalloc.start()
    network.partial_fit(X, y, classes=[0, 1, 2])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def load_engine(engine, dtype):
    """Have what the first fit loads or compiles in place: it does not grow with X."""
    if engine == "numba":
        tiny = np.zeros((2, 1), dtype)
        MLPScratchClassifier(1, engine=engine).partial_fit(tiny, [0, 1], classes=[0, 1])


@every_engine
@pytest.mark.parametrize("solver", ["gd", "nag", "sgd", "adam"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_dense_samples_are_not_copied(solver, shuffle, engine):
    X = np.random.default_rng(0).random((N_SAMPLES, N_FEATURES), dtype=np.float32)
    assert peak_of_fit(X, solver=solver, shuffle=shuffle, engine=engine) < X.nbytes / 4


@every_engine
def test_a_memory_map_is_not_read_as_a_whole(tmp_path, engine):
    X = np.random.default_rng(0).random((N_SAMPLES, N_FEATURES), dtype=np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert peak_of_fit(mapped, engine=engine) < X.nbytes / 4


@every_engine
def test_early_stopping_copies_no_more_than_what_it_holds_out(engine):
    X = np.random.default_rng(0).random((N_SAMPLES, N_FEATURES), dtype=np.float32)
    load_engine(engine, X.dtype)
    network = MLPScratchClassifier(
        5, early_stopping=True, max_iter=1, random_state=0, engine=engine
    )
    tracemalloc.start()
    with pytest.warns(UserWarning, match="hasn't converged"):
        network.fit(X, np.arange(N_SAMPLES) % 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes * (0.1 + 0.25)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_sparse_samples_are_never_made_dense_as_a_whole(solver):
    shape = (20_000, 2_000)
    generator = np.random.default_rng(0)
    rows, columns = (generator.integers(length, size=40_000) for length in shape)
    values = generator.random(40_000, dtype=np.float32)
    X = scipy.sparse.csr_array((values, (rows, columns)), shape)
    as_dense = 4 * shape[0] * shape[1]
    assert peak_of_fit(X, solver=solver) < as_dense / 20
