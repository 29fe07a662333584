"""Where many fits run: in threads, in processes or on the workers of a cluster."""

from contextlib import contextmanager
from functools import partial
from threading import Event, get_ident

import joblib
from joblib.parallel import BACKENDS, get_active_backend
from sklearn import config_context, get_config
from sklearn.utils.parallel import Parallel, delayed

from sknn_scratch._warnings import gathering, warn, warnings_as_here
from sknn_scratch.estimators.interrupts import ending_with
from sknn_scratch.model_selection.side_by_side import in_threads


class Workers:
    """Run calls side by side, as joblib is told to.

    Parameters
    ----------
    n_jobs, pre_dispatch :
        As in scikit-learn's searches.
    prefer : {"threads", "processes"}
        For a user who has not chosen a backend of joblib.
    verbose :
        As in joblib.
    """

    def __init__(self, n_jobs, pre_dispatch, prefer, verbose=0):
        self.n_jobs = joblib.effective_n_jobs(n_jobs)
        backend, _ = get_active_backend(prefer=prefer)
        # One job alone runs in this thread, unless a cluster is asked to do it
        is_alone = self.n_jobs == 1 and type(backend) is BACKENDS["loky"]
        self.at_home = is_alone or getattr(backend, "supports_sharedmem", False)
        # joblib prints how far it has come
        is_threading = type(backend) is BACKENDS["threading"] and not verbose
        self.threads = backend if is_threading and self.n_jobs > 1 else None
        # scikit-learn's own sets the filters of warnings anew for each call, which in threads
        # would change them for all of the process
        cls = joblib.Parallel if self.at_home else Parallel
        self.parallel = cls(
            n_jobs=n_jobs,
            pre_dispatch=pre_dispatch,
            prefer=prefer,
            verbose=verbose,
        )

    def run(self, function, arguments, told=None):
        """Return the results of calls of `function` with each of these tuples of arguments.

        ``told(n)`` is called, in any thread, whenever n of them have returned.
        """
        if not arguments:  # joblib would prepare for them nevertheless
            return []
        if self.threads is not None:
            return self._run_in_threads(function, arguments, told)
        vars(self.parallel).pop("print_progress", None)
        if told is not None:
            # joblib calls this whenever calls have returned, from whatever backend
            self.parallel.print_progress = lambda: told(self.parallel.n_completed_tasks)
        if not self.at_home:
            return _told(self.parallel(delayed(_silent)(function, *args) for args in arguments))
        end = Event()
        function = partial(_as_thread, get_ident(), _like_this_thread(end), function)
        try:
            return self.parallel(joblib.delayed(function)(*args) for args in arguments)
        except BaseException:
            end.set()
            raise

    def _run_in_threads(self, function, arguments, told):
        end = Event()
        like_this_thread = _like_this_thread(end)
        inner_backend, inner_n_jobs = self.threads.get_nested_backend()

        @contextmanager
        def context():
            inner = joblib.parallel_config(inner_backend, n_jobs=inner_n_jobs)
            with inner, like_this_thread():
                yield

        n_threads = min(self.n_jobs, len(arguments))
        return in_threads(function, arguments, n_threads, context, end, told)


def _silent(function, *args):
    """Return what a function returns, and its warnings, which would not be seen in a process."""
    with gathering() as kept:
        return function(*args), kept


def _told(results):
    """Return results, after their warnings have been issued in this thread."""
    for _, kept in results:
        for message, category in kept:
            warn(message, category)
    return [result for result, _ in results]


def _like_this_thread(end):
    """Return a function that makes contexts for other threads, whose trainings end with `end`.

    They have the configuration of this thread, and warn at its line.
    """
    config, warnings_as_there = get_config(), warnings_as_here()

    @contextmanager
    def context():
        with config_context(**config), warnings_as_there(), ending_with(end):
            yield

    return context


def _as_thread(thread, like_it, function, *args):
    """Call a function as if in that thread."""
    if get_ident() == thread:
        return function(*args)
    with like_it():
        return function(*args)
