"""Two workers of Dask and two of Ray, on this machine."""

import secrets

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
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield "ray"
        ray.shutdown()
