"""What holds for all displays."""

import subprocess
import sys

import numpy as np
import pytest

from sknn_scratch import plotting
from sknn_scratch.gradient_check import GradientCheck
from sknn_scratch.plotting import (
    DecisionBoundaryGridDisplay,
    GradientCheckDisplay,
    SearchDisplay,
    TrainingCurveDisplay,
    WeightsDisplay,
)

X = np.zeros((2, 2))
DISPLAYS = [
    GradientCheckDisplay(GradientCheck),
    TrainingCurveDisplay({"": {"loss": [1.0], "accuracy": [0.5]}}),
    DecisionBoundaryGridDisplay([], X, [0, 1], titles=[]),
    SearchDisplay({}, x="l2"),
    WeightsDisplay(np.zeros((4, 1)), (2, 2)),
]


def test_every_display_is_among_them():
    assert {type(display).__name__ for display in DISPLAYS} == set(plotting.__all__)


@pytest.mark.parametrize("display", DISPLAYS, ids=lambda display: type(display).__name__)
def test_without_matplotlib_the_error_says_what_to_install(display, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    expected = r'matplotlib is needed for this: pip install "sknn-scratch\[plot\]"'
    with pytest.raises(ImportError, match=expected):
        display.plot()


@pytest.mark.slow
def test_displays_are_imported_without_matplotlib():
    code = "import sys; sys.modules['matplotlib'] = None; import sknn_scratch.plotting"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
