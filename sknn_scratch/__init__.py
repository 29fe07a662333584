"""Multilayer perceptrons for scikit-learn, written from scratch in numpy."""

from sknn_scratch.classifier import MLPScratchClassifier
from sknn_scratch.regressor import MLPScratchRegressor

__all__ = ["MLPScratchClassifier", "MLPScratchRegressor", "__version__"]

__version__ = "0.1.0.dev0"
