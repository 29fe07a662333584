"""Warnings that point at the line of the user which led to them."""

import sys
import warnings
from contextlib import contextmanager
from threading import local
from typing import Any, NamedTuple

# Between the user and the package may lie a search or a pipeline, the reading of a file, or the end
# of a context
_ON_THE_WAY = {"sknn_scratch", "sklearn", "joblib", "skops", "pickle", "contextlib"}


class _OfThread(local):
    """Where the warnings of a thread point, which it leaves out, and the list that gathers them."""

    place: "Place | None" = None
    told: tuple[str, ...] = ()  # how those begin that are left out
    gathered: "list[tuple] | None" = None


_of_thread = _OfThread()


class Place(NamedTuple):
    """A line of the user, and what Python keeps of the warnings that point at it."""

    filename: str
    lineno: int
    module: Any
    registry: dict


def warn(message, category=UserWarning):
    """Issue a warning at the nearest line of the stack that is the user's own.

    `message` may be a function that returns it. It is not called where the user ignores the
    category: a search would write a text for each of its networks.

    How many calls lie between is not the same for `fit`, a pipeline and a search, so that no number
    for `stacklevel` would do. `skip_file_prefixes` would, from Python 3.12 on.
    """
    if callable(message):
        if _is_ignored(category):
            return
        message = message()
    if str(message).startswith(_of_thread.told):
        return
    if _of_thread.gathered is not None:
        _of_thread.gathered.append((message, category))
        return
    warnings.warn_explicit(message, category, *(_of_thread.place or user_place()))


def _is_ignored(category):
    """Whether warnings of a category are surely ignored, whatever they say and wherever."""
    if getattr(sys.flags, "context_aware_warnings", False):  # these filters need not be the user's
        return False
    for action, message, of_category, module, line in warnings.filters:
        if issubclass(category, of_category):
            return action == "ignore" and not (message or module or line)
    return False


def user_place():
    """Return the nearest line of the user."""
    frame = _user_frame()
    registry = frame.f_globals.setdefault("__warningregistry__", {})
    module = frame.f_globals.get("__name__")
    return Place(frame.f_code.co_filename, frame.f_lineno, module, registry)


@contextmanager
def _for_now(name, value):
    """Set an attribute of this thread; an ensemble around this one may have set it before."""
    around = getattr(_of_thread, name)
    setattr(_of_thread, name, value)
    try:
        yield
    finally:
        setattr(_of_thread, name, around)


def warnings_as_here():
    """Return a function that makes contexts in which another thread warns as this one does.

    It points at the same line, and leaves out or gathers the same warnings.
    """
    place, told, gathered = _of_thread.place or user_place(), _of_thread.told, _of_thread.gathered

    @contextmanager
    def context():
        with _for_now("place", place), _for_now("told", told), _for_now("gathered", gathered):
            yield

    return context


def told_already(beginning):
    """Leave out the warnings of this thread that begin like this."""
    return _for_now("told", (*_of_thread.told, beginning))


@contextmanager
def gathering():
    """Keep the warnings of this thread in a list, which another one may issue.

    After an error nobody will, so that they are issued here.
    """
    kept: list[tuple] = []
    try:
        with _for_now("gathered", kept):
            yield kept
    except BaseException:
        warn_of_each(kept)
        raise


def warn_of_each(kept):
    """Issue each of these warnings, pairs of a message and a category, once."""
    for message, category in dict.fromkeys(kept):
        warn(message, category)


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
