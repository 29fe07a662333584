"""To and from `torch.nn.Sequential`: linear layers, and an activation after each."""

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from sknn_scratch.engine.outputs import quiet
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.progress import Progress
from sknn_scratch.estimators.build import build_loss
from sknn_scratch.estimators.conversion import LOSS_OF_OUTPUT
from sknn_scratch.estimators.encoding import fitted_binarizer
from sknn_scratch.estimators.fitted import keep_shape, layers_of, show_progress
from sknn_scratch.estimators.labels import labels_in_words
from sknn_scratch.estimators.named_functions import activation_names, output_function
from sknn_scratch.estimators.torch_modules import ACTIVATION_MODULES, OUTPUT_MODULES
from sknn_scratch.estimators.torch_reading import ReadModule

_REMEDY = (
    "Convert a copy whose activation is 'identity', and put a module of your own into the result "
    "in place of that nn.Identity."
)


def to_torch(estimator):
    """Return the Sequential that predicts what a fitted estimator does."""
    check_is_fitted(estimator)
    names = activation_names(estimator, ACTIVATION_MODULES, "torch.nn", _REMEDY)
    output = output_function(estimator, OUTPUT_MODULES, "torch.nn")
    functions = [*(ACTIVATION_MODULES[name]() for name in names), OUTPUT_MODULES[output]()]
    parts = []
    with torch.random.fork_rng(devices=[]):  # nobody is to see that new layers draw weights
        for W, b, function in zip(*layers_of(estimator), functions, strict=True):
            parts += [_linear(W, b), function]
    return nn.Sequential(*parts)


def _linear(W, b):
    weight, bias = torch.from_numpy(W.T.copy()), torch.from_numpy(b.copy())
    linear = nn.Linear(*W.shape, dtype=weight.dtype, device="cpu")
    linear.weight, linear.bias = nn.Parameter(weight), nn.Parameter(bias)
    return linear


def regressor_from_torch(cls, module):
    """Return a regressor of class `cls` that predicts what `module` does."""
    read, estimator = ReadModule(module), cls()
    estimator.loss = LOSS_OF_OUTPUT[read.output(LOSS_OF_OUTPUT)]
    layers, dtype = read.arrays()
    return _filled(estimator, read, layers, dtype)


def classifier_from_torch(cls, module, classes):
    """Return a classifier of class `cls` that predicts what `module` does."""
    read, estimator = ReadModule(module), cls()
    output = read.output(("identity", "logistic", "softmax"))
    layers, dtype = read.arrays()
    if output == "logistic" and read.n_outputs > 1:
        labels = _of_several_labels(classes, read.n_outputs)
    else:
        labels = _of_one_label(classes, read.n_outputs, output)
    with quiet(), labels_in_words("classes", classes):
        estimator._label_binarizer = fitted_binarizer(labels if classes is None else classes)
    estimator.classes_ = estimator._label_binarizer.classes_
    if labels.ndim == 1:
        for arrays in layers:
            arrays[-1] = _for_sorted_labels(arrays[-1], labels)
    return _filled(estimator, read, layers, dtype)


def _of_several_labels(classes, n_outputs):
    """Return an indicator matrix of as many labels as there are outputs."""
    if classes is not None:
        raise ValueError(
            f"classes={classes!r} is for one label per sample, but module ends with a Sigmoid of "
            f"{n_outputs} outputs: {n_outputs} labels that each sample has or has not. Leave "
            "classes out, or the Sigmoid."
        )
    return np.eye(n_outputs, dtype=int)


def _of_one_label(classes, n_outputs, output):
    """Return the labels in the order of the outputs, as given or 0, 1 and so on."""
    has_one_class = n_outputs == 1 and output == "softmax"
    n_classes = 1 if has_one_class else max(n_outputs, 2)
    if classes is None:
        return np.arange(n_classes)
    labels = np.asarray(classes)
    if labels.ndim != 1 or not len(labels) == len(set(labels.tolist())) == n_classes:
        raise ValueError(
            f"classes must be a list of {n_classes} different labels, because module has "
            f"{n_outputs} output{'s' * (n_outputs > 1)}; got {classes!r}."
        )
    return labels


def _for_sorted_labels(array, labels):
    """Return the last weights or biases for sorted labels, with one output for two of them."""
    order = np.argsort(labels)
    if array.shape[-1] > 1:
        array = array[..., order]
        # softmax([a, b])[1] = 1 / (1 + exp(a - b))
        return array if len(labels) > 2 else array[..., 1:] - array[..., :1]
    return -array if order[0] == 1 else array


def _filled(estimator, read, layers, dtype):
    """Give an estimator, whose targets are known, the layers and what else was read; return it."""
    params = Parameters.from_layers(*layers, dtype)
    estimator.hidden_layer_sizes = params.units[1:-1]
    activations = read.activations()
    if activations:
        several = len(set(activations)) > 1
        estimator.activation = activations if several else activations[0]
    if any(read.dropout):
        estimator.dropout = read.dropout
    keep_shape(estimator, params, build_loss(estimator))
    show_progress(estimator, Progress(estimator.tol, estimator.n_iter_no_change), None)
    estimator.coefs_, estimator.intercepts_ = params.weights, params.biases
    estimator.n_features_in_ = params.units[0]
    return estimator
