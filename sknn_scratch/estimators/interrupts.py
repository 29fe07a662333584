"""What Ctrl-C is meant to end: one training, or all those that belong together."""

import inspect
from contextlib import contextmanager
from threading import local


class _OfThread(local):
    event = None  # to find that there is no such attribute would take seven times as long


_of_thread = _OfThread()

# Where scikit-learn calls `fit` once, for the model that the user asked for. A search calls it in
# `_search` for the best candidate at the end; for the many before that it goes through joblib.
_FIT_ONCE = (
    "sklearn.base",
    "sklearn.callback",
    "sklearn.compose._target",
    "sklearn.model_selection._search",
    "sklearn.pipeline",
    "sklearn.utils",
)


@contextmanager
def ending_with(event):
    """End the trainings of this thread, at their next epoch, when the event is set.

    Ctrl-C reaches the main thread only, and so does an error that another thread has raised.
    """
    _of_thread.event = event
    try:
        yield
    finally:
        del _of_thread.event


def end_if_asked():
    """Raise a KeyboardInterrupt if the trainings of this thread are to end."""
    if _of_thread.event is not None and _of_thread.event.is_set():
        raise KeyboardInterrupt


def is_one_of_many_fits():
    """Return whether the fit under way is one of those of a search, an ensemble or the like.

    scikit-learn does not tell an estimator, so that the calls that led here have to.
    """
    if _of_thread.event is not None:
        return True
    frame = inspect.currentframe()
    while frame is not None:
        if _fits_many(str(frame.f_globals.get("__name__"))):
            return True
        frame = frame.f_back
    return False


def _fits_many(module):
    package = module.partition(".")[0]
    if package == "sklearn":
        return not f"{module}.".startswith(tuple(f"{name}." for name in _FIT_ONCE))
    return package == "joblib"
