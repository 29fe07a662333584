"""One call of fit or partial_fit: how it begins, what each epoch ends with, how it ends."""

import copy
from contextlib import nullcontext
from dataclasses import replace
from math import isfinite

import numpy as np

from sknn_scratch.engine.batches import Batch, MiniBatches
from sknn_scratch.engine.compiled import CompiledEpochs, can_compile, kernels
from sknn_scratch.engine.dropout import Dropout
from sknn_scratch.engine.lbfgs import lbfgs
from sknn_scratch.engine.outputs import quiet
from sknn_scratch.engine.progress import Ending
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.engine.training import NumpyEpochs, train
from sknn_scratch.estimators.advice import (
    report_ending,
    warn_if_nothing_learned,
    warn_of_large_alpha,
)
from sknn_scratch.estimators.build import (
    build_objective,
    check_combinations,
    dropout_rates,
    first_parameters,
    l1_of_weights,
    samples_per_batch,
)
from sknn_scratch.estimators.early_stopping import (
    N_PROBES,
    is_sound_on,
    judge_of,
    unusable_message,
    validation_scores,
)
from sknn_scratch.estimators.fitted import check_outputs, keep_parameters, keep_shape
from sknn_scratch.estimators.hooks import LIFECYCLE, FitCallbacks
from sknn_scratch.estimators.interrupts import end_if_asked, is_one_of_many_fits
from sknn_scratch.estimators.prepare import (
    check_training_weight,
    held_out,
    prepare,
    rows_of,
    rows_to_train_on,
)
from sknn_scratch.estimators.resume import (
    Mode,
    ResumePoint,
    check_same_data,
    fingerprint,
    first_optimizer,
    first_progress,
    taken_resume_point,
)
from sknn_scratch.estimators.rollback import unchanged_on_failure
from sknn_scratch.estimators.threads import blas_threads
from sknn_scratch.estimators.verbose import ProgressTable, print_plateau


def fit_network(
    estimator,
    X,
    y,
    sample_weight=None,
    validation=(None, None, None),
    *,
    incremental=False,
    unfinished=False,
):
    """Fit an estimator, whose parameters have been checked, and return it.

    `validation` is the user's set as (X, y, sample_weight); `incremental` says that this is
    partial_fit, `unfinished` that the next fit is to be the rest of this one.
    """
    given = X, y, sample_weight
    with unchanged_on_failure(estimator), quiet():
        check_combinations(estimator, incremental)
        if estimator.engine == "numba":
            kernels()
        mode = Mode.of(estimator, incremental)
        continued = mode.continues(estimator)
        data = prepare(estimator, *given, validation, continued=continued, incremental=incremental)
        holds_out = estimator.early_stopping and data.validation is None
        point = taken_resume_point(estimator, mode, data.X.shape[0], holds_out)
        params = first_parameters(estimator, data.X, data.y, point.generator, continued=continued)
        keep_shape(estimator, params, data.loss)
        Fit(estimator, mode, point, params, data, given, unfinished).run()
    return estimator


class Fit:
    """One call of fit or partial_fit of `estimator`.

    Parameters
    ----------
    mode : Mode
    point : ResumePoint
        Where the call begins.
    params : Parameters
        Those to train, in place.
    data : Prepared
    given : tuple of X, y, sample_weight
        As the user gave them, for callbacks.
    unfinished : bool
        Whether the next fit is to be the rest of this one, to the same data.

    Attributes
    ----------
    progress : Progress
        What training has come to. After each epoch the estimator's attributes show it.
    """

    def __init__(self, estimator, mode, point, params, data, given, unfinished=False):
        self.estimator, self.mode, self.point = estimator, mode, point
        self.params, self.data = params, data
        self.loss = point.loss or data.loss
        self.unfinished = unfinished
        check_same_data(point, data.arrays)
        stops_early = estimator.early_stopping and estimator.solver in SOLVERS
        self.order = point.order
        if self.order is None:
            holds_out = stops_early and data.validation is None
            self.order = rows_to_train_on(estimator, data.y, point.generator, holds_out)
        self.validation = held_out(data.samples, self.order) or data.validation
        watched = "loss"
        if stops_early:
            watched = judge_of(estimator, data, self.validation, self._holds_out)
        self.progress = first_progress(estimator, mode, point, watched, params.flat)
        self.optimizer = self.objective = self.scipy_result = None
        self.table = ProgressTable(goes_on=mode is Mode.PARTIAL and bool(self.progress.history))
        self.callbacks = None
        if hasattr(estimator, "_skl_callbacks"):
            self.callbacks = FitCallbacks(self, *given)
        self._show_curves()
        self._show_progress()

    @property
    def _holds_out(self):
        """Whether the validation set is a part of the training samples."""
        return self.order.size < self.point.n_samples

    @property
    def incremental(self):
        """Whether this is a call of partial_fit."""
        return self.mode is Mode.PARTIAL

    @property
    def n_epochs_left(self):
        """Greatest number of epochs that may follow."""
        if self.progress.ending is not None:
            return 0
        max_iter = 1 if self.incremental else self.estimator.max_iter
        return max(max_iter - self.progress.n_epochs, 0)

    def run(self):
        """Train the network to an ending; leave the estimator with what was found."""
        with self.callbacks or nullcontext():
            if self.estimator.solver == "lbfgs":
                batch_size, minimise = self._prepared_lbfgs()
            else:
                batch_size, minimise = self._prepared_first_order()
            if self.progress.ending is None:
                self.progress.ending = self._trained(batch_size, minimise)
            self._end()

    # How it begins

    def _prepared_first_order(self):
        """Return the size of a batch, and the function that trains with a first-order solver."""
        self.optimizer = first_optimizer(self.estimator, self.mode, self.point)
        if self.point.flat is not None:
            self.params.flat[...] = self.point.flat
        batches = self._batches(*self._training_targets())
        self.objective = build_objective(self.estimator, self.loss, self.params, self._dropout())
        epochs = self._epochs(batches)

        def on_epoch(epoch):
            return self._after_epoch(epoch, batches.n_samples)

        def minimise():
            parts = self.optimizer, self.objective, self.params, batches
            return train(*parts, self.n_epochs_left, on_epoch, epochs)

        return batches.batch_size, minimise

    def _prepared_lbfgs(self):
        """Return the number of samples, and the function that trains with scipy's L-BFGS-B."""
        batch = Batch.of(self.data.X, *self._training_targets())
        self.objective = build_objective(self.estimator, self.loss, self.params)
        estimator, progress = self.estimator, self.progress

        def minimise():
            result = self.scipy_result = lbfgs(
                self.objective,
                self.params,
                batch,
                l1=l1_of_weights(estimator, self.params),
                tol=estimator.tol,
                max_iter=estimator.max_iter,
                max_fun=estimator.max_fun,
                on_epoch=lambda epoch: self._after_epoch(epoch, 0),
            )
            progress.n_epochs = min(result.nit, estimator.max_iter)
            value = self.objective.value(self.params, batch)
            progress.loss = self._reported(value.loss, value.penalty)
            converged = Ending.CONVERGED if result.status == 0 else Ending.NOT_CONVERGED
            return progress.ending or converged

        return batch.n_samples, minimise

    def _training_targets(self):
        """Return y and the weights with which to train, of which the rows in `order` are used."""
        y, sample_weight = self.data.training_y, self.data.training_weight
        rows = self.order if self._holds_out else slice(None)  # without a copy
        weight = None if sample_weight is None else sample_weight[rows]
        check_training_weight(weight, self.estimator.alpha)
        if self.point.loss is None:
            self.loss.remember_targets(y[rows], weight)
        return y, sample_weight

    def _batches(self, y, sample_weight):
        """Return the mini-batches of an epoch."""
        estimator, X, order = self.estimator, self.data.X, self.order
        full_batch = self.optimizer.solver.full_batch
        size = order.size if full_batch else samples_per_batch(estimator, order.size)
        if self.progress.n_samples_seen == 0:
            mean = 1.0 if sample_weight is None else sample_weight[order].mean()
            warn_of_large_alpha(estimator.alpha, float(mean * size), size)
        if estimator.shuffle and not full_batch:
            # Rows are taken from X as they are needed: no copy of the training part is made
            return MiniBatches(X, y, sample_weight, size, order, self.point.generator)
        if self._holds_out:
            X, y, sample_weight = rows_of((X, y, sample_weight), order)
        return MiniBatches(X, y, sample_weight, size)

    def _dropout(self):
        """Return the dropout of the layers, or None."""
        rates = dropout_rates(self.estimator)
        if rates is None:
            return None
        if self.optimizer.generator is None:
            # Ten times faster than the legacy RandomState, which draws its seed
            noise = np.random.SFC64(self.point.generator.randint(2**31 - 1))
            self.optimizer.generator = np.random.Generator(noise)
        return Dropout(rates, self.optimizer.generator)

    def _epochs(self, batches):
        """Return the class that does the epochs: numpy's, unless others are asked for and can."""
        wanted = self.estimator.engine == "numba"
        if not (wanted and can_compile(self.optimizer, self.objective, batches)):
            return NumpyEpochs
        self.estimator.engine_ = "numba"
        return CompiledEpochs

    # What happens epoch by epoch

    def _trained(self, batch_size, minimise):
        """Train, and return the ending."""
        try:
            with blas_threads(self.params, batch_size):
                self._begin_epoch()
                return minimise()
        except KeyboardInterrupt:
            has_trained = self.progress.n_epochs > 0 and not self.incremental
            if not (has_trained and self.progress.has_best) or is_one_of_many_fits():
                raise
            return Ending.INTERRUPTED

    def _begin_epoch(self):
        if self.callbacks is not None and self.n_epochs_left:
            self.callbacks.begin_epoch()

    def _after_epoch(self, epoch, n_samples):
        """Record an epoch in which `n_samples` were seen; return the Ending, or None to go on."""
        end_if_asked()
        progress = self.progress
        progress.ending = self._end_epoch(epoch, n_samples)
        if self.callbacks is not None and not progress.is_lost:
            if self.callbacks.end_epoch() and progress.ending is None:
                progress.ending = Ending.CALLBACK
            self._begin_epoch()
        return progress.ending

    def _end_epoch(self, epoch, n_samples):
        progress, stop_when = self.progress, self.estimator.stop_when
        # What may take time, and be interrupted, comes first: an epoch is recorded whole or not
        entry = self._measure(epoch)
        progress.record(entry, n_samples, self.params.flat)
        ending, new_rate = self._judge(entry)
        self._show_progress()
        if self.estimator.verbose:
            self._print(entry | {"seconds": epoch.seconds}, ending, new_rate)
        if ending is Ending.DIVERGED:
            return ending
        if progress.keeps_best and not progress.has_best:
            self._check_validation_set(entry[progress.watched])
        asks_to_stop = stop_when is not None and stop_when(progress.history)
        return Ending.RULE if asks_to_stop and ending is None else ending

    def _measure(self, epoch):
        """Return what the history records: no clock times, so that equal fits are equal."""
        entry = {
            "loss": self._reported(epoch.loss, epoch.penalty),
            "penalty": float(epoch.penalty),
            self.loss.score_name: float(epoch.score),
        }
        if self.validation is not None:
            entry |= self._validate()
        entry["learning_rate"] = epoch.learning_rate
        entry["nonzero_weights"] = int(np.count_nonzero(self.params.weights_flat))
        return entry

    def _validate(self):
        """Return loss, without penalties, and score on the validation set."""
        X, y, sample_weight = self.validation
        raw = validation_scores(self.params, self.objective.activations, X, sample_weight)
        if not np.isfinite(raw).all():
            return {"validation_loss": float("nan"), "validation_score": float("nan")}
        mean = np.average(self.loss.value(raw, y), weights=sample_weight)
        return {
            "validation_loss": self._reported(mean, 0.0),
            "validation_score": float(self.loss.mean_score(raw, y, sample_weight)),
        }

    def _reported(self, loss, penalty):
        return float(self.loss.reported(loss, penalty, self.params.units[-1]))

    def _judge(self, entry):
        """Return the Ending that the epoch calls for, and the learning rate after a plateau.

        Both may be None. On a plateau the schedule may have a lower rate with which to go on.
        """
        # Parameters that the last step has made infinite show in the next loss, or at the end
        if not isfinite(entry["loss"]):
            if self.optimizer is not None:
                self.optimizer.state = None  # may not be finite either
            return Ending.DIVERGED, None
        if self.optimizer is None:  # scipy judges by itself
            return None, None
        schedule = self.optimizer.schedule
        schedule.end_epoch(self.progress.n_samples_seen)
        if not self.progress.on_plateau:
            return None, None
        if not schedule.on_plateau():
            return Ending.PLATEAU, None
        self.progress.n_stale_epochs = 0
        return None, schedule.learning_rate

    def _show_progress(self):
        """Let the estimator's attributes say what the progress is."""
        estimator, progress = self.estimator, self.progress
        if progress.n_epochs <= 1:  # later epochs are appended to the same lists
            self._show_curves()
        if progress.keeps_best:
            estimator.best_loss_ = None
            estimator.best_validation_score_ = progress.best_score
        else:
            estimator.best_loss_ = progress.best if progress.n_epochs or progress.has_best else None
            estimator.best_validation_score_ = None
        if progress.loss is not None:
            estimator.loss_ = progress.loss
        estimator.n_iter_ = progress.n_epochs
        estimator.t_ = progress.n_samples_seen
        estimator._no_improvement_count = progress.n_stale_epochs

    def _show_curves(self):
        estimator, history = self.estimator, self.progress.history
        estimator.history_ = history
        # lbfgs may find that there is nothing to do, and record no epoch
        estimator.loss_curve_ = history.get("loss", [])
        estimator.validation_scores_ = None
        if self.validation is not None:
            estimator.validation_scores_ = history.get("validation_score")
        estimator._n_epochs_dropped = self.progress.n_epochs_dropped

    def _print(self, entry, ending, new_rate):
        progress = self.progress
        number = progress.n_epochs
        if self.incremental:
            number = progress.n_epochs_dropped + len(progress.history["loss"])
        self.table.print_epoch(number, entry)
        if ending is Ending.PLATEAU or new_rate is not None:
            print_plateau(progress, new_rate)

    def _check_validation_set(self, value):
        """Refuse a validation set that no network can be judged by; it has made this of one."""
        X, y = (part[self.order] for part in (self.data.X, self.data.y))
        if is_sound_on(self.params, self.objective, X[:N_PROBES], y[:N_PROBES]):
            watched, validation = self.progress.watched, self.validation
            raise ValueError(unusable_message(watched, value, validation, (X, y), self._holds_out))

    # How it ends

    def _end(self):
        """Report the ending; leave the estimator with the weights that it is to keep."""
        estimator, ending = self.estimator, self.progress.ending
        self._show_progress()
        if not self.incremental or self.progress.is_lost:
            report_ending(estimator, self.progress, self.scipy_result)
        if ending is Ending.INTERRUPTED:
            self.params.flat[...] = self.progress.best_flat
            if self.optimizer is not None:
                self.optimizer.state = None  # it belonged to other weights, perhaps amid a step
        self._leave(estimator, self.params, self.optimizer, self.unfinished)
        kept = keep_parameters(estimator, self.params, self.data.dtype)
        check_outputs(estimator, kept, self.loss, self.data.X)
        if not (self.incremental or ending.is_premature):
            warn_if_nothing_learned(estimator, self.params, self.data)

    def model_so_far(self, unfinished=False):
        """Return the estimator as it would be had training stopped now, sharing no arrays with it.

        `unfinished` keeps what its next fit needs to be the rest of this one.
        """
        model = copy.copy(self.estimator)
        for name in LIFECYCLE:
            vars(model).pop(name, None)
        params = self.params.view(self.params.flat.copy())
        if unfinished and self.point.fingerprint is None:
            self.point.fingerprint = fingerprint(self.data.arrays)
        self._leave(model, params, copy.deepcopy(self.optimizer), unfinished)
        keep_parameters(model, params, self.data.dtype)
        return model

    def _leave(self, model, params, optimizer, unfinished):
        """Leave a model its optimiser, and where to go on; put the best weights into `params`."""
        if optimizer is None:
            vars(model).pop("_optimizer", None)  # its state is that of other weights
            return
        model._optimizer = optimizer
        last_flat = last_optimizer = None
        resumable = unfinished or self.estimator.warm_start == "resume"
        if self.progress.keeps_best:
            if resumable and np.isfinite(params.flat).all():
                last_flat, last_optimizer = params.flat.copy(), copy.deepcopy(optimizer)
            self._go_back_to_best(params, optimizer)
        if resumable:
            generator = copy.deepcopy(self.point.generator)  # others may draw from it
            model._resume_point = ResumePoint(
                generator, self.point.n_samples, self.order.copy(), last_flat, last_optimizer
            )
        if unfinished:
            best_flat = self.progress.best_flat.copy()
            progress = replace(self.progress, history={}, best_flat=best_flat)
            model._resume_point.progress, model._resume_point.loss = progress, self.loss
            model._resume_point.fingerprint = self.point.fingerprint

    def _go_back_to_best(self, params, optimizer):
        if not self.progress.has_best:  # not yet: what there is so far is the best
            return
        params.flat[...] = self.progress.best_flat
        if optimizer.state is not None:
            optimizer.state = optimizer.solver.restarted_at(params, optimizer.state)
