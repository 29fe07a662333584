"""Who is told of the epochs of the trainings in a thread."""

from contextlib import contextmanager
from threading import local


class _OfThread(local):
    tell = None


_of_thread = _OfThread()


@contextmanager
def telling_of_epochs(tell):
    """Call `tell` after each epoch of the trainings in this thread."""
    before = _of_thread.tell
    _of_thread.tell = tell
    try:
        yield
    finally:
        _of_thread.tell = before


def tell_of_epoch():
    """Tell that an epoch has ended; 0.1 us if nobody listens."""
    if _of_thread.tell is not None:
        _of_thread.tell()
