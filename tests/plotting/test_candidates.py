"""Candidates that a display trains: each is a fit from the start, and nothing is done twice."""

from importlib.util import find_spec

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.plotting._candidates import fit_candidates

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)
ENGINES = ["numpy", "numba"] if find_spec("numba") else ["numpy"]
# The longest first: candidates come back in the order in which they were asked for
CANDIDATES = [
    {"mlpscratchclassifier__l2": l2, "mlpscratchclassifier__max_iter": n}
    for l2 in (0.0, 0.1)
    for n in (7, 3)
]


class CountingScaler(StandardScaler):
    n_fits = 0

    def fit(self, X, y=None):
        CountingScaler.n_fits += 1
        return super().fit(X)


@pytest.mark.parametrize(("engine", "n_jobs"), [("numpy", None), ("numpy", 2), (ENGINES[-1], 2)])
def test_candidates_are_fits_from_the_start(engine, n_jobs):
    pipeline = make_pipeline(
        StandardScaler(), MLPScratchClassifier(4, engine=engine, random_state=0)
    )
    fitted = fit_candidates(pipeline, CANDIDATES, X, y, n_jobs=n_jobs)
    for candidate, params in zip(fitted, CANDIDATES, strict=True):
        assert params.items() <= candidate.get_params().items()
        whole = clone(pipeline).set_params(**params).fit(X, y)
        assert joblib.hash(candidate[-1].coefs_) == joblib.hash(whole[-1].coefs_)
        assert candidate[-1].n_iter_ == params["mlpscratchclassifier__max_iter"]
        np.testing.assert_array_equal(candidate.predict_proba(X), whole.predict_proba(X))


def test_nothing_is_done_twice():
    CountingScaler.n_fits = 0
    pipeline = make_pipeline(CountingScaler(), MLPScratchClassifier(4, random_state=0))
    fit_candidates(pipeline, CANDIDATES, X, y)
    assert CountingScaler.n_fits == 1


def test_the_error_of_a_candidate_is_raised():
    with pytest.raises(ValueError, match="l2"):
        fit_candidates(MLPScratchClassifier(4), [{"l2": -1.0}], X, y)
