"""Dropout: values of the layers set to zero at random during training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from scipy.sparse import issparse


class Dropout:
    """Inverted dropout: keep a value with probability 1 - rate, and divide it by that.

    Srivastava et al. (2014), section 10. The expected values are those without dropout, so that
    prediction needs no correction. `rates` has a number for X and for each hidden layer.
    """

    def __init__(self, rates: Sequence[float], generator: np.random.Generator) -> None:
        self.rates = rates
        self.generator = generator
        self._masks: dict[tuple[int, tuple[int, ...]], np.ndarray] = {}

    def _draw(self, layer: int, shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
        """Return a mask of zeros and 1 / (1 - rate), in an array that `undo` finds again."""
        if (layer, shape) not in self._masks:
            self._masks[layer, shape] = np.empty(shape, dtype)
        mask, keep = self._masks[layer, shape], 1 - self.rates[layer]
        self.generator.random(out=mask, dtype=mask.dtype)
        # In the memory of the random numbers: a mask of bool would be converted in each product
        np.less(mask, keep, out=mask)
        mask *= 1 / keep
        return mask

    def of_input(self, X: Any) -> Any:
        """Return X with values dropped, in another array."""
        if not self.rates[0]:
            return X
        if issparse(X):  # only stored values can be dropped: zeros remain zeros
            kept = self.generator.random(X.data.size) >= self.rates[0]
            X = X.copy()
            X.data *= kept / (1 - self.rates[0])
            return X
        mask = self._draw(0, X.shape, X.dtype)
        # X is the user's. The mask is not needed again: no gradient goes back through the input
        return np.multiply(X, mask, out=mask)

    def apply(self, layer: int, a: np.ndarray) -> None:
        """Drop values of a hidden layer in place."""
        if self.rates[layer]:
            a *= self._draw(layer, a.shape, a.dtype)

    def undo(self, layer: int, a: np.ndarray, delta: np.ndarray) -> None:
        """Divide the mask's factor out of `a`, and multiply `delta` by the mask."""
        if self.rates[layer]:
            # Activations compute f' from a = f(z), without the factor; where a is 0, delta will be
            a *= 1 - self.rates[layer]
            delta *= self._masks[layer, a.shape]
