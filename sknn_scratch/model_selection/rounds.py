"""What a round of a search leaves to the next: begun networks, and samples transformed."""

import numpy as np

from sknn_scratch.model_selection.plan import epochs_parameter

# Begun networks are kept, from one round to the next, if those of all fits of the round fit in
# here. The first round of a halving search has the most networks and the fewest epochs: where it
# keeps none, and divides by three, the search trains 14 % more epochs.
_BYTES_OF_NETWORKS = 2**30


def round_of(context):
    """Return the number of a round, and how many the search has, by scikit-learn's context."""
    if context.task_name == "halving-iteration":
        return context.task_id + 1, context.parent.max_subtasks
    return 1, 1


class Rounds:
    """What rounds leave to each other, if their resource is the epochs of a network.

    Parameters
    ----------
    estimator : estimator object
        The estimator of the search.
    resource : str or None
        What the rounds have more and more of; None for a search that has one round.

    Attributes
    ----------
    go_on : bool
        Whether a network of one round is the one of the round before, after more epochs.
    feeds : dict
        Transformed samples, by the key of the fits that use them.
    """

    def __init__(self, estimator, resource):
        self.go_on = resource == epochs_parameter(estimator)
        self.feeds = {}
        self._networks = {}
        self._rows = {}
        self._bytes_per_network = 0
        self._is_last = False

    def begin(self, fits, is_last=False):
        """Forget what no fit of this round goes on from: candidates that were dropped.

        In the last round nothing is kept, because no other one goes on from there.
        """
        if not self.go_on:
            return
        rows = {fit.split_progress[0]: fit.train for fit in fits}
        # A splitter of the user's own may split differently in each call, and say nothing of it
        if not all(np.array_equal(rows[split], self._rows.get(split)) for split in rows):
            self._networks, self.feeds = {}, {}
        kept = {fit.training for fit in fits}
        self._networks = {key: each for key, each in self._networks.items() if key in kept}
        self._rows = rows
        self._is_last = is_last
        self._bytes_per_network = 0 if is_last else _BYTES_OF_NETWORKS // len(fits)

    def begun(self, job):
        """Return the network that a job goes on from, or None, and how many bytes may be kept."""
        is_kept = self.go_on and job[0].training is not None
        return self._networks.get(job[0].training), self._bytes_per_network if is_kept else 0

    def keep(self, job, network):
        """Keep the network to which a job has come, for the next round; None is kept by nobody."""
        if network is None:
            self._networks.pop(job[0].training, None)
        else:
            self._networks[job[0].training] = network

    def feeds_of(self, fits):
        """Return the kept feeds that these fits use, and forget the others."""
        used = {fit.feed for fit in fits}
        # Their time was measured in the round that made them
        return {k: feed._replace(seconds=0.0) for k, feed in self.feeds.items() if k in used}

    def keep_feeds(self, feeds):
        """Keep feeds for the next round, if there is one that goes on from this."""
        self.feeds = feeds if self.go_on and not self._is_last else {}
