import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix
from sklearn.utils import gen_batches, shuffle

from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.batches import Batch, MiniBatches
from sknn_scratch.engine.lbfgs import lbfgs
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.penalties import ElasticNet
from sknn_scratch.engine.schedules import SCHEDULES, Constant
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.engine.training import Optimizer, train

from ..loss_targets import draw_targets

EPS = np.finfo(np.float64).eps

every_solver = pytest.mark.parametrize("solver", SOLVERS)


# Mini-batches

N, BATCH_SIZES = 10, [1, 3, 5, 9, 10, 25]

every_batch_size = pytest.mark.parametrize("batch_size", BATCH_SIZES)


def numbered_rows(n=N):
    """Return X, y, weight that all tell the number of the row."""
    rows = np.arange(n, dtype=float)
    return np.column_stack([rows, -rows]), rows[:, None] + 0.5, rows + 1


def shuffled(batch_size, seed=0, order=None, X=None, weighted=True):
    numbers, y, weight = numbered_rows()
    order = np.arange(N) if order is None else order
    return MiniBatches(
        numbers if X is None else X,
        y,
        weight if weighted else None,
        batch_size,
        order,
        np.random.RandomState(seed),
    )


def rows_of(batches):
    """Return the numbers of the rows in each batch of an epoch."""
    return [batch.X[:, 0].copy() for batch in batches.epoch()]


@every_batch_size
def test_an_epoch_visits_every_row_once(batch_size):
    batches = shuffled(batch_size)
    for _ in range(3):
        rows = rows_of(batches)
        assert_array_equal(np.sort(np.concatenate(rows)), np.arange(N))
        expected = [part.stop - part.start for part in gen_batches(N, min(batch_size, N))]
        assert [len(part) for part in rows] == expected


@pytest.mark.parametrize("batch_size", [size for size in BATCH_SIZES if size < N])
def test_order_is_scikit_learns(batch_size):
    batches, generator, order = shuffled(batch_size, seed=4), np.random.RandomState(4), np.arange(N)
    for _ in range(3):
        order = shuffle(order, random_state=generator)
        for found, part in zip(rows_of(batches), gen_batches(N, batch_size), strict=True):
            assert_array_equal(found, order[part])


@every_batch_size
def test_a_batch_of_all_rows_takes_as_many_random_numbers_as_others(batch_size):
    batches = shuffled(batch_size, seed=4)
    for _ in range(2):
        rows_of(batches)
    expected = np.random.RandomState(4)
    for _ in range(2):
        expected.shuffle(np.arange(N))
    assert batches.generator.randint(10**6) == expected.randint(10**6)


@every_batch_size
def test_without_order_rows_are_visited_as_they_lie(batch_size):
    batches = MiniBatches(*numbered_rows(), batch_size)
    for _ in range(2):
        assert_array_equal(np.concatenate(rows_of(batches)), np.arange(N))


@every_batch_size
@pytest.mark.parametrize("ordered", [True, False])
def test_targets_and_weights_go_with_their_rows(batch_size, ordered):
    batches = shuffled(batch_size) if ordered else MiniBatches(*numbered_rows(), batch_size)
    for X, y, weight, total_weight, _ in batches.epoch():
        assert_array_equal(X[:, 1], -X[:, 0])
        assert_array_equal(y[:, 0], X[:, 0] + 0.5)
        assert_array_equal(weight, X[:, 0] + 1)
        assert total_weight == weight.sum()
        assert type(total_weight) is float  # a numpy scalar would slow float32 down


@every_batch_size
def test_without_weights_the_total_is_the_number_of_rows(batch_size):
    for batch in shuffled(batch_size, weighted=False).epoch():
        assert batch.weight is None
        assert batch.total_weight == batch.n_samples == len(batch.y)


@every_batch_size
@pytest.mark.parametrize("sparse", [csr_array, csr_matrix])
@pytest.mark.parametrize("ordered", [True, False])
def test_sparse_batches_equal_dense_ones(batch_size, sparse, ordered):
    X, y, weight = numbered_rows()
    order, generator = (np.arange(N), np.random.RandomState(0)) if ordered else (None, None)
    found = MiniBatches(sparse(X), y, weight, batch_size, order, generator)
    expected = shuffled(batch_size) if ordered else MiniBatches(X, y, weight, batch_size)
    for batch, dense in zip(found.epoch(), expected.epoch(), strict=True):
        assert_array_equal(batch.X.toarray(), dense.X)
        assert_array_equal(batch.y, dense.y)
        assert_array_equal(batch.weight, dense.weight)
        assert batch.n_samples == dense.n_samples


@every_batch_size
def test_an_order_may_leave_rows_out(batch_size):
    kept = np.array([7, 2, 9, 4, 0])
    rows = rows_of(shuffled(batch_size, order=kept.copy()))
    assert_array_equal(np.sort(np.concatenate(rows)), np.sort(kept))


@every_batch_size
def test_data_are_kept(batch_size):
    X, y, weight = numbered_rows()
    batches = MiniBatches(X, y, weight, batch_size, np.arange(N), np.random.RandomState(0))
    rows_of(batches)
    for array, expected in zip((X, y, weight), numbered_rows(), strict=True):
        assert_array_equal(array, expected)


# The loop


class Run:
    """Everything that `train` needs, for a network 3-4-2."""

    def __init__(
        self,
        solver="sgd",
        activation="tanh",
        loss="log_loss",
        *,
        flat=None,
        hidden=(4,),
        rate=0.1,
        l1=0.0,
        l2=0.0,
        alpha=0.0,
        weighted=False,
        order=None,
        generator=None,
        batch_size=5,
        n_inputs=3,
        n_outputs=2,
    ):
        rng = np.random.default_rng(0)
        X, y = (
            rng.normal(size=(14, n_inputs)),
            draw_targets(loss, rng, 14, n_outputs),
        )
        weight = rng.uniform(0.5, 2, 14) if weighted else None
        units = (n_inputs, *hidden, n_outputs)
        empty = Parameters.empty(units, np.float64)
        flat = rng.normal(0, 0.7, empty.flat.size) if flat is None else flat
        self.params = Parameters(units, flat.copy())
        penalties = [
            (part, ElasticNet(l1=k * l1, l2=l2 / k, alpha=alpha))
            for k, part in enumerate(self.params.weight_slices, start=1)
        ]
        self.objective = Objective(
            [ACTIVATIONS[activation]()] * len(hidden), LOSSES[loss](), penalties, self.params
        )
        if SOLVERS[solver].full_batch:
            batch_size = 14
        self.batches = MiniBatches(X, y, weight, batch_size, order, generator)
        self.optimizer = Optimizer(SOLVERS[solver](), Constant(rate))
        self.epochs = []

    def train(self, max_iter=4, stop_after=None):
        def on_epoch(epoch):
            self.epochs.append(epoch)
            return len(self.epochs) == stop_after

        train(self.optimizer, self.objective, self.params, self.batches, max_iter, on_epoch)
        return self.params.flat

    @property
    def curves(self):
        """Return loss, penalty and score, each of shape (n_epochs,)."""
        return [
            np.array([getattr(epoch, name) for epoch in self.epochs])
            for name in ("loss", "penalty", "score")
        ]


def shuffling(seed):
    return {"order": np.arange(14), "generator": np.random.RandomState(seed)}


@every_solver
@pytest.mark.parametrize("weighted", [False, True])
def test_loop_is_gradient_and_step_batch_by_batch(solver, weighted):
    run = Run(solver, weighted=weighted, l1=0.01, l2=0.1, **shuffling(0))
    by_hand = Run(solver, weighted=weighted, l1=0.01, l2=0.1, **shuffling(0))
    rule, params, grad = SOLVERS[solver](), by_hand.params, by_hand.params.copy()
    state = rule.init(params)
    expected = []
    for _ in range(4):
        parts, n_rows = [], []
        for batch in by_hand.batches.epoch():
            at = rule.point(params, state)
            parts.append(by_hand.objective.value_and_gradient(at, batch, grad))
            rule.step(params, grad.flat, state, 0.1, by_hand.objective.prox)
            n_rows.append(batch.n_samples)
        # Means over the batches by their numbers of rows, of values before each step
        expected.append(np.average(parts, axis=0, weights=n_rows))
    assert_array_equal(run.train(), params.flat)
    assert_allclose(np.transpose(run.curves), expected, rtol=8 * EPS)


@every_solver
def test_training_lowers_the_objective(solver):
    run = Run(solver, l2=0.01, l1=0.001, **shuffling(0))
    run.train(40)
    loss, penalty, _ = run.curves
    assert loss[-1] + penalty[-1] < loss[0] + penalty[0]


@every_solver
def test_training_in_two_parts_is_training_in_one(solver):
    whole, parts = (Run(solver, l1=0.01, **shuffling(3)) for _ in range(2))
    expected = whole.train(5)
    parts.train(2)
    assert_array_equal(parts.train(3), expected)
    assert_array_equal(parts.curves, whole.curves)


def test_training_stops_when_told():
    run, expected = Run(), Run()
    run.train(10, stop_after=3)
    assert len(run.epochs) == 3
    assert_array_equal(run.params.flat, expected.train(3))


def test_each_epoch_has_the_step_that_the_schedule_says():
    run = Run("gd")
    rates = [0.1, 0.3, 0.05]

    def next_rate(epoch):
        run.epochs.append(epoch)
        run.optimizer.schedule.learning_rate = rates[len(run.epochs) % 3]

    before = run.params.flat.copy()
    train(run.optimizer, run.objective, run.params, run.batches, 3, next_rate)
    assert [epoch.learning_rate for epoch in run.epochs] == rates
    assert run.optimizer.learning_rate == rates[0]
    grad, by_hand = run.params.copy(), run.params.view(before)
    for rate in rates:
        run.objective.value_and_gradient(by_hand, run.batches.data, grad)
        by_hand.flat[...] -= rate * grad.flat
    assert_allclose(run.params.flat, by_hand.flat, rtol=0, atol=16 * EPS)


def test_each_batch_has_the_step_of_its_middle():
    class Asked(Constant):
        def rate(self, fraction):
            asked.append(fraction)
            return 0.1

    asked, run = [], Run("sgd")  # 14 rows in batches of 5, 5, 4
    run.optimizer.schedule = Asked(0.1)
    run.train(2)
    assert_allclose(asked, [2.5 / 14, 7.5 / 14, 12 / 14] * 2, rtol=4 * EPS)


# A step that is searched for


def searching(solver, **kwargs):
    run = Run(solver, loss="squared_error", hidden=(), l2=0.01, n_outputs=1, **kwargs)
    rate = kwargs.get("rate", 64.0)
    run.optimizer = Optimizer(SOLVERS[solver](), SCHEDULES["backtracking"](rate))
    return run


def largest_curvature(run):
    A = np.hstack([run.batches.data.X, np.ones((14, 1))])
    return np.linalg.eigvalsh(A.T @ A / 14 + np.diag([0.02] * 3 + [0]))[-1]


@pytest.mark.parametrize("solver", [name for name, cls in SOLVERS.items() if cls.full_batch])
@pytest.mark.parametrize("l1", [0.0, 0.1])
def test_backtracking_finds_a_step_and_the_optimum(solver, l1):
    run = searching(solver, l1=l1)
    run.train(400)
    L = largest_curvature(run)
    # The bound holds for all steps up to 1 / L, and halving stops before it is below half of that.
    assert run.optimizer.learning_rate > 1 / (2 * L)
    expected = Run(solver, loss="squared_error", hidden=(), l2=0.01, n_outputs=1, l1=l1, rate=1 / L)
    # The error falls by 1 - mu / L per step, and mu / L > 0.1: to rounding. Near the optimum the
    # search cannot tell steps apart, but takes none that is longer than those before.
    assert_allclose(run.params.flat, expected.train(400), rtol=0, atol=1e-9)
    assert_array_equal(run.params.flat == 0, expected.params.flat == 0)


def fista_with_backtracking(run, step, n_steps, l1, momentum):
    """Return the last x and the steps, by Beck and Teboulle (2009), sections 3 and 4, halving.

    The problem is that of `searching`, l2 = 0.01; without `momentum` it is their ISTA.
    """
    X, y, *_ = run.batches.data
    A, is_weight = np.hstack([X, np.ones((14, 1))]), np.array([1, 1, 1, 0])

    def f(p):
        return 0.5 * np.mean((A @ p - y[:, 0]) ** 2) + 0.01 * np.sum(is_weight * p**2)

    x = point = run.params.flat.copy()
    t, steps = 1.0, []
    for _ in range(n_steps):
        gradient = A.T @ (A @ point - y[:, 0]) / 14 + 0.02 * is_weight * point
        while True:
            u = point - step * gradient
            u = np.sign(u) * np.maximum(np.abs(u) - step * l1 * is_weight, 0)
            moved = u - point
            if f(u) <= f(point) + gradient @ moved + moved @ moved / (2 * step):
                break
            step /= 2
        t_next = (1 + np.sqrt(1 + 4 * t**2)) / 2 if momentum else 1.0
        x, point, t = u, u + (t - 1) / t_next * (u - x), t_next
        steps.append(step)
    return x, steps


# Never 1 / 2^k: the curvature in the bias is 1, and the bound would hold with equality.
@pytest.mark.parametrize("rate", [1.1, 1.5, 2.3, 3.5, 10.0])
@pytest.mark.parametrize("l1", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("solver", ["gd", "nag"])
def test_backtracking_is_beck_and_teboulles(solver, rate, l1):
    run = searching(solver, l1=l1, rate=rate)
    x, steps = fista_with_backtracking(run, rate, 5, l1, momentum=solver == "nag")
    # 5 steps from numbers below 2; so far from the optimum no comparison is decided by rounding
    assert_allclose(run.train(5), x, rtol=0, atol=64 * EPS)
    assert [epoch.learning_rate for epoch in run.epochs] == steps


def test_with_backtracking_gd_never_goes_up():
    run = searching("gd", l1=0.1)
    run.train(50)
    loss, penalty, _ = run.curves
    assert np.all(np.diff(loss + penalty) <= 16 * EPS * loss[0])
    rates = [epoch.learning_rate for epoch in run.epochs]
    assert np.all(np.diff(rates) <= 0)


# L-BFGS, and what is watched


def test_lbfgs_reaches_the_optimum_of_ridge_regression():
    run = Run(loss="squared_error", hidden=(), l2=0.1)
    X, y, *_ = batch = run.batches.data
    epochs = []
    lbfgs(
        run.objective,
        run.params,
        batch,
        tol=1e-10,
        max_iter=500,
        max_fun=5000,
        on_epoch=epochs.append,
    )
    # The intercept is free: that of centred data
    A, centred = X - X.mean(axis=0), y - y.mean(axis=0)
    W = np.linalg.solve(A.T @ A + 2 * 14 * 0.1 * np.eye(3), A.T @ centred)
    # scipy stops once F changes by 2e-9 of itself: an error of sqrt(2e-9 F / curvature) < 1e-4
    assert_allclose(run.params.weights[0], W, rtol=0, atol=1e-4)
    assert_allclose(run.params.biases[0], y.mean(axis=0) - X.mean(axis=0) @ W, rtol=0, atol=1e-4)
    values = np.array([epoch.loss + epoch.penalty for epoch in epochs])
    assert np.all(np.diff(values) < 0)
    assert values[-1] == run.objective.value(run.params, batch).total


def test_lbfgs_with_l1_reaches_the_optimum_of_nag():
    run, expected = (
        Run(loss="squared_error", hidden=(), l1=0.2, rate=0.2, solver="nag") for _ in range(2)
    )
    expected.train(2000)
    epochs, l1 = [], np.full(6, 0.2)
    options = {"tol": 1e-10, "max_iter": 500, "max_fun": 5000, "on_epoch": epochs.append}
    lbfgs(run.objective, run.params, run.batches.data, l1=l1, **options)
    # scipy stops once F changes by 1e-13 of itself: an error of sqrt(1e-13 F / curvature) < 1e-6
    assert_allclose(run.params.flat, expected.params.flat, rtol=0, atol=1e-6)
    assert np.any(run.params.flat == 0)
    assert_array_equal(run.params.flat == 0, expected.params.flat == 0)
    assert epochs[-1].loss + epochs[-1].penalty == pytest.approx(
        run.objective.value(run.params, run.batches.data).total, rel=8 * EPS
    )


def test_lbfgs_stops_when_told():
    run, epochs = Run(l2=0.01), []

    def on_epoch(epoch):
        epochs.append(epoch)
        return len(epochs) == 2

    result = lbfgs(
        run.objective,
        run.params,
        Batch.of(*run.batches.data[:2]),
        tol=0,
        max_iter=50,
        max_fun=500,
        on_epoch=on_epoch,
    )
    assert len(epochs) == result.nit == 2


@pytest.mark.parametrize("solver", SOLVERS)
def test_what_fades_ends_at_zero_and_not_at_subnormal_numbers(solver):
    tiny = np.finfo(np.float64).tiny
    run = Run(solver, hidden=(), flat=np.full(8, tiny / 64), l2=1e-9)
    run.batches.data.X[:, 0] = 0  # its weights get no gradient but that of their ridge penalty
    run.batches.batch_size = 14
    run.train(max_iter=127)
    faded = run.params.weights[0][0]
    assert (faded > 0).all()
    assert (faded < tiny).all()
    run.train(max_iter=1)
    assert_array_equal(faded, 0)
    for vector in [run.params.flat, *run.optimizer.solver.state_vectors(run.optimizer.state)]:
        assert np.abs(vector[vector != 0]).min() >= tiny
