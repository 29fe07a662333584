"""What each parameter may be, and when that is checked."""

import sys
from collections.abc import Callable
from functools import cache, wraps
from inspect import signature
from numbers import Integral, Real
from operator import attrgetter, is_
from typing import Any, TypeVar, cast
from weakref import WeakKeyDictionary

import numpy as np
from sklearn import get_config
from sklearn.utils.metaestimators import available_if

from sknn_scratch._sklearn import (
    Interval,
    Options,
    StrOptions,
    fit_context,
    validate_parameter_constraints,
)
from sknn_scratch.engine.activations import Activation
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.estimators.registries import Registered, how_to_register
from sknn_scratch.estimators.validation import is_number

Method = TypeVar("Method", bound=Callable[..., Any])

# The parameters of estimators as they were when they were last found to be right in partial_fit
_found_right: WeakKeyDictionary = WeakKeyDictionary()


class Number(Interval):
    """An interval of numbers; scikit-learn's own takes True for 1."""

    def is_satisfied_by(self, val):
        """Whether the value is a number within the interval."""
        return is_number(val) and super().is_satisfied_by(val)


# The views of the registries see what is added to them later
CONSTRAINTS: dict = {
    "hidden_layer_sizes": ["array-like", Number(Integral, 1, None, closed="left")],
    "activation": [Registered("activation"), Activation, "array-like"],
    "solver": [Registered("solver", "lbfgs")],
    "alpha": [Number(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Number(Integral, 1, None, closed="left")],
    "learning_rate": [Registered("learning_rate"), callable],
    "learning_rate_init": [Number(Real, 0, None, closed="neither")],
    "power_t": [Number(Real, 0, None, closed="left")],
    "max_iter": [Number(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": [Number(Integral, 0, 2**32 - 1, closed="both"), np.random.RandomState, None],
    "tol": [Number(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean", StrOptions({"resume"})],
    "momentum": [Number(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Number(Real, 0, 1, closed="left")],
    "beta_1": [Number(Real, 0, 1, closed="left")],
    "beta_2": [Number(Real, 0, 1, closed="left")],
    "epsilon": [Number(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Number(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Number(Integral, 1, None, closed="left")],
    "init": [Registered("init")],
    "l1": [Number(Real, 0, None, closed="left"), "array-like"],
    "l2": [Number(Real, 0, None, closed="left"), "array-like"],
    "weight_decay": [Number(Real, 0, None, closed="left")],
    "group_l1": [Number(Real, 0, None, closed="left")],
    "max_norm": [Number(Real, 0, None, closed="neither"), None],
    "dropout": [Number(Real, 0, 1, closed="left"), "array-like"],
    "warmup_epochs": [Number(Real, 0, None, closed="left")],
    "restart": ["boolean"],
    "early_stopping_on": [StrOptions({"score", "loss"})],
    "stop_when": [callable, None],
    "engine": [StrOptions({"numpy", "numba"})],
}


def check_parameters(estimator):
    """Raise an InvalidParameterError for the first parameter that is not right.

    Defaults are right, and most parameters of most estimators are what their defaults are, also in
    a clone. To check them all takes longer than to train a small network for an epoch.
    """
    changed = {}
    for name, default in _sound_defaults(type(estimator)).items():
        value = getattr(estimator, name)
        if value is not default:
            changed[name] = value
    constraints, caller = estimator._parameter_constraints, type(estimator).__name__
    try:
        validate_parameter_constraints(constraints, changed, caller_name=caller)
    except ValueError as error:
        sizes = changed.get("loss")  # a classifier takes these first
        if not isinstance(sizes, (int, list, tuple)) or "'loss' parameter" not in str(error):
            raise
        remedy = f"The first argument is the loss: write hidden_layer_sizes={sizes!r}."
        raise type(error)(f"{error} {remedy}") from None
    _check_magnitudes(estimator)


def _check_magnitudes(estimator):
    """Raise a ValueError for a parameter that is a number too large for a float."""
    for name in estimator._parameter_constraints:
        value = getattr(estimator, name)
        for number in value if isinstance(value, (list, tuple)) else [value]:
            # Only Python's own whole numbers can be that large
            if isinstance(number, int) and abs(number) > sys.float_info.max:
                raise ValueError(
                    f"{name} must be at most {sys.float_info.max:.1e}, the largest float, but what "
                    "was given is larger: use a smaller number."
                )


@cache
def _sound_defaults(cls):
    """Return the defaults of the parameters of a class, an object of its own for one not right."""
    defaults = {}
    parameters = signature(cls).parameters.values()
    for parameter in sorted(parameters, key=attrgetter("name")):
        name, default = parameter.name, parameter.default
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        try:
            validate_parameter_constraints(cls._parameter_constraints, {name: default}, "")
        except ValueError:
            default = object()
        defaults[name] = default
    return defaults


def checks_parameters(method: Method) -> Method:
    """Have scikit-learn check the parameters first; its own decorator would hide the types."""
    return fit_context(prefer_skip_nested_validation=True)(method)


def checks_own_parameters(method: Method) -> Method:
    """Have scikit-learn check the parameters first; estimators within this one check theirs."""
    return fit_context(prefer_skip_nested_validation=False)(method)


def checks_changed_parameters(method: Method) -> Method:
    """Check the parameters first, but in a later call only if there are others.

    scikit-learn leaves all later calls of partial_fit unchecked: a check of them all would take an
    eighth of the time of a small batch.
    """
    in_context = checks_parameters(method)

    @wraps(method)
    def checked(estimator, *args, **kwargs):
        if hasattr(estimator, "coefs_") and not get_config()["skip_parameter_validation"]:
            _check_if_changed(estimator)
        return in_context(estimator, *args, **kwargs)

    return cast(Method, checked)


def _check_if_changed(estimator):
    parameters = [getattr(estimator, name, None) for name in estimator._parameter_constraints]
    before = _found_right.get(estimator)
    if before is None or not all(map(is_, parameters, before)):
        estimator._validate_params()
        _found_right[estimator] = parameters


def for_first_order_solvers(method: Method) -> Method:
    """Let `hasattr` be False where the solver is lbfgs."""
    return available_if(_has_partial_fit)(method)


def _has_partial_fit(estimator):
    solver = estimator.solver
    if isinstance(solver, str) and solver in SOLVERS:
        return True
    if isinstance(solver, str) and solver != "lbfgs":
        raise AttributeError(how_to_register("solver", solver))
    raise AttributeError(
        f"partial_fit is available for the solvers {list(SOLVERS)}, not for solver={solver!r}."
    )
