"""What is recorded after each epoch, when progress has stopped, and the best weights so far."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Monitor:
    """Watch one number per epoch, which is to fall: the training loss, or minus a score.

    As in scikit-learn an epoch is stale if it is not better than the best by more than `tol`, and
    more than `n_iter_no_change` stale epochs in a row are a plateau.
    """

    tol: float
    n_iter_no_change: float
    best: float = np.inf
    no_improvement_count: int = 0
    best_flat: Any = field(default=None, repr=False)  # overwritten

    def update(self, watched, flat):
        """Take the number of a new epoch, and a copy of its parameters if it is the best so far.

        Return whether it is.
        """
        # A NaN compares false twice: it is neither stale nor best, as in scikit-learn.
        stale = watched > self.best - self.tol
        self.no_improvement_count = self.no_improvement_count + 1 if stale else 0
        improved = watched < self.best
        if improved:
            self.best = watched
            np.copyto(self.best_flat, flat)
        return improved

    @property
    def has_best(self):
        """Whether any epoch has had a finite number, and so earned its weights a place."""
        return self.best < np.inf

    @property
    def on_plateau(self):
        """Whether there have been too many stale epochs in a row."""
        return self.no_improvement_count > self.n_iter_no_change
