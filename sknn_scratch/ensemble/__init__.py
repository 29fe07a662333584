"""Ensembles of networks: scikit-learn's bagging, trained side by side and asked in one pass."""

from sknn_scratch.ensemble.bagging import MLPBaggingClassifier, MLPBaggingRegressor

__all__ = ["MLPBaggingClassifier", "MLPBaggingRegressor"]

for name in __all__:
    # Model files name the public path, wherever the file lies
    globals()[name].__module__ = __name__
del name
