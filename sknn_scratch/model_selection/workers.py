"""Where the fits of a search run: in threads, in processes or on the workers of a cluster."""

from functools import partial

import joblib
from joblib.parallel import get_active_backend
from sklearn import config_context, get_config
from sklearn.utils.parallel import Parallel, delayed


class Workers:
    """Run calls side by side, as joblib is told to.

    Parameters
    ----------
    n_jobs, pre_dispatch :
        As in scikit-learn's searches.
    prefer : {"threads", "processes"}
        For a user who has not chosen a backend of joblib.
    """

    def __init__(self, n_jobs, pre_dispatch, prefer):
        self.n_jobs = joblib.effective_n_jobs(n_jobs)
        backend, _ = get_active_backend(prefer=prefer)
        # scikit-learn's own sets the filters of warnings anew for each call, which in threads
        # would change them for all of the process
        self.at_home = self.n_jobs == 1 or getattr(backend, "supports_sharedmem", False)
        cls = joblib.Parallel if self.at_home else Parallel
        self.parallel = cls(n_jobs=n_jobs, pre_dispatch=pre_dispatch, prefer=prefer)

    def run(self, function, arguments):
        """Return the results of calls of `function` with each of these tuples of arguments."""
        if self.at_home:
            function = partial(_in_config, get_config(), function)
            return self.parallel(joblib.delayed(function)(*args) for args in arguments)
        return self.parallel(delayed(function)(*args) for args in arguments)


def _in_config(config, function, *args):
    """Call a function under a configuration of scikit-learn, of which each thread has its own."""
    with config_context(**config):
        return function(*args)
