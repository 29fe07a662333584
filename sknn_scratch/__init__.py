"""Multilayer perceptrons for scikit-learn, written from scratch in numpy."""

from sknn_scratch._version import __version__
from sknn_scratch.classifier import MLPScratchClassifier
from sknn_scratch.regressor import MLPScratchRegressor

__all__ = ["MLPScratchClassifier", "MLPScratchRegressor", "__version__"]
