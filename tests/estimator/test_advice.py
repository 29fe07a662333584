"""A warning says what to change, and the change helps; where nothing is wrong there is none."""

import re
import warnings
from dataclasses import dataclass
from math import inf

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, load_wine, make_circles
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, OneHotEncoder, StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.schedules import SCHEDULES, Schedule
from sknn_scratch.estimators.advice import (
    lbfgs_not_converged,
    not_converged,
    warn_of_large_features,
)
from sknn_scratch.estimators.build import build_loss
from sknn_scratch.exceptions import (
    LargePenaltyWarning,
    NothingLearnedWarning,
    UnscaledDataWarning,
)
from sknn_scratch.model_selection import MLPGridSearchCV

X, y = load_iris(return_X_y=True)
X = scale(X)
WINE, CULTIVAR = load_wine(return_X_y=True, as_frame=True)

ignore_convergence = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def tenth(n_epochs):
    return 0.1


def new(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": (20,), "max_iter": 3, "random_state": 0} | params)


# Data that is not scaled


UNSCALED = {
    "frame": (WINE, r"feature 12, 'proline', has a root mean square of 810\..*StandardScaler"),
    "array": (WINE.to_numpy(), r"feature 12 has a root mean square of 810\."),
    "float32": (WINE.to_numpy(np.float32), r"feature 12 has a root mean square of 810\."),
    "sparse": (csr_array(WINE), r"feature 12 has a root mean square of 810\..*MaxAbsScaler"),
    "pixels up to 255": (load_digits().data[:178] * 16, r"feature \d+ has a root mean square of 2"),
    "a year": (
        scale(WINE) + 1900 * np.eye(13)[3],
        "feature 3 has a root mean square of 1.9e\\+03\\.",
    ),
}


@ignore_convergence
@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
@pytest.mark.parametrize("name", UNSCALED)
def test_large_features(name, cls):
    samples, message = UNSCALED[name]
    with pytest.warns(UnscaledDataWarning, match=f"X is not scaled: {message}"):
        new(cls, learning_rate_init=1e-6).fit(samples, CULTIVAR)


def test_squares_that_are_not_finite():
    with pytest.warns(UnscaledDataWarning, match=r"feature 1 has a root mean square of inf\."):
        warn_of_large_features(np.array([[1, 1e30]], np.float32))


@ignore_convergence
@pytest.mark.parametrize("scaler", [StandardScaler(), MaxAbsScaler()])
def test_the_remedy_for_large_features(scaler):
    """No warning is left, and the network is a better one."""
    samples = csr_array(WINE) if isinstance(scaler, MaxAbsScaler) else WINE
    model = new(max_iter=500)
    scaled = make_pipeline(scaler, clone(model)).fit(samples, CULTIVAR)
    with pytest.warns(UnscaledDataWarning):
        model.fit(samples, CULTIVAR)
    assert scaled.score(samples, CULTIVAR) > 0.95 > model.score(samples, CULTIVAR)


rng = np.random.default_rng(0)
NO_ALARM = {
    "standardised": rng.normal(size=(200, 5)),
    "standardised, heavy tails": scale(rng.lognormal(sigma=3, size=(2000, 5))),
    "pixels in [0, 1]": load_digits().data / 16,
    "pixels up to 16": load_digits().data,
    "centimetres": load_iris().data,
    "words in long texts": csr_array(rng.poisson(50 / np.arange(1, 300), (200, 299)).astype(float)),
    "one-hot": OneHotEncoder().fit_transform(rng.integers(0, 50, (200, 3))),
    "zeros": np.zeros((10, 3)),
    "no entries": csr_array((10, 3)),
    "small": rng.normal(size=(200, 5)) * 1e-3,
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NO_ALARM)
def test_no_false_alarm(name, dtype):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_large_features(NO_ALARM[name].astype(dtype))
    assert not caught


@ignore_convergence
def test_warned_once():
    model = new(warm_start=True, learning_rate_init=1e-6)
    with pytest.warns(UnscaledDataWarning):
        model.partial_fit(WINE, CULTIVAR, classes=[0, 1, 2])
    model.partial_fit(WINE, CULTIVAR)
    model.fit(WINE, CULTIVAR)


def test_a_fit_that_is_refused_by_a_filter_leaves_the_model():
    model = new(solver="lbfgs", max_iter=200, tol=1e-2).fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(UnscaledDataWarning):
        model.fit(1000 * X, y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


# alpha and the batches


@ignore_convergence
def test_alpha_acts_as_the_warning_says():
    with pytest.warns(LargePenaltyWarning, match=r"alpha=5.0 .* of 5 samples, .* acts as l2=0.5:"):
        model = new(alpha=5.0, batch_size=5, max_iter=60).fit(X, y)
    expected = new(alpha=0.0, l2=0.5, batch_size=5, max_iter=60).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0], expected.coefs_[0], rtol=1e-9, atol=1e-12)
    # and a network learns little: the loss is that of guessing, log 3
    assert model.score(X, y) < 0.8
    assert model.history_["loss"][-1] > 1.05


@ignore_convergence
@pytest.mark.parametrize("solver", ["adam", "sgd", "gd", "nag"])
def test_alpha_and_weights_that_sum_to_one(solver):
    weight = np.full(150, 1 / 150)
    batch = 150 if solver in ("gd", "nag") else 30
    message = rf"alpha=1.0 .* of {batch} samples, which weigh {batch / 150:.2g}, .* acts as l2="
    with pytest.warns(LargePenaltyWarning, match=message):
        new(alpha=1.0, batch_size=30, solver=solver).fit(X, y, weight)


@pytest.mark.parametrize("alpha", [0.0, 1e-4, 1.0])
@pytest.mark.parametrize("batch_size", [2, 10, "auto"])
def test_no_alarm_for_alpha(alpha, batch_size):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        new(alpha=alpha, batch_size=batch_size).fit(X, y)
        new(MLPScratchRegressor, alpha=alpha, batch_size=batch_size).fit(X, y, np.ones(150))
    assert {warning.category for warning in caught} == {ConvergenceWarning}


@ignore_convergence
def test_alpha_is_warned_of_in_the_first_batch_only():
    with pytest.warns(LargePenaltyWarning, match="for batches of 10 samples"):
        model = new(alpha=100.0).partial_fit(X[:10], y[:10], classes=[0, 1, 2])
    model.partial_fit(X[10:20], y[10:20])


# Training that ends before it has converged


def advice(model, X, y):
    with pytest.warns(ConvergenceWarning) as record:
        model.fit(X, y)
    (message,) = [str(entry.message) for entry in record]
    start = f"Stochastic Optimizer: Maximum iterations ({model.max_iter}) reached and the "
    start += "optimization hasn't converged yet. "
    assert message.startswith(start)
    return message.removeprefix(start)


FALLING = {
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05, "max_iter": 60},
    "gd": {"solver": "gd", "learning_rate_init": 0.3, "max_iter": 100},
    "nag": {"solver": "nag", "learning_rate_init": 0.1, "max_iter": 40},
    "adam": {"learning_rate_init": 0.01, "max_iter": 150},
    "held out": {"early_stopping": True, "early_stopping_on": "loss", "max_iter": 300},
}


@pytest.mark.parametrize("name", FALLING)
def test_as_many_epochs_as_advised_suffice(name):
    model = new(**FALLING[name])
    watched = "validation loss" if "early_stopping_on" in FALLING[name] else "training loss"
    found = re.fullmatch(
        rf"The {watched} still improves by (.*) per epoch, more than tol=0.0001: raise max_iter "
        r"to about (\d+), or raise tol\.",
        advice(model, X, y),
    )
    assert float(found[1]) > model.tol
    enough = int(found[2])
    assert model.max_iter < enough <= 10 * model.max_iter
    assert model.set_params(max_iter=enough).fit(X, y).n_iter_ < enough


def test_score_that_still_rises():
    digits, labels = load_digits(return_X_y=True)
    model = new(solver="sgd", learning_rate_init=0.01, max_iter=25, early_stopping=True)
    said = advice(model.set_params(n_iter_no_change=25), digits[:500] / 16, labels[:500])
    assert said.startswith("The validation score still improves by ")


@dataclass
class ToZero(Schedule):
    """A user's own schedule of fixed length."""

    max_iter: int

    def base_rate(self, progress):
        return self.learning_rate_init * (1 - progress / self.max_iter)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "to_zero"])
@pytest.mark.parametrize("solver", ["adam", "sgd", "gd"])
def test_a_schedule_that_ends_as_planned(solver, schedule, early_stopping, monkeypatch):
    """Nothing is said: filters make any warning an error. A warm start plans anew."""
    monkeypatch.setitem(SCHEDULES, "to_zero", ToZero)
    model = new(learning_rate=schedule, solver=solver, early_stopping=early_stopping, max_iter=8)
    model.fit(X, y)
    assert model.n_iter_ == 8
    model.set_params(warm_start=True).fit(X, y)
    MLPGridSearchCV(model, {"alpha": [0, 1e-4]}).fit(X, y)


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive", "plateau", tenth])
def test_a_schedule_without_an_end_does_not_plan_one(schedule):
    with pytest.warns(ConvergenceWarning):
        new(learning_rate=schedule, solver="sgd").fit(X, y)


def test_far_from_the_end():
    said = advice(new(max_iter=25), X, y)
    assert "raise max_iter to 250 or more, or learning_rate_init, or raise tol" in said


@ignore_convergence
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_step_that_is_too_large(solver):
    params = {"solver": solver, "batch_size": 10, "n_iter_no_change": 50, "max_iter": 50}
    said = advice(new(learning_rate_init=1.0, **params), X, y)
    assert said.startswith("The training loss goes up and down: lower learning_rate_init (now 1.0)")
    calmer = new(learning_rate_init=0.02, **params).fit(X, y)
    assert calmer.loss_ < new(learning_rate_init=1.0, **params).fit(X, y).loss_


@pytest.mark.parametrize("loss", [np.nan, np.inf])
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")  # as fit does
def test_curve_that_is_not_finite(loss):
    curve = np.r_[np.linspace(1, 0, 50), loss]
    assert "goes up and down" in not_converged(new(), "validation loss", curve)


def test_near_the_end():
    model = new(solver="gd", learning_rate_init=0.3, tol=1e-3)
    whole = clone(model).set_params(max_iter=1000).fit(X, y)
    said = advice(model.set_params(max_iter=whole.n_iter_ - 1), X, y)
    enough = int(re.search(r"raise max_iter to about (\d+)", said)[1])
    assert whole.n_iter_ <= enough < 2 * whole.n_iter_


def test_few_epochs():
    said = advice(new(max_iter=5), X, y)
    assert said == "Raise max_iter, or tol (now 0.0001). So few epochs do not tell how far."


def test_no_end_but_max_iter():
    said = advice(new(max_iter=30, n_iter_no_change=inf), X, y)
    assert said.startswith("With n_iter_no_change=inf nothing else ends it")


def test_epochs_of_earlier_fits_do_not_count():
    model = new(warm_start=True, solver="gd", learning_rate_init=0.3, max_iter=30)
    advice(model, X, y)
    assert advice(model.set_params(max_iter=5), X, y).startswith("Raise max_iter")


@pytest.mark.parametrize(
    ("params", "remedy"),
    [
        ({"max_iter": 5}, r"Raise max_iter \(now 5\)"),
        ({"max_fun": 5, "max_iter": 100}, r"Raise max_fun \(now 5\)"),
    ],
)
def test_lbfgs(params, remedy):
    message = rf"lbfgs failed to converge .*\. {remedy}, or scale the data, for example by a Stand"
    with pytest.warns(ConvergenceWarning, match=message):
        new(solver="lbfgs", **params).fit(X, y)


def test_lbfgs_whose_line_search_fails():
    # With a gradient that points the wrong way no step is good enough
    result = minimize(lambda w: (w @ w, -2 * w), np.ones(2), jac=True, method="L-BFGS-B")
    assert result.status == 2
    model = new(solver="lbfgs", max_iter=100)
    model.n_iter_ = result.nit
    assert "Raise tol (now 0.0001), or scale the data" in lbfgs_not_converged(model, result)


# A network that has learned nothing


def labels_of(codes):
    return np.column_stack([codes == 1, codes > 0, codes == 2]).astype(int)


DEEP = {"hidden_layer_sizes": (50, 50, 50), "activation": "logistic", "max_iter": 300}
DEEP_SGD = DEEP | {"solver": "sgd"}
USELESS = {
    "several logistic layers": (MLPScratchClassifier, DEEP, y, "activation='relu' or 'tanh'"),
    "two classes": (MLPScratchClassifier, DEEP_SGD, y == 1, "activation='relu' or 'tanh'"),
    "several labels": (MLPScratchClassifier, DEEP_SGD, labels_of(y), "activation='relu'"),
    "sgd": (MLPScratchClassifier, DEEP_SGD, y, "activation='relu'"),
    "class weights": (
        MLPScratchClassifier,
        DEEP | {"class_weight": {0: 9}},
        y,
        "activation='relu'",
    ),
    "early stopping": (MLPScratchClassifier, DEEP_SGD | {"early_stopping": True}, y, "activation="),
    "l1": (MLPScratchClassifier, {"l1": 1.0, "max_iter": 300}, y, r"smaller penalties \(l1\)"),
    "real": (MLPScratchRegressor, {"l1": 1.0, "max_iter": 900}, y, r"smaller penalties \(l1\)"),
    "counts": (MLPScratchRegressor, {"loss": "poisson", "l1": 9.0, "max_iter": 300}, y, "l1"),
    "as planned": (
        MLPScratchClassifier,
        DEEP_SGD | {"learning_rate": "one_cycle", "max_iter": 12},
        y,
        "another learning_rate_init",
    ),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", USELESS)
def test_a_network_that_has_learned_nothing(name, dtype):
    cls, params, target, remedy = USELESS[name]
    model = new(cls, **params)
    with pytest.warns(NothingLearnedWarning, match=f"the same for all .*{remedy}") as record:
        model.fit(X.astype(dtype), target)
    assert len(record) == 1
    predicted = model.predict(X)
    np.testing.assert_allclose(predicted, np.broadcast_to(predicted[:1], predicted.shape), atol=0.1)


def test_the_remedy_where_nothing_was_learned():
    model = new(**DEEP | {"activation": "tanh", "tol": 1e-3}).fit(X, y)  # without a warning
    assert model.score(X, y) > 0.95


def has_alarmed(model, *data):
    """Fit, and return whether it was said that nothing was learned; other warnings are errors."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NothingLearnedWarning)
        model.fit(*data)
    return bool(caught)


def test_weights_decide_whether_targets_vary():
    """To predict one class is right where all others have no weight."""
    assert has_alarmed(new(**DEEP), X, y)
    assert not has_alarmed(new(**DEEP), X, y, np.where(y == 1, 1.0, 0.0))
    assert not has_alarmed(new(MLPScratchRegressor, **DEEP), X, np.full(150, 0.5))


def test_there_may_be_nothing_to_learn():
    assert not has_alarmed(new(**DEEP), X, rng.integers(0, 2, 150))
    assert not has_alarmed(new(MLPScratchRegressor, **DEEP), X, rng.normal(size=150))


@pytest.mark.parametrize("container", [np.asarray, csr_array])
def test_classes_that_no_line_divides(container):
    samples, inside = make_circles(400, noise=0.05, factor=0.5, random_state=0)
    with pytest.warns(NothingLearnedWarning, match="samples that are near each other"):
        new(**DEEP_SGD).fit(container(samples), inside)


RIGHT = {
    "rare class": (MLPScratchClassifier, {"max_iter": 600}, np.arange(150) > 146),
    "noise": (MLPScratchClassifier, {}, rng.integers(0, 2, 150)),
    "real noise": (MLPScratchRegressor, {}, rng.normal(size=150)),
    "units": (MLPScratchRegressor, {"tol": 1e-12}, 1e-4 * X[:, 0]),
    "sgd": (MLPScratchClassifier, {"solver": "sgd", "activation": "logistic", "tol": 1e-3}, y > 0),
}


@ignore_convergence
@pytest.mark.parametrize("name", RIGHT)
def test_no_alarm_for_what_has_been_learned(name):
    cls, params, target = RIGHT[name]
    assert not has_alarmed(new(cls, **{"max_iter": 200} | params), X, target)


@ignore_convergence
def test_networks_of_a_search_that_learn_nothing():
    """Each candidate on each fold says so once, as it does alone."""
    counts = []
    for search_class in (GridSearchCV, MLPGridSearchCV):
        search = search_class(new(**DEEP), {"activation": ["logistic", "tanh"]}, refit=False)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            search.fit(X, y)
        counts.append(sum(w.category is NothingLearnedWarning for w in caught))
    assert counts == [5, 5]


# In a search


def said_in(search_class, samples, labels, weight, **params):
    """Return what a search over `alpha` warns of, each warning once."""
    search = search_class(new(**params), {"alpha": [1e-4, 10.0]}, cv=3, refit=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        search.fit(samples, labels, sample_weight=weight)
    return {(warning.category, str(warning.message)) for warning in caught}


@pytest.mark.parametrize("weight", [None, np.linspace(0.01, 0.05, len(y))], ids=["", "weighted"])
@pytest.mark.parametrize("solver", ["adam", "nag"])
def test_networks_of_a_search_warn_as_in_scikit_learns(solver, weight):
    settings = {"solver": solver, "batch_size": 10 if solver == "adam" else "auto", "max_iter": 25}
    samples = X * [1, 1, 1, 500]
    theirs = said_in(GridSearchCV, samples, y, weight, **settings)
    ours = said_in(MLPGridSearchCV, samples, y, weight, **settings)
    assert ours == theirs
    expected = {UnscaledDataWarning, ConvergenceWarning}
    if solver == "adam" or weight is not None:
        expected.add(LargePenaltyWarning)
    assert {category for category, _ in ours} == expected


def test_targets_so_small_that_their_variance_is_zero():
    """Nothing can be told of them: no spread of predictions is small enough."""
    X = np.random.default_rng(0).normal(size=(50, 1))
    model = MLPScratchRegressor(hidden_layer_sizes=3, max_iter=12, tol=1e-2, random_state=0)
    model.fit(X, X[:, 0])
    assert build_loss(model).spread(np.zeros((50, 1)), X) == 0
    assert build_loss(model).spread(np.zeros((50, 1)), 1e-200 * X) == np.inf
