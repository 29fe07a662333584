"""Functions of tensors under numpy's names; each adds its nodes to the graph of its argument.

Each is right for float32 and float64, and for values of any size, where onnxruntime computes it.
"""

from typing import Any

import numpy as np

from sknn_scratch.onnx_export.graph import Value

__all__ = [
    "absolute",
    "argmax",
    "clip",
    "concatenate",
    "equal",
    "erf",
    "exp",
    "isnan",
    "log",
    "logical_and",
    "logical_not",
    "maximum",
    "minimum",
    "relu",
    "sigmoid",
    "sin",
    "softmax",
    "softplus",
    "sqrt",
    "take",
    "tanh",
    "where",
]


def absolute(z: Value) -> Value:
    """Return |z|."""
    return z.graph.node("Abs", [z])


def exp(z: Value) -> Value:
    """Return e to the power of z."""
    return z.graph.node("Exp", [z])


def log(z: Value) -> Value:
    """Return the natural logarithm."""
    return z.graph.node("Log", [z])


def sqrt(z: Value) -> Value:
    """Return the square root."""
    return z.graph.node("Sqrt", [z])


def sin(z: Value) -> Value:
    """Return the sine."""
    return z.graph.node("Sin", [z])


def tanh(z: Value) -> Value:
    """Return the hyperbolic tangent."""
    return z.graph.node("Tanh", [z])


def erf(z: Value) -> Value:
    """Return the error function, to the precision of float32.

    onnxruntime has no other; the error of 1e-7 is small beside what predictions are compared to.
    """
    return z.graph.node("Erf", [z.astype(np.float32)]).astype(z.dtype)


def sigmoid(z: Value) -> Value:
    """Return 1 / (1 + exp(-z))."""
    return z.graph.node("Sigmoid", [z])


def relu(z: Value) -> Value:
    """Return max(z, 0)."""
    return z.graph.node("Relu", [z])


def softplus(z: Value) -> Value:
    """Return log(1 + exp(z)).

    The operator of that name is the formula as it stands in float64, which overflows at 710.
    """
    return relu(z) + log(1 + exp(-absolute(z)))


def softmax(z: Value) -> Value:
    """Return exp(z) / sum_k exp(z_k), each row for itself."""
    return z.graph.node("Softmax", [z], axis=1)


def maximum(z: Value, other: Any) -> Value:
    """Return the larger one of each two elements."""
    return z.graph.node("Max", [z, other])


def minimum(z: Value, other: Any) -> Value:
    """Return the smaller one of each two elements."""
    return z.graph.node("Min", [z, other])


def clip(z: Value, lowest: Any, highest: Any) -> Value:
    """Return the nearest value from `lowest` to `highest`, numbers or arrays."""
    return minimum(maximum(z, lowest), highest)


def isnan(z: Value) -> Value:
    """Return whether an element is NaN."""
    return z.graph.node("IsNaN", [z], dtype=bool)


def equal(z: Value, other: Any) -> Value:
    """Return whether two elements are equal; not for strings."""
    return z.graph.node("Equal", [z, other], dtype=bool)


def logical_not(z: Value) -> Value:
    """Return the opposite."""
    return z.graph.node("Not", [z])


def logical_and(z: Value, other: Value) -> Value:
    """Return whether both are true."""
    return z.graph.node("And", [z, other])


def where(condition: Value, z: Any, other: Any) -> Value:
    """Return elements of `z` where the condition holds, elsewhere of `other`."""
    kind = next(value.dtype for value in (z, other) if isinstance(value, Value))
    z, other = (
        value if isinstance(value, Value) else condition.graph.constant(value, kind)
        for value in (z, other)
    )
    return condition.graph.node("Where", [condition, z, other], dtype=kind)


def concatenate(values: list[Value], axis: int = 1) -> Value:
    """Return tensors joined along an axis."""
    return values[0] if len(values) == 1 else values[0].graph.node("Concat", values, axis=axis)


def take(z: Value, indices: Any, axis: int) -> Value:
    """Return the elements of z at these places along an axis."""
    if not isinstance(indices, Value):
        indices = z.graph.constant(indices, np.int64)
    return z.graph.node("Gather", [z, indices], axis=axis)


def argmax(z: Value) -> Value:
    """Return the place of the largest element of each row, shape (n,)."""
    return z.graph.node("ArgMax", [z], dtype=np.int64, axis=1, keepdims=0)
