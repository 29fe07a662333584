"""A network alone as a model, for which nothing but onnx is needed."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from sknn_scratch._optional import optional
from sknn_scratch._version import __version__
from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.estimators.fitted import layers_of
from sknn_scratch.onnx_export.graph import PlainGraph, Value, tensor_type
from sknn_scratch.onnx_export.network import classified, is_multilabel, labels_of, predicted

# The newest that onnxruntime 1.14 (2023) and all later ones can read
OPSET, IR_VERSION = 18, 8


def network_to_onnx(network: BaseMLPScratch, dtype: Any = None) -> Any:
    """Return a fitted network in the ONNX format; nothing but the package onnx is needed.

    :func:`~sknn_scratch.model_files.to_onnx` also converts pipelines, and runs what it has made.

    Parameters
    ----------
    network : MLPScratchClassifier or MLPScratchRegressor
        The fitted network.
    dtype : {numpy.float32, numpy.float64} or None, default=None
        The dtype of the input, of all computation and of the predictions. None is the dtype of the
        weights.

    Returns
    -------
    converted : onnx.ModelProto
        A model of opset 18. Its input is 'X', of shape (n_samples, n_features). A classifier has
        the outputs 'label' and 'probabilities', a regressor has 'variable', of shape
        (n_samples, n_outputs).

    Raises
    ------
    TypeError
        If `network` is of another class.
    ValueError
        If `dtype` is another one, if there is no converter for an activation, or if ONNX cannot
        have the labels.
    NotFittedError
        If the network is not fitted.
    ImportError
        If onnx is not installed.
    """
    if not isinstance(network, BaseMLPScratch):
        raise TypeError(
            "network must be an MLPScratchClassifier or MLPScratchRegressor, got "
            f"{type(network).__name__}. For a Pipeline call sknn_scratch.model_files.to_onnx."
        )
    check_is_fitted(network)
    dtype = np.dtype(layers_of(network).biases[0].dtype if dtype is None else dtype)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype must be numpy.float32 or numpy.float64, got {dtype}.")
    graph = PlainGraph()
    outputs = _outputs(network, Value(graph, "X", dtype))
    for name, (value, _) in outputs.items():
        graph.name_output(value, name)
    return _model(graph, network.n_features_in_, dtype, outputs)


def _outputs(network, x):
    """Return each output with its shape, by name."""
    k = network.n_outputs_
    if not is_classifier(network):
        return {"variable": (predicted(network, x), [None, k])}
    label, probabilities = classified(network, x, labels_of(network.classes_))
    shape = [None, k] if is_multilabel(network) else [None]
    return {
        "label": (label, shape),
        "probabilities": (probabilities, [None, len(network.classes_)]),
    }


def _model(graph, n_features, dtype, outputs):
    helper = optional("onnx.helper")
    info = helper.make_tensor_value_info
    made = helper.make_graph(
        graph.nodes,
        "network",
        [info("X", tensor_type(dtype), [None, n_features])],
        [info(name, tensor_type(v.dtype), shape) for name, (v, shape) in outputs.items()],
        graph.constants,
    )
    return helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="sknn_scratch",
        producer_version=__version__,
    )
