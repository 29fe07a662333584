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

LAST_IMPORT = "from sklearn.utils.fixes import CSR_CONTAINERS\n"
OURS = (
    "from sknn_scratch.model_selection import MLPGridSearchCV as GridSearchCV\n"
    "from sknn_scratch.model_selection import MLPRandomizedSearchCV as RandomizedSearchCV\n"
)
# Fixtures of scikit-learn's conftest, which its wheel does not use outside its own tree; and a
# count, at the end, of the searches that were fitted
CONFTEST = """
from collections import Counter

import pytest
from sklearn.model_selection._search import BaseSearchCV
from sknn_scratch.model_selection.search import _Search

fits = Counter()


def counted(fit):
    def count(self, *args, **kwargs):
        fits[type(self).__name__] += 1
        return fit(self, *args, **kwargs)

    return count


for owner in (BaseSearchCV, _Search):
    owner.fit = counted(owner.fit)


@pytest.fixture
def global_random_seed():
    return 42


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line("fits: " + " ".join(f"{k}={n}" for k, n in fits.items()))
"""
# One test, once for each array library that could be there; scikit-learn's array API is off unless
# SCIPY_ARRAY_API is set, and takes no part in what the searches here do.
SKIPPED = {"test_array_api_search_cv_classifier": 30}
REASON = r"SCIPY_ARRAY_API is not set: .*|\w+ is not installed: not checking array_api input"
# Searches of scikit-learn's that have no counterpart here, or that are defined in its tests
THEIRS = {"HalvingGridSearchCV", "HalvingRandomSearchCV", "CustomSearchCV", "BadSearchCV"}


@pytest.mark.slow
def test_scikit_learns_own_search_tests_pass(tmp_path):
    source = Path(find_spec("sklearn.model_selection.tests.test_search").origin).read_text("utf-8")
    assert source.count(LAST_IMPORT) == 1
    source = source.replace(LAST_IMPORT, LAST_IMPORT + OURS)
    (tmp_path / "test_search.py").write_text(source, "utf-8")
    (tmp_path / "conftest.py").write_text(CONFTEST, "utf-8")
    report = tmp_path / "report.xml"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", f"--junitxml={report}", "."],
        cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"},
        capture_output=True,
        text=True,
        check=False,
    )
    cases = ElementTree.parse(report).getroot().findall(".//testcase")
    bad = [
        case.get("name")
        for case in cases
        for tag in ("failure", "error")
        if case.find(tag) is not None
    ]
    assert not bad, run.stdout
    skipped = [case for case in cases if case.find("skipped") is not None]
    assert Counter(case.get("name").partition("[")[0] for case in skipped) == SKIPPED, run.stdout
    for case in skipped:
        message = case.find("skipped").get("message")
        assert re.fullmatch(REASON, message), message
    assert len(cases) - len(skipped) >= 141

    fits = dict(re.findall(r"(\w+)=(\d+)", re.search(r"^fits: (.*)$", run.stdout, re.M).group(1)))
    assert int(fits.pop("MLPGridSearchCV")) > 100
    assert int(fits.pop("MLPRandomizedSearchCV")) > 20
    assert set(fits) <= THEIRS, fits
