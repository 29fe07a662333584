"""Data as they reach the engine: checked, encoded and weighed; and what is held out of them.

What the user gives becomes a record, `Prepared`, for every caller alike: `fit` and `partial_fit`,
the searches, `check_gradient` and `reference`. An estimator says of its targets, by an object of a
class derived from `Targets`, how they are encoded and which loss they ask for.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from sknn_scratch.engine.batches import MiniBatches
from sknn_scratch.engine.losses import Loss
from sknn_scratch.engine.target_weights import are_by_target, weight_of_samples
from sknn_scratch.estimators.advice import (
    refuse_tiny_weights,
    warn_of_large_alpha,
    warn_of_large_features,
)
from sknn_scratch.estimators.build import build_loss, samples_per_batch
from sknn_scratch.estimators.data_faults import name_of_column
from sknn_scratch.estimators.fitted import layers_of
from sknn_scratch.estimators.missing_targets import weight_of_targets
from sknn_scratch.estimators.validation import as_error_of, checked_weights, converted
from sknn_scratch.estimators.validation_units import warn_of_other_units


class Targets(ABC):
    """What a kind of estimator makes of y: of labels, or of numbers."""

    @abstractmethod
    def encoded(self, estimator, X, y, *, continued, partial):
        """Return X checked by scikit-learn, y, and where targets are missing, or None.

        y is an array (n_samples, n_outputs) of the dtype of X, with a value in each gap.

        `continued` says that they must be like the data of before, `partial` that y may lack some
        of the classes. The estimator keeps what it learns from the data: their names, the classes.
        """

    @abstractmethod
    def loss_name(self, estimator):
        """Return the name of the loss in `LOSSES`; the targets have been encoded."""

    def for_training(self, estimator, y, sample_weight, *, incremental):
        """Return encoded targets and the weights with which to train, which may be None."""
        return y, sample_weight

    def strata(self, y):
        """Return what a held-out part is to be stratified by, or None."""
        return None


@dataclass(frozen=True)
class Prepared:
    """The samples of a fit.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        In the dtype of the computation.
    y : ndarray of shape (n_samples, n_outputs)
        The targets, encoded.
    sample_weight : ndarray of shape (n_samples,) or (n_samples, n_outputs), or None
        As the user gave them, but zero where a target is missing.
    training_y, training_weight : ndarrays, the latter or None
        What is trained on: labels are smoothed, weights multiplied by those of the classes.
    validation : tuple of X, y and sample_weight, or None
        The user's validation set.
    dtype : dtype
        What the weights that the estimator keeps are to have.
    loss : Loss
        The loss that the targets ask for.
    """

    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None
    training_y: np.ndarray
    training_weight: np.ndarray | None
    validation: tuple | None
    dtype: np.dtype
    loss: Loss

    @property
    def samples(self):
        """Return X, y and sample_weight."""
        return self.X, self.y, self.sample_weight

    @property
    def arrays(self):
        """Return all that the user gave, the validation set included."""
        return (*self.samples, *(self.validation or ()))


def prepare(
    estimator,
    X,
    y,
    sample_weight=None,
    validation=(None, None, None),
    *,
    continued,
    incremental=False,
    partial=False,
    dtype=None,
):
    """Check, encode and weigh what the user gives, and return it as Prepared.

    `continued` says whether the estimator's weights are gone on with, `incremental` whether this
    is partial_fit. With `partial` some classes may be missing, as they may be in partial_fit.
    The computation has the dtype `dtype`, by default the weights' own, else the one of X.
    """
    X, y, sample_weight = checked(
        estimator, X, y, sample_weight, continued=continued, partial=incremental or partial
    )
    if dtype is None:
        dtype = layers_of(estimator).biases[0].dtype if continued else X.dtype
    X, y = converted("X", X, dtype), converted("y", y, dtype)
    if estimator.solver == "lbfgs":
        # scipy works in float64; a line search in float32 would stop far from the optimum
        X, y = X.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
    validation = checked_validation(estimator, *validation, like=(X, y, sample_weight))
    training = for_training(estimator, y, sample_weight, incremental=incremental)
    return Prepared(X, y, sample_weight, *training, validation, dtype, build_loss(estimator))


def checked(estimator, X, y, sample_weight, *, continued, partial):
    """Return X, y and weights that are right, y encoded; the weights may be None."""
    encoded = estimator._targets.encoded
    X, y, missing = encoded(estimator, X, y, continued=continued, partial=partial)
    if not continued:
        warn_of_large_features(X, getattr(estimator, "feature_names_in_", None))
    if sample_weight is not None:
        by_target = y.shape if y.shape[1] > 1 else None
        sample_weight = checked_weights(sample_weight, X, X.dtype, by_target)
    if missing is not None:
        sample_weight = weight_of_targets(sample_weight, missing).astype(X.dtype)
    if are_by_target(sample_weight):
        _check_separable(estimator, y)
        sample_weight = _simplest(sample_weight)
    return X, y, sample_weight


def _simplest(weight):
    """Return weights of targets (n, k) as weights of samples if they say no more, None for ones."""
    if (weight != weight[:, :1]).any():
        return weight
    return None if (weight == 1).all() else np.ascontiguousarray(weight[:, 0])


def _check_separable(estimator, y):
    """Raise a ValueError if the targets of a sample cannot have a weight each."""
    if y.shape[1] == 1 or build_loss(estimator).separable:
        return
    what = "the classes exclude each other"
    if hasattr(estimator, "loss"):
        what = f"loss={estimator.loss!r} is not a sum over the outputs"
    raise ValueError(
        f"sample_weight must hold one weight for each sample, because {what}. Give an array of "
        "one dimension, without a weight for each target."
    )


def checked_validation(estimator, X, y, sample_weight, like):
    """Return the user's validation set as (X, y, sample_weight), or None.

    `like` is X, y and sample_weight of the training set.
    """
    if X is None and y is None and sample_weight is None:
        return None
    if X is None or y is None:
        raise ValueError(
            f"X_val and y_val belong together, but {'X_val' if X is None else 'y_val'} is None."
        )
    given = X, y
    try:
        X, y, weight = checked(estimator, X, y, sample_weight, continued=True, partial=True)
    except (TypeError, ValueError) as error:
        said = f"X_val, y_val and sample_weight_val: {error}"
        raise as_error_of(error)(said) from error
    if y.shape[1] != like[1].shape[1]:
        raise ValueError(f"y_val has {y.shape[1]} outputs or labels, but y has {like[1].shape[1]}.")
    X, y = converted("X_val", X, like[0].dtype), converted("y_val", y, like[1].dtype)
    warn_of_other_units("X", like[0], X, given[0])
    warn_of_other_units("y", _complete(*like[1:]), _complete(y, weight), given[1])
    if weight is not None and not weight.any():
        raise ValueError(
            "sample_weight_val is zero for every sample, or all of y_val is missing. Give "
            "samples that count."
        )
    return X, y, weight


def _complete(y, weight):
    """Return the rows of y all of whose targets count, where they have a weight each."""
    return y[weight.all(axis=1)] if are_by_target(weight) else y


def for_training(estimator, y, sample_weight, *, incremental=False):
    """Return encoded targets and weights as they are trained on."""
    return estimator._targets.for_training(estimator, y, sample_weight, incremental=incremental)


# What early stopping holds out


def rows_to_train_on(estimator, y, generator, holds_out=True):
    """Return the rows that `early_stopping` leaves to train on, drawn as by scikit-learn."""
    if not holds_out:
        return np.arange(y.shape[0])
    try:
        rows, held = train_test_split(
            np.arange(y.shape[0]),
            random_state=generator,
            test_size=estimator.validation_fraction,
            stratify=estimator._targets.strata(y),
        )
    except ValueError as error:
        reason = str(error).rstrip(".")  # whole, because scikit-learn's own tests ask for its end
        raise ValueError(
            "early_stopping=True could not set samples aside for validation with "
            f"validation_fraction={estimator.validation_fraction}: {reason}. Give "
            "more samples, leave out classes of a single one, change validation_fraction, or set "
            "early_stopping=False."
        ) from error
    if held.size < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            "or the size of your dataset."
        )
    return rows


def held_out(samples, order):
    """Return the samples that are not among the rows in `order`, or None if all are."""
    X, _, sample_weight = samples
    if order.size == X.shape[0]:
        return None
    held = rows_of(samples, np.setdiff1d(np.arange(X.shape[0]), order))
    if sample_weight is not None and not held[2].any():
        raise ValueError(
            "sample_weight is zero for every sample that early_stopping has set aside for "
            "validation, or all its targets are missing. Increase validation_fraction, or leave "
            "such samples out."
        )
    return held


def check_training_weight(weight, y, alpha, *, incremental):
    """Raise a ValueError if nothing can be learned from samples of this weight, or None.

    y is as the user gave it.
    """
    if weight is None:
        return
    if not weight.any():
        raise ValueError(
            "sample_weight is zero for every sample that is left to train on, or all its targets "
            "are missing. Use fewer samples for validation, or leave out those without weight."
        )
    if are_by_target(weight) and not (incremental or weight.any(axis=0).all()):
        column = name_of_column(y, weight.any(axis=0).argmin())
        raise ValueError(
            f"No sample that is left to train on has a target in column {column!r} of y: "
            "there it is missing, or its sample_weight is zero. Leave the column out, or give more "
            "samples that have it."
        )
    mean = float(weight_of_samples(weight).mean(dtype=np.float64))
    refuse_tiny_weights(alpha, mean, weight.dtype)


def rows_of(samples, rows):
    """Return these rows of X, y and sample_weight, which may be None."""
    return tuple(None if part is None else part[rows] for part in samples)


# What an epoch is made of


def mini_batches(estimator, X, y, sample_weight, order, generator, full_batch, begins):
    """Return the mini-batches of an epoch over the rows of X in `order`.

    `full_batch` says that the solver sees all of them at once, `begins` that it has seen none yet.
    """
    size = order.size if full_batch else samples_per_batch(estimator, order.size)
    if begins:
        mean = 1.0 if sample_weight is None else weight_of_samples(sample_weight[order]).mean()
        warn_of_large_alpha(estimator.alpha, float(mean * size), size)
    if estimator.shuffle and not full_batch:
        # Rows are taken from X as they are needed: no copy of the training part is made
        return MiniBatches(X, y, sample_weight, size, order, generator)
    if order.size < X.shape[0]:
        X, y, sample_weight = rows_of((X, y, sample_weight), order)
    return MiniBatches(X, y, sample_weight, size)
