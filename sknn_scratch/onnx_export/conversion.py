"""From a fitted model to a model of ONNX that has predicted the same."""

from typing import Any

from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted

from sknn_scratch._optional import optional
from sknn_scratch._pipelines import last_step
from sknn_scratch.engine.outputs import quiet
from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.onnx_export.comparison import check_predictions, predictions
from sknn_scratch.onnx_export.errors import NotConvertibleError
from sknn_scratch.onnx_export.registration import register_converters
from sknn_scratch.onnx_export.samples import as_inputs
from sknn_scratch.onnx_export.standalone import OPSET

_TARGET = {"": OPSET, "ai.onnx.ml": 3}


def to_onnx(model: BaseEstimator, X: Any) -> Any:
    """Return a fitted model in the ONNX format, to predict where there is no Python.

    skl2onnx converts it, with the converters of this package for networks and tables. onnxruntime
    then runs it: what is returned has predicted on X what `model` predicts.

    Parameters
    ----------
    model : estimator
        The fitted model: a network or an ensemble of them, a Pipeline that ends in one, a
        TransformedTargetRegressor around one, or a search, whose best estimator it is.
    X : array-like or data frame of shape (n_samples, n_features)
        Samples to compare the predictions on. float32 gives a model whose input is float32, all
        else one whose input is float64. It computes in the dtype of its input.

    Returns
    -------
    converted : onnx.ModelProto
        A model of opset 18, to be written by
        ``Path(...).write_bytes(converted.SerializeToString())``. Its input is 'X'. If the model
        begins with a ColumnTransformer and X is a data frame, each column is an input of shape
        (n_samples, 1). It holds strings, or numbers in float32 if all numbers of X are so, else in
        float64.
        A classifier has the outputs 'label' and 'probabilities', a regressor has 'variable', of
        shape (n_samples, n_outputs).

    Raises
    ------
    ValueError
        If there is no converter for a part of the model, or if onnxruntime does not know an
        operator. If the predictions differ by more than 1e-5 (of the largest, if that is more than
        1), or the labels differ.
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
    model = getattr(model, "best_estimator_", model)
    networks = _networks(model)
    if not networks or not (is_classifier(model) or is_regressor(model)):
        raise TypeError(
            "model must be an estimator of this package, or a classifier or regressor of "
            f"scikit-learn that holds one, such as a Pipeline, got {model!r}."
        )
    check_is_fitted(model)
    # First, so that what is wrong with X is told as it is elsewhere
    expected = predictions(model, X)
    register_converters(*map(type, networks))
    # Probabilities as an array, not as a list of dicts
    options = {id(last_step(model)): {"zipmap": False}} if is_classifier(model) else None
    try:
        types, inputs = as_inputs(model, X)
        with quiet():  # weights that float32 cannot hold
            converted = skl2onnx.to_onnx(
                model, initial_types=types, options=options, target_opset=_TARGET
            )
        # skl2onnx writes an underscore for what is no letter or digit in the name of a column
        names = [entry.name for entry in converted.graph.input]
        check_predictions(converted, dict(zip(names, inputs, strict=True)), expected)
    except NotConvertibleError:
        raise
    except Exception as error:  # each of the two packages has several of its own
        raise NotConvertibleError(f"{type(error).__name__}: {error}") from error
    return converted


def _networks(model):
    """Return the networks that a model is, or is made of."""
    if not isinstance(model, BaseEstimator):
        return []
    parts = [model, *model.get_params().values()]
    parts += [getattr(part, "estimator_", None) for part in parts]  # if an ensemble has a default
    return [part for part in parts if isinstance(part, BaseMLPScratch)]
