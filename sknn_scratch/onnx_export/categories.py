"""scikit-learn's OneHotEncoder and OrdinalEncoder.

skl2onnx groups no infrequent categories where several columns come as one matrix, and lets unknown
ones be an error. Here every category is a row of a table, and all unknown ones are the last row.
"""

import numpy as np
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from sknn_scratch.estimators.data_faults import is_missing
from sknn_scratch.onnx_export.functions import argmax, concatenate, equal, isnan, take
from sknn_scratch.onnx_export.graph import Value
from sknn_scratch.onnx_export.missing import MISSING_STRINGS, encoded
from sknn_scratch.tabular.kinds import as_string


def one_hot(encoder: OneHotEncoder, columns: list[Value]) -> Value:
    """Return the encoded columns side by side."""
    return _looked_up(encoder, columns, _one_hot_table)


def ordinal(encoder: OrdinalEncoder, columns: list[Value]) -> Value:
    """Return the number of each category."""
    return _looked_up(encoder, columns, _ordinal_table)


def _one_hot_table(encoder, number):
    """Return the row of each category of a column, and the row of unknown ones.

    Those that are infrequent share the last place.
    """
    is_rare = _is_rare(encoder, number)
    places = np.where(is_rare, (~is_rare).sum(), np.cumsum(~is_rare) - 1)
    n_places = places.max(initial=-1) + 1
    rows = np.eye(n_places)[places]
    unknown = np.zeros((1, n_places))
    if is_rare.any() and encoder.handle_unknown in ("infrequent_if_exist", "warn"):
        unknown[0, -1] = 1
    table = np.concatenate([rows, unknown])
    dropped = None if encoder.drop_idx_ is None else encoder.drop_idx_[number]
    return table if dropped is None else np.delete(table, places[dropped], axis=1)


def _ordinal_table(encoder, number):
    """Return the number of each category of a column, and the number of unknown ones.

    An unknown one is an error in Python, unless the encoder has a value for it; a model of ONNX
    cannot raise errors, and says NaN or -1.
    """
    is_rare = _is_rare(encoder, number)
    numbers = np.where(is_rare, (~is_rare).sum(), np.cumsum(~is_rare) - 1).astype(float)
    # None is a category like others
    missing = [category != category for category in encoder.categories_[number]]
    numbers[is_rare] -= sum(missing)
    numbers[missing] = encoder.encoded_missing_value
    unknown = encoder.unknown_value
    if encoder.handle_unknown == "error":
        unknown = np.nan if np.dtype(encoder.dtype).kind == "f" else -1
    return np.append(numbers, unknown)[:, np.newaxis]


def _is_rare(encoder, number):
    categories = encoder.categories_[number]
    infrequent = getattr(encoder, "infrequent_categories_", None)
    rare = [] if infrequent is None or infrequent[number] is None else list(infrequent[number])
    gaps = any(map(is_missing, rare))
    return np.array([gaps if is_missing(c) else c in rare for c in categories], dtype=bool)


def _looked_up(encoder, columns, table_of):
    """Return the row of each category in the table of its column, side by side."""
    dtype = np.float32 if np.dtype(encoder.dtype).kind == "f" else np.int64
    rows = []
    for number, (column, categories) in enumerate(zip(columns, encoder.categories_, strict=True)):
        table = column.graph.constant(table_of(encoder, number), dtype)
        rows.append(take(table, _codes(column, categories), axis=0))
    return concatenate(rows)


def _codes(column, categories):
    """Return the place of the category of each sample, shape (n,); unknown ones are the last."""
    n_categories = len(categories)
    if column.dtype == object:
        places = dict.fromkeys(MISSING_STRINGS, n_categories)
        for place, category in enumerate(categories):
            if is_missing(category):
                places |= dict.fromkeys(MISSING_STRINGS, place)
        places |= {as_string(c): place for place, c in enumerate(categories) if not is_missing(c)}
        return _flat(encoded(column, places, other=n_categories))
    is_it = concatenate([_equals(column, category) for category in categories])
    half = take(is_it, [0], axis=1) * 0 + 0.5  # more than 0, less than 1
    return argmax(concatenate([is_it, half]))


def _equals(column, category):
    """Return 1 where a number is this one, or NaN as this one is."""
    if is_missing(category):
        return isnan(column.astype(np.float64)).astype(np.float32)
    if column.dtype.kind == "f" or category != int(category):
        column = column.astype(np.float64)
    return equal(column, category).astype(np.float32)


def _flat(x):
    return x.graph.node("Reshape", [x, x.graph.constant([-1], np.int64)])
