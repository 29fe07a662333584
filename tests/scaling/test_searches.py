"""Searches on the workers of Dask and Ray find what one process finds, to the bit."""

import pytest
from joblib import parallel_config
from sklearn.datasets import load_digits, make_regression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.solvers import SOLVERS

SEARCHES = [GridSearchCV]  # a class of another search is held to the same by one entry

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_SAMPLES = 400
NETWORK = {"hidden_layer_sizes": 20, "max_iter": 4, "random_state": 0}


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


def results(search):
    """Return all of cv_results_ that does not depend on the clock."""
    return {k: list(v) for k, v in search.cv_results_.items() if not k.endswith("_time")}


@pytest.mark.parametrize(
    ("backend", "make"),
    [("dask", classifier_search), ("dask", regressor_search), ("ray", classifier_search)],
)
@pytest.mark.parametrize("search_class", SEARCHES)
def test_workers_find_what_one_process_finds(search_class, backend, make, request):
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
