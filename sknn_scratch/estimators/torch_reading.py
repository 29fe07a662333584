"""What a `torch.nn.Sequential` says: its layers, activations and dropout, or why it is no MLP."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import float64, nn

from sknn_scratch.engine.parameters import Layers
from sknn_scratch.estimators.torch_modules import ACTIVATION_MODULES, Exp

_OUTPUTS = {
    nn.Identity: "identity",
    nn.Sigmoid: "logistic",
    nn.Softmax: "softmax",
    nn.LogSoftmax: "softmax",  # the same scores; torch's loss wants their logarithms
    Exp: "exp",
}
_HOW_NOT_WHAT = {"training", "inplace"}  # attributes of a module that change no value


@dataclass
class _Layer:
    """An nn.Linear, and what follows it."""

    name: str
    linear: Any
    function: Any = field(default_factory=nn.Identity)
    has_function: bool = False
    dropout: float = 0.0


class ReadModule:
    """A multilayer perceptron as a Sequential describes it.

    Parameters
    ----------
    module : nn.Sequential

    Attributes
    ----------
    dropout : list of float
        The rates of the input and of each hidden layer.
    """

    def __init__(self, module):
        if getattr(type(module), "forward", None) is not nn.Sequential.forward:
            raise TypeError(f"module must be a torch.nn.Sequential, got {type(module).__name__}.")
        self._layers, self._input_dropout = [], 0.0
        for name, part in _parts(module):
            self._add(name, part)
        if not self._layers:
            raise ValueError("module has no torch.nn.Linear, and so nothing to predict with.")
        if self._layers[-1].dropout:
            raise ValueError(
                "module ends with a Dropout, but the estimators drop no outputs. Remove it."
            )
        self.dropout = [self._input_dropout, *(layer.dropout for layer in self._layers[:-1])]

    def _add(self, name, part):
        last = self._layers[-1] if self._layers else None
        if type(part) is nn.Linear:
            if last is not None and last.linear.out_features != part.in_features:
                raise ValueError(
                    f"module {name!r} has {part.in_features} inputs, but the layer before it has "
                    f"{last.linear.out_features} outputs."
                )
            self._layers.append(_Layer(name, part))
        elif type(part) is nn.Dropout and last is None:
            self._input_dropout = part.p
        elif type(part) is nn.Dropout:
            last.dropout = part.p
        elif type(part) is nn.Flatten and last is None:
            pass  # a table is flat
        elif last is not None and not last.has_function and not last.dropout:
            last.name, last.function, last.has_function = name, part, True
        else:
            raise ValueError(
                f"module {name!r}, {part}, is out of place: a Linear is followed by an activation "
                "or none, then by a Dropout or none."
            )

    @property
    def n_outputs(self):
        """Return the number of outputs."""
        return self._layers[-1].linear.out_features

    def activations(self):
        """Return the name of the activation of each hidden layer."""
        return [_activation_name(layer) for layer in self._layers[:-1]]

    def output(self, known):
        """Return the name of the function of the outputs, which must be one of those `known`."""
        last = self._layers[-1]
        name = _OUTPUTS.get(type(last.function))
        if name not in known or getattr(last.function, "dim", 1) not in (1, -1):
            allowed = [kind.__name__ for kind, name in _OUTPUTS.items() if name in known]
            raise ValueError(
                f"module {last.name!r}, {last.function}, has no counterpart as the function of "
                f"the outputs. It may be one of {allowed}, over axis 1, or be left out."
            )
        return name

    def arrays(self):
        """Return the weights and biases in float64, and the dtype in which torch has them."""
        layers = Layers([], [])
        for layer in self._layers:
            weight, bias = layer.linear.weight, layer.linear.bias
            layers.weights.append(_as_array(weight).T)
            no_bias = np.zeros(layer.linear.out_features)
            layers.biases.append(no_bias if bias is None else _as_array(bias))
        if not all(np.isfinite(array).all() for array in (*layers.weights, *layers.biases)):
            raise ValueError("module has weights or biases that are not finite. Train it again.")
        in_double = any(layer.linear.weight.dtype == float64 for layer in self._layers)
        return layers, np.float64 if in_double else np.float32


def _parts(module, prefix=""):
    """Yield the modules of a Sequential with their names, those of a Sequential in it as well."""
    for name, part in module.named_children():
        if type(part).forward is nn.Sequential.forward:
            yield from _parts(part, f"{prefix}{name}.")
        else:
            yield prefix + name, part


def _activation_name(layer):
    for name, kind in ACTIVATION_MODULES.items():
        if type(layer.function) is kind and _settings(layer.function) == _settings(kind()):
            return name
    known = [str(kind()) for kind in ACTIVATION_MODULES.values()]
    raise ValueError(
        f"module {layer.name!r}, {layer.function}, has no counterpart among the activations. It "
        f"may be one of {known}, with these settings."
    )


def _settings(module):
    """Return what a module without weights was made with."""
    hidden = {name for name in vars(module) if name.startswith("_")}
    return {name: vars(module)[name] for name in vars(module).keys() - hidden - _HOW_NOT_WHAT}


def _as_array(tensor):
    return tensor.detach().double().cpu().numpy()
