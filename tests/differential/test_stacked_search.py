"""The stacked searches against scikit-learn's own, on the same estimators."""

import re
import warnings
from collections import Counter
from typing import ClassVar

import joblib
import numpy as np
import pytest
import scipy.stats
from scipy.sparse import csr_array, csr_matrix
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.callback.tests._utils import RecordingCallback
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    RandomizedSearchCV,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.utils.metaestimators import available_if

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch._base import BaseMLPScratch
from sknn_scratch._stack import Stack
from sknn_scratch.activations import Tanh
from sknn_scratch.model_selection import StackedGridSearchCV, StackedRandomizedSearchCV, _search

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
ROWS = np.random.RandomState(0).permutation(150)[:60]
X, Y = X[ROWS], Y[ROWS]
X = (X - X.mean(axis=0)) / X.std(axis=0)
NAMES = load_iris().target_names[Y]
LABELS = np.column_stack([Y > 0, Y < 2, X[:, 0] > 0]).astype(int)
REAL, REALS = X[:, 1], X[:, 1:3]
WEIGHT = np.random.RandomState(1).randint(0, 4, 60).astype(float)
GROUPS = np.random.RandomState(2).randint(0, 5, 60)
IN_ORDER = np.argsort(Y, kind="stable")

SGD = MLPScratchClassifier(
    (4,), solver="sgd", batch_size=10, learning_rate_init=0.1, max_iter=4, random_state=0
)
ADAM = clone(SGD).set_params(solver="adam", learning_rate_init=0.01)
GD = clone(SGD).set_params(solver="gd", learning_rate_init=0.5, activation="tanh")
REGRESSOR = MLPScratchRegressor(
    hidden_layer_sizes=(4,), solver="sgd", batch_size=10, max_iter=4, random_state=0
)
STEPS = {"learning_rate_init": [0.01, 0.1]}


# What is compared


class Trained(Counter):
    """Numbers of estimators fitted in stacks and alone, and of stacks."""


@pytest.fixture
def trained(monkeypatch):
    count, fit_stack, fit_alone = Trained(), Stack.fit, BaseMLPScratch._fit

    def of_stack(self):
        fit_stack(self)
        count["stacked"] += len(self.outcomes)
        count["stacks"] += 1

    def of_one(self, *args, **kwargs):
        count["alone"] += 1
        return fit_alone(self, *args, **kwargs)

    monkeypatch.setattr(Stack, "fit", of_stack)
    monkeypatch.setattr(BaseMLPScratch, "_fit", of_one)
    return count


def told(search, X, y, fit_params):
    """Fit a search; return what it warned of, or the error that it raised."""
    error = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            search.fit(X, y, **fit_params)
        except Exception as raised:
            error = type(raised), re.findall(r"^\w+Error: .*$|^.*fits failed.*$", str(raised), re.M)
    seen = Counter()
    for warning in caught:
        text = str(warning.message)
        if issubclass(warning.category, FitFailedWarning):
            seen["failed", *re.findall(r"^\S*Error: .*$|^.*fits failed.*$", text, re.M)] += 1
        elif issubclass(warning.category, ConvergenceWarning):
            seen[text] += 1
        elif "non-finite" in text or "Scoring failed" in text:
            seen[text.partition(":")[0]] += 1
    return seen, error


def assert_same_results(ours, theirs, atol=1e-9):
    """Assert that two searches found the same, but for the clock."""
    mine, other = ours.cv_results_, theirs.cv_results_
    assert list(mine) == list(other)
    assert repr(mine["params"]) == repr(other["params"])
    for name in other:
        assert len(mine[name]) == len(other[name])
        if name.endswith("_time"):
            assert (mine[name] >= 0).all()
        elif name.startswith("param_"):
            assert mine[name].dtype == other[name].dtype
            np.testing.assert_array_equal(mine[name].mask, other[name].mask)
            assert repr(mine[name].compressed()) == repr(other[name].compressed())
        elif name.startswith("rank_"):
            np.testing.assert_array_equal(mine[name], other[name])
        elif name != "params":
            np.testing.assert_allclose(mine[name], other[name], rtol=0, atol=atol, err_msg=name)
    fitted = {name for name in vars(theirs) if name.endswith("_")}
    assert {name for name in vars(ours) if name.endswith("_")} == fitted
    for name in ("best_index_", "multimetric_", "n_splits_", "best_params_"):
        if name in fitted:
            assert repr(getattr(ours, name)) == repr(getattr(theirs, name))
    if "best_score_" in fitted:
        np.testing.assert_allclose(ours.best_score_, theirs.best_score_, rtol=0, atol=atol)
    assert repr(ours.scorer_) == repr(theirs.scorer_)


def compare(
    trained, estimator, grid, *, X=X, y=NAMES, stacked=None, given=None, atol=1e-9, **params
):
    """Search with both classes and compare all that they found; return our search.

    `stacked` is how many fits are to be done in stacks, or "some"; all of them by default.
    """
    random = "n_iter" in params
    theirs = (RandomizedSearchCV if random else GridSearchCV)(clone(estimator), grid, **params)
    own = params | {"stack_memory": params.get("stack_memory", 4)}
    ours = (StackedRandomizedSearchCV if random else StackedGridSearchCV)(estimator, grid, **own)
    expected = told(theirs, X, y, given or {})
    trained.clear()
    found = told(ours, X, y, given or {})
    assert found == expected
    if expected[1] is not None:
        return ours
    assert_same_results(ours, theirs, atol)
    n_fits = len(ours.cv_results_["params"]) * ours.n_splits_
    if stacked == "some":
        assert 0 < trained["stacked"] <= n_fits
    else:
        assert trained["stacked"] == (n_fits if stacked is None else stacked)
    if ours.refit:
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    return ours


# Networks


NETWORKS = {
    "sgd": (SGD, {**STEPS, "momentum": [0.0, 0.9], "l1": [0.001, 0.01]}, {}),
    "adam": (ADAM, {**STEPS, "beta_1": [0.5, 0.9], "weight_decay": [0, 0.1]}, {}),
    "gd": (GD, {**STEPS, "alpha": [0.0, 1.0], "l2": [0.0, [0.1, 0]]}, {}),
    "nag": (clone(GD).set_params(solver="nag"), {**STEPS, "l1": [0, 0.01]}, {}),
    "solvers": (SGD, {"solver": ["gd", "nag", "sgd", "adam", "lbfgs"]}, {"stacked": 12}),
    "restart": (GD, {"solver": ["nag"], "restart": [True, False], **STEPS}, {}),
    "Polyak's": (SGD, {"nesterovs_momentum": [True, False], **STEPS}, {}),
    "shapes": (ADAM, {"hidden_layer_sizes": [(), (4,), 5, [3, 2]], "alpha": [0.0, 1.0]}, {}),
    "activations": (ADAM, {"activation": ["relu", "gelu", ["tanh"], Tanh()]}, {}),
    "batches": (ADAM, {"batch_size": [1, 7, 40, "auto"], **STEPS}, {}),
    "in order": (SGD, {"shuffle": [True, False], **STEPS}, {}),
    "seeds": (ADAM, {"random_state": [0, 1, np.random.RandomState(2)], **STEPS}, {}),
    "first weights": (ADAM, {"init": ["normal", "he_normal", "glorot_uniform"]}, {}),
    "epochs": (SGD, {"max_iter": [1, 5, 3], **STEPS}, {}),
    "twice": (SGD, [{"max_iter": [3]}, {"max_iter": [2, 3]}, {"alpha": [1e-4]}], {}),
    "patience": (
        clone(ADAM).set_params(max_iter=20),
        {"tol": [0.1, 1e-4], "n_iter_no_change": [1, 3, np.inf]},
        {},
    ),
    "steps by name": (
        SGD,
        {"learning_rate": ["constant", "invscaling", "cosine", "one_cycle"], "power_t": [0.1, 1]},
        {},
    ),
    "steps on a plateau": (
        clone(SGD).set_params(max_iter=15, tol=0.1, n_iter_no_change=1),
        {"learning_rate": ["adaptive", "plateau"], "warmup_epochs": [0, 2.5]},
        {},
    ),
    "steps by a function": (
        ADAM,
        {"learning_rate": [lambda n: 0.1 / (n + 1), lambda n: 0.01, "cosine"]},
        {},
    ),
    "searched steps": (
        clone(GD).set_params(learning_rate="backtracking", learning_rate_init=10.0),
        {"solver": ["gd", "nag"], "l1": [0, 0.01], "activation": ["tanh", "relu"]},
        {},
    ),
    "stopped early": (
        clone(ADAM).set_params(early_stopping=True, max_iter=12, n_iter_no_change=2),
        {**STEPS, "validation_fraction": [0.1, 0.3], "early_stopping_on": ["score", "loss"]},
        {},
    ),
    "dropout": (SGD, {"dropout": [0.0, 0.3, [0.1, 0.2]], **STEPS}, {}),
    "dropout of one batch": (ADAM, {"dropout": [0.3], "batch_size": ["auto"], **STEPS}, {}),
    "bounds and groups": (ADAM, {"max_norm": [None, 0.5], "group_l1": [0.0, 0.05]}, {}),
    "classes": (ADAM, {"class_weight": [None, "balanced"], "label_smoothing": [0, 0.2]}, {}),
    "warm": (ADAM, {"warm_start": [True, False, "resume"]}, {"stacked": 6}),
    "two classes": (ADAM, STEPS, {"y": NAMES == "setosa"}),
    "labels": (SGD, {**STEPS, "class_weight": [None, [{0: 1, 1: 2}] * 3]}, {"y": LABELS}),
    "real": (REGRESSOR, {**STEPS, "l2": [0, 0.1]}, {"y": REAL}),
    "several real": (REGRESSOR, {**STEPS, "early_stopping": [True, False]}, {"y": REALS}),
    "counts": (REGRESSOR, {"loss": ["squared_error", "poisson"], **STEPS}, {"y": 1.0 * Y}),
    "one class": (ADAM, STEPS, {"y": np.zeros(60, int)}),
    "single precision": (SGD, STEPS, {"X": X.astype(np.float32), "atol": 1e-3}),
    "sparse": (ADAM, STEPS, {"X": csr_array(X), "stacked": 0}),
    "sparse matrix": (GD, STEPS, {"X": csr_matrix(X), "stacked": 0}),
    "lists": (ADAM, STEPS, {"X": X.tolist(), "y": NAMES.tolist()}),
    "rules": (
        ADAM,
        {"stop_when": [None, lambda history: len(history["loss"]) > 1]},
        {"stacked": 3},
    ),
    "printing": (ADAM, {"verbose": [True, False], **STEPS}, {"stacked": 6}),
    "one candidate": (ADAM, {}, {}),
}


@pytest.mark.filterwarnings("ignore:.*one class only")
@pytest.mark.parametrize("name", NETWORKS)
def test_networks(trained, name, capsys):
    estimator, grid, params = NETWORKS[name]
    regression = isinstance(estimator, MLPScratchRegressor)
    scoring = None if regression or name == "labels" else "neg_log_loss"
    if name in ("one class",):
        scoring = None
    compare(trained, estimator, grid, **{"cv": 3, "scoring": scoring} | params)


def test_a_stateful_step_starts_anew_in_each_fit(trained):
    compare(trained, ADAM, {"learning_rate": [Halving(0.1), Halving(0.01)]}, cv=3)


class Halving:
    """A step that depends on how often it was asked for."""

    def __init__(self, rate):
        self.rate = rate

    def __call__(self, n_epochs):
        self.rate /= 2
        return self.rate


def test_parameters_that_cannot_be_pickled(trained):
    class Local(Tanh):
        pass

    compare(trained, ADAM, {"activation": [Local(), "tanh"], **STEPS}, cv=3)


def test_a_derived_class_is_fitted_alone(trained):
    class Derived(MLPScratchClassifier):
        def fit(self, X, y):
            return super().fit(X[::-1], y[::-1])

    compare(trained, Derived(3, max_iter=3, random_state=0), STEPS, cv=3, stacked=0)


@pytest.mark.parametrize(
    ("estimator", "grid", "y"),
    [
        (LogisticRegression(), {"C": [0.1, 1.0]}, NAMES),
        (TransformedTargetRegressor(REGRESSOR), {"regressor__alpha": [0, 1]}, REAL),
    ],
)
def test_other_estimators(trained, estimator, grid, y):
    compare(trained, estimator, grid, y=y, cv=3, stacked=0)


def test_random_search(trained):
    distributions = {
        "learning_rate_init": scipy.stats.loguniform(1e-3, 1),
        "l2": scipy.stats.uniform(0, 0.1),
        "hidden_layer_sizes": [(3,), (4,)],
        "max_iter": scipy.stats.randint(1, 5),
    }
    search = compare(trained, SGD, distributions, n_iter=7, random_state=3, cv=3)
    assert trained["stacks"] == 2
    again = clone(search).fit(X, NAMES)
    assert repr(again.cv_results_["params"]) == repr(search.cv_results_["params"])
    # Drawn with replacement, there are more candidates than settings
    distributions = {"max_iter": scipy.stats.randint(1, 3), "alpha": scipy.stats.randint(0, 2)}
    compare(trained, SGD, distributions, n_iter=8, random_state=0, cv=2)


def test_without_random_state(trained):
    estimator = clone(ADAM).set_params(random_state=None, max_iter=60, early_stopping=True)
    search = StackedGridSearchCV(estimator, STEPS, cv=3).fit(X, NAMES)
    assert trained["stacked"] == 6
    assert search.cv_results_["mean_test_score"].max() > 0.6
    # Networks of a stack that are to differ in their first weights only do differ
    grid = {"alpha": [0.0, 1e-12, 1e-11]}
    found = StackedGridSearchCV(estimator, grid, cv=3, scoring="neg_log_loss").fit(X, NAMES)
    assert len(set(found.cv_results_["mean_test_score"])) == 3


# Folds, weights, other arguments of fit


class Unequal:
    """Folds of very different size."""

    def get_n_splits(self, X=None, y=None, groups=None):
        return 3

    def split(self, X, y=None, groups=None):
        for n in (50, 20, 20):
            rows = np.random.RandomState(n).permutation(60)
            yield rows[:n], rows[n:]


FOLDS = {
    "number": 3,
    "stratified": StratifiedKFold(3, shuffle=True, random_state=0),
    "other sizes": KFold(7),
    "groups": GroupKFold(3),
    "each group": LeaveOneGroupOut(),
    "repeated": RepeatedStratifiedKFold(n_splits=2, n_repeats=2, random_state=1),
    "drawn": ShuffleSplit(3, test_size=0.3, random_state=0),
    "unequal": Unequal(),
    "indices": [(np.arange(30), np.arange(30, 60)), (np.arange(15, 60), np.arange(15))],
    "overlapping": [(np.arange(40), np.arange(40)), (np.arange(40), np.arange(20, 60))],
}


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("name", FOLDS)
def test_folds(trained, name, early_stopping):
    estimator = clone(ADAM).set_params(early_stopping=early_stopping)
    given = {"groups": GROUPS} if "group" in name else {}
    compare(trained, estimator, STEPS, cv=FOLDS[name], given=given)
    if name in ("number", "overlapping"):
        assert trained["stacks"] == 1


@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_folds_that_lack_a_class(trained, scoring):
    """Each of the first three has two of three classes to train on: networks of one output."""
    part = np.arange(60) // 20
    cv = [(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(3)]
    cv.append((np.arange(0, 60, 2), np.arange(1, 60, 2)))
    balanced = np.repeat(np.arange(3), 20)
    compare(
        trained, ADAM, {**STEPS, "label_smoothing": [0, 0.1]}, y=balanced, cv=cv, scoring=scoring
    )


def test_folds_that_lack_different_classes_of_four(trained):
    y = np.arange(60) % 4
    cv = [(np.flatnonzero(y != k), np.flatnonzero(y == k)) for k in range(4)]
    for weight in (None, "balanced", {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0}):
        estimator = clone(SGD).set_params(class_weight=weight)
        compare(trained, estimator, STEPS, y=y, cv=cv, return_train_score=True)


@pytest.mark.parametrize("scoring", [None, "accuracy", ["accuracy", "neg_log_loss"]])
@pytest.mark.parametrize("params", [{}, {"early_stopping": True, "class_weight": "balanced"}])
def test_sample_weight(trained, params, scoring):
    estimator = clone(ADAM).set_params(**params)
    refit = "neg_log_loss" if isinstance(scoring, list) else True
    compare(
        trained,
        estimator,
        STEPS,
        cv=3,
        scoring=scoring,
        refit=refit,
        return_train_score=True,
        given={"sample_weight": WEIGHT},
    )


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_validation_set(trained, early_stopping):
    estimator = clone(SGD).set_params(early_stopping=early_stopping, max_iter=12)
    held = {"X_val": X[:20], "y_val": NAMES[:20], "sample_weight_val": WEIGHT[:20] + 1}
    search = compare(trained, estimator, STEPS, cv=3, given=held)
    assert len(search.best_estimator_.validation_scores_) == search.best_estimator_.n_iter_
    sparse = held | {"X_val": csr_array(X[:20])}
    compare(trained, estimator, STEPS, cv=3, given=sparse, stacked=0)


def test_arguments_that_fit_does_not_know(trained):
    search = compare(trained, SGD, STEPS, cv=3, given={"no_such": 1})
    assert not hasattr(search, "cv_results_")


@pytest.mark.parametrize("error_score", [np.nan, "raise"])
def test_without_targets(error_score):
    search = StackedGridSearchCV(SGD, STEPS, cv=3, error_score=error_score)
    with pytest.raises(ValueError, match="requires y to be passed"):
        search.fit(X)


# Scores


def two_scores(estimator, X, y):
    return {"accuracy": estimator.score(X, y), "surest": estimator.predict_proba(X).max()}


def surest(estimator, X, y):
    return estimator.predict_proba(X).max()


def third(results):
    return 2


SCORINGS = {
    "names": (["accuracy", "neg_log_loss", "roc_auc_ovr"], "roc_auc_ovr"),
    "scorers": (
        {"f1": make_scorer(f1_score, average="macro"), "accuracy": make_scorer(accuracy_score)},
        "f1",
    ),
    "callable": (surest, True),
    "callable of several": (two_scores, "surest"),
    "no refit": (["accuracy", "neg_log_loss"], False),
    "refit by a callable": (["accuracy", "neg_log_loss"], third),
    "one, refit by a callable": ("accuracy", third),
    "one, no refit": ("neg_log_loss", False),
}


@pytest.mark.parametrize("return_train_score", [False, True])
@pytest.mark.parametrize("name", SCORINGS)
def test_scores(trained, name, return_train_score):
    scoring, refit = SCORINGS[name]
    search = compare(
        trained,
        clone(ADAM).set_params(max_iter=3),
        {"alpha": [0, 1], **STEPS},
        cv=3,
        scoring=scoring,
        refit=refit,
        return_train_score=return_train_score,
    )
    assert (
        any(column.startswith("mean_train") for column in search.cv_results_) == return_train_score
    )


def test_scorers_see_a_fitted_estimator(trained):
    def epochs(estimator, X, y):
        assert estimator.fit.__func__ is MLPScratchClassifier.fit
        assert "fit" not in vars(estimator)
        clone(estimator).fit(X, y)
        assert estimator.predict_proba(X).shape == (len(X), 3)
        assert list(estimator.classes_) == sorted(set(NAMES))
        return estimator.n_iter_ + estimator.get_params()["alpha"]

    search = compare(trained, SGD, {"max_iter": [2, 4], "alpha": [0.0, 0.5]}, cv=3, scoring=epochs)
    assert search.cv_results_["mean_test_score"].tolist() == [2, 4, 2.5, 4.5]


@pytest.mark.parametrize("error_score", [np.nan, -5.0])
def test_a_scorer_that_fails(trained, error_score):
    def broken(estimator, X, y):
        if estimator.alpha > 0:
            raise ValueError("no score")
        return estimator.score(X, y)

    compare(trained, SGD, {"alpha": [0.0, 0.5]}, cv=3, scoring=broken, error_score=error_score)


# Pipelines


class Counting(TransformerMixin, BaseEstimator):
    """Counts its fits, by its parameter."""

    fits: ClassVar = Counter()

    def __init__(self, shift=0.0, fail_above=np.inf):
        self.shift = shift
        self.fail_above = fail_above

    def fit(self, X, y=None):
        self.fits[self.shift] += 1
        if X[:, 0].max() > self.fail_above:
            raise ValueError(f"more than {self.fail_above}")
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return X - self.mean_ + self.shift

    @available_if(lambda self: True)
    def get_feature_names_out(self, names=None):
        return names


def pipeline(*steps, network=ADAM, **params):
    steps = [(f"step{k}", step) for k, step in enumerate(steps)]
    return Pipeline([*steps, ("net", clone(network))], **params)


def test_transformers_are_fitted_once_per_fold_and_setting(trained):
    estimator = pipeline(Counting(), StandardScaler())
    grid = {
        "step0__shift": [0.0, 1.0],
        "step1__with_std": [True, False],
        "net__alpha": [0.0, 0.1, 1.0],
        "net__hidden_layer_sizes": [(3,), (4,)],
    }
    StackedGridSearchCV(estimator, grid, cv=3, refit=False)  # makes the class count from nothing
    Counting.fits.clear()
    StackedGridSearchCV(estimator, grid, cv=3, refit=False).fit(X, NAMES)
    assert Counting.fits == {0.0: 3 * 2, 1.0: 3 * 2}
    assert trained["alone"] == 0
    assert trained["stacked"] == 24 * 3
    assert trained["stacks"] == 2
    compare(trained, estimator, grid, cv=3)


MLP = clone(SGD).set_params(hidden_layer_sizes=(2,), solver="nag", learning_rate_init=0.2)
PIPELINES = {
    "settings": (
        pipeline(StandardScaler(), Counting()),
        {"step0__with_mean": [True, False], "step1__shift": [0, 1], "net__alpha": [0, 1]},
        {},
    ),
    "steps": (
        pipeline(StandardScaler(), Counting()),
        {
            "step0": [
                StandardScaler(),
                MinMaxScaler(),
                "passthrough",
                FunctionTransformer(np.tanh),
            ],
            "net__alpha": [0, 1],
        },
        {},
    ),
    "functions": (
        pipeline(FunctionTransformer()),
        {"step0__func": [None, np.sin, lambda X: X**2, lambda X: X**3], "net__alpha": [0, 1]},
        {},
    ),
    "networks": (
        pipeline(StandardScaler()),
        [{"net": [clone(ADAM), MLP], "net__alpha": [0.0, 1.0]}, {"net__alpha": [0.5]}],
        {},
    ),
    "other models": (
        pipeline(StandardScaler()),
        [{"net": [LogisticRegression(), ADAM]}, {"net__alpha": [0.0, 1.0]}],
        {"stacked": 9},
    ),
    "all steps": (
        pipeline(StandardScaler()),
        {"steps": [[("net", ADAM)], [("a", MinMaxScaler()), ("other", MLP)]]},
        {},
    ),
    "no transformers": (pipeline(), {"net__alpha": [0.0, 1.0]}, {}),
    "nested": (
        pipeline(Pipeline([("a", StandardScaler()), ("b", Counting())])),
        {"step0__b__shift": [0, 1], "net__max_iter": [2, 3]},
        {},
    ),
    "a pipeline at the end": (
        pipeline(StandardScaler(), network=pipeline(MinMaxScaler())),
        {"net__net__alpha": [0, 1]},
        {"stacked": 0},
    ),
    "weights": (
        pipeline(StandardScaler()),
        {"net__alpha": [0, 1]},
        {"given": {"net__sample_weight": WEIGHT, "step0__sample_weight": WEIGHT}},
    ),
    "regression": (
        pipeline(MinMaxScaler(), network=REGRESSOR),
        {"step0__feature_range": [(0, 1), (-1, 1)], "net__alpha": [0, 1]},
        {"y": REALS},
    ),
    "not sparse any more": (
        pipeline(FunctionTransformer(csr_array.toarray, accept_sparse=True)),
        {"net__alpha": [0, 1]},
        {"X": csr_array(X)},
    ),
    "sparse": (pipeline(FunctionTransformer(csr_array)), {"net__alpha": [0, 1]}, {"stacked": 0}),
    "given twice": (
        pipeline(StandardScaler()),
        {"net__max_iter": [2, 2], "net__alpha": [0, 0]},
        {},
    ),
    "some alone": (
        pipeline(Counting()),
        {"net__solver": ["lbfgs", "adam"], "step0__shift": [0, 1]},
        {"stacked": 6},
    ),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines(trained, name):
    estimator, grid, params = PIPELINES[name]
    scoring = None if name == "regression" else "neg_log_loss"
    search = compare(trained, estimator, grid, **{"cv": 3, "scoring": scoring} | params)
    best = search.best_estimator_
    assert isinstance(best, Pipeline)
    assert not hasattr(estimator[-1], "coefs_")
    for step in estimator[:-1]:
        assert not any(attribute.endswith("_") for attribute in vars(step))


def test_transformers_in_memory(trained, tmp_path):
    estimator = pipeline(StandardScaler(), memory=joblib.Memory(tmp_path, verbose=0))
    grid = {"step0__with_std": [True, False], "net__alpha": [0, 1]}
    compare(trained, estimator, grid, cv=3)
    assert any(tmp_path.rglob("output.pkl"))


def test_names_of_columns(trained):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "nbytes", "data"])
    search = compare(trained, ADAM, STEPS, X=frame, y=pandas.Series(NAMES), cv=3)
    assert list(search.feature_names_in_) == list(frame.columns)
    assert list(search.best_estimator_.feature_names_in_) == list(frame.columns)
    columns = ColumnTransformer(
        [("some", StandardScaler(), ["a", "data"])], remainder="passthrough"
    )
    estimator = pipeline(columns).set_output(transform="pandas")
    search = compare(trained, estimator, {"net__alpha": [0, 1]}, X=frame, cv=3)
    assert search.best_estimator_[-1].feature_names_in_[0] == "some__a"


def test_metadata_routing(trained):
    with config_context(enable_metadata_routing=True):
        network = clone(SGD).set_params(early_stopping=True, max_iter=12)
        network.set_fit_request(sample_weight=True, X_val=True, y_val=True, sample_weight_val=False)
        network.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        estimator = pipeline(scaler, network=network, transform_input=["X_val"])
        given = {
            "sample_weight": WEIGHT,
            "X_val": 3 * X[:20] + 5,
            "y_val": NAMES[:20],
            "groups": GROUPS,
        }
        grid = {"net__alpha": [0, 1], "step0__with_mean": [True, False]}
        compare(trained, estimator, grid, given=given, cv=GroupKFold(3))
        compare(trained, estimator[-1], STEPS, given=given, cv=GroupKFold(3))


# Errors: what fails harms no other


DIVERGING = {"learning_rate_init": [0.1, 1e200, 0.01, 1e210]}
IDENTITY = clone(GD).set_params(activation="identity", max_iter=6)


@pytest.mark.parametrize("error_score", [np.nan, 0, -7.5, "raise"])
@pytest.mark.parametrize("solver", ["gd", "nag", "sgd", "adam"])
def test_candidates_that_diverge(trained, solver, error_score):
    estimator = clone(IDENTITY).set_params(solver=solver)
    search = compare(trained, estimator, DIVERGING, cv=3, error_score=error_score)
    if error_score == "raise":
        assert not hasattr(search, "cv_results_")
        return
    scores = search.cv_results_["mean_test_score"]
    np.testing.assert_array_equal(scores[[1, 3]], [error_score] * 2)
    assert (scores[[0, 2]] > 0).all()


@pytest.mark.parametrize("error_score", [np.nan, 0.0])
@pytest.mark.parametrize(
    ("grid", "stacked"),
    [
        ({"alpha": [0.1, -1, 0.2]}, 6),
        ({"hidden_layer_sizes": [(3,), (0,)], "l2": [0, 0.1]}, 6),
        ({"l1": [0.1, [0.1], [0.2, 0.1]]}, 6),
        ({"l1": [0.1, [0.1, [0.2]], 0.2]}, 6),
        ({"l2": [0.1, [0.1], [0.2, 0.1]]}, 6),
        ({"activation": ["relu", "no such", ["relu", "tanh"]]}, 3),
        ({"solver": ["adam", "lbfgs"], "weight_decay": [0.1, 0.2]}, 6),
        ({"solver": ["sgd", "gd"], "learning_rate": ["backtracking", "constant"]}, 9),
        ({"n_iter_no_change": [1, 0, "2"], "alpha": [0.1, 0.2]}, 6),
        ({"validation_fraction": [0.2, 0.001], "early_stopping": [True, False]}, 9),
        ({"random_state": [0, -1, "a"]}, 3),
    ],
    ids=str,
)
def test_candidates_that_cannot_be(trained, grid, stacked, error_score):
    compare(trained, ADAM, grid, cv=3, error_score=error_score, stacked=stacked)


def test_the_first_error_is_raised(trained):
    for grid in ({"alpha": [0.1, -1]}, {"l2": [0.1, [0.1]]}, {"no_such": [1]}):
        search = compare(trained, ADAM, grid, cv=3, error_score="raise")
        assert not hasattr(search, "cv_results_")


def test_no_candidate_can_be(trained):
    for grid in ({"alpha": [-2, -1]}, {"learning_rate_init": [1e200, 1e210]}):
        search = compare(trained, IDENTITY, grid, cv=3)
        assert not hasattr(search, "cv_results_")


@pytest.mark.parametrize("error_score", [np.nan, 0.0])
def test_data_that_are_wrong_in_some_folds(trained, error_score):
    folds = StratifiedKFold(3)
    _, rows = next(folds.split(X, NAMES))
    not_a_number = X.copy()
    not_a_number[rows[0], 2] = np.nan  # in the test samples of the first fold
    compare(
        trained,
        ADAM,
        {"alpha": [0, 1]},
        X=not_a_number,
        cv=folds,
        error_score=error_score,
        stacked=2,
        refit=False,
    )
    negative = Y - 1.0 * (np.arange(60) == rows[0])
    estimator = clone(REGRESSOR).set_params(loss="poisson")
    compare(
        trained,
        estimator,
        {"alpha": [0, 1]},
        y=negative,
        cv=KFold(3),
        error_score=error_score,
        refit=False,
        stacked=2 if (negative < 0).any() else 6,
    )
    weight = np.where(np.isin(np.arange(60), rows), 1.0, 0.0)  # the first fold has no weight at all
    compare(
        trained,
        ADAM,
        {"alpha": [0, 1]},
        given={"sample_weight": weight},
        cv=folds,
        error_score=error_score,
        refit=False,
        stacked=4,
        scoring=surest,
    )


@pytest.mark.parametrize("error_score", [np.nan, 0.0, "raise"])
def test_transformers_that_fail_on_some_folds(trained, error_score):
    """All candidates that would share a transformer fail with its error, each counted once."""
    highest = np.sort(X[:, 0])[-2:]
    estimator = pipeline(Counting(fail_above=highest.mean()))
    folds = StratifiedKFold(3)
    grid = {"net__alpha": [0, 0.5, 1], "step0__shift": [0, 1]}
    search = compare(
        trained, estimator, grid, cv=folds, error_score=error_score, refit=False, stacked=6
    )
    assert hasattr(search, "cv_results_") == (error_score != "raise")


@pytest.mark.filterwarnings("error")
def test_warnings_that_are_errors_are_errors_of_their_fits():
    estimator = clone(ADAM).set_params(max_iter=60)
    grid = {"tol": [10.0, 0.0], "n_iter_no_change": [2, 3]}
    found = []
    for search_class in (GridSearchCV, StackedGridSearchCV):
        search = search_class(estimator, grid, cv=3, error_score=-1.0, refit=False)
        with pytest.warns(FitFailedWarning, match="6 fits failed out of a total of 12"):
            search.fit(X, NAMES)
        found.append(search.cv_results_["mean_test_score"].tolist())
    assert found[0] == found[1]


def test_a_failed_search_keeps_what_was_there():
    search = StackedGridSearchCV(ADAM, STEPS, cv=3).fit(X, NAMES)
    before = search.cv_results_
    with pytest.raises(ValueError, match="must be"):
        search.set_params(param_grid={"alpha": [-1]}, error_score="raise").fit(X, NAMES)
    assert search.cv_results_ is before
    assert search.predict(X).shape == (60,)


def test_parameters_of_the_search_are_checked():
    for memory in (-1, np.inf, "2 MiB"):
        with pytest.raises(ValueError, match="The 'stack_memory' parameter"):
            StackedGridSearchCV(ADAM, STEPS, stack_memory=memory).fit(X, NAMES)


# Whatever the division of labour


def bits(search):
    return {k: list(v) for k, v in search.cv_results_.items() if not k.endswith("_time")}


LABOUR = pipeline(StandardScaler(), network=clone(ADAM).set_params(early_stopping=True, max_iter=9))
WORK = {
    "step0__with_std": [True, False],
    "net__hidden_layer_sizes": [(3,), (4,)],
    "net__alpha": [0.0, 0.1],
    "net__solver": ["adam", "lbfgs"],
}


def divided(n_jobs=None, backend="loky", **params):
    with joblib.parallel_backend(backend):
        search = StackedGridSearchCV(
            LABOUR,
            WORK,
            cv=3,
            scoring="neg_log_loss",
            return_train_score=True,
            n_jobs=n_jobs,
            **params,
        )
        return search.fit(X, NAMES)


@pytest.fixture(scope="module")
def undivided():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return divided()


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_two_workers_find_the_same_bits(undivided, backend):
    search = divided(n_jobs=2, backend=backend)
    assert repr(bits(search)) == repr(bits(undivided))
    np.testing.assert_array_equal(search.predict_proba(X), undivided.predict_proba(X))


@pytest.mark.parametrize("memory", [0, 0.005, 0.05, 1000])
def test_memory_changes_no_bit(trained, undivided, memory):
    trained.clear()
    search = divided(stack_memory=memory)
    assert repr(bits(search)) == repr(bits(undivided))
    n_networks = 2 * 2 * 2 * 3
    if memory == 0:
        assert trained["stacked"] == 0
    elif memory == 1000:
        assert (trained["stacked"], trained["stacks"]) == (n_networks, 2)
    else:
        assert trained["stacks"] > 2


def test_few_samples_in_memory_at_a_time(trained, undivided, monkeypatch):
    """The transformed samples of one fold and setting after the other."""
    monkeypatch.setattr(_search, "_BYTES_OF_FEEDS", 1)
    assert repr(bits(divided())) == repr(bits(undivided))


@pytest.mark.parametrize("container", ["array", "frame", "list"])
def test_samples_in_memory_are_bounded_for_all_containers(container, monkeypatch):
    """Of transformed samples no more are kept at a time than fit into the bound."""
    monkeypatch.setattr(_search, "_BYTES_OF_FEEDS", 2 * X.nbytes)
    at_once, feeds = [], _search._feeds

    def counted(*args):
        made = feeds(*args)
        at_once.append(len(made))
        return made

    monkeypatch.setattr(_search, "_feeds", counted)
    given = X
    if container == "frame":
        given = pytest.importorskip("pandas").DataFrame(X)
    elif container == "list":
        given = X.tolist()
    grid = {"step0__with_mean": [True, False], "step0__with_std": [True, False]}
    StackedGridSearchCV(pipeline(StandardScaler()), grid, cv=3, refit=False).fit(given, NAMES)
    assert sum(at_once) == 12
    assert max(at_once) <= 2


def test_networks_at_once_are_bounded(monkeypatch):
    estimator = clone(ADAM).set_params(hidden_layer_sizes=(30,), max_iter=1)
    grid = {"alpha": np.logspace(-4, 0, 20)}
    sizes, fit = [], Stack.fit

    def measured(self):
        sizes.append(self.params.flat.size * 8)
        return fit(self)

    monkeypatch.setattr(Stack, "fit", measured)
    for memory in (0.25, 0.5):
        sizes.clear()
        StackedGridSearchCV(estimator, grid, cv=3, stack_memory=memory).fit(X, NAMES)
        # Gradients, moments and values of the layers take at least four times the weights
        assert max(sizes) < memory * 2**20 / 4
        assert len(sizes) > 1
    assert max(sizes) > 0.5 * 2**20 / 40


# What scikit-learn's searches do beside


@pytest.mark.parametrize("verbose", [1, 2, 3, 10])
def test_messages(trained, capsys, verbose):
    estimator, grid = pipeline(StandardScaler()), {"net__alpha": [0, 1, -1]}

    def lines(search_class):
        with pytest.warns(FitFailedWarning):
            search_class(estimator, grid, cv=3, verbose=verbose, refit=False).fit(X, NAMES)
        printed = capsys.readouterr().out
        return sorted(re.sub(r"\.+ *total time=.*$|\.{2,}", "", printed, flags=re.M).splitlines())

    found = lines(StackedGridSearchCV)
    assert found == lines(GridSearchCV)
    assert len(found) == {1: 1, 2: 10, 3: 10, 10: 19}[verbose]


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("estimator", [ADAM, pipeline(StandardScaler())])
def test_callbacks_see_the_same_tasks(estimator, refit):
    grid = {"alpha" if estimator is ADAM else "net__alpha": [0, 1, -1]}

    def tasks(search_class):
        callback = RecordingCallback()
        search = search_class(clone(estimator), grid, cv=3, refit=refit)
        with pytest.warns(Warning):  # noqa: PT030, candidates that cannot be, estimators without callbacks
            search.set_callbacks(callback).fit(X, NAMES, **{})
        return Counter(
            (entry["name"], entry["context"].task_name, entry["context"].task_id)
            for entry in callback.record
        )

    found = tasks(StackedGridSearchCV)
    assert found == tasks(GridSearchCV)
    assert sum(found.values()) > 18


def test_a_fitted_search_is_like_scikit_learns(tmp_path):
    search = StackedGridSearchCV(ADAM, STEPS, cv=3).fit(X, NAMES)
    theirs = GridSearchCV(ADAM, STEPS, cv=3).fit(X, NAMES)
    joblib.dump(search, tmp_path / "search.joblib")
    again = joblib.load(tmp_path / "search.joblib")
    for name in ("predict", "predict_proba", "predict_log_proba"):
        np.testing.assert_array_equal(getattr(again, name)(X), getattr(theirs, name)(X))
    assert again.score(X, NAMES) == theirs.score(X, NAMES)
    assert list(again.classes_) == list(theirs.classes_)
    assert again.n_features_in_ == 4
    assert again.refit_time_ > 0
    assert clone(search).get_params().keys() == theirs.get_params().keys() | {"stack_memory"}
    assert isinstance(search, GridSearchCV)
    assert issubclass(StackedRandomizedSearchCV, RandomizedSearchCV)
    inner = StackedGridSearchCV(search.estimator, {"alpha": [0, 1]}, cv=2)
    outer = StackedGridSearchCV(inner, {"estimator__max_iter": [2, 3]}, cv=2).fit(X, NAMES)
    assert (
        outer.best_estimator_.best_estimator_.n_iter_ == outer.best_params_["estimator__max_iter"]
    )


# Grids drawn at random


def drawn_search(rng):
    """Return an estimator, a grid, and the arguments of a search, drawn at random."""

    def one_of(*values):
        return values[rng.integers(len(values))]

    def some_of(choices, n):
        names = rng.permutation(list(choices))[:n]
        return {
            name: [choices[name][i] for i in rng.permutation(len(choices[name]))[:2]]
            for name in names
        }

    regression = bool(rng.random() < 0.4)
    solver = one_of("gd", "nag", "sgd", "adam")
    numbers = {
        "learning_rate_init": [0.01, 0.1, 0.2],
        "l1": [0.0, 0.01, 0.05],
        "l2": [0.0, 0.01, 0.1],
        "alpha": [0.0, 1e-4, 0.1],
        "weight_decay": [0.0, 0.1, -1.0],
        "max_iter": [1, 3, 6, 9],
        "random_state": [0, 1, 2],
        "momentum": [0.0, 0.5, 0.9],
        "beta_1": [0.5, 0.9],
        "tol": [1e-4, 0.05],
        "n_iter_no_change": [1, 3],
        "learning_rate": ["constant", "cosine", "invscaling", "plateau"],
        "warmup_epochs": [0, 2],
        "init": ["glorot_uniform", "he_normal"],
    }
    kinds = {
        "hidden_layer_sizes": [(), (3,), (4, 2)],
        "activation": ["relu", "tanh", "silu", "softplus"],
        "batch_size": [9, 20, "auto"],
        "early_stopping": [True, False],
        "early_stopping_on": ["score", "loss"],
        "shuffle": [True, False],
        "dropout": [0.0, 0.2],
        "max_norm": [None, 0.5],
        "solver": [solver, "adam", "lbfgs"],
        "restart": [True, False],
    }
    cls = MLPScratchRegressor if regression else MLPScratchClassifier
    estimator = cls(
        hidden_layer_sizes=(4,),
        solver=solver,
        max_iter=5,
        learning_rate_init=0.02,
        random_state=0,
        batch_size=12,
    )
    estimator.set_params(**{name: value[0] for name, value in some_of(kinds, 3).items()})
    grid = some_of(numbers, 2) | some_of(kinds, one_of(0, 1))
    if one_of(True, False):
        estimator = pipeline(one_of(StandardScaler(), MinMaxScaler()), network=estimator)
        grid = {f"net__{name}": values for name, values in grid.items()}
        if one_of(True, False):
            grid["step0"] = ["passthrough", MinMaxScaler()]
    y = one_of(REAL, REALS) if regression else one_of(NAMES, Y > 0, LABELS)
    scorings = [None, "r2", ["r2", "neg_mean_squared_error"]]
    if not regression:
        scorings = [None, "accuracy", "neg_log_loss"] if y.ndim == 1 else [None, "f1_macro"]
    scoring = one_of(*scorings)
    weights = WEIGHT + 0.5 if one_of(True, False, False) and isinstance(estimator, cls) else None
    params = {
        "y": y,
        "scoring": scoring,
        "refit": "r2" if isinstance(scoring, list) else one_of(True, False),
        "cv": one_of(2, 3, ShuffleSplit(2, random_state=1), KFold(4), GroupKFold(2)),
        "return_train_score": one_of(True, False),
        "error_score": one_of(np.nan, -3.0),
    }
    given = {} if weights is None else {"sample_weight": weights}
    if isinstance(params["cv"], GroupKFold):
        given["groups"] = GROUPS
    return estimator, grid, params | {"given": given}


@pytest.mark.filterwarnings("ignore:The scoring .* does not support sample_weight")
@pytest.mark.filterwarnings("ignore:F-score is ill-defined")
@pytest.mark.parametrize("seed", range(12))
def test_any_grid(trained, seed):
    estimator, grid, params = drawn_search(np.random.default_rng(seed))
    if seed % 3 == 2:
        params |= {"n_iter": 3, "random_state": seed}
    compare(trained, estimator, grid, stacked="some", **params)
