import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.metrics import accuracy_score

from sknn_scratch import MLPScratchRegressor
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.batches import Batch
from sknn_scratch.engine.dropout import Dropout
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.engine.network import Workspace, raw_scores
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.penalties import ElasticNet, GroupLasso, MaxNorm
from sknn_scratch.estimators.build import build_objective

from ..loss_targets import draw_targets
from ..pairs import PAIRS

EPS, EPS32 = np.finfo(np.float64).eps, np.finfo(np.float32).eps
N = 6

every_pair = pytest.mark.parametrize(("name", "loss"), PAIRS)
every_loss = pytest.mark.parametrize("loss", LOSSES)


def no_penalty(params):
    return []


def elastic_nets(params):
    """Return one penalty per weight matrix, no two alike."""
    return [
        (part, ElasticNet(l1=0.1 * k, l2=0.2 / k, alpha=0.3))
        for k, part in enumerate(params.weight_slices, start=1)
    ]


class Problem:
    """An objective with a point and a batch: by default the network 3-4-3-2 with tanh."""

    def __init__(
        self,
        name="tanh",
        loss="log_loss",
        hidden=(4, 3),
        weighted=True,
        penalties=no_penalty,
        dtype=np.float64,
        n=N,
        n_outputs=2,
    ):
        rng = np.random.default_rng(0)
        units = (3, *hidden, n_outputs)
        self.params = Parameters.empty(units, dtype)
        self.params.flat[...] = rng.normal(0, 0.7, self.params.flat.size)
        self.X = rng.normal(size=(n, 3)).astype(dtype)
        self.y = draw_targets(loss, rng, n, n_outputs).astype(dtype)
        self.weight = rng.uniform(0.5, 2, n).astype(dtype) if weighted else None
        self.activations, self.loss = [ACTIVATIONS[name]() for _ in hidden], LOSSES[loss]()
        self.penalties = penalties(self.params)

    @property
    def batch(self):
        return Batch.of(self.X, self.y, self.weight)

    def objective(self, params=None):
        return Objective(
            self.activations, self.loss, self.penalties, self.params if params is None else params
        )

    def value(self, flat):
        """Return F at each row of `flat`."""
        objective, batch = self.objective(), self.batch
        return np.array([objective.value(self.params.view(row), batch).total for row in flat])

    def evaluate(self, batch=None, params=None):
        """Return (loss, penalty, score) and the gradient."""
        params = self.params if params is None else params
        grad = params.view(np.full_like(params.flat, np.nan))  # all of it is to be written
        objective = self.objective(params)
        parts = objective.value_and_gradient(params, batch or self.batch, grad)
        return parts, grad.flat

    def l1_subgradient(self):
        """Return l1 sign(w), which belongs to F but not to the gradient of its smooth part."""
        subgradient = np.zeros_like(self.params.flat)
        for part, penalty in self.penalties:
            subgradient[part] = penalty.l1 * np.sign(self.params.flat[part])
        return subgradient


@every_pair
@pytest.mark.parametrize("hidden", [(), (4,), (4, 3), (4, 3, 2)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalties", [no_penalty, elastic_nets])
def test_gradient_is_that_of_differences(name, loss, hidden, weighted, penalties):
    problem = Problem(name, loss, hidden, weighted, penalties)
    _, gradient = problem.evaluate()
    step = 2.0**-17  # about eps^(1/3), where the errors of central differences are least
    steps = step * np.eye(gradient.size)
    up, down = (
        problem.value(problem.params.flat + steps),
        problem.value(problem.params.flat - steps),
    )
    differences = (up - down) / (2 * step)
    # The rule errs by step^2 F'''/6, with F''' < 100, and by some eps F / step, with F < 30.
    expected = gradient + problem.l1_subgradient()
    assert_allclose(differences, expected, rtol=1e-7, atol=2e-9)


@every_loss
@pytest.mark.parametrize("weighted", [False, True])
def test_value_is_the_formula(loss, weighted):
    problem = Problem(loss=loss, weighted=weighted, penalties=elastic_nets)
    params, w = problem.params, np.ones(N) if problem.weight is None else problem.weight
    raw = raw_scores(params, problem.activations, problem.X)
    per_sample = problem.loss.value(raw, problem.y)
    expected_loss = sum(w[i] * per_sample[i] for i in range(N)) / sum(w)
    expected_penalty = sum(
        0.1 * k * np.abs(W).sum() + (0.2 / k + 0.3 / (2 * sum(w))) * (W**2).sum()
        for k, W in enumerate(params.weights, start=1)
    )
    # sums of at most 24 terms of one sign
    for loss_value, penalty, *_ in (
        problem.objective().value(params, problem.batch),
        problem.evaluate()[0],
    ):
        assert loss_value == pytest.approx(expected_loss, rel=48 * EPS)
        assert penalty == pytest.approx(expected_penalty, rel=48 * EPS)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ["log_loss", "binary_log_loss"])
def test_accuracy_is_accuracy_score(loss, weighted):
    problem = Problem(loss=loss, weighted=weighted, n=40)
    raw = raw_scores(problem.params, problem.activations, problem.X)
    predicted = np.eye(2)[raw.argmax(axis=1)] if loss == "log_loss" else raw > 0
    expected = accuracy_score(problem.y, predicted, sample_weight=problem.weight)
    assert 0 < expected < 1
    assert problem.evaluate()[0][2] == pytest.approx(expected, rel=40 * EPS)


@pytest.mark.parametrize("loss", [n for n, loss in LOSSES.items() if not hasattr(loss, "classify")])
def test_there_is_no_score_in_regression_before_targets_are_seen(loss):
    assert np.isnan(Problem(loss=loss).evaluate()[0][2])


@every_pair
def test_sparse_equals_dense(name, loss):
    problem = Problem(name, loss)
    problem.X[np.abs(problem.X) < 0.5] = 0
    expected, expected_gradient = problem.evaluate()
    problem.X = csr_array(problem.X)
    parts, gradient = problem.evaluate()
    # other orders of sums of a few products, over 3 layers, of numbers below 30
    assert_allclose(parts, expected, rtol=0, atol=512 * EPS)
    assert_allclose(gradient, expected_gradient, rtol=0, atol=512 * EPS)


@every_loss
def test_inputs_are_kept_and_a_second_call_gives_the_same_bits(loss):
    problem = Problem(loss=loss, penalties=elastic_nets)
    arrays = [problem.X, problem.y, problem.weight, problem.params.flat]
    before = [array.copy() for array in arrays]
    objective, batch, grad = problem.objective(), problem.batch, problem.params.copy()
    first = objective.value_and_gradient(problem.params, batch, grad), grad.flat.copy()
    objective.value(problem.params, batch)
    second = objective.value_and_gradient(problem.params, batch, grad), grad.flat.copy()
    for array, expected in zip(arrays, before, strict=True):
        assert_array_equal(array, expected)
    assert_array_equal(first[0], second[0])
    assert_array_equal(first[1], second[1])


def test_batches_of_different_sizes_share_an_objective():
    problem = Problem()
    objective, grad = problem.objective(), problem.params.copy()
    for rows in (slice(0, 4), slice(4, 6), slice(0, 4), slice(0, 6)):
        batch = Batch.of(problem.X[rows], problem.y[rows], problem.weight[rows])
        parts = objective.value_and_gradient(problem.params, batch, grad)
        expected, expected_gradient = problem.evaluate(batch)
        assert_array_equal(parts, expected)
        assert_array_equal(grad.flat, expected_gradient)


# Sample weights. Tolerances below are for other orders of summation, of a few numbers below 30.

SUMS = {"rtol": 0, "atol": 512 * EPS}


@every_loss
def test_weight_k_is_the_row_k_times(loss):
    problem = Problem(loss=loss, penalties=elastic_nets)
    times = np.array([1, 3, 2, 1, 5, 2])
    problem.weight = times.astype(float)
    expected, expected_gradient = problem.evaluate()
    for weight in (None, np.ones(times.sum())):
        repeated = Batch.of(
            problem.X.repeat(times, axis=0), problem.y.repeat(times, axis=0), weight
        )
        parts, gradient = problem.evaluate(repeated)
        assert_allclose(parts, expected, **SUMS)
        assert_allclose(gradient, expected_gradient, **SUMS)


@every_loss
def test_weight_zero_is_the_row_removed(loss):
    problem = Problem(loss=loss, penalties=elastic_nets)
    problem.weight[[1, 4]] = 0
    kept = [0, 2, 3, 5]
    without = Batch.of(problem.X[kept], problem.y[kept], problem.weight[kept])
    (expected, expected_gradient), (parts, gradient) = problem.evaluate(without), problem.evaluate()
    assert_allclose(parts, expected, **SUMS)
    assert_allclose(gradient, expected_gradient, **SUMS)


@every_loss
@pytest.mark.parametrize("factor", [1e-3, 7.0, 1e6])
def test_scaling_all_weights_changes_nothing_without_alpha(loss, factor):
    def penalties(params):
        return [(part, ElasticNet(l1=0.1, l2=0.2)) for part in params.weight_slices]

    problem = Problem(loss=loss, penalties=penalties)
    expected, expected_gradient = problem.evaluate()
    problem.weight = factor * problem.weight
    parts, gradient = problem.evaluate()
    assert_allclose(parts, expected, **SUMS)
    assert_allclose(gradient, expected_gradient, **SUMS)


@every_loss
def test_a_batch_without_weight_asks_for_nothing(loss):
    problem = Problem(loss=loss, penalties=elastic_nets)
    problem.weight = np.zeros(N)
    (loss_value, penalty, _), gradient = problem.evaluate()
    assert loss_value == 0
    assert problem.objective().value(problem.params, problem.batch)[:2] == (0, penalty)
    # What is left are l1 and l2, which do not depend on the batch.
    expected = np.zeros_like(gradient)
    for k, part in enumerate(problem.params.weight_slices, start=1):
        expected[part] = 2 * (0.2 / k) * problem.params.flat[part]
    assert_allclose(gradient, expected, rtol=4 * EPS)
    assert_array_equal(problem.weight, 0)


def test_permuting_rows_changes_nothing():
    problem, order = Problem(), np.array([3, 0, 5, 1, 4, 2])
    permuted = Batch.of(problem.X[order], problem.y[order], problem.weight[order])
    (expected, expected_gradient), (parts, gradient) = (
        problem.evaluate(),
        problem.evaluate(permuted),
    )
    assert_allclose(parts, expected, **SUMS)
    assert_allclose(gradient, expected_gradient, **SUMS)


# Dropout


@every_pair
def test_gradient_with_dropout_is_that_of_differences(name, loss):
    problem = Problem(name, loss)
    batch, flat, step = problem.batch, problem.params.flat, 2.0**-17

    objective, grad = problem.objective(), problem.params.copy()

    def loss_at(flat):
        # The same seed at each call: the same masks
        objective.dropout = Dropout([0.2, 0.5, 0.3], np.random.default_rng(0))
        return objective.value_and_gradient(problem.params.view(flat), batch, grad).loss

    steps = step * np.eye(flat.size)
    differences = [(loss_at(flat + e) - loss_at(flat - e)) / (2 * step) for e in steps]
    loss_at(flat)
    gradient = grad.flat
    # as without dropout; what is kept is at most doubled, layer by layer
    assert_allclose(differences, gradient, rtol=1e-6, atol=1e-7)


def test_value_is_without_dropout():
    problem = Problem()
    objective = problem.objective()
    expected = objective.value(problem.params, problem.batch)
    objective.dropout = Dropout([0.2, 0.5, 0.3], np.random.default_rng(0))
    assert objective.value(problem.params, problem.batch) == expected


# The part that is not smooth


@pytest.mark.parametrize("penalties", [no_penalty, elastic_nets])
def test_rest_and_its_subgradient_complete_the_smooth_part(penalties):
    problem = Problem(penalties=penalties)
    params, objective = problem.params, problem.objective()
    expected = sum(
        penalty.l1 * np.abs(params.flat[part]).sum() for part, penalty in problem.penalties
    )
    assert objective.nonsmooth_value(params) == pytest.approx(expected, rel=32 * EPS)
    out = params.view(np.ones_like(params.flat))
    objective.add_subgradient(params, out)
    assert_array_equal(out.flat, 1 + problem.l1_subgradient())


def test_several_penalties_on_the_same_weights_act_one_after_the_other():
    params = Parameters.empty((3, 2, 2), np.float64)
    params.flat[...] = np.random.default_rng(0).normal(size=params.flat.shape)
    first, whole = params.weight_slices[0], slice(0, 10)
    penalties = [(whole, ElasticNet(l1=0.3)), (first, GroupLasso(0.4, 3)), (first, MaxNorm(0.5, 3))]
    for step in (0.5, np.full_like(params.flat, 0.5)):
        flat, expected = params.flat.copy(), params.flat.copy()
        Objective([], LOSSES["log_loss"](), penalties, params).prox(flat, step)
        for part, penalty in penalties:
            penalty.prox(expected[part], 0.5, np.empty_like(expected[part]))
        assert_allclose(flat, expected, rtol=0, atol=64 * EPS)


# The proximal operator


def test_prox_is_none_where_all_is_smooth():
    assert Problem().objective().prox is None
    assert Problem(penalties=lambda p: [(slice(0, 3), ElasticNet(l2=1.0))]).objective().prox is None


@pytest.mark.parametrize("step", [0.5, "array"])
def test_prox_treats_each_weight_matrix_by_its_penalty_and_no_bias(step):
    problem = Problem(penalties=elastic_nets)
    problem.penalties[1] = problem.penalties[1][0], ElasticNet(l2=1.0)
    before, flat = problem.params.flat, problem.params.flat.copy()
    steps = np.full_like(flat, 0.5) if step == "array" else step
    problem.objective().prox(flat, steps)
    expected = before.copy()
    for k, l1 in enumerate([0.1, 0.0, 0.1 * 3]):
        part = problem.params.weight_slices[k]
        expected[part] = np.sign(before[part]) * np.maximum(np.abs(before[part]) - 0.5 * l1, 0)
    assert_allclose(flat, expected, rtol=0, atol=4 * EPS)
    assert np.any(flat != before)


# dtype and memory


@every_pair
@pytest.mark.parametrize("weighted", [False, True])
def test_float32_is_kept_in_the_gradient(name, loss, weighted):
    problem = Problem(name, loss, weighted=weighted, penalties=elastic_nets, dtype=np.float32)
    parts, gradient = problem.evaluate()
    assert gradient.dtype == np.float32
    for attribute in ("X", "y", "weight"):
        array = getattr(problem, attribute)
        setattr(problem, attribute, None if array is None else array.astype(np.float64))
    double = problem.params.view(problem.params.flat.astype(np.float64))
    expected, expected_gradient = problem.evaluate(params=double)
    # sums of a few products, over 3 layers, of numbers below 30
    assert_allclose(parts, expected, rtol=0, atol=512 * EPS32)
    assert_allclose(gradient, expected_gradient, rtol=0, atol=512 * EPS32)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_of_float32_losses_is_taken_in_double_precision(weighted):
    problem = Problem(dtype=np.float32, weighted=False, n=1000)
    if weighted:
        problem.weight = np.ones(1000, np.float32)
    raw = raw_scores(problem.params, problem.activations, problem.X)
    per_sample = problem.loss.value(raw, problem.y).astype(np.float64)
    loss = problem.objective().value(problem.params, problem.batch).loss
    assert loss == pytest.approx(per_sample.mean(), rel=1000 * EPS)


@every_pair
@pytest.mark.parametrize("weighted", [False, True])
def test_a_second_call_allocates_little(name, loss, weighted):
    problem = Problem(name, loss, (60, 60), weighted, elastic_nets, n=1000)
    objective, batch, grad = problem.objective(), problem.batch, problem.params.copy()
    objective.value_and_gradient(problem.params, batch, grad)
    tracemalloc.start()
    objective.value_and_gradient(problem.params, batch, grad)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    work = Workspace(problem.params, problem.activations, 1000)
    buffers = {id(array): array.nbytes for array in [*work.z, *work.a, *work.delta]}
    # Numbers per sample, or a mask of one layer and a buffer of numpy's (64 KiB where an older one
    # sees `where=`), but no layer itself: that would be a quarter.
    assert peak < sum(buffers.values()) / 10


@pytest.mark.parametrize("l1", [0.0, 0.1])
@pytest.mark.parametrize("step", ["one number", "one for each parameter"])
def test_penalties_in_chunks_are_the_same_penalties(l1, step, monkeypatch):
    est = MLPScratchRegressor(
        hidden_layer_sizes=(4, 3), l1=[l1, 0.2, l1], l2=0.3, alpha=0.4, max_norm=0.9
    )
    problem = Problem(loss="squared_error")

    def outcome(chunk):
        monkeypatch.setattr("sknn_scratch.estimators.build.CHUNK", chunk)
        objective = build_objective(est, problem.loss, problem.params)
        grad = problem.params.copy()
        penalty = objective.value_and_gradient(problem.params, problem.batch, grad).penalty
        after = problem.params.flat.copy()
        objective.prox(after, 0.1 if step == "one number" else np.linspace(0.1, 1, after.size))
        value = objective.value(problem.params, problem.batch).penalty
        return objective.penalties, [penalty, value], [grad.flat, after]

    whole, parts = outcome(1000), outcome(5)
    assert len(parts[0]) > len(whole[0])
    assert_allclose(parts[1], whole[1], rtol=100 * EPS)  # sums in another order
    assert_array_equal(parts[2], whole[2])
