"""Warnings that point at the line of the user which led to them."""

import sys
import warnings
from contextlib import contextmanager
from threading import local
from typing import Any, NamedTuple

# Between the user and the package may lie a search or a pipeline, or the reading of a file
_ON_THE_WAY = {"sknn_scratch", "sklearn", "joblib", "skops", "pickle"}

_of_thread = local()


class Place(NamedTuple):
    """A line of the user, and what Python keeps of the warnings that point at it."""

    filename: str
    lineno: int
    module: Any
    registry: dict


def warn(message, category=UserWarning):
    """Issue a warning at the nearest line of the stack that is the user's own.

    How many calls lie between is not the same for `fit`, a pipeline and a search, so that no number
    for `stacklevel` would do. `skip_file_prefixes` would, from Python 3.12 on.
    """
    if str(message).startswith(getattr(_of_thread, "told", ())):
        return
    place = getattr(_of_thread, "place", None) or user_place()
    warnings.warn_explicit(message, category, *place)


def user_place():
    """Return the nearest line of the user."""
    frame = _user_frame()
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__")
    return Place(frame.f_code.co_filename, frame.f_lineno, module, registry)


@contextmanager
def warnings_at(place):
    """Issue the warnings of this thread at a line in the thread that started it."""
    _of_thread.place = place
    try:
        yield
    finally:
        del _of_thread.place


@contextmanager
def told_already(beginning):
    """Leave out the warnings of this thread that begin like this."""
    _of_thread.told = beginning
    try:
        yield
    finally:
        del _of_thread.told


@contextmanager
def unsaid(beginning):
    """Leave out warnings of another package that begin like this, in all threads.

    What has been shown once is shown again afterwards, so that it is for rare cases only.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", beginning)
        yield


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
