"""scikit-learn's searches over hyper-parameters, for networks: the same scores, in less time."""

from sknn_scratch.model_selection.halving import MLPHalvingGridSearchCV, MLPHalvingRandomSearchCV
from sknn_scratch.model_selection.search import MLPGridSearchCV, MLPRandomizedSearchCV

__all__ = [
    "MLPGridSearchCV",
    "MLPHalvingGridSearchCV",
    "MLPHalvingRandomSearchCV",
    "MLPRandomizedSearchCV",
]

for search in (
    MLPGridSearchCV,
    MLPHalvingGridSearchCV,
    MLPHalvingRandomSearchCV,
    MLPRandomizedSearchCV,
):
    # A pickled search names the public path, wherever the file lies
    search.__module__ = "sknn_scratch.model_selection"
