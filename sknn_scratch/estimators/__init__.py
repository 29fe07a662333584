"""The estimators: scikit-learn's protocol around the engine."""

from sknn_scratch.estimators.classifier import MLPScratchClassifier
from sknn_scratch.estimators.regressor import MLPScratchRegressor

__all__ = ["MLPScratchClassifier", "MLPScratchRegressor"]

for estimator in (MLPScratchClassifier, MLPScratchRegressor):
    # Model files, documentation and trusted types name the public path, wherever the file lies
    estimator.__module__ = "sknn_scratch"
