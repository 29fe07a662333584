"""Workers report the epochs of the networks that they train to the process of the search."""

import time
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from multiprocessing import AuthenticationError
from threading import Lock

from sknn_scratch._sklearn import close_listener, open_listener, send
from sknn_scratch.estimators.epoch_count import telling_of_epochs
from sknn_scratch.model_selection.plan import network_of
from sknn_scratch.model_selection.progress import Report

# Between two reports of a network: nobody sees more than ten a second
_SECONDS = 0.1

_sending = Lock()


class EpochCount:
    """Counts the epochs of a job, and reports them now and then by ``tell(report)``."""

    def __init__(self, job, tell):
        self.job, self.tell = job, tell
        self.n_epochs, self.reported_at = 0, time.perf_counter()

    def __call__(self):
        """Count one more."""
        self.n_epochs += 1
        now = time.perf_counter()
        if now - self.reported_at >= _SECONDS:
            self.reported_at = now
            self.tell(Report(self.job, self.n_epochs))


def reported(run, tell, job, *others):
    """Call `run`, which trains the networks of a job, with reports by ``tell(report)``.

    Returns the last report beside the result: `tell` may have reached nobody.
    """
    count = EpochCount(job[0].number, tell)
    is_network = network_of(job[0].estimator) is not None
    try:
        with telling_of_epochs(count) if is_network else nullcontext():
            result = run(job, *others)
    except BaseException:  # the last figures are right, too, where the search ends here
        tell(Report(count.job, count.n_epochs))
        raise
    outcomes = [(fit["test_scores"], fit["fit_error"] is not None) for fit in result[0]]
    report = Report(count.job, count.n_epochs, outcomes)
    tell(report)
    return report, result


def _send(handle, report):
    """Send a report to the process of the search, as long as it can be reached."""
    # scikit-learn has one connection for all threads of a process, and no lock
    # An error: this is another machine, or the search has ended
    with _sending, suppress(OSError, EOFError, AuthenticationError):
        send(handle, report)


@contextmanager
def heard(take):
    """Return a function that can be sent to other processes, where it calls `take` in this one.

    It does nothing in a process on another machine.
    """
    try:
        handle = open_listener(take)
    except OSError:  # the system allows no sockets
        yield _tell_nobody
        return
    try:
        yield partial(_send, handle)
    finally:
        close_listener(handle)


def _tell_nobody(report):
    """Drop a report."""
