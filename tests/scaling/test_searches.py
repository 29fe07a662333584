"""Searches on the workers of Dask and Ray find what one process finds, to the bit.

The clusters last as long as this file: their threads would be seen by tests that measure memory.
"""

import gc
import re
import secrets
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.datasets import load_digits, make_regression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.model_selection import MLPGridSearchCV, MLPHalvingGridSearchCV

PAGE = Path(__file__).parents[2] / "docs" / "scaling_out.md"
SEARCHES = [GridSearchCV, MLPGridSearchCV]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Sockets and processes that Ray lets go of while they are open, whenever Python notices
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

N_SAMPLES = 400
NETWORK = {"hidden_layer_sizes": 20, "max_iter": 4, "random_state": 0}


@pytest.fixture(scope="module")
def dask():
    """Start a cluster of two processes with a thread each; return the name of the backend."""
    distributed = pytest.importorskip("dask.distributed")
    workers = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    with (
        # A free port: that of Dask may be in use, by another run of the tests for example
        distributed.LocalCluster(**workers, dashboard_address=":0") as cluster,
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


@pytest.fixture(scope="module")
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


def classifier_search(search_class):
    X, y = load_digits(return_X_y=True)
    grids = [
        {"solver": list(SOLVERS), "l1": [0.0, 1e-3], "learning_rate_init": [0.01]},
        {"solver": ["adam"], "dropout": [0.2], "early_stopping": [True]},
        {"solver": ["lbfgs"]},
    ]
    prefix = "mlpscratchclassifier__"
    search = search_class(
        make_pipeline(StandardScaler(), MLPScratchClassifier(**NETWORK)),
        [{prefix + name: values for name, values in grid.items()} for grid in grids],
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
        cv=3,
    )
    return search, X[:N_SAMPLES], y[:N_SAMPLES]


def regressor_search(search_class):
    X, y = make_regression(N_SAMPLES, random_state=0)
    grid = {"activation": ["tanh", "gelu"], "alpha": [0.0, 1.0], "shuffle": [True, False]}
    return search_class(MLPScratchRegressor(**NETWORK), grid, cv=3), X, y


def halving_search(search_class):
    """Return a search whose networks go on from round to round, on one worker or another."""
    X, y = load_digits(return_X_y=True)
    search = search_class(
        make_pipeline(StandardScaler(), MLPScratchClassifier(**NETWORK, early_stopping=True)),
        {"mlpscratchclassifier__learning_rate_init": [0.001, 0.003, 0.01, 0.03]},
        resource="mlpscratchclassifier__max_iter",
        max_resources=8,
        factor=2,
        cv=3,
    )
    return search, X[:N_SAMPLES], y[:N_SAMPLES]


def results(search):
    """Return all of cv_results_ that does not depend on the clock."""
    return {k: list(v) for k, v in search.cv_results_.items() if not k.endswith("_time")}


@pytest.mark.parametrize(
    ("backend", "make", "search_class"),
    [
        *product(["dask"], [classifier_search, regressor_search], SEARCHES),
        ("dask", halving_search, MLPHalvingGridSearchCV),
        ("ray", classifier_search, MLPGridSearchCV),  # the page has GridSearchCV on Ray
    ],
)
def test_workers_find_what_one_process_finds(backend, make, search_class, request):
    search, X, y = make(search_class)
    alone = results(search.fit(X, y))
    with parallel_config(backend=request.getfixturevalue(backend), n_jobs=2):
        search.fit(X, y)
    assert results(search) == alone


def test_the_fits_are_those_of_the_workers(dask):
    """Dask counts what its workers did: a search that stayed at home would pass the test above."""
    from dask.distributed import default_client

    done = default_client().run_on_scheduler
    before = done(lambda dask_scheduler: dask_scheduler.transition_counter)
    search, X, y = regressor_search(GridSearchCV)
    with parallel_config(backend=dask):
        search.fit(X, y)
    after = done(lambda dask_scheduler: dask_scheduler.transition_counter)
    assert after > before


@pytest.fixture
def blocks(request):
    """Return the blocks of Python; those that need Ray only where it is installed."""
    pytest.importorskip("dask.distributed")
    found = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    if find_spec("ray"):
        request.getfixturevalue("ray")
        return found
    return [block for block in found if "ray.util" not in block]


@pytest.mark.filterwarnings("ignore:Port 8787 is already in use")  # by another cluster of Dask
def test_the_page_runs(dask, blocks, capsys, tmp_path, monkeypatch):
    from dask import distributed

    monkeypatch.chdir(tmp_path)
    # The processes that are there, because others would take seconds to begin; the page ends them
    cluster = distributed.default_client().cluster
    monkeypatch.setattr(distributed, "LocalCluster", lambda n_workers, threads_per_worker: cluster)
    namespace = {"__name__": "scaling_out"}
    for block in blocks:
        exec(compile(block, PAGE.name, "exec"), namespace)
    # Ray, too, prints now and then: of processes that have ended
    printed = re.findall(r"^[\d.]+$", capsys.readouterr().out, re.M)
    *searches, mapped, streamed, by_block = map(float, printed)
    assert len(searches) >= 2
    assert len(set(searches)) == 1
    assert searches[0] > 0.9
    assert min(mapped, streamed, by_block) > 0.9
    X = namespace["X_blocks"].compute(scheduler="synchronous")
    np.testing.assert_equal(by_block, namespace["network"].score(X, namespace["y"]))
