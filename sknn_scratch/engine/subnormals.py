"""Numbers so small that a processor is many times slower over them, and zeros in their place.

Below the smallest normal number, ``tiny`` (1e-38 in float32, 2e-308 in float64), processors leave
their fast path: some need 150 cycles for one operation. Networks make such numbers as they
converge. Two rules keep them out, which are the same for every solver:

1. Weights and moments fade where no gradient comes any more. After so many steps (`training`)
   those below `faded` become zero. It is far enough above ``tiny`` to last until the next time.
2. The gradient in the raw scores of a sample that is fitted, softmax(z) - y, shrinks exponentially
   with its scores. Such gradients below `negligible` become zero, after they were multiplied by
   the sample's share in the batch (`objective`). This is done to the first batch of each epoch, and
   to the others if the first had such a number. In an ordinary training a step of 45 us is spared
   1.5 us. The decision depends on the numbers of this epoch alone, so that resumed fits end in the
   same bits.

Every other gradient is a sum of products with those of the second rule, and Adam squares the sums.
This is why `negligible` is the root of `faded`. What follows from the gradients that are left is
then normal, but for rare products of small factors: hidden layers, weights, squares, moments.

A gradient below `negligible` (1e-15 in float32, 1e-150 in float64) does not matter:

- The rounding of softmax(z) - 1 at the sample's own class, 6e-8 in float32, is far larger.
- A step of gd, nag or sgd moves a weight by this number times the learning rate and an input.
- Adam's step does not depend on the scale of the gradients until they come near its epsilon, 1e-8
  by default. A gradient of 1e-15 moves a weight by 1e-7 of the learning rate, and its square is
  `faded` in v already: sqrt(v) + epsilon is epsilon to rounding.
"""

from functools import cache

import numpy as np


@cache
def faded(dtype: np.dtype) -> float:
    """Return the limit below which weights, moments and squares of gradients count as zero."""
    return 1e8 * float(np.finfo(dtype).tiny)


@cache
def negligible(dtype: np.dtype) -> float:
    """Return the limit below which gradients in the raw scores count as zero."""
    return faded(dtype) ** 0.5


def flush(array: np.ndarray, limit: float) -> bool:
    """Put zeros in place of numbers below `limit`; return whether there were any."""
    below = np.abs(array) < limit
    if not np.count_nonzero(below):  # the rule; `any` takes ten times as long
        return False
    array[below] = 0
    return True
