"""Losses as functions of the raw scores of the output layer.

A loss knows no network and no weights: it sees raw scores z and targets y, both of shape (n, k).
The outputs are the last axis, so that a single sample may be a vector. A loss also knows its score:
its name, its mean, and the score of a constant prediction. To add one for regression, write a class
derived from `RegressionLoss` and one line in `REGRESSION_LOSSES`. (The losses of a classifier
follow from its targets.)
"""

from abc import ABC, abstractmethod
from collections import ChainMap

import numpy as np
from scipy.special import expit, log_softmax, xlogy

__all__ = ["LOSSES", "REGRESSION_LOSSES", "ClassificationLoss", "Loss", "RegressionLoss"]


class Loss(ABC):
    """A loss per sample, stable for raw scores of any size.

    A class derived from this one defines all of this.

    Attributes
    ----------
    out_activation : str
        Name of the function that turns raw scores into predictions.
    score_name : str
        Name of the score in the history.
    best_constant : str
        The best prediction that is the same for all samples, in words.
    """

    # Class attributes, rather than properties, in the classes derived from this one

    @property
    @abstractmethod
    def out_activation(self) -> str:
        pass

    @property
    @abstractmethod
    def score_name(self) -> str:
        pass

    @property
    @abstractmethod
    def best_constant(self) -> str:
        pass

    @abstractmethod
    def predict(self, raw: np.ndarray) -> None:
        """Overwrite `raw` with the predictions: probabilities, or expected values."""

    @abstractmethod
    def remember_targets(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        """Take from all targets of a fit what `score` needs of them."""

    @abstractmethod
    def score(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray | None:
        """Return each sample's contribution, shape (n,); the score is their mean.

        In classification it is whether the sample is classified correctly. In regression it is the
        sample's part of R^2, or None before `remember_targets`.
        """

    @abstractmethod
    def mean_score(self, raw: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> float:
        """Return the score of all samples (n, k); `raw` may be overwritten."""

    @abstractmethod
    def score_of_constant(self, y: np.ndarray, weight: np.ndarray | None) -> float:
        """Return about the best score of a prediction that is the same for all samples."""

    @abstractmethod
    def spread(self, raw: np.ndarray, y: np.ndarray) -> float:
        """Return how far predictions differ between samples, in standard deviations."""

    def score_varies(self, y: np.ndarray) -> bool:
        """Whether the score on these targets tells good predictions from bad ones."""
        return True

    def fault_of_targets(self, y: np.ndarray) -> str | None:
        """Return what is wrong with targets, with a remedy; None if they are allowed.

        It continues a sentence that begins with the name of the loss.
        """
        return None

    def reported(self, loss: float, penalty: float, n_outputs: int) -> float:
        """Return what the history shows of the two parts of the objective."""
        return loss + penalty

    @abstractmethod
    def value(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the loss of each sample, shape (n,); `raw` is kept."""

    @abstractmethod
    def value_and_gradient(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the loss of each sample and overwrite `raw` with d loss / d raw."""


class ClassificationLoss(Loss):
    """A loss whose score is the accuracy: the share of the samples that are classified correctly.

    A class derived from this one defines `out_activation`, `predict`, `classify`, `smoothed`,
    `score`, `score_of_constant`, `spread`, `value` and `value_and_gradient`.
    """

    score_name = "accuracy"
    best_constant = "the shares of the classes"

    @abstractmethod
    def classify(self, raw: np.ndarray) -> np.ndarray:
        """Return the class of each sample, or which labels it has."""

    @abstractmethod
    def smoothed(self, y: np.ndarray, share: float) -> np.ndarray:
        """Return y with a share of each label spread over its values (Szegedy et al., 2016)."""

    def remember_targets(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        pass

    def mean_score(self, raw: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> float:
        return np.average(self.score(raw, y), weights=weight)  # type: ignore[arg-type]


class LogLoss(ClassificationLoss):
    """-sum_k y_k log softmax(z)_k; d/dz = softmax(z) - y.

    y is one-hot, or another distribution over the classes (smoothed labels).
    """

    out_activation = "softmax"

    def predict(self, raw):
        # With a largest score of 0, exp cannot overflow
        raw -= np.maximum.reduce(raw, axis=-1, keepdims=True)
        np.exp(raw, out=raw)
        raw /= np.add.reduce(raw, axis=-1, keepdims=True)

    def classify(self, raw):
        """Return the index of the class of each sample, shape (n,)."""
        return raw.argmax(axis=-1)

    def smoothed(self, y, share):
        return y * (1 - share) + share / y.shape[-1]

    def score(self, raw, y):
        return raw.argmax(axis=-1) == y.argmax(axis=-1)

    def score_of_constant(self, y, weight):
        return np.average(y, axis=0, weights=weight).max()

    def spread(self, raw, y):
        # To add a number to all scores of a sample changes no prediction
        raw = raw - raw.mean(axis=1, keepdims=True)
        return raw.std(axis=0, dtype=np.float64).max()

    def value(self, raw, y):
        return -np.vecdot(log_softmax(raw, axis=-1), y)

    def value_and_gradient(self, raw, y):
        # log sum_k exp(z_k) - y^T z does not change by this, because y sums to one
        raw -= np.maximum.reduce(raw, axis=-1, keepdims=True)
        score_of_target = np.vecdot(raw, y)
        np.exp(raw, out=raw)
        total = np.add.reduce(raw, axis=-1, keepdims=True)
        raw /= total
        raw -= y
        return np.log(total[..., 0]) - score_of_target


class BinaryLogLoss(ClassificationLoss):
    """sum_k log(1 + exp(z_k)) - y_k z_k, with y_k in [0, 1]; d/dz = 1 / (1 + exp(-z)) - y.

    One column is the two-class problem, several are independent labels.
    """

    out_activation = "logistic"

    def predict(self, raw):
        expit(raw, out=raw)

    def classify(self, raw):
        """Return for each label whether the sample has it, shape (n, k)."""
        return raw > 0

    def smoothed(self, y, share):
        return y * (1 - share) + share / 2

    def score(self, raw, y):
        # as in accuracy_score, all labels are to be right
        return np.logical_and.reduce((raw > 0) == (y > 0.5), axis=-1)

    def score_of_constant(self, y, weight):
        shares = np.average(y, axis=0, weights=weight)
        # Of several labels, all of them right: at least as often as all are the commonest
        return np.maximum(shares, 1 - shares).min()

    def spread(self, raw, y):
        return raw.std(axis=0, dtype=np.float64).max()

    def value(self, raw, y):
        # Label by label: between sums over the labels a small loss would be lost.
        # logaddexp, because exp(z) itself overflows
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

    score_name = "r2"
    best_constant = "the mean of y"
    y_variance: np.ndarray | None = None

    def remember_targets(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        # Every batch is measured by the variance of the whole fit: in a batch y may not vary
        if weight is not None:
            weight = np.broadcast_to(weight[:, None], y.shape)
        mean = np.average(y, axis=0, weights=weight, keepdims=True)
        self.y_variance = np.average((y - mean) ** 2, axis=0, weights=weight, keepdims=True)

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

    def mean_score(self, raw: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> float:
        if len(y) < 2:  # as in scikit-learn, R^2 of one sample is not defined
            return np.nan
        self.predict(raw)
        return r_squared(y, raw, weight) if np.isfinite(raw).all() else -np.inf

    def score_varies(self, y: np.ndarray) -> bool:
        # R^2 of a target that does not vary is 0, or 1 for predictions without any error
        return (y != y[:1]).any()

    def score_of_constant(self, y: np.ndarray, weight: np.ndarray | None) -> float:
        return 0.0

    def spread(self, raw: np.ndarray, y: np.ndarray) -> float:
        predicted, sizes = raw.astype(np.float64), y.std(axis=0, dtype=np.float64)
        self.predict(predicted)
        varies = sizes > 0  # not where the squares of tiny targets underflow: nothing is known then
        return (predicted.std(axis=0)[varies] / sizes[varies]).max() if varies.any() else np.inf


def r_squared(y: np.ndarray, predicted: np.ndarray, weight: np.ndarray | None) -> float:
    """Return scikit-learn's R^2, the mean over the targets, to the bit.

    A target that does not vary counts 1 where all predictions are exact, else 0.
    """
    arrays = [y, predicted] if weight is None else [y, predicted, weight]
    y, predicted = (array.astype(np.result_type(*arrays), copy=False) for array in (y, predicted))
    w = 1.0 if weight is None else weight[:, None]
    residual = np.sum(w * (y - predicted) ** 2, axis=0)
    total = np.sum(w * (y - np.average(y, axis=0, weights=weight)) ** 2, axis=0)
    of_each = np.where(residual == 0, 1, 0).astype(residual.dtype)
    varies = (residual != 0) & (total != 0)
    of_each[varies] = 1 - residual[varies] / total[varies]
    return float(of_each.mean())


class SquaredError(RegressionLoss):
    """1/2 sum_k (z_k - y_k)^2; d/dz = z - y."""

    out_activation = "identity"

    def predict(self, raw):
        pass

    def reported(self, loss, penalty, n_outputs):
        # scikit-learn reports a mean over the outputs, though what is minimised, there and here,
        # is the sum. With the same curves training stops in the same epoch.
        return loss / n_outputs + penalty

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

    def fault_of_targets(self, y):
        if not (y < 0).any():
            return None
        return f"needs y >= 0, but y has values down to {y.min()}: use loss='squared_error'."

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
