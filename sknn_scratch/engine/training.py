"""The only loop over epochs."""

import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sknn_scratch.engine.solvers import in_chunks
from sknn_scratch.engine.subnormals import faded, flush

STEPS_PER_FLUSH = 128


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
            value = objective.value_and_gradient(at, batch, grad)
            share = batch.n_samples / self.batches.n_samples
            if schedule.is_line_search:
                rate = schedule.search(_upper_bound_holds(objective, at, batch, grad, value))
            else:
                rate = schedule.rate(done + share / 2)
            decay_weights(at, rate, solver.weight_decay)
            solver.step(params, grad.flat, state, rate, objective.prox)
            optimizer.n_steps += 1
            if optimizer.n_steps % STEPS_PER_FLUSH == 0:
                _flush_subnormals([params.flat, *solver.state_vectors(state)])
            loss += share * value.loss
            penalty += share * value.penalty
            score += share * value.score
            done += share
        return Means(loss, penalty, score, rate)


def decay_weights(params, rate, weight_decay):
    """W <- (1 - rate * weight_decay) W, apart from the gradient (Loshchilov and Hutter, 2019)."""
    if isinstance(weight_decay, np.ndarray) or weight_decay:
        params.weights_flat *= 1 - rate * weight_decay


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


def _upper_bound_holds(objective, at, batch, grad, value):
    """Return the test whether a step s from q to p = prox(q - s g) is short enough.

    With f the smooth part of F and g its gradient at q (Beck and Teboulle, 2009, section 4)::

        f(p) <= f(q) + g^T (p - q) + |p - q|^2 / (2 s)

    Without a part that is not smooth it is Armijo's rule: f(p) <= f(q) - s / 2 |g|^2.
    """
    f_at_q = value.total - objective.nonsmooth_value(at)
    p = at.copy()

    def accepts(step):
        np.multiply(grad.flat, -step, out=p.flat)
        p.flat += at.flat
        if objective.prox is not None:
            objective.prox(p.flat, step)
        moved = p.flat - at.flat
        square = np.vecdot(moved, moved) / (2 * np.reshape(step, np.shape(f_at_q)))
        bound = f_at_q + np.vecdot(grad.flat, moved) + square
        f_at_p = objective.value(p, batch).total - objective.nonsmooth_value(p)
        # Near the optimum both sides are equal to rounding, which is that of terms of order one
        slack = 10 * np.finfo(p.flat.dtype).eps * np.maximum(np.abs(f_at_q), 1)
        return ((f_at_p <= bound + slack) & np.isfinite(bound))[..., None]

    return accepts
