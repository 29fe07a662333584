"""Penalties on weights: a smooth part with a gradient, and a rest with a proximal operator.

A penalty sees one slice of the vector of parameters, whose last axis holds weight matrices row by
row. To add one, write a class derived from `SmoothPenalty`, `ProximalPenalty` or, where it has both
parts, `Penalty`, and build it in `build`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np

__all__ = [
    "ElasticNet",
    "GroupLasso",
    "MaxNorm",
    "Penalty",
    "ProximalPenalty",
    "SmoothPenalty",
]


class Penalty(ABC):
    """A function of weights w, shape (..., n): a smooth part and a rest.

    A class derived from this one defines all of this.

    Where a method has a `scratch`, it is an array shaped like w, which is overwritten.

    Attributes
    ----------
    smooth : bool
        True if there is nothing left for `prox` to do.
    """

    @property
    @abstractmethod
    def smooth(self) -> bool:
        pass

    @abstractmethod
    def value(self, w, total_weight, scratch):
        """Return the whole penalty, shape (...)."""

    @abstractmethod
    def value_and_gradient(self, w, total_weight, out, scratch):
        """Return the whole penalty, and add the gradient of its smooth part to `out`."""

    @abstractmethod
    def nonsmooth_value(self, w, scratch):
        """Return the part that is not smooth, shape (...)."""

    @abstractmethod
    def add_subgradient(self, w, out):
        """Add a subgradient of the part that is not smooth, zero where w is zero, to `out`."""

    @abstractmethod
    def prox(self, w, step, scratch):
        """Overwrite w with ``argmin_u |u - w|^2 / (2 step) + rest(u)``.

        `step` is a number, or an array that broadcasts against w: then ``|u - w|^2 / step`` is a
        sum over the coordinates. An array shaped like w is overwritten.
        """


class SmoothPenalty(Penalty):
    """A penalty without a rest: `value` and `value_and_gradient` are to be defined."""

    smooth = True

    def nonsmooth_value(self, w, scratch):
        return 0.0

    def add_subgradient(self, w, out):
        pass

    def prox(self, w, step, scratch):
        pass


class ProximalPenalty(Penalty):
    """A penalty that is all rest: `rest` and `prox` are to be defined.

    So is `add_subgradient`, unless the penalty is a constraint, whose subgradient is zero within.
    """

    smooth = False

    def value(self, w, total_weight, scratch):
        return self.nonsmooth_value(w, scratch)

    def value_and_gradient(self, w, total_weight, out, scratch):
        return self.nonsmooth_value(w, scratch)

    def add_subgradient(self, w, out):
        pass


@dataclass(frozen=True)
class ElasticNet(Penalty):
    """``l1 ||w||_1 + (l2 + alpha / (2 S)) ||w||_2^2``, S the total sample weight of the batch.

    Each coefficient is a number, or an array of shape (n_models, 1) for a stack of networks.
    `alpha` is scikit-learn's, whose strength depends on the batch size; `l1` and `l2` do not.
    """

    l1: float = 0.0
    l2: float = 0.0
    alpha: float = 0.0

    @cached_property
    def smooth(self):
        return not np.any(self.l1)

    def value(self, w, total_weight, scratch):
        rest = self.nonsmooth_value(w, scratch)
        np.multiply(w, self.l2 + 0.5 * self.alpha / total_weight, out=scratch)
        return rest + np.vecdot(w, scratch)

    def value_and_gradient(self, w, total_weight, out, scratch):
        rest = self.nonsmooth_value(w, scratch)
        gradient = np.multiply(w, 2 * self.l2 + self.alpha / total_weight, out=scratch)
        out += gradient
        return rest + 0.5 * np.vecdot(w, gradient)

    def nonsmooth_value(self, w, scratch):
        if self.smooth:
            return 0.0
        np.abs(w, out=scratch)
        scratch *= self.l1
        return np.add.reduce(scratch, axis=-1)

    def add_subgradient(self, w, out):
        out += self.l1 * np.sign(w)

    def prox(self, w, step, scratch):
        """Soft threshold: ``w - clip(w, -step l1, step l1)``, exactly zero within the threshold."""
        if _per_coordinate(step, w):
            threshold = np.multiply(step, self.l1, out=step)
            np.minimum(w, threshold, out=scratch)
            np.maximum(scratch, np.negative(threshold, out=threshold), out=scratch)
        else:
            threshold = step * self.l1
            np.clip(w, -threshold, threshold, out=scratch)
        w -= scratch


@dataclass(frozen=True)
class GroupLasso(ProximalPenalty):
    """``strength * sum_j ||W_j||_2`` over the rows W_j of a weight matrix (Yuan and Lin, 2006).

    Of the first matrix, a row is all that leaves one input: whole inputs become exactly zero.
    `n_groups` is the number of rows.
    """

    strength: float
    n_groups: int

    def _rows(self, w):
        return w.reshape(*w.shape[:-1], self.n_groups, -1)

    def nonsmooth_value(self, w, scratch):
        return np.linalg.norm(self._rows(w), axis=-1).sum(axis=-1) * self.strength

    def add_subgradient(self, w, out):
        W = self._rows(w)
        norm = np.linalg.norm(W, axis=-1, keepdims=True)
        self._rows(out)[...] += self.strength * W / np.where(norm > 0, norm, 1)

    def prox(self, w, step, scratch):
        """Shrink each row: ``W_j max(0, 1 - t / ||W_j||)``, t = step * strength.

        With a step per coordinate, ``u_i = w_i r / (r + t_i)``, where ``r = ||u||`` solves
        ``sum_i (w_i / (r + t_i))^2 = 1``, or u = 0 if the sum is at most 1 at r = 0.
        """
        W = self._rows(w)
        if _per_coordinate(step, w):
            t = self._rows(step * self.strength)
            r = _length_after_shrinking(W, t)
            W *= r / np.where(r + t > 0, r + t, 1)
        else:
            t = np.expand_dims(step * self.strength, -1) if np.ndim(step) else step * self.strength
            norm = np.linalg.norm(W, axis=-1, keepdims=True)
            W *= np.where(norm > t, 1 - t / np.where(norm > 0, norm, 1), 0)


@dataclass(frozen=True)
class MaxNorm(ProximalPenalty):
    """``||W[:, k]||_2 <= bound``, the incoming weights of each unit k (Srebro, Shraibman 2005).

    A constraint: zero within it, infinite outside; its proximal operator is the projection.
    `n_rows` is the number of rows of the weight matrix.
    """

    bound: float
    n_rows: int

    def nonsmooth_value(self, w, scratch):
        return 0.0  # every step ends within the bound

    def prox(self, w, step, scratch):
        """Scale the columns that are too long back to the bound.

        With a step s per coordinate, ``u_i = w_i / (1 + m s_i)``; m >= 0 makes ``||u||`` the bound.
        """
        W = w.reshape(*w.shape[:-1], self.n_rows, -1)
        if _per_coordinate(step, w):
            s = step.reshape(W.shape)
            W /= 1 + _multiplier_of_bound(W, s, self.bound) * s
        norm = np.linalg.norm(W, axis=-2, keepdims=True)
        W *= np.minimum(1, self.bound / np.where(norm > 0, norm, 1))


def _per_coordinate(step, w):
    return isinstance(step, np.ndarray) and step.shape == w.shape


def _length_after_shrinking(W, t):
    """Solve sum_i (W_i / (r + t_i))^2 = 1 for r >= 0 in each row; 0 where there is no solution.

    Newton's method on 1 / sqrt(sum), which is concave and nearly linear in r, from a lower bound:
    it grows to the solution without passing it (Moré and Sorensen, 1983), at once for equal t_i.
    """
    norm = np.linalg.norm(W, axis=-1, keepdims=True)
    r = np.maximum(0, norm - t.max(axis=-1, keepdims=True))
    for _ in range(50):
        length = np.where(r + t > 0, r + t, 1)
        parts = (W / length) ** 2
        total = parts.sum(axis=-1, keepdims=True)
        slope = (parts / length).sum(axis=-1, keepdims=True)
        change = np.where(
            total > 1, (np.sqrt(total) - 1) * total / np.where(slope > 0, slope, 1), 0
        )
        r += change
        if (change <= 4 * np.finfo(W.dtype).eps * r).all():
            break
    return r


def _multiplier_of_bound(W, s, bound):
    """Solve ||W_ik / (1 + m_k s_ik)|| = bound for each column k that is longer; else m_k = 0.

    The equation of a trust region (Moré and Sorensen, 1983, eq. 3.6): Newton's method on 1 / ||u||,
    which is nearly linear in m, from m = 0.
    """
    m = np.zeros((*W.shape[:-2], 1, W.shape[-1]), dtype=W.dtype)
    for _ in range(50):
        u = W / (1 + m * s)
        square = (u * u).sum(axis=-2, keepdims=True)
        slope = (u * u * s / (1 + m * s)).sum(axis=-2, keepdims=True)
        excess = np.sqrt(square) / bound - 1
        change = np.where(excess > 0, square / np.where(slope > 0, slope, 1) * excess, 0)
        m += change
        if (change <= 4 * np.finfo(W.dtype).eps * m).all():
            break
    return m
