"""The parts that parameters name, and what to do about a name that is not there.

Users add parts of their own to the registries. A model keeps the name alone: the part has to be
registered again wherever the model is used.
"""

from collections import ChainMap
from collections.abc import Mapping
from typing import Any, NamedTuple

from sknn_scratch._sklearn import StrOptions
from sknn_scratch._warnings import warn
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.initializers import INITIALIZERS
from sknn_scratch.engine.losses import CLASSIFICATION_LOSSES, REGRESSION_LOSSES
from sknn_scratch.engine.penalties import PENALTIES
from sknn_scratch.engine.schedules import SCHEDULES
from sknn_scratch.engine.solvers import SOLVERS


class Registry(NamedTuple):
    """What a parameter may name: the parts by name, where users add to them, and what they add."""

    names: Mapping[str, Any]
    variable: str
    what: str
    others: Mapping[str, Any] = {}  # parts that no user chooses: the losses of classifiers

    @property
    def where(self) -> str:
        """The variable to which users add, with its module."""
        return f"sknn_scratch.engine.{self.variable}"

    @property
    def parts(self) -> Mapping[str, Any]:
        """All parts by name."""
        return ChainMap(self.others, self.names)  # type: ignore[arg-type]


REGISTRIES = {
    "activation": Registry(ACTIVATIONS, "activations.ACTIVATIONS", "a class of activations"),
    "init": Registry(INITIALIZERS, "initializers.INITIALIZERS", "a function"),
    "learning_rate": Registry(SCHEDULES, "schedules.SCHEDULES", "a class of schedules"),
    "loss": Registry(
        REGRESSION_LOSSES,
        "losses.REGRESSION_LOSSES",
        "a class of losses",
        others=CLASSIFICATION_LOSSES,
    ),
    # No parameter has this name: a penalty is registered under the parameter that is its strength
    "penalty": Registry(PENALTIES, "penalties.PENALTIES", "a class of penalties"),
    "solver": Registry(SOLVERS, "solvers.SOLVERS", "a class of solvers"),
}


class Registered(StrOptions):
    """The names in the registry of a parameter, also later ones, and those in no registry."""

    def __init__(self, parameter, *built_in):
        names = ChainMap(REGISTRIES[parameter].names, dict.fromkeys(built_in))
        super().__init__(names.keys())
        self.where = REGISTRIES[parameter].where

    def __str__(self):
        return f"{super().__str__()} (your own are added to {self.where})"


def part(parameter, name):
    """Return the class or function that a parameter names; say what is wrong if it is no use."""
    registry = REGISTRIES[parameter]
    # A fit asks for a dozen parts. To make a ChainMap of both takes longer than all else here
    parts = registry.others if name in registry.others else registry.names
    if name not in parts:
        raise ValueError(how_to_register(parameter, name))
    found = parts[name]
    if not callable(found):
        raise ValueError(f"{registry.where}[{name!r}] must be {registry.what}, got {found!r}.")
    if missing := getattr(found, "__abstractmethods__", None):
        raise ValueError(
            f"{parameter}={name!r} is the class {found.__name__}, which lacks "
            f"{', '.join(sorted(missing))}. Define that in the class; look for a misspelt name."
        )
    return found


def how_to_register(parameter, name):
    """Return an error message about a name that is not in the registry of a parameter."""
    registry = REGISTRIES[parameter]
    return (
        f"{parameter}={name!r} is not registered in this process. Before the model is used, add "
        f"{registry.what} under that name: {registry.where}[{name!r}] = ..."
    )


def warn_of_missing_parts(estimator):
    """Warn where a model that was loaded needs parts, to predict, that are not registered."""
    activation = getattr(estimator, "activation", None)
    named = [activation] if isinstance(activation, str) else activation
    for parameter, names in (("loss", [getattr(estimator, "loss", None)]), ("activation", named)):
        for name in names if isinstance(names, list | tuple) else []:
            if isinstance(name, str) and name not in REGISTRIES[parameter].parts:
                warn(how_to_register(parameter, name), RuntimeWarning)
