"""Warnings that point at the line of the user which led to them."""

import sys
import warnings

# Between the user and the package may lie a search or a pipeline, or the reading of a file
_ON_THE_WAY = {"sknn_scratch", "sklearn", "joblib", "skops", "pickle"}


def warn(message, category=UserWarning):
    """Issue a warning at the nearest line of the stack that is the user's own.

    How many calls lie between is not the same for `fit`, a pipeline and a search, so that no number
    for `stacklevel` would do. `skip_file_prefixes` would, from Python 3.12 on.
    """
    frame = _user_frame()
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__")
    warnings.warn_explicit(
        message, category, frame.f_code.co_filename, frame.f_lineno, module, registry
    )


def _user_frame():
    """Return the nearest frame of the user, or the outermost where all are on the way."""
    frame = sys._getframe()
    while _is_on_the_way(frame) and frame.f_back is not None:
        frame = frame.f_back
    return frame


def _is_on_the_way(frame):
    # An example in a docstring runs in the name of the module that it documents
    if frame.f_code.co_filename.startswith("<doctest"):
        return False
    return str(frame.f_globals.get("__name__")).partition(".")[0] in _ON_THE_WAY
