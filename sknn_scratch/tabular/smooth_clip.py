"""Columns on one scale, whose outliers stay within a bound."""

from numbers import Real
from typing import ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sknn_scratch._sklearn import Interval, StrOptions, fit_context
from sknn_scratch._typing import ArrayLike
from sknn_scratch.tabular.columns import (
    checked,
    checked_result,
    name_of_feature,
    range_of,
    saturated,
)


class SmoothClip(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Scale each column robustly, and bend its outliers smoothly below a bound.

    ::

        z = (x - center) / scale
        u = z / sqrt(1 + (z / bound)^2)

    Near zero u is z, and it never leaves [-bound, bound], however far out x lies. The order of the
    numbers stays.

    Parameters
    ----------
    bound : float, default=3.0
        The bound, above 0.

    scaling : {'robust'} or None, default='robust'
        How z is found.

        - 'robust': `center` is the median of the column, and `scale` the range of its middle half.
          Where more than half of the values are equal that range is zero, and `scale` is half of
          the whole range. A column with a single value becomes 0.
        - None: z is x. For columns that were scaled before, for example by a
          ``QuantileTransformer(output_distribution="normal")``.

    Attributes
    ----------
    center_ : ndarray of shape (n_features,)
        What is subtracted from each column, as float64.

    scale_ : ndarray of shape (n_features,)
        By what each column is then divided, as float64.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features; only where `fit` saw a data frame with strings as column names.

    See Also
    --------
    PiecewiseLinearEncoder : Several numbers for each number.
    sklearn.preprocessing.RobustScaler : Scales likewise, and leaves the outliers where they are.

    Notes
    -----
    As in scikit-learn's scalers, NaN is a missing value: `fit` ignores it, and `transform` keeps
    it. A column without values stays as it is.

    A :class:`~sklearn.preprocessing.RobustScaler` does not scale a column at all where more than
    half of the values are equal. Of amounts that are mostly zero, all others then reach the bound.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart (2024). "Better by Default: Strong Pre-Tuned
       MLPs and Boosted Trees on Tabular Data". Advances in Neural Information Processing Systems
       37. Both the scaling and the clip are those of its RealMLP.

    Examples
    --------
    >>> from sknn_scratch.tabular import SmoothClip
    >>> X = [[0.0], [1.0], [2.0], [3.0], [1000.0]]
    >>> SmoothClip().fit_transform(X).round(3)
    array([[-0.949],
           [-0.493],
           [ 0.   ],
           [ 0.493],
           [ 3.   ]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "bound": [Interval(Real, 0, None, closed="neither")],
        "scaling": [StrOptions({"robust"}), None],
    }

    def __init__(self, bound: float = 3.0, *, scaling: Literal["robust"] | None = "robust") -> None:
        self.bound = bound
        self.scaling = scaling

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        """Find the center and the scale of each column.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples; NaN is a missing value.
        y : None
            Ignored.

        Returns
        -------
        self : object
            The fitted transformer.
        """
        table = checked(self, X, reset=True)
        columns = table.T if self.scaling == "robust" else []
        self.center_, self.scale_ = np.zeros(table.shape[1]), np.ones(table.shape[1])
        for number, column in enumerate(columns):
            name = name_of_feature(self, number)
            self.center_[number], self.scale_[number] = _center_and_scale(column, name)
        return self

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Scale and clip.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        X_clipped : ndarray of shape (n_samples, n_features)
            Numbers within [-bound, bound]. The dtype is float32 if X has it, otherwise float64.
        """
        check_is_fitted(self)
        table = checked(self, X, reset=False)
        with np.errstate(over="ignore"):
            z = saturated((table - self.center_) / self.scale_, np.float64)
            # hypot, because the square of a large number overflows
            u = z / np.hypot(1, z / self.bound)
        return np.clip(u, -self.bound, self.bound).astype(table.dtype, copy=False)

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Undo the clip and the scaling: z = u / sqrt(1 - (u / bound)^2).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            What `transform` returned.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            The samples. The nearer to the bound, the fewer digits are right. The bound itself comes
            back as a number that is large and finite.
        """
        check_is_fitted(self)
        u = checked_result(X, "transformer", self.n_features_in_)
        below_one = np.nextafter(u.dtype.type(1), u.dtype.type(0))
        ratio = np.clip(u.astype(np.float64) / self.bound, -below_one, below_one)
        with np.errstate(over="ignore"):
            z = self.bound * ratio / np.sqrt((1 - ratio) * (1 + ratio))
            return saturated(self.center_ + self.scale_ * z, u.dtype)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _center_and_scale(column, name):
    """Return the median and the range of the middle half, or what stands in for it."""
    lowest, highest = range_of(column, name)
    if not lowest < highest:
        return (0.0, 1.0) if np.isnan(lowest) else (lowest, 1.0)
    lower, center, upper = np.nanquantile(column.astype(np.float64), [0.25, 0.5, 0.75])
    # A range of so few subnormal numbers that its half is zero is taken as it is
    return center, (upper - lower) or (highest - lowest) / 2 or highest - lowest
