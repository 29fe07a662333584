r"""
Where an ensemble does not know
===============================

A network answers every question, also far from all samples it has seen, and does not say that it
guesses. Several networks that differ only in their initial weights do: where there are samples they
agree, and elsewhere each goes its own way. This page looks at the spread of
``member_predictions``, for a curve with a gap and for two classes in the plane.

The members are trained on all samples (``bootstrap=False``). That is a deep ensemble [1]_.

.. [1] B. Lakshminarayanan, A. Pritzel and C. Blundell, "Simple and scalable predictive uncertainty
   estimation using deep ensembles", NeurIPS 2017.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.ensemble import MLPBaggingClassifier, MLPBaggingRegressor

# To stop after a number of epochs is the plan here, not a failure to converge.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# A curve with a gap
# ------------------
# 80 noisy values of a sine, none of them between -0.8 and 1.2. Ten networks are fitted to them.

draw = np.random.default_rng(0)
x = np.concatenate([draw.uniform(-3, -0.8, 40), draw.uniform(1.2, 3, 40)])
y = np.sin(2 * x) + draw.normal(scale=0.1, size=len(x))

ensemble = MLPBaggingRegressor(
    MLPScratchRegressor(
        hidden_layer_sizes=(50, 50),
        activation="tanh",
        learning_rate_init=0.02,
        batch_size=len(x),
        alpha=1e-3,
        max_iter=500,
        n_iter_no_change=500,
    ),
    n_estimators=10,
    bootstrap=False,
    random_state=0,
).fit(x[:, None], y)

grid = np.linspace(-4.5, 4.5, 400)
members = ensemble.member_predictions(grid[:, None])
mean, spread = members.mean(axis=0), members.std(axis=0)

has_samples = np.abs(grid[:, None] - x).min(axis=1) < 0.1
in_gap = (grid > -0.6) & (grid < 1)
print(f"spread where there are samples: {spread[has_samples].mean():.2f}")
print(f"spread in the gap:              {spread[in_gap].mean():.2f}")
print(f"spread beyond |x| = 4:          {spread[abs(grid) > 4].mean():.2f}")

# %%
# Among the samples the ten curves lie on each other, closer together than the noise of 0.1. In the
# gap and beyond the ends they part. The band is the mean plus and minus two standard deviations
# over the members. It says that the networks do not know, but not how wrong they are. Beyond the
# ends all of them flatten out, as tanh does, and the sine leaves the band.

fig, ax = plt.subplots(figsize=(9, 4.8), layout="constrained")
ax.fill_between(
    grid, mean - 2 * spread, mean + 2 * spread, color="C0", alpha=0.2, lw=0, label="mean ± 2 std"
)
ax.plot(grid, members.T, color="C0", lw=0.7, alpha=0.7)
ax.plot(grid, mean, color="C0", lw=2.5, label="mean of the members")
ax.plot(grid, np.sin(2 * grid), color="0.3", ls="--", lw=1.2, label="sin 2x")
ax.plot(x, y, "o", color="C1", ms=4, mec="white", mew=0.5, label="samples")
ax.set(title="Ten networks, fitted to the same samples", xlabel="x", ylabel="y", ylim=(-3, 3))
ax.legend(loc="upper center", ncols=4)

# %%
# Two classes in the plane
# ------------------------
# Two moons, and twenty networks. On the left the probability that a single network gives to the
# second moon: certain almost everywhere, also where it has seen nothing. In the middle the mean of
# all. On the right the standard deviation over the members: it is largest where the boundary runs
# on beyond the samples.

X, moon = make_moons(200, noise=0.15, random_state=0)
classifier = MLPBaggingClassifier(
    MLPScratchClassifier((30, 30), activation="tanh", solver="lbfgs", alpha=1e-3, max_iter=1000),
    n_estimators=20,
    bootstrap=False,
    random_state=0,
).fit(X, moon)

side = np.linspace(-4, 4, 121)
plane = np.stack(np.meshgrid(side + 0.5, side + 0.25), axis=-1)
second = classifier.member_predictions(plane.reshape(-1, 2))[..., 1].reshape(-1, 121, 121)

panels = {
    "One network": (second[0], "RdBu_r", (0, 1), "probability of the second moon"),
    "Mean of twenty": (second.mean(axis=0), "RdBu_r", (0, 1), "probability of the second moon"),
    "Spread of twenty": (second.std(axis=0), "viridis", (0, 0.5), "standard deviation"),
}
fig, axes = plt.subplots(1, 3, figsize=(13, 4.2), sharex=True, sharey=True, layout="constrained")
for ax, (title, (values, colors, limits, label)) in zip(axes, panels.items(), strict=True):
    image = ax.pcolormesh(*np.moveaxis(plane, -1, 0), values, cmap=colors, shading="gouraud")
    image.set_clim(*limits)
    for number, color in enumerate(["#2166ac", "#b2182b"]):
        ax.plot(*X[moon == number].T, "o", color=color, ms=3.5, mec="white", mew=0.4)
    ax.set(title=title, xlabel="first feature", aspect="equal")
    fig.colorbar(image, label=label, shrink=0.9)
axes[0].set_ylabel("second feature")

# %%
# How far from the samples is the ensemble unsure?
# ------------------------------------------------
# The mean probability alone tells a point between the classes from one far from both: it is about a
# half for either. The spread does. Near the samples of both classes all members say a half; far out
# one says 0 and the next says 1.

distance = np.sqrt(((plane[:, :, None] - X) ** 2).sum(axis=-1)).min(axis=-1)
for lower, upper in [(0, 0.3), (0.3, 1), (1, 2), (2, 5)]:
    ring = (distance >= lower) & (distance < upper)
    print(
        f"distance {lower} to {upper}: mean spread {second.std(axis=0)[ring].mean():.3f}"
        f" of {ring.sum()} points"
    )

plt.show()
