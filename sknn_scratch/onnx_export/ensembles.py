"""Ensembles: the mean over what the members answer."""

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from sknn_scratch.onnx_export.functions import take
from sknn_scratch.onnx_export.graph import Value


def mean_answer(ensemble: Any, x: Value, ask: Callable[[Any, Value], Value]) -> Value:
    """Return the probabilities of all classes, or predictions; `ask` returns those of a member.

    A member has seen the numbers of the classes, and perhaps not all of them.
    """
    answers = []
    for member, features in zip(ensemble.estimators_, ensemble.estimators_features_, strict=True):
        answer = ask(member, _chosen(ensemble, x, features))
        if is_classifier(ensemble) and len(member.classes_) < len(ensemble.classes_):
            answer = answer @ np.eye(len(ensemble.classes_))[member.classes_.astype(int)]
        answers.append(answer)
    return reduce(add, answers) / len(answers)


def _chosen(ensemble, x, features):
    if np.array_equal(features, np.arange(ensemble.n_features_in_)):
        return x
    return take(x, features, axis=1)
