"""Ensembles of networks: scikit-learn's bagging, trained side by side and asked in one pass."""

from sknn_scratch.ensemble.bagging import MLPBaggingClassifier, MLPBaggingRegressor

__all__ = ["MLPBaggingClassifier", "MLPBaggingRegressor"]

for ensemble in (MLPBaggingClassifier, MLPBaggingRegressor):
    # Model files name the public path, wherever the file lies
    ensemble.__module__ = "sknn_scratch.ensemble"
del ensemble
