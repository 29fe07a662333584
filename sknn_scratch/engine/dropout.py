"""Dropout: values of the layers set to zero at random during training."""

import numpy as np
from scipy.sparse import issparse


class Dropout:
    """Inverted dropout: a value is kept with probability 1 - rate, and then divided by that.

    Srivastava et al. (2014), section 10. Expected values are those without dropout, so nothing is
    to be done at prediction. `rates` has a number for X and for each hidden layer; `generators`
    a numpy Generator for each place of `lead`: networks along an axis of length 1 there lose the
    same values. By default each network has one of its own.
    """

    def __init__(self, rates, generators, lead=None):
        self.rates = rates
        self.generators = generators
        self.lead = lead
        self._masks = {}

    def _draw(self, layer, shape, dtype):
        """Return a mask of zeros and 1 / (1 - rate), in an array that `undo` finds again."""
        key = layer, shape
        if key not in self._masks:
            lead = shape[:-2] if self.lead is None else self.lead
            self._masks[key] = np.empty((*lead, *shape[-2:]), dtype)
        mask, keep = self._masks[key], 1 - self.rates[layer]
        one_by_one = mask.reshape(len(self.generators), *shape[-2:])
        for generator, of_one in zip(self.generators, one_by_one, strict=True):
            generator.random(out=of_one, dtype=dtype)
        np.less(mask, keep, out=mask)
        mask *= 1 / keep
        return mask

    def of_input(self, X, params):
        """Return X with values dropped, in another array."""
        if not self.rates[0]:
            return X
        if issparse(X):
            kept = self.generators[0].random(X.data.size) >= self.rates[0]
            X = X.copy()
            X.data *= kept / (1 - self.rates[0])
            return X
        mask = self._draw(0, (*params.flat.shape[:-1], *X.shape[-2:]), X.dtype)
        return np.multiply(X, mask, out=mask)

    def apply(self, layer, a):
        """Drop values of a hidden layer in place."""
        if self.rates[layer]:
            a *= self._draw(layer, a.shape, a.dtype)

    def undo(self, layer, a, delta):
        """Take the factor of what was kept from `a`, and the mask's derivative into `delta`."""
        if self.rates[layer]:
            a *= 1 - self.rates[layer]
            delta *= self._masks[layer, a.shape]
