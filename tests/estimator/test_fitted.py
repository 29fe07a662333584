"""What fit leaves behind: attributes, history, zeros, labels, dtypes."""

import re
import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import accuracy_score, log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.initializers import INITIALIZERS
from sknn_scratch.engine.solvers import SOLVERS

ALL_SOLVERS = [*SOLVERS, "lbfgs"]

X, y = load_iris(return_X_y=True)
X = scale(X)
WEIGHT = np.random.default_rng(0).integers(1, 4, len(y)).astype(float)
TARGETS = {
    "three classes": y,
    "two classes": y > 0,
    "labels": np.stack([y > 0, y > 1], axis=1).astype(int),
}
LABELS = {
    "strings": np.array(["fir", "ash", "elm"])[y],
    "objects": np.array(["fir", "ash", "elm"], dtype=object)[y],
    "negative": np.array([-1, -7, 5])[y],
    "floats": np.array([2.0, 0.0, 1.0])[y],
    "bools": y > 0,
    "two strings": np.where(y > 0, "yes", "no"),
    "plus and minus one": np.where(y > 0, 1, -1),
}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(**params):
    defaults = {"hidden_layer_sizes": (7, 5), "max_iter": 6, "random_state": 0}
    return MLPScratchClassifier(**defaults | params)


def assert_same_weights(model, expected):
    for name in ("coefs_", "intercepts_"):
        for given, wanted in zip(getattr(model, name), getattr(expected, name), strict=True):
            np.testing.assert_array_equal(given, wanted, strict=True)


def all_weights(model):
    return np.concatenate([W.ravel() for W in model.coefs_])


# Attributes


def fitted_attributes(model):
    return {name: value for name, value in vars(model).items() if name[-1] == "_" != name[0]}


def assert_close(given, wanted):
    """Compare two numbers, two lists of numbers or arrays, or None with None."""
    if not isinstance(wanted, list):
        given, wanted = [given], [wanted]
    for a, b in zip(given, wanted, strict=True):
        # The same formulas on the same draws, in a few stable epochs
        assert a is b if b is None else np.allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_attributes_as_in_scikit_learn(solver, early_stopping, target):
    data = pd.DataFrame(X).add_prefix("x"), TARGETS[target]
    model = new(solver=solver, early_stopping=early_stopping).fit(*data)
    known = {name: model.get_params()[name] for name in MLPClassifier().get_params()}
    given = fitted_attributes(model)
    for name, wanted in fitted_attributes(MLPClassifier(**known).fit(*data)).items():
        if name in ("coefs_", "intercepts_", "loss_curve_", "loss_", "best_loss_"):
            assert_close(given[name], wanted)
        else:
            np.testing.assert_equal(given[name], wanted)


@pytest.mark.parametrize("sizes", [(), 4, (5,), [6, 2, 3], np.array([3, 3])])
@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_shapes(solver, sizes):
    model = new(hidden_layer_sizes=sizes, solver=solver).fit(X, y)
    units = [4, *np.atleast_1d(sizes).astype(int), 3]
    assert [W.shape for W in model.coefs_] == list(pairwise(units))
    assert [b.shape for b in model.intercepts_] == [(n,) for n in units[1:]]
    assert model.n_parameters_ == sum((n_in + 1) * n_out for n_in, n_out in pairwise(units))
    assert model.n_layers_ == len(units)
    assert (model.n_outputs_, model.n_features_in_, model.out_activation_) == (3, 4, "softmax")


def test_feature_names():
    data = load_iris(as_frame=True)
    model = new().fit(data.data, data.target)
    assert list(model.feature_names_in_) == data.feature_names
    model.predict(data.data)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(data.data[data.feature_names[::-1]])


# History


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_history(solver, early_stopping):
    model = new(solver=solver, early_stopping=early_stopping, batch_size=40).fit(X, y)
    history = model.history_
    names = ["loss", "penalty", "accuracy", "learning_rate", "nonzero_weights"]
    held_out = early_stopping and solver != "lbfgs"
    assert set(history) == {*names, *(["validation_loss", "validation_score"] if held_out else [])}
    assert {len(values) for values in history.values()} == {model.n_iter_}
    assert history["loss"] == model.loss_curve_
    assert history["loss"][-1] == model.loss_
    assert history.get("validation_score") == model.validation_scores_
    assert pd.DataFrame(history).shape == (model.n_iter_, len(history))
    for name in set(history) - {"nonzero_weights"}:
        assert {type(value) for value in history[name]} == {float}


@pytest.mark.parametrize("solver", ["gd", "sgd", "adam"])  # the gradient of nag is taken elsewhere
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])
def test_accuracy_and_loss_are_those_before_the_step(solver, weight):
    model = new(solver=solver, batch_size=150, shuffle=False, learning_rate_init=0.1, alpha=0.0)
    whole = clone(model).fit(X, y, weight)
    for k in range(1, whole.n_iter_):
        before = clone(model).set_params(max_iter=k).fit(X, y, weight)
        # Sums of 150 terms in two orders
        expected = accuracy_score(y, before.predict(X), sample_weight=weight)
        assert whole.history_["accuracy"][k] == pytest.approx(expected, rel=1e-13)
        expected = log_loss(y, before.predict_proba(X), sample_weight=weight)
        assert whole.history_["loss"][k] == pytest.approx(expected, rel=1e-12)
    assert len(set(whole.history_["accuracy"])) > 2


def test_accuracy_of_lbfgs_is_that_after_the_iteration():
    model = new(solver="lbfgs").fit(X, y)
    assert model.history_["accuracy"][-1] == pytest.approx(model.score(X, y), rel=1e-13)


@pytest.mark.parametrize("solver", SOLVERS)
def test_accuracy_of_labels_and_of_two_classes(solver):
    for target in TARGETS.values():
        model = new(solver=solver, learning_rate_init=1e-300).fit(X, target)  # steps of nothing
        assert model.history_["accuracy"][-1] == pytest.approx(model.score(X, target), rel=1e-13)


# With l1=0.1 some networks have no weight left, and say so
@pytest.mark.filterwarnings("ignore::sknn_scratch.exceptions.NothingLearnedWarning")
@pytest.mark.parametrize("solver", SOLVERS)
def test_nonzero_weights(solver):
    model = new(solver=solver, learning_rate_init=0.2, batch_size=30, max_iter=60, tol=0.0)
    dense, middle, sparse = (clone(model).set_params(l1=l1).fit(X, y) for l1 in (0, 0.01, 0.1))
    for fitted in (dense, middle, sparse):
        assert fitted.history_["nonzero_weights"][-1] == np.count_nonzero(all_weights(fitted))
    assert set(dense.history_["nonzero_weights"]) == {4 * 7 + 7 * 5 + 5 * 3}
    first, *_, last = sparse.history_["nonzero_weights"]
    assert last <= first  # those of Adam can all be zero after one epoch
    assert last < middle.history_["nonzero_weights"][-1] < 4 * 7 + 7 * 5 + 5 * 3


@pytest.mark.parametrize("solver", SOLVERS)
def test_learning_rate_in_the_history(solver):
    params = {"solver": solver, "learning_rate_init": 0.1, "batch_size": 50}
    falling = new(learning_rate="invscaling", power_t=0.5, **params).fit(X, y)
    expected = [0.1 if solver == "adam" else 0.1 / (150 * k + 1) ** 0.5 for k in range(6)]
    assert falling.history_["learning_rate"] == pytest.approx(expected, rel=1e-15)
    stale = new(learning_rate="adaptive", tol=1e9, n_iter_no_change=1, **params).fit(X, y)
    if solver != "adam":  # the first epoch is the best; of those after it each second is a plateau
        assert stale.history_["learning_rate"] == pytest.approx([0.1] * 3 + [0.02] * 2 + [0.004])


def table(printed):
    """Return the columns of the table that `verbose` prints."""
    header, *lines = (re.split(r"  +", line.strip()) for line in printed.splitlines())
    rows = [[float(number) for number in line] for line in lines]
    return dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))


@pytest.mark.parametrize("validation", [{}, {"X_val": X[::3], "y_val": y[::3]}], ids=str)
@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_verbose_prints_a_line_per_epoch(solver, validation, capsys):
    model = new(solver=solver).fit(X, y, **validation)
    assert capsys.readouterr().out == ""
    model.set_params(verbose=True).fit(X, y, **validation)
    printed = table(capsys.readouterr().out)
    assert printed.pop("Iteration") == list(range(1, model.n_iter_ + 1))
    assert min(printed.pop("seconds")) > 0  # of the clock, which the history does not keep
    shown = {"loss": "loss", "accuracy": "accuracy"}
    if solver != "lbfgs":
        shown["learning_rate"] = "learning rate"
    if validation:
        shown |= {"validation_loss": "val. loss", "validation_score": "val. score"}
    assert set(printed) == set(shown.values())
    for name, heading in shown.items():
        # four digits at least
        assert printed[heading] == pytest.approx(model.history_[name], rel=6e-4)


def test_verbose_prints_one_header_over_calls_of_partial_fit(capsys):
    model = new(verbose=True)
    for _ in range(3):
        model.partial_fit(X, y, classes=[0, 1, 2])
    printed = table(capsys.readouterr().out)
    assert printed["Iteration"] == [1, 2, 3]
    assert printed["loss"] == pytest.approx(model.loss_curve_, rel=6e-4)


def test_lines_of_verbose_stand_below_the_header(capsys):
    targets = 1e9 * y  # numbers of many digits
    model = MLPScratchRegressor(max_iter=3, verbose=True, early_stopping=True, random_state=0)
    model.fit(X, targets)
    lines = capsys.readouterr().out.splitlines()
    assert len({len(line) for line in lines}) == 1
    ends = [[match.end() for match in re.finditer(r"\S( \S|\S)*", line)] for line in lines]
    assert ends[0] == ends[1] == ends[-1]


@pytest.mark.parametrize("solver", SOLVERS)
def test_verbose_says_why_training_ends(solver, capsys):
    model = new(solver=solver, verbose=True, tol=1e9, n_iter_no_change=2).fit(X, y)
    header, *epochs, last = capsys.readouterr().out.splitlines()
    assert header.startswith("Iteration")
    assert len(epochs) == model.n_iter_ == 4
    assert last.startswith("Training loss did not improve more than tol=1000000000.000000 for 2")


# Parameters that say the same


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_activation_per_layer(solver, activation):
    uniform = new(solver=solver, activation=activation).fit(X, y)
    assert_same_weights(new(solver=solver, activation=[activation] * 2).fit(X, y), uniform)


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_strength_per_matrix(solver):
    params = {"solver": solver, "learning_rate_init": 0.1, "batch_size": 50, "max_iter": 20}
    uniform = new(l1=0.03, l2=0.02, **params).fit(X, y)
    per_matrix = new(l1=[0.03] * 3, l2=np.full(3, 0.02), **params).fit(X, y)
    assert_same_weights(per_matrix, uniform)
    assert np.count_nonzero(all_weights(uniform)) < all_weights(uniform).size
    middle = new(l1=(0.0, 0.5, 0.0), **params).fit(X, y)
    assert np.count_nonzero(middle.coefs_[1]) < 35
    assert np.count_nonzero(middle.coefs_[0]) == 28


@pytest.mark.parametrize("solver", ALL_SOLVERS)
@pytest.mark.parametrize("k", [0, 1, 2])
def test_l2_per_matrix(solver, k):
    params = {"solver": solver, "learning_rate_init": 0.1, "max_iter": 40}
    l2 = np.zeros(3)
    l2[k] = 1.0
    norms, free = (
        [np.linalg.norm(W) for W in new(l2=strength, **params).fit(X, y).coefs_]
        for strength in (l2, 0.0)
    )
    assert np.argmin(np.divide(norms, free)) == k


def test_different_activations_are_used_in_their_order():
    model = new(activation=["tanh", "softplus"], alpha=0.0).fit(X, y)
    (W1, W2, W3), (b1, b2, b3) = model.coefs_, model.intercepts_
    raw = np.log1p(np.exp(np.tanh(X @ W1 + b1) @ W2 + b2)) @ W3 + b3
    expected = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    # A chain of three products and functions of numbers of order one
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-13)


def first_weights(**params):
    """Return a network after a step of nothing, with its first weights."""
    return new(solver="gd", learning_rate_init=1e-300, max_iter=1, **params).fit(X, y)


@pytest.mark.parametrize("init", INITIALIZERS)
def test_init(init):
    model = first_weights(init=init)
    assert_same_weights(model, first_weights(init=init))
    others = [first_weights(init=other) for other in INITIALIZERS if other != init]
    assert all((model.coefs_[0] != other.coefs_[0]).all() for other in others)


def test_init_as_in_scikit_learn_by_default():
    assert_same_weights(first_weights(init="glorot_uniform"), first_weights())
    theirs = MLPClassifier((7, 5), solver="sgd", learning_rate_init=1e-300, max_iter=1)
    assert_same_weights(first_weights(), theirs.set_params(random_state=0).fit(X, y))


@pytest.mark.parametrize(
    ("activation", "smaller"),
    [(["logistic", "relu"], [0]), (["relu", "logistic"], [1, 2]), ("logistic", [0, 1, 2])],
)
def test_init_of_each_layer_is_that_of_its_activation(activation, smaller):
    """The logistic asks for a third of the variance; the output layer goes with the last one."""
    given, relu = first_weights(activation=activation), first_weights(activation="relu")
    for layer in range(3):
        factor = (1 / 3) ** 0.5 if layer in smaller else 1.0
        # The bound is rounded, and so is what is drawn within it
        np.testing.assert_allclose(given.coefs_[layer], factor * relu.coefs_[layer], rtol=1e-14)


# Zeros


@pytest.mark.parametrize("solver", SOLVERS)
def test_biases_are_never_penalised(solver):
    """Once all weights are zero, the biases are what they are for any strength."""
    params = {"solver": solver, "hidden_layer_sizes": (), "learning_rate_init": 0.1}
    rows = np.r_[0:90]  # of unequal classes
    models = [
        new(l1=l1, l2=l2, weight_decay=decay, **params).fit(X[rows], y[rows])
        for l1, l2, decay in [(1e3, 0.0, 0.0), (1e4, 0.0, 0.0), (1e3, 0.1, 0.5)]
    ]
    for model in models:
        assert not all_weights(model).any()
        assert model.intercepts_[0].all()
        np.testing.assert_array_equal(model.intercepts_[0], models[0].intercepts_[0])


@pytest.mark.parametrize("solver", SOLVERS)
def test_zeros_of_l1_are_exact_and_early(solver):
    params = {"solver": solver, "learning_rate_init": 0.1, "batch_size": 50, "max_iter": 200}
    weights = all_weights(new(hidden_layer_sizes=(20,), l1=0.02, **params).fit(X, y))
    assert np.count_nonzero(weights == 0) > weights.size / 2
    assert np.abs(weights).max() > 0.1


# Data of other kinds


@pytest.mark.parametrize("solver", ALL_SOLVERS)
@pytest.mark.parametrize("target", TARGETS)
def test_float32(solver, target):
    model = new(solver=solver).fit(X.astype(np.float32), TARGETS[target])
    assert {array.dtype for array in model.coefs_ + model.intercepts_} == {np.dtype(np.float32)}
    for samples in (X.astype(np.float32), X):
        assert model.predict_proba(samples).dtype == np.float32
        assert model.predict_log_proba(samples).dtype == np.float32
    state = getattr(getattr(model, "_optimizer", None), "state", None)
    vectors = [getattr(value, "flat", value) for value in (vars(state) if state else {}).values()]
    assert {v.dtype for v in vectors if isinstance(v, np.ndarray)} <= {np.dtype(np.float32)}


@pytest.mark.parametrize("other", [np.int64, np.float16, bool, ">f8", object])
def test_other_dtypes_are_computed_in_double_precision(other):
    samples = (X * 4).astype(np.int64).astype(other)
    expected = new().fit(samples.astype(np.float64), y)
    assert_same_weights(new().fit(samples, y), expected)


@pytest.mark.parametrize("solver", ALL_SOLVERS)
@pytest.mark.parametrize("kind", LABELS)
def test_labels(solver, kind):
    target = LABELS[kind]
    model = new(solver=solver, learning_rate_init=0.1, max_iter=100).fit(X, target)
    np.testing.assert_array_equal(model.classes_, np.unique(target))
    assert model.predict(X).dtype == model.classes_.dtype
    assert model.score(X, target) > 0.9
    proba = model.predict_proba(X)
    np.testing.assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(X))
    # Each is rounded, and moved away from 0 and 1 by less
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=4 * np.finfo(float).eps)
    np.testing.assert_array_equal(model.predict_log_proba(X), np.log(proba))


@pytest.mark.parametrize("solver", ALL_SOLVERS)
@pytest.mark.parametrize("kind", [np.asarray, csr_array, np.ndarray.tolist])
def test_multilabel(solver, kind):
    target = np.stack([y > 0, y > 1, y == 1], axis=1).astype(int)
    model = new(solver=solver, learning_rate_init=0.1, max_iter=200).fit(X, kind(target))
    assert model.predict(X).shape == model.predict_proba(X).shape == (150, 3)
    np.testing.assert_array_equal(model.predict(X), model.predict_proba(X) > 0.5)
    assert (model.predict(X) == target).mean() > 0.9
    assert model.out_activation_ == "logistic"


# Bits


@pytest.mark.parametrize("solver", ALL_SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_same_random_state_same_bits(solver, early_stopping):
    params = {"solver": solver, "early_stopping": early_stopping, "batch_size": 40}
    model = new(**params).fit(X, y)
    assert_same_weights(new(**params).fit(X, y), model)
    assert_same_weights(clone(model).fit(X, y).fit(X, y), model)
    assert_same_weights(new(**params | {"random_state": np.random.RandomState(0)}).fit(X, y), model)
    other = new(**params | {"random_state": 1}).fit(X, y)
    assert (other.coefs_[0] != model.coefs_[0]).any()


def read_only(array):
    for part in (
        (array.data, array.indices, array.indptr) if isinstance(array, csr_array) else [array]
    ):
        part.flags.writeable = False
    return array


@pytest.mark.parametrize("solver", ALL_SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_input_is_not_modified(solver, early_stopping, shuffle):
    """All arrays are read-only: to write to one raises a ValueError."""
    target = TARGETS["labels"].astype(float)
    for samples in (X, X.astype(np.float32), csr_array(X)):
        data = [read_only(array) for array in (samples, target, WEIGHT)]
        model = new(
            solver=solver, early_stopping=early_stopping, shuffle=shuffle, activation="silu"
        )
        model.fit(*data)
        if hasattr(model, "partial_fit"):
            model.set_params(early_stopping=False).partial_fit(*data)
        model.predict(data[0])
        model.predict_proba(data[0])


@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_predicting_changes_nothing(solver):
    model = new(solver=solver).fit(X, y)
    before = model.predict_proba(X)
    model.predict(X)
    model.predict_log_proba(X)
    model.score(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


@pytest.mark.parametrize("solver", ALL_SOLVERS)
def test_without_hidden_layer(solver):
    model = new(solver=solver, hidden_layer_sizes=(), learning_rate_init=0.1, max_iter=200)
    model.fit(X, y)
    assert model.score(X, y) > 0.85
    raw = X @ model.coefs_[0] + model.intercepts_[0]
    np.testing.assert_array_equal(raw.argmax(axis=1), model.predict(X))


def test_no_hidden_layer_and_no_activation():
    model = new(hidden_layer_sizes=(), activation=[]).fit(X, y)
    assert_same_weights(model, new(hidden_layer_sizes=(), activation="identity").fit(X, y))


def test_prediction_does_not_depend_on_parameters_of_the_next_fit():
    model = new().fit(X, y)
    expected = model.predict_proba(X)
    model.set_params(hidden_layer_sizes=(3,))
    np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_history_of_a_warm_start_with_early_stopping():
    model = new(warm_start=True).fit(X, y).set_params(early_stopping=True).fit(X, y)
    assert len({len(values) for values in model.history_.values()}) == 1


def test_lbfgs_that_is_told_to_stop_has_not_failed():
    model = new(solver="lbfgs", stop_when=lambda history: len(history["loss"]) == 4)
    with warnings.catch_warnings(action="error"):
        model.fit(X, y)
    assert model.n_iter_ == 4


@pytest.mark.parametrize(("dtype", "first_step"), [(np.float64, 1e300), (np.float32, 1e30)])
@pytest.mark.parametrize("solver", ["gd", "nag"])
def test_backtracking_from_a_huge_step(solver, dtype, first_step):
    params = {"learning_rate": "backtracking", "learning_rate_init": first_step}
    # Without a hidden layer the loss stays finite where the bound overflows
    model = new(solver=solver, hidden_layer_sizes=(), **params).fit(X.astype(dtype), y)
    assert model.loss_curve_[1] < model.loss_curve_[0]
