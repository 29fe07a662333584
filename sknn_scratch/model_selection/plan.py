"""The fits of a search: which of them share transformed samples, or are parts of one training."""

from collections import defaultdict
from numbers import Integral
from typing import Any, NamedTuple

import joblib
import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.estimators.build import build_optimizer
from sknn_scratch.estimators.classifier import MLPScratchClassifier
from sknn_scratch.estimators.constraints import check_parameters
from sknn_scratch.estimators.regressor import MLPScratchRegressor
from sknn_scratch.estimators.validation import is_number

# Samples that reach networks are kept, for all candidates, of as many splits and settings of the
# transformers as fit in here
BYTES_OF_FEEDS = 2**30
# Of these classes it is known what they do; a class that is derived from them may do otherwise
_OUR_CLASSES = (MLPScratchClassifier, MLPScratchRegressor)
# Nothing can change a value of these types, so that a clone may share it
_CONSTANTS = (int, float, str, bool, type(None))


class Fit(NamedTuple):
    """A candidate to be fitted on the training part of a split, and scored on the other.

    `number` is its place among the results; `estimator` is not fitted. Networks of fits with the
    same `feed` are given the same samples; it is None where there is nothing to share. Fits with
    the same `training` are one network after more and more epochs.
    """

    number: int
    estimator: Any
    parameters: dict
    candidate_progress: tuple
    split_progress: tuple
    train: np.ndarray
    test: np.ndarray
    context: Any
    feed: Any
    training: Any
    is_compiled: bool


def network_of(estimator):
    """Return the network in an estimator: itself, or the last step of a pipeline; else None."""
    last = estimator.steps[-1][1] if type(estimator) is Pipeline else estimator
    return last if isinstance(last, BaseMLPScratch) else None


def cloned(estimator):
    """Return a clone of an estimator that is not fitted.

    scikit-learn's `clone` copies each number and string as well, which takes 0.07 ms.
    """
    is_plain = type(estimator) in _OUR_CLASSES and all(map(_is_constant, vars(estimator).values()))
    return twin(estimator) if is_plain else clone(estimator)


def _is_constant(value):
    return type(value) in _CONSTANTS or (type(value) is tuple and all(map(_is_constant, value)))


def twin(estimator):
    """Return another estimator with the same attributes.

    `copy.copy` would make of it what goes into a file, and an estimator of that.
    """
    other = object.__new__(type(estimator))
    vars(other).update(vars(estimator))
    return other


def epochs_parameter(estimator):
    """Return the name by which a search sets the `max_iter` of the network in an estimator."""
    return f"{estimator.steps[-1][0]}__max_iter" if type(estimator) is Pipeline else "max_iter"


def _may_hold_network(estimator):
    """Whether a network is in an estimator, or may come into it by parameters."""
    return type(estimator) is Pipeline or isinstance(estimator, BaseMLPScratch)


def plan(estimator, candidates, splits, X, contexts, *, shares):
    """Return the fits of all candidates on all splits, candidate by candidate.

    `contexts` holds scikit-learn's contexts of the fits, or is None for a search without callbacks.
    `shares` says whether fits may share work. They may not if callbacks of the search are to see
    each transformer and each epoch.
    """
    fits = []
    # Others than arrays may not tell how much memory they take
    shares_rows = type(X) is np.ndarray and X.nbytes * len(splits) <= BYTES_OF_FEEDS
    for position, parameters in enumerate(candidates):
        candidate = cloned(estimator)
        if _may_hold_network(estimator):  # of all others `_fit_and_score` sets them
            candidate.set_params(**clone(parameters, safe=False))
        setting = training = None
        if shares and not _has_callbacks(candidate):
            setting = _setting(candidate, parameters, shares_rows)
            training = _training(candidate, parameters)
        for split, (train, test) in enumerate(splits):
            fit = Fit(
                number=len(fits),
                estimator=candidate,
                parameters=parameters,
                candidate_progress=(position, len(candidates)),
                split_progress=(split, len(splits)),
                train=train,
                test=test,
                context=None if contexts is None else contexts[len(fits)],
                feed=None if setting is None else (split, setting),
                training=None if training is None else (split, training),
                is_compiled=is_compiled(candidate, X),
            )
            fits.append(fit)
    return fits


def jobs_of(fits):
    """Divide fits into jobs, each a list: one fit, or those of one training, shortest first."""
    jobs = defaultdict(list)
    for fit in fits:
        jobs[fit.number if fit.training is None else fit.training].append(fit)
    for job in jobs.values():
        if len(job) > 1:
            job.sort(key=lambda fit: network_of(fit.estimator).max_iter)
    return list(jobs.values())


def _has_callbacks(estimator):
    steps = [step for _, step in estimator.steps] if type(estimator) is Pipeline else []
    return any(getattr(part, "_skl_callbacks", None) for part in [estimator, *steps])


def _setting(estimator, parameters, shares_rows):
    """Return a key of what a candidate changes before its network; None if it shares nothing.

    `shares_rows` says whether networks by themselves share the rows of their split.
    """
    if type(estimator) in _OUR_CLASSES and shares_rows:
        return ""
    if type(estimator) is not Pipeline or network_of(estimator) is None:
        return None
    network = estimator.steps[-1][0]
    return _key({k: v for k, v in parameters.items() if k.split("__")[0] != network})


def _training(estimator, parameters):
    """Return a key of the training that a candidate is a part of; None if it is a whole one."""
    epochs = epochs_parameter(estimator)
    if epochs not in parameters or not _may_go_on(network_of(estimator)):
        return None
    return _key({k: v for k, v in parameters.items() if k != epochs})


def _may_go_on(network):
    """Whether a network of a larger `max_iter` is this one after more epochs.

    What a user's own class or function does is not known, nor what a generator of random numbers is
    used for elsewhere. A schedule may be laid out over `max_iter` epochs.
    """
    if type(network) not in _OUR_CLASSES:
        return False
    try:
        check_parameters(network)
        schedule = build_optimizer(network).schedule
    except (ValueError, TypeError):  # also for lbfgs, which has no optimiser
        return False
    return (
        schedule.endless
        and is_number(network.random_state, Integral)
        and network.stop_when is None
        and not network.verbose
        and network.warm_start != "resume"
    )


def is_compiled(estimator, X):
    """Whether compiled loops train the network in an estimator: it then does so in a thread."""
    network = network_of(estimator)
    is_asked_for = network is not None and network.engine == "numba"
    return is_asked_for and network.solver in SOLVERS and not issparse(X)


def _key(parameters):
    if all(map(_is_constant, parameters.values())):
        return repr(sorted(parameters.items()))  # in a tenth of the time of a hash
    try:
        return joblib.hash(parameters)
    except Exception:  # it cannot be pickled: let the same objects be the same parameters
        return tuple((name, id(value)) for name, value in parameters.items())
