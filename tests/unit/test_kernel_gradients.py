"""The compiled gradient: against differences of the objective, and against numpy's gradient.

After one step from zero moments, Adam's m is the gradient, in whichever engine it was computed.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.batches import MiniBatches
from sknn_scratch.engine.compiled import CompiledEpochs, can_compile
from sknn_scratch.engine.dropout import Dropout
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.engine.network import Workspace, forward
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.penalties import ElasticNet, GroupLasso, MaxNorm
from sknn_scratch.engine.schedules import Constant
from sknn_scratch.engine.solvers import SOLVERS, Adam
from sknn_scratch.engine.subnormals import faded
from sknn_scratch.engine.training import STEPS_PER_FLUSH, NumpyEpochs, Optimizer, train

from ..loss_targets import draw_targets
from ..pairs import PAIRS

pytest.importorskip("numba")

UNITS = (4, 5, 3, 2)
RATES = [0.3, 0.0, 0.5]  # of dropout, for X and each hidden layer
N_SAMPLES = 9
EPS = {dtype: float(np.finfo(dtype).eps) for dtype in (np.float32, np.float64)}

# Penalties that are not smooth, with the slices of the weights to which they belong
TERMS = {
    "l1": lambda parts: [(part, ElasticNet(l1=0.5)) for part in parts],
    "group_l1": lambda parts: [(parts[0], GroupLasso(0.5, UNITS[0]))],
    "max_norm": lambda parts: [
        (part, MaxNorm(0.8, n_rows)) for part, n_rows in zip(parts, UNITS, strict=False)
    ],
}

every_pair = pytest.mark.parametrize(("name", "loss"), PAIRS)
every_loss = pytest.mark.parametrize("loss", LOSSES)
with_and_without_weights = pytest.mark.parametrize("weighted", [False, True])
with_and_without_penalties = pytest.mark.parametrize("penalised", [False, True])
with_and_without_dropout = pytest.mark.parametrize("dropout", [False, True])


class Problem:
    """An objective with a point and a batch."""

    def __init__(self, name, loss, weighted=False, penalised=False, dropout=False, dtype=float):
        rng = np.random.default_rng(0)
        self.params = Parameters.empty(UNITS, dtype)
        self.params.flat[...] = rng.normal(0, 0.7, self.params.flat.size)
        nets = [
            (part, ElasticNet(l1=0.1 * k, l2=0.2 / k, alpha=0.3))
            for k, part in enumerate(self.params.weight_slices, start=1)
        ]
        activations = [ACTIVATIONS[name]() for _ in UNITS[2:]]
        self.objective = Objective(
            activations, LOSSES[loss](), nets if penalised else [], self.params
        )
        if dropout:
            self.objective.dropout = Dropout(RATES, self.noise())
        X = rng.normal(size=(N_SAMPLES, UNITS[0])).astype(dtype)
        y = draw_targets(loss, rng, N_SAMPLES, UNITS[-1]).astype(dtype)
        weight = rng.uniform(0.5, 2, N_SAMPLES).astype(dtype) if weighted else None
        self.objective.loss.remember_targets(y, weight)
        self.batches = MiniBatches(X, y, weight, N_SAMPLES)

    @staticmethod
    def noise():
        return np.random.Generator(np.random.SFC64(1))

    def gradient(self, engine):
        """Return (gradient of the smooth part, means) as an epoch of one step has computed them."""
        optimizer, seen = Optimizer(Adam(), Constant(1e-3)), []
        params = self.params.view(self.params.flat.copy())
        assert can_compile(optimizer, self.objective, self.batches)
        if self.objective.dropout is not None:
            self.objective.dropout.generator = self.noise()
        train(optimizer, self.objective, params, self.batches, 1, seen.append, engine)
        return optimizer.state.m, seen[0][:3]

    def smooth_value(self, flat):
        """Return the smooth part of the objective, with the noise of the first step."""
        params, objective, batch = self.params.view(flat), self.objective, self.batches.data
        work = Workspace(params, objective.activations, batch.n_samples)
        dropout = objective.dropout and Dropout(RATES, self.noise())
        raw = forward(params, objective.activations, batch.X, work, dropout)
        per_sample = objective.loss.value(raw, batch.y)
        loss = np.average(per_sample, weights=batch.weight)
        penalty = objective.value(params, batch).penalty
        return loss + penalty - objective.nonsmooth_value(params)

    def differences(self, step=1e-5):
        flat = self.params.flat
        return np.array(
            [
                (self.smooth_value(flat + e) - self.smooth_value(flat - e)) / (2 * step)
                for e in step * np.eye(flat.size)
            ]
        )


@every_pair
@with_and_without_weights
@with_and_without_penalties
@with_and_without_dropout
def test_gradient_is_that_of_differences(name, loss, weighted, penalised, dropout):
    problem = Problem(name, loss, weighted, penalised, dropout)
    found, _ = problem.gradient(CompiledEpochs)
    # Of differences: step^2 / 6 times third derivatives of up to 1e2, and rounding, eps / step
    size = max(1, np.abs(found).max())
    assert_allclose(found, problem.differences(), rtol=0, atol=1e-8 * size)


@every_pair
@with_and_without_weights
@with_and_without_penalties
@with_and_without_dropout
@pytest.mark.parametrize("dtype", EPS)
def test_gradient_and_value_are_those_of_numpy(name, loss, weighted, penalised, dropout, dtype):
    problem = Problem(name, loss, weighted, penalised, dropout, dtype)
    (found, means), (expected, expected_means) = map(
        problem.gradient, (CompiledEpochs, NumpyEpochs)
    )
    assert found.dtype == dtype
    # Sums of some ten terms through three layers, with the roundings of two ways to add them
    bound = 100 * EPS[dtype]
    assert_allclose(found, expected, rtol=0, atol=bound * max(1, np.abs(expected).max()))
    assert_allclose(means, expected_means, rtol=bound, atol=bound)


@pytest.mark.parametrize("engine", [CompiledEpochs, NumpyEpochs])
@pytest.mark.parametrize("loss", ["poisson", "gamma", "tweedie"])
def test_what_is_predicted_for_a_missing_target_may_be_infinite(loss, engine):
    problem = Problem("relu", loss)
    data, weight = problem.batches.data, np.ones((N_SAMPLES, UNITS[-1]))
    X = data.X.copy()
    X[0], weight[0] = 1e5, 0
    weight[1, 1] = 0
    problem.batches = MiniBatches(X, data.y, weight, N_SAMPLES)
    found, means = problem.gradient(engine)
    problem.batches = MiniBatches(data.X[1:], data.y[1:], weight[1:], N_SAMPLES)
    expected, expected_means = problem.gradient(engine)
    assert_allclose(found, expected, rtol=1e-13, atol=1e-13)
    assert_allclose(means, expected_means, rtol=1e-13)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("penalty", TERMS)
@pytest.mark.parametrize("rate", [0.1, 0.0])  # at zero, max_norm binds; the others change nothing
def test_steps_with_a_penalty_that_is_not_smooth_are_those_of_numpy(solver, penalty, rate):
    ends = []
    for engine in (CompiledEpochs, NumpyEpochs):
        problem = Problem("tanh", "log_loss", weighted=True)
        params = problem.params
        terms = TERMS[penalty](params.weight_slices)
        objective = Objective(problem.objective.activations, problem.objective.loss, terms, params)
        optimizer = Optimizer(SOLVERS[solver](), Constant(rate))
        train(optimizer, objective, params, problem.batches, 3, lambda epoch: False, engine)
        ends.append([params.flat, *optimizer.solver.state_vectors(optimizer.state)])
    for found, expected in zip(*ends, strict=True):
        # Three steps, each of which multiplies rounding by a few
        assert_allclose(found, expected, rtol=0, atol=1e-13 * max(1, np.abs(expected).max()))
        assert_array_equal(found == 0, expected == 0)  # what the penalty made zero is exactly zero


@pytest.mark.parametrize("rate", [1e-3, 1e170])
def test_where_adams_second_moment_overflows_the_weights_stay_as_with_numpy(rate):
    ends = []
    for engine in (CompiledEpochs, NumpyEpochs):
        problem = Problem("identity", "squared_error")
        problem.batches.data.X[...] *= 1e80  # gradients of 1e160, whose squares overflow
        optimizer = Optimizer(Adam(), Constant(rate))
        with np.errstate(over="ignore"):
            train(optimizer, problem.objective, problem.params, problem.batches, 1, bool, engine)
        assert np.isinf(optimizer.state.v).any()
        ends.append(problem.params.flat)
    assert_allclose(*ends, rtol=1e-12)


@pytest.mark.parametrize("engine", [CompiledEpochs, NumpyEpochs])
@pytest.mark.parametrize("solver", SOLVERS)
def test_what_has_faded_becomes_zero_every_so_many_steps(solver, engine):
    problem = Problem("tanh", "log_loss")
    problem.batches.data.X[:, 0] = 0  # no gradient comes to the first weight
    optimizer = Optimizer(SOLVERS[solver](), Constant(1e-20), n_steps=STEPS_PER_FLUSH - 2)
    optimizer.state = optimizer.solver.init(problem.params)
    vectors = [problem.params.flat, *optimizer.solver.state_vectors(optimizer.state)]
    for vector in vectors:
        vector[0] = faded(vector.dtype) / 100  # sgd adds up several
    for expected in (False, True):
        train(optimizer, problem.objective, problem.params, problem.batches, 1, bool, engine)
        assert [vector[0] == 0 for vector in vectors] == [expected] * len(vectors)


@pytest.mark.parametrize("shuffle", [False, True])
def test_the_last_batch_is_smaller_and_counts_less(shuffle):
    ends = []
    for engine in (CompiledEpochs, NumpyEpochs):
        problem, seen = Problem("gelu", "poisson", weighted=True, dropout=True), []
        order = np.arange(N_SAMPLES)[::-1].copy() if shuffle else None
        generator = np.random.RandomState(0) if shuffle else None
        batches = MiniBatches(*problem.batches.data[:3], 4, order, generator)
        optimizer = Optimizer(SOLVERS["sgd"](), Constant(0.01))
        train(optimizer, problem.objective, problem.params, batches, 2, seen.append, engine)
        ends.append([problem.params.flat, *(epoch[:4] for epoch in seen)])
    for found, expected in zip(*ends, strict=True):
        assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@every_loss
def test_a_batch_without_weight_changes_nothing_but_by_momentum(loss):
    problem = Problem("tanh", loss, weighted=True, penalised=True)
    problem.batches = MiniBatches(*problem.batches.data[:2], np.zeros(N_SAMPLES), N_SAMPLES)
    (found, means), (expected, expected_means) = map(
        problem.gradient, (CompiledEpochs, NumpyEpochs)
    )
    assert_allclose(found, expected, rtol=1e-14, atol=0)
    assert_allclose(means, expected_means, rtol=1e-14)
