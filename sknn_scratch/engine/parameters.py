"""All weights and biases of a network in one vector, and views of it."""

from itertools import accumulate, pairwise
from math import prod
from typing import NamedTuple

import numpy as np


class Layers(NamedTuple):
    """Weights (..., n_in, n_out) and biases (..., n_out) of each layer, as `forward` needs them.

    `bias_rows` are the biases as matrices of one row (..., 1, n_out), to be added to a batch.
    """

    weights: list
    biases: list
    bias_rows: list

    @classmethod
    def of(cls, weights, biases):
        """Return layers of these matrices and vectors."""
        return cls(weights, biases, [b[..., None, :] for b in biases])


class Parameters:
    """The parameters of one network, or of a stack of networks along leading axes.

    One array `flat` of shape (..., n_parameters) holds all weight matrices and then all biases, so
    that what is penalised is one slice, and a solver's step is a handful of calls whatever the
    depth. `weights[l]` and `biases[l]` are views of it.
    """

    def __init__(self, units, flat):
        self.units = tuple(units)
        self.flat = flat
        shapes = list(pairwise(self.units))
        ends = list(accumulate([*map(prod, shapes), *self.units[1:]], initial=0))
        slices = [slice(*span) for span in pairwise(ends)]
        lead = flat.shape[:-1]
        self.weight_slices = slices[: len(shapes)]
        self.weights_flat = flat[..., : ends[len(shapes)]]
        self.weights = [
            flat[..., part].reshape(*lead, *shape)
            for part, shape in zip(self.weight_slices, shapes, strict=True)
        ]
        self.biases = [flat[..., part] for part in slices[len(shapes) :]]
        # Views that every step would make anew
        self.bias_rows = [b[..., None, :] for b in self.biases]
        self.transposed = [W.swapaxes(-1, -2) for W in self.weights]

    @classmethod
    def empty(cls, units, dtype, lead=()):
        """Return uninitialised parameters."""
        return cls(units, np.empty((*lead, count_parameters(units)), dtype=dtype))

    @classmethod
    def from_layers(cls, weights, biases, dtype):
        """Return a copy of the given matrices and vectors in one array."""
        units = [weights[0].shape[-2], *(b.shape[-1] for b in biases)]
        lead = np.shape(biases[0])[:-1]
        params = cls.empty(units, dtype, lead)
        for view, given in zip(params.weights + params.biases, [*weights, *biases], strict=True):
            view[...] = given
        return params

    def __reduce__(self):
        # The views are made anew: pickled as they are, each would be an array of its own.
        return Parameters, (self.units, self.flat)

    def view(self, flat):
        """Return the same layout over another array."""
        return Parameters(self.units, flat)

    def copy(self):
        """Return parameters of the same values in memory of their own."""
        return self.view(self.flat.copy())


def count_parameters(units):
    """Return sum_l (n_in + 1) n_out."""
    return sum((n_in + 1) * n_out for n_in, n_out in pairwise(units))
