"""Outputs that are not finite, found before a user sees them."""

from collections.abc import Callable, Sequence
from math import inf, log
from typing import Any, TypeVar

import numpy as np
from scipy.sparse import issparse

from sknn_scratch.engine.activations import ACTIVATIONS, Activation
from sknn_scratch.engine.losses import Loss
from sknn_scratch.engine.network import raw_scores
from sknn_scratch.engine.parameters import Parameters

# Predictions by these functions are finite wherever the raw scores are
_TAME = ("identity", "softmax", "logistic")
_KNOWN = frozenset(ACTIVATIONS.values())  # without those that users add later

Method = TypeVar("Method", bound=Callable[..., Any])


def quiet() -> np.errstate:
    """Return a context in which numpy does not warn of what overflows or underflows.

    Divergence is reported once, in words; numpy's warnings at each step would hide it. Numbers that
    fade to zero are no fault, but numpy may be set to raise errors of them: emlearn does so.
    """
    return np.errstate(all="ignore")


def quietly(method: Method) -> Method:
    """Run a method in the context of `quiet`; as a decorator numpy's own would hide the types."""
    return quiet()(method)


def largest(array: Any) -> float:
    """Return the greatest absolute value of an array or sparse matrix, NaN if it has one."""
    values = array.data if issparse(array) else array
    return float(np.maximum(values.max(initial=0), -values.min(initial=0)))


def are_finite(params: Parameters, activations: Sequence[Activation], loss: Loss, X: Any) -> bool:
    """Whether the predictions for X are finite.

    A bound costs little beside an epoch, and settles this for ordinary weights. Only if it does
    not, there is a pass over X.
    """
    log_of_max = log(np.finfo(params.flat.dtype).max)
    if loss.out_activation in _TAME and _log_bound(params, activations, X) < log_of_max:
        return True
    raw = raw_scores(params, activations, X)
    if not np.isfinite(raw).all():
        return False
    loss.predict(raw)
    return bool(np.isfinite(raw).all())


def _log_bound(params, activations, X):
    """Return the logarithm of a bound of all values in the layers, inf if none is known.

    With m the largest parameter, |z_l| <= (n_in + 1) m max(|a_{l-1}|, 1). All activations of the
    package satisfy |f(z)| <= 2 max(|z|, 1). Nothing is known of users' activations.
    """
    known = all(type(activation) in _KNOWN for activation in activations)
    m = largest(params.flat)
    if not known or not m < inf:
        return inf
    bound = _log(largest(X))
    for n_in in params.units[:-1]:
        bound = max(bound, 0) + _log(2 * (n_in + 1) * m)
    return bound


def _log(value):
    return log(value) if value > 0 else -inf


def check_predictions(
    predicted: np.ndarray, what: str = "what it predicts is not finite"
) -> np.ndarray:
    """Raise a ValueError if predictions are not finite; return them."""
    finite = np.isfinite(predicted)
    if finite.all():
        return predicted
    row = int(np.argmin(finite.reshape(len(predicted), -1).all(axis=1)))
    raise ValueError(
        f"X is too large for this network: {what}, first in row {row}. "
        "Scale X as the samples of the training were scaled, or leave such rows out."
    )
