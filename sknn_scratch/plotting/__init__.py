"""Displays in the style of scikit-learn's; they need matplotlib (``sknn-scratch[plot]``)."""

from sknn_scratch.plotting._decision_boundary_grid import DecisionBoundaryGridDisplay
from sknn_scratch.plotting._gradient_check import GradientCheckDisplay
from sknn_scratch.plotting._search import SearchDisplay
from sknn_scratch.plotting._training_curve import TrainingCurveDisplay
from sknn_scratch.plotting._weights import WeightsDisplay

__all__ = [
    "DecisionBoundaryGridDisplay",
    "GradientCheckDisplay",
    "SearchDisplay",
    "TrainingCurveDisplay",
    "WeightsDisplay",
]

for name in __all__:
    # A pickled display names the public path, wherever the file lies
    globals()[name].__module__ = __name__
del name
