"""What tests and doctests share."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# For the workers of pytest-xdist, one for each core: with several threads of BLAS each would wait
# for those of the others
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# Their doctests are looked for in the module that they name as theirs, once they are there
from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor  # noqa: F401

# What cannot be imported where numba or torch is not installed
NEEDS = {
    "sknn_scratch/engine/kernels/*": "numba",
    "sknn_scratch/estimators/torch_*": "torch",
}
collect_ignore_glob = [files for files, package in NEEDS.items() if not find_spec(package)]


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


@pytest.fixture(autouse=True)
def same_numbers_in_every_run():
    """Seed the generator from which networks without a random_state draw."""
    np.random.seed(0)
