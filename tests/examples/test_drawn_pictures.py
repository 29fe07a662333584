"""The scripts that draw the pictures of README and the home page."""

import runpy
from pathlib import Path

import pytest
from matplotlib.image import imread

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(ROOT / "docs" / "draw_spirals.py"))


def test_the_spirals_are_drawn(script, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "_static").mkdir()
    script["main"](tmp_path, epochs=(1, 2, 3))
    for name in script["SHAPES"]:
        drawn, shown = (imread(folder / "images" / name) for folder in (tmp_path, ROOT / "docs"))
        assert drawn.shape == shown.shape
    logo = "_static/logo.svg"
    assert (tmp_path / logo).read_text("utf-8") == (ROOT / "docs" / logo).read_text("utf-8")


def test_what_the_picture_shows(script):
    """After the last number of epochs the arms are parted, and the curves are the same."""
    X, y = script["spirals"]()
    names = ("MLPScratchClassifier", "MLPClassifier")
    ours, theirs = (script["train"](script[name](), 30) for name in names)
    assert ours.score(X, y) > 0.95
    assert ours.loss_curve_ == pytest.approx(theirs.loss_curve_, rel=1e-9)
