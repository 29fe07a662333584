"""Parameters that scikit-learn's perceptron lacks: what they do, and what they refuse."""

import inspect
import warnings

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale
from sklearn.utils.class_weight import compute_sample_weight

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import ACTIVATIONS, Activation, Softplus
from sknn_scratch.engine.solvers import SOLVERS

X, CODES = load_iris(return_X_y=True)
X = scale(X)
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)
Y = NAMES[CODES]
MODEL = MLPScratchClassifier(6, "tanh", learning_rate_init=0.01, max_iter=8, random_state=0)
REGRESSOR = MLPScratchRegressor(hidden_layer_sizes=6, max_iter=8, random_state=0)
# The number of steps is small: some hundred roundings
CLOSE = {"rtol": 1e-10, "atol": 1e-12}


def fitted(model, X=X, y=Y, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, *args, **kwargs)


def assert_same_weights(model, other, **tolerance):
    arrays = zip(model.coefs_ + model.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    for mine, yours in arrays:
        np.testing.assert_allclose(mine, yours, **(tolerance or {"rtol": 0, "atol": 0}))


def with_params(model, **params):
    return clone(model).set_params(**params)


# class_weight


@pytest.mark.parametrize("class_weight", ["balanced", {"setosa": 3.0, "virginica": 0.2}], ids=str)
@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_class_weights_are_sample_weights(solver, class_weight):
    few = np.r_[0:15, 50:150]
    model = with_params(MODEL, solver=solver, batch_size=30)
    by_class = fitted(with_params(model, class_weight=class_weight), X[few], Y[few])
    weight = compute_sample_weight(class_weight, Y[few])
    assert_same_weights(by_class, fitted(model, X[few], Y[few], weight), **CLOSE)


def test_class_weights_of_two_classes():
    y = np.where(CODES == 0, "no", "yes")
    by_class = fitted(with_params(MODEL, class_weight={"no": 4.0, "yes": 1}), X, y)
    assert_same_weights(by_class, fitted(clone(MODEL), X, y, np.where(CODES == 0, 4.0, 1.0)))


def test_class_weights_of_several_labels():
    X, y = make_multilabel_classification(60, 5, n_classes=3, random_state=0)
    for given in ("balanced", [{0: 1, 1: 5}, {0: 2, 1: 1}, {0: 1, 1: 1}]):
        by_class = fitted(with_params(MODEL, class_weight=given), X, y)
        weight = compute_sample_weight(given, y)
        assert_same_weights(by_class, fitted(clone(MODEL), X, y, weight), **CLOSE)


def test_class_weights_in_partial_fit():
    weight = {"setosa": 3.0, "versicolor": 1.0, "virginica": 0.5}
    model, by_hand = with_params(MODEL, class_weight=weight), clone(MODEL)
    for rows in (slice(0, 60), slice(0, 50), slice(60, 150)):  # the second of one class
        model.partial_fit(X[rows], Y[rows], classes=NAMES)
        by_hand.partial_fit(X[rows], Y[rows], [weight[name] for name in Y[rows]], classes=NAMES)
    assert_same_weights(model, by_hand, **CLOSE)


def test_balanced_is_refused_in_partial_fit():
    model = with_params(MODEL, class_weight="balanced")
    with pytest.raises(ValueError, match=r"class_weight='balanced'.*partial_fit"):
        model.partial_fit(X, Y, classes=NAMES)
    assert vars(model) == vars(clone(model))


def test_weights_of_several_labels_in_partial_fit_with_a_label_that_is_never_set():
    X, y = make_multilabel_classification(60, 5, n_classes=3, random_state=0)
    model = with_params(MODEL, class_weight=[{1: 5.0}, {1: 1.0}, {1: 1.0}])
    without = y[:, 0] == 0
    model.partial_fit(X[without], y[without], classes=range(3))
    plain = with_params(model, class_weight=None)
    plain.partial_fit(X[without], y[without], classes=range(3))
    np.testing.assert_allclose(model.coefs_[0], plain.coefs_[0], rtol=1e-12)  # all weights are 1


@pytest.mark.parametrize("given", [{"setosa": 0}, {"setosa": 0.0, "virginica": 0}, {}], ids=str)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_class_that_is_not_named_has_weight_one(given, solver):
    model = with_params(MODEL, solver=solver)
    by_class = fitted(with_params(model, class_weight=given), X, Y)
    weight = np.array([given.get(name, 1.0) for name in Y])
    assert_same_weights(by_class, fitted(clone(model), X, Y, weight))


def test_a_value_of_a_label_that_is_not_named_has_weight_one():
    X, y = make_multilabel_classification(60, 5, n_classes=3, random_state=0)
    given = [{0: 0}, {}, {1: 0.0}]
    by_class = fitted(with_params(MODEL, class_weight=given), X, y)
    weight = (y[:, 0] > 0) * (y[:, 2] == 0).astype(float)
    assert_same_weights(by_class, fitted(clone(MODEL), X, y, weight), **CLOSE)


def test_a_class_that_these_samples_lack_may_have_a_weight():
    weight = {"setosa": 2.0, "versicolor": 1.0, "virginica": 0.5}
    few = Y != "virginica"
    by_class = fitted(with_params(MODEL, class_weight=weight), X[few], Y[few])
    by_hand = [weight[name] for name in Y[few]]
    assert_same_weights(by_class, fitted(clone(MODEL), X[few], Y[few], by_hand))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 2, 3], r"list .* is for several labels, .*got \[1, 2, 3\]\. .*dict.*\{'setosa': "),
        ([], r"list .* is for several labels, .*got \[\]\. .*dict"),
        ({"rosa": 2.0}, r"names \['rosa'\], but the classes of y are \['setosa', 'versi"),
        ({"rosa": 2.0} | dict.fromkeys(NAMES, 0), "class_weight is zero for every sample of y"),
        (dict.fromkeys(NAMES, 0.0), "class_weight is zero for every sample of y"),
    ],
    ids=str,
)
def test_class_weights_that_do_not_fit_the_classes(given, message):
    with pytest.raises(ValueError, match=message) as error:
        with_params(MODEL, class_weight=given).fit(X, Y)
    assert "class_weight" in str(error.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({0: 1.0}, r"must be a list of 3 dicts, .* got \{0: 1\.0\}"),
        ([{0: 1.0}], r"must be a list of 3 dicts, .* got \[\{0: 1\.0\}\]"),
        ([1, 2, 3], r"must be .* a list of such dicts.* got \[1, 2, 3\]"),
        (["balanced"] * 3, r"must be .* a list of such dicts.* got \['balanced'"),
        ([{}, {}, {"a": 2.0}], r"names \['a'\], but the classes of y are \[0, 1\]"),
        ([{}, {0: 0, 1: 0}, {}], "is zero for every sample of y"),
    ],
    ids=str,
)
def test_class_weights_that_do_not_fit_the_labels(given, message):
    X, y = make_multilabel_classification(60, 5, n_classes=3, random_state=0)
    with pytest.raises(ValueError, match=f"class_weight {message}"):
        with_params(MODEL, class_weight=given).fit(X, y)


def test_class_weights_that_leave_nothing_of_the_sample_weights():
    model = with_params(MODEL, class_weight={"setosa": 0})
    with pytest.raises(
        ValueError, match=r"sample_weight is zero wherever class_weight=\{'setosa': 0\}"
    ):
        model.fit(X, Y, (Y == "setosa").astype(float))


def test_class_weights_do_not_touch_the_reported_accuracy_of_a_regular_score():
    model = fitted(with_params(MODEL, class_weight={"setosa": 9.0}))
    assert model.score(X, Y) == np.mean(model.predict(X) == Y)


# label_smoothing


@pytest.mark.parametrize("epsilon", [0.1, 0.6])
def test_label_smoothing_is_cross_entropy_against_smoothed_targets(epsilon):
    """The loss of an epoch of gd is that of the weights before its step."""
    model = with_params(MODEL, solver="gd", label_smoothing=epsilon, alpha=0.0)
    before = with_params(model, learning_rate=lambda epoch: 0.0).partial_fit(X, Y, classes=NAMES)
    model.partial_fit(X, Y, classes=NAMES)
    targets = np.full((150, 3), epsilon / 3)
    targets[np.arange(150), CODES] += 1 - epsilon
    expected = -(targets * np.log(before.predict_proba(X))).sum(axis=1).mean()
    assert model.loss_ == pytest.approx(expected, rel=1e-12)
    assert model.history_["accuracy"] == [pytest.approx(before.score(X, Y), rel=1e-12)]


def test_label_smoothing_of_two_classes_and_of_several_labels():
    several = np.c_[CODES == 0, CODES > 0, X[:, 0] > 0].astype(int)
    for y, classes in [(np.where(CODES, "yes", "no"), ["no", "yes"]), (several, range(3))]:
        model = with_params(MODEL, solver="gd", label_smoothing=0.3, alpha=0.0)
        still = with_params(model, learning_rate=lambda epoch: 0.0)
        p = still.partial_fit(X, y, classes=classes).predict_proba(X)
        p = p[:, 1:] if y.ndim == 1 else p
        t = 0.7 * (y.reshape(150, -1) == ("yes" if y.ndim == 1 else 1)) + 0.15
        expected = -(t * np.log(p) + (1 - t) * np.log(1 - p)).sum(axis=1).mean()
        model.partial_fit(X, y, classes=classes)
        assert model.loss_ == pytest.approx(expected, rel=1e-12)


def test_label_smoothing_bounds_the_probabilities():
    """At the optimum of separable data they are the smoothed targets."""
    model = with_params(MODEL, solver="lbfgs", alpha=0.0, max_iter=2000)
    two = CODES < 2
    plain = fitted(clone(model), X[two], Y[two]).predict_proba(X[two])
    assert plain.max(axis=1).min() > 0.999
    smooth = fitted(model.set_params(label_smoothing=0.3), X[two], Y[two]).predict_proba(X[two])
    # F is flat there, and lbfgs stops where it falls by less than 2e-9 per step
    np.testing.assert_allclose(smooth.max(axis=1), 0.85, atol=0.02)


def test_label_smoothing_is_not_for_the_validation_set():
    model = fitted(with_params(MODEL, label_smoothing=0.4), X_val=X, y_val=Y)
    loss = log_loss(Y, model.predict_proba(X))
    assert model.history_["validation_loss"][-1] == pytest.approx(loss, rel=1e-12)


# max_norm and group_l1


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", SOLVERS)
def test_max_norm_holds(solver, dtype):
    model = with_params(MODEL, hidden_layer_sizes=(8, 5), solver=solver, max_norm=0.7)
    model.set_params(learning_rate_init=0.1, batch_size=50)
    free = fitted(with_params(model, max_norm=None), X.astype(dtype))
    fitted(model, X.astype(dtype))
    for W, longer in zip(model.coefs_, free.coefs_, strict=True):
        norms = np.linalg.norm(W.astype(float), axis=0)
        assert (norms <= 0.7 * (1 + 4 * np.finfo(dtype).eps)).all()
        assert np.linalg.norm(longer, axis=0).max() > 0.8  # the bound is felt
        assert norms.max() > 0.69
    assert W.dtype == dtype


@pytest.mark.parametrize("how", ["early_stopping", "partial_fit", "stop at once"])
def test_max_norm_holds_however_training_ends(how):
    model = with_params(MODEL, max_norm=0.3)
    if how == "partial_fit":
        model.partial_fit(X, Y, classes=NAMES)
    else:
        model.set_params(early_stopping=how == "early_stopping", stop_when=at_once)
        model.fit(X, Y)
    for W in model.coefs_:
        assert np.linalg.norm(W, axis=0).max() <= 0.3 * (1 + 1e-15)


def at_once(history):
    return True


def noisy_problem():
    """Return X with six features that matter and nine of noise, which lie between them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 15))
    relevant = np.arange(0, 15, 5)
    y = 2 * X[:, 0] - np.logaddexp(0, 3 * X[:, 5]) + 2 * np.tanh(2 * X[:, 10])
    return X, (y - y.mean()) / y.std(), relevant


@pytest.mark.parametrize(
    ("solver", "step"), [("gd", 0.1), ("nag", 0.02), ("sgd", 0.02), ("adam", 0.01)]
)
def test_group_l1_drops_features_of_noise(solver, step):
    X, y, relevant = noisy_problem()
    # l2 holds the second matrix, which would else grow as the first one shrinks
    model = with_params(
        REGRESSOR, activation="softplus", solver=solver, learning_rate_init=step, group_l1=0.05,
        l2=0.01, max_iter=400, tol=0.0, n_iter_no_change=np.inf, batch_size=200,
    )  # fmt: skip
    fitted(model, X, y)
    np.testing.assert_array_equal(model.selected_features_, relevant)
    kept = model.coefs_[0].any(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(kept), relevant)
    assert np.count_nonzero(model.coefs_[0][kept]) > 3 * 3  # whole features, not single weights
    # Nothing of the dropped features is left in the predictions
    other = X.copy()
    other[:, ~kept] = 1e6
    np.testing.assert_array_equal(model.predict(other), model.predict(X))
    # Fitted again to what was selected, without a penalty, it is a model of three features
    again = fitted(with_params(model, group_l1=0.0), X[:, model.selected_features_], y)
    assert again.score(X[:, model.selected_features_], y) > max(0.8, model.score(X, y))


def test_selected_features_without_group_l1():
    model = fitted(clone(MODEL))
    np.testing.assert_array_equal(model.selected_features_, range(4))
    model.coefs_[0][2] = 0
    model.coefs_[0][1, 3] = 0  # one weight of a feature that is used
    np.testing.assert_array_equal(model.selected_features_, [0, 1, 3])
    with pytest.raises(AttributeError):
        clone(MODEL).selected_features_  # noqa: B018


def test_penalties_enter_the_loss_and_the_history():
    model = with_params(MODEL, solver="gd", group_l1=0.3, l1=0.1, l2=0.2, alpha=0.5, max_norm=9.0)
    still = with_params(model, learning_rate=lambda epoch: 0.0).partial_fit(X, Y, classes=NAMES)
    model.partial_fit(X, Y, classes=NAMES)
    W, V = still.coefs_
    every = np.r_[W.ravel(), V.ravel()]
    penalty = 0.1 * np.abs(every).sum() + (0.2 + 0.5 / 300) * (every**2).sum()
    penalty += 0.3 * np.linalg.norm(W, axis=1).sum()
    assert model.history_["penalty"] == [pytest.approx(penalty, rel=1e-12)]
    loss = log_loss(Y, still.predict_proba(X))
    assert model.loss_ == pytest.approx(loss + penalty, rel=1e-12)


# Activations of one's own


class SoftplusOfOnesOwn(Activation):
    """As the registry's, written another way."""

    needs_z = True

    def forward(self, z, a):
        a[...] = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))

    def backward(self, z, a, delta):
        delta /= 1 + np.exp(-z)


class Power(Activation):
    """sign(z) |z|^p, with a parameter."""

    gain = 3.0
    needs_z = True

    def __init__(self, p):
        self.p = p

    def __repr__(self):
        return f"{type(self).__name__}({self.p})"

    def forward(self, z, a):
        a[...] = np.sign(z) * np.abs(z) ** self.p

    def backward(self, z, a, delta):
        delta *= self.p * np.abs(z) ** (self.p - 1)


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_an_activation_of_ones_own_is_as_good_as_a_name(solver):
    model = with_params(MODEL, solver=solver, hidden_layer_sizes=(5, 4), batch_size=50)
    named = fitted(with_params(model, activation="softplus"))
    assert_same_weights(fitted(with_params(model, activation=SoftplusOfOnesOwn())), named, **CLOSE)
    mixed = fitted(with_params(model, activation=["softplus", SoftplusOfOnesOwn()]))
    assert_same_weights(mixed, named, **CLOSE)
    assert_same_weights(fitted(with_params(model, activation=Softplus())), named)


def test_its_gain_scales_the_first_weights():
    model = with_params(MODEL, activation=Power(1.0), learning_rate=lambda epoch: 0.0, solver="gd")
    other = with_params(model, activation="tanh").partial_fit(X, Y, classes=NAMES)
    model.partial_fit(X, Y, classes=NAMES)
    for mine, yours in zip(model.coefs_, other.coefs_, strict=True):
        np.testing.assert_allclose(mine, yours * 0.5**0.5, rtol=1e-14)  # gains of 3 and 6


@pytest.mark.parametrize("activation", [Power(1.5), [Power(1.5), "relu"]], ids=["one", "list"])
def test_clone_and_joblib(activation, tmp_path):
    model = with_params(MODEL, hidden_layer_sizes=(5, 4), activation=activation)
    twin = clone(model)
    assert_same_weights(fitted(model), fitted(twin))
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert repr(loaded)


def test_grid_search_over_activations():
    grid = {"activation": ["relu", Power(1.0), SoftplusOfOnesOwn()], "dropout": [0.0, 0.1]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search = GridSearchCV(clone(MODEL), grid, cv=2, error_score="raise").fit(X, Y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_score_ > 0.5


@pytest.mark.parametrize(
    "wrong",
    [Power, [Power], [Power(1.0), 3][1:], ["foo"], [None]],
    ids=lambda wrong: str(wrong)[:9],
)
def test_a_class_in_place_of_an_object(wrong):
    for params in ({"solver": "adam"}, {"solver": "lbfgs"}):
        with pytest.raises(
            ValueError, match=r"activation.*relu.*\.activations\.Activation.*[gG]ot"
        ):
            with_params(MODEL, activation=wrong, **params).fit(X, Y)


def test_one_activation_for_each_hidden_layer():
    with pytest.raises(ValueError, match=r"activation has 1 entries.*2 hidden layers"):
        with_params(MODEL, hidden_layer_sizes=(5, 4), activation=[Power(1.0)]).fit(X, Y)


# Bad values

BAD = {
    "group_l1": [-0.1, np.nan, np.inf, "a", None, [0.1, 0.1]],
    "max_norm": [0, -1.0, np.nan, np.inf, "a", [1.0, 1.0]],
    "dropout": [
        -0.1,
        1,
        1.0,
        np.nan,
        "a",
        None,
        ["a", "b"],
        [0.1, 1.0],
        [0.1, -0.1],
        [0.1, np.nan],
    ],
    "warmup_epochs": [-1, np.nan, np.inf, "a", None],
    "restart": ["yes", None, 2],
    "early_stopping_on": ["accuracy", None, 1],
    "stop_when": [1, "validation", True],
    "engine": ["cuda", None, True],
    "learning_rate": ["linear", None, 0.1, ["constant"]],
}
BAD_FOR_REGRESSORS = {
    "quantile": [0, 1, 1.0, -0.1, np.nan, "a", None, [0.1, 0.9]],
    "delta": [0, -1.0, np.nan, np.inf, "a", None],
    "power": [0, 0.5, 3.1, np.nan, np.inf, "a", None],
    "missing_targets": ["drop", None, True, np.nan],
}
BAD_FOR_CLASSIFIERS = {
    "class_weight": ["unbalanced", 3, {"rosa": 1.0}, [{"setosa": 1.0}]],
    "label_smoothing": [-0.1, 1, 1.0, np.nan, "a", None],
}


def cases(table):
    return [(name, value) for name, values in table.items() for value in values]


ALL_BAD = BAD | BAD_FOR_REGRESSORS | BAD_FOR_CLASSIFIERS


@pytest.mark.parametrize(("name", "value"), cases(ALL_BAD), ids=str)
def test_bad_values_are_named(name, value):
    for base, y in [(MODEL, Y), (REGRESSOR, X[:, 0])]:
        if name not in base.get_params():
            continue
        model = with_params(base, **{name: value})
        with pytest.raises(ValueError, match=name):
            model.fit(X, y)
        assert not hasattr(model, "coefs_")


def test_new_parameters_are_in_the_table_of_bad_values():
    theirs = {*MLPClassifier().get_params(), *MLPRegressor().get_params()}
    ours = {*MODEL.get_params(), *REGRESSOR.get_params()} - theirs
    tested_elsewhere = {"init", "l1", "l2", "weight_decay"}
    assert ours - tested_elsewhere == {*ALL_BAD} - {"learning_rate"}


@pytest.mark.parametrize("length", [0, 1, 2, 4])
def test_dropout_has_an_entry_for_each_layer_but_the_last(length):
    model = with_params(MODEL, hidden_layer_sizes=(5, 4), dropout=[0.1] * length)
    with pytest.raises(ValueError, match=rf"dropout has {length} entries.*2 hidden layers"):
        model.fit(X, Y)
    fitted(model.set_params(dropout=[0.1] * 3))


@pytest.mark.parametrize(
    "params", [{"group_l1": 0.1}, {"max_norm": 1.0}, {"dropout": 0.1}, {"dropout": [0.1, 0.0]}]
)
def test_what_lbfgs_cannot_do_is_refused(params):
    (name,) = params
    with pytest.raises(ValueError, match=rf"{name}=.*'lbfgs'"):
        with_params(MODEL, solver="lbfgs", **params).fit(X, Y)
    zero = {"group_l1": 0.0, "max_norm": None, "dropout": [0.0, 0]}[name]
    fitted(with_params(MODEL, solver="lbfgs", **{name: zero}))


@pytest.mark.parametrize("value", [None, "a", np.nan, -0.1, [0.1, 0.2]], ids=str)
def test_a_learning_rate_function_must_return_a_number(value):
    model = with_params(MODEL, learning_rate=lambda epoch: value)
    with pytest.raises((ValueError, TypeError), match=r"learning_rate(?!_init)"):
        fitted(model)


@pytest.mark.parametrize("weight", [-1.0, np.nan, "a"])
def test_weights_of_classes_must_be_numbers_that_are_not_negative(weight):
    model = with_params(MODEL, class_weight={"setosa": weight})
    with pytest.raises(ValueError, match="class_weight"):
        fitted(model)


def test_warm_up_of_a_search_is_refused():
    model = with_params(MODEL, solver="gd", learning_rate="backtracking", warmup_epochs=4)
    with pytest.raises(ValueError, match="warmup_epochs"):
        fitted(model)


# To scikit-learn's own


def tenth(epoch):
    return 0.1


NEW = {
    "group_l1": 0.05,
    "max_norm": 3.0,
    "dropout": [0.1, 0.2],
    "warmup_epochs": 2,
    "restart": True,
    "early_stopping_on": "loss",
    "stop_when": at_once,
    "engine": "numba",
    "l1": 0.01,
    "init": "he_normal",
    "weight_decay": 0.1,
}


@pytest.mark.parametrize("learning_rate", ["cosine", "one_cycle", "adaptive", tenth])
@pytest.mark.parametrize("solver", SOLVERS)
def test_to_sklearn_with_the_new_parameters(solver, learning_rate):
    model = with_params(MODEL, solver=solver, learning_rate=learning_rate, **NEW)
    model.set_params(class_weight="balanced", label_smoothing=0.1)
    fitted(model, X, Y, X_val=X, y_val=Y)
    theirs = model.to_sklearn()
    np.testing.assert_allclose(theirs.predict_proba(X), model.predict_proba(X), rtol=1e-12)
    assert theirs.learning_rate in ("constant", "adaptive")
    known = set(inspect.signature(MLPClassifier).parameters)
    assert not known & set(NEW)
    theirs.set_params(warm_start=True)
    fitted(theirs)  # its parameters are valid
    assert repr(with_params(model, solver="lbfgs").to_sklearn())


def test_to_sklearn_of_a_regressor():
    model = fitted(with_params(REGRESSOR, **NEW), X[:, :3], X[:, 3])
    theirs = model.to_sklearn()
    np.testing.assert_allclose(theirs.predict(X[:, :3]), model.predict(X[:, :3]), rtol=1e-12)


class EqualByValue(Power):
    """What a dataclass does: objects are compared by value, and so have no hash."""

    def __eq__(self, other):
        return type(self) is type(other) and self.p == other.p

    __hash__ = None


@pytest.mark.parametrize(
    "activation",
    [
        Power(1.0),
        ["relu", Power(1.0)],
        EqualByValue(1.0),
        ["relu", EqualByValue(1.0)],
        *(sorted(set(ACTIVATIONS) - {"identity", "logistic", "tanh", "relu"})),
    ],
    ids=str,
)
def test_to_sklearn_with_an_activation_of_ones_own_is_refused(activation):
    model = with_params(MODEL, hidden_layer_sizes=(5, 4), activation=activation)
    with pytest.raises(ValueError, match=r"activation=.* has no counterpart"):
        model.to_sklearn()
