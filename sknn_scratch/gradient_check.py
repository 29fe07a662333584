"""Backpropagation against difference quotients, for the very function that is minimised."""

import copy
from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from sknn_scratch._pipelines import last_step
from sknn_scratch._typing import ArrayLike, MatrixLike, RandomState
from sknn_scratch.engine.batches import Batch
from sknn_scratch.engine.outputs import quietly
from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.estimators.build import build_objective, first_parameters
from sknn_scratch.estimators.constraints import check_parameters
from sknn_scratch.estimators.prepare import prepare

__all__ = ["GradientCheck", "check_gradient"]


@dataclass(frozen=True)
class GradientCheck:
    """What `check_gradient` found.

    Attributes
    ----------
    backprop, numeric : ndarray of shape (n_checked,)
        The two gradients.
    layer : ndarray of str of shape (n_checked,)
        'W1', 'W2', ..., 'b1', 'b2', ...: where each parameter belongs.
    error : ndarray of shape (n_checked,)
        Relative differences, see `check_gradient`.
    tol : float
        The largest difference that passes.
    """

    backprop: np.ndarray
    numeric: np.ndarray
    layer: np.ndarray
    error: np.ndarray
    tol: float

    @property
    def passed(self) -> bool:
        """Whether every parameter's difference is within `tol`."""
        return bool((self.error <= self.tol).all())

    @property
    def worst(self) -> dict[str, float]:
        """Largest relative difference of each layer, a dict."""
        return {name: float(self.error[self.layer == name].max()) for name in self._names()}

    @property
    def median(self) -> dict[str, float]:
        """Median relative difference of each layer, a dict."""
        return {name: float(np.median(self.error[self.layer == name])) for name in self._names()}

    def _names(self):
        return list(dict.fromkeys(self.layer.tolist()))

    def __str__(self) -> str:
        worst, median = self.worst, self.median
        rows = [
            f"{name:<5} {np.count_nonzero(self.layer == name):>10} "
            f"{worst[name]:>10.1e} {median[name]:>10.1e}"
            for name in worst
        ]
        verdict = "passed" if self.passed else "FAILED"
        return "\n".join(
            [
                "layer parameters      worst     median   (relative difference)",
                *rows,
                f"{verdict}: tolerance {self.tol:.0e}",
            ]
        )


@quietly
def check_gradient(
    estimator: BaseEstimator,
    X: MatrixLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    n_parameters: int | None = 10_000,
    step: float = 1e-5,
    tol: float = 1e-6,
    random_state: RandomState = None,
) -> GradientCheck:
    """Compare backpropagation with central differences of the objective.

    For parameter p the quotient is ``(F(p + h) - F(p - h)) / (2 h)`` with ``h = step max(1, |p|)``,
    F the loss with all penalties. The computation is in float64, whatever the dtype of the weights.

    Parameters
    ----------
    estimator : MLPScratchClassifier, MLPScratchRegressor, Pipeline or search
        Fitted: its weights are used. Not fitted: weights are drawn as fit would draw them. Of a
        Pipeline the last step is checked, on X as the steps before transform it; of a search that
        is fitted, its `best_estimator_`. It is not changed.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The samples, one batch.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        The targets.
    sample_weight : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Weights of the samples, or of each target; all 1 if None.
    n_parameters : int or None, default=10_000
        Check at most this many parameters, drawn at random; None checks all.
    step : float, default=1e-5
        Step of the differences.
    tol : float, default=1e-6
        Largest relative difference that passes.
    random_state : int, RandomState instance or None, default=None
        Draws the parameters to check.

    Returns
    -------
    check : GradientCheck
        Both gradients, the differences per layer, and the verdict; printed, a table.

    Raises
    ------
    TypeError
        If there is no network of this package in `estimator`.

    Notes
    -----
    The difference of two derivatives is relative to the larger of them. It is relative at least to
    a thousandth of the largest in the layer, and to a million times the rounding of a quotient (10
    eps F / step). A smaller derivative has fewer than six correct digits in it. A quotient taken
    across a kink (of 'relu' at zero, or of the L1 penalty) is no derivative. Where it does not
    agree, it is taken again with a tenth of the step. Exactly on a kink (biases that are drawn
    zero, and a sample that is zero) there is no derivative to agree with, and the check fails.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.gradient_check import check_gradient
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPScratchClassifier(5, "softplus", l1=1e-3, random_state=0)
    >>> check_gradient(network, X, y).passed
    True
    """
    if n_parameters is not None and n_parameters < 1:
        raise ValueError(f"n_parameters must be at least 1, or None, got {n_parameters!r}.")
    estimator, X = _network_and_input(estimator, X, y)
    check_parameters(estimator)
    params, objective, batch = _problem(estimator, X, y, sample_weight)
    size = params.flat.size
    chosen = np.arange(size)
    if n_parameters is not None and n_parameters < size:
        chosen = check_random_state(random_state).choice(size, n_parameters, replace=False)
        chosen.sort()
    backprop = _backprop(params, objective, batch)[chosen]
    layer = _layer_names(params)[chosen]
    # What a quotient is made of is known to a few units of rounding of F
    rounding = 10 * np.finfo(float).eps * max(1.0, abs(objective.value(params, batch).total))
    steps = np.full(chosen.size, step)
    numeric = np.array([_quotient(objective, params, batch, i, step) for i in chosen])
    smallest = np.maximum(1e-3 * _largest_of_layer(backprop, layer), 1e6 * rounding / steps)
    error = _relative_difference(backprop, numeric, smallest)
    for k in np.flatnonzero(error > tol):
        steps[k] = step / 10
        numeric[k] = _quotient(objective, params, batch, chosen[k], steps[k])
    smallest = np.maximum(smallest, 1e6 * rounding / steps)
    error = _relative_difference(backprop, numeric, smallest)
    return GradientCheck(backprop, numeric, layer, error, tol)


def _network_and_input(estimator, X, y):
    """Return the network in an estimator, and X as it reaches the network."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    network = last_step(estimator)
    if not isinstance(network, BaseMLPScratch):
        remedy = ""
        if isinstance(network, MLPClassifier | MLPRegressor):
            remedy = " Convert scikit-learn's own: MLPScratchClassifier.from_sklearn(model)."
        elif hasattr(network, "refit"):  # a search, whosever it is
            remedy = " Fit the search first, with refit=True."
        raise TypeError(
            "check_gradient needs an MLPScratchClassifier or MLPScratchRegressor, a Pipeline that "
            f"ends in one, or a search over one; got {type(network).__name__}.{remedy}"
        )
    while estimator is not network:
        X = _transformed(estimator, X, y)
        estimator = estimator[-1]
    return network, X


def _transformed(pipeline, X, y):
    """Return X behind all steps but the last; if they are not fitted, copies of them are."""
    before = pipeline[:-1]
    if not before.steps:
        return X
    try:
        check_is_fitted(before)
        return before.transform(X)
    except NotFittedError:
        return clone(before).fit_transform(X, y)


def _problem(estimator, X, y, sample_weight):
    """Return parameters, objective and batch of a fit, in float64."""
    model = copy.deepcopy(estimator)
    fitted = hasattr(model, "coefs_")
    data = prepare(
        model, X, y, sample_weight, continued=fitted, partial=fitted, dtype=np.dtype(np.float64)
    )
    generator = check_random_state(model.random_state)
    params = first_parameters(model, data.X, data.y, generator, continued=fitted)
    weight = data.training_weight
    batch = Batch.of(data.X, data.training_y, None if weight is None else weight.astype(np.float64))
    return params, build_objective(model, data.loss, params), batch


def _backprop(params, objective, batch):
    """Return the gradient of F, with the subgradient 0 of a penalty where a weight is 0."""
    grad = params.view(np.empty_like(params.flat))
    objective.value_and_gradient(params, batch, grad)
    objective.add_subgradient(params, grad)
    return grad.flat


def _quotient(objective, params, batch, index, step):
    """Return the central difference quotient of F in one parameter, which is put back."""
    before = params.flat[index]
    h = step * max(1.0, abs(before))
    values = []
    for moved in (before + h, before - h):
        params.flat[index] = moved
        values.append(objective.value(params, batch).total)
    params.flat[index] = before
    return (values[0] - values[1]) / ((before + h) - (before - h))


def _layer_names(params):
    names = [f"{kind}{n + 1}" for kind in "Wb" for n in range(len(params.weights))]
    return np.repeat(names, [array.size for array in params.weights + params.biases])


def _largest_of_layer(gradient, layer):
    largest = {name: np.abs(gradient[layer == name]).max() for name in np.unique(layer)}
    return np.array([largest[name] for name in layer])


def _relative_difference(a, b, smallest):
    return np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), smallest)
