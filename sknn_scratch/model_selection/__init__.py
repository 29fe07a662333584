"""Searches over hyper-parameters that train many networks at once."""

from sknn_scratch.model_selection.search import StackedGridSearchCV, StackedRandomizedSearchCV

__all__ = ["StackedGridSearchCV", "StackedRandomizedSearchCV"]
