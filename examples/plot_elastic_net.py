r"""
Weights that are exactly zero
=============================

The elastic net adds to the loss, for each weight matrix W,

.. math:: \lambda_1 \|W\|_1 + \lambda_2 \|W\|_2^2 .

The second term makes weights small. The first makes them zero, if it is handled with care: its
slope jumps at zero, and a step along the gradient would leap over the jump, back and forth. So
each step of size :math:`\eta` is followed by a proximal step, the soft threshold

.. math:: w \leftarrow \operatorname{sign}(w) \, \max(|w| - \eta \lambda_1, \, 0),

which leaves exact zeros. With the accelerated gradient (``solver="nag"``) this is FISTA.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.plotting import WeightsDisplay

# To stop after a number of epochs is the plan here, not a failure to converge.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# A path over the strength
# ------------------------
# A network with 10 hidden units tells malignant from benign tumours by 30 measurements. It is
# trained once for each strength ``l1`` of the penalty, each time from the same first weights.

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
scaler = StandardScaler().fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

strengths = np.logspace(-5, 0, 16)
path = [
    MLPScratchClassifier(
        10,
        "softplus",
        solver="nag",
        learning_rate_init=0.1,
        l1=l1,
        alpha=0,
        max_iter=500,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X_train, y_train)
    for l1 in strengths
]
weights = np.array([np.concatenate([W.ravel() for W in model.coefs_]) for model in path])
nonzero = np.count_nonzero(weights, axis=1)
scores = {
    "training": [model.score(X_train, y_train) for model in path],
    "test": [model.score(X_test, y_test) for model in path],
}

benign = np.mean(y_test == 1)  # accuracy of the answer that all tumours are benign

print("      l1   weights that are not zero   training   test accuracy")
for row in zip(strengths, nonzero, *scores.values(), strict=True):
    print("{:>8.5f} {:>19} of 310 {:>14.3f} {:>8.3f}".format(*row))

# %%
# From left to right the penalty grows, and fewer and fewer weights are left. The accuracy on the
# test set does not suffer: down to 5 of 310 weights it is about what it is with all of them. At
# the right end no weight is worth its penalty, and the network gives every sample the same
# answer.

fig, axes = plt.subplots(3, 1, figsize=(8, 9), sharex=True, layout="constrained")
axes[0].plot(strengths, weights, lw=0.8)
axes[0].set(title="The weights", ylabel="weight")
axes[1].plot(strengths, nonzero, "o-")
axes[1].set(title="Weights that are not exactly zero", ylabel="of 310", ylim=(-10, 320))
for (part, values), style in zip(scores.items(), ("o--", "s-"), strict=True):
    axes[2].plot(strengths, values, style, label=part)
axes[2].axhline(benign, color="0.5", ls=":", label="all benign")
axes[2].set(title="Accuracy", ylabel="share of samples", xlabel="strength of the penalty, l1")
axes[2].legend()
for ax in axes:
    ax.set_xscale("log")
    ax.grid(alpha=0.3)

# %%
# Whole inputs at once
# --------------------
# ``group_l1`` adds :math:`\lambda \sum_j \|W_1[j]\|_2`, the length of each row of the first matrix.
# Its proximal step sets whole rows to zero: the network no longer looks at that input.
# ``selected_features_`` holds the others. Here the inputs are the 64 pixels of handwritten digits.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)

networks = {
    group_l1: MLPScratchClassifier(
        30,
        group_l1=group_l1,
        l2=1e-4,
        learning_rate_init=0.005,
        max_iter=60,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit(X_train, y_train)
    for group_l1 in (0.0, 0.002, 0.01, 0.03)
}

fig, axes = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
for ax, (group_l1, network) in zip(axes, networks.items(), strict=True):
    n_selected, score = len(network.selected_features_), network.score(X_test, y_test)
    print(f"group_l1 = {group_l1}: {n_selected} pixels, test accuracy {score:.3f}")
    length = np.linalg.norm(network.coefs_[0], axis=1)
    image = ax.imshow(np.ma.masked_equal(length, 0).reshape(8, 8), cmap="viridis", vmin=0)
    ax.set(
        title=f"group_l1 = {group_l1}\n{n_selected} pixels, accuracy {score:.3f}",
        xticks=[],
        yticks=[],
        facecolor="0.8",
    )
    fig.colorbar(image, ax=ax, shrink=0.6)
fig.supxlabel("length of the weights that leave each pixel; grey: exactly zero")

# %%
# The same zeros unit by unit: the weights of ten hidden units with ``group_l1=0.01``. A pixel
# that is left out is hatched in all of them.

WeightsDisplay.from_estimator(networks[0.01], (8, 8), units=10, order="norm", n_columns=5)

# sphinx_gallery_thumbnail_number = 3
plt.show()
