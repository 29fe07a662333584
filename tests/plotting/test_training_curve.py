"""The curves of training are those of the history, and can be told apart."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib import pyplot as plt
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.plotting import TrainingCurveDisplay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = load_iris(return_X_y=True)
N_EPOCHS = {"gd": 20, "nag": 12}


@pytest.fixture(scope="module")
def networks():
    return {
        solver: MLPScratchClassifier(4, solver=solver, l2=0.1, max_iter=n, random_state=0).fit(
            X[::2], y[::2], X_val=X[1::2], y_val=y[1::2]
        )
        for solver, n in N_EPOCHS.items()
    }


def labels(legend):
    return [text.get_text() for text in legend.get_texts()]


def test_lines_are_the_history(networks):
    display = TrainingCurveDisplay.from_estimators(networks)
    keys = {
        "loss": "loss",
        "validation_loss": "validation_loss",
        "score": "accuracy",
        "validation_score": "validation_score",
    }
    for name, network in networks.items():
        assert display.lines_[name].keys() == keys.keys()
        for key, line in display.lines_[name].items():
            np.testing.assert_array_equal(line.get_ydata(), network.history_[keys[key]])
            np.testing.assert_array_equal(line.get_xdata(), np.arange(1, N_EPOCHS[name] + 1))
            assert line.axes is display.axes_[0 if key.endswith("loss") else 1]
    assert [ax.get_xlabel() for ax in display.axes_] == ["epoch", "epoch"]
    assert display.axes_[1].get_ylabel() == "accuracy"


def test_curves_are_told_apart_without_colour(networks):
    display = TrainingCurveDisplay.from_estimators(networks, test_scores={"gd": np.ones(20)})
    lines = display.axes_[1].get_lines()
    for one, other in combinations(lines, 2):
        assert (one.get_marker(), one.get_linestyle()) != (
            other.get_marker(),
            other.get_linestyle(),
        )
    gd, nag = display.lines_.values()
    assert gd["loss"].get_color() == gd["validation_score"].get_color() != nag["loss"].get_color()
    assert gd["loss"].get_marker() == gd["validation_score"].get_marker()
    assert gd["loss"].get_linestyle() == nag["loss"].get_linestyle()


def test_legend_names_all_and_covers_nothing(networks):
    display = TrainingCurveDisplay.from_estimators(
        networks, validation_label="held out", test_scores={"nag": 0.8254}
    )
    (legend,) = display.figure_.legends
    assert labels(legend) == [
        *("gd, training", "gd, held out"),
        *("nag, training", "nag, held out", "nag, test: 0.8254"),
    ]
    display.figure_.canvas.draw()
    assert legend.get_window_extent().y1 <= min(ax.bbox.y0 for ax in display.axes_)


def test_regressor_in_a_pipeline():
    X, y = load_diabetes(return_X_y=True)
    model = make_pipeline(
        StandardScaler(), MLPScratchRegressor(hidden_layer_sizes=3, solver="lbfgs", max_iter=5)
    )
    model.fit(X, y)
    display = TrainingCurveDisplay.from_estimator(model)
    assert display.axes_[1].get_ylabel() == "R²"
    lines = display.lines_[""]
    assert lines.keys() == {"loss", "score"}
    np.testing.assert_array_equal(lines["score"].get_ydata(), model[-1].history_["r2"])
    assert labels(display.figure_.legends[0]) == ["training"]


def test_scores_on_a_test_set(networks):
    number = TrainingCurveDisplay.from_estimator(networks["gd"], name="gd", test_score=0.825)
    line = number.lines_["gd"]["test_score"]
    assert set(line.get_ydata()) == {0.825}
    assert line.get_label() == "gd, test: 0.8250"
    scores = np.linspace(0, 1, N_EPOCHS["gd"])
    curve = TrainingCurveDisplay.from_estimator(networks["gd"], test_score=list(scores))
    line = curve.lines_[""]["test_score"]
    np.testing.assert_array_equal(line.get_ydata(), scores)
    assert (line.get_label(), line.axes) == ("test", curve.axes_[1])


def test_loss_without_penalties(networks):
    history = networks["gd"].history_
    assert min(history["penalty"]) > 0.01
    display = TrainingCurveDisplay.from_estimator(networks["gd"], with_penalty=False)
    shown = display.lines_[""]["loss"].get_ydata()
    np.testing.assert_allclose(shown, np.subtract(history["loss"], history["penalty"]), rtol=1e-15)
    assert "without penalties" in display.axes_[0].get_ylabel()
    display.plot()
    assert "with penalties" in display.axes_[0].get_ylabel()
    np.testing.assert_array_equal(display.lines_[""]["loss"].get_ydata(), history["loss"])


def test_options_of_the_plot(networks):
    display = TrainingCurveDisplay.from_estimators(
        networks, loss_scale="log", line_kw={"linewidth": 3}
    )
    assert [ax.get_yscale() for ax in display.axes_] == ["log", "linear"]
    lines = [line for ax in display.axes_ for line in ax.get_lines()]
    assert {line.get_linewidth() for line in lines} == {3}


def test_axes_of_ones_own(networks):
    figure, axes = plt.subplots(2)
    display = TrainingCurveDisplay.from_estimators(networks, ax=axes)
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes)
    assert not figure.legends
    assert all(len(labels(ax.get_legend())) == 4 for ax in axes)
    with pytest.raises(ValueError, match="ax must hold at least 2 axes, got 1"):
        display.plot(ax=axes[0])


def test_one_epoch_can_be_seen():
    display = TrainingCurveDisplay({"": {"loss": [1.0], "accuracy": [0.5]}}).plot()
    assert display.lines_[""]["loss"].get_marker() not in ("", "None")


HISTORY = {"loss": [2.0, 1.0], "accuracy": [0.1, 0.2]}


@pytest.mark.parametrize(
    ("histories", "options", "message"),
    [
        ({}, {}, "no history"),
        ({"a": {"loss": [1.0]}}, {}, "'a' must have the keys 'loss' and 'accuracy', 'r2' or 'd2'"),
        ({"a": {"loss": [], "accuracy": []}}, {}, "'a' must have the keys"),
        ({"a": HISTORY, "b": {"loss": [1.0], "r2": [0.1]}}, {}, "Accuracy and R²"),
        ({"a": {"loss": [1.0], "r2": [0.1]}, "b": {"loss": [1.0], "d2": [0.1]}}, {}, "D² and R²"),
        ({"a": HISTORY}, {"test_scores": {"b": 0.5}}, "test_scores has 'b'"),
        ({"a": HISTORY}, {"test_scores": {"a": [1, 1, 1]}}, r"each of the 2 epochs, got .*\(3,\)"),
    ],
)
def test_what_cannot_be_plotted(histories, options, message):
    with pytest.raises(ValueError, match=message):
        TrainingCurveDisplay(histories, **options).plot()


def test_loss_without_penalties_needs_them():
    with pytest.raises(ValueError, match="with_penalty=False needs the key 'penalty'"):
        TrainingCurveDisplay({"a": HISTORY}).plot(with_penalty=False)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_model_of_scikit_learns(networks, early_stopping):
    theirs = MLPClassifier(4, max_iter=9, random_state=0, early_stopping=early_stopping)
    ours = MLPScratchClassifier.from_sklearn(theirs.fit(X, y))
    display = TrainingCurveDisplay.from_estimator(ours)
    display.figure_.draw_without_rendering()
    lines = display.lines_[""]
    np.testing.assert_array_equal(lines["loss"].get_ydata(), theirs.loss_curve_)
    texts = [text.get_text() for text in display.axes_[1].texts]
    if early_stopping:
        shown = lines["validation_score"].get_ydata()
        np.testing.assert_array_equal(shown, theirs.validation_scores_)
    assert texts == ([] if early_stopping else ["not recorded"])
    both = TrainingCurveDisplay.from_estimators({"ours": networks["gd"], "theirs": ours})
    assert not both.axes_[1].texts
    assert both.axes_[1].get_ylabel() == "accuracy"


def test_lbfgs_model_of_scikit_learns():
    theirs = MLPClassifier(4, solver="lbfgs", max_iter=9, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"0 epochs. scikit-learn records no .*solver='lbfgs'"):
        TrainingCurveDisplay.from_estimator(MLPScratchClassifier.from_sklearn(theirs))


def test_estimators_that_have_no_history():
    with pytest.raises(NotFittedError):
        TrainingCurveDisplay.from_estimator(MLPScratchClassifier())
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    with pytest.raises(TypeError, match=r"got LogisticRegression, which has no history_"):
        TrainingCurveDisplay.from_estimator(model)
    with pytest.raises(TypeError, match="dict of fitted estimators by name, got list"):
        TrainingCurveDisplay.from_estimators([model])


def test_a_legend_of_long_names_stays_within_the_figure(networks):
    runs = {f"a network with a long name, {k}": networks["gd"] for k in range(4)}
    figure = TrainingCurveDisplay.from_estimators(runs).figure_
    figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert figure.bbox.x0 <= legend.x0
    assert legend.x1 <= figure.bbox.x1
