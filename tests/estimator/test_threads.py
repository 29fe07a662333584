"""BLAS is held to one thread where the work is small, and left alone where it is not."""

import os
import signal
import subprocess
import sys
import traceback
from collections import defaultdict
from threading import Barrier, Thread, get_ident

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sknn_scratch import MLPScratchRegressor
from sknn_scratch.estimators import threads as threads_module
from sknn_scratch.estimators.threads import one_blas_thread

FEW, MANY = 20, 2000  # hidden units: 100 x 50 by 50 x 20 is small work, by 50 x 2000 is not


def blas_threads():
    """Return the numbers of threads of the BLAS libraries that are loaded."""
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.mark.parametrize(("hidden", "during"), [(FEW, {1}), (MANY, {2})])
@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
def test_threads_during_a_fit_and_after_it(solver, hidden, during):
    seen = []
    network = MLPScratchRegressor(
        hidden_layer_sizes=hidden,
        solver=solver,
        max_iter=1,
        stop_when=lambda history: seen.append(blas_threads()) is None,
    )
    X = np.random.default_rng(0).normal(size=(100, 50))
    with threadpool_limits(2, user_api="blas"):
        network.fit(X, X[:, 0])
        after = blas_threads()
    assert seen == [during]
    assert after == {2}


def test_threads_after_a_fit_that_failed():
    def fail(history):
        raise RuntimeError("on purpose")

    X = np.random.default_rng(0).normal(size=(100, 50))
    with threadpool_limits(2, user_api="blas"):
        with pytest.raises(RuntimeError, match="on purpose"):
            MLPScratchRegressor(hidden_layer_sizes=FEW, stop_when=fail).fit(X, X[:, 0])
        assert blas_threads() == {2}


# Fits that overlap. The program has a process of its own: in that of the tests the main thread
# holds BLAS to one thread, and threadpoolctl then heeds no other thread.

OVERLAPPING_FITS = """
import sys, warnings
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info, threadpool_limits
from sknn_scratch import MLPScratchRegressor
from sknn_scratch.model_selection import MLPGridSearchCV

warnings.simplefilter("ignore", ConvergenceWarning)
X = np.random.default_rng(0).normal(size=(100, 10))
during = set()

def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

def watch(history):
    during.update(blas_threads())
    if len(history["loss"]) == 13:
        raise RuntimeError("on purpose")

def fit(max_iter):
    network = MLPScratchRegressor(hidden_layer_sizes=5, max_iter=max_iter, random_state=0)
    if max_iter == 20:
        return MLPGridSearchCV(network, {"l2": [0, 0.1]}, cv=2).fit(X, X[:, 0])
    try:
        return network.set_params(stop_when=watch).fit(X, X[:, 0])
    except RuntimeError:
        return None

if sys.argv[1] == "set by the main thread":
    threadpool_limits(2, user_api="blas")
before = blas_threads()
for _ in range(10):
    with ThreadPoolExecutor(3) as threads:
        futures = [threads.submit(fit, max_iter) for max_iter in (4, 30, 9, 40, 12, 20)]
        if sys.argv[2] == "and in the main thread":
            fit(6)
    assert all(future.exception() is None for future in futures)
    assert blas_threads() == before, blas_threads()
print(before, during)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "where"),
    [("from the environment", "in threads"), ("set by the main thread", "and in the main thread")],
)
def test_threads_after_fits_that_overlap(own, where):
    done = subprocess.run(
        [sys.executable, "-c", OVERLAPPING_FITS, own, where],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "2"},
    )
    assert (done.stdout, done.stderr) == ("{2} {1}\n", "")


def test_the_last_context_restores_in_whatever_order_they_end():
    first, second, third = (one_blas_thread() for _ in range(3))
    with threadpool_limits(2, user_api="blas"):
        for context in (first, second):
            context.__enter__()
        first.__exit__(None, None, None)
        third.__enter__()
        second.__exit__(None, None, None)
        assert blas_threads() == {1}
        third.__exit__(None, None, None)
        assert blas_threads() == {2}


def test_what_the_user_sets_during_a_fit_stays():
    with threadpool_limits(2, user_api="blas"):
        with one_blas_thread():
            threadpool_limits(3, user_api="blas")
        assert blas_threads() == {3}
        with one_blas_thread():
            with threadpool_limits(3, user_api="blas"), one_blas_thread():
                assert blas_threads() == {3}
            assert blas_threads() == {1}
        assert blas_threads() == {3}


def open_and_close():
    with one_blas_thread():
        pass


def place_of_ctrl_c(seconds):
    """Press Ctrl-C after so many seconds of contexts; return the innermost function then."""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        for _ in range(1000):
            open_and_close()
    except KeyboardInterrupt as interrupt:
        return traceback.extract_tb(interrupt.__traceback__)[-1].name
    return None


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no such timer")
def test_ctrl_c_on_the_way_in_or_out():
    generator, places = np.random.default_rng(0), set()
    libraries = threads_module._libraries(per_thread=False)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with threadpool_limits(2, user_api="blas"):
            for seconds in generator.uniform(1e-6, 1e-4, 1000):
                place = place_of_ctrl_c(seconds)
                places.add(place)
                if place == "__exit__":  # Python lets nobody catch what comes before its first line
                    open_and_close()
                assert {library.num_threads for library in libraries} == {2}, place
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert places >= {"take", "drop", "_lower", "_restore_if_free", "_set_threads"}


def test_a_context_that_was_never_left_is_forgotten():
    with threadpool_limits(2, user_api="blas"):
        one_blas_thread().__enter__()
        assert blas_threads() == {1}
        with one_blas_thread():
            assert blas_threads() == {1}
        assert blas_threads() == {2}


class PerThreadLibrary:
    """A library like an OpenBLAS on OpenMP, of which each thread has its own number of threads."""

    user_api, threading_layer = "blas", "openmp"

    def __init__(self):
        self.of_thread = defaultdict(lambda: 4)

    @property
    def num_threads(self):
        return self.of_thread[get_ident()]

    def set_num_threads(self, n_threads):
        self.of_thread[get_ident()] = n_threads


def test_libraries_with_a_number_for_each_thread(monkeypatch):
    library, both_inside = PerThreadLibrary(), Barrier(2, timeout=60)
    monkeypatch.setattr(threads_module, "_libraries", lambda per_thread: [library] * per_thread)
    seen = []

    def work(leaves_first):
        with one_blas_thread():
            both_inside.wait()
            seen.append(library.num_threads)
            if not leaves_first:
                both_inside.wait()
        seen.append(library.num_threads)
        if leaves_first:
            both_inside.wait()

    threads = [Thread(target=work, args=[first]) for first in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [1, 1, 4, 4]


FORK = """
import os, warnings
from threading import Event, Thread
from threadpoolctl import threadpool_info
from sknn_scratch.estimators.threads import one_blas_thread

def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

def fit():
    with one_blas_thread():
        begun.set()
        over.wait()

begun, over = Event(), Event()
thread = Thread(target=fit)
thread.start()
begun.wait()
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: forked beside a thread
if os.fork() == 0:
    after_fork = blas_threads()
    with one_blas_thread():
        print(after_fork, blas_threads(), end=" ")
    print(blas_threads(), flush=True)
    os._exit(0)
os.wait()
over.set()
thread.join()
print(blas_threads())
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_fork_amid_the_fit_of_another_thread():
    done = subprocess.run(
        [sys.executable, "-c", FORK],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "2"},
    )
    assert (done.stdout, done.stderr) == ("{2} {1} {2}\n{2}\n", "")
