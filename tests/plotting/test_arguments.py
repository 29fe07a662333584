"""Arguments of the displays that are no such thing: errors that name them."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.base import is_classifier
from sklearn.datasets import make_circles
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, make_scorer
from sklearn.model_selection import GridSearchCV

from sknn_scratch.gradient_check import GradientCheck
from sknn_scratch.plotting import (
    DecisionBoundaryGridDisplay,
    GradientCheckDisplay,
    SearchDisplay,
    TrainingCurveDisplay,
    WeightsDisplay,
)

X, y = make_circles(20, random_state=0)
LINEAR = LogisticRegression().fit(X, y)
CHECK = GradientCheck(np.zeros(2), np.zeros(2), np.array(["W1", "W1"]), np.zeros(2), 1e-6)


@pytest.fixture(scope="module")
def search():
    return GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, y)


def own_score(estimator, X, y):
    return estimator.score(X, y)


def plots(search):
    """Return a function that plots with some arguments, for each display."""
    history = {"loss": [1.0, 0.5], "accuracy": [0.5, 1.0]}
    return {
        "search": lambda **given: SearchDisplay.from_search(search, **given),
        "curve": TrainingCurveDisplay({"": history}).plot,
        "boundary": DecisionBoundaryGridDisplay([LINEAR], X, y, titles=["a"]).plot,
        "weights": WeightsDisplay(np.ones((4, 3)), (2, 2)).plot,
        "gradient": GradientCheckDisplay(CHECK).plot,
    }


@pytest.mark.parametrize("name", ["search", "curve", "boundary", "weights", "gradient"])
@pytest.mark.parametrize("ax", [3, "ax", plt, [3, 4, 5]], ids=repr)
def test_axes_that_are_none(name, ax, search):
    kind = (
        "list" if isinstance(ax, list) and name in ("search", "gradient") else r"(int|str|module)"
    )
    message = rf"ax must be an Axes of matplotlib, got {kind}.*plt.subplots\(\)"
    with pytest.raises(TypeError, match=message):
        plots(search)[name](ax=ax)


def test_axes_beyond_those_needed_may_be_none():
    axes = np.append(plt.subplots(1, 2)[1], None)
    display = TrainingCurveDisplay({"": {"loss": [1.0], "accuracy": [0.5]}}).plot(ax=axes)
    assert display.figure_ is axes[0].figure


WRONG = [
    *(("search", name, 3) for name in ("x", "y", "lines", "metric", "name", "score_name")),
    *(("search", name, 3) for name in ("values_format", "line_kw", "im_kw", "text_kw")),
    ("search", "x", ["C"]),
    *(("curve", name, 3) for name in ("validation_label", "loss_scale", "line_kw")),
    ("curve", "with_penalty", "yes"),
    *(("boundary", name, "many") for name in ("n_columns", "grid_resolution", "eps")),
    ("boundary", "grid_resolution", 2.5),
    *(("boundary", "eps", value) for value in (-1, np.nan)),
    *(("weights", name, 2.5) for name in ("units", "n_columns")),
    *(("weights", "limit", value) for value in ("large", 0, -1.0, np.nan)),
]


@pytest.mark.parametrize(("name", "argument", "value"), WRONG)
def test_what_no_argument_can_be(name, argument, value, search):
    message = rf"The '{argument}' parameter of \w+Display\.\w+ must be"
    with pytest.raises(ValueError, match=message):
        plots(search)[name](**{argument: value})


def test_lines_in_other_forms():
    grid = {"C": [0.1, 1.0], "tol": [0.01, 0.1], "max_iter": [50, 90]}
    search = GridSearchCV(LogisticRegression(), grid, cv=2).fit(X, y)
    lines = ["tol", "max_iter"]
    expected = SearchDisplay.from_search(search, x="C", lines=lines)
    for form in (np.array, set, dict.fromkeys, lambda names: dict.fromkeys(names).keys(), iter):
        display = SearchDisplay.from_search(search, x="C", lines=form(lines))
        assert len(display.lines_) == len(expected.lines_) == 4
    for none in (None, np.array([]), set()):
        assert len(SearchDisplay.from_search(search, x="C", lines=none).lines_) == 1


def test_a_search_without_a_name(search):
    legends = [SearchDisplay.from_search(search, name=name).ax_.get_legend() for name in ("", None)]
    assert legends == [None, None]


def test_names_and_formats_that_are_none(search):
    with pytest.raises(ValueError, match=r"lines must be a parameter .*\['C'\]; got \['C'\]"):
        SearchDisplay.from_search(search, lines=[["C"]])
    with pytest.raises(ValueError, match=r"values_format must be .* such as '.3f', got 'q'"):
        SearchDisplay.from_search(search, values_format="q")


def test_units_that_are_no_indices():
    display = WeightsDisplay(np.ones((4, 3)), (2, 2))
    with pytest.raises(ValueError, match=r"units must hold indices from 0 to 2 .* got \['a'\]"):
        display.plot(units=["a"])
    with pytest.raises(ValueError, match=r"image_shape must be \(rows, columns\), or .* got 4\."):
        WeightsDisplay(np.ones((4, 3)), 4).plot()


def test_what_is_no_list_of_estimators_or_results():
    with pytest.raises(TypeError, match=r"estimators must be a list or dict .* got int"):
        DecisionBoundaryGridDisplay.from_estimators(3, X, y)
    with pytest.raises(TypeError, match=r"cv_results must be a fitted search .* got int"):
        DecisionBoundaryGridDisplay.from_cv_results(3, LINEAR, X, y)
    with pytest.raises(TypeError, match=r"cv_results must be a fitted search .* got GridSearchCV"):
        DecisionBoundaryGridDisplay.from_cv_results(GridSearchCV(LINEAR, {}), LINEAR, X, y)
    with pytest.raises(TypeError, match=r"histories must be a dict of histories by name, got list"):
        TrainingCurveDisplay([{"loss": [1.0]}]).plot()
    with pytest.raises(TypeError, match="test_scores must be a dict of test scores by name, got"):
        TrainingCurveDisplay({"": {"loss": [1.0], "r2": [0.5]}}, test_scores=0.5).plot()


@pytest.mark.parametrize(
    ("scoring", "estimator", "names", "label"),
    [
        (None, LogisticRegression(), ["accuracy", "score"], "accuracy"),
        (None, Ridge(), ["r2", "score"], "R²"),
        ("f1", LogisticRegression(), ["f1", "score"], "f1"),
        (make_scorer(f1_score), LogisticRegression(), ["f1_score", "score"], "f1 score"),
        (own_score, LogisticRegression(), ["own_score", "score"], "own score"),
    ],
)
def test_names_of_the_only_metric(scoring, estimator, names, label):
    target = y if is_classifier(estimator) else y.astype(float)
    search = GridSearchCV(estimator, {"tol": [0.1, 0.2]}, cv=2, scoring=scoring).fit(X, target)
    for metric in [None, *names]:
        assert SearchDisplay.from_search(search, metric=metric).ax_.get_ylabel() == label
    message = rf"metric='roc_auc' is not the metric .*{' or '.join(map(repr, names))}.*Leave out"
    with pytest.raises(ValueError, match=message):
        SearchDisplay.from_search(search, metric="roc_auc")
