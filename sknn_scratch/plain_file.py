"""A network as JSON, for programs that have neither this package nor numpy.

The page on model files describes the format, and has readers in plain Python and in C.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.estimators.fitted import layers_of
from sknn_scratch.estimators.named_functions import activation_names, output_function

__all__ = ["to_json"]

# Those that the readers compute. A reader of yours may know more, a file has no others
_ACTIVATIONS = [
    *("identity", "logistic", "tanh", "relu", "leaky_relu", "elu", "softplus", "gelu", "silu"),
    *("mish", "selu", "hard_swish", "sine"),
]
_OUTPUTS = ["identity", "logistic", "softmax", "exp"]


def to_json(model: BaseEstimator) -> str:
    """Return a fitted model as JSON, to predict where this package, or Python, is not.

    It holds the weights, biases, activations and classes, and how a scaler before the network
    scales the samples. The page on model files describes it, and has two programs that read it.

    Parameters
    ----------
    model : MLPScratchClassifier, MLPScratchRegressor or Pipeline
        The fitted model. In a Pipeline, the network is the last step, and before it there is at
        most one scaler, a StandardScaler or a MinMaxScaler.

    Returns
    -------
    text : str
        To be written by ``Path(...).write_text(text)``. The numbers are those of the model to the
        last digit, in float32 or float64.

    Raises
    ------
    TypeError
        If `model` is of another class, or a step of the Pipeline is.
    ValueError
        If an activation, the function of the outputs, or a class label has no form in the file.
    NotFittedError
        If the model is not fitted.

    Examples
    --------
    >>> import json
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.model_files import to_json
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPScratchClassifier(5, solver="lbfgs", random_state=0)
    >>> read = json.loads(to_json(make_pipeline(StandardScaler(), network).fit(X, y)))
    >>> [(layer["n_units"], layer["activation"]) for layer in read["layers"]]
    [(5, 'relu'), (3, 'softmax')]
    >>> read["classes"]
    [0, 1, 2]
    """
    scaler, network = _parts(model)
    check_is_fitted(network)
    remedy = "Fit the network with one of these."
    names = activation_names(network, _ACTIVATIONS, "a plain file", remedy)
    names.append(output_function(network, _OUTPUTS, "a plain file"))
    layers = zip(*layers_of(network), names, strict=True)
    features = getattr(model, "feature_names_in_", None)
    # In this order: a reader in C takes one after the other as it comes
    return json.dumps(
        {
            "format": "sknn_scratch network",
            "version": 1,
            "n_features": network.n_features_in_,
            "scaling": _scaling(scaler, network.n_features_in_),
            "layers": [_layer(*layer) for layer in layers],
            "classes": _labels(network) if hasattr(network, "classes_") else None,
            "feature_names": None if features is None else features.tolist(),
        }
    )


def _parts(model):
    """Return the scaler, which may be None, and the network of a model."""
    steps = [step for _, step in model.steps] if isinstance(model, Pipeline) else [model]
    *before, network = [step for step in steps if step not in (None, "passthrough")] or [None]
    if not isinstance(network, BaseMLPScratch):
        inside = f" that ends in {type(network).__name__}" if model is not network else ""
        raise TypeError(
            "model must be an MLPScratchClassifier or MLPScratchRegressor, or a Pipeline that ends "
            f"in one, got {type(model).__name__}{inside}. Of a search give best_estimator_, of an "
            "ensemble one of its estimators_."
        )
    if len(before) > 1 or any(type(step) not in _SCALERS for step in before):
        allowed = " or ".join(scaler.__name__ for scaler in _SCALERS)
        found = ", ".join(type(step).__name__ for step in before)
        raise TypeError(
            f"The Pipeline has {found} before the network, but a plain file can describe one "
            f"{allowed} at most. Convert the network alone, and scale the samples elsewhere."
        )
    return (before or [None])[0], network


def _scaling(scaler, n_features):
    """Return the numbers by which x becomes (x - offset) * factor, and the range to stay in."""
    offset, factor, limits = np.zeros(n_features), np.ones(n_features), None
    if scaler is not None:
        check_is_fitted(scaler)
        offset, factor, limits = _SCALERS[type(scaler)](scaler, offset, factor)
    return {"offset": offset.tolist(), "factor": factor.tolist(), "clip": limits}


def _of_standard_scaler(scaler, zeros, ones):
    offset = scaler.mean_ if scaler.with_mean else zeros
    return offset, 1 / scaler.scale_ if scaler.with_std else ones, None


def _of_min_max_scaler(scaler, zeros, ones):
    low, high = map(float, scaler.feature_range)
    offset = scaler.data_min_ - low / scaler.scale_
    return offset, scaler.scale_, [low, high] if scaler.clip else None


_SCALERS: dict[type, Callable[..., Any]] = {
    StandardScaler: _of_standard_scaler,
    MinMaxScaler: _of_min_max_scaler,
}


def _layer(W, b, activation):
    return {
        "n_units": len(b),
        "activation": activation,
        "biases": _numbers(b),
        "weights": _numbers(W.T),
    }


def _numbers(array):
    """Return the numbers of an array as lists, with as many digits as its dtype needs."""
    # As float64, 0.1 in float32 would be 0.10000000149011612
    return array.astype(str).astype(np.float64).tolist()


def _labels(network):
    labels = network.classes_.tolist()
    for label in labels:
        if not isinstance(label, bool | int | float | str):
            raise ValueError(
                f"classes_ holds {label!r}, which has no form in JSON. Train with labels that are "
                "strings or numbers."
            )
    return labels
