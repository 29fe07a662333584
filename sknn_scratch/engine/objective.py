"""The function that is minimised, and the buffers that it needs."""

from collections.abc import Sequence
from math import nan
from typing import Any, NamedTuple

import numpy as np

from sknn_scratch.engine.activations import Activation
from sknn_scratch.engine.batches import Batch
from sknn_scratch.engine.dropout import Dropout
from sknn_scratch.engine.losses import Loss
from sknn_scratch.engine.network import Workspace, backward, forward
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.penalties import Penalty
from sknn_scratch.engine.subnormals import flush, negligible
from sknn_scratch.engine.target_weights import total_loss, total_loss_and_gradient


class Value(NamedTuple):
    """F at a point, in its two parts, and the score that goes with it.

    The score is the accuracy or R^2 over the batch; it is NaN where there is none.
    """

    loss: float
    penalty: float
    score: float = nan

    @property
    def total(self) -> float:
        """F itself."""
        return self.loss + self.penalty


class Objective:
    """F = (1/S) sum_i w_i loss(net(x_i), y_i) + penalties, S = sum_i w_i over the batch.

    If each target has a weight, the first part is the one of `target_weights`.

    `penalties` is a list of (slice of the weights, Penalty). F is returned in two parts, loss and
    penalty. `prox` is the proximal operator of the nonsmooth part of F, or None if F is smooth.
    `dropout`, which may be None, acts on `value_and_gradient`, but not on `value`.
    """

    def __init__(
        self,
        activations: Sequence[Activation],
        loss: Loss,
        penalties: Sequence[tuple[slice, Penalty]],
        params: Parameters,
        dropout: Dropout | None = None,
    ) -> None:
        self.activations = activations
        self.loss = loss
        self.penalties = penalties
        self.dropout = dropout
        self._nonsmooth = [item for item in penalties if not item[1].smooth]
        self.prox = self._prox if self._nonsmooth else None
        # One for all penalties, since only one of them is computed at a time
        self._scratch = np.empty_like(params.weights_flat)
        # By the number of samples: the last batch of an epoch may be smaller than the others
        self._workspaces: dict[int, Workspace] = {}
        self.begin_epoch()

    def begin_epoch(self) -> None:
        """Decide anew, at the next gradient, whether to flush tiny gradients in this epoch."""
        self._flushes: bool | None = None  # the first batch decides

    def _flush(self, delta: np.ndarray) -> None:
        """Put zeros in place of gradients so small that they slow a processor down."""
        if self._flushes is not False:
            found = flush(delta, negligible(delta.dtype))
            if self._flushes is None:
                self._flushes = found

    def _forward(
        self, params: Parameters, batch: Batch, dropout: Dropout | None = None
    ) -> Workspace:
        work = self._workspaces.get(batch.n_samples)
        if work is None:
            work = Workspace(params, self.activations, batch.n_samples)
            self._workspaces[batch.n_samples] = work
        forward(params, self.activations, batch.X, work, dropout)
        return work

    def value(self, params: Parameters, batch: Batch) -> Value:
        """Return F, without a score."""
        # No dropout: a random function can be neither checked nor searched along
        raw = self._forward(params, batch).raw
        if batch.weight is not None and batch.weighs_targets:
            loss = total_loss(self.loss, raw, batch.y, batch.weight) / batch.total_weight
        else:
            loss = _mean(self.loss.value(raw, batch.y), batch)
        penalty = 0.0
        for part, term in self.penalties:
            w = params.flat[part]
            penalty += term.value(w, batch.total_weight, self._scratch[: w.size])
        return Value(loss, penalty)

    def value_and_gradient(self, params: Parameters, batch: Batch, grad: Parameters) -> Value:
        """Return F with its score, and write the gradient of the smooth part into `grad`."""
        work = self._forward(params, batch, self.dropout)
        delta = work.raw
        take_means = _means_over_targets if batch.weighs_targets else _means_over_samples
        loss, score = take_means(self.loss, delta, batch)
        self._flush(delta)
        backward(params, self.activations, work, grad, self.dropout)
        return Value(loss, self._add_penalties(params, batch, grad), score)

    def _add_penalties(self, params: Parameters, batch: Batch, grad: Parameters) -> float:
        value = 0.0
        for part, penalty in self.penalties:
            w, out = params.flat[part], grad.flat[part]
            scratch = self._scratch[: w.size]
            value += penalty.value_and_gradient(w, batch.total_weight, out, scratch)
        return value

    def nonsmooth_value(self, params: Parameters) -> float:
        """Return the nonsmooth part of F."""
        value = 0.0
        for part, penalty in self._nonsmooth:
            w = params.flat[part]
            value += penalty.nonsmooth_value(w, self._scratch[: w.size])
        return value

    def add_subgradient(self, params: Parameters, grad: Parameters) -> None:
        """Add a subgradient of the nonsmooth part of F to `grad`."""
        for part, penalty in self._nonsmooth:
            penalty.add_subgradient(params.flat[part], grad.flat[part])

    def _prox(self, flat: np.ndarray, rate: float | np.ndarray) -> None:
        for part, penalty in self._nonsmooth:
            own_rate = rate
            if isinstance(rate, np.ndarray):
                # A penalty may overwrite its rates, which those after it may need
                own_rate = rate[part].copy() if len(self._nonsmooth) > 1 else rate[part]
            w = flat[part]
            penalty.prox(w, own_rate, self._scratch[: w.size])


def _means_over_samples(loss: Loss, raw: np.ndarray, batch: Batch) -> tuple[float, float]:
    """Return the means of loss and score, and overwrite `raw` by the gradient of the former."""
    # Before the loss turns the scores into their gradient
    per_sample = loss.score(raw, batch.y)
    score = nan if per_sample is None else _mean(per_sample, batch)
    mean = _mean(loss.value_and_gradient(raw, batch.y), batch)
    # The mean is taken here, on the smallest array, so that all gradients below are sums
    if batch.weight is None:
        raw *= 1 / batch.total_weight
    else:
        raw *= (batch.weight / batch.total_weight)[:, None]
    return mean, score


def _means_over_targets(loss: Loss, raw: np.ndarray, batch: Batch) -> tuple[float, float]:
    """Do the same where each target has a weight, as `target_weights` says."""
    y, total = batch.y, batch.total_weight
    weight: Any = batch.weight
    raw[weight == 0] = 0  # what is predicted for a missing target has no say, even if infinite
    scores = loss.weighted_score(raw, y, weight)
    score = nan if scores is None else np.add.reduce(scores, dtype=np.float64) / total
    return total_loss_and_gradient(loss, raw, y, weight, total) / total, score


def _mean(per_sample: np.ndarray, batch: Batch) -> float:
    """Return the weighted mean over the samples, in double precision."""
    # A sum of many float32 losses would lose the digits by which epochs are compared
    if batch.weight is not None:
        return np.vecdot(per_sample, batch.weight, dtype=np.float64) / batch.total_weight
    if per_sample.dtype == bool:  # the same sum, in a fifth of the time
        return np.count_nonzero(per_sample) / batch.total_weight
    return np.add.reduce(per_sample, dtype=np.float64) / batch.total_weight
