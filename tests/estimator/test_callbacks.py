"""scikit-learn's callbacks: its own, those of its tests, and a user's."""

import contextlib
import pickle
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.callback import CallbackContext, ScoringMonitor
from sklearn.callback.tests._utils import (
    FailingCallback,
    RecordingAutoPropagatedCallback,
    RecordingCallback,
)
from sklearn.datasets import load_diabetes, load_iris
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.estimators.hooks import FitCallbacks
from sknn_scratch.model_selection import MLPGridSearchCV

from ..epoch_callbacks import EpochCallback

ALL_SOLVERS = [*SOLVERS, "lbfgs"]
X, y = load_iris(return_X_y=True)
X = scale(X)
WEIGHT = np.random.default_rng(0).integers(0, 4, len(y)).astype(float)
N_EPOCHS = 4

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls=MLPScratchClassifier, **params):
    defaults = {
        "hidden_layer_sizes": (5,),
        "batch_size": 40,
        "learning_rate_init": 0.02,
        "max_iter": N_EPOCHS,
        "random_state": 0,
    }
    return cls(**defaults | params)


class StopAt(EpochCallback):
    """Ask to stop after so many epochs, counted in the history of the estimator."""

    def __init__(self, n_epochs):
        self.n_epochs = n_epochs

    def on_fit_task_end(self, estimator, context):
        return len(estimator.history_["loss"]) == self.n_epochs


class InterruptAt(StopAt):
    """Press Ctrl-C after so many epochs."""

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and super().on_fit_task_end(estimator, context):
            raise KeyboardInterrupt


def assert_same_model(model, expected, X=X):
    for name in ("coefs_", "intercepts_"):
        for given, wanted in zip(getattr(model, name), getattr(expected, name), strict=True):
            np.testing.assert_array_equal(given, wanted, strict=True)
    np.testing.assert_equal(model.history_, expected.history_)
    for name in ("loss_curve_", "validation_scores_", "best_validation_score_", "n_iter_"):
        np.testing.assert_equal(getattr(model, name), getattr(expected, name))
    np.testing.assert_array_equal(model.predict(X), expected.predict(X), strict=True)


def steps(callback):
    """Return the hooks in the order of their calls, as 'begin epoch' and so on."""
    return [
        entry["name"].removeprefix("on_fit_task_") + " " + entry["context"].task_name
        for entry in callback.record
    ]


def handed_out(callback, hook="end"):
    """Return the fitted estimators that were given to the hooks of epochs."""
    return [
        entry["kwargs"]["fitted_estimator"]
        for entry in callback.record
        if entry["name"] == f"on_fit_task_{hook}" and entry["context"].task_name == "epoch"
    ]


# What is called, with what


@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_hooks_around_the_fit_and_each_epoch(cls, solver):
    callback = RecordingCallback()
    model = new(cls, solver=solver).set_callbacks(callback).fit(X, y)
    assert model.n_iter_ == N_EPOCHS
    epochs = ["begin epoch", "end epoch"] * N_EPOCHS
    assert steps(callback) == ["setup fit", "begin fit", *epochs, "end fit", "teardown fit"]
    task = callback.record[0]["context"]
    assert task.max_subtasks == N_EPOCHS
    assert [sub.task_id for sub in list(task)[1:]] == list(range(N_EPOCHS))


@pytest.mark.parametrize("solver", SOLVERS)
def test_partial_fit_is_a_task_of_one_epoch(solver):
    callback = RecordingCallback()
    model = new(solver=solver).set_callbacks(callback)
    for _ in range(2):
        model.partial_fit(X, y, classes=[0, 1, 2])
    tasks = ["begin partial-fit", "begin epoch", "end epoch", "end partial-fit"]
    assert steps(callback) == ["setup partial-fit", *tasks, "teardown partial-fit"] * 2
    assert_same_model(handed_out(callback)[-1], model)


def test_hooks_see_what_was_given():
    frame = pd.DataFrame(X, columns=list("abcd"))
    names = np.array(["red", "green", "blue"])[y]
    callback = RecordingCallback()
    new().set_callbacks(callback).fit(frame, names, WEIGHT)
    hooks = [entry["kwargs"] for entry in callback.record if "kwargs" in entry]
    assert len(hooks) == 2 + 2 * N_EPOCHS
    for given in hooks:
        assert given["X"] is frame
        assert given["y"] is names
        assert given["metadata"] == {"sample_weight": WEIGHT}


@pytest.mark.parametrize("max_iter", [2, 500])
def test_every_task_of_lbfgs_that_begins_ends(max_iter):
    callback = RecordingCallback()
    model = new(solver="lbfgs", max_iter=max_iter, tol=0.1).set_callbacks(callback).fit(X, y)
    *epochs, end, _ = steps(callback)[2:]
    n_begun = model.n_iter_ + (max_iter == 500)  # an iteration that scipy did not take
    assert epochs == ["begin epoch", "end epoch"] * n_begun
    assert end == "end fit"
    assert [model is not None for model in handed_out(callback)].count(True) == model.n_iter_


# The model that is handed out

SETTINGS = [
    {"solver": "gd", "hidden_layer_sizes": ()},
    {"solver": "nag", "l1": 0.01},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 1.0, "n_iter_no_change": 1},
    {"solver": "sgd", "learning_rate_init": 2.0, "early_stopping": True},
    {"solver": "nag", "learning_rate_init": 3.0, "early_stopping": True},
    {"solver": "adam", "dropout": 0.3},
    {"solver": "adam", "early_stopping": True, "early_stopping_on": "loss"},
    {"solver": "adam", "warm_start": "resume"},
    {"solver": "lbfgs"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_fitted_estimator_is_what_a_fit_of_so_many_epochs_returns(settings, dtype):
    samples = X.astype(dtype)
    callback = RecordingCallback()
    model = new(**settings)
    model.set_callbacks(callback).fit(samples, y, WEIGHT)
    models = handed_out(callback)
    assert len(models) == model.n_iter_
    for n_epochs, handed in enumerate(models, start=1):
        alone = clone(model).set_callbacks().set_params(max_iter=n_epochs).fit(samples, y, WEIGHT)
        assert_same_model(handed, alone, samples)
        if settings["solver"] != "lbfgs":
            handed.set_callbacks().set_params(early_stopping=False).partial_fit(samples, y)
            alone.set_params(early_stopping=False).partial_fit(samples, y)
            assert_same_model(handed, alone, samples)


@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_an_epoch_begins_with_the_model_of_the_one_before(solver):
    callback = RecordingCallback()
    new(solver=solver, warm_start=True).set_callbacks(callback).fit(X, y)
    first, *begun = handed_out(callback, "begin")
    assert not first.history_
    assert first.predict(X).shape == y.shape
    for model, ended in zip(begun, handed_out(callback), strict=False):
        assert_same_model(model, ended)


@pytest.mark.parametrize("solver", ALL_SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_fitted_estimators_share_no_arrays(solver, early_stopping):
    callback = RecordingCallback()
    model = new(solver=solver, early_stopping=early_stopping).set_callbacks(callback).fit(X, y)
    models = [*handed_out(callback), model]
    for i, one in enumerate(models):
        for other in models[:i]:
            assert not np.shares_memory(one.coefs_[0], other.coefs_[0])
            assert one.history_["loss"] is not other.history_["loss"]
            assert one.loss_curve_ is one.history_["loss"]


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_fitted_estimator_can_be_resumed_later(solver, early_stopping):
    callback = RecordingCallback()
    model = new(solver=solver, early_stopping=early_stopping, warm_start="resume", tol=0.0)
    model.set_callbacks(callback).fit(X, y)
    # what it stands at did not move with the training that went on
    resumed = handed_out(callback)[1].set_callbacks().set_params(max_iter=N_EPOCHS - 2).fit(X, y)
    np.testing.assert_array_equal(resumed.coefs_[0], model.coefs_[0])
    assert resumed.loss_curve_ == model.loss_curve_


# Numbers


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_callbacks_change_no_number(cls, settings):
    model = new(cls, max_iter=7, **settings)
    monitor = ScoringMonitor(scoring="accuracy" if cls is MLPScratchClassifier else "r2")
    watched = clone(model).set_callbacks(RecordingCallback(), monitor)
    for _ in range(2):
        assert_same_model(watched.fit(X, y, WEIGHT), model.fit(X, y, WEIGHT))


def test_without_callbacks_nothing_is_done_for_them(monkeypatch):
    made = Mock()
    monkeypatch.setattr(CallbackContext, "_from_estimator", made)
    for solver in ALL_SOLVERS:
        new(solver=solver).fit(X, y)
    new().partial_fit(X, y, classes=[0, 1, 2])
    assert made.call_count == 0


# Stopping


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_training_stops_when_a_callback_asks_to(solver, early_stopping):
    # Of several callbacks it is enough that one asks
    callbacks = RecordingCallback(), StopAt(2), RecordingCallback()
    model = new(solver=solver, early_stopping=early_stopping, tol=0.0)
    model.set_callbacks(*callbacks).fit(X, y)
    for callback in callbacks[::2]:
        assert steps(callback).count("end epoch") == steps(callback).count("begin epoch") == 2
    with pytest.warns(UserWarning, match=r"converge"):
        alone = clone(model).set_callbacks().set_params(max_iter=2).fit(X, y)
    assert_same_model(model, alone)


def test_stopped_training_can_be_resumed():
    model = new(warm_start="resume", max_iter=8, tol=0.0)
    model.set_callbacks(StopAt(3)).fit(X, y)
    model.set_callbacks().set_params(max_iter=5).fit(X, y)
    whole = new(max_iter=8, tol=0.0).fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0], whole.coefs_[0])


# In a pipeline and a search


def test_callbacks_of_a_pipeline_reach_the_network():
    callback = RecordingAutoPropagatedCallback()
    pipeline = make_pipeline(StandardScaler(), new()).set_callbacks(callback).fit(X, y)
    assert steps(callback).count("end epoch") == N_EPOCHS
    assert callback.count_hooks("setup") == callback.count_hooks("teardown") == 1
    # the pipeline, the fit of its two steps, and the epochs
    assert callback.count_hooks("on_fit_task_end") == 1 + 2 + N_EPOCHS
    epoch = next(entry for entry in callback.record if entry["context"].task_name == "epoch")
    assert epoch["context"].parent.source_estimator_name == "Pipeline"
    assert epoch["kwargs"]["X"] is not X
    assert not hasattr(pipeline[-1], "_skl_callbacks")


def test_callbacks_of_a_network_in_a_pipeline():
    monitor = ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(StandardScaler(), new().set_callbacks(monitor)).fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == N_EPOCHS
    assert rows[-1]["accuracy"] == pipeline.score(X, y)


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("search_class", [GridSearchCV, MLPGridSearchCV])
def test_in_a_search(search_class, n_jobs):
    everywhere = RecordingAutoPropagatedCallback()
    monitor = ScoringMonitor(scoring="accuracy")
    pipeline = make_pipeline(StandardScaler(), new().set_callbacks(monitor, StopAt(3)))
    grid = {"mlpscratchclassifier__alpha": [0.1, 1.0]}
    search = search_class(pipeline, grid, cv=2, n_jobs=n_jobs)
    search.set_callbacks(everywhere).fit(X, y)
    n_fits = 2 * 2 + 1
    assert steps(everywhere).count("end epoch") == 3 * n_fits
    rows = monitor.get_logs().data_as_pandas
    epochs = rows[rows["task_name"] == "epoch"]
    assert len(epochs) == 3 * n_fits
    assert epochs.groupby("parent_task_id_path").size().tolist() == [3] * n_fits
    refitted = epochs[[len(path) == 4 for path in epochs["task_id_path"]]]
    assert refitted["accuracy"].iloc[-1] == search.score(X, y)
    assert search.best_estimator_[-1].n_iter_ == 3


def test_callbacks_of_a_pipeline_in_a_search():
    """The parts are fitted as in GridSearchCV, so that callbacks see what they see there."""
    records = []
    for search_class in (GridSearchCV, MLPGridSearchCV):
        callback = RecordingCallback()
        pipeline = make_pipeline(StandardScaler(), new()).set_callbacks(callback)
        search_class(pipeline, {"mlpscratchclassifier__alpha": [0.1, 1.0]}, cv=2).fit(X, y)
        records.append(steps(callback))
    assert records[0] == records[1]
    assert records[0].count("end fit") >= 5


def told(search_class, estimator, parameter, **fit_params):
    """Return what callbacks of a search with four fits are told, and how many epochs they see."""
    callback = RecordingAutoPropagatedCallback()
    search = search_class(estimator, {parameter: [0.1, 1.0]}, cv=2).set_callbacks(callback)
    search.fit(X, y, **fit_params)
    assert not hasattr(search.best_estimator_, "_skl_callbacks")
    fits = []
    for entry in callback.record:
        task = entry["context"]
        if task.parent is not None and task.parent.task_name == "search":
            given = entry["kwargs"]
            weight = (given["metadata"] or {}).get("sample_weight")
            total = None if weight is None else weight.sum()
            fits.append((task.task_id, entry["name"], given["X"].sum(), total))
    return sorted(fits), steps(callback).count("end epoch")


@pytest.mark.parametrize(
    ("estimator", "parameter", "fit_params"),
    [
        (new(), "alpha", {"sample_weight": WEIGHT}),
        (make_pipeline(StandardScaler(), new()), "mlpscratchclassifier__alpha", {}),
    ],
    ids=["network", "pipeline"],
)
def test_callbacks_of_a_search(estimator, parameter, fit_params):
    """They see each fit with all its epochs."""
    expected, expected_epochs = told(GridSearchCV, estimator, parameter, **fit_params)
    fits, n_epochs = told(MLPGridSearchCV, estimator, parameter, **fit_params)
    assert len(fits) == 8  # a beginning and an end each
    assert fits == expected
    assert n_epochs == expected_epochs == 5 * N_EPOCHS


def test_progress_bar_of_a_search(capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setattr("rich._console", None)  # another test may have had one made, of 80 columns
    monkeypatch.setenv("COLUMNS", "200")
    from sklearn.callback import ProgressBar

    bar = ProgressBar(max_propagation_depth=None)
    MLPGridSearchCV(new(), {"alpha": [0.1, 1.0]}, cv=2).set_callbacks(bar).fit(X, y)
    lines = [line for line in capsys.readouterr().out.splitlines() if "MLPScratch" in line]
    assert len(lines) == 5
    assert all("100%" in line for line in lines)


# scikit-learn's callbacks


@pytest.mark.parametrize("solver", ALL_SOLVERS)
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])
def test_scoring_monitor(solver, weight):
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    model = new(solver=solver).set_callbacks(monitor).fit(X, y, weight)
    last, *rows = monitor.get_logs().data
    assert [row["task_name"] for row in rows] == ["epoch"] * N_EPOCHS
    for n_epochs, row in enumerate([*rows, last], start=1):
        alone = clone(model).set_callbacks().set_params(max_iter=min(n_epochs, N_EPOCHS))
        probabilities = alone.fit(X, y, weight).predict_proba(X)
        assert row["neg_log_loss"] == -log_loss(y, probabilities, sample_weight=weight)
        predicted = probabilities.argmax(axis=1)
        assert row["accuracy"] == accuracy_score(y, predicted, sample_weight=weight)


@pytest.mark.parametrize("container", [pd.DataFrame, csr_array, np.asarray])
def test_scoring_monitor_of_a_regressor(container):
    samples, targets = load_diabetes(return_X_y=True)
    samples = container(scale(samples))
    targets = scale(targets)
    if container is pd.DataFrame:
        samples.columns = [f"feature {k}" for k in range(10)]
    monitor = ScoringMonitor(scoring="r2")
    model = new(MLPScratchRegressor).set_callbacks(monitor).fit(samples, targets)
    assert monitor.get_logs().data[-1]["r2"] == r2_score(targets, model.predict(samples))


@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_progress_bar(solver, capsys):
    pytest.importorskip("rich")
    from sklearn.callback import ProgressBar

    new(solver=solver, max_iter=500, tol=0.1).set_callbacks(ProgressBar()).fit(X, y)
    assert "MLPScratchClassifier - fit" in (out := capsys.readouterr().out)
    assert "100%" in out


# Failures


def bits(model):
    """Return each attribute of the model as bytes, but for the callbacks, which record."""
    return {
        name: pickle.dumps(value) for name, value in vars(model).items() if name != "_skl_callbacks"
    }


@pytest.mark.parametrize("place", ["setup", "on_fit_task_begin", "on_fit_task_end"])
@pytest.mark.parametrize("past", ["nothing", "fit"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_callback_that_fails_leaves_the_model_as_it_was(place, past, method):
    model = new()
    if past == "fit":
        model.fit(X, y)
    before = bits(model)
    callback = FailingCallback(fail_at=place)
    model.set_callbacks(callback)
    with pytest.raises(ValueError, match=f"Failing callback failed at {place}"):
        getattr(model, method)(X, y, **({"classes": [0, 1, 2]} if method != "fit" else {}))
    assert bits(model) == before
    assert callback.count_hooks("setup") == callback.count_hooks("teardown") == 1
    with pytest.raises(KeyError):
        FitCallbacks.of(model)  # a fit that is not under way is not kept alive


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_callbacks_are_torn_down_after_divergence(solver, method):
    callback = RecordingCallback()
    model = new(solver=solver, learning_rate_init=1e200, warm_start=True)
    model.set_callbacks(callback)
    arguments = {"classes": [0, 1, 2]} if method == "partial_fit" else {}
    for _ in range(3):  # a first epoch of one step can end in numbers that are still finite
        with contextlib.suppress(ValueError):
            getattr(model, method)(X, y, **arguments)
    with pytest.raises(ValueError, match="lower learning_rate_init"):
        getattr(model, method)(X, y, **arguments)
    assert callback.count_hooks("setup") == callback.count_hooks("teardown") > 0


def test_bad_data_does_not_reach_the_callbacks():
    callback = RecordingCallback()
    with pytest.raises(ValueError, match="NaN"):
        new().set_callbacks(callback).fit(np.full_like(X, np.nan), y)
    assert callback.record == []


@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_ctrl_c_in_a_callback_keeps_the_best_weights(solver):
    callback = RecordingCallback()
    model = new(solver=solver).set_callbacks(callback, InterruptAt(2))
    try:
        with pytest.warns(UserWarning, match="interrupted by user"):
            model.fit(X, y)
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C was not handled")
    assert model.n_iter_ == len(model.loss_curve_) == 2
    assert steps(callback).count("begin epoch") == steps(callback).count("end epoch") == 2
    assert steps(callback)[-2:] == ["end fit", "teardown fit"]


def test_what_is_no_callback_is_refused():
    with pytest.raises(TypeError, match="FitCallback protocol"):
        new().set_callbacks(print)
