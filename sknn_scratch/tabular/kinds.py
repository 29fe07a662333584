"""What the columns of a table hold, and how they are read, whichever library they come from.

`ColumnsOfKind` is for a ColumnTransformer, `read_numbers` and `read_categories` are for a
FunctionTransformer.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from sknn_scratch._typing import MatrixLike
from sknn_scratch.estimators.data_faults import (
    as_objects,
    is_frame,
    is_missing,
    kind_of,
    shown,
)
from sknn_scratch.tabular.columns import range_of
from sknn_scratch.tabular.table import refuse_no_table

_ADVICE = {
    "date": (
        "dates or times. Turn them into numbers that matter to the question, such as the month, "
        "the day of the week or the days since an event, or leave the column out."
    ),
    "interval": "intervals. Turn them into numbers, for example into their middles.",
    "dict": "dicts. Spread them over columns, for example by a DictVectorizer.",
    "list": "lists. Give each entry of a list a column of its own.",
    "complex": "complex numbers. Give the real and the imaginary part a column each.",
    "object": "objects that are neither numbers nor strings. Turn them into one of these.",
}


class Column(NamedTuple):
    """A column: what a ColumnTransformer calls it, what messages call it, and its values."""

    key: Any
    name: str
    values: np.ndarray
    is_categorical: bool


@dataclass(frozen=True)
class ColumnsOfKind:
    """Choose the columns of a table by what they hold.

    It is for a :class:`~sklearn.compose.ColumnTransformer`, which calls it with the table of its
    fit. :class:`~sklearn.compose.make_column_selector` goes by dtypes, and only by those of pandas;
    this class looks at the values as well, and takes frames of polars and arrays too.

    Parameters
    ----------
    kind : {'numbers', 'two_numbers', 'numbers_with_gaps', 'categories', 'two_categories'}
        - 'numbers': numbers of more than two values;
        - 'two_numbers': numbers of two values, or true and false;
        - 'numbers_with_gaps': numbers, however many values they have, some of them missing;
        - 'categories': strings or categories of more than two values, a missing one included;
        - 'two_categories': strings or categories of two values, a missing one included.

    Examples
    --------
    >>> from sknn_scratch.tabular import ColumnsOfKind
    >>> X = [[1.5, "red", True], [0.3, "green", False], [2.5, "blue", True]]
    >>> ColumnsOfKind("numbers")(X), ColumnsOfKind("categories")(X)
    ([0], [1])
    """

    kind: str

    def __call__(self, X: MatrixLike) -> list:
        """Return the names of the columns, or their positions where they have no names.

        Parameters
        ----------
        X : data frame or array-like of shape (n_samples, n_features)
            The table.

        Returns
        -------
        columns : list of str or int
            What a ColumnTransformer takes for columns.
        """
        kinds = {column.key: _kinds(column) for column in _columns(X)}
        if not any(kinds.values()):
            raise ValueError(
                "X has no column to learn from: each of them has a single value, or none at all."
            )
        return [key for key, found in kinds.items() if self.kind in found]


def read_numbers(X: MatrixLike) -> np.ndarray:
    """Return columns as numbers.

    Parameters
    ----------
    X : data frame or array of shape (n_samples, n_features)
        Columns of numbers, or of true and false. Some may be missing: None, NaN or pandas' NA.

    Returns
    -------
    numbers : ndarray of shape (n_samples, n_features), float64
        The numbers; 1 for true and 0 for false; NaN where one is missing.
    """
    return np.column_stack([_floats(column) for column in _columns(X)])


def read_categories(X: MatrixLike) -> np.ndarray:
    """Return columns as strings.

    Parameters
    ----------
    X : data frame or array of shape (n_samples, n_features)
        Columns of strings or categories. Some may be missing: None, NaN or pandas' NA.

    Returns
    -------
    categories : ndarray of shape (n_samples, n_features), object
        Strings; None where one is missing. A whole number is the same string whether it comes as
        an integer or as a float.
    """
    return np.column_stack([_strings(column) for column in _columns(X)])


def _columns(X):
    """Return the columns of a frame or of an array."""
    if issparse(X):
        raise TypeError(
            "X is a sparse matrix, and the recipe looks at the values of each column. Give "
            "X.toarray(), or train a network on X itself: MLPScratchClassifier takes it."
        )
    refuse_no_table(X)
    if not is_frame(X):
        X = X if isinstance(X, np.ndarray) else as_objects(X)
        return [Column(k, "A column", values, False) for k, values in enumerate(X.T)]
    names = list(X.columns)
    # A ColumnTransformer takes numbers for positions, even where they are names
    keys = names if all(isinstance(name, str) for name in names) else range(len(names))
    taken = [X.iloc[:, k] if hasattr(X, "iloc") else X[name] for k, name in enumerate(names)]
    return [
        Column(key, f"Column {name!r}", np.asarray(column), str(column.dtype) == "category")
        for key, name, column in zip(keys, names, taken, strict=True)
    ]


def _kinds(column):
    """Return the kinds that a column is of: none where all its values are the same."""
    if not _holds_numbers(column):
        return [[], [], ["two_categories"], ["categories"]][_up_to_three(_strings(column))]
    numbers = _floats(column)
    range_of(numbers, column.name)  # an error here has the name, which the transformers do not know
    gaps = np.isnan(numbers)
    kinds = [[], [], ["two_numbers"], ["numbers"]][_up_to_three(numbers[~gaps])]
    has_gaps = gaps.any() and not gaps.all()
    return [*kinds, "numbers_with_gaps"] if has_gaps else kinds


def _up_to_three(values):
    """Return how many different values there are, or 3 if there are more."""
    n_found = 0
    while len(values) and n_found < 3:
        values = values[values != values[0]]
        n_found += 1
    return n_found


def _holds_numbers(column):
    """Return whether a column holds numbers rather than categories; neither is an error."""
    if column.is_categorical:
        return False
    # A type at a time: a look at every value of many strings takes seconds
    values = column.values if column.values.dtype == object else column.values[:1]
    kinds = {kind_of(value) for value in {type(value): value for value in values}.values()}
    for kind in sorted(kinds & _ADVICE.keys()):
        raise ValueError(f"{column.name} of X holds {_ADVICE[kind]}")
    return kinds <= {"number", "huge", "missing"}


def _floats(column):
    values = column.values
    try:
        if values.dtype.kind in "cMm":  # numpy would take dates for the numbers that it stores
            raise TypeError(values.dtype)
        if values.dtype == object:
            values = [np.nan if kind_of(value) == "missing" else value for value in values]
        numbers = np.asarray(values, dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        other = next(v for v in column.values if kind_of(v) not in ("number", "missing"))
        given = str(other) if kind_of(other) == "date" else shown(other)
        raise ValueError(
            f"{column.name} of X must hold numbers only, got {given}. Write NaN where a "
            "number is unknown."
        ) from None
    if np.isinf(numbers).any():
        raise ValueError(
            f"{column.name} of X holds infinite numbers. Write NaN where a number is unknown, or "
            "take the largest that makes sense."
        )
    return numbers


def _strings(column):
    strings = [None if is_missing(value) else as_string(value) for value in column.values]
    return np.array(strings, dtype=object)


def as_string(value):
    """Return a category as a string.

    pandas turns whole numbers into floats where one is missing: 2.0 and 2 are the same category.
    """
    is_whole = isinstance(value, (float, np.floating)) and float(value).is_integer()
    return str(int(value) if is_whole else value)
