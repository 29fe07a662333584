"""What the displays share: checks of arguments that matplotlib would trip over."""

from collections.abc import Iterable, Mapping
from numbers import Integral, Real

from sknn_scratch._sklearn import Interval, validate_parameter_constraints

_TEXT, _WORDS = [str], [str, None]
_KEYWORDS = [Mapping, None]
_RULES = {
    "x": _WORDS,
    "y": _WORDS,
    "lines": [str, Iterable, None],
    "metric": _WORDS,
    "name": _WORDS,
    "score_name": _WORDS,
    "values_format": _WORDS,
    "line_kw": _KEYWORDS,
    "im_kw": _KEYWORDS,
    "text_kw": _KEYWORDS,
    "validation_label": _TEXT,
    "loss_scale": _TEXT,
    "with_penalty": ["boolean"],
    "test_scores": _KEYWORDS,
    "image_shape": ["array-like"],
    "units": [Integral, "array-like", None],
    "n_columns": [Integral, None],
    "grid_resolution": [Integral],
    "eps": [Interval(Real, 0, None, closed="left"), None],
    "limit": [Interval(Real, 0, None, closed="neither"), None],
}


def check_arguments(caller, **arguments):
    """Raise an error that names the argument, if one is not of the kind that `caller` takes."""
    validate_parameter_constraints(_RULES, arguments, caller)
