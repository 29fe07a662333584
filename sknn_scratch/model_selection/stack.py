"""Many networks trained at once, each as `fit` of its own estimator would train it.

The networks stand along two leading axes, (n_streams, n_models). Those of one stream see the same
samples in the same order, so that a batch is gathered once and used by all of them.
"""

import copy
from dataclasses import fields, is_dataclass, replace
from itertools import chain
from typing import NamedTuple

import joblib
import numpy as np
from sklearn.utils import check_random_state

from sknn_scratch.engine.dropout import Dropout
from sknn_scratch.engine.initializers import INITIALIZERS, draw_parameters
from sknn_scratch.engine.monitor import MonitorStack
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.outputs import quiet
from sknn_scratch.engine.parameters import Parameters, count_parameters
from sknn_scratch.engine.schedules import ScheduleStack
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.engine.training import Optimizer, train
from sknn_scratch.estimators.advice import (
    divergence_message,
    refuse_tiny_weights,
    warn_diverged,
    warn_if_nothing_learned,
    warn_not_converged,
    warn_of_large_alpha,
)
from sknn_scratch.estimators.build import (
    build_activations,
    build_optimizer,
    build_penalties,
    check_combinations,
    dropout_rates,
    empty_parameters,
    hidden_units,
    initial_gains,
    together,
)
from sknn_scratch.estimators.classifier import MLPScratchClassifier
from sknn_scratch.estimators.early_stopping import (
    falling,
    is_sound_on,
    unusable_message,
    validation_scores,
)
from sknn_scratch.estimators.fit import samples_per_batch
from sknn_scratch.estimators.regressor import MLPScratchRegressor
from sknn_scratch.estimators.threads import blas_threads
from sknn_scratch.model_selection.streams import Streams

# Parameters in which the networks of a stack may differ: arrays there, numbers in one network
_PER_NETWORK = {
    *("alpha", "l1", "l2", "weight_decay", "max_iter", "tol", "n_iter_no_change", "max_fun"),
    *("learning_rate", "learning_rate_init", "power_t", "warmup_epochs"),
    *("momentum", "beta_1", "beta_2", "epsilon", "random_state", "init"),
}

# A stack is made smaller when that saves this part of its arithmetic; to copy what is left of it
# costs as much as a few steps.
_WORTH_COMPACTING = 0.25


def stack_key(estimator):
    """Return what the networks of a stack have in common, or None for one to be trained alone.

    Alone is trained what the engine cannot stack, and what is not right: `fit` then says why.
    """
    if type(estimator) not in (MLPScratchClassifier, MLPScratchRegressor):
        return None
    try:
        estimator._validate_params()
        check_combinations(estimator, incremental=False)
        build_activations(estimator, len(hidden_units(estimator)))
        schedule = build_optimizer(estimator).schedule
    except (ValueError, TypeError):  # also for lbfgs, of which there is no optimiser
        return None
    alone = (
        estimator.verbose
        or estimator.warm_start == "resume"
        or estimator.stop_when is not None
        or estimator.engine == "numba"
    )
    if alone:
        return None
    common = {k: v for k, v in vars(estimator).items() if k not in _PER_NETWORK}
    return _key([type(estimator), common, schedule.is_line_search, bool(np.any(estimator.l1))])


def network_key(estimator):
    """Return what estimators have in common that are one network, after more or fewer epochs."""
    own = {k: v for k, v in vars(estimator).items() if k in _PER_NETWORK}
    if estimator.random_state is None or not build_optimizer(estimator).schedule.endless:
        return object()  # equal to no other
    return _key({**own, "max_iter": None})


def _key(value):
    try:
        return joblib.hash(value)
    except Exception:  # a function that cannot be pickled, for example
        return object()


def stream_key(estimator):
    """Return what, beside the samples, the order depends on in which they are visited."""
    seed = estimator.random_state
    if seed is None:
        return None
    if isinstance(seed, np.random.RandomState):
        seed = joblib.hash(seed.get_state())
    return seed, estimator.init  # the initialiser draws first, and not always as many numbers


def bytes_per_network(estimator, samples):
    """Return about how much memory one network more takes in a stack."""
    (n_samples, n_features), n_outputs = samples.X.shape, samples.y.shape[1]
    units = [n_features, *hidden_units(estimator), n_outputs]
    # parameters, gradient, scratch, the best weights, and two vectors of the solver
    vectors = 6 * count_parameters(units)
    if SOLVERS[estimator.solver].full_batch:
        n_rows = n_samples
    else:
        n_rows = min(200 if estimator.batch_size == "auto" else estimator.batch_size, n_samples)
    return samples.X.itemsize * (vectors + 2 * n_rows * sum(units[1:]))


class Outcome(NamedTuple):
    """What the training of an estimator ended with, or None; and its share of the time."""

    error: Exception | None
    seconds: float


def _generator(random_state):
    if isinstance(random_state, np.random.RandomState):
        random_state = copy.deepcopy(random_state)
    return check_random_state(random_state)


class Stack:
    """Estimators to be fitted together.

    Parameters
    ----------
    streams : list of lists of lists of estimators
        For each stream its networks, as many as for the other streams, and for each network its
        estimators, which are not fitted and have a `network_key` in common: they are the network
        at the end of so many epochs. The networks have a `stack_key` in common, and those of a
        stream a `stream_key`.
    samples : list of Samples
        For each stream; all of one `kind`. Streams may share them.

    Attributes
    ----------
    outcomes : dict of id of an estimator -> Outcome
        How the training of each estimator ended.

    Raises
    ------
    ValueError
        If one of the estimators cannot be fitted to its samples.
    """

    def __init__(self, streams, samples):
        networks = list(chain.from_iterable(streams))
        self.waiting = [sorted(network, key=lambda e: e.max_iter) for network in networks]
        self.outcomes = {}
        self.seconds = np.zeros(len(networks))  # per estimator of each network
        self.history = {}
        self.n_epochs = 0
        lead = len(streams), len(streams[0])
        self.members = np.arange(len(networks)).reshape(lead)
        self.running = np.ones(lead, dtype=bool)
        for stream, one in zip(streams, samples, strict=True):
            for estimator in chain.from_iterable(stream):
                vars(estimator).update(one.attributes)
        # What the estimators of a network have in common is read from one of them
        self.estimators = [network[0] for network in networks]
        self.first = self.estimators[0]
        self.loss = self.first._loss()

        one = samples[0]
        units = [one.X.shape[1], *hidden_units(self.first), one.y.shape[1]]
        self.params = empty_parameters(self.first, units, one.X.dtype, lead)
        generators = self._draw_parameters()
        self.streams = Streams([stream[0][0] for stream in streams], samples, generators)
        self.dropout = self._dropout(generators)
        optimizers = [build_optimizer(estimator) for estimator in self.estimators]
        schedules = np.empty(lead, dtype=object)
        schedules.flat = [optimizer.schedule for optimizer in optimizers]
        self.optimizer = Optimizer(None, ScheduleStack(schedules, self.params.flat.dtype))
        self.batch_size = self.streams.n_samples
        if not SOLVERS[self.first.solver].full_batch:
            self.batch_size = samples_per_batch(self.first, self.streams.n_samples)
        self._check_alphas(streams)
        self.monitor = self._monitor()
        self.best_score = np.full(lead, -np.inf)
        self._build()

    def _draw_parameters(self):
        """Draw the weights of each network; return the generators of the streams after that."""
        # A generator that was given is everyone's: each takes a copy, as a clone would
        generators = [_generator(estimator.random_state) for estimator in self.estimators]
        vectors = self.params.flat.reshape(len(generators), -1)
        for member, (generator, flat) in enumerate(zip(generators, vectors, strict=True)):
            estimator = self.estimators[member]
            network = self.params.view(flat)
            initializer, gains = INITIALIZERS[estimator.init], initial_gains(estimator)
            draw_parameters(network, initializer, gains, generator)
            for one in self.waiting[member]:
                one._set_fitted_shape(network, continued=False)
        return generators[:: self.running.shape[1]]

    def _check_alphas(self, streams):
        for stream, weight in zip(streams, self.streams.mean_weights(), strict=True):
            for estimator in chain.from_iterable(stream):
                refuse_tiny_weights(estimator.alpha, float(weight), self.streams.y.dtype)
                batch_weight = float(weight * self.batch_size)
                warn_of_large_alpha(estimator.alpha, batch_weight, self.batch_size)

    def _dropout(self, generators):
        rates = dropout_rates(self.first)
        if rates is None:
            return None
        noise = [np.random.Generator(np.random.SFC64(g.randint(2**31 - 1))) for g in generators]
        return Dropout(rates, noise, lead=(len(noise), 1))

    def _monitor(self):
        tol, patience = self._of_each("tol"), self._of_each("n_iter_no_change")
        best, count = np.full(tol.shape, np.inf), np.zeros(tol.shape, dtype=int)
        best_flat = self.params.flat.copy() if self.first.early_stopping else None
        return MonitorStack(tol, patience, best, count, best_flat)

    def _of_each(self, name):
        values = [getattr(estimator, name) for estimator in self.estimators]
        return np.reshape(values, self.members.shape)

    def _build(self):
        """Make what depends on which networks are left."""
        estimators = [self.estimators[member] for member in self.members.flat]
        solvers = [build_optimizer(estimator).solver for estimator in estimators]
        self.optimizer.solver = together(solvers, self.params.flat)
        with quiet():
            self.streams.show_targets(self.loss)
        self.objective = Objective(
            build_activations(self.first, len(self.params.weights) - 1),
            self.loss,
            build_penalties(estimators, self.params),
            self.params,
            self.dropout,
        )
        shuffle = self.first.shuffle and not self.optimizer.solver.full_batch
        self.batches = self.streams.batches(self.batch_size, shuffle)

    # Training

    def fit(self):
        """Train every network to its end, and leave its estimator fitted."""
        longest = max(network[-1].max_iter for network in self.waiting)
        with (
            quiet(),
            blas_threads(self.params, self.batch_size),
        ):
            while self.running.any():
                train(
                    self.optimizer,
                    self.objective,
                    self.params,
                    self.batches,
                    longest - self.n_epochs,
                    self._end_epoch,
                )
                self._compact()

    def _end_epoch(self, epoch):
        """Record an epoch; return True if nothing is left to train, or a smaller stack to do so."""
        self.n_epochs += 1
        entry = self._measure(epoch)
        self._record(entry)
        self._share_out(epoch.seconds)
        improved = self.monitor.update(self._watched(entry), self.params.flat)
        if self.first.early_stopping:
            self.best_score[improved] = entry["validation_score"][improved]
        for place in self._places(~np.isfinite(entry["loss"])):
            self._end_all(place, diverged=True)
        if self.first.early_stopping:
            self._refuse_validation_sets(entry)
        self.optimizer.schedule.end_epoch(self.n_epochs * self.streams.n_samples)
        for place in self._places(self.monitor.on_plateau):
            if self.optimizer.schedule.on_plateau(place):
                self.monitor.no_improvement_count[place] = 0
            else:
                self._end_all(place)
        for place in self._places(True):
            waiting = self.waiting[self.members[place]]
            while waiting and waiting[0].max_iter == self.n_epochs:  # a candidate may come twice
                self._end(place, stopped=False)
        return np.prod(self._shape_left()) <= (1 - _WORTH_COMPACTING) * self.running.size

    def _places(self, where):
        """Return the places of the networks still running for which `where` is true."""
        return [tuple(place) for place in np.argwhere(self.running & where)]

    def _measure(self, epoch):
        """Return what the history records of an epoch, for each network."""
        entry = {"loss": self._reported(epoch.loss, epoch.penalty)}
        entry["penalty"] = epoch.penalty
        entry[self.loss.score_name] = epoch.score
        if self.streams.validation is not None:
            entry |= self._validate()
        entry["learning_rate"] = epoch.learning_rate[..., 0]
        entry["nonzero_weights"] = np.count_nonzero(self.params.weights_flat, axis=-1)
        return entry

    def _validate(self):
        """Return loss, without penalties, and score on the validation set."""
        X, y, weight = self.streams.validation
        raw = validation_scores(self.params, self.objective.activations, X, weight)
        per_sample = self.loss.value(raw, y)
        if weight is not None:
            weight = np.broadcast_to(weight, per_sample.shape)
        loss = self._reported(np.average(per_sample, axis=-1, weights=weight), 0.0)
        finite = np.isfinite(raw).all(axis=(-1, -2))
        score = np.full(finite.shape, np.nan)
        for place in self._places(finite):
            stream, own = place[0], None if weight is None else weight[place]
            score[place] = self.loss.mean_score(raw[place], y[stream, 0], own)
        return {"validation_loss": np.where(finite, loss, np.nan), "validation_score": score}

    def _reported(self, loss, penalty):
        return self.loss.reported(loss, penalty, self.params.units[-1])

    def _record(self, entry):
        """Append to the history a row with a number for each network, NaN if it does not run."""
        running = self.members[self.running]
        for name, values in entry.items():
            row = np.full(len(self.estimators), np.nan)
            row[running] = values[self.running] if np.ndim(values) else values
            self.history.setdefault(name, []).append(row)

    def _share_out(self, seconds):
        """Add what an epoch took to the time of each network that runs, and of its estimators."""
        running = self.members[self.running]
        n_estimators = np.array([len(self.waiting[member]) for member in running])
        self.seconds[running] += seconds / running.size / n_estimators

    def _watched(self, entry):
        """Return the numbers whose fall is progress."""
        judges = self.streams.judges
        return np.stack([falling(judge, entry[judge][s]) for s, judge in enumerate(judges)])

    def _refuse_validation_sets(self, entry):
        """End each network that cannot be judged on its validation set, though it is sound."""
        without = ~self.monitor.has_best
        if not (self.running & without).any():
            return
        sound = is_sound_on(self.params, self.objective, *self.streams.probes())
        for place in self._places(without & sound):
            stream, judge = place[0], self.streams.judges[place[0]]
            samples = self.streams.validation_of(stream), self.streams.training_of(stream)
            value = float(entry[judge][place])
            message = unusable_message(judge, value, *samples, self.streams.holds_out)
            self._end_all(place, error=ValueError(message))

    # The end of a network's training

    def _end_all(self, place, diverged=False, error=None):
        """Take a network out of the training for good."""
        for _ in range(len(self.waiting[self.members[place]])):
            self._end(place, stopped=True, diverged=diverged, error=error)

    def _end(self, place, stopped, diverged=False, error=None):
        """Leave the next estimator of a network fitted, or with the error that is its end.

        Without another estimator the network ends.
        """
        member, early_stopping = self.members[place], self.first.early_stopping
        estimator = self.waiting[member].pop(0)
        self.running[place] = bool(self.waiting[member])
        flat = (self.monitor.best_flat if early_stopping else self.params.flat)[place]
        self._keep_curves(estimator, place)
        try:
            if error is not None:
                raise error
            if not self.monitor.has_best[place] if early_stopping else diverged:
                raise ValueError(divergence_message(estimator))
            if diverged:
                warn_diverged(estimator)
            ended_by_itself = stopped or self.optimizer.schedule.is_over(place)
            if not ended_by_itself:
                warn_not_converged(estimator, self.streams.judges[place[0]])
            params = estimator._keep(self.params.view(flat.copy()), flat.dtype)
            estimator._check_outputs(params, self.streams.samples_of(place[0]))
            if ended_by_itself:
                warn_if_nothing_learned(estimator, params, *self.streams.given_to(place[0]))
        except Exception as raised:  # a warning, where these are errors, as well
            error = raised
        self.outcomes[id(estimator)] = Outcome(error, self.seconds[member])

    def _keep_curves(self, estimator, place):
        member = self.members[place]
        history = {
            name: [float(row[member]) for row in rows] for name, rows in self.history.items()
        }
        history["nonzero_weights"] = [int(n) for n in history["nonzero_weights"]]
        estimator.history_ = history
        estimator.n_iter_ = self.n_epochs
        estimator.t_ = self.n_epochs * self.streams.n_samples
        estimator.loss_curve_ = history["loss"]
        estimator.loss_ = history["loss"][-1]
        estimator._no_improvement_count = int(self.monitor.no_improvement_count[place])
        estimator.validation_scores_ = history.get("validation_score")
        if estimator.early_stopping:
            estimator.best_validation_score_ = float(self.best_score[place])
        else:
            estimator.best_loss_ = float(self.monitor.best[place])

    # What is left

    def _shape_left(self):
        """Return the number of streams with a network that runs, and of networks in the fullest."""
        n_running = self.running.sum(axis=1)
        return np.count_nonzero(n_running), n_running.max(initial=0)

    def _compact(self):
        """Make the stack as small as the networks that still run allow.

        A stream with fewer of them than another keeps some that have ended, for the shape's sake.
        """
        n_models = self._shape_left()[1]
        streams = np.flatnonzero(self.running.any(axis=1))
        models = np.argsort(~self.running[streams], axis=1, kind="stable")[:, :n_models]
        index = streams[:, None], models
        self.members, self.running = self.members[index], self.running[index]
        self.best_score = self.best_score[index]
        self.params = self.params.view(self.params.flat[index])
        self.monitor = _taken(self.monitor, index)
        self.optimizer.state = _taken(self.optimizer.state, index)
        self.optimizer.schedule.schedules = self.optimizer.schedule.schedules[index]
        self.streams.keep(streams)
        if self.dropout is not None:
            generators = [self.dropout.generators[stream] for stream in streams]
            self.dropout = Dropout(self.dropout.rates, generators, lead=(len(streams), 1))
        if self.running.size:
            self._build()


def _taken(value, index):
    """Return what belongs to the networks at `index` of a record of numbers and arrays."""
    if isinstance(value, Parameters):
        return value.view(value.flat[index])
    if is_dataclass(value):
        return replace(
            value, **{f.name: _taken(getattr(value, f.name), index) for f in fields(value)}
        )
    return value[index] if isinstance(value, np.ndarray) else value
