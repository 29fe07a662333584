"""The modules of torch that compute what activations and output functions do.

torch is imported here and nowhere else. Whoever imports this file has made sure that it is there.
"""

from collections.abc import Callable

import torch
from torch import nn


class Exp(nn.Module):
    """exp(z), which torch has as a function only."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return exp(z)."""
        return torch.exp(z)


class Sine(nn.Module):
    """sin(z), which torch has as a function only."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return sin(z)."""
        return torch.sin(z)


# Made without arguments, each computes the same as the activation of that name
ACTIVATION_MODULES: dict[str, type[nn.Module]] = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "softplus": nn.Softplus,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "selu": nn.SELU,
    "hard_swish": nn.Hardswish,
    "sine": Sine,
}


def _softmax() -> nn.Module:
    return nn.Softmax(dim=1)


OUTPUT_MODULES: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "softmax": _softmax,
    "logistic": nn.Sigmoid,
    "exp": Exp,
}
