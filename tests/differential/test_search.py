"""Our searches against scikit-learn's on the same estimators: the same scores, to the bit."""

import gc
import pickle
import time
import warnings
import weakref
from contextlib import nullcontext
from importlib.util import find_spec

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import (
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    RandomizedSearchCV,
    RepeatedStratifiedKFold,
    ShuffleSplit,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.training import NumpyEpochs
from sknn_scratch.estimators import fit as fit_module
from sknn_scratch.model_selection import MLPGridSearchCV, MLPRandomizedSearchCV
from sknn_scratch.model_selection import plan as plan_module

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`"
)

N = 60
GROUPS = np.arange(N) % 7
ENGINES = ["numpy", "numba"] if find_spec("numba") else ["numpy"]
STEPS = {"learning_rate_init": [0.01, 0.1], "alpha": [0, 0.1]}
# What random candidates are made of
POOL = {
    "alpha": [0, 1e-3, 0.1],
    "l1": [0, 0.01, [0.01, 0.0]],
    "l2": [0, 0.01],
    "weight_decay": [0, 0.01],
    "group_l1": [0, 0.01],
    "max_norm": [None, 1.0],
    "learning_rate": ["constant", "invscaling", "adaptive", "plateau", "cosine", "one_cycle"],
    "learning_rate_init": [0.01, 0.1],
    "warmup_epochs": [0, 1.5],
    "momentum": [0.5, 0.9],
    "nesterovs_momentum": [True, False],
    "restart": [True, False],
    "beta_1": [0.8, 0.9],
    "beta_2": [0.9, 0.999],
    "epsilon": [1e-8, 1e-3],
    "solver": ["sgd", "adam", "gd", "nag", "lbfgs"],
    "max_iter": [2, 5, 7],
    "tol": [1e-4, 0.05],
    "n_iter_no_change": [1, 2, 10],
    "early_stopping": [True, False],
    "early_stopping_on": ["score", "loss"],
    "validation_fraction": [0.2, 0.3],
    "random_state": [0, 1],
    "init": ["glorot_uniform", "he_normal"],
    "batch_size": [7, 15, "auto"],
    "shuffle": [True, False],
    "hidden_layer_sizes": [(3,), [4]],
    "activation": ["relu", "tanh", "gelu"],
    "dropout": [0, 0.3, [0.1, 0.2]],
    "warm_start": [False, True],
}
OF_CLASSIFIERS = {"class_weight": [None, "balanced"], "label_smoothing": [0, 0.1]}


def problem(kind, seed=0):
    """Return X, y and the class of estimator for it."""
    if kind == "regression":
        X, y = make_regression(N, 5, random_state=seed, noise=1)
        return X, y / 50, MLPScratchRegressor
    if kind == "outputs":
        X, y = make_regression(N, 5, n_targets=2, random_state=seed, noise=1)
        return X, y / 50, MLPScratchRegressor
    if kind == "labels":
        return *make_multilabel_classification(N, 5, n_classes=3, random_state=seed), (
            MLPScratchClassifier
        )
    n_classes = 2 if kind == "binary" else 3
    X, y = make_classification(
        N, 5, n_informative=4, n_redundant=0, n_classes=n_classes, random_state=seed
    )
    return X, np.array(["a", "b", "c"])[y] if kind == "strings" else y, MLPScratchClassifier


def network(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": (3,), "max_iter": 5, "random_state": 0} | params)


def results(search, X, y, **fit_params):
    """Return cv_results_, or the exception, and the warnings but for those of convergence."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = search.fit(X, y, **fit_params).cv_results_
        except Exception as error:
            found = error
    return found, {w.category for w in caught if w.category is not ConvergenceWarning}


def assert_same(found, expected):
    """All columns but the times."""
    assert not isinstance(found, Exception), found
    assert list(found) == list(expected)
    for name, column in expected.items():
        if name == "params" or name.startswith("param_"):
            assert repr(list(found[name])) == repr(list(column))
        elif not name.endswith("_time"):
            assert_array_equal(found[name], column, err_msg=name)


class Count:
    """How many networks were trained from the start, and in how many epochs."""

    def __init__(self, monkeypatch):
        self.networks = self.epochs = 0
        for owner, name, counted in (
            (fit_module, "first_parameters", "networks"),
            (NumpyEpochs, "run", "epochs"),
        ):
            monkeypatch.setattr(owner, name, self._counting(getattr(owner, name), counted))

    def _counting(self, function, name):
        def call(*args, continued=False, **others):
            setattr(self, name, getattr(self, name) + (not continued))
            others |= {"continued": continued} if name == "networks" else {}
            return function(*args, **others)

        return call


@pytest.fixture
def count(monkeypatch):
    return Count(monkeypatch)


# The first few are enough for the fast lane
@pytest.mark.parametrize(
    "seed", [*range(5), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 15))]
)
def test_random_grids(seed):
    draw = np.random.RandomState(seed)

    def one_of(values):
        return values[draw.randint(len(values))]

    kind = one_of(["binary", "classes", "strings", "labels", "regression", "outputs"])
    X, y, cls = problem(kind, seed)
    X = X.astype(one_of([np.float64, np.float64, np.float32]))
    pool = POOL | (OF_CLASSIFIERS if cls is MLPScratchClassifier else {})
    names = draw.permutation(list(pool)).tolist()
    estimator = network(cls, **{name: one_of(pool[name]) for name in names[:6]})
    grid, prefix = {name: pool[name] for name in names[6:9]}, ""
    if one_of([False, True]):
        estimator = Pipeline([("scale", StandardScaler()), ("net", estimator)])
        grid, prefix = {f"net__{name}": values for name, values in grid.items()}, "net__"
        if one_of([False, True]):
            grid["scale"] = ["passthrough", MinMaxScaler()]
    fit_params = {"groups": GROUPS}
    if one_of([False, False, True]):
        fit_params[f"{prefix}sample_weight"] = draw.uniform(0, 2, N) * (draw.uniform(size=N) > 0.1)
    options = {
        "cv": one_of([2, KFold(4, shuffle=True, random_state=0), GroupKFold(3), ShuffleSplit(2)]),
        "return_train_score": one_of([False, True]),
        "error_score": one_of([np.nan, 0.0]),
        "refit": False,
    }
    if isinstance(options["cv"], ShuffleSplit):
        options["cv"].random_state = seed
    if one_of([False, True]):
        of_regression, of_classes = ["r2", "neg_mean_squared_error"], ["accuracy", "f1_macro"]
        options["scoring"] = of_classes if cls is MLPScratchClassifier else of_regression
    expected, warned = results(GridSearchCV(estimator, grid, **options), X, y, **fit_params)
    search = MLPGridSearchCV(estimator, grid, **options)
    found, also_warned = results(search, X, y, **fit_params)
    if isinstance(expected, Exception):
        assert type(found) is type(expected)
        return
    assert also_warned == warned
    assert_same(found, expected)


@pytest.mark.parametrize("solver", ["sgd", "adam", "gd", "nag"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_what_differs_in_max_iter_is_trained_once(solver, early_stopping, count):
    """With string labels, stratified and repeated folds; the best model is the same."""
    X, y, _ = problem("strings")
    estimator = network(solver=solver, early_stopping=early_stopping, max_iter=8)
    grid = STEPS | {"max_iter": [6, 3], "random_state": [0, 1]}
    options = {"cv": RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)}
    found = MLPGridSearchCV(estimator, grid, **options).fit(X, y)
    epochs_of_refit = found.best_estimator_.n_iter_
    assert (count.networks, count.epochs) == (8 * 6 + 1, 8 * 6 * 6 + epochs_of_refit)
    expected = GridSearchCV(estimator, grid, **options).fit(X, y)
    assert_same(found.cv_results_, expected.cv_results_)
    assert found.best_params_ == expected.best_params_
    assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
    assert found.score(X, y) == expected.score(X, y)


def names_of(params):
    """Return an id that is the same in all processes, which that of a function is not."""
    return " ".join(f"{k}={v}" if isinstance(v, str) else k for k, v in params.items())


NOT_TO_GO_ON = [
    {"learning_rate": "cosine"},
    {"learning_rate": "one_cycle"},
    {"solver": "lbfgs"},
    {"random_state": None},
    {"random_state": np.random.RandomState(0)},
    {"stop_when": lambda history: False},
    {"verbose": True},
    {"warm_start": "resume"},
]


@pytest.mark.parametrize("params", NOT_TO_GO_ON, ids=names_of)
def test_what_is_not_the_same_network_is_trained_anew(params, count):
    X, y, _ = problem("classes")
    search = MLPGridSearchCV(network(**params), {"max_iter": [2, 4]}, cv=2, refit=False)
    found = search.fit(X, y).cv_results_
    assert count.networks == 4
    if params.get("random_state", 0) is not None:
        assert_same(found, GridSearchCV(**search.get_params(deep=False)).fit(X, y).cv_results_)


def test_scorers_see_the_estimators_that_fit_would_have_left():
    """Weights, curves, everything."""
    X, y, _ = problem("classes")
    seen = []

    def scorer(estimator, X, y):
        assert "fit" not in vars(estimator)
        seen.append(pickle.loads(pickle.dumps(estimator)))
        return {"a": estimator.score(X, y), "b": -estimator.loss_}

    grid = {"alpha": [0, 0.1], "max_iter": [2, 4]}
    estimator = network(solver="sgd", early_stopping=True)
    for cls in (MLPGridSearchCV, GridSearchCV):
        cls(estimator, grid, scoring=scorer, refit="a", cv=2).fit(X, y)
    assert len(seen) == 2 * 8
    # Folds come in their order in both searches, candidates need not
    ours, theirs = (
        sorted(half, key=lambda e: (e.alpha, e.max_iter)) for half in (seen[:8], seen[8:])
    )
    for one, other in zip(ours, theirs, strict=True):
        assert joblib.hash(vars(one)) == joblib.hash(vars(other))


@pytest.mark.slow
def test_random_candidates():
    X, y, _ = problem("classes")
    distributions = POOL | OF_CLASSIFIERS
    options = {"n_iter": 40, "random_state": 0, "cv": 2, "refit": False, "error_score": 0.0}
    searches = [
        cls(network(), distributions, **options)
        for cls in (MLPRandomizedSearchCV, RandomizedSearchCV)
    ]
    (found, _), (expected, _) = (results(search, X, y) for search in searches)
    assert_same(found, expected)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_candidate_that_diverges_harms_no_other(early_stopping):
    X, y, _ = problem("classes")
    estimator = network(solver="sgd", max_iter=30, early_stopping=early_stopping)
    grid = {"learning_rate_init": [0.01, 1e200, 0.1]}
    without = MLPGridSearchCV(estimator, {"learning_rate_init": [0.01, 0.1]}, cv=3).fit(X, y)
    with pytest.warns(FitFailedWarning, match="(?s)3 fits failed out of a total of 9.*diverged"):
        search = MLPGridSearchCV(estimator, grid, cv=3, error_score=-1.0).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] == -1
    assert_array_equal(scores[[0, 2]], without.cv_results_["mean_test_score"])
    with pytest.raises(ValueError, match="diverged"):
        MLPGridSearchCV(estimator, grid, cv=3, error_score="raise").fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_what_has_failed_is_forgotten_at_once(monkeypatch):
    X, y, _ = problem("classes")
    twin, networks = plan_module.twin, []

    def seen(estimator):
        made = twin(estimator)
        networks.append(weakref.ref(made))
        return made

    monkeypatch.setattr(plan_module, "twin", seen)
    gc.disable()
    try:
        MLPGridSearchCV(network(), {"alpha": [0, -1]}, cv=3, refit=False).fit(X, y)
        assert len(networks) >= 6
        assert not any(made() for made in networks)
    finally:
        gc.enable()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_wrong_candidates_and_wrong_samples_fail_as_in_a_fit_by_itself():
    X, y, _ = problem("classes")
    X[3, 2] = np.nan  # in one test part, and so in two training parts
    search = MLPGridSearchCV(network(), {"alpha": [0, -1, 0.1]}, cv=KFold(3), refit=False)
    expected, warned = results(GridSearchCV(**search.get_params(deep=False)), X, y)
    found, also_warned = results(search, X, y)
    assert warned == also_warned
    assert_same(found, expected)
    assert np.isnan(found["split1_test_score"]).all()


class CountingScaler(TransformerMixin, BaseEstimator):
    fits = 0

    def __init__(self, factor=1.0):
        self.factor = factor

    def fit(self, X, y=None):
        CountingScaler.fits += 1
        self.mean_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return (X - self.mean_) * self.factor


def test_transformers_are_fitted_once_for_each_fold_and_setting(monkeypatch):
    monkeypatch.setattr(CountingScaler, "fits", 0)
    X, y, _ = problem("classes")
    pipeline = Pipeline([("scale", CountingScaler()), ("net", network())])
    grid = {"scale__factor": [1.0, 0.1]} | {f"net__{name}": STEPS[name] for name in STEPS}
    search = MLPGridSearchCV(pipeline, grid, cv=3, refit=False)
    found = search.fit(X, y).cv_results_
    assert CountingScaler.fits == 3 * 2
    assert_same(found, GridSearchCV(**search.get_params(deep=False)).fit(X, y).cv_results_)


def test_an_error_of_a_transformer_is_reported_once():
    """Its traceback is the same for all candidates, however often it is raised."""
    X, y, _ = problem("classes")
    pipeline = Pipeline([("scale", CountingScaler("no factor")), ("net", network())])
    search = MLPGridSearchCV(pipeline, {"net__alpha": [0, 0.1, 0.2]}, cv=2)
    with pytest.raises(ValueError, match="6 fits failed with the following error") as error:
        search.fit(X, y)
    assert "in transform" in str(error.value)


class SlowError(ValueError):
    def with_traceback(self, tb):
        super().with_traceback(tb)
        time.sleep(0.02)  # another thread comes as far as this one
        return self


class BrokenScaler(CountingScaler):
    def fit(self, X, y=None):
        raise SlowError("broken")


def test_threads_raise_an_error_that_they_share_one_after_the_other():
    X, y, _ = problem("classes")
    pipeline = Pipeline([("scale", BrokenScaler()), ("net", network())])
    search = MLPGridSearchCV(pipeline, {"net__alpha": [0, 0.1, 0.2]}, cv=2, n_jobs=2)
    with (
        joblib.parallel_config("threading"),
        pytest.raises(ValueError, match="6 fits failed with the following error"),
    ):
        search.fit(X, y)


class Derived(MLPScratchClassifier):
    """Nobody knows what it does."""


@pytest.mark.parametrize(
    ("cls", "most_bytes", "n_arrays"),
    [
        (MLPScratchClassifier, 2**30, 3),
        (MLPScratchClassifier, 3 * N * 5 * 8 - 1, 12),
        (Derived, 2**30, 12),
    ],
)
def test_samples_are_split_once_for_each_fold(cls, most_bytes, n_arrays, monkeypatch):
    """What many networks are given is safe from all of them, and fits into memory."""
    monkeypatch.setattr(plan_module, "BYTES_OF_FEEDS", most_bytes)
    prepare, given = fit_module.prepare, []
    monkeypatch.setattr(
        fit_module, "prepare", lambda *a, **k: given.append(a[1:3]) or prepare(*a, **k)
    )
    X, y, _ = problem("classes")
    search = MLPGridSearchCV(network(cls), STEPS, cv=3, refit=False)
    found = search.fit(X, y).cv_results_
    assert len({id(X_train) for X_train, _ in given}) == n_arrays
    assert {array.flags.writeable for pair in given for array in pair} == {n_arrays > 3}
    assert_same(found, GridSearchCV(**search.get_params(deep=False)).fit(X, y).cv_results_)


@pytest.mark.parametrize("kind", ["lists", "masks", "slices"])
def test_splits_of_the_users_own(kind):
    X, y, _ = problem("classes")
    parts = [np.arange(N) % 3 == k for k in range(3)]
    if kind == "lists":
        parts = [np.flatnonzero(part).tolist() for part in parts]
    splits = [(parts[0], parts[1]), (parts[2], parts[0])]
    if kind == "slices":
        splits = [(slice(0, 40), slice(40, 60))]
    search = MLPGridSearchCV(network(), STEPS, cv=splits, refit=False, return_train_score=True)
    (found, _), (expected, _) = (
        results(each, X, y) for each in (search, GridSearchCV(**search.get_params(deep=False)))
    )
    if kind == "slices":  # scikit-learn takes them for strings
        assert str(found) == str(expected)
    else:
        assert_same(found, expected)


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_candidates_of_all_kinds_in_one_grid(n_jobs):
    """Trainings that go on, networks of both engines and other estimators."""
    X, y, _ = problem("classes")
    pipeline = Pipeline([("scale", StandardScaler()), ("net", network())])
    grid = [
        {"net__alpha": [0, 0.1]},
        {"net__solver": ["lbfgs", "sgd"]},
        {"net__max_iter": [2, 4], "net__engine": ENGINES},
        {"net__stop_when": [lambda history: len(history["loss"]) == 2]},
        {"net__learning_rate": [lambda epoch: 0.1 / (epoch + 1)]},
        {"net": [LogisticRegression(), network(hidden_layer_sizes=())]},
        {"scale": [MinMaxScaler(), "passthrough"], "net__l1": [0.01]},
    ]
    search = MLPGridSearchCV(pipeline, grid, cv=3, refit=False, n_jobs=n_jobs)
    found = search.fit(X, y).cv_results_
    search.n_jobs = 1
    expected = GridSearchCV(**search.get_params(deep=False)).fit(X, y).cv_results_
    assert_array_equal(found["mean_test_score"], expected["mean_test_score"])


def test_sparse_samples_and_a_validation_set():
    X, y, _ = problem("classes")
    sparse = csr_array(X * (np.abs(X) > 1))
    for data, given in ((sparse, {}), (X, {"X_val": X[:9], "y_val": y[:9]})):
        search = MLPGridSearchCV(
            network(early_stopping=bool(given)), STEPS, cv=2, return_train_score=True
        )
        found = search.fit(data, y, **given).cv_results_
        assert_same(
            found, GridSearchCV(**search.get_params(deep=False)).fit(data, y, **given).cv_results_
        )


def test_without_a_seed_each_fit_draws_its_own_weights():
    X, y, _ = problem("classes")
    weights = []

    def scorer(estimator, X, y):
        weights.append(estimator.coefs_[0][0, 0])
        return 0.0

    MLPGridSearchCV(network(random_state=None), STEPS, scoring=scorer, cv=2).fit(X, y)
    assert len(set(weights)) == 8


@pytest.mark.parametrize(
    ("engine", "backend"),
    [
        *((engine, None) for engine in ENGINES if engine != "numpy"),
        ("numpy", "threading"),
        pytest.param("numpy", None, marks=pytest.mark.slow),
    ],
)
def test_how_the_work_is_divided_changes_no_bit(engine, backend):
    X, y, _ = problem("classes")
    estimator = network(solver="sgd", dropout=0.2, engine=engine)
    grid = STEPS | {"max_iter": [3, 5], "hidden_layer_sizes": [(3,), (4,)]}
    pipeline = Pipeline([("scale", StandardScaler()), ("net", estimator)])
    grid = {f"net__{name}": values for name, values in grid.items()}
    scoring = ["neg_log_loss", "accuracy"]
    common = {"cv": 3, "scoring": scoring, "refit": False, "return_train_score": True}
    expected = GridSearchCV(pipeline, grid, **common).fit(X, y).cv_results_
    assert_same(MLPGridSearchCV(pipeline, grid, **common).fit(X, y).cv_results_, expected)
    with joblib.parallel_config(backend=backend) if backend else nullcontext():
        search = MLPGridSearchCV(pipeline, grid, **common, n_jobs=2).fit(X, y)
    assert_same(search.cv_results_, expected)


def test_a_search_that_fails_leaves_the_last_one():
    X, y, _ = problem("classes")
    search = MLPGridSearchCV(network(), STEPS, cv=2).fit(X, y)
    before = vars(search).copy()
    with pytest.raises(ValueError, match="NaN"):
        search.set_params(error_score="raise").fit(X * np.nan, y)
    search.error_score = np.nan
    assert vars(search) == before


def test_times_add_up_to_that_of_the_search():
    X, y, _ = problem("classes")
    search = MLPGridSearchCV(network(max_iter=50), STEPS, cv=2, refit=False)
    start = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - start
    total = 2 * search.cv_results_["mean_fit_time"].sum()
    assert 0.2 * seconds < total < seconds
    assert (search.cv_results_["mean_fit_time"] > 0).all()
