"""A call that fails leaves the estimator as it was; Ctrl-C keeps the best weights so far."""

import builtins
import copy
import pickle
from contextlib import contextmanager
from itertools import count

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.losses import ClassificationLoss
from sknn_scratch.engine.objective import Objective, Value
from sknn_scratch.engine.solvers import SOLVERS

ESTIMATORS = [MLPScratchClassifier]
# What was done to the estimator before the call that fails, where the solver can do it
CASES = [
    (estimator, solver, past, method)
    for estimator in ESTIMATORS
    for solver in [*SOLVERS, "lbfgs"]
    for past in ["nothing", "fit", "warm start", "resume", "partial_fit"]
    for method in ["fit", "partial_fit"]
    if solver != "lbfgs" or (method == "fit" and past not in ("resume", "partial_fit"))
]
in_all_cases = pytest.mark.parametrize(("estimator", "solver", "past", "method"), CASES)

X, y = load_iris(return_X_y=True)
X = scale(X)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def call(model, method, X=X, y=y, **arguments):
    """Call fit, or partial_fit with all classes."""
    if method == "partial_fit":
        arguments["classes"] = [0, 1, 2]
    return getattr(model, method)(X, y, **arguments)


def new(estimator=MLPScratchClassifier, **params):
    defaults = {"hidden_layer_sizes": (6,), "max_iter": 4, "batch_size": 40, "random_state": 0}
    return estimator(**defaults | params)


def with_past(past, estimator, **params):
    warm_start = {"warm start": True, "resume": "resume"}.get(past, False)
    model = new(estimator, warm_start=warm_start, **params)
    if past != "nothing":
        call(model, "partial_fit" if past == "partial_fit" else "fit")
    return model


def bits(model):
    """Return each attribute of the model, with all that it holds, as bytes."""
    return {name: pickle.dumps(value) for name, value in vars(model).items()}


def at_call(k, function, effect):
    """Return `function`, but with `effect` in place of its k-th call."""
    calls = count(1)
    return lambda *args, **kwargs: (effect if next(calls) == k else function)(*args, **kwargs)


def press_ctrl_c(*args, **kwargs):
    raise KeyboardInterrupt


def interrupt(monkeypatch, owner, name, k):
    """Have Ctrl-C pressed in the k-th call of a method or function."""
    monkeypatch.setattr(owner, name, at_call(k, getattr(owner, name), press_ctrl_c))


def interrupt_gradient(monkeypatch, k):
    interrupt(monkeypatch, Objective, "value_and_gradient", k)


@contextmanager
def ctrl_c_ends_training():
    """Fail where Ctrl-C gets through, which would else end all tests."""
    try:
        with pytest.warns(UserWarning, match=r"interrupted by user in epoch .*best weights"):
            yield
    except KeyboardInterrupt:
        pytest.fail("Ctrl-C was not handled")


# A call that fails


@in_all_cases
def test_bad_data(estimator, solver, past, method):
    model = with_past(past, estimator, solver=solver)
    before = bits(model)
    for bad in [
        {"X": np.where(X > 2, np.nan, X)},
        {"y": y[:-1]},
        {"sample_weight": -np.ones(150)},
    ]:
        with pytest.raises(ValueError, match=r"NaN|150, 149|Negative"):
            call(model, method, **bad)
        assert bits(model) == before


@in_all_cases
@pytest.mark.parametrize(
    "bad", [{"l2": [0.1]}, {"activation": []}, {"hidden_layer_sizes": (0,)}], ids=str
)
def test_bad_parameter(estimator, solver, past, method, bad):
    model = with_past(past, estimator, solver=solver).set_params(**bad)
    before = bits(model)
    with pytest.raises(ValueError, match=next(iter(bad))):
        call(model, method)
    assert bits(model) == before


@pytest.mark.parametrize("solver", SOLVERS)
def test_unseen_class(solver):
    model = with_past("partial_fit", MLPScratchClassifier, solver=solver)
    before = bits(model)
    with pytest.raises(ValueError, match="classes"):
        model.partial_fit(X, y + 1)
    assert bits(model) == before


def failure(model, method):
    """Return what a call says when it fails, or None."""
    try:
        call(model, method)
    except ValueError as error:
        return str(error)
    return None


def assert_diverges_without_a_trace(model, method):
    for _ in range(4):  # a first epoch of one step can end in numbers that are still finite
        before = bits(model)
        if message := failure(model, method):
            break
    assert "lower learning_rate_init (now 1e+200)" in message
    assert bits(model) == before


@pytest.mark.parametrize("warm_start", [False, True, "resume"])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_divergence(solver, method, warm_start):
    params = {"warm_start": warm_start, "max_iter": 1 if warm_start else 3}
    model = new(solver=solver, learning_rate_init=1e200, **params)
    assert_diverges_without_a_trace(model, method)


@pytest.mark.parametrize("past", ["nothing", "fit", "warm start", "partial_fit"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_divergence_of_a_second_fit(solver, past):
    model = with_past(past, MLPScratchClassifier, solver=solver)
    model.set_params(learning_rate_init=1e200)
    assert_diverges_without_a_trace(model, "fit")


@in_all_cases
def test_interrupt_in_the_first_epoch(monkeypatch, estimator, solver, past, method):
    model = with_past(past, estimator, solver=solver)
    before = bits(model)
    # Batches of 40 make four steps of an epoch; lbfgs begins by a gradient before its first one
    interrupt_gradient(monkeypatch, {"gd": 1, "nag": 1, "lbfgs": 2}.get(solver, 3))
    with pytest.raises(KeyboardInterrupt):
        call(model, method)
    assert bits(model) == before


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_unfitted_stays_unfitted(monkeypatch, solver):
    model = new(solver=solver)
    interrupt_gradient(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_lbfgs_without_an_iteration():
    # The first weights are good enough; 150 terms of order one are summed in two orders
    model = new(solver="lbfgs", tol=1e9, alpha=0.0).fit(X, y)
    assert model.n_iter_ == 0
    assert model.loss_ == pytest.approx(log_loss(y, model.predict_proba(X)), rel=1e-12)


# Ctrl-C in a later epoch

# With steps that are too long the best epoch is not the last one; lbfgs never goes up.
UNSTEADY = {"gd": 3.0, "nag": 2.0, "sgd": 0.5, "adam": 1.0, "lbfgs": 0.001}
N_EPOCHS = 10


def unsteady(solver, **params):
    return new(
        solver=solver,
        learning_rate_init=UNSTEADY[solver],
        activation="tanh",
        validation_fraction=0.4,
        tol=0.0,
        n_iter_no_change=np.inf,
        max_iter=100,
        **params,
    )


def interrupted(monkeypatch, model):
    """Return the model, fitted until Ctrl-C in an epoch after N_EPOCHS, in its last batch."""
    n_train = 90 if model.early_stopping else 150
    per_epoch = -(-n_train // 40) if model.solver in ("sgd", "adam") else 1
    with monkeypatch.context() as patch:
        interrupt_gradient(patch, (N_EPOCHS + 1) * per_epoch)
        with ctrl_c_ends_training():
            return model.fit(X, y)


def best_epoch(model):
    if model.validation_scores_ is not None:
        return int(np.argmax(model.validation_scores_)) + 1
    return int(np.argmin(model.loss_curve_)) + 1


def assert_same_weights(model, expected):
    for given, wanted in zip(
        model.coefs_ + model.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(given, wanted, strict=True)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_interrupt_keeps_the_best_weights(monkeypatch, solver, early_stopping):
    model = interrupted(monkeypatch, unsteady(solver, early_stopping=early_stopping))
    if solver != "lbfgs":  # whose line search may take more than one gradient per iteration
        assert model.n_iter_ == N_EPOCHS
        assert best_epoch(model) < N_EPOCHS
    # The weights at the end of an epoch are those of a training that ends there
    until_then = clone(model).set_params(max_iter=best_epoch(model)).fit(X, y)
    assert_same_weights(model, until_then)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_interrupted_model_is_a_model(monkeypatch, solver, early_stopping):
    model = interrupted(monkeypatch, unsteady(solver, early_stopping=early_stopping))
    assert model.score(X, y) > 0.8
    lengths = {name: len(values) for name, values in model.history_.items()}
    assert set(lengths.values()) == {model.n_iter_}
    if solver == "lbfgs":
        model.set_params(solver="adam", learning_rate_init=1e-3)
    first_loss = model.set_params(early_stopping=False).partial_fit(X, y).loss_
    assert first_loss < model.loss_curve_[0]


@pytest.mark.parametrize("solver", SOLVERS)
def test_interrupted_optimiser_begins_anew(monkeypatch, solver):
    model = interrupted(monkeypatch, unsteady(solver))
    without = copy.deepcopy(model)
    del without._optimizer
    assert_same_weights(model.partial_fit(X, y), without.partial_fit(X, y))


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_interrupt_in_a_warm_start(monkeypatch, solver):
    model = new(solver=solver, warm_start=True).fit(X, y)
    before = len(model.loss_curve_)
    model.set_params(max_iter=100, tol=0.0)
    interrupted(monkeypatch, model)
    assert len(model.loss_curve_) == before + model.n_iter_
    assert model.loss_curve_[-1] < model.loss_curve_[before]


@pytest.mark.parametrize("solver", SOLVERS)
def test_interrupt_while_progress_is_printed(monkeypatch, solver):
    model = unsteady(solver, verbose=True)
    interrupt(monkeypatch, builtins, "print", N_EPOCHS)
    with ctrl_c_ends_training():
        model.fit(X, y)
    assert len(model.loss_curve_) == model.n_iter_ == N_EPOCHS
    monkeypatch.undo()
    until_then = clone(model).set_params(max_iter=best_epoch(model)).fit(X, y)
    assert_same_weights(model, until_then)


def test_interrupted_weights_of_lbfgs_have_the_best_loss(monkeypatch):
    model = interrupted(monkeypatch, unsteady("lbfgs", alpha=0.0))
    # 150 terms of order one are summed in two orders
    assert log_loss(y, model.predict_proba(X)) == pytest.approx(min(model.loss_curve_), rel=1e-12)


def test_interrupt_in_the_first_validation(monkeypatch):
    model = new(early_stopping=True)
    before = bits(model)
    interrupt(monkeypatch, ClassificationLoss, "mean_score", 1)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert bits(model) == before


def test_interrupt_in_a_later_validation(monkeypatch):
    model = new(early_stopping=True)
    interrupt(monkeypatch, ClassificationLoss, "mean_score", 3)
    with ctrl_c_ends_training():
        model.fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_)


def test_interrupt_while_the_first_epoch_is_printed(monkeypatch):
    model = new(verbose=True)
    interrupt(monkeypatch, builtins, "print", 1)
    with ctrl_c_ends_training():
        model.fit(X, y)
    monkeypatch.undo()
    assert_same_weights(model, clone(model).set_params(verbose=False, max_iter=1).fit(X, y))


def test_divergence_before_there_is_a_validation_score():
    model = new(solver="sgd", early_stopping=True, learning_rate_init=1e300)
    with pytest.raises(ValueError, match="lower learning_rate_init"):
        model.fit(X, y)


def write_nan(objective, params, batch, grad):
    grad.flat[...] = np.nan
    return Value(np.nan, 0.0)


@pytest.mark.parametrize("solver", ["nag", "sgd", "adam"])
def test_diverged_model_with_early_stopping_can_go_on(monkeypatch, solver):
    model = new(solver=solver, early_stopping=True)
    with monkeypatch.context() as patch:
        original = Objective.value_and_gradient
        # In the fifth epoch of nag, in the second of the others
        patch.setattr(Objective, "value_and_gradient", at_call(5, original, write_nan))
        with pytest.warns(UserWarning, match="diverged"):
            model.set_params(max_iter=9).fit(X, y)
    model.set_params(early_stopping=False).partial_fit(X, y)


def test_failure_keeps_the_place_to_resume_at():
    model = with_past("resume", MLPScratchClassifier)
    model.set_params(early_stopping=True, validation_fraction=0.0)
    before = bits(model)
    with pytest.raises(ValueError, match="validation_fraction"):
        model.fit(X, y)
    assert bits(model) == before
