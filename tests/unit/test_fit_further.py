"""A training that is seen after more and more epochs against fits from the start."""

import copy
import warnings
from importlib.util import find_spec
from itertools import cycle

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import sknn_scratch.estimators.resume as resume
from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.model_selection.train import fit_further

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
ROWS = np.random.RandomState(1).permutation(150)[:60]
X, Y = scale(X)[ROWS], Y[ROWS]
LABELS = np.column_stack([Y > 0, Y < 2, X[:, 0] > 0]).astype(int)
WEIGHT = np.random.RandomState(2).randint(0, 3, 60).astype(float)
VALIDATION = {"X_val": X[:20], "y_val": Y[:20], "sample_weight_val": WEIGHT[:20] + 1}
RATES = {"gd": 0.3, "nag": 0.1, "sgd": 0.05, "adam": 0.02}
ENGINES = ["numpy", "numba"] if find_spec("numba") else ["numpy"]

CLASSIFIER = MLPScratchClassifier(5, activation="tanh", batch_size=20, random_state=0)
REGRESSOR = MLPScratchRegressor(
    hidden_layer_sizes=5, activation="tanh", batch_size=20, random_state=0
)


def bits(network):
    """Return a hash of each attribute; of all at once it would tell what shares memory."""
    attributes = vars(network) | vars(network).get("history_", {})
    return {name: joblib.hash(value) for name, value in attributes.items()}


def assert_parts_are_whole(network, data, lengths=(1, 4, 4, 9), **given):
    """Go on from one `max_iter` to the next, and compare each with a fit from the start."""
    begun = None
    for max_iter in lengths:
        part = clone(network).set_params(max_iter=max_iter)
        before = None if begun is None else bits(begun)
        reached = fit_further(part, begun, *data, **given)
        assert before is None or bits(begun) == before
        whole = clone(part).fit(*data, **given)
        assert bits(part) == bits(whole)
        begun = reached
    return part


def of_solver(network, solver, **params):
    params = {"solver": solver, "learning_rate_init": RATES[solver]} | params
    return clone(network).set_params(**params)


CASES = {
    "two classes": (CLASSIFIER, {}, np.where(Y > 0, "yes", "no"), {}),
    "several labels": (CLASSIFIER, {}, LABELS, {}),
    "two real": (REGRESSOR, {}, X[:, 1:3], {}),
    "counts": (REGRESSOR, {"loss": "poisson"}, 1.0 * Y, {}),
    "weights": (CLASSIFIER, {"class_weight": "balanced"}, Y, {"sample_weight": WEIGHT}),
    "in order": (CLASSIFIER, {"shuffle": False, "label_smoothing": 0.1}, Y, {}),
    "a batch of all": (CLASSIFIER, {"batch_size": "auto", "warm_start": True}, Y, {}),
    "deep": (CLASSIFIER, {"hidden_layer_sizes": (4, 1), "l2": [0.1, 0.0, 0.2]}, Y > 0, {}),
    "score": (CLASSIFIER, {"early_stopping": True, "validation_fraction": 0.3}, Y, {}),
    "loss": (CLASSIFIER, {"early_stopping": True, "early_stopping_on": "loss"}, Y > 0, {}),
    "R2": (REGRESSOR, {"early_stopping": True}, X[:, 1], {"sample_weight": WEIGHT}),
    "validation": (CLASSIFIER, {}, Y, VALIDATION),
    "stopped": (CLASSIFIER, {"early_stopping": True}, Y, VALIDATION),
    "penalties": (CLASSIFIER, {"max_norm": 0.5, "l1": 0.02, "weight_decay": 0.05}, Y, {}),
    "group": (REGRESSOR, {"group_l1": 0.02}, X[:, 1], {}),
    "dropout": (CLASSIFIER, {"dropout": [0.2, 0.1], "early_stopping": True}, Y, {}),
    "float32": (CLASSIFIER, {"dropout": 0.3}, Y, {"sample_weight": WEIGHT}),
}
# Each case with a solver that takes all samples at once, and one that takes batches
PAIRS = [
    (case, solver)
    for case, solvers in zip(CASES, cycle([("gd", "adam"), ("nag", "sgd")]), strict=False)
    for solver in solvers
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("case", "solver"), PAIRS)
def test_parts_are_the_whole_bit_for_bit(case, solver, engine):
    network, params, y, given = CASES[case]
    samples = X.astype(np.float32) if case == "float32" else X
    network = of_solver(network, solver, engine=engine, **params)
    assert_parts_are_whole(network, (samples, y), **given)


def decaying(n_epochs):
    return 0.1 / (1 + n_epochs)


SCHEDULES = [
    {"learning_rate": "constant", "warmup_epochs": 2.5},
    {"learning_rate": "invscaling", "power_t": 0.3},
    {"learning_rate": "adaptive"},
    {"learning_rate": "plateau", "n_iter_no_change": 1, "tol": 0.1},
    {"learning_rate": decaying},
    {"learning_rate": "backtracking"},
]


@pytest.mark.parametrize("params", SCHEDULES, ids=lambda params: str(params["learning_rate"])[:12])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_learning_rates_go_on(params, solver, early_stopping):
    """With a tolerance that is met in few epochs, so that rates are lowered and training ends."""
    if params["learning_rate"] == "backtracking" and solver not in ("gd", "nag"):
        pytest.skip("needs the exact gradient")
    settings = {"n_iter_no_change": 2, "tol": 0.05, "early_stopping": early_stopping}
    network = of_solver(CLASSIFIER, solver, **(settings | params))
    assert_parts_are_whole(network, (X, Y), (3, 6, 12, 30))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_training_that_has_ended_stays_where_it_is(solver, early_stopping):
    network = of_solver(CLASSIFIER, solver, tol=0.3, n_iter_no_change=1)
    network.set_params(early_stopping=early_stopping)
    last = assert_parts_are_whole(network, (X, Y), (1, 30, 40))
    assert last.n_iter_ < 30


def explosive(n_epochs):
    return 0.01 if n_epochs < 4 else 1e200


@pytest.mark.parametrize("solver", SOLVERS)
def test_divergence_on_the_way(solver):
    network = of_solver(REGRESSOR, solver, activation="identity", learning_rate=explosive)
    begun = fit_further(clone(network).set_params(max_iter=3), None, X, X[:, 1])
    network.set_params(max_iter=9)
    with pytest.raises(ValueError, match="diverged in epoch") as whole:
        clone(network).fit(X, X[:, 1])
    with pytest.raises(ValueError, match="diverged in epoch") as rest:
        fit_further(network, begun, X, X[:, 1])
    assert str(rest.value) == str(whole.value)
    # With early stopping there are weights to go back to
    network.set_params(early_stopping=True)
    with pytest.warns(ConvergenceWarning, match="Training diverged in epoch"):
        last = assert_parts_are_whole(network, (X, X[:, 1]), (3, 9, 20))
    assert 4 < last.n_iter_ < 9


def test_each_part_warns_as_a_fit_from_the_start():
    def categories(train):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            train()
        return [warning.category for warning in caught]

    begun = fit_further(clone(CLASSIFIER).set_params(max_iter=2), None, X, Y)
    for max_iter, tol in ((4, 1e-4), (50, 1.0)):
        part = clone(CLASSIFIER).set_params(max_iter=max_iter, tol=tol)
        expected = categories(lambda part=part: clone(part).fit(X, Y))
        assert categories(lambda part=part: fit_further(part, begun, X, Y)) == expected
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning):
            fit_further(clone(CLASSIFIER).set_params(max_iter=4), begun, X, Y)


def test_one_beginning_may_go_on_twice():
    begun = fit_further(clone(CLASSIFIER).set_params(max_iter=2), None, X, Y)
    networks = [clone(CLASSIFIER).set_params(max_iter=6) for _ in range(2)]
    for network in networks:
        fit_further(network, begun, X, Y)
    assert bits(networks[0]) == bits(networks[1])
    assert not any(map(np.shares_memory, networks[0].coefs_, networks[1].coefs_))
    assert networks[0].history_["loss"] is not networks[1].history_["loss"]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_generator_of_what_is_used_up_is_not_copied(early_stopping, monkeypatch):
    """Its copy takes as long as a short training."""

    class Generator(np.random.RandomState):
        def __deepcopy__(self, memo):
            raise AssertionError("copied")

    monkeypatch.setattr(resume, "check_random_state", Generator)
    network = clone(CLASSIFIER).set_params(early_stopping=early_stopping, validation_fraction=0.3)
    begun = None
    for max_iter in (2, 5, 9):
        part = clone(network).set_params(max_iter=max_iter)
        begun = fit_further(part, begun, X, Y, used_up=True)
        assert bits(part) == bits(clone(part).fit(X, Y))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_last_part_keeps_nothing_to_go_on_with(early_stopping):
    first, last = (
        clone(CLASSIFIER).set_params(max_iter=max_iter, early_stopping=early_stopping)
        for max_iter in (2, 6)
    )
    begun = fit_further(first, None, X, Y)
    before = bits(begun)
    assert fit_further(last, begun, X, Y, to_go_on=False) is None
    assert bits(last) == bits(clone(last).fit(X, Y))
    assert bits(begun) == before


def test_parameters_are_not_checked_again(monkeypatch):
    checked = []
    monkeypatch.setattr(
        MLPScratchClassifier, "_validate_params", lambda network: checked.append(network)
    )
    begun = fit_further(clone(CLASSIFIER).set_params(max_iter=2), None, X, Y)
    fit_further(clone(CLASSIFIER).set_params(max_iter=3), begun, X, Y)
    assert checked == []
    clone(CLASSIFIER).fit(X, Y)
    assert len(checked) == 1  # where a search has not done it


def test_data_are_kept():
    data = X.copy(), Y.copy(), WEIGHT.copy()
    begun = None
    for max_iter in (2, 4):
        network = copy.copy(CLASSIFIER).set_params(max_iter=max_iter)
        begun = fit_further(network, begun, *data[:2], sample_weight=data[2])
    for given, before in zip(data, (X, Y, WEIGHT), strict=True):
        np.testing.assert_array_equal(given, before)
