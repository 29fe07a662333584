"""Laws of the penalties on whole rows and columns of a weight matrix, and of their sum with l1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from sknn_scratch import MLPScratchRegressor
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.penalties import ElasticNet, GroupLasso, MaxNorm
from sknn_scratch.engine.solvers import Adam
from sknn_scratch.estimators.build import build_objective

ROWS, COLUMNS = 4, 3
SIZE = ROWS * COLUMNS
SEEDS = st.integers(0, 2**32 - 1)
POSITIVE = st.floats(1e-3, 10)

PENALTIES = {
    "group": GroupLasso(0.7, n_groups=ROWS),
    "max_norm": MaxNorm(0.8, n_rows=ROWS),
}


def weights(seed):
    """Return weights of rows of very different lengths, some of them zero."""
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(ROWS, COLUMNS)) * 10.0 ** rng.uniform(-2, 1, (ROWS, 1))
    W *= rng.random((ROWS, 1)) > 0.1
    W *= rng.random(W.shape) > 0.1
    return W.reshape(SIZE)


def steps(seed, scale=1.0):
    """Return a step for each coordinate, over four orders of magnitude."""
    return scale * 10.0 ** np.random.default_rng(seed + 1).uniform(-2, 2, SIZE)


def prox(penalty, w, step):
    """Return the proximal operator in memory of its own."""
    u = w.copy()
    step = step.copy() if isinstance(step, np.ndarray) else step
    penalty.prox(u, step, np.full_like(w, np.nan))
    return u


def value(penalty, u):
    return penalty.value(u, 1.0, np.empty_like(u))


def assert_optimal(u, w, step, l1, group):
    """Zero is a subgradient of |u - w|^2 / (2 step) + l1 |u|_1 + group sum_j |u_j| at u."""
    step = np.broadcast_to(step, w.shape)
    force = ((w - u) / step).reshape(ROWS, COLUMNS)
    # Rounding of w - u, and of u itself, is divided by the step
    eps = (64 * 2.3e-16 * np.maximum(np.abs(w), np.abs(u)) / step).reshape(ROWS, COLUMNS)
    for u_j, force_j, eps_j in zip(u.reshape(ROWS, COLUMNS), force, eps, strict=True):
        slack = 1e-12 * (l1 + group) + eps_j
        if not u_j.any():
            rest = np.maximum(np.abs(force_j) - l1, 0)
            assert np.linalg.norm(rest) <= group + np.linalg.norm(slack)
            continue
        pull = group * u_j / np.linalg.norm(u_j)
        on = u_j != 0
        expected = l1 * np.sign(u_j) + pull
        assert (np.abs(force_j - expected)[on] <= slack[on] * (1 + 1 / np.abs(u_j[on]).min())).all()
        assert (np.abs(force_j)[~on] <= l1 + slack[~on]).all()


# The group penalty


@given(SEEDS, POSITIVE, POSITIVE)
def test_group_prox_is_optimal(seed, strength, step):
    w, penalty = weights(seed), GroupLasso(strength, ROWS)
    assert_optimal(prox(penalty, w, step), w, step, 0.0, strength)


@given(SEEDS, POSITIVE, POSITIVE)
def test_group_prox_with_a_step_for_each_coordinate_is_optimal(seed, strength, scale):
    w, step, penalty = weights(seed), steps(seed, scale), GroupLasso(strength, ROWS)
    assert_optimal(prox(penalty, w, step), w, step, 0.0, strength)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("per_coordinate", [False, True])
def test_group_prox_is_what_scipy_finds(seed, per_coordinate):
    rng = np.random.default_rng(seed)
    w = rng.normal(size=SIZE)
    step = rng.uniform(0.1, 2, SIZE) if per_coordinate else 0.6
    penalty = GroupLasso(0.5, ROWS)

    def definition(u):
        return ((u - w) ** 2 / (2 * step)).sum() + value(penalty, u)

    found = prox(penalty, w, step)
    for start in (w, np.zeros(SIZE), rng.normal(size=SIZE)):
        best = minimize(definition, start, method="Powell", options={"xtol": 1e-9, "ftol": 1e-12})
        assert definition(found) <= best.fun + 1e-12
        # F is strongly convex with 1 / step >= 0.5: |u - u*|^2 <= 4 (F(u) - F*)
        assert np.linalg.norm(best.x - found) <= 2 * max(best.fun - definition(found), 1e-8) ** 0.5


@given(SEEDS, POSITIVE)
def test_group_value_is_the_sum_of_the_lengths(seed, strength):
    w = weights(seed)
    lengths = [float(np.sqrt(sum(x * x for x in row))) for row in w.reshape(ROWS, COLUMNS)]
    # A sum of twelve numbers in another order
    assert value(GroupLasso(strength, ROWS), w) == pytest.approx(strength * sum(lengths), rel=1e-13)


def test_rows_within_the_threshold_are_exactly_zero():
    W = np.array([[3.0, 0, 4.0], [0.3, 0.0, 0.4], [0, 0, 0], [0.0, 0.5 + 1e-9, 0]])
    U = prox(GroupLasso(0.5, ROWS), W.ravel(), 1.0).reshape(ROWS, COLUMNS)
    np.testing.assert_allclose(U[0], W[0] * 0.9, rtol=1e-15)
    assert not U[1:3].any()
    assert 0 < U[3, 1] < 2e-9
    per_coordinate = prox(GroupLasso(0.5, ROWS), W.ravel(), np.ones(SIZE))
    assert not per_coordinate.reshape(ROWS, COLUMNS)[1:3].any()


@given(SEEDS, POSITIVE)
def test_group_subgradient_is_the_derivative_of_the_value(seed, strength):
    w = np.random.default_rng(seed).normal(size=SIZE)
    penalty, out = GroupLasso(strength, ROWS), np.full(SIZE, 2.0)
    penalty.add_subgradient(w, out)
    for i, h in enumerate(1e-6 * np.eye(SIZE)):
        quotient = (value(penalty, w + h) - value(penalty, w - h)) / 2e-6
        # Error h^2 / |row|^2, and rounding eps / h, both times the strength
        assert out[i] - 2 == pytest.approx(quotient, abs=1e-6 * strength)


def test_group_subgradient_of_a_zero_row_is_zero():
    out = np.ones(SIZE)
    GroupLasso(3.0, ROWS).add_subgradient(np.zeros(SIZE), out)
    np.testing.assert_array_equal(out, 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_weak_penalty_moves_weights_little(dtype):
    """A row shrinks by about step * strength, here 1e-5 of its length."""
    w, step = np.ones(SIZE, dtype), np.full(SIZE, 1e-3, dtype)
    u = prox(GroupLasso(1e-2, ROWS), w, step)
    assert u.dtype == dtype
    np.testing.assert_allclose(u, 1 - 1e-5 / 3**0.5, rtol=4 * np.finfo(dtype).eps)


def test_a_very_weak_penalty_in_single_precision():
    """Steps of Adam are as small as this where gradients are large."""
    w = np.ones(100, np.float32)
    with np.errstate(all="ignore"):  # as in training
        u = prox(GroupLasso(1e-6, 1), w, np.full(100, 1e-6, np.float32))
    np.testing.assert_array_equal(u, 1)


# The constraint


@given(SEEDS, POSITIVE)
def test_max_norm_is_the_projection(seed, bound):
    """Nearer to w than any other point within the bound, column by column."""
    w, penalty = weights(seed), MaxNorm(bound, ROWS)
    u = prox(penalty, w, 1.0).reshape(ROWS, COLUMNS)
    W = w.reshape(ROWS, COLUMNS)
    rng = np.random.default_rng(seed)
    for u_k, w_k in zip(u.T, W.T, strict=True):
        assert np.linalg.norm(u_k) <= bound * (1 + 1e-15)
        for _ in range(5):
            other = rng.normal(size=ROWS)
            other *= bound * rng.random() / np.linalg.norm(other)
            # The obtuse angle that characterises a projection onto a convex set
            scale = np.linalg.norm(w_k) * bound + bound**2
            assert (w_k - u_k) @ (other - u_k) <= 1e-14 * scale


@given(SEEDS, POSITIVE)
def test_max_norm_does_nothing_within_the_bound(seed, bound):
    penalty, w = MaxNorm(bound, ROWS), weights(seed)
    u = prox(penalty, w, 1.0)
    inside = np.linalg.norm(w.reshape(ROWS, COLUMNS), axis=0) <= bound
    np.testing.assert_array_equal(
        u.reshape(ROWS, COLUMNS)[:, inside], w.reshape(ROWS, COLUMNS)[:, inside]
    )
    # Again: a norm that is the bound to rounding
    np.testing.assert_allclose(prox(penalty, u, 1.0), u, rtol=1e-15)


def test_max_norm_has_no_value_and_no_gradient():
    penalty, w, out = MaxNorm(1.0, ROWS), weights(0), np.zeros(SIZE)
    penalty.add_subgradient(w, out)
    assert value(penalty, w) == penalty.value_and_gradient(w, 1.0, out, np.empty(SIZE)) == 0
    assert not out.any()


# What holds for both


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
@given(seed=SEEDS, step=POSITIVE)
def test_prox_is_not_expansive(penalty, seed, step):
    v, w = weights(seed), weights(seed + 1)
    after = np.linalg.norm(prox(penalty, v, step) - prox(penalty, w, step))
    assert after <= np.linalg.norm(v - w) * (1 + 1e-14)


@given(seed=SEEDS, scale=POSITIVE)
def test_group_prox_is_not_expansive_in_the_metric_of_its_steps(seed, scale):
    v, w, step = weights(seed), weights(seed + 1), steps(seed, scale)
    moved = prox(PENALTIES["group"], v, step) - prox(PENALTIES["group"], w, step)
    # Newton's iteration ends within a few eps of the length of a row, which the metric magnifies
    slack = 1e-13 * max(np.linalg.norm(v / step**0.5), np.linalg.norm(w / step**0.5))
    assert np.linalg.norm(moved / step**0.5) <= np.linalg.norm((v - w) / step**0.5) + slack


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
@given(seed=SEEDS, step=POSITIVE)
def test_a_number_is_a_constant_array(penalty, dtype, seed, step):
    w = weights(seed).astype(dtype)
    step = float(dtype(step))
    number, array = (prox(penalty, w, s) for s in (step, np.full(SIZE, step, dtype)))
    assert number.dtype == array.dtype == dtype
    # What is left of a row may be a small difference of its length and the threshold
    size = np.abs(w).max() + step
    np.testing.assert_allclose(array, number, rtol=1e-5, atol=16 * np.finfo(dtype).eps * size)


@pytest.mark.parametrize("penalty", PENALTIES.values(), ids=PENALTIES)
def test_a_slice_of_a_longer_vector_is_changed_in_place(penalty):
    flat = np.random.default_rng(0).normal(size=SIZE + 9)
    before, part = flat.copy(), slice(4, 4 + SIZE)
    penalty.prox(flat[part], 0.5, np.empty(SIZE))
    np.testing.assert_array_equal(flat[part], prox(penalty, before[part], 0.5))
    flat[part] = before[part]
    np.testing.assert_array_equal(flat, before)


# Several of them on one matrix, as the objective puts them together


def objective(**terms):
    """Return an objective of a net with ROWS inputs, COLUMNS outputs, and the given penalties."""
    params = Parameters.empty([ROWS, COLUMNS], float)
    part = params.weight_slices[0]
    penalties = [(part, term) for term in terms.values()]
    return Objective([], LOSSES["squared_error"](), penalties, params)


@given(SEEDS, POSITIVE, POSITIVE, POSITIVE)
def test_prox_of_l1_and_group_is_that_of_their_sum(seed, l1, strength, scale):
    both = objective(l1=ElasticNet(l1=l1), group=GroupLasso(strength, ROWS))
    w = weights(seed)
    for step in (scale, steps(seed, scale)):
        flat = np.concatenate([w, np.ones(COLUMNS)])
        whole = step
        if isinstance(step, np.ndarray):
            whole = np.concatenate([step, np.ones(COLUMNS)])
        kept = np.copy(whole)
        both.prox(flat, whole)
        assert_optimal(flat[:SIZE], w, step, l1, strength)
        np.testing.assert_array_equal(flat[SIZE:], 1)
        np.testing.assert_array_equal(whole, kept)


def test_prox_of_the_sum_is_what_scipy_finds():
    rng = np.random.default_rng(3)
    w, l1, strength, step = rng.normal(size=SIZE), 0.2, 0.4, rng.uniform(0.2, 2, SIZE)

    def definition(u):
        lengths = np.linalg.norm(u.reshape(ROWS, COLUMNS), axis=1)
        return ((u - w) ** 2 / (2 * step)).sum() + l1 * np.abs(u).sum() + strength * lengths.sum()

    flat, both = np.r_[w, 0, 0, 0], objective(l1=ElasticNet(l1), group=GroupLasso(strength, ROWS))
    both.prox(flat, np.r_[step, 1, 1, 1])
    for start in (w, np.zeros(SIZE), rng.normal(size=SIZE)):
        best = minimize(definition, start, method="Powell", options={"xtol": 1e-9, "ftol": 1e-12})
        assert definition(flat[:SIZE]) <= best.fun + 1e-12


@pytest.mark.parametrize("l1", [0.3, [0.3, 0.0]])
def test_the_objective_of_an_estimator_has_its_prox(l1):
    model = MLPScratchRegressor(hidden_layer_sizes=COLUMNS, l1=l1, group_l1=0.5)
    params = Parameters.empty([ROWS, COLUMNS, 1], float)
    both = build_objective(model, LOSSES["squared_error"](), params)
    for seed in range(20):
        w = weights(seed)
        flat = np.concatenate([w, np.ones(2 * COLUMNS + 1)])
        both.prox(flat, 0.4)
        assert_optimal(flat[:SIZE], w, 0.4, 0.3, 0.5)
        of_second = 1 - 0.4 * 0.3 if isinstance(l1, float) else 1.0
        np.testing.assert_array_equal(flat[SIZE:], [*[of_second] * COLUMNS, *[1.0] * (COLUMNS + 1)])


@given(SEEDS, POSITIVE)
def test_with_a_bound_the_step_ends_within_it(seed, bound):
    every = objective(l1=ElasticNet(0.1), group=GroupLasso(0.2, ROWS), bound=MaxNorm(bound, ROWS))
    flat = np.concatenate([weights(seed), np.full(COLUMNS, 1e3)])
    every.prox(flat, 0.5)
    norms = np.linalg.norm(flat[:SIZE].reshape(ROWS, COLUMNS), axis=0)
    assert (norms <= bound * (1 + 1e-15)).all()
    np.testing.assert_array_equal(flat[SIZE:], 1e3)  # biases are free


def test_max_norm_in_the_metric_of_the_steps():
    """The optimality conditions of min sum (u - w)^2 / (2 s) under ||u|| <= bound, by column."""
    rng = np.random.default_rng(5)
    w, step = rng.normal(size=12) * 3, rng.uniform(1e-3, 2, size=12)
    u = w.copy()
    MaxNorm(1.5, n_rows=4).prox(u, step.copy(), np.empty(12))
    W, U, S = (array.reshape(4, 3) for array in (w, u, step))
    for k in range(3):
        assert np.linalg.norm(W[:, k]) > 1.5
        assert np.linalg.norm(U[:, k]) == pytest.approx(1.5, rel=1e-12)
        # (w - u) / s = m u with one multiplier m >= 0 for the column
        multipliers = (W[:, k] - U[:, k]) / (S[:, k] * U[:, k])
        assert multipliers.min() > 0
        np.testing.assert_allclose(multipliers, multipliers[0], rtol=1e-9)


def test_adam_with_max_norm_reaches_the_constrained_optimum():
    """Minimise (p - c)^T A (p - c) / 2 under ||p|| <= 1; the optimum by scipy's SLSQP."""
    A, c = np.array([1.0, 10.0]), np.array([3.0, 1.0])
    exact = minimize(
        lambda p: 0.5 * (A * (p - c) ** 2).sum(),
        [0.5, 0.5],
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda p: 1 - p @ p},
        options={"ftol": 1e-14},
    ).x
    params = Parameters.empty([2, 1], float)
    params.flat[...] = [0.1, 0.1, 0.0]
    penalty = MaxNorm(1.0, n_rows=2)
    adam, rate = Adam(), 0.05
    state = adam.init(params)

    def prox(flat, step):
        penalty.prox(flat[:2], step[:2].copy(), np.empty(2))

    for k in range(4000):
        grad = np.append(A * (params.flat[:2] - c), 0.0)
        adam.step(params, grad, state, rate * 0.998**k, prox)
    np.testing.assert_allclose(params.flat[:2], exact, atol=1e-4)
