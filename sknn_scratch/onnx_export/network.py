"""A network as a graph: from the samples to labels, probabilities or predicted targets."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.base import is_classifier

from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.estimators.build import build_activations
from sknn_scratch.onnx_export.activations import converters_of
from sknn_scratch.onnx_export.errors import NotConvertibleError
from sknn_scratch.onnx_export.functions import (
    argmax,
    clip,
    concatenate,
    exp,
    sigmoid,
    softmax,
    take,
)
from sknn_scratch.onnx_export.graph import Value

# From raw scores to predictions, by the name that a loss has for it (`out_activation`)
OUTPUT_CONVERTERS = {
    "identity": lambda raw: raw,
    "exp": exp,
    "softmax": softmax,
    "logistic": sigmoid,
}


class Classified(NamedTuple):
    """The two outputs of a classifier."""

    label: Value
    probabilities: Value


def raw_scores(network: BaseMLPScratch, x: Value) -> Value:
    """Return the raw scores of the output layer, computed in the dtype of x."""
    *hidden, (W, b) = zip(network.coefs_, network.intercepts_, strict=True)
    activations = converters_of(build_activations(network, n_hidden=len(hidden)))
    for (V, c), activation in zip(hidden, activations, strict=True):
        x = activation(_affine(x, V, c))
    return _affine(x, W, b)


def _affine(x, W, b):
    return x.graph.node("Gemm", [x, W, b])


def predicted(network: BaseMLPScratch, x: Value) -> Value:
    """Return the predictions of a regressor, shape (n_samples, n_outputs)."""
    return _output(network)(raw_scores(network, x))


def _output(network):
    name = network.out_activation_
    if name not in OUTPUT_CONVERTERS:
        raise NotConvertibleError(
            f"no converter is known for the output function {name!r} of the loss. Write one with "
            "the functions of sknn_scratch.onnx_export.functions, and register it: sknn_scratch."
            f"onnx_export.OUTPUT_CONVERTERS[{name!r}] = lambda raw: exp(raw)"
        )
    return OUTPUT_CONVERTERS[name]


def classified(network: BaseMLPScratch, x: Value, classes: np.ndarray) -> Classified:
    """Return labels out of `classes`, and the probabilities of a classifier."""
    raw = raw_scores(network, x)
    if len(network.classes_) == 1:
        return Classified(_labels(argmax(raw), classes), raw * 0 + 1)
    kind = network._label_binarizer.y_type_
    scores = concatenate([-raw, raw]) if kind == "binary" else raw
    limits = np.finfo(x.dtype)
    probabilities = clip(_output(network)(scores), limits.tiny, 1 - limits.epsneg)
    if kind.startswith("multilabel"):
        return Classified((raw > 0).astype(np.int64), probabilities)
    return Classified(_labels(argmax(scores), classes), probabilities)


def _labels(index, classes):
    return take(index.graph.constant(classes), index, axis=0)


def labels_of(classes: Any) -> np.ndarray:
    """Return classes as ONNX can have them: integers of 64 bits, or strings as objects."""
    classes = np.asarray(classes)
    if classes.dtype.kind in "UO" and all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    if classes.dtype.kind in "biuf":
        labels = classes.astype(np.int64)
        if labels.tolist() == classes.tolist():
            return labels
    raise NotConvertibleError(
        f"labels in ONNX are integers of 64 bits, but classes_ is {classes}. Encode the labels by "
        "sklearn.preprocessing.LabelEncoder before fit"
    )


def is_multilabel(network: Any) -> bool:
    """Whether a classifier predicts several labels for each sample."""
    return is_classifier(network) and network._label_binarizer.y_type_.startswith("multilabel")
