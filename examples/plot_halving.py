r"""
A halving search whose survivors train on
=========================================

Most candidates of a search can be told apart from the good ones long before their training ends. A
halving search trains all of them for a few epochs, keeps the best third and trains these for three
times as many epochs, until few are left. Networks that survive a round continue where they stand.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.model_selection import MLPGridSearchCV, MLPHalvingGridSearchCV
from sknn_scratch.plotting import SearchDisplay

# To stop after a number of epochs is the plan here, not a failure to converge.
warnings.filterwarnings("ignore", category=ConvergenceWarning)

X, y = load_digits(return_X_y=True)
X, y = X[:600] / 16, y[:600]

# %%
# 27 candidates
# -------------
# The resource is the number of epochs: 6 in the first round, 54 in the last one.

GRID = {
    "learning_rate_init": [0.01, 0.1, 0.5],
    "alpha": [1e-4, 1e-2, 1.0],
    "momentum": [0, 0.5, 0.9],
}
network = MLPScratchClassifier(
    (32,), solver="sgd", max_iter=54, n_iter_no_change=np.inf, random_state=0
)
halving = MLPHalvingGridSearchCV(
    network, GRID, resource="max_iter", min_resources=6, max_resources=54, cv=3
).fit(X, y)
grid = MLPGridSearchCV(network, GRID, cv=3, refit=False).fit(X, y)

# %%
# What it costs
# -------------
# A network that survives all rounds costs 54 epochs, however often it was scored. With
# scikit-learn's class it costs 6 + 18 + 54.

scored_after = np.array(halving.n_resources_)
n_candidates = np.array(halving.n_candidates_)
added = np.diff(scored_after, prepend=0)
epochs = {
    "all candidates to the end": len(grid.cv_results_["params"]) * network.max_iter,
    "halving, each round from the start": int(n_candidates @ scored_after),
    "halving, survivors train on": int(n_candidates @ added),
}
for way, number in epochs.items():
    print(f"{number:5d} epochs per fold: {way}")
print(f"best score of the full grid {grid.best_score_:.4f}, of halving {halving.best_score_:.4f}")

# %%
# The rounds
# ----------
# Candidates that learn slowly are lost in the first round, for better or worse: a larger
# `min_resources` gives them more time. The dashed line is the best score of the full grid.

display = SearchDisplay.from_search(halving)
display.ax_.axhline(grid.best_score_, linestyle="--", color="black")
plt.show()
