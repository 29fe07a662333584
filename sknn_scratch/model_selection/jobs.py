"""The fits of a search: which are trained together, and how each is scored.

A fit is a candidate on a split. What it costs is saved twice: the transformers of a pipeline are
fitted once for all candidates that do not change them, and networks that have the shape of their
computation in common are trained as one stack.
"""

import time
import traceback
from collections import defaultdict
from collections.abc import Sequence
from contextlib import nullcontext
from copy import copy
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from sknn_scratch._sklearn import (
    callback_management_context,
    check_method_params,
    fit_and_score,
    safe_split,
)
from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.estimators.threads import one_blas_thread
from sknn_scratch.model_selection.stack import (
    Stack,
    bytes_per_network,
    network_key,
    stack_key,
    stream_key,
)
from sknn_scratch.model_selection.streams import Samples


class Fit(NamedTuple):
    """A candidate to be fitted on the training part of a split, and scored on the other.

    `number` is its place among the results; `estimator` is not fitted. `feed` is the key of what
    reaches its network, or None if the fit is left to scikit-learn; `stack` that of the networks
    with which it may be stacked, or None; `network` that of the fits that are the same network at
    the end of so many epochs.
    """

    number: int
    estimator: Any
    parameters: dict
    candidate_progress: tuple
    split_progress: tuple
    train: np.ndarray
    test: np.ndarray
    feed: Any
    stack: str | None
    network: Any
    context: Any


class Feed(NamedTuple):
    """What reaches a network: the fitted steps before it in a pipeline, samples, and arguments.

    `error` is what prevented it, or None; `seconds` is what it took.
    """

    steps: Sequence = ()
    X: Any = None
    y: Any = None
    params: dict | None = None
    seconds: float = 0.0
    error: Exception | None = None


class Failure(NamedTuple):
    """The error with which a stack, or the checking of its samples, ended; and its fits."""

    error: Exception
    fits: list


class Trained(NamedTuple):
    """A fitted estimator, or the error with which its fit ended; and the time it took."""

    estimator: Any
    error: Exception | None
    seconds: float


def network_of(estimator):
    """Return the network in an estimator: itself, or the last step of a pipeline; else None."""
    last = estimator.steps[-1][1] if type(estimator) is Pipeline else estimator
    return last if isinstance(last, BaseMLPScratch) else None


def _has_callbacks(estimator):
    steps = [step for _, step in estimator.steps] if type(estimator) is Pipeline else []
    return any(getattr(part, "_skl_callbacks", None) for part in [estimator, *steps])


def _setting(estimator, parameters):
    """Return a key of what a candidate changes before its network: None if that is nothing."""
    if type(estimator) is not Pipeline:
        return None
    network = estimator.steps[-1][0]
    others = {k: v for k, v in parameters.items() if k.split("__")[0] != network}
    try:
        return joblib.hash(others)
    except Exception:  # it cannot be pickled: let the same objects be the same setting
        return tuple((name, id(value)) for name, value in others.items())


def plan(estimator, candidates, splits, contexts):
    """Return the fits of all candidates on all splits, candidate by candidate."""
    fits = []
    for position, parameters in enumerate(candidates):
        candidate = clone(estimator).set_params(**clone(parameters, safe=False))
        # Callbacks are told where in the search a fit is: by scikit-learn's own way to fit
        network = None if _has_callbacks(candidate) else network_of(candidate)
        stack = None if network is None else stack_key(network)
        one = None if stack is None else network_key(network)
        setting = None if network is None else _setting(candidate, parameters)
        for split, (train, test) in enumerate(splits):
            fit = Fit(
                number=len(fits),
                estimator=candidate,
                parameters=parameters,
                candidate_progress=(position, len(candidates)),
                split_progress=(split, len(splits)),
                train=train,
                test=test,
                feed=None if network is None else (split, setting),
                stack=stack,
                network=one,
                context=contexts[len(fits)],
            )
            fits.append(fit)
    return fits


class _Recorder(BaseEstimator):
    """Stands at the end of a pipeline, and keeps what reaches it."""

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y=None, **params):
        self.given_ = X, y, params
        return self

    def get_metadata_routing(self):
        return self.estimator.get_metadata_routing()


def feed(fit, X, y, fit_params):
    """Return what reaches the network of a fit, after fitting the transformers before it."""
    start = time.perf_counter()
    X, y, params = _training_part(fit, X, y, fit_params)
    if network_of(fit.estimator) is fit.estimator:
        return Feed([], X, y, params)
    pipeline = clone(fit.estimator)
    *steps, (name, network) = pipeline.steps
    pipeline.steps = [*steps, (name, _Recorder(network))]
    try:
        pipeline.fit(X, y, **params)
    except Exception as error:
        return Feed(error=error)
    *steps, (_, recorder) = pipeline.steps
    return Feed(steps, *recorder.given_, seconds=time.perf_counter() - start)


def _training_part(fit, X, y, fit_params):
    X_train, y_train = safe_split(fit.estimator, X, y, fit.train)
    return X_train, y_train, check_method_params(X, params=fit_params, indices=fit.train)


def jobs_of(fits, n_jobs):
    """Divide the fits into jobs, each a list, that may run side by side.

    What may be stacked stays together, unless that leaves workers with nothing to do.
    """
    together, jobs = defaultdict(list), []
    for fit in fits:
        if fit.stack is None:
            jobs.append([fit])
        else:
            together[fit.stack].append(fit)
    n_parts = 1 if n_jobs == 1 else -(-2 * n_jobs // max(1, len(together)))
    for group in together.values():
        group.sort(key=lambda fit: fit.split_progress)
        size = -(-len(group) // n_parts)
        jobs += [group[start : start + size] for start in range(0, len(group), size)]
    return jobs


def run(job, feeds, X, y, stack_bytes, score, n_jobs):
    """Train and score the fits of a job; return a list of (number, result), and one of defects.

    A defect, in words, is why networks that could have been a stack were trained one by one.
    `feeds` holds what has been made ready of what reaches the networks; `stack_bytes` bounds the
    memory of a stack; `score` has the arguments of scikit-learn's `_fit_and_score` that are the
    same for all fits.
    """
    results, defects = [], []
    with one_blas_thread() if n_jobs > 1 else nullcontext():
        for wave in waves(job, stack_bytes // max(1, bytes_of(X))):
            given = {}
            for fit in wave:
                if fit.feed is not None and fit.feed not in given:
                    given[fit.feed] = feeds.get(fit.feed) or feed(fit, X, y, score["fit_params"])
            trained = {}
            if given:
                trained, failures = _train(wave, given, stack_bytes)
                defects += _defects(failures, trained)
            for fit in wave:
                of_fit = trained.get(fit.number), given.get(fit.feed)
                results.append((fit.number, _scored(fit, *of_fit, X, y, score)))
    return results, defects


def bytes_of(X):
    """Return how many bytes the values of X take; 0 if X does not say."""
    return getattr(X, "nbytes", 0) or getattr(getattr(X, "data", None), "nbytes", 0)


def waves(fits, n_feeds):
    """Divide fits into lists that have at most so many feeds each, at least one."""
    by_feed = defaultdict(list)
    for fit in fits:
        by_feed[fit.feed].append(fit)
    groups, size = list(by_feed.values()), max(1, n_feeds)
    for start in range(0, len(groups), size):
        yield list(chain.from_iterable(groups[start : start + size]))


def _train(fits, feeds, stack_bytes):
    """Return the trained network of each fit, by its number; and the stacks that failed.

    Their networks are trained one by one, so that each error is that of `fit`.
    """
    samples, failures = _samples_of(fits, feeds)
    trained = {}
    for streams in _stacks(fits, samples, stack_bytes):
        try:
            trained |= _train_stack(streams, [samples[stream[0][0].feed] for stream in streams])
        except Exception as error:
            failures.append(Failure(error, list(chain(*chain(*streams)))))
    for fit in fits:
        if fit.number not in trained:
            trained[fit.number] = _train_alone(network_of(fit.estimator), feeds[fit.feed])
    return trained, failures


def _samples_of(fits, feeds):
    """Return the checked samples of each feed, as far as they are right; and what is wrong."""
    samples, failures = {}, []
    stackable = {fit.feed: fit for fit in fits[::-1] if fit.stack is not None}
    for key, fit in stackable.items():
        given = feeds[key]
        if given.error is None:
            try:
                samples[key] = Samples.of(
                    clone(network_of(fit.estimator)), given.X, given.y, **given.params
                )
            except Exception as error:
                failures.append(Failure(error, [fit for fit in fits if fit.feed == key]))
    return samples, failures


def _defects(failures, trained):
    """Return in words the errors that none of the networks has when it is trained alone.

    What is wrong with the data or the parameters makes `fit` fail as well, and the search then
    reports it. An error that only the stack knows is a defect of the stack.
    """
    return [
        _in_words(error)
        for error, fits in failures
        if not any(isinstance(trained[fit.number].error, type(error)) for fit in fits)
    ]


def _in_words(error):
    """Return an error with the place where it was raised."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    what = traceback.format_exception_only(error)[-1].strip()
    return f"{what} ({Path(place.filename).name}, line {place.lineno})"


def _stacks(fits, samples, stack_bytes):
    """Yield stacks: lists of streams, lists of as many networks, lists of fits."""
    streams, alike = defaultdict(lambda: defaultdict(list)), defaultdict(list)
    for fit in fits:
        of_fit = samples.get(fit.feed)
        if of_fit is not None and of_fit.kind is not None:
            estimator = network_of(fit.estimator)
            streams[fit.feed, stream_key(estimator)][fit.network].append(fit)
    for (key, _), networks in streams.items():
        alike[samples[key].kind, len(networks)].append(list(networks.values()))
    for (_, length), group in alike.items():
        first = group[0][0][0]
        n_bytes = bytes_per_network(network_of(first.estimator), samples[first.feed])
        n_networks = stack_bytes // n_bytes
        if n_networks < length:
            size = max(1, n_networks)
            parts = [[s[i : i + size]] for s in group for i in range(0, length, size)]
        else:
            size = n_networks // length
            parts = [group[i : i + size] for i in range(0, len(group), size)]
        # One fit alone is what `fit` is for
        yield from (part for part in parts if sum(map(len, chain.from_iterable(part))) > 1)


def _train_stack(streams, samples):
    """Return what became of each fit."""
    start = time.perf_counter()
    # Copies that share their parameters cost a tenth of clones, and a stack changes none
    estimators = [[[copy(network_of(f.estimator)) for f in n] for n in s] for s in streams]
    stack = Stack(estimators, samples)
    stack.fit()
    fits, estimators = (list(chain(*chain(*nested))) for nested in (streams, estimators))
    outcomes = [stack.outcomes[id(estimator)] for estimator in estimators]
    # Time that cannot be told apart, to set up the stack and the like, is shared by all
    rest = time.perf_counter() - start - sum(outcome.seconds for outcome in outcomes)
    return {
        fit.number: Trained(estimator, outcome.error, outcome.seconds + rest / len(fits))
        for fit, estimator, outcome in zip(fits, estimators, outcomes, strict=True)
    }


def _train_alone(network, given):
    start, network, error = time.perf_counter(), clone(network), given.error
    if error is None:
        try:
            network.fit(given.X, given.y, **given.params)
        except Exception as raised:
            error = raised
    return Trained(network, error, time.perf_counter() - start)


def _scored(fit, trained, given, X, y, score):
    """Return the result of a fit as scikit-learn's own function makes it.

    That function calls `fit`, which here hands over what was trained before. So scores, errors,
    messages and callbacks are scikit-learn's.
    """
    if trained is None:
        estimator = clone(fit.estimator)
    else:
        estimator = _whole(fit.estimator, trained, given)
        estimator.fit = _HandOver(estimator, trained.error, given)
    result = fit_and_score(
        estimator,
        X,
        y,
        train=fit.train,
        test=fit.test,
        # Set anew, though they are set: its messages name them
        parameters=fit.parameters if trained is None or score["verbose"] > 1 else None,
        split_progress=fit.split_progress,
        candidate_progress=fit.candidate_progress,
        callback_ctx=fit.context,
        **score,
    )
    if trained is not None:
        result["fit_time"] += trained.seconds + given.seconds
    return result


def _whole(estimator, trained, given):
    """Return the fitted estimator of which a network was trained."""
    if type(estimator) is not Pipeline:
        return trained.estimator
    pipeline = copy(estimator)
    pipeline.steps = [*given.steps, (estimator.steps[-1][0], trained.estimator)]
    return pipeline


class _HandOver:
    """Stands in for the `fit` of a fitted estimator, once."""

    def __init__(self, estimator, error, given):
        self.estimator = estimator
        self.error = error
        self.given = given
        self.fitted = vars(estimator).copy()

    def __call__(self, X, y=None, **params):
        del self.estimator.fit
        vars(self.estimator).update(self.fitted)  # steps that were replaced by parameters
        with callback_management_context(self.estimator):
            return self._fit(X, y, **params)

    def _fit(self, X, y, sample_weight=None, **params):
        """Do what fit does, as far as callbacks that a search hands down are told of it."""
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        task = {"estimator": self.estimator, "metadata": metadata}
        context = self.estimator._init_callback_context()
        context.call_on_fit_task_begin(X=X, y=y, **task)
        if self.error is not None:
            raise self.error
        # As a pipeline does: with what it has made of the samples
        context.call_on_fit_task_end(
            X=self.given.X, y=self.given.y, **task, reconstruction_attributes={}
        )
        return self.estimator
