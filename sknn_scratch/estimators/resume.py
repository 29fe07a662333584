"""What a call of fit goes on from: weights, optimiser, progress, order of the samples."""

import copy
from dataclasses import dataclass, replace
from enum import Enum
from math import inf, isnan
from numbers import Integral
from typing import Any

import joblib
import numpy as np
from numpy.random.bit_generator import ISeedSequence
from scipy.sparse import issparse
from sklearn.utils import check_random_state

from sknn_scratch.engine.progress import Progress
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.estimators.build import build_optimizer
from sknn_scratch.estimators.validation import is_number

# How many epochs partial_fit keeps in the history when there are twice as many. The five lists of
# 20,000 numbers hold 4 MB; to cut them once in 10,000 calls takes 0.1 ms.
EPOCHS_OF_A_STREAM = 10_000


class Mode(Enum):
    """How a call of fit or partial_fit begins."""

    FRESH = "With new weights."
    WARM = "With the weights of the last fit: warm_start=True."
    RESUME = "Where the last fit ended, optimiser and random numbers included: 'resume'."
    CHECKPOINT = "Amid a fit that was broken off: it does the rest."
    PARTIAL = "Where the last call ended, if there was one, for an epoch of partial_fit."

    @classmethod
    def of(cls, estimator, incremental):
        """Return the mode of the call that begins; `incremental` says that it is partial_fit."""
        if incremental:
            return cls.PARTIAL
        if not hasattr(estimator, "coefs_"):
            return cls.FRESH
        point = getattr(estimator, "_resume_point", None)
        if point is not None and point.unfinished and estimator.solver in SOLVERS:
            return cls.CHECKPOINT
        if estimator.warm_start == "resume":
            return cls.RESUME
        return cls.WARM if estimator.warm_start else cls.FRESH

    def continues(self, estimator):
        """Whether the call goes on with the weights that the estimator has."""
        return self is not Mode.FRESH and hasattr(estimator, "coefs_")

    @property
    def keeps_optimizer(self):
        """Whether the optimiser goes on from the state that the last call has left."""
        return self in (Mode.RESUME, Mode.CHECKPOINT, Mode.PARTIAL)


@dataclass
class ResumePoint:
    """Where a fit stopped, and the next one may go on.

    generator : RandomState; n_samples : rows of X; order : the training rows in their present
    order, or None if they have yet to be chosen. Where early stopping went back to better weights,
    flat and optimizer are the vector of parameters and the optimiser before that, else None.

    To do the rest of an unfinished fit takes more. Its progress, but for the history, which the
    estimator has. Its loss, which has seen the targets in their first order, so that sums over them
    are rounded alike. The fingerprint of its data, or None where they are known to be the same.
    """

    generator: Any
    n_samples: int
    order: Any = None
    flat: Any = None
    optimizer: Any = None
    progress: Progress | None = None
    loss: Any = None
    fingerprint: str | None = None

    @property
    def unfinished(self):
        """Whether the next fit is the rest of this one, and not another."""
        return self.progress is not None

    def next_point(self, order, progress, params, optimizer, *, is_over):
        """Return where the call that began here has stopped; the two share no arrays.

        `is_over` says that the call draws no more from its generator, and that nobody else does.
        """
        last_flat = last_optimizer = None
        # Early stopping goes back to better weights, but the next call continues from the last
        if progress.keeps_best and np.isfinite(params.flat).all():
            last_flat, last_optimizer = params.flat.copy(), copy.deepcopy(optimizer)
        # To copy one takes 0.1 ms, as long as some trainings in a search
        generator = self.generator if is_over else copy.deepcopy(self.generator)
        return ResumePoint(generator, self.n_samples, order.copy(), last_flat, last_optimizer)

    def add_rest(self, progress, loss, fingerprint):
        """Add what it takes to do the rest of an unfinished fit."""
        self.progress = replace(progress, history={}, best_flat=progress.best_flat.copy())
        self.loss, self.fingerprint = loss, fingerprint


def taken_resume_point(estimator, mode, n_samples, holds_out, *, used_up):
    """Return where a call with so many samples begins.

    `holds_out` says whether a part of them is for validation. Any call makes the place where an
    earlier one stopped a thing of the past. The estimator gets that place back if the call fails,
    unless it is `used_up`: this then has its generator. All else is copied in any case.
    """
    point = vars(estimator).pop("_resume_point", None)
    if point is None or mode not in (Mode.RESUME, Mode.CHECKPOINT):
        return ResumePoint(generator_of(estimator.random_state), n_samples)
    if point.n_samples != n_samples:
        what = "A checkpoint" if mode is Mode.CHECKPOINT else "warm_start='resume'"
        raise ValueError(
            f"{what} goes on with the data of the last fit: that X had "
            f"{point.n_samples} samples, this X has {n_samples}."
        )
    # What is in the memo counts as copied. Arrays that another process has sent may be read-only
    memo = {id(point.generator): point.generator} if used_up else None
    point = copy.deepcopy(point, memo)
    if (point.order.size < n_samples) != holds_out:
        point.order = None  # hold out other samples, or none
    return point


def generator_of(random_state):
    """Return the generator of scikit-learn's `check_random_state`."""
    if not is_number(random_state, Integral):
        return check_random_state(random_state)
    # In 5 us. Without seeds numpy asks the system for some, of which it makes 624 numbers in 80 us
    generator = np.random.RandomState(np.random.MT19937(_NoSeeds()))
    generator.seed(random_state)
    return generator


class _NoSeeds(ISeedSequence):
    """Zeros for a generator that is seeded right away."""

    def generate_state(self, n_words, dtype=np.uint32):
        return [0] * n_words


def check_same_data(point, data):
    """Raise a ValueError if the fit amid which a checkpoint was written had other data."""
    if point.fingerprint is not None and fingerprint(data) != point.fingerprint:
        raise ValueError(
            "A checkpoint goes on with the data of its fit, but X, y, sample_weight or the "
            "validation set are other ones. Give the same data in the same order, or train "
            "sklearn.base.clone(model) from the start."
        )


def fingerprint(data):
    """Return a hash of the values of arrays and sparse matrices; some may be None."""
    parts = []
    for array in data:
        parts += [array.data, array.indices, array.indptr] if issparse(array) else [array]
    # A hash of joblib's tells strides apart as well, which depend on where values came from
    return joblib.hash([part if part is None else np.ascontiguousarray(part) for part in parts])


def first_optimizer(estimator, mode, point):
    """Return the optimiser that a call begins with: a copy of the last one, where that goes on."""
    new = build_optimizer(estimator)
    last = point.optimizer or getattr(estimator, "_optimizer", None)
    if not mode.keeps_optimizer or last is None or type(last.solver) is not type(new.solver):
        return new
    last = copy.deepcopy(last)  # the model of the last call keeps its own
    if mode is not Mode.PARTIAL:
        # Parameters set between two fits are taken up; scikit-learn's partial_fit does not.
        last.solver = new.solver
        if not last.schedule.begins_like(new.schedule):
            new.schedule.n_epochs = last.schedule.n_epochs
            last.schedule = new.schedule
    return last


def first_progress(estimator, mode, point, watched, flat):
    """Return the progress that a call begins with, from the parameters `flat`."""
    limits = {"tol": estimator.tol, "n_iter_no_change": estimator.n_iter_no_change}
    if not mode.continues(estimator):
        best_score = None if watched == "loss" else -inf
        return Progress(**limits, watched=watched, best_score=best_score, best_flat=flat.copy())
    history, n_dropped = _history(estimator, mode)
    if mode is Mode.CHECKPOINT:
        ending = point.progress.ending
        return replace(
            point.progress,
            **limits,
            watched=watched,
            history=history,
            ending=ending if ending is not None and ending.is_final else None,
        )
    # A model to go on with may have been put together by hand, from weights alone
    had = vars(estimator).get
    best, best_score = had("best_loss_"), None
    if watched != "loss":
        score = had("best_validation_score_")
        best_score = -inf if score is None else score
        best = -best_score
        if watched == "validation_loss" and best < inf:
            best = _lowest(history.get("validation_loss", ()))
    return Progress(
        **limits,
        watched=watched,
        history=history,
        n_epochs_dropped=n_dropped,
        n_samples_seen=had("t_", 0),
        best=inf if best is None else best,
        best_score=best_score,
        n_stale_epochs=had("_no_improvement_count", 0),
        best_flat=flat.copy(),
    )


def _history(estimator, mode):
    """Return the history to append to, and how many epochs have been dropped from it.

    What a failure gives back must not have grown: `fit` copies the lists. To copy them for each
    sample of a stream would take ever longer, so that partial_fit appends to them, and
    `unchanged_on_failure` cuts them back.
    """
    had = vars(estimator).get
    history, n_dropped = had("history_", {}), had("_n_epochs_dropped", 0)
    if mode is not Mode.PARTIAL:
        return {name: list(values) for name, values in history.items()}, n_dropped
    n_epochs = len(history.get("loss", ()))
    if n_epochs >= 2 * EPOCHS_OF_A_STREAM:
        n_dropped += n_epochs - EPOCHS_OF_A_STREAM
        return {name: list(v[-EPOCHS_OF_A_STREAM:]) for name, v in history.items()}, n_dropped
    own = {name: v if isinstance(v, list) else list(v) for name, v in history.items()}
    return own, n_dropped


def _lowest(losses):
    return min((loss for loss in losses if not isnan(loss)), default=inf)
