"""The activations of hidden layers, as functions of tensors of ONNX."""

from collections.abc import Callable, Sequence
from math import sqrt

from sknn_scratch.engine.activations import (
    ELU,
    GELU,
    SELU,
    Activation,
    HardSwish,
    Identity,
    LeakyReLU,
    Logistic,
    Mish,
    ReLU,
    SiLU,
    Sine,
    Softplus,
    Tanh,
)
from sknn_scratch.onnx_export.errors import NotConvertibleError
from sknn_scratch.onnx_export.functions import (
    clip,
    erf,
    exp,
    relu,
    sigmoid,
    sin,
    softplus,
    tanh,
    where,
)
from sknn_scratch.onnx_export.graph import Value

# A line for each class of the package. Users add their own, and only the class itself counts: one
# derived from ReLU may compute something else
ACTIVATION_CONVERTERS: dict[type[Activation], Callable[[Value], Value]] = {
    Identity: lambda z: z,
    Logistic: sigmoid,
    Tanh: tanh,
    ReLU: relu,
    LeakyReLU: lambda z: where(z < 0, z * LeakyReLU.slope, z),
    ELU: lambda z: where(z < 0, exp(z) - 1, z),
    Softplus: softplus,
    GELU: lambda z: z * (erf(z / sqrt(2)) + 1) / 2,
    SiLU: lambda z: z * sigmoid(z),
    Mish: lambda z: z * tanh(softplus(z)),
    SELU: lambda z: where(z < 0, (exp(z) - 1) * SELU.t, z) * SELU.s,
    HardSwish: lambda z: z * clip(z + 3, 0, 6) / 6,
    Sine: sin,
}


def converters_of(activations: Sequence[Activation]) -> list[Callable[[Value], Value]]:
    """Return the function of each activation, or raise an error that names those without."""
    kinds = [type(activation) for activation in activations]
    if missing := {kind.__name__ for kind in kinds if kind not in ACTIVATION_CONVERTERS}:
        name = ", ".join(sorted(missing))
        raise NotConvertibleError(
            f"no converter is known for the activation {name}. Write one with the functions of "
            "sknn_scratch.onnx_export.functions, and register it: sknn_scratch.onnx_export."
            f"ACTIVATION_CONVERTERS[{min(missing)}] = lambda z: z * sigmoid(z)"
        )
    return [ACTIVATION_CONVERTERS[kind] for kind in kinds]
