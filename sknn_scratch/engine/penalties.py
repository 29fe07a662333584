"""Penalties on weights: a smooth part with a gradient, a nonsmooth part with a proximal operator.

A penalty sees one slice of the vector of parameters, which holds weight matrices row by row. To add
one, write a class derived from `SmoothPenalty`, `ProximalPenalty` or, if it has both parts,
`Penalty`, and one line in `PENALTIES`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

__all__ = [
    "PENALTIES",
    "ElasticNet",
    "GroupLasso",
    "MaxNorm",
    "Penalty",
    "ProximalPenalty",
    "SmoothPenalty",
]


class Penalty(ABC):
    """A function of weights w: the sum of a smooth and a nonsmooth part.

    A class derived from this one defines all of this but `for_matrices`.

    `scratch` is an array shaped like w. Methods that take one overwrite it.

    Attributes
    ----------
    smooth : bool
        True if there is no nonsmooth part.
    """

    @property
    @abstractmethod
    def smooth(self) -> bool:
        pass

    @classmethod
    def for_matrices(cls, strength: Any, shapes: list[tuple[int, int]]) -> list["Penalty | None"]:
        """Return the penalty of each weight matrix, or None for a matrix without one.

        `strength` is the value of the estimator's parameter under whose name the class is
        registered, `shapes` are those of the matrices. By default each matrix gets the object that
        the class makes of the value.
        """
        return [cls(strength)] * len(shapes)  # type: ignore[call-arg]

    @abstractmethod
    def value(self, w: np.ndarray, total_weight: float, scratch: np.ndarray) -> float:
        """Return the whole penalty."""

    @abstractmethod
    def value_and_gradient(
        self, w: np.ndarray, total_weight: float, out: np.ndarray, scratch: np.ndarray
    ) -> float:
        """Return the whole penalty, and add the gradient of its smooth part to `out`."""

    @abstractmethod
    def nonsmooth_value(self, w: np.ndarray, scratch: np.ndarray) -> float:
        """Return the nonsmooth part."""

    @abstractmethod
    def add_subgradient(self, w: np.ndarray, out: np.ndarray) -> None:
        """Add a subgradient of the nonsmooth part to `out`: the one that is zero where w is."""

    @abstractmethod
    def prox(self, w: np.ndarray, rate: float | np.ndarray, scratch: np.ndarray) -> None:
        """Overwrite w with ``argmin_u |u - w|^2 / (2 rate) + nonsmooth_value(u)``.

        `rate` is the learning rate: a number, or an array with one for each weight, which may be
        overwritten. With an array, ``|u - w|^2 / rate`` is a sum over the weights.
        """


class SmoothPenalty(Penalty):
    """A penalty without a nonsmooth part: define `value` and `value_and_gradient`."""

    smooth = True

    def nonsmooth_value(self, w: np.ndarray, scratch: np.ndarray) -> float:
        return 0.0

    def add_subgradient(self, w: np.ndarray, out: np.ndarray) -> None:
        pass

    def prox(self, w: np.ndarray, rate: float | np.ndarray, scratch: np.ndarray) -> None:
        pass


class ProximalPenalty(Penalty):
    """A penalty without a smooth part: define `nonsmooth_value` and `prox`.

    Define `add_subgradient` too, unless the penalty is a constraint. Within a constraint its
    subgradient is zero.
    """

    smooth = False

    def value(self, w: np.ndarray, total_weight: float, scratch: np.ndarray) -> float:
        return self.nonsmooth_value(w, scratch)

    def value_and_gradient(
        self, w: np.ndarray, total_weight: float, out: np.ndarray, scratch: np.ndarray
    ) -> float:
        return self.nonsmooth_value(w, scratch)

    def add_subgradient(self, w: np.ndarray, out: np.ndarray) -> None:
        pass


@dataclass(frozen=True)
class ElasticNet(Penalty):
    """``l1 ||w||_1 + (l2 + alpha / (2 S)) ||w||_2^2``, S the total sample weight of the batch.

    `alpha` is scikit-learn's, whose effect depends on the batch size; `l1` and `l2` do not.
    """

    l1: float = 0.0
    l2: float = 0.0
    alpha: float = 0.0

    @cached_property
    def smooth(self) -> bool:
        return self.l1 == 0

    def value(self, w: np.ndarray, total_weight: float, scratch: np.ndarray) -> float:
        nonsmooth = self.nonsmooth_value(w, scratch)
        np.multiply(w, self.l2 + 0.5 * self.alpha / total_weight, out=scratch)
        return nonsmooth + np.vecdot(w, scratch)

    def value_and_gradient(
        self, w: np.ndarray, total_weight: float, out: np.ndarray, scratch: np.ndarray
    ) -> float:
        nonsmooth = self.nonsmooth_value(w, scratch)
        gradient = np.multiply(w, 2 * self.l2 + self.alpha / total_weight, out=scratch)
        out += gradient
        # Half of w^T gradient is the value of a square: no second pass to square w
        return nonsmooth + 0.5 * w.dot(gradient)

    def nonsmooth_value(self, w: np.ndarray, scratch: np.ndarray) -> float:
        if self.smooth:
            return 0.0
        np.abs(w, out=scratch)
        scratch *= self.l1
        return np.add.reduce(scratch)

    def add_subgradient(self, w: np.ndarray, out: np.ndarray) -> None:
        out += self.l1 * np.sign(w)  # 0 is a subgradient at 0

    def prox(self, w: np.ndarray, rate: float | np.ndarray, scratch: np.ndarray) -> None:
        """Soft threshold: ``w - clip(w, -rate l1, rate l1)``, exactly zero within the threshold."""
        if isinstance(rate, np.ndarray):
            # In place, without np.clip, which is slow for bounds that are arrays
            threshold = np.multiply(rate, self.l1, out=rate)
            np.minimum(w, threshold, out=scratch)
            np.maximum(scratch, np.negative(threshold, out=threshold), out=scratch)
        else:
            threshold = rate * self.l1
            np.clip(w, -threshold, threshold, out=scratch)
        w -= scratch


@dataclass(frozen=True)
class GroupLasso(ProximalPenalty):
    """``strength * sum_j ||W_j||_2`` over the rows W_j of a weight matrix (Yuan and Lin, 2006).

    A row of the first matrix holds the weights of one input: whole inputs become exactly zero.
    `n_groups` is the number of rows.
    """

    strength: float
    n_groups: int

    @classmethod
    def for_matrices(cls, strength: Any, shapes: list[tuple[int, int]]) -> list["Penalty | None"]:
        n_inputs, _ = shapes[0]
        return [cls(float(strength), n_inputs), *[None] * (len(shapes) - 1)]

    def _rows(self, w):
        return w.reshape(self.n_groups, -1)

    def nonsmooth_value(self, w: np.ndarray, scratch: np.ndarray) -> float:
        return np.linalg.norm(self._rows(w), axis=1).sum() * self.strength

    def add_subgradient(self, w: np.ndarray, out: np.ndarray) -> None:
        W = self._rows(w)
        norm = np.linalg.norm(W, axis=1, keepdims=True)
        self._rows(out)[...] += self.strength * W / np.where(norm > 0, norm, 1)

    def prox(self, w: np.ndarray, rate: float | np.ndarray, scratch: np.ndarray) -> None:
        """Shrink each row: ``W_j max(0, 1 - t / ||W_j||)``, t = rate * strength.

        With a rate per weight, ``u_i = w_i r / (r + t_i)``, where ``r = ||u||`` solves
        ``sum_i (w_i / (r + t_i))^2 = 1``, or u = 0 if the sum is at most 1 at r = 0.
        """
        W = self._rows(w)
        if isinstance(rate, np.ndarray):
            t = self._rows(rate * self.strength)
            r = _length_after_shrinking(W, t)
            W *= r / np.where(r + t > 0, r + t, 1)
        else:
            t = rate * self.strength
            norm = np.linalg.norm(W, axis=1, keepdims=True)
            # 1 in place of a norm of 0, so that no 0 / 0 is computed for a row that is dropped
            W *= np.where(norm > t, 1 - t / np.where(norm > 0, norm, 1), 0)


@dataclass(frozen=True)
class MaxNorm(ProximalPenalty):
    """``||W[:, k]||_2 <= bound``, the incoming weights of each unit k (Srebro, Shraibman 2005).

    A constraint: zero within it, infinite outside; its proximal operator is the projection.
    `n_rows` is the number of rows of the weight matrix.
    """

    bound: float
    n_rows: int

    @classmethod
    def for_matrices(cls, strength: Any, shapes: list[tuple[int, int]]) -> list["Penalty | None"]:
        return [cls(float(strength), n_rows) for n_rows, _ in shapes]

    def nonsmooth_value(self, w: np.ndarray, scratch: np.ndarray) -> float:
        return 0.0  # every step ends within the bound

    def prox(self, w: np.ndarray, rate: float | np.ndarray, scratch: np.ndarray) -> None:
        """Scale the columns that are too long back to the bound.

        With a rate s per weight, ``u_i = w_i / (1 + m s_i)``, and m >= 0 makes ``||u||`` the bound.
        """
        W = w.reshape(self.n_rows, -1)
        if isinstance(rate, np.ndarray):
            s = rate.reshape(W.shape)
            W /= 1 + _multiplier_of_bound(W, s, self.bound) * s
        # With one rate, this is the projection; with many, it removes what rounding left too long
        norm = np.linalg.norm(W, axis=0, keepdims=True)
        W *= np.minimum(1, self.bound / np.where(norm > 0, norm, 1))


# By the parameter of the estimator that is the strength. Their proximal operators are applied after
# the one of the elastic net, in this order. One after the other they are then the operator of the
# sum of l1 and group_l1, and the weights end within max_norm.
PENALTIES: dict[str, type[Penalty]] = {
    "group_l1": GroupLasso,
    "max_norm": MaxNorm,
}


def _length_after_shrinking(W, t):
    """Solve sum_i (W_i / (r + t_i))^2 = 1 for r >= 0 in each row; 0 where there is no solution.

    Newton's method on 1 / sqrt(sum), which is concave and nearly linear in r, from a lower bound.
    It grows to the solution without passing it (Moré and Sorensen, 1983), at once for equal t_i.
    """
    norm = np.linalg.norm(W, axis=1, keepdims=True)
    r = np.maximum(0, norm - t.max(axis=1, keepdims=True))
    for _ in range(50):
        length = np.where(r + t > 0, r + t, 1)
        parts = (W / length) ** 2
        total = parts.sum(axis=1, keepdims=True)
        slope = (parts / length).sum(axis=1, keepdims=True)
        change = np.where(
            total > 1, (np.sqrt(total) - 1) * total / np.where(slope > 0, slope, 1), 0
        )
        r += change
        if (change <= 4 * np.finfo(W.dtype).eps * r).all():  # what is left is rounding
            break
    return r


def _multiplier_of_bound(W, s, bound):
    """Solve ||W_ik / (1 + m_k s_ik)|| = bound for each column k that is longer; else m_k = 0.

    The equation of a trust region (Moré and Sorensen, 1983, eq. 3.6): Newton's method on 1 / ||u||,
    which is nearly linear in m, from m = 0.
    """
    m = np.zeros((1, W.shape[1]), dtype=W.dtype)
    for _ in range(50):
        u = W / (1 + m * s)
        square = (u * u).sum(axis=0, keepdims=True)
        slope = (u * u * s / (1 + m * s)).sum(axis=0, keepdims=True)
        excess = np.sqrt(square) / bound - 1
        change = np.where(excess > 0, square / np.where(slope > 0, slope, 1) * excess, 0)
        m += change
        if (change <= 4 * np.finfo(W.dtype).eps * m).all():
            break
    return m
