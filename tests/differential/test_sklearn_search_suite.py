"""scikit-learn's own tests of its searches, run against our classes in place of its own."""

import re
from collections import Counter

import pytest

from ..sklearn_suites import CONFTEST, run_theirs

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
# Beside the fixture, a count, at the end, of the searches that were fitted
COUNTING = (
    CONFTEST
    + """
from collections import Counter

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


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line("fits: " + " ".join(f"{k}={n}" for k, n in fits.items()))
"""
)
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
    last_import, names = SUITES[suite]
    imports = [f"from sknn_scratch.model_selection import MLP{name} as {name}\n" for name in names]
    replacements = [(last_import, 1, last_import + "".join(imports))]
    module = f"sklearn.model_selection.tests.{suite}"
    outcome = run_theirs(module, replacements, tmp_path, COUNTING)
    assert not outcome.names("failure") | outcome.names("error"), outcome.output
    skipped = outcome.having("skipped")
    counts = Counter(case.get("name").partition("[")[0] for case in skipped)
    assert counts == SKIPPED.get(suite, {}), outcome.output
    for case in skipped:
        message = case.find("skipped").get("message")
        assert re.fullmatch(REASON, message), message
    assert len(outcome.cases) - len(skipped) >= N_PASSED[suite]

    line = re.search(r"^fits: (.*)$", outcome.output, re.M).group(1)
    fits = dict(re.findall(r"(\w+)=(\d+)", line))
    for name, least in N_FITS[suite].items():
        assert int(fits.pop(name)) > least
    assert set(fits) <= (THEIRS if suite == "test_search" else set()), fits
