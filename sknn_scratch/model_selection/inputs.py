"""What reaches the networks of pipelines: transformers are fitted once for many candidates."""

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain
from typing import Any, NamedTuple

from sklearn.base import BaseEstimator, clone

from sknn_scratch._sklearn import check_method_params, safe_split
from sknn_scratch.model_selection.plan import network_of

# Samples transformed by pipelines are kept, for all candidates, of as many splits and settings of
# the transformers as fit in here
_BYTES_OF_FEEDS = 2**30


class Feed(NamedTuple):
    """What reaches a network: the fitted steps before it in a pipeline, samples, and arguments.

    `error` is what prevented it, or None; `seconds` is what it took, divided among the fits.
    """

    steps: Sequence = ()
    X: Any = None
    y: Any = None
    params: dict | None = None
    seconds: float = 0.0
    error: Exception | None = None


class _Recorder(BaseEstimator):
    """Stands at the end of a pipeline, and keeps what reaches it."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y=None, **params):
        self.given_ = X, y, params
        return self

    def get_metadata_routing(self):
        return self.estimator.get_metadata_routing()


def waves(fits, X):
    """Divide fits into lists. The feeds of each list fit into memory together."""
    by_feed = defaultdict(list)
    for fit in fits:
        by_feed[fit.feed].append(fit)
    groups, size = list(by_feed.values()), max(1, _BYTES_OF_FEEDS // max(1, _bytes_of(X)))
    for start in range(0, len(groups), size):
        yield list(chain.from_iterable(groups[start : start + size]))


def _bytes_of(X):
    """Return how many bytes the values of X take; 0 if X does not say."""
    return getattr(X, "nbytes", 0) or getattr(getattr(X, "data", None), "nbytes", 0)


def feeds_of(fits, workers, X, y, fit_params, least):
    """Return by its key each feed that at least so many of these fits share."""
    uses = Counter(fit.feed for fit in fits if fit.feed is not None)
    first = {fit.feed: fit for fit in fits[::-1] if uses[fit.feed] >= least}
    made = workers.run(_feed, [(fit, X, y, fit_params) for fit in first.values()])
    return {
        key: feed._replace(seconds=feed.seconds / uses[key])
        for key, feed in zip(first, made, strict=True)
    }


def _feed(fit, X, y, fit_params):
    """Fit the transformers of a pipeline, and return what reaches the network after them."""
    start = time.perf_counter()
    params = check_method_params(X, params=fit_params, indices=fit.train)
    X, y = safe_split(fit.estimator, X, y, fit.train)
    pipeline = clone(fit.estimator)
    *steps, (name, _) = pipeline.steps
    pipeline.steps = [*steps, (name, _Recorder(network_of(pipeline)))]
    try:
        pipeline.fit(X, y, **params)
    except Exception as error:
        return Feed(error=error)
    *steps, (_, recorder) = pipeline.steps
    return Feed(steps, *recorder.given_, seconds=time.perf_counter() - start)
