"""scikit-learn's own tests of its bagging, run against our classes in place of its own."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

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
# Fixtures of scikit-learn's conftest, which its wheel does not use outside its own tree
CONFTEST = """
import pytest

@pytest.fixture
def global_random_seed():
    return 42
"""
EXCEPTIONS = {
    # Asks that the members are trees unless others are named; here they are networks.
    "test_estimator",
}


@pytest.mark.slow
def test_scikit_learns_own_bagging_tests_pass(tmp_path):
    source = Path(find_spec("sklearn.ensemble.tests.test_bagging").origin).read_text("utf-8")
    assert source.count(LAST_IMPORT) == 1
    assert source.count(THEIR_NAME) == 3
    source = source.replace(LAST_IMPORT, LAST_IMPORT + OURS).replace(THEIR_NAME, OUR_NAME)
    (tmp_path / "test_bagging.py").write_text(source, "utf-8")
    (tmp_path / "conftest.py").write_text(CONFTEST, "utf-8")
    report = tmp_path / "report.xml"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", f"--junitxml={report}", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    cases = ElementTree.parse(report).getroot().findall(".//testcase")
    failed = {case.get("name") for case in cases if case.find("failure") is not None}
    erred = {case.get("name") for case in cases if case.find("error") is not None}
    skipped = {case.get("name") for case in cases if case.find("skipped") is not None}
    assert len(cases) >= 126
    assert not erred, run.stdout
    assert not skipped, run.stdout
    assert failed == EXCEPTIONS, run.stdout
