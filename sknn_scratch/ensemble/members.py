"""The members of an ensemble: how they are trained, and what they say of X."""

import copy
from contextlib import nullcontext
from functools import partial
from itertools import chain
from threading import Event

import joblib
import numpy as np
from scipy.sparse import issparse
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.utils.validation import validate_data

from sknn_scratch._sklearn import build_members
from sknn_scratch._warnings import gathering, told_already, warn_of_each
from sknn_scratch.estimators.class_weights import weight_of_each
from sknn_scratch.estimators.classifier import ONE_CLASS, MLPScratchClassifier, probabilities_of
from sknn_scratch.estimators.fitted import layers_of, raw_scores_of
from sknn_scratch.estimators.regressor import MLPScratchRegressor, predictions_of
from sknn_scratch.estimators.threads import one_blas_thread
from sknn_scratch.estimators.validation import validated
from sknn_scratch.model_selection.plan import is_compiled, network_of
from sknn_scratch.model_selection.side_by_side import in_threads
from sknn_scratch.model_selection.workers import Workers

# How scikit-learn's bagging checks X, of which its members check the rest
LENIENT = {"accept_sparse": ["csr", "csc"], "dtype": None, "ensure_all_finite": False}
# Multiplications for each member from which on threads pay for a prediction. Of eight
# networks 60-64-4 and 60-128-128-128-4, two threads took 0.5 to 0.8 of the time of one that had two
# BLAS threads from 2^27 on. At 2^25 to 2^26 they took 0.7 to 1.5 times as long, below it longer.
_WORTH_THREADS = 2**27


# Training


def with_numbered_classes(estimator, classes):
    """Return the estimator with `class_weight` by the number of each class, as members see them.

    In scikit-learn's bagging the keys are these numbers. They may be here, too.
    """
    weights = getattr(network_of(estimator), "class_weight", None)
    if not isinstance(weights, dict):
        return estimator
    if weights.keys().isdisjoint(classes.tolist()) and weights.keys() <= set(range(len(classes))):
        return estimator
    numbered = clone(estimator)
    # All classes: a member may not see one of them, and would call its number unknown
    by_number = enumerate(weight_of_each(weights, classes, weights).tolist())
    network_of(numbered).class_weight = dict(by_number)
    return numbered


def train(ensemble, X, y, sample_weight, seeds, fit_params):
    """Return a new member for each seed, and the features that it sees: a list of pairs."""
    compiled = is_compiled(ensemble.estimator_, X)
    n_jobs = min(joblib.effective_n_jobs(ensemble.n_jobs), len(seeds))
    prefer = "threads" if compiled else "processes"
    workers = Workers(n_jobs, "2*n_jobs", prefer, verbose=ensemble.verbose)
    maker = _without_members(ensemble)
    calls = [
        (maker, X, y, sample_weight, seeds[k : k + 1], fit_params, (k, len(seeds)), workers.n_jobs)
        for k in range(len(seeds))
    ]
    with one_blas_thread() if workers.n_jobs > 1 else nullcontext():
        trained = workers.run(_train_member, calls)
    # Here, because one from another process would point at a line that is nobody's
    warn_of_each(chain.from_iterable(told for *_, told in trained))
    return [(member, features) for member, features, _ in trained]


def _without_members(ensemble):
    """Return a copy that makes members, without those that would go along to other processes."""
    maker = copy.copy(ensemble)
    maker.estimators_, maker.estimators_features_, maker._sample_weight = [], [], None
    return maker


def _train_member(maker, X, y, sample_weight, seed, fit_params, progress, n_jobs):
    number, total = progress
    if maker.verbose > 1:
        print(f"Training member {number + 1} of {total}")
    # Members know classes by their numbers. The ensemble has told of its label
    with (
        one_blas_thread() if n_jobs > 1 else nullcontext(),
        told_already(ONE_CLASS),
        gathering() as told,
    ):
        (member,), (features,) = build_members(
            1,
            maker,
            X,
            y,
            sample_weight,
            seed,
            1,
            verbose=0,
            check_input=True,
            fit_params=fit_params,
        )
    return member, features, told


# Prediction


def are_networks(ensemble):
    """Whether all members are networks, or pipelines that end in one."""
    return all(network_of(member) is not None for member in ensemble.estimators_)


def answers(ensemble, X, params=None):
    """Yield what each member says of X, in their order.

    That is an array of probabilities, (n_samples, n_classes), with zeros for classes that the
    member has not seen; or what a regressor predicts. `params` are for pipelines.
    """
    X, ask = _ready(ensemble, X)
    n_classes, params = getattr(ensemble, "n_classes_", None), params or {}
    calls = [
        (member, features, X, n_classes, params)
        for member, features in zip(
            ensemble.estimators_, ensemble.estimators_features_, strict=True
        )
    ]
    n_threads = _threads_that_pay(ensemble, X)
    if n_threads == 1:
        yield from (ask(*call) for call in calls)
        return
    # Whichever backend joblib is to use: a dispatch by joblib takes as long as most predictions
    like_this_thread = partial(config_context, **get_config())
    with one_blas_thread():
        yield from in_threads(ask, calls, n_threads, like_this_thread, Event())


def _ready(ensemble, X):
    """Return X as the members take it, and the function that asks one of them.

    Networks that compute in one dtype share an X that is checked once.
    """
    members = ensemble.estimators_
    if all(type(member) in (MLPScratchClassifier, MLPScratchRegressor) for member in members):
        dtypes = {layers_of(member).biases[0].dtype for member in members}
        if len(dtypes) == 1:
            return validated(ensemble, X, dtype=dtypes.pop(), reset=False), _ask_network
    return validate_data(ensemble, X, reset=False, **LENIENT), ask


def _threads_that_pay(ensemble, X):
    """Return how many threads make a prediction of networks faster; 1 for a short one."""
    n_threads = min(joblib.effective_n_jobs(ensemble.n_jobs), len(ensemble.estimators_))
    if n_threads == 1 or not are_networks(ensemble):
        return 1
    n_multiplications = X.shape[0] * network_of(ensemble.estimators_[0]).n_parameters_
    return n_threads if n_multiplications >= _WORTH_THREADS else 1


def _ask_network(network, features, X, n_classes, params):
    """Return what a network says of an X that is checked."""
    raw = raw_scores_of(network, columns(X, features))
    if n_classes is None:
        return predictions_of(network, raw)
    return _in_columns(probabilities_of(network, raw), network.classes_, n_classes)


def ask(member, features, X, n_classes, params):
    """Return what any member says of X; one without probabilities votes for a class."""
    X = columns(X, features)
    if n_classes is None:
        return member.predict(X, **params)
    if hasattr(member, "predict_proba"):
        return _in_columns(member.predict_proba(X, **params), member.classes_, n_classes)
    return np.eye(n_classes)[member.predict(X, **params)]


def columns(X, features):
    """Return these columns of X; X itself if they are all of them."""
    if np.array_equal(features, np.arange(X.shape[1])):
        return X
    return X[:, features] if issparse(X) else X.take(features, axis=1)


def _in_columns(probabilities, classes, n_classes):
    """Return probabilities with a column for each class of the ensemble."""
    if len(classes) == n_classes:
        return probabilities
    # Members know classes by their numbers
    placed = np.zeros((len(probabilities), n_classes), probabilities.dtype)
    placed[:, classes] = probabilities
    return placed
