"""Random choices among things that numpy would turn into arrays."""

import copy

import numpy as np


class Draw:
    """Choices that follow from a seed and the number of a case alone.

    `engine` is that of all estimators whose engine is not drawn.
    """

    def __init__(self, seed, number, engine="numpy"):
        self.rng = np.random.default_rng([seed, number])
        self.engine = engine

    def chance(self, probability):
        """Return True with this probability."""
        return bool(self.rng.random() < probability)

    def whole(self, low, high):
        """Return a whole number from `low` to `high`, both included."""
        return int(self.rng.integers(low, high + 1))

    def of(self, choices):
        """Return a copy of one of the choices, which others may then change."""
        choices = list(choices)
        return copy.deepcopy(choices[self.whole(0, len(choices) - 1)])

    def some(self, choices, k):
        """Return `k` different choices at most, in random order."""
        choices = list(choices)
        order = self.rng.permutation(len(choices))[:k]
        return [choices[i] for i in order]
