"""A computation as nodes of ONNX, written like arithmetic on arrays.

A `Value` is a tensor that is known once the model runs. ``z * 0.5 + 1`` adds two nodes and two
constants to the graph of z. The functions of `functions` do the same under numpy's names.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from sknn_scratch._optional import optional


@dataclass(frozen=True)
class Value:
    """A tensor of a graph: the name by which nodes refer to it, and the dtype of its elements."""

    graph: "Graph"
    name: str
    dtype: np.dtype

    # Elementwise equality would make a node, which dataclasses and tests do not expect: it is the
    # function `equal`

    def __add__(self, other: Any) -> "Value":
        return self.graph.node("Add", [self, other])

    __radd__ = __add__

    def __sub__(self, other: Any) -> "Value":
        return self.graph.node("Sub", [self, other])

    def __rsub__(self, other: Any) -> "Value":
        return -self + other

    def __mul__(self, other: Any) -> "Value":
        return self.graph.node("Mul", [self, other])

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Value":
        return self.graph.node("Div", [self, other])

    def __rtruediv__(self, other: Any) -> "Value":
        return self.graph.constant(other, self.dtype) / self

    def __matmul__(self, other: Any) -> "Value":
        return self.graph.node("MatMul", [self, other])

    def __neg__(self) -> "Value":
        return self.graph.node("Neg", [self])

    def __lt__(self, other: Any) -> "Value":
        return self.graph.node("Less", [self, other], dtype=bool)

    def __gt__(self, other: Any) -> "Value":
        return self.graph.node("Greater", [self, other], dtype=bool)

    def astype(self, dtype: Any) -> "Value":
        """Return the tensor with elements of another dtype."""
        dtype = np.dtype(dtype)
        if dtype == self.dtype:
            return self
        return self.graph.node("Cast", [self], dtype=dtype, to=tensor_type(dtype))


class Graph(ABC):
    """Takes nodes and constants, and names them."""

    @abstractmethod
    def unique_name(self, seed: str) -> str:
        """Return a name that begins with `seed` and that no other tensor has."""

    @abstractmethod
    def add_node(self, node: Any) -> None:
        """Take an ``onnx.NodeProto``."""

    @abstractmethod
    def add_constant(self, tensor: Any) -> None:
        """Take an ``onnx.TensorProto``, which has a name."""

    def node(
        self, op: str, inputs: list, *, dtype: Any = None, domain: str = "", **attributes: Any
    ) -> Value:
        """Add a node with one output, which has the dtype of the first `Value` if none is given.

        Inputs that are numbers or arrays become constants of that dtype.
        """
        kind = next(value.dtype for value in inputs if isinstance(value, Value))
        names = [
            value.name if isinstance(value, Value) else self.constant(value, kind).name
            for value in inputs
        ]
        output = self.unique_name(op.lower())
        make_node = optional("onnx.helper").make_node
        self.add_node(make_node(op, names, [output], name=output, domain=domain, **attributes))
        return Value(self, output, kind if dtype is None else np.dtype(dtype))

    def constant(self, array: Any, dtype: Any = None) -> Value:
        """Add a constant; an array of str objects has the dtype ``object``."""
        array = np.asarray(array, dtype=dtype)
        name = self.unique_name("constant")
        self.add_constant(optional("onnx.numpy_helper").from_array(array, name))
        return Value(self, name, array.dtype)

    def name_output(self, value: Value, name: str) -> None:
        """Let a tensor be known by a name that was fixed before."""
        make_node = optional("onnx.helper").make_node
        self.add_node(
            make_node("Identity", [value.name], [name], name=self.unique_name("identity"))
        )


def tensor_type(dtype: Any) -> int:
    """Return the number by which ONNX knows a dtype; strings have the dtype ``object``."""
    return optional("onnx.helper").np_dtype_to_tensor_dtype(np.dtype(dtype))


class PlainGraph(Graph):
    """A graph in lists, from which a model is made; nothing but onnx is needed for it."""

    def __init__(self) -> None:
        self.nodes: list = []
        self.constants: list = []
        self._names: dict[str, int] = {}

    def unique_name(self, seed: str) -> str:
        """Return the seed with a number."""
        self._names[seed] = number = self._names.get(seed, 0) + 1
        return f"{seed}_{number}"

    def add_node(self, node: Any) -> None:
        """Append the node."""
        self.nodes.append(node)

    def add_constant(self, tensor: Any) -> None:
        """Append the constant."""
        self.constants.append(tensor)
