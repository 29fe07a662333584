"""What reaches the networks: for many candidates, samples are split and transformed once."""

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags

from sknn_scratch._sklearn import check_method_params, safe_split
from sknn_scratch.model_selection.plan import BYTES_OF_FEEDS, network_of


def part_of(estimator, X, y, rows, train=None):
    """Return these rows of X and y; `train` has those of the training part, if they are others.

    scikit-learn takes 0.15 ms for that, because it asks in many ways what kind of array X is.
    """
    are_arrays = {type(X), type(rows), type(y)} <= {np.ndarray, type(None)}
    if not are_arrays or rows.dtype.kind not in "biu" or get_tags(estimator).input_tags.pairwise:
        return safe_split(estimator, X, y, rows, train)
    return X[rows], None if y is None else y[rows]


def params_of(X, params, rows):
    """Return arguments of a method; of those with an entry for each sample of X, these rows."""
    return check_method_params(X, params=params, indices=rows) if params else {}


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

    def raise_error(self):
        """Raise the error, if there is one, with the traceback that it had at first.

        Each time it is raised adds to that, and the search takes other tracebacks for other errors.
        """
        if self.error is None:
            return
        traceback = self.error.__traceback__
        while traceback is not None and traceback.tb_frame.f_code is not _feed.__code__:
            traceback = traceback.tb_next
        raise self.error.with_traceback(traceback)


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
    """Divide fits into lists, in their order. The feeds of each list fit into memory together."""
    by_feed = defaultdict(list)
    for fit in fits:
        by_feed[fit.feed].append(fit)
    groups, size = list(by_feed.values()), max(1, BYTES_OF_FEEDS // max(1, _bytes_of(X)))
    for start in range(0, len(groups), size):
        wave = chain.from_iterable(groups[start : start + size])
        yield sorted(wave, key=attrgetter("number"))


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
    """Split the samples, fit the transformers, and return what reaches the network after them."""
    start = time.perf_counter()
    params = params_of(X, fit_params, fit.train)
    X, y = part_of(fit.estimator, X, y, fit.train)
    if type(fit.estimator) is not Pipeline:
        return Feed((), _shared(X), _shared(y), params, time.perf_counter() - start)
    pipeline = clone(fit.estimator)
    *steps, (name, _) = pipeline.steps
    pipeline.steps = [*steps, (name, _Recorder(network_of(pipeline)))]
    try:
        pipeline.fit(X, y, **params)
    except Exception as error:
        return Feed(error=error)
    *steps, (_, recorder) = pipeline.steps
    return Feed(steps, *recorder.given_, seconds=time.perf_counter() - start)


def _shared(array):
    """Return an array that nobody may write to, because it is seen by many."""
    if type(array) is np.ndarray:
        array.flags.writeable = False
    return array
