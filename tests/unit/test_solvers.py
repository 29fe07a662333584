import tracemalloc
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Lasso
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.batches import Batch
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.penalties import ElasticNet
from sknn_scratch.engine.solvers import SGD, SOLVERS, Adam, GradientDescent, Nesterov
from sknn_scratch.engine.training import decay_weights

EPS = np.finfo(np.float64).eps

VARIANTS = {name: solver() for name, solver in SOLVERS.items()} | {
    "sgd, heavy ball": SGD(nesterovs_momentum=False),
    "sgd, no momentum": SGD(momentum=0.0),
    "nag, restart": Nesterov(restart=True),
}

every_solver = pytest.mark.parametrize("solver", VARIANTS.values(), ids=VARIANTS)


@dataclass
class Problem:
    """F(p) = f(p) + l1 ||w||_1: f is smooth, its gradient L-Lipschitz; w are the weights in p."""

    units: tuple
    start: Any
    value: Any
    gradient: Any
    L: float
    l1: float = 0.0

    @property
    def n_weights(self):
        return Parameters(self.units, self.start).weights_flat.size

    def objective(self, p):
        return self.value(p) + self.l1 * np.abs(p[: self.n_weights]).sum()

    def prox(self, p, step):
        """Soft threshold, written in another way than in the package."""
        w = p[: self.n_weights]
        threshold = self.l1 * np.broadcast_to(step, p.shape)[: self.n_weights]
        w[...] = np.sign(w) * np.maximum(np.abs(w) - threshold, 0)


def least_squares(l1=0.0, seed=0, n=40, n_features=6, scale=1.0):
    """F = |X w + b - y|^2 / (2 n) + l1 ||w||_1; every second true weight is zero."""
    rng = np.random.default_rng(seed)
    X = np.hstack([rng.normal(size=(n, n_features)) * scale, np.ones((n, 1))])
    y = X[:, :-1:2].sum(axis=1) + 0.1 * rng.normal(size=n) + 0.5
    return Problem(
        units=(n_features, 1),
        start=rng.normal(size=n_features + 1),
        value=lambda p: 0.5 * np.mean((X @ p - y) ** 2),
        gradient=lambda p: X.T @ (X @ p - y) / n,
        L=np.linalg.eigvalsh(X.T @ X / n)[-1],
        l1=l1,
    ), (X, y)


def small_network(l1=0.0):
    """A network 3-4-3 with tanh and log loss. It has no L: 1 / 4 is a step that goes down."""
    rng = np.random.default_rng(3)
    units, X, y = (3, 4, 3), rng.normal(size=(12, 3)), np.eye(3)[rng.integers(3, size=12)]
    start = Parameters(units, rng.normal(size=31))
    objective = Objective([ACTIVATIONS["tanh"]()], LOSSES["log_loss"](), [], start)
    batch, grad = Batch.of(X, y), start.copy()

    def gradient(p):
        objective.value_and_gradient(start.view(p), batch, grad)
        return grad.flat.copy()

    return Problem(
        units=units,
        start=start.flat,
        value=lambda p: objective.value(start.view(p), batch)[0],
        gradient=gradient,
        L=4.0,
        l1=l1,
    )


def iterates(solver, problem, learning_rate, n_steps):
    """Return the parameters after each step, shape (n_steps, n_parameters)."""
    params = Parameters(problem.units, problem.start.copy())
    state = solver.init(params)
    at = solver.point(params, state)
    prox = problem.prox if problem.l1 else None
    path = []
    for _ in range(n_steps):
        gradient = problem.gradient(at.flat)
        decay_weights(at, learning_rate, solver.weight_decay)
        solver.step(params, gradient, state, learning_rate, prox)
        path.append(params.flat.copy())
    return np.array(path)


# Trajectories, against textbook formulas


def test_gd_is_a_power_of_the_iteration_matrix():
    problem, (X, y) = least_squares()
    optimum = np.linalg.lstsq(X, y)[0]
    A = X.T @ X / len(X)
    rate = 1 / problem.L
    distance = problem.start - optimum
    for p in iterates(GradientDescent(), problem, rate, 50):
        distance = distance - rate * (A @ distance)
        # 50 contracting steps, each rounded by a few eps of numbers below 10
        assert_allclose(p, optimum + distance, rtol=0, atol=50 * 10 * EPS)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_sgd_without_nesterov_is_polyaks_heavy_ball(momentum):
    problem, _ = least_squares()
    rate, p, before = 0.3 / problem.L, problem.start, problem.start
    path = iterates(SGD(momentum, nesterovs_momentum=False), problem, rate, 50)
    for ours in path:
        # Polyak (1964): p_{k+1} = p_k - step grad f(p_k) + momentum (p_k - p_{k-1})
        p, before = p - rate * problem.gradient(p) + momentum * (p - before), p
        assert_allclose(ours, p, rtol=0, atol=50 * 10 * EPS / (1 - momentum))


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_sgd_is_at_nesterovs_look_ahead_point(momentum):
    problem, _ = least_squares()
    rate, theta, v = 0.3 / problem.L, problem.start, np.zeros(7)
    for ours in iterates(SGD(momentum), problem, rate, 50):
        # Sutskever et al. (2013), eq. 3 and 4
        v = momentum * v - rate * problem.gradient(theta + momentum * v)
        theta = theta + v
        assert_allclose(ours, theta + momentum * v, rtol=0, atol=50 * 10 * EPS / (1 - momentum))


@pytest.mark.parametrize("adam", [Adam(), Adam(beta_1=0.5, beta_2=0.9, epsilon=1e-3)])
def test_adam_is_kingma_and_bas(adam):
    problem, _ = least_squares()
    rate, p, m, v = 0.01, problem.start, 0.0, 0.0
    for t, ours in enumerate(iterates(adam, problem, rate, 50), start=1):
        # Algorithm 1, with the order of computation of the last lines of section 2
        g = problem.gradient(p)
        m = adam.beta_1 * m + (1 - adam.beta_1) * g
        v = adam.beta_2 * v + (1 - adam.beta_2) * g**2
        rate_t = rate * np.sqrt(1 - adam.beta_2**t) / (1 - adam.beta_1**t)
        p = p - rate_t * m / (np.sqrt(v) + adam.epsilon)
        # 50 steps of 0.01 each, rounded by some eps; m cancels where the gradient changes sign
        assert_allclose(ours, p, rtol=0, atol=50 * 10 * EPS)


SCIKIT_LEARN = [
    (SGD(0.9), lambda params, rate: SGDOptimizer(params, rate, momentum=0.9)),
    (SGD(0.7, False), lambda params, rate: SGDOptimizer(params, rate, "constant", 0.7, False)),
    (Adam(), AdamOptimizer),
    (Adam(0.8, 0.99, 1e-6), lambda params, rate: AdamOptimizer(params, rate, 0.8, 0.99, 1e-6)),
]


@pytest.mark.parametrize(("solver", "optimizer"), SCIKIT_LEARN)
def test_trajectory_is_scikit_learns(solver, optimizer):
    problem = small_network()
    p = problem.start.copy()
    theirs = optimizer([p], 0.05)
    for ours in iterates(solver, problem, 0.05, 50):
        theirs.update_params([p], [problem.gradient(p)])
        # the same sums in another order: 50 steps, each rounded by an eps of numbers below 4
        assert_allclose(ours, p, rtol=0, atol=50 * 4 * EPS)


# Nesterov's method


def fista(problem, step, n_steps):
    """Return x_1, x_2, ... of Beck and Teboulle (2009), eq. 4.1 to 4.3."""
    x_before = problem.start
    y, t, path = x_before, 1.0, []
    for _ in range(n_steps):
        x = y - step * problem.gradient(y)
        problem.prox(x, step)
        t_next = (1 + np.sqrt(1 + 4 * t**2)) / 2
        y = x + (t - 1) / t_next * (x - x_before)
        x_before, t = x, t_next
        path.append(x)
    return np.array(path)


def assert_iterates_are_fistas(solver, problem):
    ours = iterates(solver, problem, 1 / problem.L, 60)
    # 60 steps, each rounded by a few eps of numbers below 10, summed up by the momentum
    assert_allclose(ours, fista(problem, 1 / problem.L, 60), rtol=0, atol=60**2 * 10 * EPS)


class GradientAtIterate(Nesterov):
    """The mistake: the gradient is taken at p instead of q."""

    def point(self, params, state):
        return params


FISTA_PROBLEMS = {
    "least squares": least_squares()[0],
    "least squares, l1": least_squares(l1=0.3)[0],
    "network": small_network(),
    "network, l1": small_network(l1=0.02),
}
on_fista_problems = pytest.mark.parametrize(
    "problem", FISTA_PROBLEMS.values(), ids=FISTA_PROBLEMS.keys()
)


@on_fista_problems
def test_nag_is_fista_iterate_by_iterate(problem):
    assert_iterates_are_fistas(Nesterov(), problem)


@on_fista_problems
def test_the_gradient_belongs_at_the_look_ahead_point(problem):
    with pytest.raises(AssertionError):
        assert_iterates_are_fistas(GradientAtIterate(), problem)


def test_nag_asks_for_the_gradient_at_q_and_keeps_p():
    problem, _ = least_squares()
    params, solver = Parameters(problem.units, problem.start.copy()), Nesterov()
    state = solver.init(params)
    asked = solver.point(params, state)
    for _ in range(3):
        solver.step(params, problem.gradient(asked.flat), state, 1 / problem.L, None)
    assert solver.point(params, state) is asked
    _, x_2, x_3 = fista(problem, 1 / problem.L, 3)
    t_3 = (1 + np.sqrt(1 + 4 * ((1 + np.sqrt(5)) / 2) ** 2)) / 2
    t_4 = (1 + np.sqrt(1 + 4 * t_3**2)) / 2
    assert_allclose(params.flat, x_3, rtol=0, atol=100 * EPS)
    assert_allclose(asked.flat, x_3 + (t_3 - 1) / t_4 * (x_3 - x_2), rtol=0, atol=100 * EPS)
    assert np.abs(asked.flat - params.flat).max() > 1e-3


def restarted_fista(problem, step, n_steps):
    """Return x_1, x_2, ... of FISTA with O'Donoghue and Candes' (2015) gradient scheme.

    After a step for which (y - x) (x - x_before) > 0 the method begins anew from x.
    """
    x_before = y = problem.start
    t, path, n_restarts = 1.0, [], 0
    for _ in range(n_steps):
        x = y - step * problem.gradient(y)
        problem.prox(x, step)
        if (y - x) @ (x - x_before) > 0:
            y, t, n_restarts = x, 1.0, n_restarts + 1
        else:
            t_next = (1 + np.sqrt(1 + 4 * t**2)) / 2
            y, t = x + (t - 1) / t_next * (x - x_before), t_next
        x_before = x
        path.append(x)
    return np.array(path), n_restarts


@on_fista_problems
def test_nag_with_restart_is_fista_begun_anew(problem):
    expected, n_restarts = restarted_fista(problem, 0.1 / problem.L, 60)
    found = iterates(Nesterov(restart=True), problem, 0.1 / problem.L, 60)
    assert_allclose(found, expected, rtol=0, atol=60**2 * 10 * EPS)
    assert n_restarts > 0 or problem.units == (3, 4, 3)  # the network still goes down all the way


# Descent


@given(
    seed=st.integers(0, 999),
    fraction=st.floats(0.05, 1),
    l1=st.sampled_from([0.0, 0.3]),
)
def test_gd_with_a_step_up_to_one_over_l_never_goes_up(seed, fraction, l1):
    problem, _ = least_squares(l1, seed)
    path = iterates(GradientDescent(), problem, fraction / problem.L, 40)
    F = np.array([problem.objective(p) for p in [problem.start, *path]])
    assert np.all(np.diff(F) <= 8 * EPS * F[:-1])  # once at the optimum F only changes by rounding
    assert F[-1] < F[0]


def test_gd_with_a_step_above_two_over_l_goes_up():
    problem, _ = least_squares()
    path = iterates(GradientDescent(), problem, 2.1 / problem.L, 200)
    assert problem.value(path[-1]) > problem.value(problem.start)


def excess_over_bound(solver, problem, optimum, n_steps=200):
    """Return (F(x_k) - F*) / (2 L |x_0 - x*|^2 / (k + 1)^2) for k = 1, 2, ..."""
    F = np.array([problem.objective(p) for p in iterates(solver, problem, 1 / problem.L, n_steps)])
    k = np.arange(1, n_steps + 1)
    bound = 2 * problem.L * np.sum((problem.start - optimum) ** 2) / (k + 1) ** 2
    return (F - problem.objective(optimum)) / bound


def test_nag_keeps_fistas_bound_and_gd_does_not():
    # Nearly flat in one direction, all of the way to go: what gd is slow at
    curvature = np.array([1.0, 1 / 400])
    problem = Problem(
        units=(1, 1),
        start=np.array([0.0, 1.0]),
        value=lambda p: 0.5 * curvature @ p**2,
        gradient=lambda p: curvature * p,
        L=1.0,
    )
    assert excess_over_bound(Nesterov(), problem, np.zeros(2)).max() <= 1
    assert excess_over_bound(GradientDescent(), problem, np.zeros(2)).max() > 1.5


@settings(max_examples=25)  # each is a training of many steps
@given(seed=st.integers(0, 999), l1=st.sampled_from([0.0, 0.1, 0.5]))
def test_nag_keeps_fistas_bound(seed, l1):
    problem, data = least_squares(l1, seed, scale=np.array([3, 1, 0.3, 0.1, 0.03, 0.01]))
    # F* comes from elsewhere and is exact to 1e-12, the bound after 200 steps is 1e-4 or more
    assert excess_over_bound(Nesterov(), problem, lasso(l1, data)).max() <= 1 + 1e-6


# L1: the optimum, and exact zeros


def lasso(l1, data):
    """Return (weights, bias) at the optimum of `least_squares`, by coordinate descent."""
    X, y = data
    if l1 == 0:
        return np.linalg.lstsq(X, y)[0]
    model = Lasso(alpha=l1, tol=1e-12, max_iter=100_000).fit(X[:, :-1], y)
    # Which are zero being known, and the signs of the others, the rest is linear: exact.
    kept = np.append(model.coef_ != 0, True)
    A, sign = X[:, kept], np.append(np.sign(model.coef_), 0)[kept]
    optimum = np.zeros(X.shape[1])
    optimum[kept] = np.linalg.solve(A.T @ A, A.T @ y - len(y) * l1 * sign)
    return optimum


@every_solver
@pytest.mark.parametrize("l1", [0.1, 0.5])
def test_every_solver_reaches_the_lasso_with_its_zeros(solver, l1):
    problem, data = least_squares(l1)
    optimum = lasso(l1, data)
    zeros = optimum[:-1] == 0
    assert 0 < zeros.sum() < zeros.size
    found = iterates(solver, problem, 0.05 / problem.L, 3000)[-1]
    # The slowest, gd, closes in by 1 - 0.05 mu / L per step, and mu / L > 0.2: by exp(-30) in all.
    assert_allclose(found, optimum, rtol=0, atol=1e-12)
    assert_array_equal(found[:-1] == 0, zeros)


# Adam's first steps are as long as its learning rate, however small the gradient.
@pytest.mark.parametrize("name", [n for n, s in VARIANTS.items() if not isinstance(s, Adam)])
def test_the_lasso_is_a_fixed_point(name):
    problem, data = least_squares(l1=0.3)
    problem.start = optimum = lasso(0.3, data)
    path = iterates(VARIANTS[name], problem, 0.2 / problem.L, 100)
    assert_allclose(path - optimum, 0, rtol=0, atol=100 * EPS)
    assert np.all(path[:, optimum == 0] == 0)


# Weight decay, dtype, memory


def with_decay(solver, weight_decay):
    values = {field.name: getattr(solver, field.name) for field in fields(solver)}
    return type(solver)(**values | {"weight_decay": weight_decay})


@every_solver
@pytest.mark.parametrize("prox", [None, lambda flat, step: None])
def test_weight_decay_is_decoupled_from_the_gradient(solver, prox):
    params = Parameters((3, 2, 2), np.random.default_rng(0).normal(size=14))
    solver = with_decay(solver, weight_decay=0.5)
    state = solver.init(params)
    at = solver.point(params, state)
    for _ in range(3):
        before = at.copy()
        decay_weights(at, 0.125, solver.weight_decay)
        solver.step(params, np.zeros(14), state, 0.125, prox)
        # Adam with prox divides by its step and multiplies again: two roundings
        close = assert_array_equal if prox is None else assert_close_to_a_few_digits
        close(params.weights_flat, before.weights_flat * (1 - 0.125 * 0.5))
        close(np.concatenate(params.biases), np.concatenate(before.biases))


def assert_close_to_a_few_digits(actual, expected):
    assert_allclose(actual, expected, rtol=4 * EPS)


@every_solver
def test_weight_decay_is_added_to_what_the_gradient_does(solver):
    problem, _ = least_squares()
    plain = iterates(solver, problem, 0.01, 1)[0]
    decayed = iterates(with_decay(solver, 0.5), problem, 0.01, 1)[0]
    shrunk = 0.01 * 0.5 * problem.start
    shrunk[-1] = 0  # the bias
    assert_allclose(decayed, plain - shrunk, rtol=0, atol=16 * EPS)


@every_solver
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_and_shape_are_kept_in_params_and_state(solver, dtype):
    rng = np.random.default_rng(0)
    params = Parameters((3, 1), rng.normal(size=4).astype(dtype))
    flat, state = params.flat, solver.init(params)
    for _ in range(2):
        grad = rng.normal(size=flat.shape).astype(dtype)
        solver.step(params, grad, state, 0.1, None)
    assert params.flat is flat
    kept = [getattr(state, field.name) for field in fields(state)] if state else []
    kept = [value.flat if isinstance(value, Parameters) else value for value in kept]
    arrays = [value for value in kept if isinstance(value, np.ndarray)]
    for array in [flat, grad, solver.point(params, state).flat, *arrays]:
        assert array.dtype == dtype
        assert array.shape == flat.shape


@every_solver
@pytest.mark.parametrize("l1", [0.0, 0.3])
def test_float32_follows_float64(solver, l1):
    problem, _ = least_squares(l1)
    expected = iterates(solver, problem, 0.1 / problem.L, 20)[-1]
    problem.start = problem.start.astype(np.float32)
    gradient = problem.gradient
    problem.gradient = lambda p: gradient(p).astype(np.float32)
    found = iterates(solver, problem, 0.1 / problem.L, 20)[-1]
    assert found.dtype == np.float32
    # 20 steps, each rounded by a few eps of numbers below 4, summed up by the momentum
    assert_allclose(found, expected, rtol=0, atol=20 * 4 * 10 * np.finfo(np.float32).eps)


@every_solver
@pytest.mark.parametrize("l1", [0.0, 0.01])
def test_a_step_allocates_next_to_nothing(solver, l1):
    params = Parameters((999, 200), np.random.default_rng(0).normal(size=200_000))
    penalties = [(slice(0, 999 * 200), ElasticNet(l1=l1))]
    prox = Objective([], LOSSES["squared_error"](), penalties, params).prox
    assert (prox is None) is (l1 == 0)
    state, grad = solver.init(params), np.ones(200_000)
    solver.step(params, grad, state, 0.01, prox)
    grad[...] = 1
    tracemalloc.start()
    decay_weights(solver.point(params, state), 0.01, 0.1)
    solver.step(params, grad, state, 0.01, prox)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # One temporary would be the whole vector, a mask an eighth of it. A restart is decided by the
    # point that the step came from: one vector.
    allowed = 1.1 if getattr(solver, "restart", False) else 0.1
    assert peak < allowed * params.flat.nbytes


@every_solver
def test_a_step_in_chunks_is_the_same_step(solver, monkeypatch):
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=29), rng.normal(size=(4, 29))

    def after_steps(chunk):
        monkeypatch.setattr("sknn_scratch.engine.solvers.CHUNK", chunk)
        params = Parameters((5, 4, 1), start.copy())
        state = solver.init(params)
        for gradient in gradients:
            solver.step(params, gradient.copy(), state, 0.1, None)
        return params.flat

    # 7 does not divide 29: the last chunk is smaller
    assert_array_equal(after_steps(7), after_steps(1000))
    assert_array_equal(after_steps(1), after_steps(1000))
