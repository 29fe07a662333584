"""Mini-batches, and the only loop over epochs."""

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from sknn_scratch.engine.objective import Batch
from sknn_scratch.engine.solvers import in_chunks
from sknn_scratch.engine.subnormals import faded, flush

STEPS_PER_FLUSH = 128


class MiniBatches:
    """The batches of each epoch, as scikit-learn draws them.

    Parameters
    ----------
    X, y, weight : the training samples; weight may be None.
    batch_size : int
        The last batch of an epoch is smaller when this does not divide the number of samples.
    order : ndarray of int, shape (..., n_samples), or None
        Rows of X, each at most once, in the order in which they are visited; C-contiguous, as it
        is shuffled in place before each epoch. With leading axes each network of a stack has an
        order, and a choice of rows, of its own; networks along an axis of length 1 share it.
        None visits the rows as they lie, in every epoch.
    generators : list of RandomState
        One for each order, to shuffle it; if it is empty the order stays.
    """

    def __init__(self, X, y, weight, batch_size, order=None, generators=()):
        self.data = Batch.of(X, y, weight)
        self.n_samples = X.shape[-2] if order is None else order.shape[-1]
        self.batch_size = min(batch_size, self.n_samples)
        self.order = order
        self.generators = generators
        self._gathered = {}
        self._whole = None

    def shuffle(self):
        """Put the rows into the order of a new epoch."""
        if self.generators:
            orders = self.order.reshape(-1, self.n_samples)
            for generator, order in zip(self.generators, orders, strict=True):
                generator.shuffle(order)

    def epoch(self):
        """Yield the batches of one epoch; a batch is valid until the next one is asked for."""
        self.shuffle()
        for start in range(0, self.n_samples, self.batch_size):
            yield self._batch(start, min(start + self.batch_size, self.n_samples))

    def _batch(self, start, stop):
        X, y, weight = self.data[:3]
        if stop - start == X.shape[-2] and (self.order is None or self.order.ndim == 1):
            return self.data  # the order within a batch of all samples does not matter
        if self.order is None:
            rows = (..., slice(start, stop))
            part = None if weight is None else weight[rows]
            return Batch.of(X[(*rows, slice(None))], y[(*rows, slice(None))], part)
        if not self.generators and stop - start == self.n_samples:
            self._whole = self._whole or self._gather(self.order)
            return self._whole
        return self._gather(self.order[..., start:stop])

    def _gather(self, rows):
        """Return the batch of these rows, in the arrays of the last batch of this size."""
        X, y, weight = self.data[:3]
        if issparse(X):
            return Batch.of(X[rows], y[rows], None if weight is None else weight[rows])
        batch = self._gathered.get(rows.shape[-1])
        if batch is None:
            arrays = (
                None if array is None else np.empty((*rows.shape, *array.shape[1:]), array.dtype)
                for array in (X, y, weight)
            )
            batch = self._gathered[rows.shape[-1]] = Batch.of(*arrays)
        # mode="clip" writes straight into the buffer; the default mode makes a copy first
        X.take(rows, axis=0, out=batch.X, mode="clip")
        y.take(rows, axis=0, out=batch.y, mode="clip")
        if weight is None:
            return batch
        weight.take(rows, axis=0, out=batch.weight, mode="clip")
        return Batch.of(*batch[:3])


@dataclass
class Optimizer:
    """A solver on its way: its rule, its state, the schedule of its steps, the noise of dropout."""

    solver: Any
    schedule: Any
    state: Any = None
    generators: Any = None
    n_steps: int = 0

    @property
    def learning_rate(self):
        """The step of the epoch to come."""
        return self.schedule.learning_rate


class Means(NamedTuple):
    """Means over the batches of an epoch, each taken before the step of its batch.

    learning_rate is the last one.
    """

    loss: Any
    penalty: Any
    score: Any
    learning_rate: Any


class Epoch(NamedTuple):
    """An epoch as it is recorded: its means, and what it took."""

    loss: Any
    penalty: Any
    score: Any
    learning_rate: Any
    seconds: float


class NumpyEpochs:
    """The epochs of a training, step by step in numpy."""

    def __init__(self, optimizer, objective, params, batches):
        self.optimizer = optimizer
        self.objective = objective
        self.params = params
        self.batches = batches
        self.grad = params.view(np.empty_like(params.flat))

    def run(self):
        """Do an epoch and return its means."""
        optimizer, objective, params, grad = self.optimizer, self.objective, self.params, self.grad
        solver, schedule, state = optimizer.solver, optimizer.schedule, optimizer.state
        at = solver.point(params, state)
        objective.begin_epoch()
        loss = penalty = score = done = 0.0
        for batch in self.batches.epoch():
            parts = objective.value_and_gradient(at, batch, grad)
            share = batch.n_samples / self.batches.n_samples
            if schedule.searches:
                rate = schedule.search(_upper_bound_holds(objective, at, batch, grad, parts))
            else:
                rate = schedule.rate(done + share / 2)
            solver.step(params, grad.flat, state, rate, objective.prox)
            optimizer.n_steps += 1
            if optimizer.n_steps % STEPS_PER_FLUSH == 0:
                _flush_subnormals([params.flat, *solver.vectors(state)])
            loss += share * parts[0]
            penalty += share * parts[1]
            score += share * parts[2]
            done += share
        return Means(loss, penalty, score, rate)


def train(optimizer, objective, params, batches, max_iter, on_epoch, engine=NumpyEpochs):
    """Minimise `objective` over `params` in place, until ``on_epoch(epoch)`` or `max_iter`.

    `engine` is the class by which an epoch is done.
    """
    if optimizer.state is None:
        optimizer.state = optimizer.solver.init(params)
    epochs = engine(optimizer, objective, params, batches)
    for _ in range(max_iter):
        start = time.perf_counter()
        loss, penalty, score, rate = epochs.run()
        if on_epoch(Epoch(loss, penalty, score, rate, time.perf_counter() - start)):
            break


def _flush_subnormals(vectors):
    """Put zeros in place of what has faded, the first rule of `subnormals`.

    Weights and moments fade to such numbers, and stay there, where no gradient comes any more: at
    pixels that are always zero, at units that have died. Without this an epoch of Adam on MNIST
    (784-256-10, float32) takes 0.33 s from the eleventh on, with it 0.20 s as the first.
    """
    for vector in vectors:
        for (part,) in in_chunks(vector):
            flush(part, faded(part.dtype))


def _upper_bound_holds(objective, at, batch, grad, parts):
    """Return the test whether a step s from q to p = prox(q - s g) is short enough.

    With f the smooth part of F and g its gradient at q (Beck and Teboulle, 2009, section 4)::

        f(p) <= f(q) + g^T (p - q) + |p - q|^2 / (2 s)

    Without a part that is not smooth it is Armijo's rule: f(p) <= f(q) - s / 2 |g|^2.
    """
    f_at_q = parts[0] + parts[1] - objective.rest(at)
    p = at.copy()

    def accepts(step):
        np.multiply(grad.flat, -step, out=p.flat)
        p.flat += at.flat
        if objective.prox is not None:
            objective.prox(p.flat, step)
        moved = p.flat - at.flat
        square = np.vecdot(moved, moved) / (2 * np.reshape(step, np.shape(f_at_q)))
        bound = f_at_q + np.vecdot(grad.flat, moved) + square
        f_at_p = sum(objective.value(p, batch)) - objective.rest(p)
        # Near the optimum both sides are equal to rounding, which is that of terms of order one
        slack = 10 * np.finfo(p.flat.dtype).eps * np.maximum(np.abs(f_at_q), 1)
        return ((f_at_p <= bound + slack) & np.isfinite(bound))[..., None]

    return accepts
