"""scikit-learn's own tests of its MLP, run against our classes in place of its own."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

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
# A fixture of scikit-learn's conftest, which its wheel does not use outside its own tree
CONFTEST = """
import pytest

@pytest.fixture
def global_random_seed():
    return 42
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
    source = Path(find_spec("sklearn.neural_network.tests.test_mlp").origin).read_text("utf-8")
    assert source.count(IMPORT) == 1
    ours = OURS + (COMPILED if engine == "numba" else "")
    (tmp_path / "test_mlp.py").write_text(source.replace(IMPORT, ours), "utf-8")
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
    assert len(cases) >= 59
    assert not erred, run.stdout
    assert not skipped, run.stdout
    assert failed == EXCEPTIONS, run.stdout
