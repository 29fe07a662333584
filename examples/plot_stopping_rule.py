r"""
A stopping rule of your own
===========================

When has a network learnt enough? ``early_stopping=True`` is the usual answer: when the score on a
validation set makes no progress for some epochs. ``stop_when`` takes any other. It is a function of
``history_``, called after each epoch; training stops when it returns True.

The rule of this page is: stop once the validation accuracy :math:`s_k` is above 0.975 and changes
by less than 0.005 from one epoch to the next,

.. math:: s_k > 0.975 \quad \text{and} \quad |s_k - s_{k-1}| < 0.005.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.plotting import TrainingCurveDisplay

X, y = load_digits(return_X_y=True)
X_train, X_val, y_train, y_val = train_test_split(X / 16, y, stratify=y, random_state=0)


# %%
# The rule, and training with it
# ------------------------------


def is_good_and_steady(history):
    """Say whether validation accuracy is above 0.975 and changed by less than 0.005."""
    *before, score = history["validation_score"]
    return bool(before) and score > 0.975 and abs(score - before[-1]) < 0.005


network = MLPScratchClassifier(
    100, learning_rate_init=0.003, batch_size=32, stop_when=is_good_and_steady, random_state=0
)
network.fit(X_train, y_train, X_val=X_val, y_val=y_val)

*_, before, last = network.validation_scores_
print(f"stopped after {network.n_iter_} epochs")
print(f"the last two validation accuracies: {before:.4f}, {last:.4f}")

# %%
# What the rule saw
# -----------------
# The validation accuracy is steady for some epochs already, but below 0.975; the rule waits for the
# epoch that brings it above.

display = TrainingCurveDisplay.from_estimator(network)
accuracy = display.axes_[1]
accuracy.axhline(0.975, color="0.4", lw=1)
accuracy.annotate("0.975", (1, 0.975), va="bottom")
accuracy.set(ylim=(0.84, 1.005))

plt.show()
