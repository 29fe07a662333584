"""Arguments of functions, checked as scikit-learn checks the parameters of estimators."""

from collections.abc import Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

from sknn_scratch._sklearn import validate_params

Function = TypeVar("Function", bound=Callable[..., Any])


def checks_arguments(constraints: Mapping[str, Any]) -> Callable[[Function], Function]:
    """Have scikit-learn check these arguments first; its own decorator would hide the types."""

    def decorate(function: Function) -> Function:
        checked = validate_params(constraints, prefer_skip_nested_validation=False)(function)
        parameters = signature(function)

        @wraps(function)
        def call(*args, **kwargs):
            # Of arguments that are too few or unknown, Python's error names the function
            chosen = checked if _can_be_called(parameters, args, kwargs) else function
            return chosen(*args, **kwargs)

        return cast(Function, call)

    return decorate


def _can_be_called(parameters, args, kwargs):
    """Whether a function with these parameters can be called with these arguments."""
    try:
        parameters.bind(*args, **kwargs)
    except TypeError:
        return False
    return True
