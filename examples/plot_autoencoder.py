"""
An autoencoder: digits as two numbers
=====================================

A network that is trained to return its own input learns little if it can pass everything through.
With a narrow layer in the middle it must say in few numbers what it has seen. Such a network is an
autoencoder: a regressor of X on X. Its first half encodes, and its second half decodes.

Here the narrow layer has two units, so that each image of 64 pixels becomes a point in the plane.
``hidden_outputs`` returns these points. The labels are not used to learn them.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from sknn_scratch import MLPScratchRegressor

# To stop after a number of epochs is the plan here, not a failure to converge.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# Training
# --------
# The layers are a mirror image of each other, and the units in the middle have no activation. The
# principal components, the best two numbers that a linear map finds, are there to compare.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, stratify=y, random_state=0)

autoencoder = MLPScratchRegressor(
    hidden_layer_sizes=(64, 2, 64),
    activation=["tanh", "identity", "tanh"],
    learning_rate="cosine",
    learning_rate_init=0.01,
    batch_size=50,
    max_iter=100,
    n_iter_no_change=np.inf,
    random_state=0,
).fit(X_train, X_train)
components = PCA(2).fit(X_train)


def middle(X):
    """Return the values of the two units in the middle."""
    return autoencoder.hidden_outputs(X, layer=1)


encoders = {"two principal components": components.transform, "two units": middle}
decoded = {
    "two principal components": components.inverse_transform(components.transform(X_test)),
    "two units": autoencoder.predict(X_test),
}

# %%
# Ten digits in the plane
# -----------------------
# How far do two numbers tell the digits apart? The labels of the ten nearest training images, in
# the plane, predict the label of a test image.

accuracy = {
    name: KNeighborsClassifier(10).fit(encode(X_train), y_train).score(encode(X_test), y_test)
    for name, encode in encoders.items()
}

fig, axes = plt.subplots(1, 2, figsize=(11, 5.4), layout="constrained")
for ax, (name, encode) in zip(axes, encoders.items(), strict=True):
    points = ax.scatter(*encode(X_test).T, c=y_test, cmap="tab10", vmin=-0.5, vmax=9.5, s=14)
    title = f"{name}: {accuracy[name]:.0%} of the test images\nare among their own kind"
    ax.set(title=title, xticks=[], yticks=[])
fig.colorbar(points, ax=axes, ticks=range(10), label="digit")
fig.supxlabel("first number")
fig.supylabel("second number")

# %%
# Back to images
# --------------
# The second half of the network turns the two numbers into an image again.

error = {name: np.mean((images - X_test) ** 2) for name, images in decoded.items()}
for name, value in error.items():
    print(f"{name}: mean squared error {value:.4f} on the test set")

shown = [np.flatnonzero(y_test == digit)[0] for digit in range(10)]
fig, axes = plt.subplots(3, 10, figsize=(11, 4), layout="constrained")
for row, (name, images) in zip(axes, [("test images", X_test), *decoded.items()], strict=True):
    for ax, image in zip(row, images[shown], strict=True):
        ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
    row[0].set_ylabel(name.replace(" comp", "\ncomp"))

# %%
# Two numbers are few: the network takes some digits for others, and draws what they have in common.
# For features that a classifier is to use, take a wider layer.

plt.show()
