"""What a fit shows on its estimator: weights, the shape of the network, curves and progress."""

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sknn_scratch.engine.network import hidden_values, raw_scores
from sknn_scratch.engine.outputs import are_finite, quietly
from sknn_scratch.engine.parameters import Layers
from sknn_scratch.estimators.advice import divergence_message
from sknn_scratch.estimators.build import build_activations
from sknn_scratch.estimators.validation import is_number, validated


def keep_shape(estimator, params, loss):
    """Keep the numbers of layers, outputs and parameters."""
    estimator.engine_ = "numpy"  # until it is known that the epochs can be compiled
    estimator.n_outputs_ = params.units[-1]
    estimator.n_layers_ = len(params.units)
    estimator.n_parameters_ = params.flat.size
    estimator.out_activation_ = loss.out_activation


def show_progress(estimator, progress, validation):
    """Let the attributes say how far training has come; `validation` is its set, or None."""
    if progress.n_epochs <= 1:  # later epochs are appended to the same lists
        show_curves(estimator, progress, validation)
    if progress.keeps_best:
        estimator.best_loss_ = None
        estimator.best_validation_score_ = progress.best_score
    else:
        estimator.best_loss_ = progress.best if progress.n_epochs or progress.has_best else None
        estimator.best_validation_score_ = None
    if progress.loss is not None:
        estimator.loss_ = progress.loss
    estimator.n_iter_ = progress.n_epochs
    estimator.t_ = progress.n_samples_seen
    estimator._no_improvement_count = progress.n_stale_epochs


def show_curves(estimator, progress, validation):
    """Let the attributes be the lists to which epochs are appended."""
    history = progress.history
    estimator.history_ = history
    # lbfgs may find that there is nothing to do, and record no epoch
    estimator.loss_curve_ = history.get("loss", [])
    has_scores = validation is not None
    estimator.validation_scores_ = history.get("validation_score") if has_scores else None
    estimator._n_epochs_dropped = progress.n_epochs_dropped


def keep_parameters(estimator, params, dtype):
    """Keep the parameters, as matrices and vectors of `dtype`, and return them as such."""
    if params.flat.dtype != dtype:
        params = params.view(params.flat.astype(dtype))
    if not np.isfinite(params.flat).all():
        raise ValueError(divergence_message(estimator))
    estimator.coefs_, estimator.intercepts_ = params.weights, params.biases
    return params


def check_outputs(estimator, params, loss, X):
    """Raise a ValueError if the last update has led to predictions for X that are not finite."""
    activations = build_activations(estimator, n_hidden=len(params.weights) - 1)
    if not are_finite(params, activations, loss, X):
        what = "weights whose predictions for X are not finite"
        raise ValueError(divergence_message(estimator, what))


def layers_of(estimator):
    """Return the weights and biases; put there by hand, they may be of any dtype."""
    dtype = np.result_type(*estimator.coefs_, *estimator.intercepts_)
    dtype = dtype if dtype == np.float32 else np.float64
    return Layers(
        [np.asarray(W, dtype) for W in estimator.coefs_],
        [np.asarray(b, dtype) for b in estimator.intercepts_],
    )


def raw_scores_for(estimator, X):
    """Return the raw scores of the output layer, shape (n_samples, n_outputs)."""
    return raw_scores(*_ready_to_predict(estimator, X))


@quietly
def raw_scores_of(estimator, X):
    """Return the raw scores for an X that is checked, and in the dtype of the layers."""
    layers = layers_of(estimator)
    return raw_scores(layers, build_activations(estimator, len(layers.weights) - 1), X)


def hidden_values_for(estimator, X, layer):
    """Return the values of a hidden layer, shape (n_samples, n_units)."""
    layers, activations, X = _ready_to_predict(estimator, X)
    index = _index_of_hidden_layer(layer, len(activations))
    return hidden_values(layers, activations, X, index)


def _ready_to_predict(estimator, X):
    """Return the layers and activations of a fitted network, and X as they take it."""
    if not hasattr(estimator, "coefs_"):  # to ask scikit-learn first would cost a tenth of one row
        check_is_fitted(estimator)
    layers = layers_of(estimator)
    X = validated(estimator, X, dtype=layers.biases[0].dtype, reset=False)
    return layers, build_activations(estimator, n_hidden=len(layers.weights) - 1), X


def _index_of_hidden_layer(layer, n_hidden):
    """Return the number of a hidden layer, counted from 0 for the first; below 0 from the last."""
    if n_hidden == 0:
        raise ValueError(
            "This network has no hidden layer whose values could be returned: it was fitted with "
            "hidden_layer_sizes=(). Fit one with a hidden layer."
        )
    if not is_number(layer, Integral) or not -n_hidden <= layer < n_hidden:
        raise ValueError(
            f"layer must be a whole number from {-n_hidden} to {n_hidden - 1}, because the network "
            f"has {n_hidden} hidden layer{'s' * (n_hidden > 1)}; got {layer!r}. 0 is the first "
            "hidden layer, -1 the last."
        )
    return int(layer) % n_hidden
