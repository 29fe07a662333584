"""What is no table is refused in words, before scikit-learn or narwhals look at it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.utils.validation import check_is_fitted

from sknn_scratch._typing import ArrayLike, MatrixLike
from sknn_scratch.estimators.data_faults import (
    as_objects,
    fault_of_rows,
    is_frame,
    refuse_what_is_no_table,
)
from sknn_scratch.estimators.validation import refuse_masked


class TableTransformer(ColumnTransformer):
    """A ColumnTransformer that says in words what is wrong with a table.

    It has the parameters, methods and attributes of :class:`~sklearn.compose.ColumnTransformer`,
    and returns the same. Where X is no table, or is another one than in `fit`, its errors say what
    was given and what to do. In `transformers_`, a transformer that gets no columns is 'drop'.

    Parameters
    ----------
    transformers : list of tuples
        As in scikit-learn's class: tuples of a name, a transformer and its columns.
    remainder : {'drop', 'passthrough'} or estimator, default='drop'
        What becomes of columns that no transformer takes.
    sparse_threshold : float, default=0.3
        The density below which a mix of sparse and dense results stays sparse.
    n_jobs : int or None, default=None
        How many transformers work at the same time.
    transformer_weights : dict, default=None
        Factors for the results of transformers, by their names.
    verbose : bool, default=False
        Whether to print how long each transformer takes.
    verbose_feature_names_out : bool, str or callable, default=True
        Whether names of features begin with the name of their transformer.
    force_int_remainder_cols : bool, default="deprecated"
        Without effect in scikit-learn, too.

    See Also
    --------
    ColumnsOfKind : Chooses the columns of a transformer by what they hold.

    Examples
    --------
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> from sknn_scratch.tabular import ColumnsOfKind, SmoothClip, TableTransformer
    >>> X = [[1.5, "red"], [0.3, "green"], [2.5, "blue"]]
    >>> table = TableTransformer(
    ...     [
    ...         ("numbers", SmoothClip(), ColumnsOfKind("numbers")),
    ...         ("categories", OneHotEncoder(), ColumnsOfKind("categories")),
    ...     ]
    ... )
    >>> table.fit_transform(X).shape
    (3, 4)
    >>> table.transform({"size": [1.5], "colour": ["red"]})
    Traceback (most recent call last):
        ...
    TypeError: X must be an array or a data frame, got a dict. Give pandas.DataFrame(X) instead.
    """

    transformers_: list[Any]

    def fit_transform(self, X: MatrixLike, y: ArrayLike | None = None, **params: Any) -> Any:
        """Fit all transformers, and return X transformed by each, side by side.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            The table.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets, for transformers that look at them.
        **params : dict of str -> object
            Arguments for the transformers, if metadata routing is on.

        Returns
        -------
        X_transformed : ndarray, sparse matrix or data frame of shape (n_samples, n_features_out)
            The results of the transformers.
        """
        refuse_no_table(X)
        try:
            transformed = super().fit_transform(X, y, **params)
        except Exception as error:
            if not _is_of_equal_names(error):
                raise
            nameless = clone(self).set_output(transform="default").fit(X, y, **params)
            raise _fault_of_equal_names(X, nameless.get_feature_names_out()) from error
        # What has no columns is left unfitted. scikit-learn's HTML repr cannot show all such parts
        self.transformers_ = [
            (name, transformer if _has_any(columns) else "drop", columns)
            for name, transformer, columns in self.transformers_
        ]
        return transformed

    def transform(self, X: MatrixLike, **params: Any) -> Any:
        """Return X transformed by each of the transformers, side by side.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            The table. The columns of a frame are found by their names.
        **params : dict of str -> object
            Arguments for the transformers, if metadata routing is on.

        Returns
        -------
        X_transformed : ndarray, sparse matrix or data frame of shape (n_samples, n_features_out)
            The results of the transformers.
        """
        check_is_fitted(self)
        refuse_no_table(X)
        self._refuse_other_columns(X)
        try:
            transformed = super().transform(X, **params)
        except Exception as error:
            if not _is_of_equal_names(error):
                raise
            raise _fault_of_equal_names(X, self.get_feature_names_out()) from error
        names = list(transformed.columns) if is_frame(transformed) else []
        if len(set(names)) < len(names):  # pandas does not mind
            raise _fault_of_equal_names(X, names)
        return transformed

    def _refuse_other_columns(self, X):
        """Raise a ValueError unless X has the columns that transformers ask for by their names."""
        asked_for = dict.fromkeys(
            name
            for _, transformer, columns in self.transformers_
            if not (isinstance(transformer, str) and transformer == "drop")
            for name in _names_among(columns)
        )
        found = _names_of(X)
        if asked_for and found is None:
            given = "an array" if isinstance(X, np.ndarray) else f"a {type(X).__name__}"
            raise ValueError(
                f"X must be a data frame, as in fit, got {given}. Columns are found by "
                f"their names, {', '.join(map(repr, asked_for))}. Give a frame that has them."
            )
        if lacking := [name for name in asked_for if name not in found]:
            raise ValueError(
                f"X lacks columns that it had in fit: {', '.join(map(repr, lacking))}. Add them, "
                "with NaN where the values are unknown."
            )


def _is_of_equal_names(error):
    """Whether a frame was to have two columns of one name: polars and narwhals call it this."""
    return type(error).__name__ == "DuplicateError"


def _fault_of_equal_names(X, names):
    """Return an error that says from which columns of X features of one name come.

    A OneHotEncoder calls its features "column_category": "a_b_c" may come from "a" or from "a_b".
    """
    names = list(names)
    name = next(name for name in names if names.count(name) > 1)
    encoded = name.partition("__")[2] or name
    columns = [repr(c) for c in _names_of(X) or () if encoded.startswith(f"{c}_")]
    source = f"column{'s' * (len(columns) > 1)} {' and '.join(columns)}" if columns else "a column"
    return ValueError(
        f"Two features of the result would be called {name!r}, after categories of {source}. "
        "Rename one of them, or call set_output(transform='default'): an array needs no names."
    )


def refuse_no_table(X):
    """Raise an error unless X has rows and columns."""
    if issparse(X):
        return
    refuse_what_is_no_table("X", X)
    refuse_masked("X", X)
    if isinstance(X, (list, tuple)):
        _refuse_rows(X)
    shape = X.shape if hasattr(X, "shape") else as_objects(X).shape
    if len(shape) != 2:
        raise ValueError(f"X must be a table of rows and columns, got {_shown(X, shape)}")
    for what, length in zip(("row", "column"), shape, strict=True):
        if not length:
            raise ValueError(f"X must have at least one {what}, got the shape {tuple(shape)}.")


def _refuse_rows(rows):
    """Raise an error if the rows of a list are of several lengths, or are dicts."""
    if rows and isinstance(rows[0], Mapping):
        raise TypeError(
            "X must be an array or a data frame, got a list of dicts. Give pandas.DataFrame(X) "
            "instead."
        )
    if fault := fault_of_rows("X", rows):
        raise fault


def _shown(X, shape):
    """Return what X is instead of a table, and what to give."""
    if not shape:
        return f"{X!r}."
    if hasattr(X, "to_frame"):
        return (
            f"a {type(X).__name__}. For a single column give X.to_frame(), for a single row a "
            "slice of the frame, as in frame[:1]."
        )
    return (
        f"an array of {len(shape)} dimension{'s' * (len(shape) > 1)}. For a single column give "
        "X.reshape(-1, 1), for a single row X.reshape(1, -1)."
    )


def _names_of(X):
    """Return the names of the columns of a frame, or None if X is none."""
    if hasattr(X, "column_names"):  # of a pyarrow Table, whose `columns` are the values
        return X.column_names
    return list(X.columns) if is_frame(X) else None


def _has_any(columns):
    """Whether what a transformer is given for columns names or numbers any."""
    return not isinstance(columns, list) or len(columns) > 0


def _names_among(columns):
    """Return the names among what a transformer is given for columns."""
    return [c for c in np.array(columns, dtype=object).ravel() if isinstance(c, str)]
