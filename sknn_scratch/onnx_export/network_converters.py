"""Networks and ensembles of them within the models of skl2onnx.

skl2onnx asks two functions for each class: a shape calculator, which tells the types of the outputs
beforehand, and a converter, which adds the nodes.
"""

from functools import partial
from typing import Any

import numpy as np
from sklearn.base import is_classifier

from sknn_scratch._optional import optional
from sknn_scratch._pipelines import last_step
from sknn_scratch.ensemble import MLPBaggingClassifier, MLPBaggingRegressor
from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.onnx_export.container import (
    ContainerGraph,
    dtype_of,
    matrix,
    parsed,
    type_of,
    value_of,
)
from sknn_scratch.onnx_export.ensembles import mean_answer
from sknn_scratch.onnx_export.functions import argmax, take
from sknn_scratch.onnx_export.network import (
    Classified,
    classified,
    is_multilabel,
    labels_of,
    predicted,
)

# What skl2onnx offers for the outputs of its own classifiers
CLASSIFIER_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "nocl": [True, False],
}


def shapes_of_classifier(operator: Any) -> None:
    """Tell the types of labels and probabilities, of a network or of an ensemble."""
    model, (label, probabilities) = operator.raw_operator, operator.outputs
    n, k = _n_samples(operator), len(model.classes_)
    kind = _classes(operator.scope_inst, model).dtype
    several = isinstance(model, BaseMLPScratch) and is_multilabel(model)
    label.set_type(type_of(kind)([n, k] if several else [n]))
    probabilities.set_type(type_of(_dtype(operator))([n, k]))


def convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a classifier."""
    model, graph = operator.raw_operator, ContainerGraph(scope, container)
    x, classes = matrix(graph, operator.inputs, _dtype(operator)), _classes(scope, model)
    if isinstance(model, BaseMLPScratch):
        outputs = classified(model, x, classes)
    else:
        probabilities = _answer(scope, container, model, x)
        label = take(graph.constant(classes), argmax(probabilities), axis=0)
        outputs = Classified(label, probabilities)
    for output, value in zip(operator.outputs, outputs, strict=True):
        graph.name_output(value, output.full_name)


def shapes_of_regressor(operator: Any) -> None:
    """Tell the type of the predictions, of a network or of an ensemble."""
    model = operator.raw_operator
    network = model if isinstance(model, BaseMLPScratch) else last_step(model.estimators_[0])
    shape = [_n_samples(operator), getattr(network, "n_outputs_", None)]
    operator.outputs[0].set_type(type_of(_dtype(operator))(shape))


def convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a regressor."""
    model, graph = operator.raw_operator, ContainerGraph(scope, container)
    x = matrix(graph, operator.inputs, _dtype(operator))
    graph.name_output(_answer(scope, container, model, x), operator.outputs[0].full_name)


def _answer(scope, container, model, x):
    """Return probabilities or predictions of a network, of an ensemble or of a member of one."""
    if isinstance(model, BaseMLPScratch):
        if is_classifier(model):
            return classified(model, x, labels_of(model.classes_)).probabilities
        return predicted(model, x)
    if isinstance(model, (MLPBaggingClassifier, MLPBaggingRegressor)):
        return mean_answer(model, x, partial(_answer, scope, container))
    if is_classifier(model):  # probabilities as an array, not as a list of dicts
        for holder in (scope, container):
            holder.add_options(id(last_step(model)), {"zipmap": False})
    shape = [None, model.n_features_in_]
    samples = scope.declare_local_variable("samples", type_of(x.dtype)(shape))
    x.graph.name_output(x, samples.full_name)
    return value_of(x.graph, parsed(scope, model, [samples])[-1]).astype(x.dtype)


def _classes(scope, model):
    """Return the labels, or with skl2onnx's option 'nocl' their numbers."""
    get = optional("skl2onnx.common.utils_classifier").get_label_classes
    return labels_of(get(scope, model))


def _dtype(operator):
    """Return the dtype of the computation: float64 if an input is, else float32."""
    has_doubles = any(dtype_of(variable) == np.float64 for variable in operator.inputs)
    return np.float64 if has_doubles else np.float32


def _n_samples(operator):
    return operator.inputs[0].get_first_dimension()
