"""One call of fit or partial_fit: how it begins, what each epoch ends with, how it ends."""

import copy
from contextlib import nullcontext
from math import isfinite
from numbers import Integral

import numpy as np

from sknn_scratch.engine.batches import Batch
from sknn_scratch.engine.compiled import kernels
from sknn_scratch.engine.lbfgs import lbfgs
from sknn_scratch.engine.outputs import quiet
from sknn_scratch.engine.progress import Ending
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.engine.training import train
from sknn_scratch.estimators.advice import report_ending, warn_if_nothing_learned
from sknn_scratch.estimators.build import (
    build_dropout,
    build_objective,
    check_combinations,
    epochs_class,
    first_parameters,
    l1_of_weights,
)
from sknn_scratch.estimators.early_stopping import (
    N_PROBES,
    is_sound_on,
    judge_of,
    measured_on,
    unusable_message,
)
from sknn_scratch.estimators.epoch_count import tell_of_epoch
from sknn_scratch.estimators.fitted import (
    check_outputs,
    keep_parameters,
    keep_shape,
    show_curves,
    show_progress,
)
from sknn_scratch.estimators.hooks import LIFECYCLE, FitCallbacks
from sknn_scratch.estimators.interrupts import end_if_asked, is_one_of_many_fits
from sknn_scratch.estimators.prepare import (
    check_training_weight,
    held_out,
    mini_batches,
    prepare,
    rows_to_train_on,
)
from sknn_scratch.estimators.resume import (
    Mode,
    check_same_data,
    fingerprint,
    first_optimizer,
    first_progress,
    taken_resume_point,
)
from sknn_scratch.estimators.rollback import unchanged_on_failure
from sknn_scratch.estimators.threads import blas_threads
from sknn_scratch.estimators.validation import is_number
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
    used_up=False,
):
    """Fit an estimator, whose parameters have been checked, and return it.

    `validation` is the user's set as (X, y, sample_weight). `incremental` says that this is
    partial_fit, `unfinished` that the next fit is to be the rest of this one. `used_up` says that
    nobody else needs the place where the last one stopped.
    """
    arguments = X, y, sample_weight
    with unchanged_on_failure(estimator), quiet():
        check_combinations(estimator, incremental)
        if estimator.engine == "numba":
            kernels()
        mode = Mode.of(estimator, incremental)
        continued = mode.continues(estimator)
        data = prepare(
            estimator, *arguments, validation, continued=continued, incremental=incremental
        )
        holds_out = estimator.early_stopping and data.validation is None
        n_samples = data.X.shape[0]
        point = taken_resume_point(estimator, mode, n_samples, holds_out, used_up=used_up)
        params = first_parameters(estimator, data.X, data.y, point.generator, continued=continued)
        keep_shape(estimator, params, data.loss)
        Fit(estimator, mode, point, params, data, arguments, unfinished).run()
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
    arguments : tuple of X, y, sample_weight
        As the user gave them, for callbacks and for the names of columns.
    unfinished : bool
        Whether the next fit is to be the rest of this one, to the same data.

    Attributes
    ----------
    progress : Progress
        What training has come to. The estimator's attributes show it at the end, and after each
        epoch if anything looks at it there.
    is_observed : bool
        Whether anything looks at the network after each epoch.
    """

    def __init__(self, estimator, mode, point, params, data, arguments, unfinished=False):
        self.estimator, self.mode, self.point = estimator, mode, point
        self.params, self.data, self.arguments = params, data, arguments
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
            self.callbacks = FitCallbacks(self, *arguments)
        self.is_observed = (
            self.callbacks is not None
            or self.validation is not None
            or estimator.stop_when is not None
            or bool(estimator.verbose)
        )
        show_curves(estimator, self.progress, self.validation)
        show_progress(estimator, self.progress, self.validation)

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
        estimator, optimizer, generator = self.estimator, self.optimizer, self.point.generator
        targets, full_batch = self._training_targets(), optimizer.solver.full_batch
        begins = self.progress.n_samples_seen == 0
        batches = mini_batches(
            estimator, self.data.X, *targets, self.order, generator, full_batch, begins
        )
        dropout = build_dropout(estimator, optimizer, generator)
        self.objective = build_objective(estimator, self.loss, self.params, dropout)
        epochs = epochs_class(estimator, optimizer, self.objective, batches)
        estimator.engine_ = epochs.engine

        def on_epoch(epoch):
            return self._after_epoch(epoch, batches.n_samples)

        def minimise():
            parts = optimizer, self.objective, self.params, batches
            return train(*parts, self.n_epochs_left, on_epoch, epochs, self._n_epochs_at_once)

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
        """Return y and the weights with which to train. The rows in `order` of both are used."""
        y, sample_weight = self.data.training_y, self.data.training_weight
        rows = self.order if self._holds_out else slice(None)  # without a copy
        weight = None if sample_weight is None else sample_weight[rows]
        check_training_weight(
            weight, self.arguments[1], self.estimator.alpha, incremental=self.incremental
        )
        if self.point.loss is None:
            self.loss.remember_targets(y[rows], weight)
        return y, sample_weight

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

    def _n_epochs_at_once(self):
        """Return how many epochs may be done before anything looks at the first of them."""
        return 1 if self.is_observed else self.progress.n_epochs_to_plateau

    def _after_epoch(self, epoch, n_samples):
        """Record an epoch in which `n_samples` were seen; return the Ending, or None to go on."""
        end_if_asked()
        progress = self.progress
        progress.ending = self._end_epoch(epoch, n_samples)
        tell_of_epoch()
        if self.callbacks is not None and not progress.is_lost:
            if self.callbacks.end_epoch() and progress.ending is None:
                progress.ending = Ending.CALLBACK
            self._begin_epoch()
        return progress.ending

    def _end_epoch(self, epoch, n_samples):
        progress, stop_when = self.progress, self.estimator.stop_when
        # What may take time, and be interrupted, comes first: an epoch is recorded whole or not
        entry = self._measure(epoch)
        progress.record(entry, n_samples, epoch.flat)
        ending, new_rate = self._judge(entry, epoch.flat)
        if self.is_observed:
            show_progress(self.estimator, progress, self.validation)
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
            parts = self.params, self.objective.activations, self.loss
            entry |= measured_on(self.validation, *parts)
        entry["learning_rate"] = epoch.learning_rate
        weights = epoch.flat[: self.params.weights_flat.size]
        entry["nonzero_weights"] = int(np.count_nonzero(weights))
        return entry

    def _reported(self, loss, penalty):
        return float(self.loss.reported(loss, penalty, self.params.units[-1]))

    def _judge(self, entry, flat):
        """Return the Ending that the epoch calls for, and the learning rate after a plateau.

        Both may be None. On a plateau the schedule may have a lower rate with which to go on.
        """
        # Parameters that the last step has made infinite show in the next loss, or at the end
        if not isfinite(entry["loss"]) and not np.isfinite(flat).all():
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
        show_curves(estimator, self.progress, self.validation)
        show_progress(estimator, self.progress, self.validation)
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
            vars(model).pop("_optimizer", None)  # its state belongs to other weights
            return
        progress, model._optimizer = self.progress, optimizer
        # First, as long as `params` and the optimiser are those of the last epoch
        if unfinished or self.estimator.warm_start == "resume":
            model._resume_point = self.point.next_point(
                self.order, progress, params, optimizer, is_over=self._owns_generator(model)
            )
        if unfinished:
            model._resume_point.add_rest(progress, self.loss, self.point.fingerprint)
        if progress.keeps_best and progress.has_best:  # else what there is so far is the best
            params.flat[...] = progress.best_flat
            if optimizer.state is not None:
                optimizer.state = optimizer.solver.restarted_at(params, optimizer.state)

    def _owns_generator(self, model):
        """Whether nobody draws from the generator of this call once it has left the model."""
        # A generator of the user's, or numpy's own, is not made from a number
        return model is self.estimator and is_number(self.estimator.random_state, Integral)
