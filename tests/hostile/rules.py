"""What users write themselves: rules, schedules, activations and callbacks, good and bad.

They are classes of a module, so that a model with them can be pickled.
"""

import numpy as np

from sknn_scratch.engine.activations import Activation

from ..epoch_callbacks import EpochCallback


class SabotageError(Exception):
    """An error of the user's own code, which must reach the user as it is."""


class StopAfter:
    """A stopping rule: stop after so many epochs, or do what `effect` says there."""

    def __init__(self, n_epochs, effect="stop"):
        self.n_epochs = n_epochs
        self.effect = effect

    def __call__(self, history):
        if len(history["loss"]) < self.n_epochs:
            return False
        if self.effect == "raise":
            raise SabotageError
        if self.effect == "interrupt":
            raise KeyboardInterrupt
        return {"stop": True, "none": None, "numpy": np.bool_(True)}[self.effect]


class Rate:
    """A learning rate by the epoch: the same value throughout, or an error."""

    def __init__(self, value):
        self.value = value

    def __call__(self, n_epochs):
        if self.value == "raise":
            raise SabotageError
        return self.value


class Square(Activation):
    """z^2: grows without bound, and its gradient vanishes at zero."""

    needs_z = True

    def forward(self, z, a):
        np.multiply(z, z, out=a)

    def backward(self, z, a, delta):
        delta *= 2 * z


class Callback(EpochCallback):
    """One of scikit-learn's callbacks: at an epoch it stops, fails or presses Ctrl-C."""

    def __init__(self, n_epochs, effect):
        self.n_epochs = n_epochs
        self.effect = effect

    def on_fit_task_end(self, estimator, context):
        # Where lbfgs finds nothing to do the one epoch has no entry in the history
        n_epochs = len(estimator.history_.get("loss", []))
        if context.task_name != "epoch" or n_epochs < self.n_epochs:
            return False
        return StopAfter(self.n_epochs, self.effect)(estimator.history_)
