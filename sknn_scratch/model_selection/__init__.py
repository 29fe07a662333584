"""scikit-learn's searches over hyper-parameters, for networks: the same scores, in less time."""

from sknn_scratch.model_selection.search import MLPGridSearchCV, MLPRandomizedSearchCV

__all__ = ["MLPGridSearchCV", "MLPRandomizedSearchCV"]
