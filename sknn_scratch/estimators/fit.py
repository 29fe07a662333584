"""One call of fit or partial_fit: training, what is recorded after each epoch, when to stop."""

import copy
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import joblib
import numpy as np
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from sknn_scratch._warnings import warn
from sknn_scratch.engine.batches import Batch, MiniBatches
from sknn_scratch.engine.compiled import CompiledEpochs, can_compile
from sknn_scratch.engine.dropout import Dropout
from sknn_scratch.engine.lbfgs import lbfgs
from sknn_scratch.engine.monitor import Monitor
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.engine.training import NumpyEpochs, train
from sknn_scratch.estimators.advice import (
    divergence_message,
    lbfgs_not_converged,
    refuse_tiny_weights,
    warn_diverged,
    warn_not_converged,
    warn_of_large_alpha,
)
from sknn_scratch.estimators.build import build_optimizer, dropout_rates, l1_of_weights
from sknn_scratch.estimators.early_stopping import (
    N_PROBES,
    falling,
    is_sound_on,
    judge_of,
    unusable_message,
    validation_scores,
)
from sknn_scratch.estimators.hooks import LIFECYCLE
from sknn_scratch.estimators.interrupts import is_one_of_many_fits
from sknn_scratch.estimators.threads import blas_threads
from sknn_scratch.estimators.verbose import progress_table

# How many epochs partial_fit keeps in the history when there are twice as many. The five lists of
# 20,000 numbers hold 4 MB; to cut them once in 10,000 calls takes 0.1 ms.
EPOCHS_OF_A_STREAM = 10_000


@dataclass
class Start:
    """Where a fit begins; kept by ``warm_start="resume"``, it is where the next one goes on.

    generator : RandomState; n_samples : rows of X; order : the training rows in their present
    order, or None for a new fit. Where early stopping went back to better weights, flat and
    optimizer are the vector of parameters and the optimiser before that, else None.

    A checkpoint keeps more, so that the next fit is the rest of the same one: monitor; loss, which
    has seen the targets in their first order, so that sums over them are rounded alike; stopped,
    whether nothing is left to do; fingerprint, by which it knows the data again.
    """

    generator: Any
    n_samples: int
    order: Any = None
    flat: Any = None
    optimizer: Any = None
    monitor: Any = None
    loss: Any = None
    stopped: bool = False
    fingerprint: Any = None

    @property
    def unfinished(self):
        """Whether the next fit is the rest of this one, and not another."""
        return self.monitor is not None


class Fit:
    """Training of `estimator` from `params` on, which are changed in place.

    After each epoch the estimator's `loss_`, `history_` and curves are up to date. `dtype` is that
    of the weights that the estimator keeps. `callbacks`, a FitCallbacks or None, may be set before
    training, and so may `is_unfinished`: that the next fit, to the same data, will be the rest.
    """

    def __init__(self, estimator, objective, params, dtype, start, validation, incremental):
        self.estimator = estimator
        self.objective = objective
        self.params = params
        self.dtype = dtype
        self.start = start
        self.validation = validation
        self.incremental = incremental
        self.stops_early = estimator.early_stopping and estimator.solver in SOLVERS
        self.stopped = start.stopped
        self.header_printed = False
        self.optimizer = self.callbacks = self.data = None
        self.ended_by_itself = self.is_unfinished = False
        self.judge = f"validation_{estimator.early_stopping_on}" if self.stops_early else "loss"
        if start.unfinished:
            self.monitor = replace(
                start.monitor, tol=estimator.tol, n_iter_no_change=estimator.n_iter_no_change
            )
        else:
            self.monitor = self._monitor()
            estimator.n_iter_ = 0
        estimator.history_ = self._history()
        # lbfgs may find that there is nothing to do, and record no epoch
        estimator.loss_curve_ = estimator.history_.get("loss", [])

    @property
    def n_epochs_left(self):
        """Greatest number of epochs that may follow."""
        if self.stopped:
            return 0
        max_iter = 1 if self.incremental else self.estimator.max_iter
        return max(max_iter - self.estimator.n_iter_, 0)

    def _history(self):
        """Return the history to append to; what a failure gives back must not have grown.

        `fit` copies the lists. To copy them for each sample of a stream would take ever longer, so
        partial_fit appends to them, and `unchanged_on_failure` cuts them back.
        """
        estimator, history = self.estimator, self.estimator.history_
        if not self.incremental:
            return {name: list(values) for name, values in history.items()}
        n_epochs = len(history.get("loss", ()))
        if n_epochs < 2 * EPOCHS_OF_A_STREAM:
            return {
                name: values if isinstance(values, list) else list(values)
                for name, values in history.items()
            }
        estimator._n_epochs_dropped += n_epochs - EPOCHS_OF_A_STREAM
        return {name: list(values[-EPOCHS_OF_A_STREAM:]) for name, values in history.items()}

    def model_so_far(self, unfinished=False):
        """Return the estimator as it would be had training stopped now, sharing no arrays with it.

        `unfinished` keeps what its next fit needs to be the rest of this one.
        """
        model, so_far = copy.copy(self.estimator), copy.copy(self)
        for name in LIFECYCLE:
            vars(model).pop(name, None)
        so_far.estimator = model
        so_far.params = self.params.view(self.params.flat.copy())
        if self.optimizer is not None:
            so_far.optimizer = model._optimizer = copy.deepcopy(self.optimizer)
            so_far._end(unfinished)
        model._keep(so_far.params, self.dtype)
        return model

    def _optimizer(self, start):
        """Return the optimiser to train with: a copy of the last one, where it is to go on."""
        estimator = self.estimator
        new = build_optimizer(estimator)
        last = start.optimizer or getattr(estimator, "_optimizer", None)
        resumed = estimator.warm_start == "resume" and estimator.t_ > 0
        goes_on = self.incremental or resumed or start.unfinished
        if last is None or not goes_on or type(last.solver) is not type(new.solver):
            return new
        last = copy.deepcopy(last)
        if not self.incremental:
            # Parameters set between two fits are taken up; scikit-learn's partial_fit does not.
            last.solver = new.solver
            if not last.schedule.begins_like(new.schedule):
                new.schedule.n_epochs = last.schedule.n_epochs
                last.schedule = new.schedule
        return last

    def _monitor(self):
        estimator = self.estimator
        if self.stops_early:
            estimator.best_loss_ = None
            score = estimator.best_validation_score_
            if score is None:  # no fit before, or one that did not keep its best weights
                score = estimator.best_validation_score_ = -np.inf
            best = -score
            if self.judge == "validation_loss" and score != -np.inf:
                best = self._lowest_validation_loss()
        else:
            estimator.best_validation_score_ = estimator.validation_scores_ = None
            best = np.inf if estimator.best_loss_ is None else estimator.best_loss_
        return Monitor(
            estimator.tol,
            estimator.n_iter_no_change,
            best,
            estimator._no_improvement_count,
            self.params.flat.copy(),
        )

    def _lowest_validation_loss(self):
        losses = self.estimator.history_.get("validation_loss", [])
        return min((loss for loss in losses if not np.isnan(loss)), default=np.inf)

    def minimise(self, X, y, sample_weight):
        """Run a first-order solver over mini-batches, or over all samples at once."""
        estimator, start = self.estimator, self.start
        self.data = (X, y, sample_weight, *(self.validation or ()))
        if start.fingerprint is not None:
            self._check_same_data()
        self.optimizer = estimator._optimizer = self._optimizer(start)
        if start.flat is not None:
            self.params.flat[...] = start.flat
        if start.order is None:
            start.order = np.arange(y.shape[0])
            if self.stops_early and self.validation is None:
                start.order = rows_to_train_on(estimator, y, start.generator)
        self._hold_out(X, y, sample_weight, start.order)
        self._choose_judge()
        y, sample_weight = self._training_targets(y, sample_weight, start.order)
        batches = self._batches(X, y, sample_weight, start)
        if estimator.t_ == 0:
            mean = 1.0 if sample_weight is None else sample_weight[start.order].mean()
            size = batches.batch_size
            warn_of_large_alpha(estimator.alpha, float(mean * size), size)
        self._start_dropout(start.generator)
        engine = self._engine(batches)

        def on_epoch(epoch):
            return self._after_epoch(epoch, batches.n_samples)

        try:
            with blas_threads(self.params, batches.batch_size):
                self._begin_epoch()
                train(
                    self.optimizer,
                    self.objective,
                    self.params,
                    batches,
                    self.n_epochs_left,
                    on_epoch,
                    engine,
                )
        except KeyboardInterrupt:
            if is_one_of_many_fits() or not self._has_best():
                raise
            self._keep_best_of_interrupted()
        else:
            self._check_for_best()
            self.ended_by_itself = self.stopped or self.optimizer.schedule.is_over
            if not (self.incremental or self.ended_by_itself):
                warn_not_converged(estimator, self.judge)
        self._end()

    def _engine(self, batches):
        """Return the class that does the epochs: numpy's, unless others are asked for and can."""
        wanted = self.estimator.engine == "numba"
        if not (wanted and can_compile(self.optimizer, self.objective, batches)):
            return NumpyEpochs
        self.estimator.engine_ = "numba"
        return CompiledEpochs

    def _check_same_data(self):
        if _fingerprint(self.data) != self.start.fingerprint:
            raise ValueError(
                "A checkpoint goes on with the data of its fit, but X, y, sample_weight or the "
                "validation set are other ones. Give the same data in the same order, or train "
                "sklearn.base.clone(model) from the start."
            )

    def _hold_out(self, X, y, sample_weight, order):
        """Take the rows that are not in `order` for validation."""
        if order.size == X.shape[0]:
            return
        held_out = np.setdiff1d(np.arange(X.shape[0]), order)
        self.validation = _rows_of(X, y, sample_weight, held_out)
        if sample_weight is not None and not self.validation[2].any():
            raise ValueError(
                "sample_weight is zero for every sample that early_stopping has set aside for "
                "validation. Increase validation_fraction, or leave such samples out."
            )

    def _choose_judge(self):
        """See what early stopping is to go by, now that the validation set is known."""
        if not self.stops_early:
            return
        chosen = judge_of(self.estimator, self.data[1], self.validation, self._holds_out)
        if chosen != self.judge and not self.start.unfinished:
            self.monitor.best = self._lowest_validation_loss()
        self.judge = chosen

    @property
    def _holds_out(self):
        """Whether the validation set is a part of the training samples."""
        return self.start.order.size < self.start.n_samples

    def _training_targets(self, y, sample_weight, order):
        """Return y and the weights with which to train, of which the rows in `order` are used."""
        y, sample_weight = self.estimator._training_targets(y, sample_weight, self.incremental)
        if order.size == len(y):
            order = slice(None)  # in whatever order, and without a copy
        weight = None if sample_weight is None else sample_weight[order]
        if weight is not None and not weight.any():
            raise ValueError(
                "sample_weight is zero for every sample that is left to train on. Use fewer "
                "samples for validation, or leave out those without weight."
            )
        if weight is not None:
            mean = float(weight.mean(dtype=np.float64))
            refuse_tiny_weights(self.estimator.alpha, mean, weight.dtype)
        if self.start.loss is None:
            self.objective.loss.remember_targets(y[order], weight)
        else:
            self.objective.loss = self.start.loss
        return y, sample_weight

    def _end(self, unfinished=False):
        """Go back to the best weights if that is asked for, and keep what a resumed fit needs."""
        resumable = unfinished or self.is_unfinished or self.estimator.warm_start == "resume"
        flat = optimizer = None
        if self.stops_early:
            if resumable and np.isfinite(self.params.flat).all():
                flat, optimizer = self.params.flat.copy(), copy.deepcopy(self.optimizer)
            self._go_back_to_best()
        if resumable:
            start = self.start
            generator = copy.deepcopy(start.generator)  # others may draw from it
            point = Start(generator, start.n_samples, start.order.copy(), flat, optimizer)
            if unfinished or self.is_unfinished:
                point.monitor, point.stopped = copy.deepcopy(self.monitor), self.stopped
                point.loss = self.objective.loss
            if unfinished:  # and the next fit may be in another process, to other data
                start.fingerprint = start.fingerprint or _fingerprint(self.data)
                point.fingerprint = start.fingerprint
            self.estimator._resume_point = point

    def _check_for_best(self):
        """Refuse a training of which no epoch could be judged: there are no weights to keep."""
        if self.stops_early and self.estimator.n_iter_ and not self.monitor.has_best:
            raise ValueError(divergence_message(self.estimator))

    def _go_back_to_best(self):
        if not self.monitor.has_best:  # not yet: what there is so far is the best
            return
        self.params.flat[...] = self.monitor.best_flat
        if self.optimizer is not None and self.optimizer.state is not None:
            self.optimizer.state = self.optimizer.solver.restarted_at(
                self.params, self.optimizer.state
            )

    def _start_dropout(self, generator):
        rates = dropout_rates(self.estimator)
        if rates is None:
            return
        if self.optimizer.generator is None:
            # Ten times faster than the legacy RandomState, which draws its seed
            noise = np.random.SFC64(generator.randint(2**31 - 1))
            self.optimizer.generator = np.random.Generator(noise)
        self.objective.dropout = Dropout(rates, self.optimizer.generator)

    def _batches(self, X, y, sample_weight, start):
        estimator, n_samples = self.estimator, start.order.size
        full_batch = self.optimizer.solver.full_batch
        batch_size = n_samples if full_batch else samples_per_batch(estimator, n_samples)
        if estimator.shuffle and not full_batch:
            # Rows are taken from X as they are needed: no copy of the training part is made
            return MiniBatches(X, y, sample_weight, batch_size, start.order, start.generator)
        if n_samples < X.shape[0]:
            X, y, sample_weight = _rows_of(X, y, sample_weight, start.order)
        return MiniBatches(X, y, sample_weight, batch_size)

    def minimise_lbfgs(self, X, y, sample_weight):
        """Run scipy's L-BFGS-B over all samples."""
        estimator = self.estimator
        vars(estimator).pop("_optimizer", None)  # its state is that of other weights
        everything = np.arange(X.shape[0])
        data = Batch.of(X, *self._training_targets(y, sample_weight, everything))
        try:
            with blas_threads(self.params, data.n_samples):
                self._begin_epoch()
                result = lbfgs(
                    self.objective,
                    self.params,
                    data,
                    l1=l1_of_weights(estimator, self.params),
                    tol=estimator.tol,
                    max_iter=estimator.max_iter,
                    max_fun=estimator.max_fun,
                    on_epoch=lambda epoch: self._after_epoch(epoch, 0),
                )
        except KeyboardInterrupt:
            if is_one_of_many_fits() or not self._has_best():
                raise
            self._keep_best_of_interrupted()
            return
        estimator.n_iter_ = min(result.nit, estimator.max_iter)
        value = self.objective.value(self.params, data)
        estimator.loss_ = self._reported(value.loss, value.penalty)
        self.ended_by_itself = self.stopped or result.status == 0
        if not self.ended_by_itself:
            warn(lbfgs_not_converged(estimator, result), ConvergenceWarning)

    def _begin_epoch(self):
        if self.callbacks is not None and self.n_epochs_left:
            self.callbacks.begin_epoch()

    def _after_epoch(self, epoch, n_samples):
        """Record an epoch in which `n_samples` were seen; return True if training is to stop."""
        self._end_epoch(epoch, n_samples)
        if self.callbacks is not None:
            self.stopped |= self.callbacks.end_epoch()
            self._begin_epoch()
        return self.stopped

    def _end_epoch(self, epoch, n_samples):
        """Record an epoch, and see whether training is to stop."""
        estimator, monitor = self.estimator, self.monitor
        # What may take time, and be interrupted, comes first: an epoch is recorded whole or not
        entry = self._measure(epoch)
        estimator.n_iter_ += 1
        estimator.t_ += n_samples
        self._record(entry)
        improved = monitor.update(falling(self.judge, entry[self.judge]), self.params.flat)
        estimator._no_improvement_count = monitor.no_improvement_count
        if not self.stops_early:
            estimator.best_loss_ = monitor.best
        elif improved:
            estimator.best_validation_score_ = entry["validation_score"]
        if estimator.verbose:
            self._print_progress(entry | {"seconds": epoch.seconds})
        # Parameters that the last step has made infinite show in the next loss, or at the end
        if not isfinite(estimator.loss_):
            self._stop_diverged()
            return
        if self.stops_early and not monitor.has_best:
            self._check_validation_set(entry[self.judge])
        if self.optimizer is not None:
            self.optimizer.schedule.end_epoch(estimator.t_)
            self.stopped = monitor.on_plateau and self._stop_on_plateau()
        if estimator.stop_when is not None and estimator.stop_when(estimator.history_):
            self.stopped = True

    def _check_validation_set(self, value):
        """Refuse a validation set that no network can be judged by; it has made this of one."""
        X, y = (part[self.start.order] for part in self.data[:2])
        if is_sound_on(self.params, self.objective, X[:N_PROBES], y[:N_PROBES]):
            validation, training = self.validation, (X, y)
            message = unusable_message(self.judge, value, validation, training, self._holds_out)
            raise ValueError(message)

    def _measure(self, epoch):
        """Return what the history records: no clock times, so that equal fits are equal."""
        entry = {"loss": self._reported(epoch.loss, epoch.penalty)}
        entry["penalty"] = float(epoch.penalty)
        entry[self.objective.loss.score_name] = float(epoch.score)
        if self.validation is not None:
            entry |= self._validate()
        entry["learning_rate"] = epoch.learning_rate
        entry["nonzero_weights"] = int(np.count_nonzero(self.params.weights_flat))
        return entry

    def _record(self, entry):
        """Append an epoch to the history and the curves; what is not known of an epoch is NaN."""
        estimator, history = self.estimator, self.estimator.history_
        for name in entry:
            if name not in history:
                history[name] = [np.nan] * len(history.get("loss", []))
        for name, values in history.items():
            values.append(entry.get(name, np.nan))
        estimator.loss_ = entry["loss"]
        self._keep_curves()

    def _keep_curves(self):
        estimator, history = self.estimator, self.estimator.history_
        estimator.loss_curve_ = history["loss"]
        if self.validation is not None:
            estimator.validation_scores_ = history["validation_score"]

    def _validate(self):
        """Return loss, without penalties, and score on the validation set."""
        X, y, sample_weight = self.validation
        raw = validation_scores(self.params, self.objective.activations, X, sample_weight)
        if not np.isfinite(raw).all():
            return {"validation_loss": float("nan"), "validation_score": float("nan")}
        loss = self.objective.loss
        mean = np.average(loss.value(raw, y), weights=sample_weight)
        return {
            "validation_loss": self._reported(mean, 0.0),
            "validation_score": float(loss.mean_score(raw, y, sample_weight)),
        }

    def _reported(self, loss, penalty):
        n_outputs = self.params.units[-1]
        return float(self.objective.loss.reported(loss, penalty, n_outputs))

    def _print_progress(self, entry):
        number = self.estimator.n_iter_
        if self.incremental:  # each call is a line of one table
            number = self.estimator._n_epochs_dropped + len(self.estimator.loss_curve_)
            self.header_printed = number > 1
        print(progress_table(number, entry, with_header=not self.header_printed), flush=True)
        self.header_printed = True

    def _stop_on_plateau(self):
        """Stop, unless the schedule has a smaller step to go on with."""
        estimator = self.estimator
        going_on = self.optimizer.schedule.on_plateau()
        if going_on:
            estimator._no_improvement_count = self.monitor.no_improvement_count = 0
        if estimator.verbose:
            watched = "training loss" if self.judge == "loss" else self.judge.replace("_", " ")
            rate = self.optimizer.learning_rate
            print(
                f"{watched.capitalize()} did not improve more than tol={estimator.tol:f} for "
                f"{estimator.n_iter_no_change} consecutive epochs. "
                + (f"Setting learning rate to {rate:f}" if going_on else "Stopping.")
            )
        return not going_on

    def _stop_diverged(self):
        estimator = self.estimator
        if not (self.stops_early and self.monitor.has_best):
            raise ValueError(divergence_message(estimator))
        self.stopped = True
        self.optimizer.state = None  # not finite either
        warn_diverged(estimator)

    def _has_best(self):
        """Whether an interrupted training has anything to keep."""
        has_trained = self.estimator.n_iter_ > 0 and not self.incremental
        return has_trained and self.monitor.has_best

    def _keep_best_of_interrupted(self):
        warn(
            f"Training interrupted by user in epoch {self.estimator.n_iter_ + 1}: the best "
            "weights so far are kept.",
        )
        self.params.flat[...] = self.monitor.best_flat
        if self.optimizer is not None:
            self.optimizer.state = None  # it belonged to other weights, perhaps amid a step


def own_curves(estimator):
    """Give a copy of an estimator lists of its own, because partial_fit appends to them."""
    state = vars(estimator)
    history = state.get("history_", {})
    own = {id(values): list(values) for values in history.values()}
    for name in ("loss_curve_", "validation_scores_"):
        if id(state.get(name)) in own:  # otherwise nothing is appended to it
            state[name] = own[id(state[name])]
    if "history_" in state:
        state["history_"] = {name: own[id(values)] for name, values in history.items()}


def rows_to_train_on(estimator, y, generator):
    """Return the rows that `early_stopping` leaves to train on, drawn as by scikit-learn."""
    try:
        rows, held_out = train_test_split(
            np.arange(y.shape[0]),
            random_state=generator,
            test_size=estimator.validation_fraction,
            stratify=estimator._strata(y),
        )
    except ValueError as error:
        raise ValueError(
            "early_stopping=True could not set samples aside for validation with "
            f"validation_fraction={estimator.validation_fraction}: {error}"
        ) from error
    if held_out.size < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' "
            "or the size of your dataset."
        )
    return rows


def samples_per_batch(estimator, n_samples):
    """Return the size of a mini-batch, with a warning if there are fewer samples."""
    batch_size = estimator.batch_size
    if batch_size == "auto":
        return min(200, n_samples)
    if batch_size > n_samples:
        warn(
            f"Got `batch_size`={batch_size}, which is more than the {n_samples} training "
            "samples. It is going to be clipped",
        )
    return min(int(batch_size), n_samples)


def _fingerprint(data):
    """Return a hash of the values of arrays and sparse matrices, some of which may be None."""
    parts = []
    for array in data:
        parts += [array.data, array.indices, array.indptr] if issparse(array) else [array]
    # A hash of joblib's tells strides apart as well, which depend on where values came from
    return joblib.hash([part if part is None else np.ascontiguousarray(part) for part in parts])


def _rows_of(X, y, sample_weight, rows):
    return X[rows], y[rows], None if sample_weight is None else sample_weight[rows]
