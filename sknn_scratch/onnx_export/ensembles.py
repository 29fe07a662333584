"""Ensembles: the mean over what the members predict."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sknn_scratch.onnx_export.functions import take
from sknn_scratch.onnx_export.graph import Value


def mean_probabilities(ensemble: Any, x: Value, ask: Callable[[Any, Value], Value]) -> Value:
    """Return the probabilities of all classes; `ask` returns those of a member.

    A member has seen the numbers of the classes, and perhaps not all of them.
    """
    answers = []
    for member, features in _members(ensemble):
        answer = ask(member, _chosen(ensemble, x, features))
        if len(member.classes_) < len(ensemble.classes_):
            answer = answer @ np.eye(len(ensemble.classes_))[member.classes_.astype(int)]
        answers.append(answer)
    return _mean(answers)


def mean_prediction(ensemble: Any, x: Value, ask: Callable[[Any, Value], Value]) -> Value:
    """Return the predictions of an ensemble; `ask` returns those of a member."""
    return _mean([ask(m, _chosen(ensemble, x, features)) for m, features in _members(ensemble)])


def _members(ensemble):
    return zip(ensemble.estimators_, ensemble.estimators_features_, strict=True)


def _chosen(ensemble, x, features):
    if np.array_equal(features, np.arange(ensemble.n_features_in_)):
        return x
    return take(x, features, axis=1)


def _mean(answers):
    total = answers[0]
    for answer in answers[1:]:
        total = total + answer
    return total / len(answers)
