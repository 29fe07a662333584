"""With what it was measured: versions, cores, threads."""

import os
import platform
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import numpy as np
import scipy
import sklearn
from threadpoolctl import threadpool_info, threadpool_limits

import sknn_scratch
from benchmarks._contestants import has_numba, has_torch


@contextmanager
def limited_threads(n_threads):
    """Give BLAS and torch `n_threads`; None leaves BLAS as it is and gives torch all cores."""
    if has_torch():
        import torch

        torch.set_num_threads(n_threads or os.cpu_count())
    with threadpool_limits(n_threads, user_api="blas"):
        yield


def describe_environment():
    """Return versions and counts by name."""
    blas = numpy_blas()
    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "BLAS of numpy": f"{blas['internal_api']} {blas['version']} ({blas['architecture']})",
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": version("torch") if has_torch() else "not installed",
        "numba": version("numba") if has_numba() else "not installed",
        "sknn_scratch": sknn_scratch.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "BLAS threads": blas["num_threads"],
        "torch threads": torch_threads(),
    }


def numpy_blas():
    """Return what is known of the BLAS that numpy calls; scipy may have brought one of its own."""
    libraries = [{"architecture": "", **info} for info in threadpool_info()]
    libraries = [info for info in libraries if info["user_api"] == "blas"]
    unknown = {"internal_api": "unknown", "version": "", "architecture": "", "num_threads": None}
    of_numpy = [info for info in libraries if "numpy" in Path(info["filepath"]).parent.name]
    return (of_numpy + libraries + [unknown])[0]


def torch_threads():
    """Return the number of threads within an operation of torch."""
    if not has_torch():
        return None
    import torch

    return torch.get_num_threads()
