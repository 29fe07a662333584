"""Fits of a search, scored by scikit-learn's own function.

That function calls `fit` of the estimator. Where work is shared with other fits, something stands
in for `fit`. Scores, errors, messages and times are therefore scikit-learn's.
"""

from contextlib import nullcontext

from sklearn.base import clone

from sknn_scratch._sklearn import fit_and_score
from sknn_scratch.estimators.threads import one_blas_thread
from sknn_scratch.model_selection.plan import network_of
from sknn_scratch.model_selection.train import fit_further, most_bytes_of


def run(job, feed, begun, X, y, score, n_jobs):
    """Fit and score a candidate, or several that are parts of one training.

    `feed` is what reaches the network in a pipeline, or None. `begun` is the network to go on from,
    or None, and the number of bytes up to which to keep the last one. `score` has the arguments of
    scikit-learn's `_fit_and_score` that are the same for all fits. Returns the scores of the fits,
    and the network to go on from, or None.
    """
    network, most_bytes = begun
    n_parts = len(job) + bool(most_bytes)
    is_part = n_parts > 1 or network is not None
    training = _Training(network, n_parts) if is_part else None
    with one_blas_thread() if n_jobs > 1 else nullcontext():
        scores = [_scored(fit, feed, training, X, y, score) for fit in job]
    return scores, training.begun_within(most_bytes) if most_bytes else None


def _scored(fit, feed, training, X, y, score):
    estimator, is_network = clone(fit.estimator), network_of(fit.estimator) is not None
    if training is not None or feed is not None:
        estimator.fit = _StandIn(estimator, feed, training)
    result = fit_and_score(
        estimator,
        X,
        y,
        train=fit.train,
        test=fit.test,
        # They are set. Its messages name them, and other estimators may expect the call
        parameters=None if is_network and score["verbose"] <= 1 else fit.parameters,
        split_progress=fit.split_progress,
        candidate_progress=fit.candidate_progress,
        callback_ctx=fit.context,
        **score,
    )
    if feed is not None:
        result["fit_time"] += feed.seconds
    return result


class _Training:
    """A training as far as it has come; after an error the next network begins anew.

    `begun` is the network to go on from, or None; `n_parts` is the number of parts to come.
    """

    def __init__(self, begun, n_parts):
        self.begun = begun
        self.n_parts = n_parts

    def begun_within(self, most_bytes):
        """Return the network to go on from, or None if it is larger or there is none."""
        is_kept = self.begun is not None and most_bytes_of(self.begun) <= most_bytes
        return self.begun if is_kept else None

    def fit(self, network, X, y, **params):
        begun, self.begun = self.begun, None
        self.n_parts -= 1
        is_to_go_on = self.n_parts > 0
        self.begun = fit_further(network, begun, X, y, to_go_on=is_to_go_on, used_up=True, **params)


class _StandIn:
    """Stands in for the `fit` of an estimator, once."""

    def __init__(self, estimator, feed, training):
        self.estimator = estimator
        self.feed = feed
        self.training = training

    def __call__(self, X, y=None, **params):
        del self.estimator.fit
        if self.feed is not None:
            X, y, params = self._from_feed()
        network = network_of(self.estimator)
        if self.training is None:
            network.fit(X, y, **params)
        else:
            self.training.fit(network, X, y, **params)
        return self.estimator

    def _from_feed(self):
        """Return what reaches the network, and give the pipeline its fitted steps."""
        if self.feed.error is not None:
            raise self.feed.error
        self.estimator.steps = [*self.feed.steps, self.estimator.steps[-1]]
        return self.feed.X, self.feed.y, self.feed.params
