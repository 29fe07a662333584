"""The oracle sees what it is there for: each test plants a fault, and has it found."""

import random
import time
import warnings
from contextlib import nullcontext

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.estimators import fit as fit_module

from . import cases, oracle
from .rules import StopAfter
from .session import FAILED, Session

X, y = load_iris(return_X_y=True)


class Planted(MLPScratchRegressor):
    """A regressor whose methods have something else done before them."""

    def __init__(self, before=None, after=None, extra=None):
        super().__init__(hidden_layer_sizes=2, max_iter=2, random_state=0)
        self.before = before
        self.after = after
        self.extra = extra

    def fit(self, X, y):
        if self.before is not None:
            self.before(self, X, y)
        super().fit(X, y)
        if self.after is not None:
            self.after(self, X, y)
        return self


def faults_of(before=None, after=None):
    session = Session()
    with warnings.catch_warnings():
        session.fit(Planted(before, after), X.copy(), y.astype(float))
    return session.faults


def test_a_sound_fit_has_no_faults():
    assert faults_of() == []


def spoil(array):
    array.flat[0] += 1


def raise_(error):
    raise error


PLANTED = {
    "samples": (lambda m, X, y: spoil(X), "fit: changes argument 0"),
    "targets": (lambda m, X, y: spoil(y), "fit: changes argument 1"),
    "parameter": (lambda m, X, y: setattr(m, "extra", 1), "fit: changes parameter extra"),
    "errstate": (lambda m, X, y: np.seterr(under="raise"), "fit: changes global state np.errstate"),
    "filters": (lambda m, X, y: warnings.simplefilter("ignore"), "fit: changes the warnings filt"),
    "generator": (lambda m, X, y: random.seed(5), "fit: changes global state random"),
    "numpy's warning": (lambda m, X, y: np.array(1e300) ** 2, "warns RuntimeWarning: overflow"),
    "other warning": (
        lambda m, X, y: warnings.warn("Odd.", stacklevel=1),
        "warns UserWarning: Odd",
    ),
    "twice": (
        lambda m, X, y: [warnings.warn("S", ConvergenceWarning, stacklevel=1) for _ in range(2)],
        "fit: warns twice: S",
    ),
    "left by a failure": (
        lambda m, X, y: [setattr(m, "t_", 3), raise_(ValueError("X is empty, so that it fails."))],
        "fit: fails and changes t_",
    ),
    "no name": (lambda m, X, y: raise_(ValueError("Something is badly wrong.")), "without a name"),
    "short": (lambda m, X, y: raise_(ValueError("Bad X.")), "of 6 characters"),
    "long": (lambda m, X, y: raise_(ValueError(f"X is {X}")), "characters: X is"),
    "raw": (lambda m, X, y: np.ones(2) + np.ones(3), "operands could not be broadcast"),
    "raw, with a name": (
        lambda m, X, y: raise_(TypeError("X: 'int' object has no attribute 'shape'")),
        "with raw text, has no attribute",
    ),
    "other class": (lambda m, X, y: raise_(KeyError("X")), "fit: KeyError"),
}


@pytest.mark.parametrize(("before", "found"), PLANTED.values(), ids=PLANTED)
def test_planted_before_the_fit(before, found):
    state = np.geterr(), random.getstate()
    faults = faults_of(before)
    np.seterr(**state[0])
    random.setstate(state[1])
    assert [fault for fault in faults if found in fault], faults


RESULTS = {
    "weights": (lambda m, X, y: spoil_by(m.coefs_[0], np.nan), "weights are not finite"),
    "dtypes": (
        lambda m, X, y: m.coefs_.append(np.zeros((1, 1), np.float32)),
        "weights of dtypes",
    ),
    "history": (lambda m, X, y: m.history_["penalty"].append(1.0), "lengths of history_"),
    "n_iter": (lambda m, X, y: setattr(m, "n_iter_", 1), "n_iter_=1, but history_ has"),
    "max_iter": (lambda m, X, y: [setattr(m, "n_iter_", 9), long(m)], "n_iter_=9 beyond max_iter"),
    "types": (lambda m, X, y: spoil_by(m.history_["loss"], np.float64(1)), "not all plain numbers"),
    "loss": (lambda m, X, y: setattr(m, "loss_", 7.0), "loss_=7.0, but loss_curve_ ends"),
    "predictions": (
        lambda m, X, y: setattr(m, "predict", lambda X: np.full(len(X), np.inf)),
        "predict is not finite",
    ),
    "rows": (
        lambda m, X, y: setattr(m, "predict", lambda X: np.zeros(3)),
        "predict returns 3 rows for 150",
    ),
    "own samples": (
        lambda m, X, y: setattr(m, "predict", lambda X: raise_(ValueError("X is much too large."))),
        "cannot predict its own samples",
    ),
}


def spoil_by(values, value):
    values[0] = value


def long(model):
    for values in model.history_.values():
        values[:] = [values[-1]] * 9


@pytest.mark.parametrize(("after", "found"), RESULTS.values(), ids=RESULTS)
def test_planted_in_the_result(after, found):
    faults = faults_of(after=after)
    assert [fault for fault in faults if found in fault], faults


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("probabilities", "found"),
    [
        (lambda p: p * 1.01, "do not add up to 1"),
        (lambda p: np.hstack([p[:, :1] - 1, p[:, 1:2] + 1, p[:, 2:]]), "beyond [0, 1]"),
        (lambda p: p * np.nan, "predict_proba is not finite"),
    ],
)
def test_planted_in_probabilities(probabilities, found):
    model = MLPScratchClassifier(2, max_iter=2, random_state=0).fit(X, y)
    given = probabilities(model.predict_proba(X))
    assert [
        f for f in oracle.faults_of_predictions(model, "predict_proba", given, 150) if found in f
    ]


def test_an_error_may_quote_what_was_given():
    error = ValueError("alpha must be a float, got array([0, 3]).")
    assert oracle.faults_of_error(error, [np.array([0, 3])]) == []
    assert oracle.faults_of_error(error)


def test_errors_of_the_user_are_no_faults():
    session = Session()
    model = MLPScratchClassifier(2, stop_when=StopAfter(1, "raise"))
    assert session.call(model, "fit", X, y) is FAILED
    assert session.ends == {"fit: own SabotageError": 1}
    assert session.faults == []


class Slow(BaseEstimator):
    def fit(self):
        time.sleep(60)


class Fickle(BaseEstimator):
    def fit(self):
        return time.perf_counter()


def told(monkeypatch, estimator, **settings):
    """Return the faults of a case that does nothing but fit the estimator."""

    def story(session, draw):
        session.trace.append(session.call(estimator, "fit"))

    monkeypatch.setattr(cases, "SCENARIOS", {story: 1})
    for name, value in settings.items():
        monkeypatch.setattr(cases, name, value)
    return cases.run_case(0).faults


def test_a_hang(monkeypatch):
    assert "takes more than 0.1 s" in told(monkeypatch, Slow(), _SECONDS=0.1)


def test_two_runs_that_differ(monkeypatch):
    assert told(monkeypatch, Fickle()) == ["two runs: not the same"]


def test_blas_threads(monkeypatch):
    counts = iter(range(9))
    found = told(monkeypatch, BaseEstimator(), blas_threads=lambda: next(counts))
    assert "changes the number of BLAS threads" in found


def test_a_defect_of_the_package_is_found_by_the_cases(monkeypatch):
    monkeypatch.setattr(fit_module, "unchanged_on_failure", lambda estimator: nullcontext())
    faults = [fault for number in range(50) for fault in cases.run_case(number).faults]
    assert [fault for fault in faults if "fit: fails and changes" in fault]
