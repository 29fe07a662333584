"""Two workers of Dask and two of Ray, on this machine."""

import gc
import secrets
import warnings
from contextlib import contextmanager

import pytest


@pytest.fixture(scope="session")
def dask():
    """Start a cluster of two processes with a thread each; return the name of the backend."""
    distributed = pytest.importorskip("dask.distributed")
    workers = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with (
        distributed.LocalCluster(**workers, dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        yield "dask"


@contextmanager
def unwatched_processes():
    """Let go of objects for processes that still run, which Ray does and Python warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


@pytest.fixture(scope="session")
def ray():
    """Start Ray with two processes; return the name of the backend."""
    with pytest.MonkeyPatch.context() as patch:
        # Read when Ray is imported; without them it writes a token to the home folder.
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex())
        ray = pytest.importorskip("ray")
        from ray.util.joblib import register_ray

        register_ray()
        with unwatched_processes():
            ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield "ray"
        with unwatched_processes():
            ray.shutdown()
