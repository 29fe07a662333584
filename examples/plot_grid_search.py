r"""
A grid search in a pipeline
===========================

How many hidden units, and how strong a penalty? ``GridSearchCV`` trains a network for each pair
on parts of the data and scores it on the rest, k times over. The estimator takes part in this as
any of scikit-learn's: in a pipeline, by the names of its parameters, and in parallel processes.
"""

import warnings

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.exceptions import NothingLearnedWarning
from sknn_scratch.plotting import SearchDisplay

# To stop after a number of iterations is the plan here, not a failure to converge. The strongest
# penalty is there to show that nothing is learned under it.
warnings.filterwarnings("ignore", category=ConvergenceWarning)
warnings.filterwarnings("ignore", category=NothingLearnedWarning)

# %%
# The search
# ----------
# Scaling belongs in the pipeline, where it is learnt from the training part of each split alone.

UNITS = [1, 2, 4, 8, 16]
L2 = [1e-4, 1e-3, 1e-2, 1e-1, 1]

X, y = load_wine(return_X_y=True)
network = MLPScratchClassifier(
    activation="tanh", solver="nag", learning_rate_init=0.1, alpha=0, max_iter=60, random_state=0
)
search = GridSearchCV(
    make_pipeline(StandardScaler(), network),
    {
        "mlpscratchclassifier__hidden_layer_sizes": UNITS,
        "mlpscratchclassifier__l2": L2,
    },
    cv=StratifiedKFold(4, shuffle=True, random_state=0),
    n_jobs=2,
)
search.fit(X, y)
print(f"best: {search.best_params_}")
print(f"mean accuracy on the parts held out: {search.best_score_:.3f}")

# %%
# All results at a glance
# -----------------------
# A heat map has a cell for each pair. One hidden unit is too few for three classes, and with a
# penalty of 1 nothing is learnt. Between the others the differences are of a few samples.

heat_map = SearchDisplay.from_search(search, x="l2", y="hidden_layer_sizes")

plt.show()
