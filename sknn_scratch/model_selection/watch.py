"""A round of a search, or its refit, is watched while it trains."""

from contextlib import contextmanager, nullcontext
from functools import partial
from threading import Event, Thread

from sknn_scratch.estimators.epoch_count import telling_of_epochs
from sknn_scratch.model_selection.plan import jobs_of
from sknn_scratch.model_selection.progress import (
    Report,
    RoundProgress,
    SearchWatcher,
    epochs_of,
)
from sknn_scratch.model_selection.reporting import EpochCount, heard, reported
from sknn_scratch.model_selection.workers import Workers

# Between two pictures. rich takes 1.5 ms to draw one
_SECONDS = 0.25


def watchers_of(search):
    """Return the callbacks of a search that watch its epochs and scores."""
    callbacks = getattr(search, "_skl_callbacks", [])
    return [callback for callback in callbacks if isinstance(callback, SearchWatcher)]


@contextmanager
def watched_round(search, fits, rounds, title):
    """Give a function that does what `Workers.run` does, and show how far these fits have come.

    `rounds` knows what networks they go on from. Where nobody watches, nothing is done and nothing
    costs time.
    """
    watchers = watchers_of(search)
    if not watchers:
        yield Workers.run
        return
    jobs = jobs_of(fits)
    begun = [network for network, _ in map(rounds.begun, jobs)]
    n_before = [0 if network is None else network.n_iter_ for network in begun]
    metric = search.refit if isinstance(search.refit, str) else None
    progress = RoundProgress.of_jobs(title, jobs, n_before, metric)
    with _drawn(watchers, progress):
        yield partial(_run_watched, progress)


def _run_watched(progress, workers, function, calls):
    """Return what ``workers.run(function, calls)`` does."""
    n_before = progress.n_networks - progress.n_left

    def count_returned(n_returned):
        progress.n_returned = n_before + n_returned

    results = []
    with nullcontext(progress.take) if workers.at_home else heard(progress.take) as tell:
        reporting = partial(reported, function, tell)
        for report, result in workers.run(reporting, calls, count_returned):
            progress.take(report)
            results.append(result)
    return results


@contextmanager
def watched_refit(search, best):
    """Show how far the training of the best candidate has come, in this thread."""
    watchers = watchers_of(search)
    if not watchers or not epochs_of(best):
        yield
        return
    progress = RoundProgress("Refit", {0: epochs_of(best)})
    count = EpochCount(0, progress.take)
    with _drawn(watchers, progress), telling_of_epochs(count):
        yield
        progress.take(Report(0, count.n_epochs, []))


@contextmanager
def _drawn(watchers, progress):
    """Draw what the watchers show again and again, in a thread, and once more at the end."""
    displays = [watcher.display() for watcher in watchers]
    over = Event()

    def draw():
        while not over.wait(_SECONDS):
            for display in displays:
                display.show(progress)

    for display in displays:
        display.show(progress)
    thread = Thread(target=draw, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for display in displays:
            display.end(progress)
