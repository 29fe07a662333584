"""Pictures of searches: which candidates, which scores, where they stand, what is said of them."""

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from scipy.stats import loguniform
from sklearn.base import BaseEstimator
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, max_error
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch.plotting import SearchDisplay
from sknn_scratch.plotting._parameter_axis import ParameterAxis
from sknn_scratch.plotting._search_map import text_color

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.FitFailedWarning", "ignore:One or more of the test scores"
)
X, y = np.arange(40.0)[:, None], np.arange(40) % 2
from_search = SearchDisplay.from_search


class Scored(BaseEstimator):
    """Its score is a function of its parameters, of the fold and of the number of samples."""

    def __init__(self, a=1, b=0, kind="one", epochs=0):
        self.a, self.b, self.kind, self.epochs = a, b, kind, epochs

    def fit(self, X, y=None):
        if isinstance(self.b, str):
            raise ValueError("of the test")
        self.fold_ = 0.01 * float(X.mean() > 19)
        return self

    def score(self, X, y=None):
        b = 0 if self.b is None else self.b
        peak = np.log10(self.a + 0.01) / 10
        return 0.9 - peak**2 - 0.1 * b + self.fold_ - 0.001 * self.epochs + 0.0005 * len(X)

    def predict(self, X):
        return np.full(len(X), float(self.a))


def grid(grid, estimator=None, **params):
    return GridSearchCV(estimator or Scored(), grid, cv=2, refit=False, **params).fit(X, y)


def halving(**params):
    given = {"factor": 3, "cv": 2, "random_state": 0, "resource": "epochs"} | params
    values = {"a": [0.001, 0.01, 0.1, 1, 10, 100], "kind": ["one", "two", "three"]}
    search = HalvingGridSearchCV(Scored(), values, **given)
    return search.fit(X, y)


@pytest.fixture(scope="module")
def halved():
    return halving(min_resources=2, max_resources=18)


@pytest.fixture(scope="module")
def two():
    return grid({"a": [0.001, 0.01, 0.1, 1, 10], "b": [0, 0.5, 0.2]})


def notes(display):
    """Return what is said above the axes, in one line."""
    return " ".join(display.ax_.get_title(loc="left").split())


def texts_of_legend(display):
    return [text.get_text() for text in display.ax_.get_legend().get_texts()]


def star(display):
    return [tuple(c.get_offsets()[0]) for c in display.ax_.collections if c.get_zorder() == 4]


class TestOneParameter:
    def test_scores_and_their_spread(self):
        search = grid({"a": [10, 0.01, 1, 0.1]})
        display = from_search(search)
        (line,), (band,), order = display.lines_, display.spreads_, [1, 3, 2, 0]
        mean, std = (search.cv_results_[f"{kind}_test_score"][order] for kind in ("mean", "std"))
        np.testing.assert_array_equal(line.get_xydata().T, [[0.01, 0.1, 1, 10], mean])
        np.testing.assert_allclose(band.get_datalim(plt.gca().transData).y1, (mean + std).max())
        assert display.ax_.get_xscale() == "log"
        labels = [text.get_text() for text in display.ax_.get_xticklabels()]
        assert labels == ["0.01", "0.1", "1", "10"]
        assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("a", "score")
        assert display.ax_.get_legend() is None
        assert star(display) == [(1, mean.max())]
        assert notes(display) == (
            f"Mean and standard deviation over 2 folds Star: best, {mean.max():.3f} with a=1"
        )

    def test_without_the_spread(self, two):
        display = from_search(two, x="a", std_display_style=None)
        assert display.spreads_ == []
        assert notes(display).startswith("Mean over 2 folds")

    def test_labels_that_would_be_the_same_are_not_shortened(self):
        kinds = [f"{'x' * 20}{number}{'y' * 20}" for number in range(2)]
        labels = from_search(grid({"kind": kinds})).ax_.get_xticklabels()
        assert [text.get_text() for text in labels] == kinds

    def test_axes_with_numbers_of_their_own_keep_their_ticks(self):
        ax = plt.subplots()[1]
        ax.plot([0, 20], [0.5, 1.0])
        before = ax.get_xticks()
        from_search(grid({"a": [1, 2, 4]}), ax=ax)
        np.testing.assert_array_equal(ax.get_xticks(), before)

    def test_a_candidate_of_two_grids_is_there_twice(self):
        display = from_search(grid([{"a": [1, 2]}, {"a": [2, 3]}]))
        assert display.results[""].candidates == [[0], [1], [2], [3]]

    def test_the_best_over_the_others(self, two):
        display = from_search(two, x="b")
        scores = two.cv_results_["mean_test_score"].reshape(5, 3)
        np.testing.assert_array_equal(
            display.lines_[0].get_xydata().T, [[0, 0.2, 0.5], scores.max(axis=0)[[0, 2, 1]]]
        )
        assert "folds, the best over a Star" in notes(display)
        assert display.ax_.get_xscale() == "linear"

    def test_a_line_for_each_value(self, two):
        display = from_search(two, x="a", lines="b", std_display_style="errorbar")
        scores = two.cv_results_["mean_test_score"].reshape(5, 3)
        assert texts_of_legend(display) == ["b=0", "b=0.5", "b=0.2"]
        for line, of_line in zip(display.lines_, scores.T, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), of_line)
        styles = [(c.get_color(), c.get_marker(), c.get_linestyle()) for c in display.lines_]
        assert all(len(set(of_kind)) == 3 for of_kind in zip(*styles, strict=True))
        assert "best over" not in notes(display)
        assert [len(spread.get_segments()) for spread in display.spreads_] == [5, 5, 5]

    def test_categories(self):
        search = grid({"kind": ["one", None, (4, 2)], "b": [0, 0.1]})
        display = from_search(search, x="kind", lines=["b"])
        ax = display.ax_
        assert [text.get_text() for text in ax.get_xticklabels()] == ["one", "None", "(4, 2)"]
        places = np.array([line.get_xdata() for line in display.lines_])
        np.testing.assert_allclose(places.mean(axis=0), [0, 1, 2])
        assert (places[0] < places[1]).all()  # beside each other
        assert {line.get_linestyle() for line in display.lines_} == {"None"}
        assert ax.get_xlim() == (-0.5, 2.5)

    def test_candidates_drawn_at_random_are_points(self):
        values = {"a": loguniform(1e-3, 10), "b": loguniform(1e-3, 1)}
        search = RandomizedSearchCV(Scored(), values, n_iter=20, cv=2, random_state=0).fit(X, y)
        display = from_search(search, x="b")
        (line,) = display.lines_
        assert line.get_linestyle() == "None"
        assert len(line.get_xdata()) == 20
        best = search.best_params_["b"], search.best_score_
        np.testing.assert_allclose(star(display), [best])
        assert "best over" not in notes(display)

    def test_candidates_without_a_score_are_gaps(self):
        values = [{"a": [1, 10], "b": [0, 0.1]}, {"a": [0.1], "b": ["failing"]}]
        display = from_search(grid(values), x="a")
        np.testing.assert_array_equal(np.isnan(display.lines_[0].get_ydata()), [True, False, False])
        crosses = [line for line in display.ax_.lines if line.get_marker() == "x"]
        np.testing.assert_array_equal([line.get_xydata() for line in crosses], [[[0.1, 0]]])
        assert "Cross: no score, because 1 of 5 candidates failed" in notes(display)

    def test_a_candidate_that_does_not_set_it_is_left_out(self):
        search = grid([{"a": [1, 10], "b": [0.5]}, {"b": [0, 0.2]}])
        (line,) = from_search(search, x="a").lines_
        np.testing.assert_array_equal(line.get_xdata(), [1, 10])
        (line,) = from_search(search, x="b").lines_
        np.testing.assert_array_equal(line.get_xdata(), [0, 0.2, 0.5])


class TestTwoParameters:
    def test_heat_map(self, two):
        display = from_search(two)
        scores = two.cv_results_["mean_test_score"].reshape(5, 3)[:, [0, 2, 1]].T
        np.testing.assert_array_equal(display.im_.get_array(), scores)
        assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("a", "b")
        for text in display.text_:
            column, row = text.get_position()
            assert text.get_text() == f"{scores[row, column]:.3f}"
        assert len(display.text_) == 15
        assert display.colorbar_.ax.get_ylabel() == "score"
        (frame,) = display.ax_.patches
        np.testing.assert_allclose(frame.get_center(), (3, 0))
        assert "Framed: best, 0.915 with a=1, b=0" in notes(display)

    def test_of_equals_the_frame_is_around_the_one_that_is_named(self):
        values = [("one", 0.5, [1]), ("two", 0, [1]), ("one", 0, [1, 2])]
        search = grid([{"kind": [kind], "b": [b], "a": a} for kind, b, a in values])
        display = from_search(search, x="a", y="kind")
        assert notes(display).endswith("with a=1, b=0, kind=two")
        (frame,) = display.ax_.patches
        np.testing.assert_allclose(frame.get_center(), (0, 1))

    def test_empty_and_failed_cells(self):
        values = [{"a": [1, 2], "b": [0, 0.1]}, {"a": [3], "b": [0]}, {"a": [4], "b": ["failing"]}]
        display = from_search(grid(values), x="a", y="b")
        shown = ~np.ma.getmaskarray(np.ma.masked_invalid(display.im_.get_array()))
        np.testing.assert_array_equal(shown, [[1, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]])
        hatched = [patch for patch in display.ax_.patches if patch.get_hatch()]
        assert [patch.get_center().tolist() for patch in hatched] == [[3, 2]]
        assert "Hatched: no score, because 1 of 6 candidates failed" in notes(display)

    def test_candidates_drawn_at_random_are_points_in_colour(self):
        values = {"a": loguniform(1e-3, 10), "b": loguniform(1e-3, 1)}
        search = RandomizedSearchCV(Scored(), values, n_iter=9, cv=2, random_state=0).fit(X, y)
        display = from_search(search)
        order = {"a": 0, "b": 1}
        x, y_ = order[display.ax_.get_xlabel()], order[display.ax_.get_ylabel()]
        params = np.array([[own["a"], own["b"]] for own in search.cv_results_["params"]])
        np.testing.assert_array_equal(display.im_.get_offsets(), params[:, [x, y_]])
        np.testing.assert_array_equal(
            display.im_.get_array(), search.cv_results_["mean_test_score"]
        )
        assert (display.ax_.get_xscale(), display.ax_.get_yscale()) == ("log", "log")

    @pytest.mark.parametrize("cmap", ["cividis", "cividis_r", "viridis", "RdBu"])
    def test_numbers_can_be_read_on_every_colour(self, cmap):
        image = plt.figure().add_subplot().imshow([[0, 1]], cmap=cmap)

        def luminance(color):
            parts = np.array(to_rgb(color))
            linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
            return linear @ [0.2126, 0.7152, 0.0722] + 0.05

        for value in np.linspace(0, 1, 50):
            pair = luminance(image.cmap(value)), luminance(text_color(image, value))
            assert max(pair) / min(pair) > 4.5  # what the WCAG ask of text


class TestRounds:
    def test_a_curve_ends_where_its_candidate_was_dropped(self, halved):
        display = from_search(halved)
        lengths = sorted(len(line.get_xdata()) for line in display.lines_)
        assert lengths == [1] * 12 + [2] * 4 + [3] * 2
        assert sorted({x for line in display.lines_ for x in line.get_xdata()}) == [2, 6, 18]
        thick = max(display.lines_, key=lambda line: line.get_linewidth())
        results = halved.cv_results_
        own = [
            row
            for row, params in enumerate(results["params"])
            if params["a"] == halved.best_params_["a"]
            and params["kind"] == halved.best_params_["kind"]
        ]
        np.testing.assert_array_equal(thick.get_ydata(), results["mean_test_score"][own])
        assert texts_of_legend(display) == [
            "dropped after round 1: 12",
            "dropped after round 2: 4",
            "in the last round: 2",
        ]
        labels = [text.get_text() for text in display.ax_.get_xticklabels()]
        assert labels == ["2\n(18)", "6\n(6)", "18\n(2)"]
        assert display.ax_.get_xlabel().startswith("epochs of each round")
        assert f"{halved.best_score_:.3f} with a={halved.best_params_['a']:g}" in notes(display)

    def test_rounds_that_spend_the_same_stand_apart(self):
        search = halving(resource="n_samples", min_resources=12, aggressive_elimination=True)
        assert len(set(search.n_resources_)) < len(search.n_resources_)
        display = from_search(search)
        assert (
            max(line.get_xdata().max() for line in display.lines_) == len(search.n_resources_) - 1
        )
        assert display.ax_.get_xlabel().startswith("n_samples of each round")

    def test_the_numbers_of_rounds(self, halved):
        ax = from_search(halved, x="iter").ax_
        assert [text.get_text() for text in ax.get_xticklabels()] == [
            "2\n(18)",
            "6\n(6)",
            "18\n(2)",
        ]
        np.testing.assert_array_equal(ax.get_xticks(), [0, 1, 2])

    def test_over_a_parameter_later_rounds_count(self, halved):
        (line,) = from_search(halved, x="a").lines_
        results = halved.cv_results_
        for a, shown in line.get_xydata():
            rows = [row for row, params in enumerate(results["params"]) if params["a"] == a]
            last = max(results["iter"][rows])
            scores = [results["mean_test_score"][r] for r in rows if results["iter"][r] == last]
            assert shown == max(scores)


class TestSeveralSearches:
    def test_a_dict_and_axes_of_another_display(self, two, halved):
        together = from_search({"grid": two, "halving": halved}, x="a")
        display = from_search(two, x="a", name="grid")
        display = from_search(halved, x="a", name="halving", ax=display.ax_)
        for own in (together, display):
            assert texts_of_legend(own) == ["grid", "halving"]
            assert "best of grid, 0.915 with a=1" in notes(own)
            assert "best of halving, " in notes(own)
        first, second = together.lines_
        assert first.get_color() != second.get_color()
        assert display.lines_[0].get_color() == second.get_color()
        np.testing.assert_array_equal(display.lines_[0].get_xydata(), second.get_xydata())
        labels = [text.get_text() for text in display.ax_.get_xticklabels()]
        assert sorted(labels, key=float) == ["0.001", "0.01", "0.1", "1", "10", "100"]

    def test_categories_added_later_stand_beside_those_there(self):
        display = from_search(grid({"kind": ["x", "y"]}), name="first")
        display = from_search([grid({"kind": ["z", "y"]})], ax=display.ax_)
        labels = [text.get_text() for text in display.ax_.get_xticklabels()]
        assert labels == ["x", "y", "z"]
        np.testing.assert_array_equal(display.lines_[0].get_xdata(), [1, 2])

    def test_rounds(self, halved):
        display = from_search([halved, halved])
        names = ["HalvingGridSearchCV 1", "HalvingGridSearchCV 2"]
        assert texts_of_legend(display) == names
        assert len(display.lines_) == 36
        display = from_search(halved, name="third", ax=display.ax_)
        assert texts_of_legend(display) == [*names, "third"]
        handles = display.ax_.get_legend().legend_handles
        assert len({handle.get_color() for handle in handles}) == 3

    def test_the_rounds_of_several_can_be_told_apart_in_grey(self, halved):
        """The curves have the dashes and markers that the legend shows."""
        display = from_search([halved, halved])
        looks = [
            {(line.get_linestyle(), line.get_marker()) for line in lines}
            for lines in (display.lines_[:18], display.lines_[18:])
        ]
        handles = display.ax_.get_legend().legend_handles
        assert looks == [{(handle.get_linestyle(), handle.get_marker())} for handle in handles]
        assert len({style for own in looks for style in own}) == 2

    def test_where_a_curve_ends_there_is_a_cross_alone(self, halved):
        display = from_search(halved)
        dropped = [line for line in display.lines_ if len(line.get_xdata()) < 3]
        assert {line.get_markevery() == slice(0, -1) for line in dropped} == {True}
        crosses = [line for line in display.ax_.get_lines() if line.get_marker() == "x"]
        ends = sorted(tuple(line.get_xydata()[-1]) for line in dropped)
        assert sorted(tuple(point) for line in crosses for point in line.get_xydata()) == ends


class TestMetrics:
    @pytest.mark.parametrize(
        ("scoring", "label"),
        [
            ("neg_mean_absolute_error", "mean absolute error"),
            (make_scorer(max_error, greater_is_better=False), "max error"),
        ],
    )
    def test_an_error_is_positive(self, scoring, label):
        search = grid({"a": [0.1, 1, 3], "b": [0, 0.2]}, scoring=scoring)
        display = from_search(search, x="a", y="b")
        assert display.colorbar_.ax.get_ylabel() == f"{label}\n(lower is better)"
        assert display.im_.get_cmap().name == "cividis_r"
        np.testing.assert_array_equal(
            display.im_.get_array().T.ravel(), -search.cv_results_["mean_test_score"]
        )
        best = search.cv_results_["params"][search.cv_results_["mean_test_score"].argmax()]
        assert f"with a={best['a']:g}, b=0" in notes(display)

    def test_one_of_several(self):
        scoring = {"off": "neg_mean_absolute_error", "fit": "r2"}
        search = grid({"a": [0.1, 1, 3]}, scoring=scoring)
        with pytest.raises(ValueError, match=r"choose one of metric=\['off', 'fit'\]"):
            from_search(search)
        display = from_search(search, metric="off", score_name="mistake")
        assert display.ax_.get_ylabel() == "mistake\n(lower is better)"
        assert (display.lines_[0].get_ydata() > 0).all()
        search.refit = "fit"
        assert from_search(search).ax_.get_ylabel() == "fit"
        with pytest.raises(
            ValueError, match=r"one of those of the search, \['off', 'fit'\]; got 'x'"
        ):
            from_search(search, metric="x")

    def test_the_score_of_the_estimator_has_a_name(self):
        search = grid({"C": [0.1, 1]}, LogisticRegression())
        assert from_search(search).ax_.get_ylabel() == "accuracy"


def test_steps_of_a_pipeline_may_be_left_out():
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    search = grid({"logisticregression__C": [0.1, 1, 10]}, pipeline)
    for x in (None, "C", "logisticregression__C"):
        assert from_search(search, x=x).ax_.get_xlabel() == "C"


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0.01, 0.1, 1], "log"),
        ([16, 2, 8, 4, 32], "log"),
        ([0, 1e-4, 1e-3, 1e-2], "symlog"),
        ([0, 0.9, 0.95, 0.99], "linear"),
        ([10, 50, 100], "linear"),
        ([1, 5, 9], "linear"),
        ([-1, 0.1, 100], "linear"),
        (np.random.RandomState(0).uniform(0, 1, 30), "linear"),
        (10 ** np.random.RandomState(0).uniform(-3, 0, 30), "log"),
    ],
)
def test_scale_of_an_axis(values, scale):
    assert ParameterAxis("a", values).scale == scale


@pytest.mark.parametrize("mixed", [[True, False], [None, 1, 2], ["1", "2"], [1, np.inf], [(1,), 2]])
def test_what_is_not_a_number_is_a_category(mixed):
    axis = ParameterAxis("a", mixed * 2)
    assert not axis.is_numeric
    np.testing.assert_array_equal(axis.positions(mixed), range(len(mixed)))


def test_nothing_is_cut_off_or_overlaps():
    kind = [f"a long name that nobody would give to a value, number {k}" for k in range(5)]
    search = grid({"kind": kind, "a": np.geomspace(0.001, 10, 10).round(6)})
    options = ({"x": "a", "y": "kind"}, 0), ({"x": "kind"}, 1), ({"x": "a", "lines": "kind"}, 5)
    for given, n_lines in options:
        display = from_search(search, **given)
        assert len(display.lines_) == n_lines
        figure = display.figure_
        figure.draw_without_rendering()
        box, ax = figure.get_tightbbox(), display.ax_
        width, height = figure.get_size_inches()
        assert (box.x0 >= 0) & (box.y0 >= 0) & (box.x1 <= width) & (box.y1 <= height)
        cells = ax.get_window_extent().width / 10
        assert all(text.get_window_extent().width < cells for text in display.text_)
        assert not display.text_ or cells > 0.6 * figure.dpi  # beside names that take their room
        assert not n_lines > 1 or len(set(texts_of_legend(display))) == n_lines
        assert ax.get_window_extent().width > 0.3 * figure.bbox.width


def test_cells_too_small_for_numbers_have_none(two):
    ax = plt.figure(figsize=(0.7, 0.7)).add_subplot()
    assert from_search(two, x="a", y="b", ax=ax).text_ == []


def test_axes_of_ones_own_keep_their_neighbours(two):
    figure, axes = plt.subplots(1, 2, figsize=(6, 3))
    display = from_search(two, x="a", lines="b", ax=axes[0], line_kw={"linewidth": 5})
    assert display.figure_ is figure
    assert display.lines_[0].get_linewidth() == 5
    legend = display.ax_.get_legend().get_window_extent()
    assert axes[0].get_window_extent().x1 >= legend.x1
    display = from_search(
        two, ax=axes[1], cmap="gray", values_format=".1f", text_kw={"rotation": 9}
    )
    assert display.text_[0].get_text() == "0.9"
    assert display.text_[0].get_rotation() == 9
    assert display.im_.get_cmap().name == "gray"


@pytest.mark.parametrize(
    ("search", "options", "error", "message"),
    [
        (LogisticRegression(), {}, TypeError, "a fitted search .* got LogisticRegression"),
        (GridSearchCV(Scored(), {}), {}, ValueError, "GridSearchCV instance is not fitted"),
        ([], {}, ValueError, "no search to plot"),
        ({"a": [1]}, {}, ValueError, "same parameters: there is nothing to compare"),
        ({"a": [1, 2]}, {"x": "c"}, ValueError, r"x must be .* one of \['a'\]; got 'c'"),
        ({"a": [1, 2], "b": [0]}, {"x": "b"}, ValueError, "x='b' has one value for all"),
        ({"a": [1, 2]}, {"x": "a", "y": "a"}, ValueError, "must be different parameters"),
        ({"a": [1, 2]}, {"x": "n_resources"}, ValueError, "is for halving searches"),
        ({"a": [1, 2]}, {"std_display_style": "x"}, ValueError, "'std_display_style' parameter"),
        (
            {"a": [1, 2], "b": [0, 1], "kind": [1, 2]},
            {},
            ValueError,
            r"3 parameters vary: \['a', 'b', 'kind'\]. Choose one with x",
        ),
        (
            {"a": [1, 2], "b": [0, 1], "kind": [1, 2]},
            {"x": "a", "y": "b", "lines": "kind"},
            ValueError,
            "either y or lines",
        ),
        (
            {"a": [1, 2], "b": list(range(11))},
            {"x": "a", "lines": "b"},
            ValueError,
            "makes 11 curves, and nobody tells more than 10 apart",
        ),
    ],
)
def test_what_cannot_be_plotted(search, options, error, message):
    search = grid(search) if isinstance(search, dict) else search
    with pytest.raises(error, match=message):
        from_search(search, **options)


def test_what_does_not_go_together(two, halved):
    with pytest.raises(ValueError, match="shows one search, got 2"):
        from_search([two, two], x="a", y="b")
    with pytest.raises(ValueError, match="curve for each candidate: leave out y and lines"):
        from_search(halved, x="iter", y="a")
    other = grid({"a": [1, 2]}, scoring="r2")
    with pytest.raises(ValueError, match=r"different metrics .* \['score', 'R²'\]"):
        from_search([two, other], x="a")
    with pytest.raises(ValueError, match="Choose one with x"):
        from_search([two, two])
    search = grid([{"a": [1, 2]}, {"kind": ["x", "y"], "b": ["failing", "failing too"]}])
    with pytest.raises(ValueError, match="No candidate that could be shown has a score"):
        from_search(search, x="kind", y="b")
