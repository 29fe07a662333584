r"""
A band of quantiles
===================

A network that predicts the mean says nothing of how far the truth may lie from it. Three networks
with ``loss="quantile"`` do: one for the median, and one each for the quantiles 0.05 and 0.95,
between which nine of ten targets should lie. The loss of a quantile q weighs the targets above the
prediction by q, and those below by 1 - q:

.. math:: \ell(z) = \max\big(q \, (y - z), \, (1 - q) \, (z - y)\big).

The band needs no assumption about the noise. Here the noise grows along the curve and is skewed, so
that no band of one width, and none that is symmetric about the mean, would fit.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import d2_pinball_score

from sknn_scratch import MLPScratchRegressor

rng = np.random.default_rng(0)


def draw(n_samples):
    """Draw samples of a wave whose noise grows with x, and reaches further up than down."""
    x = rng.uniform(0, 10, n_samples)
    noise = rng.gamma(2.0, 0.08 + 0.05 * x)
    return x[:, None], np.sin(x) + noise


X, y = draw(1500)
X_test, y_test = draw(5000)

# %%
# Three networks
# --------------
# The slope of this loss does not shrink near its minimum, as it does with the squared error. The
# learning rate therefore falls to zero, along half a cosine.

QUANTILES = [0.05, 0.5, 0.95]
networks = {
    q: MLPScratchRegressor(
        loss="quantile",
        quantile=q,
        hidden_layer_sizes=(30, 30),
        activation="tanh",
        learning_rate="cosine",
        learning_rate_init=0.02,
        batch_size=50,
        max_iter=100,
        tol=0,
        n_iter_no_change=np.inf,
        random_state=0,
    ).fit((X - 5) / 3, y)
    for q in QUANTILES
}

# %%
# What they promise, and what they keep
# -------------------------------------
# Samples that no network has seen are the judge: how many of them lie below each quantile, and how
# many in the band. D² is the share of the loss of the best constant that a network saves.

predicted = {q: network.predict((X_test - 5) / 3) for q, network in networks.items()}
for q in QUANTILES:
    below = (y_test <= predicted[q]).mean()
    d2 = d2_pinball_score(y_test, predicted[q], alpha=q)
    print(f"quantile {q:.2f}: {below:.3f} of the targets below, D2 = {d2:.2f}")
coverage = ((predicted[0.05] <= y_test) & (y_test <= predicted[0.95])).mean()
print(f"in the band: {coverage:.3f}, promised: 0.900")

# %%
# The band over the curve
# -----------------------
# On the left the band is narrow, on the right it is wide, and the median lies in its lower half.
# Below, the same question is asked of each stretch of x: a band of one width would promise too
# little on the left and too much on the right.

grid = np.linspace(0, 10, 400)
curves = {q: network.predict((grid[:, None] - 5) / 3) for q, network in networks.items()}
edges = np.linspace(0, 10, 11)
inside = (predicted[0.05] <= y_test) & (y_test <= predicted[0.95])
stretch = np.digitize(X_test[:, 0], edges[1:-1])
shares = [inside[stretch == k].mean() for k in range(10)]

fig, (band, share) = plt.subplots(
    2, 1, figsize=(8, 6.5), sharex=True, height_ratios=[3, 1], layout="constrained"
)
band.plot(X[:, 0], y, ".", color="0.6", ms=3, label="training samples")
band.fill_between(
    grid, curves[0.05], curves[0.95], color="C0", alpha=0.25, label="quantiles 0.05 to 0.95"
)
band.plot(grid, curves[0.5], color="C0", label="median")
band.set(ylabel="y", title=f"{coverage:.1%} of 5,000 new samples lie in the band of 90 %")
band.legend(loc="upper left")
share.bar(edges[:-1], shares, width=np.diff(edges), align="edge", color="C0", alpha=0.5, ec="w")
share.axhline(0.9, color="0.2", lw=1)
share.annotate("promised", (10, 0.9), xytext=(-2, 2), textcoords="offset points", ha="right")
share.set(xlabel="x", ylabel="share in the band", ylim=(0.7, 1), xlim=(0, 10))
plt.show()
