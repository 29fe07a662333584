"""Models to files and back: joblib, skops, ONNX and plain text.

:func:`save` and :func:`load` are ``joblib.dump`` and ``joblib.load``, or those of skops where the
name of the file ends in ``.skops``. There are three additions: a file is complete or not there at
all; it has a checksum; and one that cannot be read says why. What either writes the other reads.
:func:`to_onnx` and :func:`to_json` are for prediction without Python.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import joblib
from sklearn.base import BaseEstimator

from sknn_scratch._files import replaced, seal, seal_holds
from sknn_scratch._optional import optional
from sknn_scratch.onnx_export.conversion import to_onnx
from sknn_scratch.plain_file import to_json

__all__ = ["load", "save", "to_json", "to_onnx"]

_OTHER_FORMS = {
    ".json": "Use Path({!r}).write_text(to_json(model)).",
    ".onnx": "Use Path({!r}).write_bytes(to_onnx(model, X).SerializeToString()).",
}
_ZIP = b"PK\x03\x04"  # what skops writes
# A pickle of protocol 2 or later; compressed by zlib, gzip, bz2, xz, lzma or lz4
_JOBLIB = (b"\x80", b"\x78", b"\x1f\x8b", b"BZ", b"\xfd7zXZ", b"\x5d\x00", b"\x04\x22\x4d\x18")
# What a skops file may hold. Written out, so that nothing is trusted only because it is public
_OURS = [
    "sknn_scratch.MLPScratchClassifier",
    "sknn_scratch.MLPScratchRegressor",
    "sknn_scratch.ensemble.MLPBaggingClassifier",
    "sknn_scratch.ensemble.MLPBaggingRegressor",
    "sknn_scratch.tabular.ColumnsOfKind",
    "sknn_scratch.tabular.PiecewiseLinearEncoder",
    "sknn_scratch.tabular.ScaledTargetRegressor",
    "sknn_scratch.tabular.SmoothClip",
    "sknn_scratch.tabular.TableTransformer",
    "sknn_scratch.tabular.read_categories",
    "sknn_scratch.tabular.read_numbers",
    # The recipes for tables make float32 by it; it runs no code of a file
    "numpy.asarray",
    "numpy.dtype",
]


def save(model: BaseEstimator, path: str | os.PathLike) -> None:
    """Write a model to a file, which is replaced only once all of it is written.

    Parameters
    ----------
    model : estimator
        An estimator of this package, or one that holds it: a Pipeline, a GridSearchCV.
    path : str or path-like
        The file; one that is there is replaced. If its name ends in ``.skops`` it is written by
        skops, else by joblib.

    Raises
    ------
    TypeError
        If `model` is not an estimator.
    ValueError
        If skops cannot write it, or the name ends in ``.onnx`` or ``.json``, which other functions
        write.
    ImportError
        If the name ends in ``.skops`` and skops is not installed.
    OSError
        If the file cannot be written. A file that was there is then as it was.
    """
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"model must be an estimator, got {type(model).__name__}.")
    suffix = Path(path).suffix
    if suffix in _OTHER_FORMS:
        raise ValueError(f"save writes no {suffix} files. {_OTHER_FORMS[suffix].format(str(path))}")
    with_skops = suffix == ".skops"
    dump = optional("skops.io").dump if with_skops else joblib.dump
    with replaced(Path(path)) as file:
        try:
            dump(model, file)
        except RecursionError as error:  # so ends skops 0.16 with the requests of any estimator
            raise ValueError(
                "skops cannot write this model, because of metadata requests that were set on a "
                "part of it: set_fit_request and the like. Write it by joblib."
            ) from error
        if not with_skops:  # whose archives have checksums of their own
            seal(file)


def load(path: str | os.PathLike, *, trusted: Sequence[str | type] = ()) -> BaseEstimator:
    """Read a model that :func:`save`, joblib or skops has written.

    A joblib file is code, and runs when it is read: load only what you trust. A skops file is not.

    Parameters
    ----------
    path : str or path-like
        The file, of either kind whatever its name.
    trusted : list of str or type, default=()
        Types that a skops file may hold beside those of this package's estimators and those that
        skops trusts of itself, for example a class of activations of your own. A joblib file may
        hold anything.

    Returns
    -------
    model : estimator
        The model that was saved.

    Warns
    -----
    ModelVersionWarning
        If another version of this package wrote the file.

    Raises
    ------
    ValueError
        If the file is truncated or damaged, or is not a model file at all.
    TypeError
        If it holds something that is not an estimator, or a skops file types that are not trusted.
    ImportError
        If a module or class that it needs is not there, or skops is not installed.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.model_files import load, save
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPScratchClassifier(10, solver="lbfgs", random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, Path(folder) / "iris.joblib")
    ...     loaded = load(Path(folder) / "iris.joblib")
    >>> bool((loaded.predict_proba(X) == model.predict_proba(X)).all())
    True
    """
    with open(path, "rb") as file:
        head = file.read(8)
        file.seek(0)
        if head.startswith(_ZIP):
            model = _load_skops(file, path, trusted)
        elif head.startswith(_JOBLIB):
            model = _load_joblib(file, path)
        else:
            found = f"begins with {head!r}" if head else "is empty"
            raise ValueError(
                f"{str(path)!r} is not a model file: it {found}, unlike those of joblib and skops."
            )
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"{str(path)!r} holds a {type(model).__name__}, not an estimator.")
    return model


def _load_joblib(file, path):
    intact = seal_holds(file)
    if intact is False:
        raise _damaged(path, "its content does not match its checksum")
    file.seek(0)
    try:
        return joblib.load(file)
    except (ImportError, AttributeError) as error:
        raise ImportError(
            f"{str(path)!r} needs something that is not there: {error}. Install or import what "
            "the model was made of; classes and functions of your own have to be in a module."
        ) from error
    except Warning:  # is an exception where a filter says so
        raise
    except Exception as error:  # pickle, numpy and the compressors each have their own
        if intact and isinstance(error, MemoryError):
            raise
        raise _damaged(path, f"reading it ended in {type(error).__name__}: {error}") from error


def _load_skops(file, path, trusted):
    skops = optional("skops.io")
    untrusted = optional("skops.io.exceptions").UntrustedTypesFoundException
    try:
        return skops.load(file, trusted=[*_OURS, *trusted])
    except (untrusted, ImportError, Warning):
        raise
    except Exception as error:
        raise _damaged(path, f"reading it ended in {type(error).__name__}: {error}") from error


def _damaged(path, reason):
    return ValueError(
        f"{str(path)!r} is truncated or damaged, or not a model file: {reason}. Write the model to "
        "a file again, or get another copy."
    )
