"""Calls in threads: what comes back, what is raised, and what the calls see around them."""

import gc
import weakref
from contextlib import contextmanager, nullcontext, suppress
from threading import Event, current_thread, get_ident

import joblib
import pytest
from joblib.parallel import get_active_backend

from sknn_scratch.estimators.interrupts import ending_with
from sknn_scratch.model_selection.side_by_side import in_threads
from sknn_scratch.model_selection.workers import Workers


class Contexts:
    """Counts the contexts that are open, and those that have been."""

    def __init__(self):
        self.threads, self.n_open = set(), 0

    @contextmanager
    def __call__(self):
        self.threads.add(get_ident())
        self.n_open += 1
        yield
        self.n_open -= 1


def test_results_stand_in_the_order_of_the_calls():
    last_is_over, contexts, told = Event(), Contexts(), []

    def call(number):
        if number == 0:
            assert last_is_over.wait(9)
        if number == 9:
            last_is_over.set()
        return -number

    calls = [(number,) for number in range(10)]
    found = in_threads(call, calls, 2, contexts, Event(), told.append)
    assert found == [-number for number in range(10)]
    assert sorted(told) == list(range(1, 11))
    assert (len(contexts.threads), contexts.n_open) == (2, 0)
    assert get_ident() not in contexts.threads


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_the_first_error_is_raised_at_once(kind):
    """The other call is under way; it learns that it should end."""
    end, is_over, begun = Event(), Event(), []

    def call(number):
        begun.append(number)
        if number == 1:
            raise kind("broken")
        assert end.wait(9)
        is_over.set()

    with pytest.raises(kind, match="broken"):
        in_threads(call, [(number,) for number in range(9)], 2, Contexts(), end)
    assert is_over.wait(9)
    assert sorted(begun) == [0, 1]


def test_calls_end_with_those_that_they_belong_to():
    """A search in a thread has threads of its own, which Ctrl-C does not reach either."""
    end_of_all, end, is_over = Event(), Event(), Event()

    def call():
        end_of_all.set()
        assert end.wait(9)
        is_over.set()

    with ending_with(end_of_all), pytest.raises(KeyboardInterrupt):
        in_threads(call, [()], 1, nullcontext, end)
    assert is_over.wait(9)


def test_an_error_keeps_nothing_alive():
    def call(given):
        threads.append(current_thread())
        raise ValueError

    threads, given = [], Contexts()
    seen = weakref.ref(given)
    gc.disable()
    try:
        with suppress(ValueError):
            in_threads(call, [(given,)], 1, nullcontext, Event())
        threads[0].join()
        del given
        assert seen() is None
    finally:
        gc.enable()


def test_an_error_of_a_context_is_raised():
    @contextmanager
    def broken():
        raise ZeroDivisionError
        yield

    with pytest.raises(ZeroDivisionError):
        in_threads(abs, [(1,)], 1, broken, Event())


def inner_backend():
    backend, n_jobs = get_active_backend()
    return type(backend), backend.nesting_level, n_jobs


@pytest.mark.parametrize("backend", [None, "threading"])
def test_calls_go_on_side_by_side_as_within_joblib(backend):
    """Not at all, if they are not told to: else there would be ever more threads."""
    with joblib.parallel_config(backend=backend) if backend else nullcontext():
        expected = joblib.Parallel(2, prefer="threads")([joblib.delayed(inner_backend)()])
        workers = Workers(2, "2*n_jobs", "threads")
        assert workers.run(inner_backend, [()]) == expected
        assert Workers(2, "2*n_jobs", "threads", verbose=1).threads is None
