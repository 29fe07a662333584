r"""
Activations compared
====================

Between two layers of weights stands an activation f, applied to each hidden unit: :math:`a = f(z)`.
Without one, a network would be a product of matrices, and so a linear model. Training needs f once
forward and its derivative once backward, :math:`\delta \leftarrow \delta \circ f'(z)`.

This page draws all activations of the registry ``ACTIVATIONS``, and trains a network with each.
"""

import warnings
from itertools import cycle
from math import ceil

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.activations import ACTIVATIONS

# To stop after a number of epochs is the plan here, not a failure to converge.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# The functions and their derivatives
# -----------------------------------
# Some saturate (``logistic``, ``tanh``): where :math:`|z|` is large the derivative is almost 0, and
# little of the gradient gets past. ``relu`` has the derivative 1 for all positive z, and 0 for the
# others. The remaining ones soften its corner, or let some gradient through on its left.


def value_and_derivative(activation, z):
    """Return f(z) and f'(z), by the two methods that training calls."""
    a = z.copy()
    activation.forward(z.copy() if activation.needs_z else a, a)
    derivative = np.ones_like(z)
    activation.backward(z.copy() if activation.needs_z else a, a.copy(), derivative)
    return a, derivative


z = np.linspace(-4, 4, 801)
n_rows = ceil(len(ACTIVATIONS) / 3)
fig, axes = plt.subplots(
    n_rows, 3, figsize=(9, 2.7 * n_rows), sharex=True, sharey=True, layout="constrained"
)
for ax, (name, activation) in zip(axes.flat, ACTIVATIONS.items(), strict=False):
    value, derivative = value_and_derivative(activation(), z)
    ax.axhline(0, color="0.8", lw=1)
    ax.axvline(0, color="0.8", lw=1)
    ax.plot(z, value, label="f(z)")
    ax.plot(z, derivative, "--", label="f'(z)")
    ax.set(title=name, ylim=(-1.5, 3))
    ax.label_outer()
for ax in axes.flat[len(ACTIVATIONS) :]:
    ax.remove()
axes[0, 0].legend(loc="upper left")
fig.supxlabel("z")

# %%
# What they learn
# ---------------
# Two half moons; each network has two hidden layers of 20 units, the same settings, and draws the
# same random numbers. Adam takes 600 steps on all training samples.

X, y = make_moons(1000, noise=0.15, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.5, random_state=0)
models = {
    name: MLPScratchClassifier(
        (20, 20),
        activation=name,
        learning_rate_init=0.01,
        batch_size=len(X_train),
        max_iter=600,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X_train, y_train)
    for name in ACTIVATIONS
}

print("activation    training loss   test accuracy")
for name, model in models.items():
    print(f"{name:<13} {model.loss_:>13.4f} {model.score(X_test, y_test):>15.3f}")

# %%
# ``identity`` has no bend: its network draws a straight line between the moons and stays at the
# loss of that. All others get well below. Most networks pass that loss on their way; ``logistic``
# and ``softplus``, whose bend is the gentlest, stay at it longest.

fig, ax = plt.subplots(figsize=(8.5, 5.5), layout="constrained")
for (name, model), marker in zip(models.items(), cycle("osD^v<>Px"), strict=False):
    steps = np.arange(1, model.n_iter_ + 1)
    ax.semilogy(steps, model.loss_curve_, marker=marker, markevery=50, ms=5, label=name)
ax.set(
    title="Two moons, one network with each activation",
    xlabel="step",
    ylabel="mean training loss per sample",
)
ax.yaxis.set_major_formatter("{x:g}")
ax.grid(alpha=0.3)
fig.legend(loc="outside right upper")

# sphinx_gallery_thumbnail_number = 2
plt.show()
