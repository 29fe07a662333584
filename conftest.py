"""What tests and doctests share."""

import gc
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from joblib.externals.loky import reusable_executor

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# For the workers of pytest-xdist, one for each core: with several threads of BLAS or OpenMP each
# would wait for those of the others. Boosting in scikit-learn's tests of its searches takes 0.1 s
# and not 3 to 5, beside another worker on two cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Their doctests are looked for in the module that they name as theirs, once they are there
from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor  # noqa: F401

# What cannot be imported where numba or torch is not installed
NEEDS = {
    "sknn_scratch/engine/kernels/*": "numba",
    "sknn_scratch/estimators/torch_*": "torch",
}
collect_ignore_glob = [files for files, package in NEEDS.items() if not find_spec(package)]


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Keep the garbage collector from the items, of which there are thousands.

    To collect them takes 11 seconds of the processor and not 14, and none of them is looked at
    again whenever a test collects garbage.
    """
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


@pytest.fixture(autouse=True, scope="session")
def compiled_kernels():
    """Compile once for all workers of pytest-xdist.

    Each begins with another dtype and waits for that of its neighbour, which it then loads. That
    takes 14 seconds in a fresh clone on two cores; with both compiling both it was 25 to 30.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker or fcntl is None or not find_spec("numba"):
        return
    from sknn_scratch.compile_kernels import DTYPES, _compile
    from sknn_scratch.engine.compiled import kernels

    run_steps = kernels().run_steps
    folder = run_steps.stats.cache_path
    if folder is None or not Path(folder).is_dir():
        return
    for dtype in DTYPES if int(worker[2:]) % 2 else DTYPES[::-1]:
        with (Path(folder) / f"{dtype}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _compile(run_steps, dtype)


@pytest.fixture(autouse=True, scope="session")
def no_process_stays():
    """End joblib's processes, which otherwise might keep a worker for another ten seconds."""
    yield
    if reusable_executor._executor is not None:
        reusable_executor._executor.shutdown(kill_workers=True)


@pytest.fixture(autouse=True, scope="module")
def young_heap():
    """Keep the garbage collector from what the files before have imported and kept.

    To look at all of it again and again took 25 seconds of the processor.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def same_numbers_in_every_run():
    """Seed the generator from which networks without a random_state draw."""
    np.random.seed(0)
