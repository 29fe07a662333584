"""From a fitted model to a model of ONNX that has predicted the same."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils.validation import check_is_fitted

from sknn_scratch._optional import optional
from sknn_scratch._pipelines import last_step
from sknn_scratch.engine.outputs import quiet
from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.onnx_export.comparison import check_predictions
from sknn_scratch.onnx_export.converters import register_converters
from sknn_scratch.onnx_export.errors import NotConvertibleError
from sknn_scratch.onnx_export.standalone import OPSET

_TARGET = {"": OPSET, "ai.onnx.ml": 3}


def to_onnx(model: BaseEstimator, X: Any) -> Any:
    """Return a fitted model in the ONNX format, to predict where there is no Python.

    skl2onnx converts it, with the converters of this package for networks. onnxruntime then runs
    it: what is returned has predicted on X what `model` predicts.

    Parameters
    ----------
    model : MLPScratchClassifier, MLPScratchRegressor or Pipeline
        The fitted model; in a Pipeline such an estimator is the last step.
    X : array-like of shape (n_samples, n_features)
        Samples to compare the predictions on. float32 gives a model whose input is float32, all
        else one whose input is float64. It computes in the dtype of its input.

    Returns
    -------
    converted : onnx.ModelProto
        A model of opset 18, to be written by
        ``Path(...).write_bytes(converted.SerializeToString())``. A classifier has the outputs
        'label' and 'probabilities', a regressor has 'variable', of shape (n_samples, n_outputs).

    Raises
    ------
    ValueError
        If there is no converter for a part of the model, if onnxruntime does not know an operator,
        or if the predictions differ by more than 1e-5 (of the largest, if that is more than 1), or
        the labels differ.
    TypeError
        If `model` is of another class.
    NotFittedError
        If it is not fitted.
    ImportError
        If skl2onnx or onnxruntime is not installed.

    See Also
    --------
    sknn_scratch.onnx_export.network_to_onnx : A network alone; it needs nothing but onnx.
    sknn_scratch.onnx_export.register_converters : For calls of skl2onnx's own functions.
    """
    skl2onnx, _ = optional("skl2onnx"), optional("onnxruntime")
    network = last_step(model)
    if not isinstance(network, BaseMLPScratch):
        raise TypeError(
            "model must be an estimator of this package, or a Pipeline that ends in one, got "
            f"{model!r}."
        )
    check_is_fitted(model)
    register_converters(type(network))
    samples = np.asarray(X)
    if samples.dtype != np.float32:
        samples = samples.astype(np.float64)
    # Probabilities as an array, not as a list of dicts
    options = {id(network): {"zipmap": False}} if is_classifier(network) else None
    try:
        with quiet():  # weights that float32 cannot hold
            converted = skl2onnx.to_onnx(model, samples[:1], options=options, target_opset=_TARGET)
        check_predictions(converted, model, X, {"X": samples})
    except NotConvertibleError:
        raise
    except Exception as error:  # each of the two packages has several of its own
        raise NotConvertibleError(f"{type(error).__name__}: {error}") from error
    return converted
