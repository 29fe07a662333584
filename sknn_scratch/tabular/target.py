"""Targets of a table: refused in words if they are no numbers, and scaled to suit the loss."""

from typing import Any, Self

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.preprocessing import StandardScaler

from sknn_scratch._typing import ArrayLike, MatrixLike
from sknn_scratch.estimators.build import build_loss
from sknn_scratch.estimators.regressor import MLPScratchRegressor
from sknn_scratch.tabular.columns import checked_targets


class ScaledTargetRegressor(TransformedTargetRegressor):
    """A TransformedTargetRegressor that says in words what is wrong with targets.

    It has the parameters, methods and attributes of
    :class:`~sklearn.compose.TransformedTargetRegressor`, and predicts the same. It also knows the
    losses of networks that refuse negative targets, 'poisson' for one. For these a StandardScaler
    divides the targets by their standard deviation, and does not centre them.

    Parameters
    ----------
    regressor : estimator, default=None
        What learns the transformed targets, as in scikit-learn's class.
    transformer : estimator, default=None
        What transforms the targets, for example a :class:`~sklearn.preprocessing.StandardScaler`.
    func : callable, default=None
        A function in the place of `transformer`.
    inverse_func : callable, default=None
        The function that undoes `func`.
    check_inverse : bool, default=True
        Whether to try if the transformation can be undone.

    See Also
    --------
    tabular_regressor : The pipeline that uses it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sknn_scratch import MLPScratchRegressor
    >>> from sknn_scratch.tabular import ScaledTargetRegressor
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> network = MLPScratchRegressor(hidden_layer_sizes=(10,), solver="lbfgs", random_state=0)
    >>> model = ScaledTargetRegressor(network, transformer=StandardScaler())
    >>> model.fit(X, 1e6 * X[:, 0] ** 2).score(X, 1e6 * X[:, 0] ** 2) > 0.99
    True
    """

    def fit(self, X: MatrixLike, y: ArrayLike, **fit_params: Any) -> Self:
        """Transform the targets and train the regressor.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        **fit_params : dict of str -> object
            Arguments for the `fit` of the regressor.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        if y is not None:  # of which scikit-learn says what there is to say
            y = checked_targets(X, y, are_numbers=True)
            _refuse_huge(y)
        return super().fit(X, y, **fit_params)

    def _fit_transformer(self, y):
        """Fit `transformer_`, and keep the sign of targets whose loss asks for it."""
        super()._fit_transformer(y)
        if not isinstance(self.transformer_, StandardScaler):
            return
        network = self._network_that_refuses(self.transformer_.transform(y))
        if network is None:
            return
        if fault := build_loss(network).fault_of_targets(y):
            raise ValueError(f"loss={network.loss!r} {fault}")
        self.transformer_.set_params(with_mean=False).fit(y)

    def _network_that_refuses(self, y):
        """Return a network within the regressor whose loss does not allow y, or None."""
        for network in self.get_params().values():
            if isinstance(network, MLPScratchRegressor):
                network._validate_params()
                if build_loss(network).fault_of_targets(y):
                    return network
        return None


def _refuse_huge(y):
    """Raise a ValueError if no float can hold the variance of the targets."""
    with np.errstate(over="ignore"):
        is_finite = np.isfinite(np.square(y).sum())
    if not is_finite:
        raise ValueError(
            f"y goes up to {np.abs(y).max():.3g}, and a float cannot hold its variance. Divide y "
            "by a large number first."
        )
