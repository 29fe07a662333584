"""Multilayer perceptrons for scikit-learn, written from scratch in numpy."""

from typing import TYPE_CHECKING, Any

from sknn_scratch._version import __version__

if TYPE_CHECKING:
    from sknn_scratch.estimators.classifier import MLPScratchClassifier
    from sknn_scratch.estimators.regressor import MLPScratchRegressor

__all__ = ["MLPScratchClassifier", "MLPScratchRegressor", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the estimators when they are asked for: the engine needs no scikit-learn."""
    if name not in ("MLPScratchClassifier", "MLPScratchRegressor"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import sknn_scratch.estimators as estimators

    globals()[name] = estimator = getattr(estimators, name)
    return estimator


def __dir__() -> list[str]:
    """Return the names of the module, those of the estimators among them."""
    return sorted({*globals(), *__all__})
