import inspect

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize_scalar

from sknn_scratch.engine import penalties
from sknn_scratch.engine.penalties import ElasticNet, GroupLasso, MaxNorm, Penalty

EPS = np.finfo(np.float64).eps

weight = st.floats(-5, 5, allow_subnormal=False)
coefficient = st.floats(1e-3, 3)
step_size = st.floats(1e-3, 10)
vector = arrays(np.float64, st.integers(1, 6), elements=weight)


# The square of a smaller number than 1e-100 might underflow, and with it the length of a row.
matrix = arrays(np.float64, (3, 4), elements=weight.map(lambda v: v if abs(v) > 1e-100 else 0.0))

# One of each, over the weights of a matrix (3, 4); MaxNorm is not made for steps per coordinate.
EVERY = [ElasticNet(l1=0.7, l2=0.3, alpha=0.2), GroupLasso(0.9, n_groups=3), MaxNorm(2.0, n_rows=3)]
IN_ANY_METRIC = EVERY[:2]

every_penalty = pytest.mark.parametrize("penalty", EVERY, ids=lambda p: type(p).__name__)
in_any_metric = pytest.mark.parametrize("penalty", IN_ANY_METRIC, ids=lambda p: type(p).__name__)


def prox(penalty, w, step):
    w = w.copy()
    assert penalty.prox(w, step, np.empty_like(w)) is None
    return w


def value(penalty, w, total_weight=1.0):
    return penalty.value(w, total_weight, np.empty_like(w))


def value_and_gradient(penalty, w, total_weight=1.0):
    gradient = np.zeros_like(w)
    result = penalty.value_and_gradient(w, total_weight, out=gradient, scratch=np.empty_like(w))
    return result, gradient


def test_every_penalty_is_tested_here():
    classes = [*vars(penalties).values()]
    found = {p for p in classes if isinstance(p, type) and issubclass(p, Penalty)}
    found = {p for p in found if not inspect.isabstract(p)}
    assert {type(penalty) for penalty in EVERY} == found


# Laws of every penalty


def rest(penalty, w):
    """Return the part that is not smooth; outside of a bound it is infinite."""
    if isinstance(penalty, MaxNorm):
        longest = np.linalg.norm(w.reshape(penalty.n_rows, -1), axis=0).max()
        return 0.0 if longest <= penalty.bound * (1 + 4 * EPS) else np.inf
    return penalty.nonsmooth_value(w, np.empty_like(w))


def assert_minimises(penalty, w, step, others):
    """Assert that u = prox(w) minimises |u - w|^2 / (2 step) + rest(u)."""

    def definition(u):
        return np.sum((u - w) ** 2 / (2 * step)) + rest(penalty, u)

    u = prox(penalty, w, step.copy() if np.ndim(step) else step)
    lowest = definition(u)
    # What is computed is off by some eps of its terms, none above 12 * 5^2 / step + 12 * 5.
    slack = 64 * EPS * (60 + 300 / np.min(step))
    for v in [w, 0 * w, prox(penalty, others, step + 0.0), *(u + t * others for t in TINY)]:
        # It is strongly convex, so that it rises by at least this from its minimum.
        assert definition(v) - lowest >= np.sum((v - u) ** 2 / (2 * step)) - slack


TINY = [sign * 10.0**-k for k in range(1, 8) for sign in (-1, 1)]


@every_penalty
@given(w=matrix, others=matrix, step=step_size)
def test_prox_of_a_matrix_minimises_its_definition(penalty, w, others, step):
    assert_minimises(penalty, w.ravel(), step, others.ravel())


@in_any_metric
@given(w=matrix, others=matrix, step=arrays(np.float64, (3, 4), elements=step_size))
def test_prox_with_a_step_per_coordinate_minimises_its_definition(penalty, w, others, step):
    assert_minimises(penalty, w.ravel(), step.ravel(), others.ravel())


@every_penalty
@given(a=matrix, b=matrix, step=step_size)
def test_every_prox_is_non_expansive(penalty, a, b, step):
    u, v = prox(penalty, a.ravel(), step), prox(penalty, b.ravel(), step)
    # differences of 12 numbers up to 5, rounded
    assert np.linalg.norm(u - v) <= np.linalg.norm(a - b) + 12 * 5 * EPS


@every_penalty
@given(w=matrix, step=step_size)
def test_every_prox_with_a_number_is_that_with_a_constant_array(penalty, w, step):
    expected = prox(penalty, w.ravel(), step)
    # A root is found by iteration where the step is an array: it is off by some eps.
    found = prox(penalty, w.ravel(), np.full(12, step))
    assert_allclose(found, expected, rtol=0, atol=64 * EPS)


@every_penalty
@given(w=matrix, v=matrix)
def test_subgradient_lies_below(penalty, w, v):
    w, v = w.ravel(), v.ravel()
    out = np.ones(12)
    penalty.add_subgradient(w, out)
    below = penalty.nonsmooth_value(w, np.empty(12)) + (out - 1) @ (v - w)
    assert penalty.nonsmooth_value(v, np.empty(12)) >= below - 64 * 12 * 5 * EPS
    penalty.add_subgradient(np.zeros(12), zero := np.zeros(12))
    assert_array_equal(zero, 0)


@every_penalty
@given(w=matrix)
def test_value_without_the_smooth_part_is_rest(penalty, w):
    w = w.ravel()
    smooth = value(ElasticNet(l2=0.3, alpha=0.2), w) if isinstance(penalty, ElasticNet) else 0.0
    expected = pytest.approx(smooth + penalty.nonsmooth_value(w, np.empty(12)), rel=32 * EPS)
    assert value(penalty, w) == expected
    assert value_and_gradient(penalty, w)[0] == expected


@every_penalty
@pytest.mark.parametrize("per_coordinate", [False, True])
def test_every_penalty_keeps_float32(penalty, per_coordinate):
    w = np.linspace(-3, 3, 12)
    step = np.full(12, 0.3, np.float32) if per_coordinate else 0.3
    found, expected = prox(penalty, w.astype(np.float32), step), prox(penalty, w, 0.3)
    assert found.dtype == np.float32
    # thresholds, lengths and differences of numbers up to 5, rounded a few times
    assert_allclose(found, expected, rtol=0, atol=8 * 5 * np.finfo(np.float32).eps)


# The elastic net


@given(w=weight, step=step_size, l1=coefficient)
@example(w=0.0, step=1.0, l1=1.0)
@example(w=1.0, step=1.0, l1=1.0)
def test_prox_minimises_its_definition(w, step, l1):
    def definition(u):
        return (u - w) ** 2 / (2 * step) + l1 * np.abs(u)

    u = prox(ElasticNet(l1=l1), np.array([w]), step)[0]
    found = minimize_scalar(definition, bounds=(-6, 6), method="bounded", options={"xatol": 1e-9})
    others = np.array([found.x, w, 0.0, *(u + np.outer([-1, 1], 10.0 ** np.arange(-12, 1)).flat)])
    # The definition is 1/step-strongly convex, so that it rises by at least this from its minimum;
    # what is computed of it is off by some eps of its terms, none above 18 + 25 / step.
    rise = (others - u) ** 2 / (2 * step)
    assert np.all(definition(others) - definition(u) >= rise - 8 * EPS * (18 + 25 / step))


@given(w=vector, step=step_size, l1=coefficient)
def test_prox_satisfies_the_conditions_of_optimality(w, step, l1):
    u = prox(ElasticNet(l1=l1), w, step)
    pull = w - u  # must be step times a subgradient: l1 sign(u), or anything within it at zero
    assert np.all(np.abs(pull[u == 0]) <= step * l1)
    assert_allclose(pull[u != 0], step * l1 * np.sign(u[u != 0]), rtol=0, atol=2 * 5 * EPS)


@given(w=vector, step=step_size, l1=coefficient)
def test_prox_gives_exact_zeros_within_the_threshold_and_nowhere_else(w, step, l1):
    u = prox(ElasticNet(l1=l1), w, step)
    assert_array_equal(u == 0, np.abs(w) <= step * l1)


@given(pair=arrays(np.float64, (2, 5), elements=weight), step=step_size, l1=coefficient)
def test_prox_is_non_expansive(pair, step, l1):
    a, b = pair
    u, v = prox(ElasticNet(l1=l1), a, step), prox(ElasticNet(l1=l1), b, step)
    # each difference of numbers up to 5 is rounded
    assert np.all(np.abs(u - v) <= np.abs(a - b) + 2 * 5 * EPS)


@given(w=arrays(np.float64, 12, elements=weight), step=step_size, l1=coefficient)
def test_prox_with_a_number_is_prox_with_a_constant_array(w, step, l1):
    expected = prox(ElasticNet(l1=l1), w, step)
    assert_array_equal(prox(ElasticNet(l1=l1), w, np.full(w.shape, step)), expected)


@given(
    w=arrays(np.float64, 6, elements=weight),
    step=arrays(np.float64, 6, elements=step_size),
    l1=coefficient,
)
def test_prox_takes_each_coordinate_with_its_own_step(w, step, l1):
    together = prox(ElasticNet(l1=l1), w, step.copy())
    for i in range(6):
        alone = prox(ElasticNet(l1=l1), w[i : i + 1], float(step[i]))
        assert_array_equal(together[i], alone[0])


def test_without_l1_the_penalty_is_smooth_and_prox_the_identity():
    penalty = ElasticNet(l1=0.0, l2=0.5, alpha=2.0)
    w = np.linspace(-1, 1, 12)
    assert penalty.smooth
    assert_array_equal(prox(penalty, w, 10.0), w)
    assert not ElasticNet(l1=1.0).smooth


@given(w=vector, l1=coefficient, l2=coefficient, alpha=coefficient, total=st.floats(0.5, 50))
def test_value_is_its_formula(w, l1, l2, alpha, total):
    penalty = ElasticNet(l1=l1, l2=l2, alpha=alpha)
    terms = [l1 * abs(v) + l2 * v * v + alpha / (2 * total) * v * v for v in w.tolist()]
    expected = pytest.approx(sum(terms), rel=16 * EPS)  # sums of at most 6 non-negative terms
    assert value(penalty, w, total) == expected
    assert value_and_gradient(penalty, w, total)[0] == expected


@given(w=vector, l1=coefficient, l2=coefficient, alpha=coefficient, total=st.floats(0.5, 50))
def test_gradient_is_that_of_differences_of_the_smooth_part(w, l1, l2, alpha, total):
    smooth = ElasticNet(l2=l2, alpha=alpha)
    _, gradient = value_and_gradient(ElasticNet(l1=l1, l2=l2, alpha=alpha), w, total)
    steps = 0.5 * np.eye(w.size)  # of any size: central differences of a parabola are exact
    differences = [
        value(smooth, w + step, total) - value(smooth, w - step, total) for step in steps
    ]
    # values up to (3 + 3) * 6 * 5.5^2 = 1089, each with some roundings
    assert_allclose(gradient, differences, rtol=0, atol=8 * 1089 * EPS)


def test_gradient_is_added():
    penalty, w = ElasticNet(l1=1.0, l2=0.5, alpha=3.0), np.array([-2.0, 0.0, 4.0])
    out = np.array([10.0, 20.0, 30.0])
    penalty.value_and_gradient(w, 2.0, out=out, scratch=np.empty(3))
    assert_array_equal(out, [10 - 5, 20, 30 + 10])  # w (2 * 0.5 + 3 / 2), in powers of two: exact


def test_weights_are_kept():
    penalty, w = ElasticNet(l1=1.0, l2=0.5, alpha=3.0), np.array([-2.0, 0.0, 4.0])
    value(penalty, w)
    value_and_gradient(penalty, w)
    assert_array_equal(w, [-2, 0, 4])


def test_alpha_depends_on_the_total_weight_and_the_others_do_not():
    w = np.array([1.0, -2.0])
    for penalty in (ElasticNet(l1=0.5), ElasticNet(l2=0.5)):
        assert value(penalty, w, 1.0) == value(penalty, w, 8.0) > 0
        assert_array_equal(
            value_and_gradient(penalty, w)[1], value_and_gradient(penalty, w, 8.0)[1]
        )
    penalty = ElasticNet(alpha=0.5)
    assert value(penalty, w, 1.0) == 8 * value(penalty, w, 8.0) > 0  # a power of two: exact
    _, gradient = value_and_gradient(penalty, w)
    assert_array_equal(gradient, 8 * value_and_gradient(penalty, w, 8.0)[1])
    assert value(penalty, w, np.inf) == 0  # a batch of no weight


def test_float32_is_kept():
    penalty = ElasticNet(l1=0.1, l2=0.2, alpha=0.3)
    w = np.linspace(-1, 1, 8, dtype=np.float32)
    assert value(penalty, w, 7.0).dtype == np.float32
    for step in (0.3, np.full(8, 0.3, np.float32)):
        # thresholds and differences of numbers up to 1, rounded a few times
        expected = prox(penalty, w.astype(float), 0.3)
        assert_allclose(prox(penalty, w, step), expected, rtol=0, atol=4 * np.finfo(np.float32).eps)


# Groups and bounds


@given(w=matrix, step=step_size)
def test_group_lasso_zeroes_whole_rows_and_keeps_directions(w, step):
    u = prox(GroupLasso(0.9, n_groups=3), w.ravel(), step).reshape(3, 4)
    for before, after in zip(w, u, strict=True):
        length = np.linalg.norm(before)
        expected = before * max(0, 1 - 0.9 * step / length) if length else before
        # 1 - t / length has lost eps absolutely, of weights up to 5
        assert_allclose(after, expected, rtol=0, atol=32 * EPS)
        assert np.all(after == 0) or length > 0.9 * step * (1 - 4 * EPS)


def test_group_lasso_is_the_sum_of_the_lengths_of_rows():
    w = np.array([3.0, 4.0, 0.0, 0.0, 5.0, 12.0])
    assert GroupLasso(2.0, n_groups=3).nonsmooth_value(w, np.empty(6)) == 2 * (5 + 0 + 13)


@given(w=matrix, step=step_size)
def test_max_norm_projects_each_column(w, step):
    u = prox(MaxNorm(2.0, n_rows=3), w.ravel(), step).reshape(3, 4)
    for before, after in zip(w.T, u.T, strict=True):
        length = np.linalg.norm(before)
        expected = before if length <= 2 else before * (2 / length)
        assert_allclose(after, expected, rtol=4 * EPS)
