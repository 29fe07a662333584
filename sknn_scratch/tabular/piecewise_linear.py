"""A number as a vector: how far it has come through each of the bins of its column."""

from contextlib import nullcontext
from numbers import Integral, Real
from typing import ClassVar, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted

from sknn_scratch._sklearn import (
    Interval,
    StrOptions,
    check_feature_names_in,
    check_sample_weight,
    fit_context,
)
from sknn_scratch._typing import ArrayLike
from sknn_scratch._warnings import unsaid, warn
from sknn_scratch.estimators.labels import has_many_classes, refuse_no_classes
from sknn_scratch.tabular.columns import (
    checked,
    checked_result,
    checked_targets,
    name_of_feature,
    range_of,
    saturated,
)


class PiecewiseLinearEncoder(TransformerMixin, BaseEstimator):
    """Encode each number by how far it has come through each of the bins of its column.

    With the edges b_0 < b_1 < ... < b_T of its bins, a number x becomes the T numbers ::

        e_t = 0                              if x < b_(t-1) and t > 1
              1                              if x >= b_t    and t < T
              (x - b_(t-1)) / (b_t - b_(t-1))               otherwise

    which is equation (1) of [1]_. A network that reads e instead of x can give every bin a slope of
    its own with a single weight.

    Parameters
    ----------
    n_bins : int, default=12
        The largest number of bins of a column, at least 2. A column has fewer where quantiles
        coincide, or where the tree finds nothing more to split.

    strategy : {'quantile', 'tree'}, default='quantile'
        Where the edges lie between the smallest and the largest value of a column.

        - 'quantile': at the t/T quantiles of the column. Each is a value of the column; quantiles
          that coincide count once.
        - 'tree': at the thresholds of a decision tree that predicts y from this column alone. The
          tree has at most `n_bins` leaves. It sees the order of the values only, so that their
          scale does not matter.

    min_samples_leaf : int or float, default=32
        The smallest number of samples in a leaf of the tree; a float is a fraction of the samples.
        Used by ``strategy='tree'`` only.

    target_type : {'auto', 'classification', 'regression'}, default='auto'
        The kind of the tree. 'auto' takes real numbers in y for a regression, and labels or whole
        numbers for classes. Give 'regression' for counts and for prices in whole numbers. Used by
        ``strategy='tree'`` only.

    extrapolation : {'linear', 'constant'}, default='linear'
        What becomes of numbers beyond the values seen in `fit`. With 'linear', as in the equation,
        e_1 falls below 0 and e_T rises above 1. With 'constant' they are encoded as the smallest
        or the largest value.

    Attributes
    ----------
    bin_edges_ : list of ndarray of shape (n_bins + 1,)
        The edges of the bins of each column, as float64. A column with a single value has it twice,
        and a column without values has NaN twice.

    n_bins_ : ndarray of shape (n_features,)
        The number of bins of each column.

    n_features_in_ : int
        Number of features seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features; only where `fit` saw a data frame with strings as column names.

    See Also
    --------
    SmoothClip : One bounded number for each number.
    sklearn.preprocessing.KBinsDiscretizer : Tells which bin a number is in, not where in the bin.
    sklearn.preprocessing.SplineTransformer : Smooth curves in the place of straight lines.

    Notes
    -----
    As in scikit-learn's scalers, NaN is a missing value: `fit` ignores it, and `transform` returns
    NaN for all bins of the column. Put a :class:`~sklearn.impute.SimpleImputer` before or after.

    A column with a single value, or with none, is encoded as one column of zeros.

    Samples of weight zero are ignored. For the quantiles, a sample of weight 2 is the same as two
    samples. For the tree this holds as well, but `min_samples_leaf` counts samples, not weights.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, A. Babenko (2022). "On Embeddings for Numerical Features in
       Tabular Deep Learning". Advances in Neural Information Processing Systems 35. The equation
       is in section 3.2, the two strategies are in sections 3.2.1 and 3.2.2.

    Examples
    --------
    >>> from sknn_scratch.tabular import PiecewiseLinearEncoder
    >>> X = [[0.0], [1.0], [2.0], [6.0], [10.0]]
    >>> encoder = PiecewiseLinearEncoder(n_bins=2).fit(X)
    >>> encoder.bin_edges_
    [array([ 0.,  2., 10.])]
    >>> encoder.transform([[1.0], [4.0], [18.0]])
    array([[0.5 , 0.  ],
           [1.  , 0.25],
           [1.  , 2.  ]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_bins": [Interval(Integral, 2, None, closed="left")],
        "strategy": [StrOptions({"quantile", "tree"})],
        "min_samples_leaf": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0.0, 1.0, closed="neither"),
        ],
        "target_type": [StrOptions({"auto", "classification", "regression"})],
        "extrapolation": [StrOptions({"linear", "constant"})],
    }

    def __init__(
        self,
        n_bins: int = 12,
        *,
        strategy: Literal["quantile", "tree"] = "quantile",
        min_samples_leaf: int | float = 32,
        target_type: Literal["auto", "classification", "regression"] = "auto",
        extrapolation: Literal["linear", "constant"] = "linear",
    ) -> None:
        self.n_bins = n_bins
        self.strategy = strategy
        self.min_samples_leaf = min_samples_leaf
        self.target_type = target_type
        self.extrapolation = extrapolation

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Find the edges of the bins of each column.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples; NaN is a missing value.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets of ``strategy='tree'``, which needs them. Otherwise ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0 of the samples.

        Returns
        -------
        self : object
            The fitted encoder.
        """
        table = checked(self, X, reset=True)
        weight = check_sample_weight(
            sample_weight, table, dtype=np.float64, ensure_non_negative=True
        )
        inner_edges = self._by_tree(table, y) if self.strategy == "tree" else self._by_quantiles
        self.bin_edges_: list[np.ndarray] = [
            _edges(column, name_of_feature(self, number), weight, inner_edges)
            for number, column in enumerate(table.T)
        ]
        self.n_bins_: np.ndarray = np.array([len(edges) - 1 for edges in self.bin_edges_])
        return self

    def _by_quantiles(self, values, weight, rows):
        return _quantiles(values, weight, self.n_bins)

    def _by_tree(self, X, y):
        """Return a function that finds the thresholds of a tree for the values of a column."""
        if y is None:
            raise ValueError(
                "strategy='tree' requires y to be passed, but the target y is None. Call "
                "fit(X, y), or set strategy='quantile', which needs no y."
            )
        y, has_classes = self._checked_targets(X, y)
        # A column has one feature, so that nothing is drawn at random
        params = {
            "max_leaf_nodes": self.n_bins,
            "min_samples_leaf": self.min_samples_leaf,
            "random_state": 0,
        }
        if not has_classes:
            tree, y = DecisionTreeRegressor(**params), _near_one(y)
            return lambda values, weight, rows: _thresholds(values, y[rows], weight, tree)
        tree, n_classes = DecisionTreeClassifier(**params), len(np.unique(y))
        if self.target_type == "auto" and has_many_classes(n_classes, len(y)):
            warn(
                f"target_type='auto' takes y for classes, and finds {n_classes} in {len(y)} "
                "samples. For counts, or prices in whole numbers, set target_type='regression'."
            )

        def thresholds(values, weight, rows):
            # The warning is not to come from each tree; a part of y may have as many classes as y
            is_told = has_many_classes(n_classes, len(values))
            with unsaid("The number of unique classes is") if is_told else nullcontext():
                return _thresholds(values, y[rows], weight, tree)

        return thresholds

    def _checked_targets(self, X, y):
        """Return y as an array, and whether it holds classes."""
        targets = checked_targets(X, y, are_numbers=self.target_type == "regression")
        has_classes = self._has_classes(targets)
        if has_classes:
            refuse_no_classes(targets)
        return targets, has_classes

    def _has_classes(self, y):
        if self.target_type == "auto":
            with np.errstate(invalid="ignore"):  # whether 1e200 is a whole number
                return not type_of_target(y, input_name="y").startswith("continuous")
        return self.target_type == "classification"

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Encode the numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        X_encoded : ndarray of shape (n_samples, n_features_out)
            The bins of the first column, then those of the second, and so on: n_features_out is the
            sum of `n_bins_`. The dtype is float32 if X has it, otherwise float64.
        """
        check_is_fitted(self)
        table = checked(self, X, reset=False)
        encoded = np.empty((len(table), self.n_bins_.sum()), dtype=table.dtype)
        for column, edges, part in zip(table.T, self.bin_edges_, self._parts(encoded), strict=True):
            part[:] = _encoded(column, edges, self.extrapolation == "linear")
        return encoded

    def inverse_transform(self, X: ArrayLike) -> np.ndarray:
        """Decode the numbers: x = b_0 + sum_t e_t (b_t - b_(t-1)).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features_out)
            What `transform` returned.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            The samples, up to rounding. With ``extrapolation='constant'`` numbers beyond the first
            or the last edge come back as that edge. A column with a single value comes back as it.
        """
        check_is_fitted(self)
        encoded = checked_result(X, "encoder", self.n_bins_.sum(), ", one for each bin")
        original = np.empty((len(encoded), len(self.n_bins_)), dtype=encoded.dtype)
        parts = self._parts(encoded)
        for column, edges, part in zip(original.T, self.bin_edges_, parts, strict=True):
            with np.errstate(over="ignore"):
                column[:] = saturated(edges[0] + part @ np.diff(edges), encoded.dtype)
        return original

    def _parts(self, encoded):
        """Return views of the columns that belong to each feature."""
        return np.split(encoded, np.cumsum(self.n_bins_)[:-1], axis=1)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the encoded columns, such as "age_bin_0".

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the features. Without them `feature_names_in_`, or else x0, x1 and so on.

        Returns
        -------
        feature_names_out : ndarray of str objects
            The names.
        """
        check_is_fitted(self)
        names = check_feature_names_in(self, input_features)
        bins = [(name, t) for name, n in zip(names, self.n_bins_, strict=True) for t in range(n)]
        return np.array([f"{name}_bin_{t}" for name, t in bins], dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = self.strategy == "tree"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _edges(column, name, weight, inner_edges):
    """Return the edges of the bins of a column, those at its ends among them."""
    rows = (weight > 0) & ~np.isnan(column)
    values = column[rows].astype(np.float64)
    lowest, highest = range_of(values, name)
    if not lowest < highest:
        return np.array([lowest, highest])
    inner = inner_edges(values, weight[rows], rows)
    return np.unique(np.concatenate([[lowest], inner, [highest]]))


def _quantiles(values, weight, n_bins):
    """Return the least values that t/T of the weight do not exceed, for t = 1, ..., T - 1."""
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weight[order])
    # Without a division whole weights are added and compared exactly: a 2 is the same as two rows
    levels = np.arange(1, n_bins) * cumulative[-1]
    return values[order][np.searchsorted(cumulative * n_bins, levels)]


def _thresholds(values, y, weight, tree):
    """Return where a tree splits: halfway between two neighbouring values.

    The tree is given the ranks of the values. A tree holds numbers as float32 and takes those for
    equal that differ by less than 1e-7: times in seconds, or very small numbers, would be merged.
    """
    distinct, ranks = np.unique(values, return_inverse=True)
    nodes = tree.fit(ranks[:, np.newaxis], y, sample_weight=weight).tree_
    below = nodes.threshold[nodes.feature >= 0].astype(int)  # leaves have no feature
    return distinct[below] / 2 + distinct[below + 1] / 2


def _near_one(y):
    """Return y times a power of two, which leaves all digits as they are.

    A tree does not split where the variance of y is below 1e-16, and squares of large y overflow.
    """
    y = y.astype(np.float64, copy=False)
    _, exponent = np.frexp(np.abs(y).max())
    return np.ldexp(y, -exponent)


def limits_of(edges, is_linear):
    """Return the smallest and the largest number that each bin of a column tells apart."""
    lower, upper = edges[:-1].copy(), edges[1:].copy()
    if is_linear:
        lower[0], upper[-1] = -np.inf, np.inf
    return lower, upper


def _encoded(x, edges, is_linear):
    """Return equation (1) for the numbers of a column."""
    if not edges[0] < edges[-1]:
        return np.where(np.isnan(x), x, 0)[:, np.newaxis]
    lower, upper = limits_of(edges, is_linear)
    # Clipped before they are divided, numbers beyond a bin are encoded as 0 and 1 exactly
    with np.errstate(over="ignore"):
        encoded = np.clip(x[:, np.newaxis], lower, upper)
        encoded -= edges[:-1]
        encoded /= np.diff(edges)
    return saturated(encoded, x.dtype)
