"""From an estimator's parameters to the objects of the engine.

Each function reads the parameters of the same names and says clearly what is wrong with them, as
far as it depends on more than one parameter.
"""

from dataclasses import fields
from numbers import Integral, Real

import numpy as np

from sknn_scratch._objective import Objective
from sknn_scratch._schedules import SCHEDULES
from sknn_scratch._training import Optimizer
from sknn_scratch.activations import ACTIVATIONS
from sknn_scratch.penalties import ElasticNet
from sknn_scratch.solvers import SOLVERS


def hidden_units(estimator):
    """Return the number of units of each hidden layer."""
    given = estimator.hidden_layer_sizes
    sizes = [given] if isinstance(given, Integral) else list(given)
    if not all(isinstance(size, Integral) and size > 0 for size in sizes):
        raise ValueError(
            f"hidden_layer_sizes must be > 0: a whole number for each hidden layer, got {given!r}."
        )
    return [int(size) for size in sizes]


def activation_names(estimator):
    """Return the name of the activation of each hidden layer."""
    given, n_hidden = estimator.activation, len(hidden_units(estimator))
    if isinstance(given, str):
        return [given] * n_hidden
    names = list(given)
    if len(names) != n_hidden:
        raise ValueError(
            f"activation has {len(names)} entries, but with hidden_layer_sizes="
            f"{estimator.hidden_layer_sizes!r} there are {n_hidden} hidden layers: "
            "give one name, or one for each hidden layer."
        )
    if unknown := [name for name in names if name not in ACTIVATIONS]:
        raise ValueError(f"activation must be of {list(ACTIVATIONS)}, got {unknown[0]!r}.")
    return names


def build_activations(estimator):
    """Return the activation of each hidden layer."""
    return [ACTIVATIONS[name]() for name in activation_names(estimator)]


def initial_gains(estimator):
    """Return the gain by which the weights of each layer are drawn.

    As in scikit-learn the output layer is drawn by the gain of the hidden layers.
    """
    if isinstance(estimator.activation, str):
        return [ACTIVATIONS[estimator.activation].gain] * (len(hidden_units(estimator)) + 1)
    names = activation_names(estimator) or ["identity"]
    return [ACTIVATIONS[name].gain for name in [*names, names[-1]]][-1 - len(names) :]


def build_objective(estimator, loss, params):
    """Return the function that the estimator minimises over parameters laid out as `params`."""
    penalties = build_penalties(estimator, params)
    return Objective(build_activations(estimator), loss, penalties, params)


def build_penalties(estimator, params):
    """Return the penalties with the slices of the weights to which they belong."""
    l1, l2 = (per_matrix(estimator, name) for name in ("l1", "l2"))
    alpha = float(estimator.alpha)
    terms = [ElasticNet(*pair, alpha) for pair in zip(l1, l2, strict=True)]
    if len(set(terms)) == 1:  # one call for all matrices instead of one for each
        whole = slice(0, params.weights_flat.shape[-1])
        return [] if terms[0] == ElasticNet() else [(whole, terms[0])]
    return list(zip(params.weight_slices, terms, strict=True))


def per_matrix(estimator, name):
    """Return the parameter of that name as a float for each weight matrix."""
    given, n_matrices = getattr(estimator, name), len(hidden_units(estimator)) + 1
    if isinstance(given, Real):
        return [float(given)] * n_matrices
    values = list(given)
    if len(values) != n_matrices:
        raise ValueError(
            f"{name} has {len(values)} entries, but with hidden_layer_sizes="
            f"{estimator.hidden_layer_sizes!r} there are {n_matrices} weight matrices: "
            "give one number, or one for each weight matrix."
        )
    if not all(isinstance(value, Real) and 0 <= value < np.inf for value in values):
        raise ValueError(f"{name} must hold finite numbers >= 0, got {given!r}.")
    return [float(value) for value in values]


def build_optimizer(estimator):
    """Return the solver and the schedule, at their start."""
    # Adam takes no notice of learning_rate, as in scikit-learn.
    schedule = "constant" if estimator.solver == "adam" else estimator.learning_rate
    return Optimizer(
        _filled(SOLVERS[estimator.solver], estimator), _filled(SCHEDULES[schedule], estimator)
    )


def _filled(cls, estimator):
    """Return a dataclass filled with the estimator's parameters of the same names."""
    names = [field.name for field in fields(cls) if field.init]
    # Python's numbers: numpy's scalars make arithmetic on float32 arrays several times slower
    return cls(**{name: np.asarray(getattr(estimator, name)).item() for name in names})
