"""Samples, targets and weights: ordinary ones in every form, extreme ones, and wrong ones."""

import datetime
import tempfile

import numpy as np
import pandas as pd
from scipy import sparse

try:
    import polars as pl
except ImportError:  # it is not in the extra test
    pl = None

# The values of X


def _values(draw, n, d):
    X = draw.rng.normal(size=(n, d))
    kind = draw.of(["normal"] * 6 + ["extreme"] * 4)
    return X if kind == "normal" else _EXTREME_X[draw.of(_EXTREME_X)](draw, X)


def _with_cell(X, value):
    X = X.copy()
    X[len(X) // 2, -1] = value
    return X


def _columns_apart(draw, X):
    return X * np.logspace(-150, 150, X.shape[1])


_EXTREME_X = {
    "huge": lambda draw, X: X * 1e300,
    "greatest": lambda draw, X: np.sign(X) * np.finfo(float).max,
    "large": lambda draw, X: X * draw.of([1e3, 1e10, 1e38, 1e100, 1e155]),
    "tiny": lambda draw, X: X * draw.of([1e-10, 1e-40, 1e-155, 1e-300]),
    "subnormal": lambda draw, X: X * 1e-310,
    "zero": lambda draw, X: X * 0,
    "constant": lambda draw, X: np.full_like(X, draw.of([1, -7, 1e-300, 1e300])),
    "duplicates": lambda draw, X: np.repeat(X[:1], len(X), axis=0),
    "one huge": lambda draw, X: _with_cell(X, draw.of([1e30, 1e200, -1.7e308])),
    "apart": _columns_apart,
    "whole": lambda draw, X: np.round(X * 3),
    "binary": lambda draw, X: (X > 0) * 1.0,
    "far": lambda draw, X: X + draw.of([1e6, 1e16]),
}

# The forms that X may have: any of them is right


def _memory_map(X):
    file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the map
    memory_map = np.memmap(file, dtype=X.dtype, shape=X.shape, mode="w+")
    memory_map[...] = X
    return memory_map


def _read_only(X):
    X = X.copy()
    X.flags.writeable = False
    return X


def _unaligned(X):
    buffer = np.zeros(X.nbytes + 1, np.uint8)
    view = buffer[1:].view(X.dtype).reshape(X.shape)
    view[...] = X
    return view


def _strided(X):
    wide = np.zeros((2 * len(X), 2 * X.shape[1]))
    wide[::2, ::2] = X
    return wide[::2, ::2]


def _frame(X):
    return pd.DataFrame(X, columns=[f"f{i}" for i in range(X.shape[1])])


def _odd_frame(X):
    """Return a data frame with another dtype in each column."""
    frame = _frame(X)
    whole = np.clip(np.round(X), -100, 100).astype(int)
    dtypes = ["Int64", "boolean", "float32", "category", "Float64", "int8", "bool", "uint64"]
    for k, (name, dtype) in enumerate(zip(frame, dtypes, strict=False)):
        of_one = whole[:, k] if dtype != "boolean" and dtype != "bool" else whole[:, k] > 0
        frame[name] = pd.Series(np.abs(of_one) if dtype == "uint64" else of_one).astype(dtype)
    return frame


def _explicit_zeros(X):
    X = sparse.csr_array(X)
    X.data[::2] = 0
    return X


def _unsorted(X):
    """Return a CSR array whose columns are not in order, with duplicates that are to be added."""
    n, d = X.shape
    columns = np.tile(np.arange(d)[::-1], 2 * n)
    rows = np.repeat(np.arange(n), 2 * d)
    values = np.hstack([X[:, ::-1] / 2] * 2).ravel()
    return sparse.csr_array((values, columns, np.arange(0, rows.size + 1, 2 * d)), shape=X.shape)


def _long_indices(X):
    X = sparse.csr_array(X)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def _whole(dtype):
    limits = np.iinfo(dtype)
    # As floats the limits of 64 bits are rounded up: stay a little within them
    low, high = limits.min * 0.999, limits.max * 0.999
    return lambda X: np.round(np.clip(X, low, high)).astype(dtype)


def _cast(dtype):
    def cast(X):
        with np.errstate(over="ignore"):
            return X.astype(dtype)

    return cast


_FORMS = {
    **{name: _cast(name) for name in ["float32", "float16", "longdouble", ">f8", "object"]},
    **{name: _whole(name) for name in ["int8", "int64", "uint64", "uint8"]},
    "bool": lambda X: X > 0,
    "fortran": np.asfortranarray,
    "fortran float32": lambda X: np.asfortranarray(_cast("float32")(X)),
    "strided": _strided,
    "backwards": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": _read_only,
    "unaligned": _unaligned,
    "memory-mapped": _memory_map,
    "list": np.ndarray.tolist,
    "tuple": lambda X: tuple(map(tuple, X.tolist())),
    "frame": _frame,
    "odd frame": _odd_frame,
    "frame of objects": lambda X: _frame(X).astype(object),
    "frame with numbers as columns": pd.DataFrame,
    "frame with equal columns": lambda X: pd.DataFrame(X, columns=["a"] * X.shape[1]),
    "sparse frame": lambda X: _frame(X).astype(pd.SparseDtype("float64", 0)),
    "polars": lambda X: pl.DataFrame(X, schema=[f"f{i}" for i in range(X.shape[1])]),
    **{form: sparse.csr_array for form in ["csr"]},
    **{
        f"{form}_{kind}": getattr(sparse, f"{form}_{kind}")
        for form in ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]
        for kind in ["matrix", "array"]
    },
    "csr float32": lambda X: sparse.csr_array(_cast("float32")(X)),
    "csr int": lambda X: sparse.csr_array(_whole("int32")(X)),
    "csr bool": lambda X: sparse.csr_array(X > 0),
    "explicit zeros": _explicit_zeros,
    "unsorted": _unsorted,
    "long indices": _long_indices,
    "strings of numbers": lambda X: X.astype(str),
    "unmasked": np.ma.masked_array,
}


def in_a_form(draw, X):
    """Return X in one of the forms in which a user may have it."""
    return X if draw.chance(0.4) else _FORMS[draw.of(_FORMS)](X)


# What is wrong with X


def _column_of(value):
    def frame(X):
        given = _frame(X).astype(object)
        given[given.columns[-1]] = pd.Series([value, *X[1:, -1]], dtype=object)
        return given

    return frame


def _cell_of(value):
    def array(X):
        given = X.astype(object)
        given[0, -1] = value
        return given

    return array


_CELLS = [
    "?", "", "1,5", "12%", "1 200", "nan", None, pd.NA, pd.NaT, datetime.date(2024, 1, 1),
    datetime.datetime(2024, 1, 1), datetime.time(1), datetime.timedelta(1), pd.Timestamp("2024"),
    pd.Period("2024"), pd.Interval(0, 1), np.datetime64("2024"), np.timedelta64(1, "D"), {},
    {"a": 1}, set(), [1, 2], (1,), object(), 1j, b"3", float, np.array([1, 2]), 10**400,
    float("inf"),
]  # fmt: skip


def _structured(X):
    return np.array([(1.0, 2)] * len(X), dtype=[("a", float), ("b", int)])


_WRONG_X = {
    "NaN": lambda X: _with_cell(X, np.nan),
    "inf": lambda X: _with_cell(X, np.inf),
    "NaN in a frame": lambda X: _frame(_with_cell(X, np.nan)),
    "NaN in sparse": lambda X: sparse.csr_array(_with_cell(X, np.nan)),
    "missing of pandas": lambda X: _frame(_with_cell(X, np.nan)).astype("Float64"),
    "None": lambda X: None,
    "one row as a vector": lambda X: X[0],
    "one column as a vector": lambda X: X[:, 0],
    "series": lambda X: pd.Series(X[:, 0]),
    "three axes": lambda X: X[None],
    "number": lambda X: 3.0,
    "no rows": lambda X: X[:0],
    "no columns": lambda X: X[:, :0],
    "no rows in sparse": lambda X: sparse.csr_array(X[:0]),
    "empty list": lambda X: [],
    "list of empty lists": lambda X: [[] for _ in X],
    "ragged": lambda X: [*X[:-1].tolist(), X[-1].tolist()[:-1]],
    "masked": lambda X: np.ma.masked_array(X, mask=X > 0),
    "complex": lambda X: X + 1j,
    "strings": lambda X: np.full(X.shape, "tall"),
    "bytes": lambda X: np.full(X.shape, b"tall"),
    "dates": lambda X: np.full(X.shape, np.datetime64("2024-01-01")),
    "frame of dates": lambda X: _frame(X).assign(when=pd.Timestamp("2024")),
    "frame of categories": lambda X: _frame(X).assign(kind=pd.Categorical(["a"] * len(X))),
    "frame of strings": lambda X: _frame(X).assign(kind="a"),
    "polars strings": lambda X: pl.DataFrame({"a": ["x"] * len(X)}),
    "lazy": lambda X: pl.DataFrame(X).lazy(),
    "structured": _structured,
    "record": lambda X: _structured(X).view(np.recarray),
    "file name": lambda X: "data.csv",
    "dict": lambda X: {"a": X[:, 0].tolist()},
    "list of dicts": lambda X: [{"a": 1.0}] * len(X),
    "set": lambda X: {1, 2, 3},
    "generator": lambda X: (row for row in X),
    "iterator": lambda X: range(len(X)),
    "object": lambda X: object(),
    "function": lambda X: len,
    "matrix": lambda X: np.asmatrix(X),
    "sparse complex": lambda X: sparse.csr_array(X + 1j),
    "sparse vector": lambda X: sparse.coo_array(X[0]),
    "objects": lambda X: np.full(X.shape, object()),
    "list of None": lambda X: [[None] * X.shape[1]] * len(X),
    "list of strings": lambda X: [["tall"] * X.shape[1]] * len(X),
    "other width": lambda X: np.hstack([X, X]),
    **{f"cell {value!r}": _cell_of(value) for value in _CELLS if np.ndim(value) == 0},
    **{f"column {value!r}": _column_of(value) for value in _CELLS},
}  # fmt: skip


def draw_samples(draw, n, d, wrong=False):
    """Return samples; if they are to be `wrong`, most likely such that none can be used."""
    X = _values(draw, n, d)
    return wrong_samples(draw, X) if wrong else in_a_form(draw, X)


def wrong_samples(draw, X):
    """Return samples like these, but wrong."""
    return _WRONG_X[draw.of(_WRONG_X)](X)


# Targets


def _codes(draw, n, n_classes):
    return draw.rng.integers(0, n_classes, n)


_LABELS = [
    ["a", "b", "c"], [2, 10**12, -5], [2**63 + 1, 2**64 - 1, 3], [0.0, 1.0, 2.0], [-1, 1],
    [True, False], [np.float32(1), np.float32(3)], ["x" * 300, "y"], ["", " "], [0], ["one"],
    [1e300, 1e301], [-0.0, 1.0], [b"a", b"b"], [255, 1], list(range(40)),
]  # fmt: skip
_WHICH_CLASS_FORMS = {
    "array": lambda y: y,
    "list": np.ndarray.tolist,
    "objects": lambda y: y.astype(object),
    "column": lambda y: y[:, None],
    "series": pd.Series,
    "categories": lambda y: pd.Series(y).astype("category"),
    "frame": lambda y: pd.DataFrame({"label": y}),
    "index": lambda y: pd.Series(y, index=np.arange(len(y))[::-1]),
    "strided": lambda y: np.repeat(y, 2)[::2],
    "read-only": _read_only,
    "polars": lambda y: pl.Series("label", y),
}
_BIG = [10**30, 10**31]


def _labels(draw, n):
    if draw.chance(0.15):
        return _indicators(draw, n)
    labels = draw.of([[0, 1], [0, 1, 2]]) if draw.chance(0.5) else draw.of(_LABELS)
    y = np.array(labels)[_codes(draw, n, len(labels))]
    return _WHICH_CLASS_FORMS[draw.of(_WHICH_CLASS_FORMS)](y)


def _indicators(draw, n):
    y = _codes(draw, 2 * n, 2).reshape(n, 2)
    y = draw.of([y, np.hstack([y, y[:, :1]]), y * 0, y * 0 + 1])
    return draw.of([np.asarray, sparse.csr_array, sparse.csc_matrix, np.ndarray.tolist])(y)


_WRONG_LABELS = {
    "real": lambda draw, n: draw.rng.normal(size=n),
    "real and huge": lambda draw, n: draw.rng.normal(size=n) * 1e300,
    "NaN": lambda draw, n: np.array([np.nan, 1, 2] * n)[:n],
    "NaN among strings": lambda draw, n: np.array([np.nan, "a", "b"] * n, dtype=object)[:n],
    "None among strings": lambda draw, n: np.array([None, "a", "b"] * n, dtype=object)[:n],
    "NA": lambda draw, n: pd.Series([pd.NA, 1, 2] * n, dtype="Int64")[:n],
    "NA among strings": lambda draw, n: pd.Series([pd.NA, "a", "b"] * n, dtype="string")[:n],
    "mixed": lambda draw, n: np.array([1, "a", 2.5] * n, dtype=object)[:n],
    "mixed list": lambda draw, n: ([1, "a", 2] * n)[:n],
    "big": lambda draw, n: [_BIG[k] for k in _codes(draw, n, 2)],
    "inf": lambda draw, n: np.array([np.inf, 1, 2] * n)[:n],
    "dates": lambda draw, n: np.array(["2024-01-01", "2024-01-02"] * n, "datetime64[D]")[:n],
    "dicts": lambda draw, n: [{}] * n,
    "tuples": lambda draw, n: [(1, 2), (3, 4)] * n,
    "sets": lambda draw, n: np.array([{1}, {2}] * n, dtype=object)[:n],
    "objects": lambda draw, n: np.array([object(), object()] * n)[:n],
    "intervals": lambda draw, n: pd.Series(pd.cut(np.arange(n), 3)) if n > 3 else None,
    "periods": lambda draw, n: pd.Series(pd.period_range("2024", periods=n, freq="D")),
    "several columns": lambda draw, n: _codes(draw, 2 * n, 4).reshape(n, 2),
    "strings in columns": lambda draw, n: np.full((n, 2), "a"),
    "lists of labels": lambda draw, n: [["a", "b"], ["c"]] * n,
    "sets of labels": lambda draw, n: [{"a"}, {"b", "c"}] * n,
}
_WRONG_ANYWHERE = {
    "None": lambda draw, n: None,
    "complex": lambda draw, n: np.full(n, 1j),
    "short": lambda draw, n: np.zeros(n - 1),
    "long": lambda draw, n: np.arange(n + 1),
    "empty": lambda draw, n: [],
    "no columns": lambda draw, n: np.zeros((n, 0)),
    "three axes": lambda draw, n: np.zeros((n, 2, 2)),
    "number": lambda draw, n: 1,
    "string": lambda draw, n: "target",
    "ragged": lambda draw, n: [[1, 2], *[[1]] * (n - 1)],
    "masked": lambda draw, n: np.ma.masked_array(np.arange(n), mask=np.arange(n) % 2),
    "structured": lambda draw, n: _structured(np.zeros(n)),
    "dict": lambda draw, n: {"y": [1] * n},
    "generator": lambda draw, n: (k for k in range(n)),
    "function": lambda draw, n: len,
    "row": lambda draw, n: np.zeros((1, n)),
    "lazy": lambda draw, n: pl.DataFrame({"y": [0] * n}).lazy(),
}
_REAL = {
    "normal": lambda draw, y: y,
    "scaled": lambda draw, y: y * draw.of([1e-320, 1e-300, 1e-155, 1e3, 1e20, 1e155, 1e300]),
    "constant": lambda draw, y: np.full_like(y, draw.of([0, 3, 1e-300, 1e300])),
    "counts": lambda draw, y: np.round(np.abs(y) * 3),
    "mostly zero": lambda draw, y: np.where(y > 1, y, 0),
    "one far": lambda draw, y: _with_first(y, draw.of([1e10, 1e200, -1.7e308])),
}
_REAL_FORMS = {
    **{name: _cast(name) for name in ["float32", "float16", "longdouble", "object", ">f8"]},
    **{name: _whole(name) for name in ["int8", "int64", "uint64"]},
    "bool": lambda y: y > 0,
    "list": np.ndarray.tolist,
    "column": lambda y: y.reshape(len(y), -1),
    "frame": lambda y: pd.DataFrame(y.reshape(len(y), -1)),
    "nullable": lambda y: pd.DataFrame(y.reshape(len(y), -1)).astype("Float64"),
    "read-only": _read_only,
    "fortran": np.asfortranarray,
    "sparse": lambda y: sparse.csr_array(y.reshape(len(y), -1)),
    "unaligned": _unaligned,
    "memory-mapped": _memory_map,
    "strings of numbers": lambda y: y.astype(str),
    "polars": lambda y: pl.DataFrame(y.reshape(len(y), -1)),
}
_WRONG_REAL = {
    "NaN": lambda draw, n: _with_first(draw.rng.normal(size=n), np.nan),
    "inf": lambda draw, n: _with_first(draw.rng.normal(size=n), -np.inf),
    "strings": lambda draw, n: np.full(n, "tall"),
    "dates": lambda draw, n: np.full(n, np.datetime64("2024-01-01")),
    "series of dates": lambda draw, n: pd.Series([pd.Timestamp("2024")] * n),
    "dates as objects": lambda draw, n: np.full(n, datetime.date(2024, 1, 1)),
    "NA": lambda draw, n: pd.Series([pd.NA] * n),
    "dicts": lambda draw, n: [{}] * n,
    "categories": lambda draw, n: pd.Series(["a"] * n, dtype="category"),
    "one of words": lambda draw, n: [*np.zeros(n - 1), "?"],
    "huge whole": lambda draw, n: [HUGE] * n,
}
HUGE = 10**400


def _with_first(y, value):
    y = y.copy()
    y.flat[0] = value
    return y


def _real(draw, n):
    shape = n if draw.chance(0.7) else (n, draw.whole(1, 3))
    y = draw.rng.normal(size=shape)
    if draw.chance(0.5):
        y = _REAL[draw.of(_REAL)](draw, y)
    return y if draw.chance(0.5) else _REAL_FORMS[draw.of(_REAL_FORMS)](y)


def draw_y(draw, n, classifier, wrong=False):
    """Return targets for `n` samples; if they are to be `wrong`, most likely of no use."""
    if not wrong:
        return _labels(draw, n) if classifier else _real(draw, n)
    choices = _WRONG_ANYWHERE | (_WRONG_LABELS if classifier else _WRONG_REAL)
    return choices[draw.of(choices)](draw, n)


def good_y(draw, n, classifier):
    """Return targets from which anything can learn: three classes, or numbers >= 0."""
    return np.arange(n) % 3 if classifier else np.abs(draw.rng.normal(size=n))


# Weights

_WEIGHTS = {
    "uniform": lambda w: w,
    "whole": lambda w: np.round(3 * w).astype(int),
    "some zero": lambda w: w * (w > 0.3),
    "one": lambda w: np.eye(1, len(w))[0],
    "last": lambda w: np.eye(1, len(w))[0][::-1],
    "zero": lambda w: w * 0,
    "bool": lambda w: w > 0.3,
    "tiny": lambda w: w * 1e-307,
    "subnormal": lambda w: w * 1e-315,
    "one tiny": lambda w: np.where(np.arange(len(w)) == 0, 1e-307, 0),
    "small in float32": lambda w: (w * 1e-37).astype(np.float32),
    "huge": lambda w: w * 1e300,
    "sum overflows": lambda w: np.full_like(w, 1.7e308),
    "far apart": lambda w: np.logspace(-300, 300, len(w)),
    "list": np.ndarray.tolist,
    "series": pd.Series,
    "read-only": _read_only,
    "objects": lambda w: w.astype(object),
    "NaN": lambda w: _with_first(w, np.nan),
    "inf": lambda w: _with_first(w, np.inf),
    "negative": lambda w: _with_first(w, -1),
    "least negative": lambda w: _with_first(w, -5e-324),
    "column": lambda w: w[:, None],
    "short": lambda w: w[1:],
    "empty": lambda w: [],
    "number": lambda w: 2.0,
    "zero for all": lambda w: 0,
    "strings": lambda w: ["heavy"] * len(w),
    "complex": lambda w: w + 1j,
    "masked": lambda w: np.ma.masked_array(w, mask=w > 0.5),
    "dict": lambda w: {0: 1},
    "dates": lambda w: np.full(len(w), np.datetime64("2024")),
    "word": lambda w: "balanced",
    "sparse": lambda w: sparse.csr_array(w[None]),
    "NA": lambda w: pd.Series([pd.NA] * len(w)),
    "True": lambda w: True,
}


def draw_weight(draw, n):
    """Return sample weights, half of the time uniform ones."""
    kind = "uniform" if draw.chance(0.3) else draw.of(_WEIGHTS)
    return _WEIGHTS[kind](draw.rng.random(n))


# Without polars

if pl is None:
    for _forms in (_FORMS, _WRONG_X, _WHICH_CLASS_FORMS, _WRONG_ANYWHERE, _REAL_FORMS):
        for _name in ("polars", "polars strings", "lazy"):
            _forms.pop(_name, None)
