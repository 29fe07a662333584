"""Arguments of functions, checked as scikit-learn checks the parameters of estimators."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sknn_scratch._sklearn import validate_params

Function = TypeVar("Function", bound=Callable[..., Any])


def checks_arguments(constraints: Mapping[str, Any]) -> Callable[[Function], Function]:
    """Have scikit-learn check these arguments first; its own decorator would hide the types."""
    return validate_params(constraints, prefer_skip_nested_validation=False)
