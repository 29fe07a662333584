"""Files of scikit-learn's own tests, run on our classes in place of its own."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
# A fixture of scikit-learn's conftest, which its wheel does not use outside its own tree
CONFTEST = """
import pytest

@pytest.fixture
def global_random_seed():
    return 42
"""


class Outcome(NamedTuple):
    """The test cases of a report, and what pytest printed."""

    cases: list
    output: str

    def having(self, tag):
        """Return the cases with a 'failure', an 'error', or that were 'skipped'."""
        return [case for case in self.cases if case.find(tag) is not None]

    def names(self, tag):
        """Return the names of these cases."""
        return {case.get("name") for case in self.having(tag)}


def run_theirs(module, replacements, folder, conftest=CONFTEST):
    """Run a file of tests in this folder, changed by (text, number of times, text in its place)."""
    path = Path(find_spec(module).origin)
    source = path.read_text("utf-8")
    for theirs, times, ours in replacements:
        assert source.count(theirs) == times
        source = source.replace(theirs, ours)
    (folder / path.name).write_text(source, "utf-8")
    (folder / "conftest.py").write_text(conftest, "utf-8")
    report = folder / "report.xml"
    env = {k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"}
    # This package and not one that is installed, whose kernels would be compiled once more
    env |= {"PYTHONPATH": str(ROOT)}
    # No plugins: hypothesis alone is imported, and has its assertions rewritten, for 2 seconds
    env |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", f"--junitxml={report}", "."],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    return Outcome(ElementTree.parse(report).getroot().findall(".//testcase"), run.stdout)
