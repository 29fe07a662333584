"""Times of calls that take turns, so that whatever else the machine does befalls all alike."""

import gc
import math
import time
import warnings
from contextlib import contextmanager
from statistics import median

from sklearn.exceptions import ConvergenceWarning

# For as long as this the threads of BLAS and of torch may go on waiting actively after a call, on a
# core that the next contestant needs: OpenBLAS for 2^26 ticks, which are less
SECONDS_OF_REST = 0.05


def time_in_turn(calls, rounds, at_least=0.0):
    """Return {name: [seconds of a call, for each round]} after a round that does not count.

    Each round begins with another one. A call that is over in less than `at_least` seconds is
    repeated within a round until that time is reached, and the mean is taken.
    """
    names = list(calls)
    seconds = {name: [] for name in names}
    with frozen_objects(), expected_warnings():
        repeats = {name: count_repeats(calls[name], at_least) for name in names}
        for number in range(rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                if rounds > 1:  # or it is only to be seen that it runs
                    time.sleep(SECONDS_OF_REST)
                seconds[name].append(time_call(calls[name], repeats[name]))
    return seconds


def time_first(call):
    """Return the seconds of a call that has not been made before."""
    with expected_warnings():
        return time_call(call, 1)


@contextmanager
def expected_warnings():
    """Ignore that trainings do not converge: to stop after so many epochs is the plan here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


@contextmanager
def frozen_objects():
    """Keep what is there from being searched for garbage, which takes long beside torch."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def count_repeats(call, at_least):
    """Return how many calls take `at_least` seconds, judged by the second of two."""
    call()
    if not at_least:
        return 1
    return max(1, math.ceil(at_least / time_call(call, 1)))


def time_call(call, repeats):
    """Return the mean seconds of a call."""
    gc.collect()  # nobody pays for what the one before left behind
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    return (time.perf_counter() - start) / repeats


def medians(seconds):
    """Return the median over the rounds by name."""
    return {name: median(values) for name, values in seconds.items()}
