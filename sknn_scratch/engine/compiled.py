"""Epochs in compiled code: what it can do, and how a fit is handed to it.

The loops themselves are in `kernels`. They need numba, which is imported only if it is asked for.
"""

import importlib
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import issparse

import sknn_scratch.engine.activations as activations
import sknn_scratch.engine.kernels.records as records
import sknn_scratch.engine.losses as losses
import sknn_scratch.engine.penalties as penalties
import sknn_scratch.engine.solvers as solvers
from sknn_scratch.engine.batches import MiniBatches
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.target_weights import weight_of_samples
from sknn_scratch.engine.training import Epoch, Optimizer

# A call of compiled code cannot be interrupted. These keep it to a fraction of a second. The noise
# for dropout is drawn beforehand: at most 2 MB. What several epochs in a call take is at most 1 MB.
_MULTIPLICATIONS_PER_CALL = 2**31
_NOISE_PER_CALL = 2**18
_VALUES_PER_CALL = 2**17
# Rows that are shuffled at a time in compiled code, if there are so many: from there on it is as
# fast as numpy's `shuffle`, which keeps Python's lock.
_WORTH_COMPILING = 2**10


def _codes(registry: Mapping[str, type]) -> dict[type, int]:
    """Return the numbers by which the kernels know the classes of a registry."""
    return {
        cls: getattr(records, name.upper())
        for name, cls in registry.items()
        if cls.__module__.startswith("sknn_scratch.")  # a user may have added others by now
    }


# Classes derived from these are not among them, because they may do something else
_ACTIVATIONS = _codes(activations.ACTIVATIONS)
_LOSSES = _codes(losses.LOSSES)
_SOLVERS = _codes(solvers.SOLVERS)
_PENALTIES = {penalties.ElasticNet, penalties.GroupLasso, penalties.MaxNorm}


def kernels() -> Any:
    """Return the module of compiled loops, or raise an error that says how to get numba."""
    try:
        return importlib.import_module("sknn_scratch.engine.kernels.epoch")
    except ImportError as error:
        raise ImportError(
            "engine='numba' needs numba, which is not installed. Install it by "
            'pip install "sknn-scratch[fast]", or use engine="numpy".'
        ) from error


def shuffling() -> Any:
    """Return the module that shuffles in compiled code; numba is known to be there."""
    return importlib.import_module("sknn_scratch.engine.kernels.shuffling")


def twister() -> Any:
    """Return the module that finds the state of a generator in memory."""
    return importlib.import_module("sknn_scratch.engine.kernels.twister")


def can_compile(optimizer: Optimizer, objective: Objective, batches: MiniBatches) -> bool:
    """Return whether the kernels know all that this training is made of."""
    return (
        not issparse(batches.data.X)
        and not optimizer.schedule.is_line_search
        and type(optimizer.solver) in _SOLVERS
        and type(objective.loss) in _LOSSES
        and all(type(activation) in _ACTIVATIONS for activation in objective.activations)
        and all(type(penalty) in _PENALTIES for _, penalty in objective.penalties)
    )


class CompiledEpochs:
    """The epochs of a training: an epoch takes a few calls of compiled code, or shares one.

    Between runs the parameters and the optimiser are the same as in `NumpyEpochs`, so that
    callbacks and resumed fits work alike with either.
    """

    engine = "numba"

    def __init__(
        self, optimizer: Optimizer, objective: Objective, params: Parameters, batches: MiniBatches
    ) -> None:
        self.optimizer = optimizer
        self.batches = batches
        self.dropout = objective.dropout
        self.run_steps = kernels().run_steps
        self.settings, layers, work = _network(optimizer.solver, objective, params, batches)
        # Views: a field of a record is ten times as slow, which counts in small epochs
        self.t, self.n_steps_done = self.settings["t"], self.settings["n_steps"]
        self.has_t = hasattr(optimizer.state, "t")
        size, dtype = batches.batch_size, params.flat.dtype
        self.n_steps = -(-batches.n_samples // size)  # rounded up: the last batch may be smaller
        # A step has about three products: forward, gradient in W, gradient in the layer below
        self.steps_per_call = max(1, _MULTIPLICATIONS_PER_CALL // (3 * size * params.flat.size))
        if noise_per_step := size * int(self.settings["n_noise"][0]):
            most = max(1, _NOISE_PER_CALL // noise_per_step)
            self.steps_per_call = min(self.steps_per_call, most, self.n_steps)
        self.noise = np.empty(self.steps_per_call * noise_per_step, dtype)
        self.params, self.order = params, _order(batches)
        # Each epoch of a call has an order of the samples, and leaves the parameters after it
        most = _VALUES_PER_CALL // (self.order.size + params.flat.size)
        self.n_epochs = max(1, min(most, self.steps_per_call // self.n_steps))
        self.orders = np.empty((self.n_epochs, self.order.size), np.int64)
        self.flats = np.empty((self.n_epochs - 1, params.flat.size), dtype)
        self.sums, self.rates = np.empty((self.n_epochs, 3)), np.empty(self.n_steps)
        self.arrays = [
            *_samples(batches, dtype),
            _error_of_constant(objective.loss, params),
            layers,
            _parts(optimizer.solver, objective, params),
            self.settings,
            params.flat,
            optimizer.solver.point(params, optimizer.state).flat,
            np.empty_like(params.flat),  # the gradient
            *_state_vectors(optimizer.state, dtype),
            np.empty_like(params.flat) if _binds_weights(objective) else np.empty(0, dtype),
            work,
        ]

    def run(self, at_most: int) -> list[Epoch]:
        """Do one epoch or more, up to `at_most`, and return them."""
        start = time.perf_counter()
        holds = self.optimizer.schedule.holds_until_plateau
        n_epochs = min(at_most, self.n_epochs) if holds else 1
        self._shuffle(self.orders[:n_epochs])
        self._set_rates()
        self._load_state()
        sums = self.sums[:n_epochs]  # there may be hundreds of rows
        sums[:] = 0
        of_epochs = sums, self.flats, self.orders, self.rates
        n_steps = n_epochs * self.n_steps
        for first in range(0, n_steps, self.steps_per_call):
            last = min(first + self.steps_per_call, n_steps)
            if self.dropout is not None:
                self._draw_noise(self.dropout.generator, first, last)
            self.run_steps(first, last, *of_epochs, self.noise, *self.arrays)
        self._store_state(n_steps)
        rate, flats = float(self.rates[-1]), [*self.flats[: n_epochs - 1], self.params.flat]
        seconds = (time.perf_counter() - start) / n_epochs
        return [
            Epoch(loss, penalty, score, rate, flat, seconds)
            for (loss, penalty, score), flat in zip(sums.tolist(), flats, strict=True)
        ]

    def _shuffle(self, orders):
        """Write the order of the samples in each of the next epochs."""
        generator = self.batches.generator
        if orders.size >= _WORTH_COMPILING and _draws_in_compiled_code(generator):
            _shuffle_by(generator, self.order, orders)
            return
        for order in orders:
            self.batches.shuffle()
            order[:] = self.order

    def _set_rates(self):
        """Ask the schedule for the learning rate of each step of the epoch."""
        schedule, batches = self.optimizer.schedule, self.batches
        if schedule.steady:
            self.rates.fill(schedule.learning_rate)
            return
        done = 0.0
        for step in range(self.n_steps):
            left = batches.n_samples - step * batches.batch_size
            share = min(batches.batch_size, left) / batches.n_samples
            self.rates[step] = schedule.rate(done + share / 2)
            done += share

    def _draw_noise(self, generator, first, last):
        """Draw for these steps what `Dropout` would draw: the same numbers in the same order."""
        size = self.batches.batch_size
        n_samples = min(last * size, self.batches.n_samples) - first * size
        noise = self.noise[: n_samples * int(self.settings["n_noise"][0])]
        generator.random(out=noise, dtype=noise.dtype)

    def _load_state(self):
        # Between epochs the numbers belong to the optimiser, which checkpoints copy
        self.n_steps_done[0] = self.optimizer.n_steps
        if self.has_t:
            self.t[0] = self.optimizer.state.t

    def _store_state(self, n_steps):
        optimizer, t = self.optimizer, float(self.t[0])
        optimizer.n_steps += n_steps
        if type(optimizer.solver) is solvers.Adam:
            optimizer.state.t = int(t)
        elif type(optimizer.solver) is solvers.Nesterov:
            optimizer.state.t = t


class _Places:
    """Places in one array, given away one after the other."""

    def __init__(self):
        self.size = 0

    def take(self, size):
        """Return where the next `size` elements begin."""
        start = self.size
        self.size += -(-size // 16) * 16  # whole cache lines
        return start


def _network(solver, objective, params, batches):
    """Return the records of the kernels, and the array in which each has its places."""
    places, dropout, size = _Places(), objective.dropout, batches.batch_size
    rates = [0.0] * len(params.weights) if dropout is None else dropout.rates
    layers, n_noise = _layers(objective, params, size, rates, places)
    settings = np.zeros(1, records.SETTINGS)
    known = vars(solver) | vars(objective.loss)
    values = {name: value for name, value in known.items() if name in settings.dtype.names}
    values |= {
        "solver": _SOLVERS[type(solver)],
        "loss": _LOSSES[type(objective.loss)],
        "batch_size": size,
        "n_noise": n_noise,
        "dropout": rates[0],
        "weight": places.take(size),
        "shares": places.take(size * params.units[-1] if batches.data.weighs_targets else 0),
        "loss_of": places.take(size),
        "score_of": places.take(size),
    }
    # Rows are copied only if they are shuffled or lose values; X itself is the user's
    if rates[0] or _order(batches).size:
        values["X"] = places.take(size * params.units[0])
        values["y"] = places.take(size * params.units[-1])
    for _, penalty in objective.penalties:
        if type(penalty) is penalties.GroupLasso:
            values["group_l1"] = penalty.strength
        elif type(penalty) is penalties.MaxNorm:
            values["max_norm"] = penalty.bound
    for name, value in values.items():
        settings[name] = value
    return settings, layers, np.empty(places.size, params.flat.dtype)


def _layers(objective, params, size, rates, places):
    """Return a record for each layer, and how many values of a sample may be dropped."""
    n_noise = params.units[0] if rates[0] else 0
    bias, rows = params.weights_flat.size, []
    functions = [*objective.activations, activations.Identity()]
    outputs = zip(params.units[1:], params.weight_slices, functions, [*rates[1:], 0], strict=True)
    for n_in, (n_out, weights, function, rate) in zip(params.units, outputs, strict=False):
        z = places.take(size * n_out)
        a = places.take(size * n_out) if function.needs_z else z
        delta = places.take(size * n_out)
        code = _ACTIVATIONS[type(function)]
        rows.append((n_in, n_out, code, weights.start, bias, z, a, delta, n_noise, rate))
        bias += n_out
        n_noise += n_out if rate else 0
    return np.array(rows, records.LAYER), n_noise


def _parts(solver, objective, params):
    """Return a record for each stretch of the parameters with the same penalty."""
    nets = [(part, p) for part, p in objective.penalties if type(p) is penalties.ElasticNet]
    n_weights = params.weights_flat.size
    nets = nets or [(slice(0, n_weights), penalties.ElasticNet())]
    rows = [(w.start, w.stop, p.l1, p.l2, p.alpha, solver.weight_decay) for w, p in nets]
    rows.append((n_weights, params.flat.size, 0.0, 0.0, 0.0, 0.0))  # biases are never penalised
    return np.array(rows, records.PART)


def _binds_weights(objective):
    return any(type(penalty) is not penalties.ElasticNet for _, penalty in objective.penalties)


def _state_vectors(state, dtype):
    """Return m and v; only adam has both."""
    # Empty arrays and not None: numba compiles once more for every other type
    none = np.empty(0, dtype)
    if isinstance(state, solvers.AdamState):
        return state.m, state.v
    return none, getattr(state, "momentum_v", none)


def _error_of_constant(loss, params):
    """Return the error of the best constant for each target, the unit of the score."""
    error = getattr(loss, "error_of_constant", None)
    if error is None:
        return np.ones(params.units[-1], params.flat.dtype)
    return np.where(error > 0, error, 1).reshape(-1).astype(params.flat.dtype)


def _draws_in_compiled_code(generator):
    """Whether compiled code may draw from a generator.

    numpy's own belongs to all threads. A process that one of them forks while another shuffles, for
    which Python's lock is released, could never draw a random number.
    """
    common = np.random.mtrand._rand  # as in scikit-learn's `check_random_state`
    if type(generator) is not np.random.RandomState or generator is common:
        return False
    return type(generator._bit_generator) is np.random.MT19937 and twister().is_known()


def _shuffle_by(generator, order, orders):
    """Shuffle the order for each row of `orders`, as the generator's own `shuffle` would."""
    # numpy's methods take this lock, too: another thread may fit with the same generator
    with generator._bit_generator.lock:
        state = twister().twister_of(generator)
        state.position = shuffling().shuffle(state.key, state.position, order, orders)


def _order(batches):
    """Return the rows in their order, or no rows if they are taken as they lie."""
    whole = batches.batch_size == batches.data.X.shape[0]  # the order within a batch is no matter
    return np.empty(0, np.int64) if whole or batches.order is None else batches.order


def _samples(batches, dtype):
    """Return X, y, weight and shares as arrays of one type each, whatever they were."""
    X, y, weight = batches.data[:3]
    weight, shares = np.empty(0) if weight is None else weight, np.empty((0, y.shape[1]))
    if batches.data.weighs_targets:
        shares, weight = weight, weight_of_samples(weight)
        shares = shares / np.where(weight > 0, weight, 1)[:, None]
    parts = (_writable(np.ascontiguousarray(array, dtype)) for array in (y, weight, shares))
    return _writable(X), *parts


class _Memory:
    """The memory of an array as if it might be written to."""

    def __init__(self, array):
        self.array = array
        address, _ = array.__array_interface__["data"]
        self.__array_interface__ = {**array.__array_interface__, "data": (address, False)}


def _writable(array):
    """Return a plain array over the same memory; the kernels do not write to it.

    For arrays that are read-only, as memory maps are, all would be compiled once more.
    """
    return np.asarray(_Memory(array)) if not array.flags.writeable else np.asarray(array)
