"""Fits whose epochs are compiled: handed from engine to engine, to the bit again, and failing.

That the numbers are those of numpy is the subject of tests/differential/test_compiled.py.
"""

import os
import pickle
import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.callbacks import Checkpoint
from sknn_scratch.engine import compiled
from sknn_scratch.engine.activations import ACTIVATIONS, Tanh
from sknn_scratch.engine.batches import MiniBatches
from sknn_scratch.engine.compiled import can_compile
from sknn_scratch.engine.losses import LOSSES, REGRESSION_LOSSES, PoissonLoss
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.penalties import ElasticNet
from sknn_scratch.engine.schedules import Constant
from sknn_scratch.engine.solvers import SOLVERS, Adam
from sknn_scratch.engine.training import Optimizer, train
from sknn_scratch.model_selection import MLPGridSearchCV

from ..epoch_callbacks import EpochCallback

pytest.importorskip("numba")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = scale(X)
N_EPOCHS, N_BEFORE = 12, 5
OTHER = {"numpy": "numba", "numba": "numpy"}
SETTINGS = {
    "plain": {},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 20},
    "dropout": {"dropout": 0.2, "l1": 1e-3},
    "schedule": {"learning_rate": "one_cycle", "warmup_epochs": 2.0},
}

every_solver = pytest.mark.parametrize("solver", SOLVERS)
every_setting = pytest.mark.parametrize("name", SETTINGS)
from_both_engines = pytest.mark.parametrize("first", OTHER)


def new(cls=MLPScratchClassifier, **params):
    defaults = {"hidden_layer_sizes": (6,), "activation": "tanh", "batch_size": 40}
    defaults |= {"learning_rate_init": 0.02, "max_iter": N_EPOCHS, "random_state": 0}
    return cls(**defaults | params)


def assert_close(model, expected, tolerance=1e-9):
    """Compare weights and histories of runs of some ten epochs, which rounding alone parts."""
    assert model.n_iter_ == expected.n_iter_
    assert model.t_ == expected.t_
    assert list(model.history_) == list(expected.history_)
    for name, values in expected.history_.items():
        assert_allclose(model.history_[name], values, rtol=tolerance, atol=tolerance, err_msg=name)
    for found, wanted in zip(
        model.coefs_ + model.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        assert_allclose(found, wanted, rtol=0, atol=tolerance)


def assert_same_bits(model, expected):
    for found, wanted in zip(
        model.coefs_ + model.intercepts_, expected.coefs_ + expected.intercepts_, strict=True
    ):
        assert_array_equal(found, wanted, strict=True)
    assert model.history_ == expected.history_


# Handed from engine to engine


class BrokenOffError(Exception):
    """Training was broken off."""


class BreakOff(EpochCallback):
    """Break training off after the first epochs."""

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and estimator.n_iter_ == N_BEFORE:
            raise BrokenOffError


@every_solver
@every_setting
@from_both_engines
def test_after_a_checkpoint_the_other_engine_goes_on(solver, name, first, tmp_path):
    settings = {"solver": solver, **SETTINGS[name]}
    checkpoint = Checkpoint(tmp_path / "network", every_epochs=1)
    broken = new(engine=first, **settings).set_callbacks(checkpoint, BreakOff())
    with pytest.raises(BrokenOffError):
        broken.fit(X, y)
    resumed = Checkpoint.load(tmp_path / "network").set_callbacks()
    assert resumed.engine_ == first
    resumed.set_params(engine=OTHER[first]).fit(X, y)
    assert resumed.engine_ == OTHER[first]
    assert_close(resumed, new(**settings).fit(X, y))


@every_solver
@every_setting
@from_both_engines
@pytest.mark.parametrize("warm_start", [True, "resume"])
def test_the_next_fit_goes_on_with_the_other_engine(solver, name, first, warm_start):
    settings = {"solver": solver, "warm_start": warm_start, "max_iter": 4, **SETTINGS[name]}
    model = new(engine=first, **settings).fit(X, y)
    model = pickle.loads(pickle.dumps(model))
    model.set_params(engine=OTHER[first]).fit(X, y)
    assert model.engine_ == OTHER[first]
    assert_close(model, new(**settings).fit(X, y).fit(X, y))


@every_solver
@from_both_engines
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_partial_fit_by_turns(solver, first, dropout):
    by_turns, alone = (new(solver=solver, dropout=dropout) for _ in range(2))
    engine = first
    for start in range(0, 150, 50):
        part = (X[::-1][start : start + 50], y[::-1][start : start + 50])
        by_turns.set_params(engine=engine).partial_fit(*part, classes=[0, 1, 2])
        assert by_turns.engine_ == engine
        alone.partial_fit(*part, classes=[0, 1, 2])
        engine = OTHER[engine]
    assert_close(by_turns, alone)


# To the bit again


@every_solver
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_the_same_seed_are_the_same_bits_in_whatever_memory(solver, dtype, tmp_path):
    settings = {"engine": "numba", "solver": solver, "dropout": 0.1}
    samples = X.astype(dtype)
    expected = new(**settings).fit(samples, y)
    np.save(tmp_path / "X.npy", samples)
    read_only = samples.copy()
    read_only.setflags(write=False)
    memory_map = np.load(tmp_path / "X.npy", mmap_mode="r")
    for same in (samples, read_only, memory_map, samples.tolist() if dtype is float else samples):
        model = new(**settings).fit(same, y)
        assert model.engine_ == "numba"
        assert_same_bits(model, expected)
    assert_array_equal(read_only, X.astype(dtype))


@pytest.mark.parametrize("in_another_order", [np.asfortranarray, lambda X: X[:, ::-1][:, ::-1]])
def test_columns_that_do_not_lie_together_make_no_difference(in_another_order):
    expected = new(engine="numba", dropout=0.1).fit(X, y)
    model = new(engine="numba", dropout=0.1).fit(in_another_order(X), y)
    assert model.engine_ == "numba"
    assert_same_bits(model, expected)


def test_of_the_same_seed_are_the_same_bits_in_threads():
    models = [new(engine="numba", random_state=seed, max_iter=40) for seed in range(8)]
    alone = [clone(model).fit(X, y) for model in models]
    with ThreadPoolExecutor(2) as threads:
        side_by_side = list(threads.map(lambda model: model.fit(X, y), models))
    for model, expected in zip(side_by_side, alone, strict=True):
        assert_same_bits(model, expected)


@pytest.mark.slow
def test_of_the_same_seed_are_the_same_bits_in_searches():
    grid = {"alpha": [1e-4, 0.1], "engine": ["numba", "numpy"]}
    settings = {"cv": 3, "return_train_score": True}
    searches = [
        GridSearchCV(new(), grid, n_jobs=1, **settings),
        GridSearchCV(new(), grid, n_jobs=2, **settings),
        MLPGridSearchCV(new(), grid, **settings),
    ]
    one, *others = (search.fit(X, y) for search in searches)
    for other in others:
        assert_same_bits(other.best_estimator_, one.best_estimator_)
        for name in ("mean_test_score", "mean_train_score", "rank_test_score"):
            assert_array_equal(other.cv_results_[name], one.cv_results_[name])


PRINT_HASH = """
import warnings, joblib
from sklearn.datasets import load_digits
from sknn_scratch import MLPScratchClassifier
warnings.simplefilter("ignore")
X, y = load_digits(return_X_y=True)
model = MLPScratchClassifier((40, 30), max_iter=3, random_state=0, engine="numba").fit(X, y)
assert model.engine_ == "numba"
print(joblib.hash([model.coefs_, model.history_]))
"""


@pytest.mark.slow
def test_of_the_same_seed_are_the_same_bits_whatever_the_number_of_threads_outside():
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    hashes = {
        subprocess.run(
            [sys.executable, "-c", PRINT_HASH],
            env=os.environ | dict.fromkeys(names, n_threads),
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n_threads in ("1", "2")
    }
    digits = scale(load_digits(return_X_y=True)[0])
    assert digits.shape == (1797, 64)
    assert len(hashes) == 1


def test_equal_fits_are_equal_models():
    first, second = (new(engine="numba").fit(X, y) for _ in range(2))
    assert joblib.hash(first) == joblib.hash(second)


# Several epochs in a call


def never(history):
    """Look at each epoch, and go on."""
    return False


def counted_calls(monkeypatch):
    """Return a list to which each call of compiled code appends how many steps it does."""
    kernels, calls = compiled.kernels(), []

    def run_steps(first, last, *args):
        calls.append(last - first)
        kernels.run_steps(first, last, *args)

    monkeypatch.setattr(compiled, "kernels", lambda: types.SimpleNamespace(run_steps=run_steps))
    return calls


PLATEAU = {"tol": 0.05, "n_iter_no_change": 2, "max_iter": 40}
TOGETHER = {
    "plain": {},
    "plateau": PLATEAU,
    "adaptive": {"learning_rate": "plateau", **PLATEAU},
    "dropout": {"dropout": [0.1, 0.2]},
    "in order": {"shuffle": False},
    "invscaling": {"learning_rate": "invscaling"},  # which adam ignores
    "warm-up": {"warmup_epochs": 2.5},
    "large batch": {"batch_size": 150},
}


@every_solver
@pytest.mark.parametrize("name", TOGETHER)
def test_epochs_that_share_a_call_are_those_that_do_not(solver, name):
    settings = {"solver": solver, "warm_start": "resume", **TOGETHER[name]}
    together, alone = (new(engine="numba", stop_when=rule, **settings) for rule in (None, never))
    for _ in range(2):  # the second goes on with the order, random numbers and optimiser
        assert_same_bits(together.fit(X, y), alone.fit(X, y))
        assert together.loss_curve_ == alone.loss_curve_
        for attribute in ("n_iter_", "t_", "loss_", "best_loss_"):
            assert getattr(together, attribute) == getattr(alone, attribute)
        assert together._optimizer.n_steps == alone._optimizer.n_steps


@pytest.mark.parametrize(
    ("settings", "n_calls"),
    [
        ({}, 1),
        ({"n_iter_no_change": 3, "tol": 10.0}, 2),  # four epochs, of which the first is progress
        ({"max_iter": 1}, 1),
        ({"dropout": 0.1}, N_EPOCHS),
        ({"stop_when": never}, N_EPOCHS),
        ({"verbose": True}, N_EPOCHS),
        ({"early_stopping": True, "tol": 0.0}, N_EPOCHS),
        ({"learning_rate": "invscaling", "solver": "sgd"}, N_EPOCHS),
        ({"warmup_epochs": 2.0}, 3),
    ],
)
def test_epochs_share_a_call_where_nothing_looks_at_them(settings, n_calls, monkeypatch):
    calls = counted_calls(monkeypatch)
    new(engine="numba", n_iter_no_change=20).set_params(**settings).fit(X, y)
    assert len(calls) == n_calls


@pytest.mark.parametrize("n_together", [1, 5])
def test_the_memory_of_a_call_is_limited(n_together, monkeypatch):
    expected = new(engine="numba").fit(X, y)
    calls = counted_calls(monkeypatch)
    monkeypatch.setattr(
        compiled, "_VALUES_PER_CALL", n_together * (len(X) + expected.n_parameters_)
    )
    assert_same_bits(new(engine="numba").fit(X, y), expected)
    assert calls == ([4] * N_EPOCHS if n_together == 1 else [20, 20, 8])


@every_solver
def test_ctrl_c_between_calls_of_several_epochs(solver, monkeypatch):
    expected = new(max_iter=5, solver=solver).fit(X, y)
    per_epoch = 0 if SOLVERS[solver].full_batch else len(X)
    limit = 5 * (per_epoch + expected.n_parameters_)
    press_ctrl_c_at_call(2, monkeypatch)
    monkeypatch.setattr(compiled, "_MULTIPLICATIONS_PER_CALL", 2**31)
    monkeypatch.setattr(compiled, "_VALUES_PER_CALL", limit)
    model = new(engine="numba", solver=solver)
    with pytest.warns(UserWarning, match="interrupted by user in epoch 6"):
        model.fit(X, y)
    assert_close(model, expected)


def test_training_that_ends_amid_a_call_leaves_the_parameters_of_that_epoch():
    def trained(max_iter, **options):
        params, loss = Parameters((4, 6, 3), np.linspace(-1, 1, 51)), LOSSES["log_loss"]()
        objective = Objective([Tanh()], loss, [], params)
        batches = MiniBatches(X, np.eye(3)[y], None, 40, np.arange(150), np.random.RandomState(0))
        parts = Optimizer(Adam(), Constant(0.1)), objective, params, batches
        epochs = []

        def on_epoch(epoch):
            epochs.append(epoch)
            return len(epochs) == 2

        train(*parts, max_iter, on_epoch, compiled.CompiledEpochs, **options)
        assert len(epochs) == 2
        assert all(epoch.seconds > 0 for epoch in epochs)
        return params.flat

    assert_array_equal(trained(5, n_at_once=lambda: 4), trained(2))


# When they fail


@pytest.mark.parametrize("early_stopping", [False, True])
@every_solver
def test_divergence_says_what_it_says_with_numpy(solver, early_stopping):
    messages = []
    for engine in OTHER:
        model = new(
            MLPScratchRegressor,
            activation="identity",
            solver=solver,
            engine=engine,
            learning_rate_init=1e200,
            early_stopping=early_stopping,
        )
        with pytest.raises(ValueError, match="diverged") as error:
            model.fit(X, X[:, 0])
        assert not hasattr(model, "coefs_")
        messages.append(str(error.value))
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("solver", "rate"), [("gd", 5.0), ("nag", 5.0), ("sgd", 5.0), ("adam", 1e160)]
)
def test_divergence_amid_a_call_is_found_in_its_epoch(solver, rate):
    messages = []
    for stop_when in (None, never):
        model = new(MLPScratchRegressor, activation="identity", solver=solver, engine="numba")
        model.set_params(learning_rate_init=rate, batch_size=150, max_iter=300, tol=0.0)
        model.set_params(stop_when=stop_when)
        with pytest.raises(ValueError, match="diverged") as error:
            model.fit(X, X[:, 0])
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    assert "epoch 1:" not in messages[0]


@pytest.mark.parametrize(
    ("dtype", "rate"),
    [(np.float32, 1e30), (np.float64, 1e100), (np.float64, 1e200), (np.float64, 1e300)],
)
def test_both_engines_end_alike_though_the_loss_overflows(dtype, rate):
    # The squares of the weights overflow in the penalty, which Adam's weights survive
    def outcome(engine):
        model = new(engine=engine, learning_rate_init=rate, solver="adam")
        try:
            model.fit(X.astype(dtype), y)
        except ValueError as error:
            return str(error)
        return model.n_iter_, np.isfinite(model.loss_curve_).tolist()

    assert outcome("numba") == outcome("numpy")


def press_ctrl_c_at_call(k, monkeypatch):
    """Have Ctrl-C pressed before the k-th call of compiled code; each call is one step."""
    kernels, calls = compiled.kernels(), count(1)

    def run_steps(*args):
        if next(calls) == k:
            raise KeyboardInterrupt
        kernels.run_steps(*args)

    monkeypatch.setattr(compiled, "_MULTIPLICATIONS_PER_CALL", 1)
    monkeypatch.setattr(compiled, "kernels", lambda: types.SimpleNamespace(run_steps=run_steps))
    return calls


@pytest.mark.parametrize("early_stopping", [False, True])
@every_solver
def test_ctrl_c_between_calls_keeps_the_best_weights(solver, early_stopping, monkeypatch):
    settings = {"solver": solver, "early_stopping": early_stopping}
    expected = new(max_iter=3, **settings).fit(X, y)
    steps = 1 if SOLVERS[solver].full_batch else -(-(135 if early_stopping else 150) // 40)
    press_ctrl_c_at_call(3 * steps + (steps + 1) // 2, monkeypatch)  # amid the fourth epoch
    model = new(engine="numba", **settings)
    with pytest.warns(UserWarning, match="interrupted by user in epoch 4"):
        model.fit(X, y)
    assert model.n_iter_ == 3
    # Without early stopping it is the best loss that counts, which is that after the third epoch
    assert_close(model, expected)


def test_ctrl_c_in_the_first_epoch_leaves_the_model_as_it_was(monkeypatch):
    model = new(engine="numba", warm_start=True).fit(X, y)
    before = pickle.dumps(model)
    press_ctrl_c_at_call(2, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert pickle.dumps(model) == before


def fails_in_the_third_epoch(history):
    if len(history["loss"]) == N_EPOCHS + 3:
        raise RuntimeError("on purpose")
    return False


@every_solver
def test_a_rule_that_fails_leaves_the_model_as_it_was(solver):
    model = new(engine="numba", solver=solver, warm_start=True).fit(X, y)
    model.set_params(stop_when=fails_in_the_third_epoch)
    before = pickle.dumps(model)
    with pytest.raises(RuntimeError, match="on purpose"):
        model.fit(X, y)
    assert pickle.dumps(model) == before


# What is left to numpy


class OwnActivation(Tanh):
    """Of the user's own: it may do anything."""


class OwnLoss(PoissonLoss):
    """Of the user's own."""


class OwnPenalty(ElasticNet):
    """Of the user's own."""


class OwnSolver(Adam):
    """Of the user's own."""


NOT_COMPILED = {
    "sparse": (MLPScratchClassifier, {}, csr_array(X)),
    "activation": (MLPScratchClassifier, {"activation": "mine"}, X),
    "loss": (MLPScratchRegressor, {"loss": "mine"}, X),
    "backtracking": (MLPScratchClassifier, {"learning_rate": "backtracking", "solver": "gd"}, X),
    "lbfgs": (MLPScratchClassifier, {"solver": "lbfgs"}, X),
}


@pytest.mark.parametrize("what", NOT_COMPILED)
def test_what_cannot_be_compiled_runs_on_numpy_to_the_bit(what, monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "mine", OwnActivation)
    monkeypatch.setitem(REGRESSION_LOSSES, "mine", OwnLoss)
    cls, settings, samples = NOT_COMPILED[what]
    compiled, plain = (
        new(cls, engine=engine, **settings).fit(samples, y) for engine in ("numba", "numpy")
    )
    assert compiled.engine_ == plain.engine_ == "numpy"
    assert_same_bits(compiled, plain)


def test_penalties_and_solvers_of_ones_own_are_not_compiled():
    params = Parameters.empty((4, 3), float)
    batches = MiniBatches(X, np.eye(3)[y], None, 40)
    own = {(OwnPenalty, Adam), (ElasticNet, OwnSolver)}
    for penalty, solver in [(ElasticNet, Adam), *own]:
        parts = [(slice(0, 12), penalty(0.1))]
        objective = Objective([], LOSSES["log_loss"](), parts, params)
        optimizer = Optimizer(solver(), Constant(1e-3))
        assert can_compile(optimizer, objective, batches) == ((penalty, solver) not in own)


def test_both_engines_restart_nag_alike():
    settings = {"solver": "nag", "learning_rate_init": 0.5, "alpha": 1.0, "max_iter": 60, "tol": 0}
    plain, without = (
        new(hidden_layer_sizes=(), restart=restart, **settings).fit(X, y)
        for restart in (True, False)
    )
    model = new(engine="numba", hidden_layer_sizes=(), restart=True, **settings).fit(X, y)
    assert_close(model, plain)
    assert np.abs(plain.coefs_[0] - without.coefs_[0]).max() > 0.1  # it has restarted


def test_the_last_fit_is_what_engine_tells():
    model = new(engine="numba", warm_start=True).fit(X, y)
    assert model.engine_ == "numba"
    assert model.fit(csr_array(X), y).engine_ == "numpy"
    assert model.fit(X, y).engine_ == "numba"
    assert model.set_params(solver="lbfgs").fit(X, y).engine_ == "numpy"


def test_of_a_dtype_all_fits_share_what_is_compiled():
    """Each kind of array of which the kernels are told more than the dtype would cost seconds."""
    run_steps = compiled.kernels().run_steps
    not_aligned = np.empty(X.nbytes + 1, np.uint8)[1:].view(float).reshape(X.shape)
    not_aligned[...] = X
    read_only = X.astype(np.float32)
    read_only.setflags(write=False)
    for samples in (X, not_aligned, read_only, X.astype(">f8"), X[:, :1]):
        for settings in ({}, {"solver": "nag", "restart": True}, {"dropout": 0.5, "max_norm": 1.0}):
            assert new(engine="numba", **settings).fit(samples, y).engine_ == "numba"
    new(engine="numba").fit(X, y, np.arange(len(y)))
    new(MLPScratchRegressor, engine="numba", loss="poisson").fit(X, y)
    assert len(run_steps.signatures) == 2
