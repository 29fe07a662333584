"""scikit-learn's own tests of its searches, run against our classes in place of its own."""

import os
import re
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

# The last import of a file of tests, and our classes in place of those that it has imported
SUITES = {
    "test_search": (
        "from sklearn.utils.fixes import CSR_CONTAINERS\n",
        ["GridSearchCV", "RandomizedSearchCV"],
    ),
    "test_successive_halving": (
        "from sklearn.svm import SVC, LinearSVC\n",
        ["HalvingGridSearchCV", "HalvingRandomSearchCV"],
    ),
}
# Fixtures of scikit-learn's conftest, which its wheel does not use outside its own tree; and a
# count, at the end, of the searches that were fitted
CONFTEST = """
from collections import Counter

import pytest
from sklearn.model_selection._search import BaseSearchCV
from sknn_scratch.model_selection.search import NetworkSearch

fits = Counter()


def counted(fit):
    def count(self, *args, **kwargs):
        fits[type(self).__name__] += 1
        return fit(self, *args, **kwargs)

    return count


for owner in (BaseSearchCV, NetworkSearch):
    owner.fit = counted(owner.fit)


@pytest.fixture
def global_random_seed():
    return 42


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line("fits: " + " ".join(f"{k}={n}" for k, n in fits.items()))
"""
# One test, once for each array library that could be there; scikit-learn's array API is off unless
# SCIPY_ARRAY_API is set, and takes no part in what the searches here do.
SKIPPED = {"test_search": {"test_array_api_search_cv_classifier": 30}}
REASON = r"SCIPY_ARRAY_API is not set: .*|\w+ is not installed: not checking array_api input"
N_PASSED = {"test_search": 141, "test_successive_halving": 91}
# How many fits there are at least, of each of our classes
N_FITS = {
    "test_search": {"MLPGridSearchCV": 100, "MLPRandomizedSearchCV": 20},
    "test_successive_halving": {"MLPHalvingGridSearchCV": 40, "MLPHalvingRandomSearchCV": 40},
}
# Searches of scikit-learn's that are defined in its tests, or stand in the lists of this file
THEIRS = {"HalvingGridSearchCV", "HalvingRandomSearchCV", "CustomSearchCV", "BadSearchCV"}


@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES)
def test_scikit_learns_own_search_tests_pass(suite, tmp_path):
    run, cases = run_suite(suite, tmp_path)
    bad = [
        case.get("name")
        for case in cases
        for tag in ("failure", "error")
        if case.find(tag) is not None
    ]
    assert not bad, run.stdout
    skipped = [case for case in cases if case.find("skipped") is not None]
    counts = Counter(case.get("name").partition("[")[0] for case in skipped)
    assert counts == SKIPPED.get(suite, {}), run.stdout
    for case in skipped:
        message = case.find("skipped").get("message")
        assert re.fullmatch(REASON, message), message
    assert len(cases) - len(skipped) >= N_PASSED[suite]

    fits = dict(re.findall(r"(\w+)=(\d+)", re.search(r"^fits: (.*)$", run.stdout, re.M).group(1)))
    for name, least in N_FITS[suite].items():
        assert int(fits.pop(name)) > least
    assert set(fits) <= (THEIRS if suite == "test_search" else set()), fits


def run_suite(suite, folder):
    """Run a file of scikit-learn's tests on our classes; return the run and its test cases."""
    source = Path(find_spec(f"sklearn.model_selection.tests.{suite}").origin).read_text("utf-8")
    last_import, names = SUITES[suite]
    assert source.count(last_import) == 1
    imports = [f"from sknn_scratch.model_selection import MLP{name} as {name}\n" for name in names]
    source = source.replace(last_import, last_import + "".join(imports))
    (folder / f"{suite}.py").write_text(source, "utf-8")
    (folder / "conftest.py").write_text(CONFTEST, "utf-8")
    report = folder / "report.xml"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", f"--junitxml={report}", "."],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"},
        capture_output=True,
        text=True,
        check=False,
    )
    return run, ElementTree.parse(report).getroot().findall(".//testcase")
