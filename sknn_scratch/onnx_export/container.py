"""Where the graphs of this package meet skl2onnx: its containers, variables and types."""

from typing import Any

import numpy as np

from sknn_scratch._optional import optional
from sknn_scratch.onnx_export.functions import concatenate, take
from sknn_scratch.onnx_export.graph import Graph, Value


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
            # Of the ML operators LabelEncoder alone is used, as version 2 defines it
            op_version=2 if node.domain else None,
            name=node.name,
            **{attribute.name: value_of(attribute) for attribute in node.attribute},
        )

    def add_constant(self, tensor: Any) -> None:
        """Hand the constant to skl2onnx, which copies numbers but no strings from a tensor."""
        content = list(tensor.string_data) or tensor
        self._container.add_initializer(tensor.name, tensor.data_type, tensor.dims, content)


def value_of(graph: Graph, variable: Any) -> Value:
    """Return a variable of skl2onnx as a tensor of a graph."""
    return Value(graph, variable.full_name, dtype_of(variable))


def dtype_of(variable: Any) -> np.dtype:
    """Return the dtype of a variable; strings have the dtype ``object``."""
    kind = optional("skl2onnx.common.data_types").guess_numpy_type(variable.type)
    return np.dtype(object if kind is np.str_ else kind)


def type_of(dtype: Any) -> Any:
    """Return skl2onnx's class for tensors of a dtype."""
    ((_, kind),) = optional("skl2onnx.common.data_types").guess_data_type(np.empty(0, dtype))
    return type(kind)


def matrix(graph: Graph, inputs: Any, dtype: Any) -> Value:
    """Return the inputs of an operator as one matrix."""
    return concatenate([value_of(graph, variable).astype(dtype) for variable in inputs])


def columns(graph: Graph, inputs: Any, n_features: int) -> list[Value]:
    """Return the inputs of an operator as columns, each of its own dtype and of shape (n, 1)."""
    if len(inputs) == n_features:
        return [value_of(graph, variable) for variable in inputs]
    separate = []
    for variable in inputs:
        value = value_of(graph, variable)
        width = n_features if len(inputs) == 1 else variable.get_second_dimension()
        separate += [take(value, [number], axis=1) for number in range(width)]
    return separate


def parsed(scope: Any, model: Any, inputs: list) -> list:
    """Return the outputs of a model within another, which skl2onnx is to convert."""
    # Private; skl2onnx's own converters of models within models call it
    return optional("skl2onnx._parse")._parse_sklearn(scope, model, inputs)


def alias(cls: type) -> str:
    """Return the name by which skl2onnx knows the converter of a class."""
    return f"{cls.__module__}.{cls.__qualname__} by sknn_scratch"
