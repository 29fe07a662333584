"""To and from scikit-learn's own multilayer perceptrons."""

import numpy as np

from sknn_scratch.engine.activations import Activation
from sknn_scratch.estimators.build import build_loss

# What scikit-learn's estimators predict with, and what they go on from in partial_fit.
_FITTED = (
    "n_layers_",
    "n_outputs_",
    "out_activation_",
    "n_features_in_",
    "feature_names_in_",
    "classes_",
    "_label_binarizer",
    "loss_",
    "best_loss_",
    "best_validation_score_",
    "n_iter_",
    "t_",
    "_no_improvement_count",
)
_SCHEDULES = ("constant", "invscaling", "adaptive")
# By the function of the output: scikit-learn's losses, with which it predicts the same
LOSS_OF_OUTPUT = {"identity": "squared_error", "exp": "poisson"}
_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")


def to_sklearn(estimator, target):
    """Return a `target` with the parameters that it knows, and the weights where there are any."""
    # Attributes, not get_params: a derived class may fix some and have fewer parameters
    known = {name: getattr(estimator, name) for name in target().get_params(deep=False)}
    if callable(known["learning_rate"]) or known["learning_rate"] not in _SCHEDULES:
        known["learning_rate"] = "constant"
    known["activation"] = _only_activation(estimator)
    if known["solver"] not in ("lbfgs", "sgd", "adam"):
        known["solver"] = "sgd"
    if known.get("loss", "poisson") not in LOSS_OF_OUTPUT.values():
        known["loss"] = LOSS_OF_OUTPUT.get(build_loss(estimator).out_activation, known["loss"])
    known["warm_start"] = bool(known["warm_start"])
    converted = target(**known)
    if hasattr(estimator, "coefs_"):
        _copy_fitted(estimator, converted)
        converted._best_coefs = [w.copy() for w in converted.coefs_]
        converted._best_intercepts = [b.copy() for b in converted.intercepts_]
    return converted


def _only_activation(estimator):
    """Return the one activation of all hidden layers by the name that scikit-learn has for it."""
    activation = estimator.activation
    several = not isinstance(activation, (str, Activation))
    first, *others = (list(activation) or ["identity"]) if several else [activation]
    known = isinstance(first, str) and first in _ACTIVATIONS
    if not known or any(other != first for other in others):
        raise ValueError(
            f"activation={activation!r} has no counterpart in scikit-learn, which knows one of "
            f"{list(_ACTIVATIONS)} for all hidden layers."
        )
    return first


def from_sklearn(cls, estimator):
    """Return a `cls` with the parameters of `estimator`, and its weights where it has any."""
    expected = cls._sklearn_class
    if not isinstance(estimator, expected):
        raise TypeError(
            f"estimator must be scikit-learn's {expected.__name__}, got {type(estimator).__name__}."
        )
    params = {name: getattr(estimator, name) for name in expected().get_params(deep=False)}
    converted = cls()
    for name, value in params.items():  # a derived class need not take all of them
        setattr(converted, name, value)
    if hasattr(estimator, "coefs_"):
        _copy_fitted(estimator, converted)
        arrays = converted.coefs_ + converted.intercepts_
        converted.n_parameters_ = sum(array.size for array in arrays)
        if converted.loss_curve_ is None:  # of lbfgs
            converted.loss_curve_ = []
        converted.history_ = {"loss": list(converted.loss_curve_)}
        if converted.loss_curve_:  # what is not known of an epoch is NaN
            converted.history_[build_loss(converted).score_name] = [np.nan] * len(
                converted.loss_curve_
            )
        if converted.validation_scores_ is not None:
            converted.history_["validation_score"] = list(converted.validation_scores_)
    return converted


def _copy_fitted(source, target):
    for name in _FITTED:
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))
    for name in ("coefs_", "intercepts_"):
        setattr(target, name, [np.array(array) for array in getattr(source, name)])
    for name in ("loss_curve_", "validation_scores_"):
        curve = getattr(source, name, None)
        setattr(target, name, None if curve is None else list(curve))
