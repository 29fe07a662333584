"""Penalties on weights: a smooth part with a gradient, and a rest with a proximal operator."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

__all__ = ["ElasticNet", "Penalty"]


class Penalty(Protocol):
    """A function of a vector of weights w, shape (..., n), possibly not smooth at zero.

    Attributes
    ----------
    smooth : bool
        True if there is nothing left for `prox` to do.
    """

    smooth: bool

    def value(self, w, total_weight, scratch):
        """Return the whole penalty, shape (...); `scratch`, shaped like w, is overwritten."""

    def value_and_gradient(self, w, total_weight, out, scratch):
        """Return the whole penalty, and add the gradient of its smooth part to `out`."""

    def prox(self, w, step, scratch):
        """Overwrite w with argmin_u |u - w|^2 / (2 step) + (the part that is not smooth)(u).

        `step` is a number or broadcasts against w; an array shaped like w is overwritten.
        """


@dataclass(frozen=True)
class ElasticNet(Penalty):
    """l1 ||w||_1 + (l2 + alpha / (2 S)) ||w||_2^2, S the total sample weight of the batch.

    Each coefficient is a number, or an array of shape (n_models, 1) for a stack of networks.
    `alpha` is scikit-learn's, whose strength depends on the batch size; `l1` and `l2` do not.
    """

    l1: float = 0.0
    l2: float = 0.0
    alpha: float = 0.0

    @property
    def smooth(self):
        return not np.any(self.l1)

    def _l1_value(self, w, scratch):
        if self.smooth:
            return 0.0
        np.abs(w, out=scratch)
        scratch *= self.l1
        return np.add.reduce(scratch, axis=-1)

    def value(self, w, total_weight, scratch):
        l1_value = self._l1_value(w, scratch)
        np.multiply(w, self.l2 + 0.5 * self.alpha / total_weight, out=scratch)
        return l1_value + np.vecdot(w, scratch)

    def value_and_gradient(self, w, total_weight, out, scratch):
        l1_value = self._l1_value(w, scratch)
        gradient = np.multiply(w, 2 * self.l2 + self.alpha / total_weight, out=scratch)
        out += gradient
        return l1_value + 0.5 * np.vecdot(w, gradient)

    def prox(self, w, step, scratch):
        """Soft threshold: w - clip(w, -step l1, step l1), exactly zero within the threshold."""
        if isinstance(step, np.ndarray) and step.shape == w.shape:
            threshold = np.multiply(step, self.l1, out=step)
            np.minimum(w, threshold, out=scratch)
            np.maximum(scratch, np.negative(threshold, out=threshold), out=scratch)
        else:
            threshold = step * self.l1
            np.clip(w, -threshold, threshold, out=scratch)
        w -= scratch
