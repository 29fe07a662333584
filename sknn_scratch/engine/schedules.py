"""Learning rates over the epochs.

A schedule is filled from the estimator's parameters of the same names. To add one, write a class
derived from `Schedule` and one line in `SCHEDULES`.
"""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from math import cos, inf, pi
from numbers import Real
from typing import ClassVar

import numpy as np

__all__ = ["SCHEDULES", "LineSearch", "Schedule", "SetBetweenEpochs"]


@dataclass
class Schedule(ABC):
    """The learning rate as a function of the epochs done; it may also respond to a plateau.

    A class derived from this one is a dataclass as well, and defines `base_rate`. The warm-up
    multiplies that rate by a factor from 0 to 1 over the first `warmup_epochs`. `learning_rate`
    begins at `learning_rate_init`.

    Attributes
    ----------
    is_line_search : bool
        True for a `LineSearch`, which finds the learning rate of each step.
    """

    is_line_search: ClassVar[bool] = False

    learning_rate_init: float
    warmup_epochs: float = field(default=0.0, kw_only=True)
    learning_rate: float = field(init=False)
    n_epochs: int = field(default=0, init=False)

    def __post_init__(self):
        self.learning_rate = self.learning_rate_init

    def begins_like(self, other: "Schedule") -> bool:
        """Whether this is a schedule of the same class with the same parameters.

        `max_iter` does not count: a schedule keeps to the number of epochs that it was made for.
        """
        names = [f.name for f in fields(self) if f.init and f.name != "max_iter"]
        return type(self) is type(other) and all(
            getattr(self, name) == getattr(other, name) for name in names
        )

    def rate(self, fraction: float) -> float:
        """Return the learning rate at this fraction of the present epoch, in [0, 1]."""
        progress = self.n_epochs + fraction
        rate = self.base_rate(progress)
        return rate * (progress / self.warmup_epochs) if progress < self.warmup_epochs else rate

    @abstractmethod
    def base_rate(self, progress: float) -> float:
        """Return the learning rate without the warm-up after `progress` epochs, a real number."""

    @property
    def endless(self) -> bool:
        """Whether the learning rate is independent of the number of epochs to come."""
        return not hasattr(self, "max_iter")

    @property
    def is_over(self) -> bool:
        """Whether all epochs that the schedule was made for are done: training ends as planned."""
        return self.n_epochs >= getattr(self, "max_iter", inf)

    @property
    def steady(self) -> bool:
        """Whether the learning rate is the same throughout the present epoch."""
        # A class that overrides base_rate may return anything, from batch to batch
        plain = type(self).base_rate is SetBetweenEpochs.base_rate
        return plain and self.n_epochs >= self.warmup_epochs

    @property
    def holds_until_plateau(self) -> bool:
        """Whether the learning rate stays the same until the next plateau."""
        return self.steady and type(self).end_epoch is Schedule.end_epoch

    def end_epoch(self, n_seen: int) -> None:
        """Count an epoch; `n_seen` is the number of samples seen in all epochs."""
        self.n_epochs += 1

    def on_plateau(self) -> bool:
        """Lower the learning rate and return True to continue, or return False to stop."""
        return False


class SetBetweenEpochs(Schedule):
    """A learning rate that changes between epochs only: assign it to `learning_rate`."""

    def base_rate(self, progress: float) -> float:
        return self.learning_rate


class Constant(SetBetweenEpochs):
    """The same learning rate throughout."""


@dataclass
class InvScaling(SetBetweenEpochs):
    """learning_rate_init / (1 + samples seen) ** power_t, set after each epoch."""

    power_t: float

    def end_epoch(self, n_seen):
        super().end_epoch(n_seen)
        # numpy's power is inf where Python's raises OverflowError; the learning rate is then zero
        self.learning_rate = self.learning_rate_init / float(np.power(n_seen + 1.0, self.power_t))


class Adaptive(SetBetweenEpochs):
    """Divide the learning rate by 5 at each plateau, until it is 1e-6 or less."""

    def on_plateau(self):
        # 1e-6 and 5 are scikit-learn's numbers: training stops in the same epoch
        if self.learning_rate <= 1e-6:
            return False
        self.learning_rate = self.learning_rate / 5
        return True


@dataclass
class Cosine(Schedule):
    """Fall from learning_rate_init to 0 along half a cosine over `max_iter` epochs.

    Loshchilov and Hutter (2017), equation 5, without restarts.
    """

    max_iter: int

    def base_rate(self, progress):
        return self.learning_rate_init * _half_cosine(progress / self.max_iter)


@dataclass
class OneCycle(Schedule):
    """Rise to learning_rate_init over 0.3 of `max_iter` epochs, then fall to almost 0.

    Smith and Topin (2019): halves of a cosine from 1/25 of learning_rate_init up, and down to
    1/250000 of it.
    """

    # The defaults of torch.optim.lr_scheduler.OneCycleLR
    rise: ClassVar[float] = 0.3
    first: ClassVar[float] = 1 / 25
    last: ClassVar[float] = 1 / 250_000

    max_iter: int

    def base_rate(self, progress):
        done = min(progress / self.max_iter, 1.0)  # partial_fit may do more epochs
        if done < self.rise:
            low, part = self.first, _half_cosine(1 - done / self.rise)
        else:
            low, part = self.last, _half_cosine((done - self.rise) / (1 - self.rise))
        return self.learning_rate_init * (low + (1 - low) * part)


class LineSearch(SetBetweenEpochs):
    """A learning rate that is found before each step: a derived class defines `search`."""

    is_line_search: ClassVar[bool] = True

    @abstractmethod
    def search(self, accepts: Callable[[float], bool]) -> float:
        """Return a learning rate for which ``accepts(learning_rate)`` is true."""


class Backtracking(LineSearch):
    """The largest learning rate learning_rate_init / 2^k at which the solver's bound holds.

    Beck and Teboulle (2009), section 4. The learning rate never increases.
    """

    def search(self, accepts):
        """Halve the learning rate until ``accepts(learning_rate)``, and return it."""
        # At a rate this small F is not finite: end the search, and let the step show it
        while not accepts(self.learning_rate) and self.learning_rate > 1e-300:
            self.learning_rate /= 2
        return self.learning_rate


@dataclass
class ByEpoch(Schedule):
    """What a function of the number of epochs done returns."""

    function: Callable

    def base_rate(self, progress):
        n_epochs = int(progress)  # it is asked within an epoch, and constant there
        rate = self.function(n_epochs)
        # A bool is a Real, but no learning rate; NaN compares false
        is_number = isinstance(rate, Real) and not isinstance(rate, bool)
        if not (is_number and 0 <= rate <= sys.float_info.max):
            raise ValueError(
                "learning_rate, a function of the number of epochs done, must return a finite "
                f"number >= 0, got {rate!r} for {n_epochs}."
            )
        return float(rate)


def _half_cosine(part):
    """Return a number that falls from 1 to 0 as `part` rises from 0 to 1."""
    return (1 + cos(pi * min(part, 1.0))) / 2


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "invscaling": InvScaling,
    "adaptive": Adaptive,
    "plateau": Adaptive,  # for adam too, which ignores "adaptive" as in scikit-learn
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "backtracking": Backtracking,
}
