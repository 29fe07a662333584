"""Step sizes over the epochs.

A schedule is filled from the estimator's parameters of the same names. To add one, write a class
with the methods of `Constant` and one line in `SCHEDULES`.
"""

from dataclasses import dataclass, field


@dataclass
class Constant:
    """The same step throughout. `learning_rate` is the step of the epoch to come."""

    learning_rate_init: float
    learning_rate: float = field(init=False)

    def __post_init__(self):
        self.learning_rate = self.learning_rate_init

    def end_epoch(self, n_seen):
        """Set the step of the next epoch, after `n_seen` samples in all."""

    def on_plateau(self):
        """Lower the step and return True to go on, or return False to stop."""
        return False


@dataclass
class InvScaling(Constant):
    """learning_rate_init / (1 + samples seen) ** power_t."""

    power_t: float

    def end_epoch(self, n_seen):
        self.learning_rate = self.learning_rate_init / (n_seen + 1) ** self.power_t


@dataclass
class Adaptive(Constant):
    """A fifth of the step at each plateau, until the step is 1e-6 or less."""

    def on_plateau(self):
        if self.learning_rate <= 1e-6:
            return False
        self.learning_rate /= 5
        return True


SCHEDULES = {"constant": Constant, "invscaling": InvScaling, "adaptive": Adaptive}
