"""The only loop over epochs."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from sknn_scratch.engine.batches import Batch, MiniBatches
from sknn_scratch.engine.objective import Objective, Value
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.progress import Ending
from sknn_scratch.engine.schedules import LineSearch, Schedule
from sknn_scratch.engine.solvers import Solver, in_chunks
from sknn_scratch.engine.subnormals import faded, flush

# Rare enough to cost nothing, and often enough: from `faded` down to subnormal numbers a moment of
# Adam with beta_1 = 0.9 needs 175 steps
STEPS_PER_FLUSH = 128


@dataclass
class Optimizer:
    """All that training needs to continue: solver, schedule, state, generator of dropout, steps."""

    solver: Solver
    schedule: Schedule
    state: Any = None
    generator: np.random.Generator | None = None
    n_steps: int = 0

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next epoch."""
        return self.schedule.learning_rate


class Epoch(NamedTuple):
    """Means over the batches of an epoch, each taken before the step on its batch.

    learning_rate is the last one, flat the vector of parameters after the epoch.
    """

    loss: float
    penalty: float
    score: float
    learning_rate: float
    flat: np.ndarray
    seconds: float


class NumpyEpochs:
    """The epochs of a training, step by step in numpy."""

    engine = "numpy"

    def __init__(
        self, optimizer: Optimizer, objective: Objective, params: Parameters, batches: MiniBatches
    ) -> None:
        self.optimizer = optimizer
        self.objective = objective
        self.params = params
        self.batches = batches
        self.grad = params.view(np.empty_like(params.flat))
        schedule = optimizer.schedule
        self.line_search = schedule if isinstance(schedule, LineSearch) else None

    def run(self, at_most: int) -> list[Epoch]:
        """Do one epoch, and return it in a list."""
        start = time.perf_counter()
        optimizer, objective, params, grad = self.optimizer, self.objective, self.params, self.grad
        solver, schedule, state = optimizer.solver, optimizer.schedule, optimizer.state
        line_search = self.line_search
        # The same object in every step: nag's look-ahead point, the parameters of the others
        at = solver.point(params, state)
        objective.begin_epoch()
        loss = penalty = score = done = 0.0
        for batch in self.batches.epoch():
            value = objective.value_and_gradient(at, batch, grad)
            # The last batch may be smaller, and counts as much less
            share = batch.n_samples / self.batches.n_samples
            if line_search is not None:
                rate = line_search.search(_upper_bound_holds(objective, at, batch, grad, value))
            else:  # at the middle of the batch: few batches then follow a curve as many do
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
        seconds = time.perf_counter() - start
        return [Epoch(loss, penalty, score, rate, params.flat, seconds)]


def decay_weights(params: Parameters, rate: float, weight_decay: float) -> None:
    """W <- (1 - rate * weight_decay) W, apart from the gradient (Loshchilov and Hutter, 2019)."""
    if weight_decay:
        params.weights_flat *= 1 - rate * weight_decay


def train(
    optimizer: Optimizer,
    objective: Objective,
    params: Parameters,
    batches: MiniBatches,
    max_iter: int,
    on_epoch: Callable[[Epoch], Ending | None],
    engine: Callable[..., Any] = NumpyEpochs,
    n_at_once: Callable[[], float] = lambda: 1,
) -> Ending:
    """Minimise `objective` over `params` in place, for `max_iter` epochs; return the Ending.

    After each epoch ``on_epoch(epoch)`` returns an Ending to stop there, or None. `engine` is the
    class that does the epochs: `NumpyEpochs` or `CompiledEpochs`.

    ``n_at_once()`` says how many of the next epochs may be done before `on_epoch` hears of the
    first. All but the last of them can end training only because it diverges.
    """
    if optimizer.state is None:
        optimizer.state = optimizer.solver.init(params)
    epochs = engine(optimizer, objective, params, batches)
    n_left = max_iter
    while n_left > 0:
        done = epochs.run(min(n_left, n_at_once()))
        for epoch in done:
            ending = on_epoch(epoch)
            if ending:
                params.flat[...] = epoch.flat
                return ending
        n_left -= len(done)
    return Ending.SCHEDULE_OVER if optimizer.schedule.is_over else Ending.LAST_EPOCH


def _flush_subnormals(vectors: Iterable[np.ndarray]) -> None:
    """Put zeros in place of numbers that have faded, the first rule of `subnormals`.

    Weights and moments fade to such numbers, and stay there, where gradients are zero: at pixels
    that are always zero, at units that have died. Without this an epoch of Adam on MNIST
    (784-256-10, float32) takes 0.33 s from the eleventh on. With it, each takes 0.20 s.
    """
    for vector in vectors:
        for (part,) in in_chunks(vector):
            flush(part, faded(part.dtype))


def _upper_bound_holds(
    objective: Objective, at: Parameters, batch: Batch, grad: Parameters, value: Value
) -> Callable[[float], bool]:
    """Return the test whether a learning rate s, from q to p = prox(q - s g), is small enough.

    With f the smooth part of F and g its gradient at q (Beck and Teboulle, 2009, section 4)::

        f(p) <= f(q) + g^T (p - q) + |p - q|^2 / (2 s)

    If F is smooth, this is Armijo's rule: f(p) <= f(q) - s / 2 |g|^2.
    """
    f_at_q = value.total - objective.nonsmooth_value(at)
    p = at.copy()
    # Near the optimum both sides are equal to the rounding of terms of order one
    slack = 10 * float(np.finfo(p.flat.dtype).eps) * max(abs(f_at_q), 1)

    def accepts(rate: float) -> bool:
        np.multiply(grad.flat, -rate, out=p.flat)
        p.flat += at.flat
        if objective.prox is not None:
            objective.prox(p.flat, rate)
        change = p.flat - at.flat
        # In double precision also if the parameters are not: the two sides are nearly equal
        square = float(np.vecdot(change, change)) / (2 * rate)
        bound = f_at_q + float(np.vecdot(grad.flat, change)) + square
        f_at_p = objective.value(p, batch).total - objective.nonsmooth_value(p)
        return isfinite(bound) and f_at_p <= bound + slack

    return accepts
