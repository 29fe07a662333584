"""How many threads BLAS is to use."""

import os
from contextlib import nullcontext
from functools import cache
from threading import Lock, get_ident, local
from weakref import ref

from sknn_scratch._sklearn import threadpool_controller

# Multiplications in a matrix product below which a second BLAS thread costs more than it does. 200
# x 64 by 64 x 100, 1.3 million, takes as long with two threads as with one if the other core is
# idle. It takes many times as long if that is busy. 256 x 784 by 784 x 50, 10 million, takes 0.8 of
# it.
_WORTH_THREADS = 2**22


def blas_threads(params, n_samples):
    """Return a context in which BLAS uses one thread if batches of `n_samples` are small work."""
    largest = n_samples * max(W.shape[-2] * W.shape[-1] for W in params.weights)
    if largest >= _WORTH_THREADS:
        return nullcontext()
    return one_blas_thread()


def one_blas_thread():
    """Return a context in which BLAS uses one thread.

    Contexts may overlap in any way, in one thread or in many. Most libraries have one number of
    threads for the whole process, which other threads see as well. It is put back when the last
    context ends, unless somebody else has changed it by then.
    """
    return _OneThread()


class _OneThread:
    """Holds on to the limits while it is open."""

    def __init__(self):
        self.limits = [_of_process]
        if _libraries(per_thread=True):
            self.limits.append(_of_thread.limit)

    def __enter__(self):
        try:
            for limit in self.limits:
                limit.take(self)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        try:
            self._drop()
        finally:  # Ctrl-C may have come amid it
            self._drop()

    def _drop(self):
        for limit in self.limits:
            limit.drop(self)


class _Limit:
    """One thread for some libraries, as long as anybody holds on to it.

    `holders` has a weak reference to each holder, and its thread, by the holder's id; `before` has
    the libraries that were lowered, with their numbers of threads. A number stays there until it
    has been put back, so that an interrupted call loses none.
    """

    def __init__(self, per_thread):
        self.per_thread = per_thread
        self.lock = Lock()
        self.holders = {}
        self.before = []

    def take(self, holder):
        with self.lock:
            self._forget_the_dead()
            is_first = not self.holders
            self.holders[id(holder)] = ref(holder), get_ident()
            if is_first:
                self._lower()

    def drop(self, holder):
        if id(holder) in self.holders or self.before:
            with self.lock:
                self.holders.pop(id(holder), None)
                self._restore_if_free()

    def _forget_the_dead(self):
        """Forget holders that Ctrl-C has kept from letting go, before the first line of exit."""
        for key in [key for key, (holder, _) in self.holders.items() if holder() is None]:
            del self.holders[key]

    def _lower(self):
        for library in _libraries(self.per_thread):
            n_threads = library.num_threads
            if n_threads != 1:
                self.before.append((library, n_threads))
                _set_threads(library, 1)

    def _restore_if_free(self):
        while self.before and not self.holders:
            library, n_threads = self.before[-1]
            if library.num_threads == 1:  # nobody else has changed it
                _set_threads(library, n_threads)
            self.before.pop()

    def after_fork(self):
        """Forget the other threads, which a child process does not have."""
        self.lock = Lock()
        here = get_ident()
        self.holders = {key: held for key, held in self.holders.items() if held[1] == here}
        self._restore_if_free()


class _OfThread(local):
    """The limit for libraries that keep a number of threads for each thread."""

    def __init__(self):
        self.limit = _Limit(per_thread=True)


@cache
def _libraries(per_thread):
    """Return the BLAS libraries that keep a number for each thread, or only one for the process."""
    return [
        library
        for library in threadpool_controller().lib_controllers
        if library.user_api == "blas"
        and (getattr(library, "threading_layer", None) == "openmp") == per_thread
    ]


def _set_threads(library, n_threads):
    # Since 3.8 threadpoolctl ignores, without a word, all threads but the first that has set a
    # number. The last context to end need not be in that thread.
    set_threads = getattr(library, "_real_set_num_threads", library.set_num_threads)
    set_threads(n_threads)


_of_process = _Limit(per_thread=False)
_of_thread = _OfThread()
if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_of_process.after_fork)
