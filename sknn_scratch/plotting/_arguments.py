"""What the displays share: checks of arguments that matplotlib would trip over."""

from collections.abc import Iterable, Mapping
from numbers import Integral, Real

from sknn_scratch._arguments import checks_arguments
from sknn_scratch._sklearn import Interval, StrOptions

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
    "std_display_style": [StrOptions({"fill_between", "errorbar"}), None],
    "order": [StrOptions({"index", "norm"})],
    "units": [Interval(Integral, 1, None, closed="left"), "array-like", None],
    "n_columns": [Interval(Integral, 1, None, closed="left"), None],
    "grid_resolution": [Interval(Integral, 2, None, closed="left")],
    "eps": [Interval(Real, 0, None, closed="left"), None],
    "limit": [Interval(Real, 0, None, closed="neither"), None],
}

checks_own_arguments = checks_arguments(_RULES)
