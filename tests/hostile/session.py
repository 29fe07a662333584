"""A case as it runs: calls under observation, and what was found wrong with them."""

import contextlib
import io
import os
import re
import traceback
import warnings
from collections import Counter

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

import sknn_scratch
from sknn_scratch.estimators.base import BaseMLPScratch

from .oracle import (
    Hang,
    attributes_of,
    bits,
    changed,
    faults_of_error,
    faults_of_fit,
    faults_of_predictions,
    faults_of_warnings,
    is_lack_of_partial_fit,
    parameters_of,
    world,
)
from .rules import SabotageError

_PACKAGE = os.path.dirname(sknn_scratch.__file__)
FAILED = object()
# scikit-learn's own, which keep what their steps came to
_OTHERS = (Pipeline, TransformedTargetRegressor)


class Session:
    """Calls of methods, each of which is judged.

    `faults` are sentences; `ends` counts how the calls ended; `trace` is what happened, to the bit.
    """

    def __init__(self):
        self.faults = []
        self.ends = Counter()
        self.trace = []

    def blame(self, where, faults):
        """Keep what is wrong with a call."""
        self.faults += [f"{where}: {fault}" for fault in faults]

    def call(self, model, method, *given, **named):
        """Call a method, judge how it ends, and return the result, or FAILED."""
        params, attributes = parameters_of(model), attributes_of(model)
        arguments = {**dict(enumerate(given)), **named}
        before, outside = {k: bits(v) for k, v in arguments.items()}, world()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            filters = list(warnings.filters)
            result = self._ending(model, method, given, named)
            if list(warnings.filters) != filters:
                self.blame(method, ["changes the warnings filters"])
        alone = isinstance(model, BaseMLPScratch)
        if not alone or method == "score":  # what scikit-learn computes there is its own business
            caught = [w for w in caught if w.filename.startswith(_PACKAGE)]
        self.blame(method, faults_of_warnings(caught, alone))
        is_own = not isinstance(model, _OTHERS)
        for what, names in {
            "argument": changed(before, {k: bits(v) for k, v in arguments.items()}),
            "parameter": changed(params, parameters_of(model)) if is_own else [],
            "global state": changed(outside, world()),
        }.items():
            self.blame(method, [f"changes {what} {name}" for name in names])
        if result is FAILED and is_own:
            names = changed(attributes, attributes_of(model))
            self.blame(method, [f"fails and changes {name}" for name in names])
        return result

    def _ending(self, model, method, given, named):
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                result = getattr(model, method)(*given, **named)
            except Hang:
                raise
            except (SabotageError, KeyboardInterrupt) as error:  # the user's own, as they are
                self._ended(method, f"own {type(error).__name__}")
                return FAILED
            except BaseException as error:
                self._judge_error(model, method, error)
                return FAILED
        self._ended(method, "result")
        return result

    def _ended(self, method, how):
        self.ends[f"{method}: {how}"] += 1
        self.trace.append((method, how))

    def _judge_error(self, model, method, error):
        if _is_of_a_users_function(error):
            self._ended(method, f"own {type(error).__name__}")
            return
        # Objects are quoted with their address, which no two runs share
        said = re.sub("0x[0-9a-fA-F]+", "0x", str(error))
        if is_lack_of_partial_fit(error, model, method):
            self._ended(method, "no partial_fit")
            return
        # The metrics of `score`, and the transformers of a pipeline, are scikit-learn's
        is_ours = isinstance(model, BaseMLPScratch) and method != "score"
        if not (is_ours or _passes_through_package(error)):
            self._ended(method, "error of another package")
            return
        self._ended(method, type(error).__name__)
        self.trace.append(said)
        self.blame(method, faults_of_error(error, quotable(model)))

    def fit(self, model, X, y, *args, method="fit", **named):
        """Fit the model, judge what came of it, and return whether it was fitted."""
        fitted_before = hasattr(model, "coefs_")
        result = self.call(model, method, X, y, *args, **named)
        if result is FAILED:
            return False
        if result is not model:
            self.blame(method, ["does not return the estimator"])
        is_fresh = method == "fit" and not (fitted_before and model.warm_start)
        self.blame(method, faults_of_fit(model, is_fresh))
        self.trace.append(state_of(model))
        # What it was trained on it predicts
        if self.predict(model, X, after=f"{method}, ") is False:
            self.blame(method, ["a model that cannot predict its own samples"])
        return True

    def predict(self, model, X, after=""):
        """Judge all predictions for X; return False if there are none."""
        methods = ["predict"]
        if hasattr(model, "predict_proba"):
            methods += ["predict_proba", "predict_log_proba"]
        for method in methods:
            predicted = self.call(model, method, X)
            if predicted is FAILED:
                return False
            n_samples = X.shape[0] if hasattr(X, "shape") else len(X)
            faults = faults_of_predictions(model, method, predicted, n_samples)
            self.blame(after + method, faults)
            self.trace.append(bits(np.asarray(predicted)))
        return True


def quotable(model):
    """Return what an error may quote: parameters, what lies in them, the classes."""
    values = []
    for value in model.get_params(deep=True).values():
        values.append(value)
        if isinstance(value, (list, tuple, dict)):
            values += list(value.values() if isinstance(value, dict) else value)
        values.append(getattr(value, "value", None))  # what a Rate returns
    return [*values, getattr(model, "classes_", None)]


def state_of(model):
    """Return the bits of a fitted model that another run must have as well."""
    history = {name: v for name, v in model.history_.items() if name != "seconds"}
    return bits([[*map(bits, [*model.coefs_, *model.intercepts_])], repr(history), model.t_])


def _is_of_a_users_function(error):
    """Whether a function that the user gave fails, one without frames: `len`, for example."""
    last = traceback.extract_tb(error.__traceback__)[-1].line
    return "self.function(n_epochs)" in last or "stop_when(" in last


def _passes_through_package(error):
    """Whether any of the estimators' code is to blame, or not scikit-learn alone."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f.filename for f in frames if f.filename.startswith(_PACKAGE)]
    return any("model_selection" not in name for name in own)
