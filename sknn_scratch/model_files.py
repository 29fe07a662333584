"""Models to files and back: joblib, skops and ONNX.

:func:`save` and :func:`load` are ``joblib.dump`` and ``joblib.load``, or those of skops where the
name of the file ends in ``.skops``, with three additions: a file is complete or not there at all;
it has a checksum; and one that cannot be read says why. What either writes the other reads.
:func:`to_onnx` is for prediction without Python.
"""

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sknn_scratch._files import replaced, seal, seal_holds
from sknn_scratch._pipelines import last_step
from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.estimators.classifier import MLPScratchClassifier
from sknn_scratch.estimators.regressor import MLPScratchRegressor

__all__ = ["load", "save", "to_onnx"]

_ZIP = b"PK\x03\x04"  # what skops writes
# A pickle of protocol 2 or later; compressed by zlib, gzip, bz2, xz, lzma or lz4
_JOBLIB = (b"\x80", b"\x78", b"\x1f\x8b", b"BZ", b"\xfd7zXZ", b"\x5d\x00", b"\x04\x22\x4d\x18")


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
        If skops cannot write it.
    ImportError
        If the name ends in ``.skops`` and skops is not installed.
    OSError
        If the file cannot be written. A file that was there is then as it was.
    """
    if not isinstance(model, BaseEstimator):
        raise TypeError(f"model must be an estimator, got {type(model).__name__}.")
    with_skops = Path(path).suffix == ".skops"
    dump = _optional("skops.io").dump if with_skops else joblib.dump
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
    skops = _optional("skops.io")
    untrusted = _optional("skops.io.exceptions").UntrustedTypesFoundException
    try:
        return skops.load(file, trusted=[MLPScratchClassifier, MLPScratchRegressor, *trusted])
    except (untrusted, ImportError, Warning):
        raise
    except Exception as error:
        raise _damaged(path, f"reading it ended in {type(error).__name__}: {error}") from error


def _damaged(path, reason):
    return ValueError(
        f"{str(path)!r} is truncated or damaged, or not a model file: {reason}. Write the model to "
        "a file again, or get another copy."
    )


def _optional(module):
    """Import a module of an optional package."""
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(
            f'{package} is needed for this: pip install "sknn-scratch[interop]".'
        ) from error


def to_onnx(model: BaseEstimator, X: Any) -> Any:
    """Return a fitted model in the ONNX format, to predict where there is no Python.

    It is converted by skl2onnx by way of scikit-learn's estimator (`to_sklearn`), then run in
    onnxruntime: what is returned has predicted on X what `model` predicts.

    Parameters
    ----------
    model : MLPScratchClassifier, MLPScratchRegressor or Pipeline
        The fitted model; in a Pipeline such an estimator is the last step.
    X : array-like of shape (n_samples, n_features)
        Samples to compare the predictions on. float32 gives a model whose input is float32, all
        else one whose input is float64.

    Returns
    -------
    converted : onnx.ModelProto
        To be written by ``Path(...).write_bytes(converted.SerializeToString())``. A classifier has
        the outputs 'label' and 'probabilities', a regressor has 'variable', of shape
        (n_samples, 1).

    Raises
    ------
    ValueError
        If scikit-learn's estimator, skl2onnx or onnxruntime does not know a part of the model, or
        if the predictions differ by more than 1e-5 (of the largest, if that is more than 1), or
        the labels differ.
    TypeError
        If `model` is of another class.
    NotFittedError
        If it is not fitted.
    ImportError
        If skl2onnx or onnxruntime is not installed.
    """
    skl2onnx, onnxruntime = _optional("skl2onnx"), _optional("onnxruntime")
    theirs = _in_sklearn(model)
    check_is_fitted(model)
    samples = np.asarray(X)
    if samples.dtype != np.float32:
        samples = samples.astype(np.float64)
    # Probabilities as an array, not as a list of dicts
    options = {id(theirs): {"zipmap": False}} if is_classifier(theirs) else None
    try:
        with np.errstate(invalid="ignore"):  # labels that are cut are put right below
            converted = skl2onnx.to_onnx(theirs, samples[:1], options=options)
    except Exception as error:  # each of the two packages has several of its own
        raise _not_convertible(f"{type(error).__name__}: {error}") from error
    if is_classifier(model):
        _put_in_labels(converted, model.classes_)
    try:
        outputs = _predicted(onnxruntime, converted, samples)
    except Exception as error:
        raise _not_convertible(f"{type(error).__name__}: {error}") from error
    expected = model.predict_proba(X) if is_classifier(model) else model.predict(X)
    _check_same(outputs[-1], expected.reshape(len(expected), -1))
    if is_classifier(model):
        _check_same_labels(outputs[0], model.predict(X), expected)
    return converted


def _in_sklearn(model):
    """Return the model with scikit-learn's estimator in place of ours."""
    if not isinstance(last_step(model), BaseMLPScratch):
        raise TypeError(
            "model must be an estimator of this package, or a Pipeline that ends in one, got "
            f"{model!r}."
        )
    if not isinstance(model, Pipeline):
        return model.to_sklearn()
    *before, (name, last) = model.steps
    return Pipeline([*before, (name, _in_sklearn(last))])


def _put_in_labels(converted, classes):
    """Put integer labels in place of those of skl2onnx, which cuts them to 32 bits."""
    extractors = [node for node in converted.graph.node if node.op_type == "ArrayFeatureExtractor"]
    if classes.dtype.kind not in "iuf" or not extractors:
        return  # strings, whole as they are; or several labels, which are 0 and 1
    labels = classes.astype(np.int64)
    if labels.tolist() != classes.tolist():
        raise _not_convertible(f"labels in ONNX are integers of 64 bits, but classes_ is {classes}")
    table = extractors[-1].input[0]
    for initializer in converted.graph.initializer:
        if initializer.name == table:
            initializer.CopyFrom(_optional("onnx").numpy_helper.from_array(labels, table))


def _predicted(onnxruntime, converted, samples):
    """Return the outputs of the converted model; the last is what a regressor has, or all scores.

    A classifier has its labels before its probabilities.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; skl2onnx declares shapes that are not those it makes
    session = onnxruntime.InferenceSession(
        converted.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: samples})


def _check_same(given, expected):
    if given.shape != expected.shape:
        raise _not_convertible(
            f"what comes out predicts an array of shape {given.shape}, not {expected.shape}"
        )
    worst = np.abs(given - expected).max() / max(1, np.abs(expected).max())
    if not worst <= 1e-5:
        raise _not_convertible(f"predictions of what comes out differ by up to {worst:.0e}")


def _check_same_labels(given, expected, probabilities):
    """Compare the labels of the samples on which rounding does not decide."""
    if expected.ndim == 2:
        decided = np.abs(probabilities - 0.5) > 1e-4
    else:
        *_, second, first = np.sort(probabilities, axis=1).T
        decided = first - second > 1e-4
    if given.shape != expected.shape:
        raise _not_convertible(
            f"what comes out predicts labels of shape {given.shape}, not {expected.shape}"
        )
    wrong = decided & (given != expected)
    if wrong.any():
        raise _not_convertible(
            f"what comes out predicts the label {given[wrong][0]!r} in place of "
            f"{expected[wrong][0]!r}"
        )


def _not_convertible(reason):
    return ValueError(
        f"This model cannot be converted to ONNX by way of skl2onnx and run in onnxruntime: "
        f"{reason}. Some models can in float32 only, some with enough precision in float64 only: "
        "give X of the other dtype."
    )
