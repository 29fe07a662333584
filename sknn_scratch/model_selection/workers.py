"""Where many fits run: in threads, in processes or on the workers of a cluster."""

from functools import partial
from threading import Event, get_ident

import joblib
from joblib.parallel import BACKENDS, get_active_backend
from sklearn import config_context, get_config
from sklearn.utils.parallel import Parallel, delayed

from sknn_scratch._warnings import user_place, warnings_at
from sknn_scratch.estimators.interrupts import ending_with


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
        vars(self.parallel).pop("print_progress", None)
        if told is not None:
            # joblib calls this whenever calls have returned, from whatever backend
            self.parallel.print_progress = lambda: told(self.parallel.n_completed_tasks)
        if not self.at_home:
            return self.parallel(delayed(function)(*args) for args in arguments)
        end = Event()
        function = partial(_as_thread, get_ident(), get_config(), user_place(), end, function)
        try:
            return self.parallel(joblib.delayed(function)(*args) for args in arguments)
        except BaseException:
            end.set()
            raise


def _as_thread(thread, config, place, end, function, *args):
    """Call a function as if in that thread, which has its configuration and line to warn at."""
    if get_ident() == thread:
        return function(*args)
    with config_context(**config), warnings_at(place), ending_with(end):
        return function(*args)
