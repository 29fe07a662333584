"""Losses as functions of the raw scores of the output layer.

A loss knows no network and no weights: it sees raw scores z of shape (..., n, k) and targets y of
the same shape. To add one for regression, write a class derived from `RegressionLoss` and one line
in `REGRESSION_LOSSES`. (Those of a classifier follow from its targets.)
"""

from abc import ABC, abstractmethod
from collections import ChainMap

import numpy as np
from scipy.special import expit, log_softmax, xlogy

__all__ = ["LOSSES", "REGRESSION_LOSSES", "Loss", "RegressionLoss"]


class Loss(ABC):
    """A loss per sample, stable for raw scores of any size.

    A class derived from this one defines all of this.

    Attributes
    ----------
    out_activation : str
        Name of the function that turns raw scores into predictions.
    """

    @property
    @abstractmethod
    def out_activation(self) -> str:
        pass  # a class attribute, rather than a property, in the classes derived from this one

    @abstractmethod
    def predict(self, raw: np.ndarray) -> None:
        """Overwrite `raw` with the predictions: probabilities, or expected values."""

    @abstractmethod
    def remember_targets(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        """Take from all targets of a fit what `score` needs of them."""

    @abstractmethod
    def score(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray | None:
        """Return for each sample, shape (..., n), that of which the mean is the score.

        In classification, whether it is classified correctly; in regression, its part of R^2, or
        None before `remember_targets`.
        """

    @abstractmethod
    def value(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the loss of each sample, shape (..., n); `raw` is kept."""

    @abstractmethod
    def value_and_gradient(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the loss of each sample and overwrite `raw` with d loss / d raw."""


class LogLoss(Loss):
    """-sum_k y_k log softmax(z)_k; d/dz = softmax(z) - y.

    y is one-hot, or another distribution over the classes (smoothed labels).
    """

    out_activation = "softmax"

    def predict(self, raw):
        raw -= np.maximum.reduce(raw, axis=-1, keepdims=True)
        np.exp(raw, out=raw)
        raw /= np.add.reduce(raw, axis=-1, keepdims=True)

    def classify(self, raw):
        """Return the index of the class of each sample, shape (..., n)."""
        return raw.argmax(axis=-1)

    def remember_targets(self, y, weight):
        pass

    def score(self, raw, y):
        return raw.argmax(axis=-1) == y.argmax(axis=-1)

    def value(self, raw, y):
        return -np.vecdot(log_softmax(raw, axis=-1), y)

    def value_and_gradient(self, raw, y):
        raw -= np.maximum.reduce(raw, axis=-1, keepdims=True)
        score_of_target = np.vecdot(raw, y)
        np.exp(raw, out=raw)
        total = np.add.reduce(raw, axis=-1, keepdims=True)
        raw /= total
        raw -= y
        return np.log(total[..., 0]) - score_of_target


class BinaryLogLoss(Loss):
    """sum_k log(1 + exp(z_k)) - y_k z_k, with y_k in [0, 1]; d/dz = 1 / (1 + exp(-z)) - y.

    One column is the two-class problem, several are independent labels.
    """

    out_activation = "logistic"

    def predict(self, raw):
        expit(raw, out=raw)

    def classify(self, raw):
        """Return for each label whether the sample has it, shape (..., n, k)."""
        return raw > 0

    def remember_targets(self, y, weight):
        pass

    def score(self, raw, y):
        # as in accuracy_score, all labels are to be right
        return np.logical_and.reduce((raw > 0) == (y > 0.5), axis=-1)

    def value(self, raw, y):
        # Label by label: between sums over the labels a small loss would be lost
        return np.add.reduce(np.logaddexp(raw, 0) - raw * y, axis=-1)

    def value_and_gradient(self, raw, y):
        loss = self.value(raw, y)
        expit(raw, out=raw)
        raw -= y
        return loss


class RegressionLoss(Loss):
    """A loss whose score is R^2 = mean_k (1 - mean_i (m_ik - y_ik)^2 / variance of y_k).

    A class derived from this one defines `out_activation`, `predict`, `value` and
    `value_and_gradient`.
    """

    y_variance: np.ndarray | None = None

    def remember_targets(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        if weight is not None:
            weight = np.broadcast_to(weight[..., None], y.shape)
        mean = np.average(y, axis=-2, weights=weight, keepdims=True)
        self.y_variance = np.average((y - mean) ** 2, axis=-2, weights=weight, keepdims=True)

    def score(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray | None:
        if self.y_variance is None:
            return None
        predicted = raw.copy()
        self.predict(predicted)
        predicted -= y
        predicted *= predicted
        # a target that does not vary has no R^2: its error counts as it is
        predicted /= np.where(self.y_variance > 0, self.y_variance, 1)
        return 1 - predicted.mean(axis=-1)


class SquaredError(RegressionLoss):
    """1/2 sum_k (z_k - y_k)^2; d/dz = z - y."""

    out_activation = "identity"

    def predict(self, raw):
        pass

    def value(self, raw, y):
        return self.value_and_gradient(raw.copy(), y)

    def value_and_gradient(self, raw, y):
        raw -= y
        return 0.5 * np.vecdot(raw, raw)


class PoissonLoss(RegressionLoss):
    """Half the Poisson deviance, sum_k y_k log(y_k / m_k) - y_k + m_k with m = exp(z).

    d/dz = m - y.
    """

    out_activation = "exp"

    def predict(self, raw):
        np.exp(raw, out=raw)

    def value(self, raw, y):
        return self.value_and_gradient(raw.copy(), y)

    def value_and_gradient(self, raw, y):
        # y log(y / m) = y log(y) - y z: exact where m itself underflows to zero
        y_log_ratio = np.add.reduce(xlogy(y, y), axis=-1) - np.vecdot(raw, y)
        np.exp(raw, out=raw)
        raw -= y
        return y_log_ratio + np.add.reduce(raw, axis=-1)


CLASSIFICATION_LOSSES: dict[str, type[Loss]] = {
    "log_loss": LogLoss,
    "binary_log_loss": BinaryLogLoss,
}
REGRESSION_LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "poisson": PoissonLoss,
}
LOSSES = ChainMap(CLASSIFICATION_LOSSES, REGRESSION_LOSSES)  # sees what is added to them later
