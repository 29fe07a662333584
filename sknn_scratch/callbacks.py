"""Callbacks that scikit-learn lacks."""

import os
import pickle
import struct
import time
import zlib
from numbers import Integral
from pathlib import Path
from typing import Any

from sknn_scratch._files import replaced
from sknn_scratch._warnings import warn
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.estimators.base import BaseMLPScratch
from sknn_scratch.estimators.hooks import EPOCH, FitCallbacks, own_callbacks
from sknn_scratch.estimators.validation import is_number
from sknn_scratch.model_selection.search_progress import SearchProgress

__all__ = ["Checkpoint", "SearchProgress"]

_MAGIC = b"sknn_scratch checkpoint 1\n"
_SIZE_AND_CHECKSUM = struct.Struct("<QI")


class Checkpoint:
    """Callback that keeps a file with which a fit that was killed can be finished.

    :meth:`load` returns an estimator that predicts, and whose `fit` with the same data does the
    rest of the epochs. Weights, curves and history are then the same, to the bit, as those of a fit
    without a break. This holds for every solver but 'lbfgs'. The file holds the estimator with its
    parameters and callbacks, the state of the optimiser and of the random numbers, but not the
    data.

    Parameters
    ----------
    path : str or path-like
        The file. It is replaced atomically: whenever the process is killed, it holds the last
        checkpoint or the one before. While a checkpoint is written, ``path + ".tmp"`` exists too.

    every_epochs : int, default=None
        Number of epochs from one checkpoint to the next, counted over all fits of the model.

    every_seconds : float, default=None
        Least number of seconds between checkpoints: the first epoch that ends later writes the
        next one. If both are given, whichever is due first counts. If neither is, every epoch
        writes a checkpoint.

    Attributes
    ----------
    path : pathlib.Path
        The absolute path of the file.

    Raises
    ------
    ValueError
        If a parameter is not as described. In `fit`, if the solver is 'lbfgs', which cannot
        continue where it stopped, or if the estimator cannot be pickled. Also if the callback was
        set on anything but an `MLPScratchClassifier` or `MLPScratchRegressor`, or if that is part
        of a search, whose many fits would share the file.
    FileNotFoundError
        In `fit`, if the folder of the file does not exist.

    See Also
    --------
    sklearn.callback.ProgressBar : Shows how far a fit has come.
    sklearn.callback.ScoringMonitor : Records scores after each epoch.

    Notes
    -----
    A checkpoint is a pickle, and a pickle is code: load only what you trust. A callback, an
    activation or a `stop_when` of your own has to live in a module that can be imported where the
    checkpoint is loaded.

    If the file cannot be written, for example because the disk is full, a RuntimeWarning says so.
    Training goes on, and the last checkpoint is still there.

    After the last epoch the file holds the trained model, whose `fit` has nothing left to do
    unless you raise `max_iter`. `partial_fit` is one epoch; its checkpoint holds the model as it
    is, which `partial_fit` continues.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.callbacks import Checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> path = os.path.join(tempfile.mkdtemp(), "iris.checkpoint")
    >>> network = MLPScratchClassifier(5, solver="sgd", tol=0.01, random_state=0)
    >>> network = network.set_callbacks(Checkpoint(path, every_epochs=10)).fit(X, y)

    In another process, after the first was killed:

    >>> resumed = Checkpoint.load(path)
    >>> resumed = resumed.fit(X, y)
    >>> np.array_equal(resumed.coefs_[0], network.coefs_[0])
    True
    """

    def __init__(
        self,
        path: str | os.PathLike,
        *,
        every_epochs: int | None = None,
        every_seconds: float | None = None,
    ) -> None:
        if every_epochs is not None and not (
            is_number(every_epochs, Integral) and every_epochs >= 1
        ):
            raise ValueError(f"every_epochs must be a whole number >= 1, got {every_epochs!r}.")
        if every_seconds is not None and not (is_number(every_seconds) and every_seconds >= 0):
            raise ValueError(f"every_seconds must be a number >= 0, got {every_seconds!r}.")
        self.path = Path(path).absolute()
        self.every_epochs = every_epochs
        self.every_seconds = every_seconds
        self._last: float | None = None

    def __repr__(self):
        return (
            f"Checkpoint({str(self.path)!r}, every_epochs={self.every_epochs!r}, "
            f"every_seconds={self.every_seconds!r})"
        )

    def __getstate__(self):
        return vars(self) | {"_last": None}  # a clock that other processes do not share

    @staticmethod
    def load(path: str | os.PathLike) -> BaseMLPScratch:
        """Return the estimator in a checkpoint; its `fit` continues where the file was written.

        Parameters
        ----------
        path : str or path-like
            The file. The Checkpoint that wrote it is among the estimator's callbacks, and will
            continue to write this file.

        Returns
        -------
        estimator : MLPScratchClassifier or MLPScratchRegressor
            As it was after the last epoch before the file was written. With early stopping it
            has the best weights until then.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If the file is not a checkpoint, is truncated or damaged, or refers to something that
            cannot be imported.
        """
        path = Path(path).absolute()
        pickled = _checked(path.read_bytes(), path)
        try:
            content = pickle.loads(pickled)
        except (AttributeError, ImportError) as error:
            raise ValueError(
                f"The checkpoint {path} needs what is not there: {error}. What an estimator "
                "refers to must live in a module that can be imported, not in the script."
            ) from error
        content["checkpoint"].path = path
        return content["estimator"]

    # scikit-learn's protocol

    def setup(self, estimator: BaseMLPScratch, context: Any) -> None:
        """Check that the estimator can be trained in parts and written to a file."""
        if not isinstance(estimator, BaseMLPScratch):
            raise ValueError(
                "Checkpoint must be set on an MLPScratchClassifier or MLPScratchRegressor, not on "
                f"a {type(estimator).__name__}. In a Pipeline, set it on the network: "
                "pipeline[-1].set_callbacks(Checkpoint(...))."
            )
        if estimator.solver not in SOLVERS:
            raise ValueError(
                f"Checkpoint needs one of the solvers {list(SOLVERS)}, got {estimator.solver!r}: "
                "scipy's lbfgs cannot go on where it stopped."
            )
        while (context := context.parent) is not None:
            if not context.sequential_subtasks:
                raise ValueError(
                    f"Checkpoint writes one file, but {context.estimator_name} trains many "
                    "networks, which would share it. Set it on a network that is fitted alone, "
                    "for example with the best parameters."
                )
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"path={str(self.path)!r}: there is no such folder.")
        try:
            pickle.dumps((estimator.get_params(deep=False), own_callbacks(estimator)))
        except Exception as error:
            raise ValueError(
                "Checkpoint pickles the estimator with its parameters and callbacks, and one of "
                f"them cannot be pickled: {error}. Use functions and classes of a module, not "
                "lambdas."
            ) from error
        if self._last is None:
            self._last = time.monotonic()

    def teardown(self, estimator: BaseMLPScratch, context: Any) -> None:
        """Do nothing: there is nothing to close."""

    def on_fit_task_begin(self, estimator: BaseMLPScratch, context: Any) -> None:
        """Write the file if it is due, before another epoch begins.

        It is not written at the end of the last one, where another callback may still ask to stop.
        """
        if context.task_name != EPOCH or estimator.n_iter_ == 0:
            return
        if self._is_due(estimator):
            self._write(estimator)

    def on_fit_task_end(self, estimator: BaseMLPScratch, context: Any) -> None:
        """Write the file after the last epoch; in partial_fit, if it is due."""
        if context.task_name != EPOCH:
            return
        fit = FitCallbacks.of(estimator).fit
        if fit.n_epochs_left == 0 and (not fit.incremental or self._is_due(estimator)):
            self._write(estimator)

    def _is_due(self, estimator):
        if self.every_epochs is None and self.every_seconds is None:
            return True
        n_epochs = len(estimator.loss_curve_)
        return (self.every_epochs is not None and n_epochs % self.every_epochs == 0) or (
            self.every_seconds is not None and time.monotonic() - self._last >= self.every_seconds
        )

    def _write(self, estimator):
        fit = FitCallbacks.of(estimator).fit
        model = fit.model_so_far(unfinished=not fit.incremental)
        vars(model).pop("_parent_callback_ctx", None)
        model.set_callbacks(*own_callbacks(estimator))
        pickled = pickle.dumps({"estimator": model, "checkpoint": self}, protocol=5)
        unfinished = self.path.with_name(self.path.name + ".tmp")
        try:
            with replaced(self.path, unfinished) as file:
                file.write(_MAGIC + _SIZE_AND_CHECKSUM.pack(len(pickled), zlib.crc32(pickled)))
                file.write(pickled)
        except OSError as error:
            warn(
                f"The checkpoint {self.path} could not be written: {error}. Training goes on.",
                RuntimeWarning,
            )
        self._last = time.monotonic()


def _checked(content, path):
    """Return what was pickled; nothing of a foreign or damaged file is unpickled."""
    if not content.startswith(_MAGIC):
        raise ValueError(
            f"{path} is not a checkpoint of this version of sknn_scratch. Checkpoint.load reads "
            "what Checkpoint wrote; a model file is read by joblib.load."
        )
    begin = len(_MAGIC) + _SIZE_AND_CHECKSUM.size
    if len(content) > begin:
        size, checksum = _SIZE_AND_CHECKSUM.unpack_from(content, len(_MAGIC))
        pickled = memoryview(content)[begin:]
        if len(pickled) == size and zlib.crc32(pickled) == checksum:
            return pickled
    raise ValueError(f"The checkpoint {path} is truncated or damaged: it cannot be used.")
