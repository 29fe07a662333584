"""The functions of a fitted network by name, for those that take it elsewhere."""

from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.estimators.build import build_activations, build_loss

# Without those that users add later: what is registered anew under such a name is another function
_NAMES = {cls: name for name, cls in ACTIVATIONS.items()}


def activation_names(estimator, known, where, remedy):
    """Return the name of the activation of each hidden layer.

    One that is not among the `known` names is a ValueError; `where` says who knows these.
    """
    activations = build_activations(estimator, n_hidden=len(estimator.coefs_) - 1)
    names = [_NAMES.get(type(activation)) for activation in activations]
    for number, (name, activation) in enumerate(zip(names, activations, strict=True), start=1):
        if name not in known:
            raise ValueError(
                f"The activation of hidden layer {number}, {name or type(activation).__name__!r}, "
                f"has no counterpart in {where}. These have: {list(known)}. {remedy}"
            )
    return names


def output_function(estimator, known, where):
    """Return the name of the function that turns the last raw scores into what is predicted.

    One that is not among the `known` names is a ValueError; `where` says who knows these.
    """
    # With one class there is one output, and the softmax of one number is 1, the probability of
    # that class
    has_one_class = len(getattr(estimator, "classes_", ())) == 1
    name = "softmax" if has_one_class else build_loss(estimator).out_activation
    if name not in known:
        raise ValueError(
            f"The function of the output layer, {name!r}, has no counterpart in {where}. These "
            f"have: {list(known)}."
        )
    return name
