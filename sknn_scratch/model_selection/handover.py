"""Fits of a search, scored as by scikit-learn.

Its own functions score, print, call callbacks and report what fails. They call `fit` of the
estimator. Where work is shared with other fits, something stands in for `fit`.
"""

import time
from contextlib import nullcontext
from threading import Lock

import numpy as np
from sklearn.pipeline import Pipeline

from sknn_scratch._sklearn import fit_and_score, score_fitted
from sknn_scratch.estimators.threads import one_blas_thread
from sknn_scratch.model_selection.inputs import params_of, part_of
from sknn_scratch.model_selection.plan import cloned, network_of, twin
from sknn_scratch.model_selection.train import fit_further, most_bytes_of

# Threads that raise one error at the same time would all write into its traceback
_raising = Lock()


def run(job, feed, begun, X, y, score, n_jobs):
    """Fit and score a candidate, or several that are parts of one training.

    `feed` is what reaches the network, or None. `begun` is the network to go on from, or None, and
    the number of bytes up to which to keep the last one. `score` has the arguments of
    scikit-learn's `_fit_and_score` that are the same for all fits. Returns the scores of the fits,
    and the network to go on from, or None.
    """
    network, most_bytes = begun
    n_parts = len(job) + bool(most_bytes)
    is_part = n_parts > 1 or network is not None
    training = _Training(network, n_parts) if is_part else None
    is_broken = feed is not None and feed.error is not None
    with (
        one_blas_thread() if n_jobs > 1 else nullcontext(),
        _raising if is_broken else nullcontext(),
    ):
        scores = [_scored(fit, feed, training, X, y, score) for fit in job]
    return scores, training.begun_within(most_bytes) if most_bytes else None


def _scored(fit, feed, training, X, y, score):
    """Return what scikit-learn's `_fit_and_score` does, with the time of the feed."""
    estimator = _unfitted(fit.estimator, feed)
    if training is not None or feed is not None:
        estimator.fit = _StandIn(estimator, feed, training)
    is_silent = fit.context is None and score["verbose"] <= 1
    if is_silent and type(X) is np.ndarray and network_of(estimator) is not None:
        result = _scored_in_silence(estimator, fit, X, y, score, is_fed=feed is not None)
    else:
        result = _scored_by_sklearn(estimator, fit, X, y, score)
    if feed is not None:
        result["fit_time"] += feed.seconds
    return result


def _unfitted(estimator, feed):
    """Return a clone of an estimator; the steps before its network are those of the feed."""
    if feed is None or type(estimator) is not Pipeline:
        return cloned(estimator)
    pipeline, (name, network) = twin(estimator), estimator.steps[-1]
    pipeline.steps = [*feed.steps, (name, cloned(network))]
    return pipeline


def _scored_by_sklearn(estimator, fit, X, y, score):
    is_network = network_of(estimator) is not None
    return fit_and_score(
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


def _scored_in_silence(estimator, fit, X, y, score, *, is_fed):
    """Do as scikit-learn's function, where it would print nothing and call no callback.

    Its function takes 0.4 ms to ask what X and its rows are: some networks train in that time. What
    fails is left to it. `is_fed` says that `fit` needs no samples.
    """
    start = time.time()

    def part(rows, params, train=None):
        return *part_of(estimator, X, y, rows, train), params_of(X, params, rows)

    def score_on(X, y, params):
        return score_fitted(estimator, X, y, score["scorer"], params, score["error_score"])

    try:
        X_train, y_train, params = (
            (None, None, {}) if is_fed else part(fit.train, score["fit_params"])
        )
        estimator.fit(*(X_train,) if y is None else (X_train, y_train), **params)
    except Exception as error:
        fit_time = time.time() - start
        estimator.fit = _Failed(error)
        return _scored_by_sklearn(estimator, fit, X, y, score) | {"fit_time": fit_time}
    fit_time = time.time() - start
    test = part(fit.test, score["score_params"], fit.train)
    result = {"fit_error": None, "n_test_samples": len(test[0]), "test_scores": score_on(*test)}
    result |= {"fit_time": fit_time, "score_time": time.time() - start - fit_time}
    if score["return_train_score"]:
        result["train_scores"] = score_on(*part(fit.train, score["score_params"]))
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
    """Stands in for the `fit` of an estimator, once; the samples of a feed come before others."""

    def __init__(self, estimator, feed, training):
        self.estimator = estimator
        self.feed = feed
        self.training = training

    def __call__(self, X, y=None, **params):
        del self.estimator.fit
        if self.feed is not None:
            self.feed.raise_error()
            X, y, params = self.feed.X, self.feed.y, self.feed.params
        network = network_of(self.estimator)
        if self.training is None:
            network.fit(X, y, **params)
        else:
            self.training.fit(network, X, y, **params)
        return self.estimator


class _Failed:
    """Stands in for a `fit` that has failed, so that scikit-learn reports its error."""

    def __init__(self, error):
        self.error = error

    def __call__(self, X, y=None, **params):
        try:
            raise self.error
        finally:
            self.error = None  # its traceback leads here: they would keep each other alive
