"""A weight for each target of each sample: zero where a target is missing.

With weights w (n, k) in place of (n,), the loss part of F is::

    (1/S) sum_i sum_k w_ik loss(z_ik, y_ik),   S = sum_i max_k w_ik

A sample thus weighs as much as the heaviest of its targets. If no sample lacks all its targets and
the other weights are 1, S is the number of samples. A loss that is a sum over the outputs needs no
code for this. It is shown each target as a sample of its own, with one output.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Loss = Any  # an object of a class of `losses`, which imports this file


def are_by_target(weight: np.ndarray | None) -> bool:
    """Whether there is a weight for each target, rather than one for each sample, or none."""
    return weight is not None and weight.ndim == 2


def weight_of_samples(weight: np.ndarray) -> np.ndarray:
    """Return what each sample weighs, shape (n,): as much as the heaviest of its targets."""
    return weight.max(axis=1) if weight.ndim == 2 else weight


def samples_with_targets(weight: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number of each target, and which samples have it, shape (n,)."""
    return ((k, of_target > 0) for k, of_target in enumerate(weight.T))


def as_samples(array: np.ndarray) -> np.ndarray:
    """Return an array (n, k) as (k n, 1), target by target: a view where it lies so in memory."""
    return array.T.reshape(-1, 1)


def total_loss(loss: Loss, raw: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    """Return sum_ik w_ik loss(z_ik, y_ik); `raw` is kept."""
    raw = np.where(weight == 0, raw.dtype.type(0), raw)
    of_each = loss.value(as_samples(raw), as_samples(y))
    return np.vecdot(of_each, as_samples(weight)[:, 0], dtype=np.float64)


def total_loss_and_gradient(
    loss: Loss, raw: np.ndarray, y: np.ndarray, weight: np.ndarray, total: float
) -> float:
    """Return the sum of `total_loss`, and overwrite `raw` by the gradient of sum / total.

    `raw` lies in memory target by target, and is finite where the weight is zero.
    """
    z, w = as_samples(raw), as_samples(weight)
    sum_of_losses = np.vecdot(loss.value_and_gradient(z, as_samples(y)), w[:, 0], dtype=np.float64)
    z *= w / total
    return sum_of_losses


def mean_over_targets(
    score: Callable[[np.ndarray, np.ndarray, np.ndarray], float],
    raw: np.ndarray,
    y: np.ndarray,
    weight: np.ndarray,
) -> float:
    """Return the mean of ``score(raw, y, weight)`` of each target, over the samples that have it.

    Targets that fewer than two samples have, for which R^2 is not defined, are left out. NaN if
    that are all.
    """
    scores = [
        score(raw[rows, k : k + 1], y[rows, k : k + 1], weight[rows, k])
        for k, rows in samples_with_targets(weight)
        if np.count_nonzero(rows) > 1
    ]
    return float(np.mean(scores)) if scores else np.nan


def errors_by_target(
    errors: Callable[[np.ndarray, np.ndarray], np.ndarray], y: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Return sum_i w_ik e_ik / S for each target, shape (1, k).

    ``errors(y, weight)`` returns the weighted mean of the e_i of one target.
    """
    sums = np.zeros((1, y.shape[1]))
    for k, w in enumerate(weight.T):
        if w.any():
            sums[:, k] = errors(y[:, k : k + 1], w) * w.sum()
    return sums / weight_of_samples(weight).sum()
