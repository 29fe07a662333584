"""A training that has converged computes no subnormal numbers, and all others as before."""

from collections import Counter

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknn_scratch.engine import objective as objective_module
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.batches import MiniBatches
from sknn_scratch.engine.compiled import CompiledEpochs
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.schedules import Constant
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.engine.subnormals import faded, flush, negligible
from sknn_scratch.engine.training import NumpyEpochs, Optimizer, train

UNITS = (20, 16, 16, 3)
# Spreads of the raw scores with which exp(z) takes all values down to zero
SPREAD = {np.float32: 60.0, np.float64: 600.0}

every_dtype = pytest.mark.parametrize("dtype", SPREAD)


class Fitted:
    """What `train` needs, for networks that have the right answer to every sample."""

    def __init__(self, solver="adam", loss="log_loss", dtype=np.float32, weight=None, spread=None):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(500, UNITS[0])).astype(dtype)
        X[:, 8:] = rng.random((500, 12)) < 0.02  # most batches have few ones there, or none
        self.params = Parameters.empty(UNITS, dtype)
        self.params.flat[...] = rng.normal(0, 0.5, self.params.flat.size)
        activations = [ACTIVATIONS["relu"]()] * 2
        work = objective_module.Workspace(self.params, activations, 500)
        raw = objective_module.forward(self.params, activations, X, work)
        to_spread = (spread or SPREAD[dtype]) / raw.std()
        self.params.weights[-1][...] *= to_spread
        self.params.biases[-1][...] *= to_spread
        raw *= to_spread
        y = (raw > 0) * 1.0 if loss != "log_loss" else raw == raw.max(axis=-1, keepdims=True)
        if loss in ("poisson", "tweedie"):  # counts, all of which are zero
            self.params.weights[-1][...] = -np.abs(self.params.weights[-1])
            y = np.zeros_like(raw)
        self.objective = Objective(activations, LOSSES[loss](), [], self.params)
        batch_size = 500 if SOLVERS[solver].full_batch else 50
        order = rng.permutation(500)
        self.batches = MiniBatches(X, y.astype(dtype), weight, batch_size, order)
        self.optimizer = Optimizer(SOLVERS[solver](), Constant(1e-3))

    def train(self, epochs, on_epoch=lambda epoch: False, engine=NumpyEpochs):
        train(self.optimizer, self.objective, self.params, self.batches, epochs, on_epoch, engine)

    def vectors(self):
        return [self.params.flat, *self.optimizer.solver.state_vectors(self.optimizer.state)]


class Looked:
    """Counts how many of the numbers that a training computes are subnormal."""

    def __init__(self, monkeypatch):
        self.subnormal, self.all = Counter(), Counter()
        backward = objective_module.backward

        def watched_backward(params, activations, work, grad, dropout=None):
            backward(params, activations, work, grad, dropout)
            for delta in work.delta:
                self.look("deltas", delta)
            self.look("gradients", grad.flat)
            self.look("squares of gradients", grad.flat * grad.flat)

        monkeypatch.setattr(objective_module, "backward", watched_backward)

    def look(self, name, array):
        size = np.abs(array)
        self.subnormal[name] += np.count_nonzero((size > 0) & (size < np.finfo(array.dtype).tiny))
        self.all[name] += array.size

    def shares(self):
        return {name: self.subnormal[name] / n for name, n in self.all.items()}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("loss", ["log_loss", "binary_log_loss", "poisson", "tweedie"])
@every_dtype
def test_what_is_fitted_has_no_subnormal_gradients(solver, loss, dtype, monkeypatch):
    fitted, looked = Fitted(solver, loss, dtype), Looked(monkeypatch)
    epochs = 20 if SOLVERS[solver].full_batch else 13
    fitted.train(epochs)
    for vector in fitted.vectors():
        looked.look("vectors", vector)
    assert max(looked.shares().values()) < 1e-3


@every_dtype
def test_each_epoch_looks_again(dtype, monkeypatch):
    fitted, looked = Fitted(dtype=dtype, spread=1.0), Looked(monkeypatch)

    def become_fitted(epoch):
        fitted.params.weights[-1][...] *= SPREAD[dtype]
        fitted.params.biases[-1][...] *= SPREAD[dtype]

    fitted.train(2, become_fitted)
    assert max(looked.shares().values()) < 1e-3


@every_dtype
def test_weights_of_samples_that_fade_make_no_subnormal_gradients(dtype, monkeypatch):
    weight = np.geomspace(1, np.finfo(dtype).tiny, 500).astype(dtype)
    fitted = Fitted(dtype=dtype, weight=weight, spread=1.0)  # the scores are far from extreme
    looked = Looked(monkeypatch)
    fitted.train(2)
    assert max(looked.shares().values()) < 1e-3


@pytest.mark.parametrize("solver", ["sgd", "adam"])  # which keep something of each gradient
@pytest.mark.parametrize("case", ["log_loss", "binary_log_loss", "poisson", "fading weights"])
@every_dtype
def test_compiled_epochs_make_no_subnormal_numbers_either(solver, case, dtype, monkeypatch):
    pytest.importorskip("numba")
    if case == "fading weights":
        weight = np.geomspace(1, np.finfo(dtype).tiny, 500).astype(dtype)
        settings = {"weight": weight, "spread": 1.0}
    else:
        settings = {"loss": case}
    compiled, looked = Fitted(solver, dtype=dtype, **settings), Looked(monkeypatch)

    def look(epoch):
        for vector in compiled.vectors():
            looked.look("vectors", vector)

    compiled.train(13, look, CompiledEpochs)
    assert looked.all["vectors"] > 0
    assert max(looked.shares().values()) < 1e-3


@every_dtype
@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_not_negligible_stays_to_the_bit(dtype, weighted, monkeypatch):
    weight = np.random.default_rng(1).uniform(0.5, 2, 500).astype(dtype) if weighted else None
    trained = []
    for without in [False, True]:
        fitted = Fitted(dtype=dtype, weight=weight, spread=4.0)
        if without:
            monkeypatch.setattr(objective_module, "flush", lambda array, limit: None)
        fitted.train(2)
        trained.append(fitted.params.flat)
    assert_array_equal(*trained)


@every_dtype
def test_later_batches_are_flushed_if_the_first_had_something_to_flush(dtype):
    limit = negligible(np.dtype(dtype))
    large, small = np.full((4, 3), 2 * limit, dtype), np.full((4, 3), limit / 2, dtype)
    with_a_small_one = large.copy()
    with_a_small_one[2, 2] = limit / 2
    objective = Fitted(dtype=dtype).objective
    for first, expected in [(large, small), (with_a_small_one, 0)]:
        objective.begin_epoch()
        objective._flush(first.copy())
        delta = small.copy()
        objective._flush(delta)
        assert_array_equal(delta, expected)
        assert delta.dtype == dtype


@every_dtype
def test_flush_keeps_what_is_not_below_the_limit(dtype):
    limit = negligible(np.dtype(dtype))
    assert limit**2 == pytest.approx(faded(np.dtype(dtype)))
    values = np.array(
        [limit * 0.99, -limit * 0.99, limit * 1.01, -limit * 1.01, 1, -np.inf, np.nan, 0], dtype
    )
    expected = values.copy()
    expected[:2] = 0
    flush(values, limit)
    assert_array_equal(values, expected)
