"""scikit-learn's searches over hyper-parameters, for networks: the same scores, in less time."""

from sknn_scratch.model_selection.halving import MLPHalvingGridSearchCV, MLPHalvingRandomSearchCV
from sknn_scratch.model_selection.search import MLPGridSearchCV, MLPRandomizedSearchCV

__all__ = [
    "MLPGridSearchCV",
    "MLPHalvingGridSearchCV",
    "MLPHalvingRandomSearchCV",
    "MLPRandomizedSearchCV",
]

for name in __all__:
    # A pickled search names the public path, wherever the file lies
    globals()[name].__module__ = __name__
del name
