"""Compile the loops of ``engine="numba"`` before the first fit needs them.

Run ``python -m sknn_scratch.compile_kernels`` once after installing the package or updating numba,
for example while a container image is built. numba keeps the result on disk, and later processes
load it.
"""

import sys
import time

import numpy as np

from sknn_scratch.engine.compiled import kernels, shuffling
from sknn_scratch.estimators.classifier import MLPScratchClassifier

__all__ = ["main"]

DTYPES = ("float32", "float64")


def main() -> None:
    """Compile for both dtypes, and print what was done and where the result is kept."""
    try:
        run_steps = kernels().run_steps
    except ImportError as error:
        sys.exit(str(error))
    for dtype in DTYPES:
        print(f"{dtype}: {_compile(run_steps, dtype)}", flush=True)
    if run_steps.stats.cache_path is None:
        sys.exit(
            "The compiled code cannot be kept, because numba found no folder that it may write "
            "to. Set the environment variable NUMBA_CACHE_DIR to one, and run this command again."
        )
    print(f"kept in {run_steps.stats.cache_path}")


def _compile(run_steps, dtype):
    """Train on two samples, and return what that took: one function serves all networks.

    Samples are shuffled by another one, for both dtypes, if there are many.
    """
    kept, start = _n_loaded(run_steps), time.perf_counter()
    X = np.eye(2, dtype=dtype)
    MLPScratchClassifier(1, engine="numba").partial_fit(X, [0, 1], classes=[0, 1])
    state = np.random.RandomState(0).get_state(legacy=False)["state"]
    shuffling().shuffle(state["key"], state["pos"], np.arange(2), np.empty((1, 2), np.int64))
    seconds = time.perf_counter() - start
    done = "was kept already, loaded" if _n_loaded(run_steps) > kept else "compiled"
    return f"{done} in {seconds:.1f} s"


def _n_loaded(run_steps):
    return sum(run_steps.stats.cache_hits.values())


if __name__ == "__main__":
    main()
