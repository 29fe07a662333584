"""A round of a search, or its refit, is watched while it trains."""

from contextlib import ExitStack, contextmanager
from threading import Event, Thread

from sknn_scratch.estimators.epoch_count import telling_of_epochs
from sknn_scratch.model_selection.plan import jobs_of
from sknn_scratch.model_selection.progress import (
    Report,
    RoundProgress,
    SearchWatcher,
    epochs_of,
)
from sknn_scratch.model_selection.reporting import EpochCount, Reporting, heard

# Between two pictures. rich takes 1.5 ms to draw one
_SECONDS = 0.25


def watchers_of(search):
    """Return the callbacks of a search that watch its epochs and scores."""
    callbacks = getattr(search, "_skl_callbacks", [])
    return [callback for callback in callbacks if isinstance(callback, SearchWatcher)]


class Watch:
    """Shows how far a round has come, from ``with`` to its end, whatever ends it.

    Without `watchers` it does nothing, and costs nothing.
    """

    def __init__(self, watchers, progress):
        self.progress = progress
        self.displays = [watcher.display() for watcher in watchers]
        self.stack = ExitStack()

    @classmethod
    def of_round(cls, search, fits, rounds, title):
        """Return the watch over these fits; `rounds` knows what networks they go on from."""
        watchers = watchers_of(search)
        if not watchers:
            return cls([], None)
        jobs = jobs_of(fits)
        begun = [network for network, _ in map(rounds.begun, jobs)]
        n_before = [0 if network is None else network.n_iter_ for network in begun]
        metric = search.refit if isinstance(search.refit, str) else None
        return cls(watchers, RoundProgress.of_jobs(title, jobs, n_before, metric))

    def __enter__(self):
        if self.displays:
            self.stack.enter_context(_drawn(self.displays, self.progress))
        return self

    def __exit__(self, *_):
        self.stack.close()

    def run(self, workers, function, calls):
        """Return what ``workers.run`` does."""
        if not self.displays:
            return workers.run(function, calls)
        take, results = self.progress.take, []
        with heard(take) if not workers.at_home else ExitStack() as tell:
            reporting = Reporting(function, take if workers.at_home else tell)
            for report, result in workers.run(reporting, calls, self._count_returned()):
                take(report)
                results.append(result)
        return results

    def _count_returned(self):
        n_before = self.progress.n_networks - self.progress.n_left

        def count(n_returned):
            self.progress.n_returned = n_before + n_returned

        return count


@contextmanager
def watched_refit(search, best):
    """Show how far the training of the best candidate has come, in this thread."""
    watchers = watchers_of(search)
    if not watchers or not epochs_of(best):
        yield
        return
    progress = RoundProgress("Refit", {0: epochs_of(best)})
    count = EpochCount(0, progress.take)
    with Watch(watchers, progress), telling_of_epochs(count):
        yield
        progress.take(Report(0, count.n_epochs, []))


@contextmanager
def _drawn(displays, progress):
    """Draw the displays again and again, in a thread, and once more at the end."""
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
