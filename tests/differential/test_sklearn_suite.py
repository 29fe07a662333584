"""scikit-learn's own tests of its MLP, run against our classes in place of its own."""

import pytest

from ..sklearn_suites import run_theirs

IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
OURS = (
    "from sknn_scratch import MLPScratchClassifier as MLPClassifier\n"
    "from sknn_scratch import MLPScratchRegressor as MLPRegressor\n"
)
# No test there names an engine: another default is what all of them take
COMPILED = """
for cls in (MLPClassifier, MLPRegressor):
    cls.__init__.__kwdefaults__["engine"] = "numba"
    assert cls().engine == "numba"
"""
EXCEPTIONS = {
    # Calls _loss_grad_lbfgs, a private method, with lists of buffers that are not used here;
    # tests/unit/test_objective.py checks the same gradients the same way.
    "test_gradient",
}


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_scikit_learns_own_mlp_tests_pass(engine, tmp_path):
    if engine == "numba":
        pytest.importorskip("numba")
    ours = OURS + (COMPILED if engine == "numba" else "")
    outcome = run_theirs("sklearn.neural_network.tests.test_mlp", [(IMPORT, 1, ours)], tmp_path)
    assert len(outcome.cases) >= 59
    assert not outcome.names("error"), outcome.output
    assert not outcome.names("skipped"), outcome.output
    assert outcome.names("failure") == EXCEPTIONS, outcome.output
