"""scikit-learn's own checks of an estimator: every solver, both engines, no expected failure."""

from importlib.util import find_spec

import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.solvers import SOLVERS

ESTIMATORS = [MLPScratchClassifier, MLPScratchRegressor]
# One step per epoch: 200 plain steps of the default 0.001 get nowhere, and some checks ask for a
# score. The other solvers stand by their defaults.
SETTINGS = {"gd": {"learning_rate_init": 0.1}}
# They fit to 14 kinds of sparse matrices, and ask for no score: 200 epochs each took 7 seconds
FEW_EPOCHS = {"check_estimator_sparse_matrix", "check_estimator_sparse_array"}

ENGINES = {
    "numpy": [*SOLVERS, "lbfgs"],
    "numba": list(SOLVERS) if find_spec("numba") else [],  # lbfgs is numpy's in any case
}

# The checks fit for a few epochs, or to one class, and look at other things than convergence.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:y holds one class only:RuntimeWarning"),
    # Rightly: on one of the data sets all units die in the first long step of 'gd'
    pytest.mark.filterwarnings("ignore::sknn_scratch.exceptions.NothingLearnedWarning"),
]


@parametrize_with_checks(
    [
        estimator(solver=solver, engine=engine, **SETTINGS.get(solver, {}))
        for estimator in ESTIMATORS
        for engine, solvers in ENGINES.items()
        for solver in solvers
    ]
)
def test_check_estimator(estimator, check):
    if check.func.__name__ in FEW_EPOCHS:
        estimator = clone(estimator).set_params(max_iter=20)
    check(estimator)
