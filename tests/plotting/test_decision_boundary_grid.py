"""The page of decision boundaries: which models, which titles, which colours."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from sklearn.base import clone
from sklearn.datasets import load_iris, make_circles
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.plotting import DecisionBoundaryGridDisplay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = make_circles(40, noise=0.1, factor=0.4, random_state=0)
NAMES = np.array(["in", "out"])[1 - y]
GRID = {
    "mlpscratchclassifier__hidden_layer_sizes": [2, 20],
    "mlpscratchclassifier__l2": [0.0, 1e-05],
    "mlpscratchclassifier__solver": ["lbfgs"],
}


@pytest.fixture(scope="module")
def model():
    network = MLPScratchClassifier(max_iter=30, random_state=0)
    return make_pipeline(StandardScaler(), network)


@pytest.fixture(scope="module")
def search(model):
    return GridSearchCV(model, GRID, cv=2, refit=False, return_train_score=True).fit(X, NAMES)


def titles(display):
    return [ax.get_title() for ax in display.axes_]


def constant(label, labels=y):
    return DummyClassifier(strategy="constant", constant=label).fit(X[: len(labels)], labels)


def test_candidates_of_a_search(model, search):
    display = DecisionBoundaryGridDisplay.from_cv_results(
        search, model, X, NAMES, grid_resolution=20
    )
    results = search.cv_results_
    assert len(display.boundaries_) == len(display.axes_) == 4
    for boundary, params in zip(display.boundaries_, results["params"], strict=True):
        points = np.c_[boundary.xx0.ravel(), boundary.xx1.ravel()]
        assert boundary.xx0.shape == (20, 20)
        whole = clone(model).set_params(**params).fit(X, NAMES)
        np.testing.assert_array_equal(boundary.response.reshape(-1, 2), whole.predict_proba(points))
    names = [f"hidden_layer_sizes={n}, l2={l2}" for n in (2, 20) for l2 in ("0", "1e-05")]
    names = [name.replace(", l2", "\nl2") for name in names]
    scores = [f"mean test score {score:.3f}" for score in results["mean_test_score"]]
    assert titles(display) == [f"{n}\n{s}" for n, s in zip(names, scores, strict=True)]
    assert not hasattr(model, "classes_")  # a clone is fitted


def test_results_in_a_frame(model, search):
    frame = pd.DataFrame(search.cv_results_)
    for results in (frame, frame[::-1]):
        display = DecisionBoundaryGridDisplay.from_cv_results(
            results, model, X, NAMES, grid_resolution=5
        )
        expected = [f"{score:.3f}" for score in results["mean_test_score"]]
        assert [title.splitlines()[-1][-5:] for title in titles(display)] == expected


NO_RESULTS = {
    "from a file": (lambda frame: frame.astype({"params": str}), TypeError, "a dict for each cand"),
    "empty": (lambda frame: frame[:0], ValueError, "cv_results has no candidates"),
    "without": (
        lambda frame: frame.drop(columns="params"),
        ValueError,
        "no candidates: .*'params'",
    ),
    "a list": (lambda frame: [], TypeError, "a pandas.DataFrame of these; got list"),
}


@pytest.mark.parametrize("case", NO_RESULTS)
def test_results_without_candidates(case, model, search):
    change, error, message = NO_RESULTS[case]
    results = change(pd.DataFrame(search.cv_results_))
    with pytest.raises(error, match=message):
        DecisionBoundaryGridDisplay.from_cv_results(results, model, X, NAMES)


def test_score_in_the_titles(model, search):
    def last_lines(score):
        display = DecisionBoundaryGridDisplay.from_cv_results(
            search.cv_results_, model, X, NAMES, score=score, grid_resolution=5
        )
        return [title.splitlines()[-1] for title in titles(display)], display

    lines, _ = last_lines("mean_train_score")
    means = search.cv_results_["mean_train_score"]
    assert lines == [f"mean train score {mean:.3f}" for mean in means]
    lines, display = last_lines("training")
    fitted = [estimator.score(X, NAMES) for estimator in display.estimators]
    assert lines == [f"training score {score:.3f}" for score in fitted]
    with pytest.raises(ValueError, match=r"score must be one of .*mean_test_score.* got 'test'"):
        last_lines("test")


def test_titles_of_fitted_estimators():
    lines = [LogisticRegression(C=C).fit(X, y) for C in (0.5, 2.0)]
    options = {"grid_resolution": 5}
    display = DecisionBoundaryGridDisplay.from_estimators(lines, X, y, **options)
    scores = [f"score {line.score(X, y):.3f}" for line in lines]
    assert titles(display) == [f"C=0.5\n{scores[0]}", f"C=2\n{scores[1]}"]
    display = DecisionBoundaryGridDisplay.from_estimators(
        {"weak": lines[0], "strong": lines[1]}, X, y, scores=[0.25, 1], **options
    )
    assert titles(display) == ["weak\nscore 0.250", "strong\nscore 1.000"]
    models = [make_pipeline(StandardScaler(with_mean=m), lines[0]).fit(X, y) for m in (True, False)]
    display = DecisionBoundaryGridDisplay.from_estimators(models, X, y, scores=[0, 0], **options)
    assert [title.splitlines()[0] for title in titles(display)] == [
        "with_mean=True",
        "with_mean=False",
    ]
    display = DecisionBoundaryGridDisplay.from_estimators(lines[:1], X, y, **options)
    assert titles(display) == scores[:1]  # nothing varies


def test_titles_of_given_params():
    params = [{"a__l1": 0.1, "b__l1": 1, "kind": "same"}, {"a__l1": 0.2, "kind": "same"}]
    display = DecisionBoundaryGridDisplay.from_estimators(
        [constant(0), constant(1)], X, y, params=params, scores=[0, 0], grid_resolution=5
    )
    # Shortened, both would be l1
    assert titles(display) == ["a__l1=0.1, b__l1=1\nscore 0.000", "a__l1=0.2\nscore 0.000"]


def test_titles_break_alike():
    params = [{"units": u, "a" * 18: a} for u in (5, 100_000) for a in (1, 2)]
    display = DecisionBoundaryGridDisplay.from_estimators(
        [constant(0)] * 4, X, y, params=params, scores=[0] * 4, grid_resolution=5
    )
    # The shorter one would fit into a line
    assert {title.count("\n") for title in titles(display)} == {2}


@pytest.mark.parametrize("n_classes", [2, 3])
def test_colours_and_markers_belong_to_classes(n_classes):
    labels = np.arange(40) % n_classes
    estimators = [constant(k, labels) for k in range(n_classes)]
    display = DecisionBoundaryGridDisplay.from_estimators(estimators, X, labels, grid_resolution=5)
    for k, (ax, boundary) in enumerate(zip(display.axes_, display.boundaries_, strict=True)):
        samples = [line for line in ax.get_lines() if line.get_label()[0] != "_"]
        assert len({line.get_marker() for line in samples}) == n_classes
        for label, line in enumerate(samples):
            np.testing.assert_array_equal(line.get_xydata(), X[labels == label])
        # A region is paler than the samples of its class, though no other class is predicted
        pale = boundary.surface_.get_array()[0, 0]
        full = np.array(to_rgb(samples[k].get_color()))
        np.testing.assert_allclose(pale, 1 - 0.5 * (1 - full), atol=1e-12)
        assert not boundary.contours_


def test_more_classes_than_colours_have_a_colour_each():
    labels = np.arange(40) % 12
    display = DecisionBoundaryGridDisplay([constant(0, labels)], X, labels, titles=["a"])
    lines = display.plot(grid_resolution=2).axes_[0].get_lines()
    assert len({tuple(line.get_color()) for line in lines}) == 12


def test_how_far_panels_reach():
    display = DecisionBoundaryGridDisplay([constant(0)], X, y, titles=["a"])
    ends = display.plot(grid_resolution=2, eps=0.5).boundaries_[0].xx0[0]
    np.testing.assert_allclose(ends, [X[:, 0].min() - 0.5, X[:, 0].max() + 0.5])


def test_a_frame_of_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(X, schema=["width", "height"])
    estimator = LogisticRegression().fit(frame, y)  # warns if it is asked without the names
    display = DecisionBoundaryGridDisplay([estimator], frame, y, titles=["a"])
    assert display.plot(grid_resolution=3).figure_.get_supxlabel() == "width"


def contour_points(boundary):
    return np.concatenate([p.vertices for c in boundary.contours_ for p in c.get_paths()])


def test_boundary_is_where_the_probabilities_meet():
    line = LogisticRegression().fit(X, X[:, 0] > 0)
    display = DecisionBoundaryGridDisplay.from_estimators(
        [line], X, X[:, 0] > 0, grid_resolution=20
    )
    points = contour_points(display.boundaries_[0])
    assert len(points) >= 20
    distance = (points @ line.coef_[0] + line.intercept_) / np.linalg.norm(line.coef_[0])
    # Stairs of predicted classes lie up to half a cell, 0.06, off the line w x + b = 0
    assert np.abs(distance).max() < 0.002


def test_boundaries_of_three_classes_and_how_sure_they_are():
    frame, labels = load_iris(return_X_y=True)
    frame = frame[:, 2:]
    line = LogisticRegression().fit(frame, labels)
    display = DecisionBoundaryGridDisplay.from_estimators([line], frame, labels, grid_resolution=50)
    (boundary,) = display.boundaries_
    ranked = np.sort(line.predict_proba(contour_points(boundary)))
    assert (ranked[:, -1] - ranked[:, -2]).max() < 0.05  # between points of the mesh
    colors = np.array([to_rgb(line.get_color()) for line in display.axes_[0].get_lines()])
    own = colors[boundary.response.argmax(axis=-1)]
    darkness = (1 - boundary.surface_.get_array()).sum(-1) / (1 - own).sum(-1)
    ranked = np.sort(boundary.response)
    np.testing.assert_allclose(darkness, 0.1 + 0.4 * (ranked[..., -1] - ranked[..., -2]))


def test_without_probabilities_a_region_has_one_shade():
    line = RidgeClassifier().fit(X, NAMES)
    display = DecisionBoundaryGridDisplay.from_estimators([line], X, NAMES, grid_resolution=9)
    (boundary,) = display.boundaries_
    assert set(boundary.response.ravel()) == {0, 1}
    assert len(np.unique(boundary.surface_.get_array().reshape(-1, 3), axis=0)) == 2
    assert len(boundary.contours_) == 1
    assert display.figure_.legends[0].get_title().get_text() == "class"


def test_one_class_is_one_region():
    labels = np.zeros(40)
    display = DecisionBoundaryGridDisplay.from_estimators(
        [constant(0, labels)], X, labels, grid_resolution=3
    )
    (boundary,) = display.boundaries_
    assert len(np.unique(boundary.surface_.get_array().reshape(-1, 3), axis=0)) == 1
    assert not boundary.contours_


@pytest.mark.parametrize(("n", "columns"), [(1, 1), (2, 2), (5, 5), (7, 4), (12, 4), (32, 8)])
def test_default_grid_is_well_filled(n, columns):
    display = DecisionBoundaryGridDisplay.from_estimators(
        [constant(0)] * n, X, y, scores=[0] * n, grid_resolution=2
    )
    shape = display.axes_[0].get_gridspec().get_geometry()
    assert shape == (-(-n // columns), columns)
    assert len(display.figure_.axes) == len(display.axes_) == n
    assert (display.figure_.get_size_inches() >= np.multiply(shape[::-1], 1.9)).all()


def test_a_page_of_one_panel_is_wide_enough_for_the_legend_and_no_wider():
    labels = np.array(["Adelie", "Chinstrap", "Gentoo"])[np.arange(40) % 3]
    display = DecisionBoundaryGridDisplay.from_estimators(
        [constant("Gentoo", labels)], X, labels, n_columns=8, grid_resolution=2
    )
    assert display.figure_.get_figwidth() < 5
    display.figure_.canvas.draw()
    legend = display.figure_.legends[0].get_window_extent()
    page = display.figure_.bbox
    assert page.x0 < legend.x0 < legend.x1 < page.x1
    assert display.axes_[0].get_window_extent().y1 < legend.y0


def test_only_outer_panels_have_tick_labels():
    display = DecisionBoundaryGridDisplay.from_estimators(
        [constant(0)] * 5, X, y, scores=[0] * 5, n_columns=3, grid_resolution=2
    )
    shown = [bool(ax.get_xticklabels()) for ax in display.axes_]
    assert shown == [False, False, True, True, True]  # nothing stands below the third
    shown = [bool(ax.get_yticklabels()) for ax in display.axes_]
    assert shown == [True, False, False, True, False]
    low, high = display.axes_[0].get_xlim()
    assert all(
        np.sum((low < t) & (t < high)) <= 4 for t in (ax.get_xticks() for ax in display.axes_)
    )


def test_names_of_features_and_classes():
    frame, target = load_iris(return_X_y=True, as_frame=True)
    frame = frame.iloc[:, 2:]
    names = np.array(["setosa", "versicolor", "virginica"])[target]
    line = LogisticRegression().fit(frame, names)
    display = DecisionBoundaryGridDisplay.from_estimators([line, line], frame, pd.Series(names))
    figure = display.figure_
    assert figure.get_supxlabel() == "petal length (cm)"
    assert figure.get_supylabel() == "petal width (cm)"
    assert {ax.get_xlabel() for ax in display.axes_} == {""}
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["setosa", "versicolor", "virginica"]


def test_axes_of_ones_own():
    figure, axes = plt.subplots(1, 3)
    display = DecisionBoundaryGridDisplay([constant(0)] * 2, X, y, titles=["a", "b"])
    assert display.plot(ax=axes, grid_resolution=5) is display
    assert display.figure_ is figure
    assert titles(display) == ["a", "b"]
    assert not figure.legends
    assert axes[0].get_legend() is not None
    with pytest.raises(ValueError, match="ax must hold at least 2 axes, got 1"):
        display.plot(ax=axes[0])


@pytest.mark.parametrize(
    ("estimators", "data", "options", "message"),
    [
        ([], (X, y), {}, "no estimator"),
        ([constant(0)], (np.c_[X, X], y), {}, r"X must have shape \(n_samples, 2\), got \(40, 4\)"),
        ([constant(0)], (X, np.c_[y, y]), {}, r"y must hold the class of each .* got \(40, 2\)"),
        ([constant([0, 1], np.c_[y, y])], (X, y), {"scores": [0]}, "shows one output, but a Dummy"),
        (
            [constant(0)],
            (X, y),
            {"grid_resolution": 1},
            r"'grid_resolution' parameter .* \[2, inf\). Got 1",
        ),
        ([constant(0)], (X, y[:-1]), {}, "inconsistent numbers of samples"),
        ([LinearRegression().fit(X, y)], (X, y), {}, "shows classifiers, got a LinearRegression"),
        ([constant(0), constant("in", NAMES)], (X, y), {"scores": [0, 0]}, "the same classes"),
        ([constant(0)], (X, y + 1), {"scores": [0]}, r"not fitted to: \[2\]"),
        ([constant(0)], (X, y), {"scores": [0, 0]}, "scores must have an entry for each of the 1"),
        ([constant(0)], (X, y), {"params": []}, "params must have an entry for each of the 1"),
        ({"a": constant(0)}, (X, y), {"params": [{}]}, "params is for a list"),
        ([constant(0)], (X, y), {"n_columns": 0}, r"'n_columns' parameter .* \[1, inf\).* Got 0"),
    ],
)
def test_what_cannot_be_plotted(estimators, data, options, message):
    with pytest.raises(ValueError, match=message):
        DecisionBoundaryGridDisplay.from_estimators(estimators, *data, **options)


def test_estimators_must_be_fitted():
    display = DecisionBoundaryGridDisplay([MLPScratchClassifier()], X, y, titles=[""])
    with pytest.raises(NotFittedError):
        display.plot()
