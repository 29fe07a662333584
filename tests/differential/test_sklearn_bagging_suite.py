"""scikit-learn's own tests of its bagging, run against our classes in place of its own."""

import pytest

from ..sklearn_suites import run_theirs

LAST_IMPORT = "from sklearn.utils.fixes import CSC_CONTAINERS, CSR_CONTAINERS\n"
# Networks by default, and shorter trainings of them than theirs: none of the tests is about that
OURS = """
from sknn_scratch.ensemble import MLPBaggingClassifier as BaggingClassifier
from sknn_scratch.ensemble import MLPBaggingRegressor as BaggingRegressor
from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor

for cls in (MLPScratchClassifier, MLPScratchRegressor):
    cls.__init__.__kwdefaults__["max_iter"] = 5
    assert cls().max_iter == 5
"""
# Messages begin with the name of the class
THEIR_NAME, OUR_NAME = "When fitting Bagging", "When fitting MLPBagging"
EXCEPTIONS = {
    # Asks that the members are trees unless others are named; here they are networks.
    "test_estimator",
}


@pytest.mark.slow
def test_scikit_learns_own_bagging_tests_pass(tmp_path):
    replacements = [(LAST_IMPORT, 1, LAST_IMPORT + OURS), (THEIR_NAME, 3, OUR_NAME)]
    outcome = run_theirs("sklearn.ensemble.tests.test_bagging", replacements, tmp_path)
    assert len(outcome.cases) >= 126
    assert not outcome.names("error"), outcome.output
    assert not outcome.names("skipped"), outcome.output
    assert outcome.names("failure") == EXCEPTIONS, outcome.output
