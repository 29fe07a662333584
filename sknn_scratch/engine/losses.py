"""Losses as functions of the raw scores of the output layer.

A loss knows no network and no weights: it sees raw scores z and targets y, both of shape (n, k).
The outputs are the last axis, so that a single sample may be a vector. A loss also knows its score:
its name, its mean, and the score of a constant prediction. To add one for regression, write a class
derived from `RegressionLoss` or `DevianceLoss` and one line in `REGRESSION_LOSSES`. Fields of a
dataclass are filled from the estimator's parameters of the same names. (The losses of a classifier
follow from its targets.)
"""

from abc import ABC, abstractmethod
from collections import ChainMap
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_softmax, xlogy

from sknn_scratch.engine.target_weights import (
    are_by_target,
    errors_by_target,
    mean_over_targets,
    weight_of_samples,
)

__all__ = [
    "LOSSES",
    "REGRESSION_LOSSES",
    "ClassificationLoss",
    "DevianceLoss",
    "Loss",
    "RegressionLoss",
]


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
    separable : bool
        Whether the loss is a sum over the outputs. Only then may each target have a weight.
    """

    separable = False

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

    def weighted_score(
        self, raw: np.ndarray, y: np.ndarray, weight: np.ndarray
    ) -> np.ndarray | None:
        """Return what `score` does, times the weight of the sample, given one for each target.

        Only a loss that is `separable` needs this and the next method.
        """
        raise NotImplementedError(f"{type(self).__name__} has no weighted_score.")

    def mean_score_by_target(self, raw: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
        """Return the score of all samples, given a weight for each target (n, k)."""
        raise NotImplementedError(f"{type(self).__name__} has no mean_score_by_target.")

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
        # Transposed, numpy works class by class instead of over the few classes of each sample
        z = raw.T
        z -= np.maximum.reduce(z, axis=0)
        score_of_target = np.vecdot(raw, y)
        np.exp(z, out=z)
        total = np.add.reduce(z, axis=0)
        z /= total
        z -= y.T
        return np.log(total) - score_of_target


class BinaryLogLoss(ClassificationLoss):
    """sum_k log(1 + exp(z_k)) - y_k z_k, with y_k in [0, 1]; d/dz = 1 / (1 + exp(-z)) - y.

    One column is the two-class problem, several are independent labels.
    """

    out_activation = "logistic"
    separable = True

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

    def weighted_score(self, raw, y, weight):
        right = ((raw > 0) == (y > 0.5)) | (weight == 0)
        return np.logical_and.reduce(right, axis=-1) * weight_of_samples(weight)

    def mean_score_by_target(self, raw, y, weight):
        return self.weighted_score(raw, y, weight).sum() / weight_of_samples(weight).sum()

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
    `value_and_gradient`; and ``separable = False``, if it is not a sum over the outputs.
    """

    separable = True
    score_name = "r2"
    best_constant = "the mean of y"
    error_of_constant: np.ndarray | None = None

    def remember_targets(self, y: np.ndarray, weight: np.ndarray | None) -> None:
        # Every batch is measured by the targets of the whole fit: in a batch y may not vary
        if weight is not None and are_by_target(weight):
            self.error_of_constant = errors_by_target(self.errors_of_constant, y, weight)
        else:
            self.error_of_constant = self.errors_of_constant(y, weight)

    def errors(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return what the score measures, for each target of each sample; `raw` is overwritten."""
        self.predict(raw)
        raw -= y
        raw *= raw
        return raw

    def errors_of_constant(self, y: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
        """Return the mean error of the best constant for each target, shape (1, k)."""
        if weight is not None:
            weight = np.broadcast_to(weight[:, None], y.shape)
        mean = np.average(y, axis=0, weights=weight, keepdims=True)
        return np.average((y - mean) ** 2, axis=0, weights=weight, keepdims=True)

    def score(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray | None:
        errors = self._relative_errors(raw, y)
        return None if errors is None else 1 - errors.mean(axis=-1)

    def weighted_score(
        self, raw: np.ndarray, y: np.ndarray, weight: np.ndarray
    ) -> np.ndarray | None:
        errors = self._relative_errors(raw, y)
        if errors is None:
            return None
        return weight_of_samples(weight) - np.vecdot(errors, weight) / y.shape[1]

    def _relative_errors(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray | None:
        """Return the errors in units of those of the constants; None before these are known."""
        if self.error_of_constant is None:
            return None
        errors = self.errors(raw.copy(), y)
        # a target that does not vary has no R^2: its error counts as it is
        errors /= np.where(self.error_of_constant > 0, self.error_of_constant, 1)
        return errors

    def mean_score_by_target(self, raw: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
        return mean_over_targets(self.mean_score, raw, y, weight)

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
    """Return scikit-learn's R^2, the mean over the targets, to the bit."""
    arrays = [y, predicted] if weight is None else [y, predicted, weight]
    y, predicted = (array.astype(np.result_type(*arrays), copy=False) for array in (y, predicted))
    w = 1.0 if weight is None else weight[:, None]
    residual = np.sum(w * (y - predicted) ** 2, axis=0)
    total = np.sum(w * (y - np.average(y, axis=0, weights=weight)) ** 2, axis=0)
    return _mean_share_explained(residual, total)


def _mean_share_explained(residual: np.ndarray, total: np.ndarray) -> float:
    """Return the mean over the targets of 1 - residual / total.

    A target that does not vary counts 1 where all predictions are exact, else 0.
    """
    of_each = np.where(residual == 0, 1, 0).astype(residual.dtype)
    varies = (residual != 0) & (total != 0)
    of_each[varies] = 1 - residual[varies] / total[varies]
    return float(of_each.mean())


class IdentityOutput(RegressionLoss):
    """A loss of raw scores that are the predictions."""

    out_activation = "identity"

    def predict(self, raw: np.ndarray) -> None:
        pass


class ExpOutput(RegressionLoss):
    """A loss whose predictions are exp(z), and therefore positive."""

    out_activation = "exp"

    def predict(self, raw: np.ndarray) -> None:
        np.exp(raw, out=raw)


class SquaredError(IdentityOutput):
    """1/2 sum_k (z_k - y_k)^2; d/dz = z - y."""

    def reported(self, loss, penalty, n_outputs):
        # scikit-learn reports a mean over the outputs, though what is minimised, there and here,
        # is the sum. With the same curves training stops in the same epoch.
        return loss / n_outputs + penalty

    def value(self, raw, y):
        return self.value_and_gradient(raw.copy(), y)

    def value_and_gradient(self, raw, y):
        raw -= y
        return 0.5 * np.vecdot(raw, raw)


class PoissonLoss(ExpOutput):
    """Half the Poisson deviance, sum_k y_k log(y_k / m_k) - y_k + m_k with m = exp(z).

    d/dz = m - y.
    """

    def fault_of_targets(self, y):
        if not (y < 0).any():
            return None
        return _out_of_range(">=", y, "use loss='squared_error'")

    def value(self, raw, y):
        return self.value_and_gradient(raw.copy(), y)

    def value_and_gradient(self, raw, y):
        # y log(y / m) = y log(y) - y z: exact where m itself underflows to zero
        y_log_ratio = np.add.reduce(xlogy(y, y), axis=-1) - np.vecdot(raw, y)
        np.exp(raw, out=raw)
        raw -= y
        return y_log_ratio + np.add.reduce(raw, axis=-1)


class DevianceLoss(RegressionLoss):
    """A loss whose score is D^2 = mean_k (1 - mean_i loss_ik / mean_i loss(c_k, y_ik)).

    c_k is the constant with the least loss for target k. D^2 is the share of its loss that the
    predictions save, as R^2 is for the squared error. A class derived from this one defines
    `out_activation`, `predict`, `of_each` and `constants`; and `best_constant`, if it is no mean.
    """

    score_name = "d2"

    @abstractmethod
    def of_each(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Return the loss of each target and overwrite `raw` with d loss / d raw."""

    @abstractmethod
    def constants(self, y: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
        """Return the raw score with the least mean loss for each target, shape (k,).

        All targets vary, and all weights are positive.
        """

    def value(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.value_and_gradient(raw.copy(), y)

    def value_and_gradient(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.add.reduce(self.of_each(raw, y), axis=-1)

    def errors(self, raw: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.of_each(raw, y)

    def errors_of_constant(self, y: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
        if weight is not None:
            y, weight = y[weight > 0], weight[weight > 0]
        varies = (y != y[:1]).any(axis=0)
        # Exactly zero for a target that does not vary, which rounding would leave a remainder of
        errors = np.zeros((1, y.shape[1]))
        if varies.any():
            y = y[:, varies].astype(np.float64)
            raw = np.tile(self.constants(y, weight), (len(y), 1))
            errors[:, varies] = np.average(self.of_each(raw, y), axis=0, weights=weight)
        return errors

    def mean_score(self, raw: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> float:
        if len(y) < 2:
            return np.nan
        errors = self.errors(raw, y).astype(np.float64)
        if not np.isfinite(errors).all():
            return -np.inf
        mean = np.average(errors, axis=0, weights=weight)
        return _mean_share_explained(mean, self.errors_of_constant(y, weight)[0])


class AbsoluteError(IdentityOutput, DevianceLoss):
    """``sum_k |z_k - y_k|``; d/dz = the sign of z - y, 0 where z = y."""

    best_constant = "the median of y"

    def constants(self, y, weight):
        return _quantiles(y, 0.5, weight)

    def of_each(self, raw, y):
        raw -= y
        loss = np.abs(raw)
        np.sign(raw, out=raw)
        return loss


@dataclass(eq=False)
class QuantileLoss(IdentityOutput, DevianceLoss):
    """sum_k q (y_k - z_k) where y_k > z_k, else (1 - q) (z_k - y_k): the pinball loss.

    d/dz = -q where y > z, 1 - q where y < z, and 0 where they are equal.
    """

    quantile: float = 0.5

    @property
    def best_constant(self) -> str:  # type: ignore[override]
        return f"the quantile {self.quantile} of y"

    def constants(self, y, weight):
        return _quantiles(y, self.quantile, weight)

    def of_each(self, raw, y):
        raw -= y
        slope = np.sign(raw)
        # sign(r) / 2 is -1/2, 0 or 1/2
        slope *= 0.5
        slope += np.abs(slope) * (1 - 2 * self.quantile)
        loss = raw * slope
        raw[...] = slope
        return loss


@dataclass(eq=False)
class HuberLoss(IdentityOutput, DevianceLoss):
    """``sum_k c_k (|r_k| - c_k / 2)``, with r = z - y and ``c = min(|r|, delta)`` (Huber, 1964).

    That is r^2 / 2 up to ``|r| = delta``, and a straight line beyond; d/dz = r within ±delta.
    """

    best_constant = "the best constant"
    delta: float = 1.0

    def constants(self, y, weight):
        return _roots(lambda r: np.clip(r, -self.delta, self.delta), y, weight)

    def of_each(self, raw, y):
        raw -= y
        loss = np.abs(raw)
        clipped = np.minimum(loss, self.delta)
        np.clip(raw, -self.delta, self.delta, out=raw)
        loss -= 0.5 * clipped
        loss *= clipped
        return loss


class LogCosh(IdentityOutput, DevianceLoss):
    """sum_k log cosh(r_k) with r = z - y; d/dz = tanh(r)."""

    best_constant = "the best constant"

    def constants(self, y, weight):
        return _roots(np.tanh, y, weight)

    def of_each(self, raw, y):
        raw -= y
        # With m = exp(-2 |r|) - 1: cosh itself overflows, and 1 + m would lose small r
        size = np.abs(raw)
        m = np.expm1(-2 * size)
        np.copysign(m / (2 + m), raw, out=raw)
        m *= 0.5
        return size + np.log1p(m, out=m)


class GammaLoss(ExpOutput, DevianceLoss):
    """Half the gamma deviance, sum_k y_k / m_k - log(y_k / m_k) - 1 with m = exp(z), y > 0.

    d/dz = 1 - y / m.
    """

    def fault_of_targets(self, y):
        if not (y <= 0).any():
            return None
        remedy = "use loss='tweedie' with a power below 2 if some are zero, or loss='squared_error'"
        return _out_of_range(">", y, remedy)

    def constants(self, y, weight):
        return np.log(np.average(y, axis=0, weights=weight))

    def of_each(self, raw, y):
        log_ratio = np.log(y)
        log_ratio -= raw
        np.expm1(log_ratio, out=raw)
        loss = raw - log_ratio
        np.negative(raw, out=raw)
        return loss


@dataclass(eq=False)
class TweedieLoss(ExpOutput, DevianceLoss):
    """Half the Tweedie deviance of a power p, with m = exp(z); d/dz = (m - y) m^(1 - p).

    sum_k y_k^(2 - p) / ((1 - p) (2 - p)) - y_k m_k^(1 - p) / (1 - p) + m_k^(2 - p) / (2 - p). Its
    limits for p = 1 and 2 are half the Poisson and the gamma deviance. The variance of y is taken
    to grow like m^p.
    """

    power: float = 1.5

    def fault_of_targets(self, y):
        if self.power < 2 and (y < 0).any():
            return _out_of_range(">=", y, "use loss='squared_error'")
        if self.power >= 2 and (y <= 0).any():
            remedy = "use a power below 2 if some are zero, or loss='squared_error'"
            return f"with power={self.power} {_out_of_range('>', y, remedy)}"
        return None

    def constants(self, y, weight):
        return np.log(np.average(y, axis=0, weights=weight))

    def of_each(self, raw, y):
        p, positive = self.power, y > 0
        log_y, z = np.log(np.where(positive, y, 1)), np.where(positive, raw, 0)
        without_y = np.exp((2 - p) * raw)
        # 0 for y = 0, also where m^(1 - p) overflows
        with_y = np.exp((1 - p) * raw, out=np.zeros_like(raw), where=positive)
        with_y *= y
        slope = without_y - with_y
        # Two forms of one number: each is exact where the divisors of the other are nearly zero
        if p <= 1.5:
            loss = (y * _difference_of_powers(log_y, z, 1 - p) + slope) / (2 - p)
        else:
            loss = (_difference_of_powers(log_y, z, 2 - p) + slope) / (1 - p)
        if not positive.all():
            loss[~positive] = without_y[~positive] / (2 - p)
        raw[...] = slope
        return loss


def _out_of_range(sign: str, y: np.ndarray, remedy: str) -> str:
    """Return what is wrong with targets that are not all above zero."""
    centred = " If you scale y, do not centre it." if y.min() < 0 else ""
    return f"needs y {sign} 0, but y has values down to {y.min()}: {remedy}.{centred}"


def _difference_of_powers(log_y: np.ndarray, z: np.ndarray, e: float) -> np.ndarray:
    """Return (y^e - m^e) / e with m = exp(z), and log(y / m) for e = 0; exact for small e too."""
    log_ratio = log_y - z
    if e == 0:
        return log_ratio
    larger = np.exp(np.maximum(e * log_y, e * z))
    return np.copysign(larger * np.expm1(-np.abs(e * log_ratio)) / e, log_ratio)


def _quantiles(y: np.ndarray, quantile: float, weight: np.ndarray | None) -> np.ndarray:
    """Return a quantile of each target, at which the pinball loss of a constant is least."""
    return np.quantile(y, quantile, axis=0, weights=weight, method="inverted_cdf")


def _roots(
    slope: Callable[[np.ndarray], np.ndarray], y: np.ndarray, weight: np.ndarray | None
) -> np.ndarray:
    """Return the c of each target at which the mean of slope(c - y), which increases, is zero."""

    def root(target):
        def mean_slope(c):
            return np.average(slope(c - target), weights=weight)

        low, high = target.min(), target.max()
        # To 12 digits: about the minimum the loss is flat, and then exact
        precision = max(1e-12 * (high - low), np.finfo(float).tiny)
        return brentq(mean_slope, low, high, xtol=precision, disp=False)

    return np.array([root(target) for target in y.T])


CLASSIFICATION_LOSSES: dict[str, type[Loss]] = {
    "log_loss": LogLoss,
    "binary_log_loss": BinaryLogLoss,
}
REGRESSION_LOSSES: dict[str, type[Loss]] = {
    "squared_error": SquaredError,
    "poisson": PoissonLoss,
    "absolute_error": AbsoluteError,
    "quantile": QuantileLoss,
    "huber": HuberLoss,
    "log_cosh": LogCosh,
    "gamma": GammaLoss,
    "tweedie": TweedieLoss,
}
LOSSES = ChainMap(CLASSIFICATION_LOSSES, REGRESSION_LOSSES)  # sees what is added to them later
