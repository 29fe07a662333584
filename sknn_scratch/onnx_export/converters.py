"""The converters of skl2onnx for the estimators of this package.

skl2onnx asks two functions for each class: a shape calculator, which tells the types of the outputs
beforehand, and a converter, which adds the nodes.
"""

from typing import Any

import numpy as np

from sknn_scratch._optional import optional
from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.estimators.classifier import MLPScratchClassifier
from sknn_scratch.estimators.regressor import MLPScratchRegressor
from sknn_scratch.onnx_export.functions import concatenate
from sknn_scratch.onnx_export.graph import Graph, Value
from sknn_scratch.onnx_export.network import classified, is_multilabel, labels_of, predicted

# What skl2onnx offers for the outputs of its own classifiers
CLASSIFIER_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "nocl": [True, False],
}


class ContainerGraph(Graph):
    """A graph that skl2onnx collects."""

    def __init__(self, scope: Any, container: Any) -> None:
        self._scope, self._container = scope, container

    def unique_name(self, seed: str) -> str:
        """Return a name that skl2onnx makes."""
        return self._scope.get_unique_variable_name(seed)

    def add_node(self, node: Any) -> None:
        """Hand the node to skl2onnx, which notes the versions of operators."""
        value_of = optional("onnx.helper").get_attribute_value
        self._container.add_node(
            node.op_type,
            list(node.input),
            list(node.output),
            op_domain=node.domain,
            name=node.name,
            **{attribute.name: value_of(attribute) for attribute in node.attribute},
        )

    def add_constant(self, tensor: Any) -> None:
        """Hand the constant to skl2onnx, which copies numbers but no strings from a tensor."""
        content = list(tensor.string_data) or tensor
        self._container.add_initializer(tensor.name, tensor.data_type, tensor.dims, content)


def register_converters(*derived: type) -> None:
    """Let skl2onnx convert the estimators of this package, wherever they are in a model.

    Call it once in a program before ``skl2onnx.to_onnx`` or ``skl2onnx.convert_sklearn``.
    :func:`~sknn_scratch.model_files.to_onnx` calls it itself.

    Parameters
    ----------
    *derived : classes
        Classes of your own that are derived from `MLPScratchClassifier` or `MLPScratchRegressor`
        and predict in the same way. skl2onnx goes by the class itself, not by its bases.

    Raises
    ------
    TypeError
        If one of the classes is not derived from these.
    ImportError
        If skl2onnx is not installed.
    """
    for cls in (MLPScratchClassifier, MLPScratchRegressor, *derived):
        if not (isinstance(cls, type) and issubclass(cls, BaseMLPScratch)):
            raise TypeError(
                "derived must be classes derived from MLPScratchClassifier or MLPScratchRegressor, "
                f"got {cls!r}."
            )
        if issubclass(cls, MLPScratchClassifier):
            _register(cls, _shapes_of_classifier, _convert_classifier, CLASSIFIER_OPTIONS)
        else:
            _register(cls, _shapes_of_regressor, _convert_regressor)


def _register(cls, shapes, convert, options=None):
    alias = f"{cls.__module__}.{cls.__qualname__}"
    optional("skl2onnx").update_registered_converter(
        cls, alias, shapes, convert, overwrite=True, options=options
    )


def _shapes_of_classifier(operator):
    network, (label, probabilities) = operator.raw_operator, operator.outputs
    n = operator.inputs[0].get_first_dimension()
    k = len(network.classes_)
    kind = _classes(operator.scope_inst, network).dtype
    label.set_type(_type_of(kind)([n, k] if is_multilabel(network) else [n]))
    probabilities.set_type(_type_of(_dtype(operator))([n, k]))


def _convert_classifier(scope, operator, container):
    network, graph = operator.raw_operator, ContainerGraph(scope, container)
    outputs = classified(network, _samples(graph, operator), _classes(scope, network))
    for output, value in zip(operator.outputs, outputs, strict=True):
        graph.name_output(value, output.full_name)


def _shapes_of_regressor(operator):
    n = operator.inputs[0].get_first_dimension()
    shape = [n, operator.raw_operator.n_outputs_]
    operator.outputs[0].set_type(_type_of(_dtype(operator))(shape))


def _convert_regressor(scope, operator, container):
    graph = ContainerGraph(scope, container)
    value = predicted(operator.raw_operator, _samples(graph, operator))
    graph.name_output(value, operator.outputs[0].full_name)


def _classes(scope, network):
    """Return the labels, or with skl2onnx's option 'nocl' their numbers."""
    get = optional("skl2onnx.common.utils_classifier").get_label_classes
    return labels_of(get(scope, network))


def _samples(graph, operator):
    """Return the inputs as one matrix of floats."""
    dtype = _dtype(operator)
    guess = optional("skl2onnx.common.data_types").guess_numpy_type
    columns = [Value(graph, v.full_name, np.dtype(guess(v.type))) for v in operator.inputs]
    return concatenate([column.astype(dtype) for column in columns])


def _dtype(operator):
    """Return the dtype of the computation: float64 if an input is, else float32."""
    double = optional("skl2onnx.common.data_types").DoubleTensorType
    has_doubles = any(isinstance(variable.type, double) for variable in operator.inputs)
    return np.float64 if has_doubles else np.float32


def _type_of(dtype):
    """Return skl2onnx's class for tensors of a dtype."""
    types = optional("skl2onnx.common.data_types")
    names = {
        "float32": types.FloatTensorType,
        "float64": types.DoubleTensorType,
        "int64": types.Int64TensorType,
        "object": types.StringTensorType,
    }
    return names[np.dtype(dtype).name]
