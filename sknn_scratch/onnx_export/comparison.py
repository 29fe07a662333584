"""What a converted model predicts in onnxruntime, beside what the model predicts.

skl2onnx converts some models wrongly and without an error. What has not run is not believed.
"""

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier

from sknn_scratch._optional import optional
from sknn_scratch.onnx_export.errors import NotConvertibleError


class Predictions(NamedTuple):
    """What a model predicts: probabilities or targets, and the labels of a classifier."""

    values: np.ndarray
    labels: np.ndarray | None


def predictions(model: Any, X: Any) -> Predictions:
    """Return what a model predicts for X."""
    if is_classifier(model):
        return Predictions(model.predict_proba(X), model.predict(X))
    return Predictions(model.predict(X), None)


def check_predictions(converted: Any, inputs: dict, expected: Predictions) -> None:
    """Raise an error unless a converted model predicts for its inputs what is expected."""
    *labels, values = run(converted, inputs)
    _check_same(values, expected.values)
    if expected.labels is not None:
        _check_same_labels(labels[0], expected.labels, expected.values)


def run(converted: Any, inputs: dict) -> list[np.ndarray]:
    """Return the outputs of a converted model.

    A classifier has its labels before its probabilities.
    """
    onnxruntime = optional("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; skl2onnx declares shapes that are not those it makes
    session = onnxruntime.InferenceSession(
        converted.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, inputs)


def _check_same(given, expected):
    expected = expected.reshape(len(expected), -1)
    if given.shape != expected.shape:
        raise NotConvertibleError(
            f"what comes out predicts an array of shape {given.shape}, not {expected.shape}"
        )
    worst = np.abs(given - expected).max() / max(1, np.abs(expected).max())
    if not worst <= 1e-5:
        raise NotConvertibleError(
            f"predictions of what comes out differ by up to {worst:.0e}. If that is rounding, give "
            "X as float64"
        )


def _check_same_labels(given, expected, probabilities):
    """Compare the labels of the samples on which rounding does not decide."""
    if expected.ndim == 2:
        decided = np.abs(probabilities - 0.5) > 1e-4
    else:
        *_, second, first = np.sort(np.c_[np.zeros(len(probabilities)), probabilities], axis=1).T
        decided = first - second > 1e-4
    if given.shape != expected.shape:
        raise NotConvertibleError(
            f"what comes out predicts labels of shape {given.shape}, not {expected.shape}"
        )
    wrong = decided & (given != expected)
    if wrong.any():
        raise NotConvertibleError(
            f"what comes out predicts the label {given[wrong][0]!r} in place of "
            f"{expected[wrong][0]!r}"
        )
