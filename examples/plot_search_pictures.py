"""
Pictures of a search
====================

A search ends with a table of candidates and scores. ``SearchDisplay`` draws it: over one parameter,
over two, or round after round. It takes any fitted search of scikit-learn's or ours.
"""

import warnings

import matplotlib.pyplot as plt
from scipy.stats import loguniform
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.exceptions import NothingLearnedWarning
from sknn_scratch.model_selection import (
    MLPGridSearchCV,
    MLPHalvingGridSearchCV,
    MLPRandomizedSearchCV,
)
from sknn_scratch.plotting import SearchDisplay

# To stop after a number of epochs is the plan here, not a failure to converge. The largest learning
# rates and penalties are there to show that nothing is learned with them.
warnings.filterwarnings("ignore", category=ConvergenceWarning)
warnings.filterwarnings("ignore", category=NothingLearnedWarning)

# %%
# A grid
# ------
# A small network reads 400 handwritten digits. The grid has six learning rates and four strengths
# of the L2 penalty.

X, y = load_digits(return_X_y=True)
X, y = X[:400] / 16, y[:400]
network = MLPScratchClassifier(16, solver="sgd", batch_size=50, max_iter=20, random_state=0)
GRID = {
    "learning_rate_init": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
    "l2": [0, 0.001, 0.01, 0.1],
}
grid = MLPGridSearchCV(network, GRID, cv=3).fit(X, y)

# %%
# One parameter
# -------------
# The values of ``l2`` are spread over powers of ten, and so is the axis; the zero stands apart.
# Each value has the candidate with the best learning rate.

SearchDisplay.from_search(grid, x="l2")

# %%
# ``lines`` draws a curve for each value of another parameter. Here the weak penalties agree on the
# learning rate, and no learning rate makes up for a strong one.

SearchDisplay.from_search(grid, x="learning_rate_init", lines="l2")

# %%
# Two parameters
# --------------
# The numbers are the scores. The brighter a cell, the better; the best one is framed.

heat_map = SearchDisplay.from_search(grid, x="learning_rate_init", y="l2")

# %%
# Parameters drawn at random
# --------------------------
# Values that do not repeat make no table: the candidates are points.

distributions = {"learning_rate_init": loguniform(1e-3, 1), "l2": loguniform(1e-4, 1)}
drawn = MLPRandomizedSearchCV(network, distributions, n_iter=20, cv=3, random_state=0).fit(X, y)
SearchDisplay.from_search(drawn, x="learning_rate_init", y="l2")

# %%
# Rounds of a halving search
# --------------------------
# All candidates train for 2 epochs, the best third of them up to 6, and so on. A curve ends where
# its candidate was dropped. The winner was not ahead at first.

halving = MLPHalvingGridSearchCV(
    network, GRID, resource="max_iter", min_resources=2, max_resources=18, cv=3
).fit(X, y)
rounds = SearchDisplay.from_search(halving)

# %%
# Several searches over each other
# --------------------------------
# The curve is the best of the grid for each learning rate. The points are all candidates of the
# random search: those far below it have a strong penalty, or a learning rate beyond the grid.

SearchDisplay.from_search({"grid": grid, "random": drawn}, x="learning_rate_init")

# sphinx_gallery_thumbnail_number = 3
plt.show()
