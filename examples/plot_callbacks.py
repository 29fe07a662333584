r"""
Watching a fit by callbacks
===========================

A callback is told of the beginning and the end of each epoch. scikit-learn brings two of them, a
progress bar and a monitor of scores; one of your own has four methods. This page watches a network
learn digits: what the monitor takes down stands beside what the network records itself. A callback
stops training once every digit is found often enough.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import recall_score
from sklearn.model_selection import train_test_split

from sknn_scratch import MLPScratchClassifier

# To stop after a number of epochs is the plan here, not a failure to converge.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X / 16, y, stratify=y, random_state=0)

# %%
# What the monitor takes down
# ---------------------------
# ``ScoringMonitor`` scores, on the training data, the model as it would be had training stopped
# after the epoch. ``history_`` has the mean over the batches of the epoch, each taken before its
# step. It costs no pass over the data of its own, and lags behind by about half an epoch. In the
# first epochs, where much is learnt in each, the lag is large.

network = MLPScratchClassifier(50, learning_rate_init=0.003, max_iter=15, random_state=0)
monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
watched = clone(network).set_callbacks(monitor).fit(X_train, y_train)

log = monitor.get_logs().data_as_pandas
epochs = log[log["task_name"] == "epoch"]
print(epochs[["task_id", "accuracy", "neg_log_loss"]].tail(3).to_string(index=False))

number = np.arange(1, watched.n_iter_ + 1)
fig, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
ax.plot(number, epochs["accuracy"], "o-", label="after the epoch: ScoringMonitor")
ax.plot(number, watched.history_["accuracy"], "^--", label="mean over its batches: history_")
ax.set(
    title="Accuracy on the training set, taken in two ways",
    xlabel="epoch",
    ylabel="accuracy (share of samples)",
)
ax.grid(alpha=0.3)
ax.legend()

# %%
# A callback of your own
# ----------------------
# A rule over ``history_`` alone is ``stop_when``. This one needs the model: it takes the recall of
# each digit :math:`k` on a validation set, the share of its images that are found,
#
# .. math:: r_k = \frac{|\{i : y_i = k,\ \hat y_i = k\}|}{|\{i : y_i = k\}|},
#
# and stops once :math:`\min_k r_k \geq 0.95`. It is given the model as ``fitted_estimator``, a
# copy, because its method names that argument.


class EveryDigitIsFound:
    """Stop when the recall of each digit on a validation set is at least `enough`."""

    def __init__(self, X, y, enough):
        self.X, self.y, self.enough = X, y, enough

    def setup(self, estimator, context):
        """Begin a new list."""
        self.recalls = []

    def on_fit_task_begin(self, estimator, context):
        """Do nothing."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        """Take the recalls after each epoch; say whether to stop."""
        if context.task_name != "epoch":
            return False
        predicted = fitted_estimator.predict(self.X)
        self.recalls.append(recall_score(self.y, predicted, average=None))
        return min(self.recalls[-1]) >= self.enough

    def teardown(self, estimator, context):
        """Do nothing."""


every_digit = EveryDigitIsFound(X_val, y_val, enough=0.95)
stopped = clone(network).set_params(max_iter=200).set_callbacks(every_digit)
stopped.fit(X_train, y_train)
recalls = np.array(every_digit.recalls)
last_found = int(recalls[-2].argmin())
print(f"stopped after {stopped.n_iter_} epochs; the digit found last is {last_found}")
print(f"accuracy on the validation set: {stopped.score(X_val, y_val):.3f}")

# %%
# What it saw
# -----------
# The mean over the digits passes 0.95 dozens of epochs before the worst of them does.

fig, ax = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
number = np.arange(1, stopped.n_iter_ + 1)
for digit in set(range(10)) - {last_found}:
    ax.plot(number, recalls[:, digit], color="0.75", lw=1)
ax.plot([], [], color="0.75", lw=1, label="the other digits")
ax.plot(number, recalls[:, last_found], "C3", label=f"the digit found last, {last_found}")
ax.plot(number, recalls.mean(axis=1), "k--", label="mean")
ax.axhline(0.95, color="0.4", lw=1, ls=":", label="enough: 0.95")
ax.set(
    title="Recall of each digit on the validation set",
    xlabel="epoch",
    ylabel="recall (share of its images)",
)
ax.grid(alpha=0.3)
ax.legend()

plt.show()
