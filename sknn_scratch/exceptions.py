"""Warnings of the package, to be filtered by their class."""

import sklearn
from sklearn.exceptions import InconsistentVersionWarning

__all__ = [
    "LargePenaltyWarning",
    "ModelVersionWarning",
    "NothingLearnedWarning",
    "UnscaledDataWarning",
    "ValidationSetWarning",
]


class ModelVersionWarning(InconsistentVersionWarning):
    """A model was written by another version of this package than the one that reads it.

    A filter for scikit-learn's :class:`~sklearn.exceptions.InconsistentVersionWarning` applies to
    it as well.

    Parameters
    ----------
    estimator_name : str
        Name of the model's class.
    original_version : str or None
        Version of sknn_scratch that wrote the model; None if it did not say so.
    current_version : str
        Version of sknn_scratch that reads it.
    """

    def __init__(
        self, *, estimator_name: str, original_version: str | None, current_version: str
    ) -> None:
        # Of scikit-learn's version the model says nothing
        super().__init__(
            estimator_name=estimator_name,
            current_sklearn_version=sklearn.__version__,
            original_sklearn_version=None,
        )
        self.original_version = original_version
        self.current_version = current_version

    def __str__(self):
        written = self.original_version or "of an older version, which did not record itself,"
        return (
            f"This {self.estimator_name} was written by sknn_scratch {written} and is read by "
            f"sknn_scratch {self.current_version}. Its predictions may differ, and training it "
            "further may fail. Fit it anew and save it with the present version, or install the "
            "version that wrote it."
        )


class UnscaledDataWarning(UserWarning):
    """A feature of X is so large that training goes badly; scale X first."""


class ValidationSetWarning(UserWarning):
    """The validation set tells little about the network, or is not in the units of training."""


class NothingLearnedWarning(UserWarning):
    """The network predicts the same for all of its training samples."""


class LargePenaltyWarning(UserWarning):
    """`alpha` is so large for the weight of a batch that the network learns little."""
