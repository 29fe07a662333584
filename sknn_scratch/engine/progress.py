"""How far the training of a network has come: its curves, its best weights, and how it ended."""

from dataclasses import dataclass, field
from enum import Enum
from math import inf, nan
from typing import Any

import numpy as np


class Ending(Enum):
    """Why a training ended."""

    PLATEAU = "There was too little progress for too many epochs."
    SCHEDULE_OVER = "The epochs for which the learning rate was planned are done."
    RULE = "The user's rule, stop_when, asked to stop."
    CALLBACK = "A callback asked to stop."
    DIVERGED = "Parameters became infinite or NaN."
    CONVERGED = "The gradient or the progress of L-BFGS fell below its tolerance."
    NOT_CONVERGED = "L-BFGS ran out of iterations or evaluations, or its line search failed."
    LAST_EPOCH = "The number of epochs that was asked for is done."
    INTERRUPTED = "The user pressed Ctrl-C."

    @property
    def is_premature(self) -> bool:
        """Whether training was cut off, rather than finished."""
        return self in (Ending.NOT_CONVERGED, Ending.LAST_EPOCH, Ending.INTERRUPTED)

    @property
    def is_final(self) -> bool:
        """Whether a greater `max_iter` would have made no difference."""
        return not self.is_premature and self is not Ending.SCHEDULE_OVER


@dataclass
class Progress:
    """The training of one network, as it stands after an epoch.

    Parameters
    ----------
    tol, n_iter_no_change : float
        What counts as progress, and how many epochs may pass without it.
    watched : str
        The entry of the history whose progress counts.
    history : dict of str -> list
        What was measured in each epoch; partial_fit drops the oldest, `n_epochs_dropped`.
    n_epochs : int
        How many epochs this call of fit has done.
    n_samples_seen : int
        Over all epochs, those of earlier calls included.
    loss : float or None
        Of the last epoch, or at the end of 'lbfgs' of the last parameters.
    best : float
        The least value of what is watched; minus the score, if that is a score.
    best_score : float or None
        The validation score of the best epoch.
    n_stale_epochs : int
        How many epochs in a row have passed without progress.
    best_flat : ndarray
        The parameters after the best epoch; overwritten by those of a better one.
    ending : Ending or None
        None while training goes on.
    """

    tol: float
    n_iter_no_change: float
    watched: str = "loss"
    history: dict = field(default_factory=dict)
    n_epochs_dropped: int = 0
    n_epochs: int = 0
    n_samples_seen: int = 0
    loss: float | None = None
    best: float = inf
    best_score: float | None = None
    n_stale_epochs: int = 0
    best_flat: Any = field(default=None, repr=False)
    ending: Ending | None = None

    def record(self, entry: dict, n_samples: int, flat: np.ndarray) -> None:
        """Take in what was measured in an epoch of `n_samples`, which led to parameters `flat`."""
        self.n_epochs += 1
        self.n_samples_seen += n_samples
        self.loss = entry["loss"]
        self._append(entry)
        value = falling(self.watched, entry[self.watched])
        # Before `best` is updated: an epoch is compared with those before it
        self.n_stale_epochs = stale_epochs(self.n_stale_epochs, value, self.best, self.tol)
        # The best weights need no margin of `tol`. NaN is never the best
        if value < self.best:
            self.best = value
            self.best_score = entry.get("validation_score")
            np.copyto(self.best_flat, flat)  # a copy: training goes on in `flat`

    def _append(self, entry: dict) -> None:
        """Append to the history; what was not measured in an epoch is NaN."""
        history = self.history
        # An earlier call may have had a validation set while this one has none, or the reverse
        if entry.keys() != history.keys():
            n_before = len(history.get("loss", ()))
            for name in entry:
                history.setdefault(name, [nan] * n_before)
            entry = {name: entry.get(name, nan) for name in history}
        for name, values in history.items():
            values.append(entry[name])

    @property
    def keeps_best(self) -> bool:
        """Whether the best weights are those to be kept: with early stopping."""
        return self.watched != "loss"

    @property
    def has_best(self) -> bool:
        """Whether any epoch has had a finite number, and so earned its weights a place."""
        return self.best < inf

    @property
    def is_lost(self) -> bool:
        """Whether training has ended without weights that are worth keeping."""
        # With early stopping, weights of before are worth keeping even if the last ones diverged
        if self.keeps_best and self.ending is not None:
            return self.n_epochs > 0 and not self.has_best
        return self.ending is Ending.DIVERGED

    @property
    def on_plateau(self) -> bool:
        """Whether there have been too many epochs in a row without progress."""
        return self.n_stale_epochs > self.n_iter_no_change

    @property
    def n_epochs_to_plateau(self) -> float:
        """After how many more epochs there may be a plateau; at least one."""
        return max(1, self.n_iter_no_change - self.n_stale_epochs + 1)


def falling(watched: str, value: Any) -> Any:
    """Return the number whose fall is progress."""
    return -value if watched == "validation_score" else value


def stale_epochs(n_before: int, value: float, best: float, tol: float) -> int:
    """Return how many epochs in a row have passed without progress, after one with this `value`.

    As in scikit-learn, progress is to be better than the best epoch before by more than `tol`; and
    NaN, which compares false, ends the row although it is no progress.
    """
    return n_before + 1 if value > best - tol else 0
