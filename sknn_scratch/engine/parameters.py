"""All weights and biases of a network in one vector, and views of it."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from math import prod
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, DTypeLike


class Layers(NamedTuple):
    """The weights (n_in, n_out) and biases (n_out,) of each layer: all that `forward` needs."""

    weights: list[np.ndarray]
    biases: list[np.ndarray]


class Parameters:
    """The parameters of a network in one array `flat`.

    It holds all weight matrices and then all biases. The penalised weights are therefore a single
    slice, and a solver's step is a handful of calls whatever the depth. `weights[l]` (n_in, n_out)
    and `biases[l]` (n_out,) are views of it; `units` are the widths of all layers, inputs first.
    """

    def __init__(self, units: Iterable[int], flat: np.ndarray) -> None:
        self.units = tuple(units)
        self.flat = flat
        shapes = list(pairwise(self.units))
        ends = list(accumulate([*map(prod, shapes), *self.units[1:]], initial=0))
        slices = [slice(*span) for span in pairwise(ends)]
        self.weight_slices = slices[: len(shapes)]
        self.weights_flat = flat[: ends[len(shapes)]]
        self.weights = [
            flat[part].reshape(shape)
            for part, shape in zip(self.weight_slices, shapes, strict=True)
        ]
        self.biases = [flat[part] for part in slices[len(shapes) :]]
        # A view costs as much as a pass over a small layer: not one for each layer and step
        self.transposed = [W.T for W in self.weights]

    @classmethod
    def empty(cls, units: Sequence[int], dtype: DTypeLike) -> "Parameters":
        """Return uninitialised parameters."""
        return cls(units, np.empty(count_parameters(units), dtype=dtype))

    @classmethod
    def from_layers(
        cls, weights: Sequence[ArrayLike], biases: Sequence[ArrayLike], dtype: DTypeLike
    ) -> "Parameters":
        """Return a copy of the given matrices and vectors in one array."""
        units = [np.shape(weights[0])[0], *(np.shape(b)[0] for b in biases)]
        params = cls.empty(units, dtype)
        for view, array in zip(params.weights + params.biases, [*weights, *biases], strict=True):
            view[...] = array
        return params

    def __reduce__(self):
        # Pickled as they are, the views would come back as arrays of their own.
        return Parameters, (self.units, self.flat)

    def view(self, flat: np.ndarray) -> "Parameters":
        """Return the same layout over another array."""
        return Parameters(self.units, flat)

    def copy(self) -> "Parameters":
        """Return parameters with the same values in memory of their own."""
        return self.view(self.flat.copy())


def count_parameters(units: Sequence[int]) -> int:
    """Return sum_l (n_in + 1) n_out."""
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(units))
