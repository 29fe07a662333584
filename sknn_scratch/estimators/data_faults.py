"""What in X or y is no number, and what to do about it.

`fault_of` looks at every value, one by one, and is called only once data was refused. What it says
has the column, its dtype, a value of it, and the advice that fits all that is wrong in the column.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Set
from datetime import date, time, timedelta
from numbers import Number
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

_LISTED = 5  # columns: there may be thousands
_DATES = (date, time, timedelta, np.datetime64, np.timedelta64)
# What files have in place of a number that is missing
_MARKS = {"", "?", "-", "--", ".", "na", "n/a", "#n/a", "nan", "null", "none", "missing", "unknown"}

_ADVICE = {
    "string": "Encode strings first, for example by an OrdinalEncoder or a OneHotEncoder.",
    "missing": "Fill missing values (NaN), for example by a SimpleImputer, or leave them out.",
    "date": "Turn dates into numbers first, for example into days since the first.",
    "interval": "Turn intervals into numbers first, for example into their middles.",
    "dict": "Spread dicts over columns, for example by a DictVectorizer.",
    "list": "Give each entry of a list a column of its own.",
    "complex": "Complex data not supported: give the real and the imaginary part a column each.",
    "huge": "Scale it down: a float holds numbers up to 1.8e308.",
    "object": "Turn such objects into numbers first, or leave the column out.",
}
_READ = "Read a file first, for example by pandas.read_csv."
_ADVICE_ON_NAMES = {
    "sample_weight": "Give a number >= 0 for each sample. To weigh classes, use class_weight.",
}
_ADVICE_OTHERWISE = {
    "y": "For classes use MLPScratchClassifier, or tabular_classifier.",
    "sample_weight": "Give a number >= 0 for each sample.",
}
# Of numbers that are not finite
_ADVICE_ON_FINITE = {
    ("X", "NaN"): (
        "Fill missing values, for example by a SimpleImputer before the network, or take a "
        "pipeline of sknn_scratch.tabular, which fills them."
    ),
    ("X", "infinity"): "Take the largest numbers that make sense, or leave such samples out.",
    ("y", "NaN"): "Leave such samples out.",
    ("y", "infinity"): "Take the largest numbers that make sense, or leave such samples out.",
}
# Of strings: the first pattern that matches all of a column
_ADVICE_ON_STRINGS = {
    r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?": "Read the file with thousands=',' (pandas.read_csv).",
    r"[+-]?\d*,\d+(e[+-]?\d+)?": "Read the file with decimal=',' (pandas.read_csv).",
    r"[+-]?\d{1,3}(\.\d{3})*,\d+|[+-]?\d{1,3}(\.\d{3}){2,}": (
        "Read the file with thousands='.' and decimal=',' (pandas.read_csv)."
    ),
    r"[+-]?\d{1,3}([ '_\u00a0\u2009\u202f]\d{3})+([.,]\d+)?": (
        "Read the file with thousands= and the sign that separates them (pandas.read_csv)."
    ),
    r"[+-]?[\d.,]+\s*%": "Take the sign off first: column.str.rstrip('%').astype(float).",
    r"[$\u20ac\u00a3]\s*[+-]?[\d.,]+|[+-]?[\d.,]+\s*[$\u20ac\u00a3]": (
        "Take the currency off first, for example by column.str.strip('$')."
    ),
    r"\d{4}-\d\d?-\d\d?.*|\d\d?[./]\d\d?[./]\d{2,4}.*": (
        "Read dates by pandas.to_datetime and turn them into numbers, for example into days since "
        "the first."
    ),
    r"true|false": "Turn them into 1 and 0, for example by column.str.lower() == 'true'.",
}


class Column(NamedTuple):
    """The values of a column as objects, and what is said before and after one of them."""

    before: str
    values: np.ndarray
    after: str


class Fault(NamedTuple):
    """What is wrong with a column: the kind of its values, the first of them, and what to do."""

    kind: str
    example: str
    advice: str


def kind_of(value):
    """Return what kind of thing a value is: 'number', 'string', 'missing', 'date' and so on."""
    name = type(value).__name__
    if value is None or name in ("NAType", "NaTType"):  # pandas', which may not be installed
        return "missing"
    if isinstance(value, (str, bytes)):
        return "string"
    if isinstance(value, _DATES) or name == "Period":
        return "date"
    if isinstance(value, (complex, np.complexfloating)):
        return "complex"
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        return "huge"
    if isinstance(value, (Number, np.bool_)):
        return "number"
    if isinstance(value, Mapping):
        return "dict"
    if name == "Interval":
        return "interval"
    return "list" if isinstance(value, (list, tuple, np.ndarray)) else "object"


def is_missing(value):
    """Whether a value of an array of objects is none: None, NaN, NaT or pandas' NA."""
    return kind_of(value) == "missing" or is_nan(value)


def is_nan(value):
    """Whether a value of an array of objects is a float that is no number."""
    return isinstance(value, (float, np.floating)) and value != value


def holds_dates(values):
    """Whether an array of objects has dates of numpy's, which numpy would take for numbers."""
    return any(isinstance(value, (np.datetime64, np.timedelta64)) for value in values.flat)


def is_frame(data):
    """Whether data has columns with names and dtypes, whichever library it comes from."""
    return hasattr(data, "columns") and hasattr(data, "dtypes")


def name_of_column(data, k):
    """Return the name of column k of a frame; k if data has no names."""
    # As a list: the repr of a number of numpy's says more than the number
    return list(data.columns)[k] if is_frame(data) else int(k)


def refuse_what_is_no_table(name, data):
    """Raise an error if data is not even laid out as numbers are: a file name, a dict, records."""
    if issparse(data):
        return
    if data is None and name == "X":  # of y scikit-learn says it
        raise ValueError("X must be a table of rows and columns, got None.")
    if callable(getattr(type(data), "collect", None)):  # polars' and Dask's are computed later
        raise TypeError(
            f"{name} must be in memory, got a {type(data).__name__}: call its collect() first."
        )
    if isinstance(data, (str, bytes)) or hasattr(data, "__fspath__"):
        raise ValueError(
            f"{name} must hold the data itself, got {data!r}. {_ADVICE_ON_NAMES.get(name, _READ)}"
        )
    if isinstance(data, (Mapping, Set, Iterator)):
        remedy = "pandas.DataFrame" if isinstance(data, Mapping) else "list"
        raise TypeError(
            f"{name} must be an array or a data frame, got a {type(data).__name__}. Give "
            f"{remedy}({name}) instead."
        )
    if fields := getattr(getattr(data, "dtype", None), "names", None):
        raise ValueError(
            f"{name} must be a plain array, got a structured one with the fields {list(fields)}. "
            f"Give numpy.lib.recfunctions.structured_to_unstructured({name})."
        )
    names = list(data.columns) if is_frame(data) else []
    if len(set(names)) < len(names):
        repeated = [column for column in dict.fromkeys(names) if names.count(column) > 1]
        raise ValueError(f"{name} has several columns of the same name, {repeated}. Rename them.")


def fault_of(name, data, *, gaps=False):
    """Return an error that says what in the data is no number, or None if nothing is found.

    `gaps` says that values may be missing.
    """
    if data is None or issparse(data):
        return None
    if np.ndim(as_objects(data)) == 0:
        return TypeError(f"{name} must hold a value for each sample, got {data!r}.")
    if uneven := fault_of_rows(name, data):
        return uneven
    checked = [(column, _fault(column.values, gaps)) for column in _columns(data)]
    faults = [(column, fault) for column, fault in checked if fault is not None]
    if not faults:
        return None
    listed = [f"{column.before}{fault.example}{column.after}" for column, fault in faults[:_LISTED]]
    more = f" and {len(faults) - _LISTED} more" if len(faults) > _LISTED else ""
    which = "these columns do not: " if is_frame(data) else ""
    advice = " ".join(dict.fromkeys(fault.advice for _, fault in faults))
    advice = advice.replace(_ADVICE["string"], _ADVICE_OTHERWISE.get(name, _ADVICE["string"]))
    message = f"{name} must hold numbers, but {which}{', '.join(listed)}{more}. {advice}"
    if {fault.kind for _, fault in faults} & {"dict", "object"}:
        # In these words, because scikit-learn's check_estimator asks for them
        return TypeError(
            f"{message} A value of this argument must be a number, or a string that holds a number."
        )
    return ValueError(message)


def fault_of_rows(name, data):
    """Return an error if the rows are of several lengths."""
    if not isinstance(data, (list, tuple, np.ndarray)) or np.ndim(as_objects(data)) != 1:
        return None
    lengths = [np.size(row) if kind_of(row) == "list" else None for row in data]
    if len(set(lengths)) < 2:
        return None
    other = next(i for i, length in enumerate(lengths) if length != lengths[0])
    first, odd = (
        "is no row" if length is None else f"has {length} value{'' if length == 1 else 's'}"
        for length in (lengths[0], lengths[other])
    )
    return ValueError(
        f"{name} must have rows of the same length, but row 0 {first} and row {other} {odd}. Fill "
        "the shorter rows up, or leave them out."
    )


def fault_of_not_finite(said, given):
    """Return an error that says where X or y is not finite; None if that is not the fault.

    `said` is the message of scikit-learn, and `given` has X and y as the user gave them, by name.
    """
    match = re.match(r"Input (X|y) contains (NaN|infinity)", said)
    if match is None:
        return None
    name, what = match.groups()
    where = _columns_with(np.isnan if what == "NaN" else np.isinf, given[name])
    rest = "" if what == "NaN" else " or a value too large for a float"
    return ValueError(f"{match[0]}{rest}{where}. {_ADVICE_ON_FINITE[name, what]}")


def _columns_with(test, data):
    """Return words that name the columns with a value for which `test` is true."""
    try:
        values = np.asarray(data, dtype=np.float64)
    except (TypeError, ValueError):  # a sparse matrix, or objects: pandas' NA is no float
        objects = as_objects(data)
        values = np.array([np.nan if is_missing(value) else 0 for value in objects.flat])
        values = values.reshape(objects.shape)
    found = test(values)
    if found.ndim != 2 or found.shape[1] == 1:
        return ""
    names = [repr(name_of_column(data, k)) for k in np.flatnonzero(found.any(axis=0))]
    if len(names) == 1:
        return f" in column {names[0]}"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f" in the columns {', '.join(names[:_LISTED])}{more}"


def as_objects(data):
    """Return an array of objects: two-dimensional where the rows are of one length."""
    try:
        return np.asarray(data, dtype=object)
    except ValueError:  # rows whose first entries are of one length, and what is in them is not
        return np.fromiter(data, dtype=object, count=len(data))


def _columns(data):
    """Return the columns of a frame or of an array."""
    if is_frame(data):
        taken = (
            data.iloc[:, k] if hasattr(data, "iloc") else data[name]
            for k, name in enumerate(data.columns)
        )
        return [
            Column(f"{name!r} ({dtype}, for example ", _objects_of(column), ")")
            for name, dtype, column in zip(data.columns, data.dtypes, taken, strict=True)
        ]
    values = as_objects(data)
    if values.ndim < 2:
        return [Column("it has ", values, "")]
    columns = values.reshape(len(values), -1).T
    return [Column(f"column {k} has ", column, "") for k, column in enumerate(columns)]


def _objects_of(column):
    return np.fromiter(column.to_list(), dtype=object, count=len(column))


def _fault(values, gaps):
    """Return what is wrong with a column of objects, or None."""
    wrong = [value for value in values.flat if not _is_number(value)]
    if gaps:
        wrong = [value for value in wrong if kind_of(value) != "missing"]
    if not wrong:
        return None
    kinds = dict.fromkeys(map(kind_of, wrong))
    worst = next((kind for kind in kinds if kind != "missing"), "missing")
    same = [value for value in wrong if kind_of(value) == worst]
    advice = _advice_on_strings(same) if worst == "string" else _ADVICE[worst]
    return Fault(worst, shown(same[0]), advice)


def _is_number(value):
    if kind_of(value) == "string":
        try:
            float(value)
        except ValueError:
            return False
        return True
    # None becomes NaN, and scikit-learn says what there is to say about it
    return kind_of(value) == "number" or value is None


def _advice_on_strings(strings):
    texts = {str(s, errors="replace") if isinstance(s, bytes) else str(s) for s in strings}
    marks = sorted(text for text in texts if text.strip().lower() in _MARKS)
    rest = [text.strip() for text in texts if text not in marks]
    advice = []
    if marks:
        advice.append(f"Read the file with na_values={marks} (pandas.read_csv) and fill the gaps.")
    if rest:
        fitting = (
            words
            for pattern, words in _ADVICE_ON_STRINGS.items()
            if all(re.fullmatch(pattern, text, re.IGNORECASE) for text in rest)
        )
        advice.append(next(fitting, _ADVICE["string"]))
    return " ".join(advice)


def shown(value):
    """Return a value as it is shown in a message, not too long and without numpy's type."""
    if kind_of(value) == "huge":  # Python refuses to write the digits of the largest ones
        return f"a whole number of {value.bit_length()} bits"
    of_numpy = isinstance(value, (np.generic, np.ndarray)) and not isinstance(value, _DATES)
    text = repr(value.tolist() if of_numpy else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def as_error_of(error):
    """Return the class for an error in words in place of another."""
    # An InvalidParameterError of scikit-learn's is both
    return ValueError if isinstance(error, ValueError) else TypeError


def says_which(error, *names):
    """Whether an error of scikit-learn's names its data, and does not print all of it."""
    said = str(error)
    return without_values(said) == said and re.search(rf"\b({'|'.join(names)})\b", said)


def without_values(said):
    """Return a message without the values themselves, which scikit-learn may add to it."""
    return re.sub(r":?\s*\n(array=)?[\[\d(<].*?(\.\n|\n*$)", ". ", said, flags=re.DOTALL).strip()
