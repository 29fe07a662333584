r"""
A grid with a third axis, the seed
==================================

Which learning rate and which penalty, and does the answer hold for other first weights? That is a
grid with a third axis, the seed, and therefore a few hundred small networks. ``MLPGridSearchCV``
finds the scores of ``GridSearchCV``. With ``engine="numba"`` and ``n_jobs=2`` it trains such a grid
several times as fast, see :doc:`Searches </sweeps>`; here it runs with what is always installed.
"""

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.model_selection import MLPGridSearchCV

# To stop after a number of iterations is the plan here, not a failure to converge.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

# %%
# The search
# ----------
# 6 learning rates, 5 penalties and 5 seeds, on 2 folds: 300 networks, 2-16-1. ``cv_results_``,
# ``best_params_`` and the rest are as usual.

RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3]
L2 = [0, 1e-4, 1e-3, 1e-2, 1e-1]
SEEDS = [0, 1, 2, 3, 4]

X, y = make_moons(400, noise=0.2, random_state=0)
network = MLPScratchClassifier(
    hidden_layer_sizes=16, batch_size=25, alpha=0, max_iter=30, n_iter_no_change=30
)
grid = {"learning_rate_init": RATES, "l2": L2, "random_state": SEEDS}

start = time.perf_counter()
search = MLPGridSearchCV(network, grid, cv=2, refit=False).fit(X, y)
all_seconds = time.perf_counter() - start

# %%
# The same by scikit-learn
# ------------------------
# A fifth of it, the first seed alone, by scikit-learn's search over the same estimator.

start = time.perf_counter()
part = GridSearchCV(network, {**grid, "random_state": SEEDS[:1]}, cv=2, refit=False).fit(X, y)
part_seconds = time.perf_counter() - start

n_networks = [2 * len(one.cv_results_["params"]) for one in (search, part)]
print(f"MLPGridSearchCV: {n_networks[0]} networks in {all_seconds:.2f} s")
print(f"GridSearchCV:    {n_networks[1]:3} networks in {part_seconds:.2f} s")

# The grid is a product in the order of the parameters' names, the last one running fastest
scores = search.cv_results_["mean_test_score"].reshape(len(L2), len(RATES), len(SEEDS))
alone = part.cv_results_["mean_test_score"].reshape(len(L2), len(RATES))
print(f"the same scores: {np.array_equal(scores[..., 0], alone)}")

# %%
# Accuracy, and how much of it is luck
# ------------------------------------
# On the left the mean over the seeds, on the right the distance of the best seed from the worst.
# With too small a learning rate the network has not learnt enough when its 30 epochs are over. A
# penalty of 0.01 or more leaves a boundary that is almost straight. In the best column, a learning
# rate of 0.1, the three weaker penalties differ by less than the seeds do: the search cannot tell
# them apart.

mean, spread = scores.mean(axis=-1), np.ptp(scores, axis=-1)
panels = {
    "Mean accuracy of 5 seeds": (mean, "viridis", "accuracy (share of samples held out)"),
    "Best seed less worst seed": (spread, "magma", "difference of accuracy"),
}
fig, axes = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
for ax, (title, (values, colors, label)) in zip(axes, panels.items(), strict=True):
    image = ax.imshow(values, cmap=colors, aspect="auto")
    middle = (values.min() + values.max()) / 2
    for (row, column), value in np.ndenumerate(values):
        color = "white" if value < middle else "black"
        ax.text(column, row, f"{value:.3f}", ha="center", va="center", color=color)
    ax.set(
        title=title,
        xlabel="learning rate, learning_rate_init",
        ylabel="strength of the penalty, l2",
        xticks=range(len(RATES)),
        xticklabels=RATES,
        yticks=range(len(L2)),
        yticklabels=L2,
    )
    fig.colorbar(image, label=label)

plt.show()
