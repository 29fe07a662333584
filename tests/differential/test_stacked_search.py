"""The stacked searches against scikit-learn's on the same estimators."""

import pickle
import time
import warnings

import numpy as np
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
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
from sknn_scratch.model_selection import StackedGridSearchCV, StackedRandomizedSearchCV, jobs

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`"
)

N = 60
GROUPS = np.arange(N) % 7
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


def assert_same(found, expected, atol=1e-9):
    """All columns but the times; ranks where scores are not tied to rounding."""
    assert not isinstance(found, Exception), found
    assert list(found) == list(expected)
    for name, column in expected.items():
        if name == "params" or name.startswith("param_"):
            assert repr(list(found[name])) == repr(list(column))
        elif name.startswith("rank_"):
            scores = np.nan_to_num(expected[name.replace("rank", "mean")], nan=-1e300)
            first, best = np.argmin(found[name]), scores.max()
            assert scores[first] >= best - abs(best) * 1e-9 - atol
        elif not name.endswith("_time"):
            assert_allclose(found[name], column, rtol=0, atol=atol, err_msg=name)


class Count:
    """How many fits were trained in stacks, and how many alone."""

    def __init__(self, monkeypatch):
        self.stacked = self.alone = 0
        for name in ("_train_stack", "_train_alone"):
            monkeypatch.setattr(jobs, name, self._counting(getattr(jobs, name)))

    def _counting(self, function):
        def call(*args):
            trained = function(*args)
            if isinstance(trained, dict):
                self.stacked += len(trained)
            else:
                self.alone += 1
            return trained

        return call


@pytest.fixture
def count(monkeypatch):
    return Count(monkeypatch)


# The first few are enough for the fast lane
@pytest.mark.parametrize(
    "seed", [*range(5), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 25))]
)
def test_random_grids(seed, count):
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
    search = StackedGridSearchCV(estimator, grid, **options, stack_memory=one_of([4, 0.05]))
    found, also_warned = results(search, X, y, **fit_params)
    if isinstance(expected, Exception):
        assert type(found) is type(expected)
        return
    assert also_warned == warned
    assert_same(found, expected, atol=1e-9 if X.dtype == np.float64 else 1e-4)
    assert count.stacked + count.alone == len(expected["params"]) * search.n_splits_


@pytest.mark.parametrize("solver", ["sgd", "adam", "gd", "nag"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_all_is_trained_in_stacks(solver, early_stopping, count):
    """With string labels, stratified and repeated folds; the best model is the same."""
    X, y, _ = problem("strings")
    estimator = network(solver=solver, early_stopping=early_stopping, max_iter=8)
    grid = STEPS | {"max_iter": [3, 6], "random_state": [0, 1]}
    options = {"cv": RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)}
    found = StackedGridSearchCV(estimator, grid, **options).fit(X, y)
    assert (count.stacked, count.alone) == (16 * 6, 0)
    expected = GridSearchCV(estimator, grid, **options).fit(X, y)
    assert_same(found.cv_results_, expected.cv_results_)
    assert found.best_params_ == expected.best_params_
    assert_array_equal(found.predict_proba(X), expected.predict_proba(X))
    assert found.score(X, y) == expected.score(X, y)


def test_scorers_see_the_estimators_that_fit_would_have_left():
    """Weights, curves, everything but times and the optimiser, which a stack does not keep."""
    X, y, _ = problem("classes")
    seen = []

    def scorer(estimator, X, y):
        assert "fit" not in vars(estimator)
        seen.append(pickle.loads(pickle.dumps(estimator)))
        return {"a": estimator.score(X, y), "b": -estimator.loss_}

    grid = {"alpha": [0, 0.1], "max_iter": [2, 4]}
    estimator = network(solver="sgd", early_stopping=True)
    for cls in (StackedGridSearchCV, GridSearchCV):
        cls(estimator, grid, scoring=scorer, refit="a", cv=2).fit(X, y)
    assert len(seen) == 2 * 8
    # Folds come in their order in both searches, candidates need not
    stacked, alone = (
        sorted(half, key=lambda e: (e.alpha, e.max_iter)) for half in (seen[:8], seen[8:])
    )
    for one, other in zip(stacked, alone, strict=True):
        assert set(vars(other)) - set(vars(one)) == {"_optimizer"}
        for name, value in vars(other).items():
            if name == "history_":
                for key in value:
                    assert_allclose(one.history_[key], value[key], rtol=1e-10, err_msg=key)
            elif name in ("coefs_", "intercepts_"):
                for found, expected in zip(vars(one)[name], value, strict=True):
                    assert_allclose(found, expected, rtol=1e-10, atol=1e-14)
            elif name not in ("_optimizer", "_label_binarizer"):
                assert repr(vars(one)[name])[:8] == repr(value)[:8], name


def test_random_candidates():
    X, y, _ = problem("classes")
    distributions = POOL | OF_CLASSIFIERS
    options = {"n_iter": 40, "random_state": 0, "cv": 2, "refit": False, "error_score": 0.0}
    searches = [
        cls(network(), distributions, **options)
        for cls in (StackedRandomizedSearchCV, RandomizedSearchCV)
    ]
    (found, _), (expected, _) = (results(search, X, y) for search in searches)
    assert_same(found, expected)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_candidate_that_diverges_harms_no_other(early_stopping, count):
    X, y, _ = problem("classes")
    estimator = network(solver="sgd", max_iter=30, early_stopping=early_stopping)
    grid = {"learning_rate_init": [0.01, 1e200, 0.1]}
    without = StackedGridSearchCV(estimator, {"learning_rate_init": [0.01, 0.1]}, cv=3).fit(X, y)
    with pytest.warns(FitFailedWarning, match="(?s)3 fits failed out of a total of 9.*diverged"):
        search = StackedGridSearchCV(estimator, grid, cv=3, error_score=-1.0).fit(X, y)
    assert count.alone == 0
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] == -1
    assert_array_equal(scores[[0, 2]], without.cv_results_["mean_test_score"])
    with pytest.raises(ValueError, match="diverged"):
        StackedGridSearchCV(estimator, grid, cv=3, error_score="raise").fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_wrong_candidates_and_wrong_samples_fail_as_in_a_fit_by_itself(count):
    X, y, _ = problem("classes")
    X[3, 2] = np.nan  # in one test part, and so in two training parts
    search = StackedGridSearchCV(network(), {"alpha": [0, -1, 0.1]}, cv=KFold(3), refit=False)
    expected, warned = results(GridSearchCV(**search_params(search)), X, y)
    found, also_warned = results(search, X, y)
    assert warned == also_warned
    assert_same(found, expected)
    assert np.isnan(found["split1_test_score"]).all()


def raises(error):
    def method(*args, **kwargs):
        raise error

    return method


DEFECTS = [
    (jobs.Stack, "__init__", ValueError("operands could not be broadcast")),
    (jobs.Stack, "_end_epoch", IndexError("index 3 is out of bounds")),
    (jobs.Stack, "_compact", AttributeError("no attribute 'shape'")),
    (jobs.Samples, "of", KeyError("alpha")),
]
DEFECT_IDS = [method for _, method, _ in DEFECTS]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(("owner", "method", "error"), DEFECTS, ids=DEFECT_IDS)
def test_a_defect_of_the_stack_is_named_once(owner, method, error, n_jobs, monkeypatch, count):
    X, y, _ = problem("classes")
    grid = {"hidden_layer_sizes": [(3,), (4,)], "alpha": [0, 0.1]}
    search = StackedGridSearchCV(network(), grid, cv=3, refit=False, n_jobs=n_jobs)
    expected = search.fit(X, y).cv_results_
    assert count.alone == 0
    monkeypatch.setattr(owner, method, raises(error))
    with (
        parallel_config(backend="threading"),  # whose workers have the defect too
        pytest.warns(RuntimeWarning) as caught,
    ):
        search.fit(X, y)
    (warning,) = [w for w in caught if w.category is not ConvergenceWarning]
    text = str(warning.message)
    assert f"first with {type(error).__name__}: {error} (test_stacked_search.py, line" in text
    assert "trained one by one" in text
    assert "report" in text
    assert warning.filename == __file__
    assert count.alone == 12
    assert_same(search.cv_results_, expected)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
@pytest.mark.parametrize(("owner", "method", "error"), DEFECTS, ids=DEFECT_IDS)
def test_an_error_that_fit_has_too_is_that_of_the_fit(owner, method, error, monkeypatch):
    """As where the data are wrong: the search names it, and nobody speaks of a defect."""
    X, y, _ = problem("classes")
    search = StackedGridSearchCV(network(), {"alpha": [0, 0.1]}, cv=3, refit=False)
    monkeypatch.setattr(owner, method, raises(error))
    fit = MLPScratchClassifier.fit

    def fails_for_one_candidate(self, *args, **kwargs):
        return raises(error)() if self.alpha else fit(self, *args, **kwargs)

    monkeypatch.setattr(MLPScratchClassifier, "fit", fails_for_one_candidate)
    with pytest.warns(FitFailedWarning) as caught:
        search.fit(X, y)
    assert not [w for w in caught if w.category is RuntimeWarning]
    assert_array_equal(np.isnan(search.cv_results_["mean_test_score"]), [False, True])


def search_params(search):
    params = search.get_params(deep=False)
    del params["stack_memory"]
    return params


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


def test_transformers_are_fitted_once_for_each_fold_and_setting(monkeypatch, count):
    monkeypatch.setattr(CountingScaler, "fits", 0)
    X, y, _ = problem("classes")
    pipeline = Pipeline([("scale", CountingScaler()), ("net", network())])
    grid = {"scale__factor": [1.0, 0.1]} | {f"net__{name}": STEPS[name] for name in STEPS}
    search = StackedGridSearchCV(pipeline, grid, cv=3, refit=False)
    found = search.fit(X, y).cv_results_
    assert CountingScaler.fits == 3 * 2
    assert (count.stacked, count.alone) == (8 * 3, 0)
    assert_same(found, GridSearchCV(**search_params(search)).fit(X, y).cv_results_)


def test_candidates_of_all_kinds_in_one_grid(count):
    """Stacks, networks alone and other estimators."""
    X, y, _ = problem("classes")
    pipeline = Pipeline([("scale", StandardScaler()), ("net", network())])
    grid = [
        {"net__alpha": [0, 0.1]},
        {"net__solver": ["lbfgs", "sgd"]},
        {"net__stop_when": [lambda history: len(history["loss"]) == 2]},
        {"net__learning_rate": [lambda epoch: 0.1 / (epoch + 1)]},
        {"net": [LogisticRegression(), network(hidden_layer_sizes=())]},
        {"scale": [MinMaxScaler(), "passthrough"], "net__l1": [0.01]},
    ]
    search = StackedGridSearchCV(pipeline, grid, cv=3, refit=False)
    found = search.fit(X, y).cv_results_
    assert count.alone == 2 * 3  # lbfgs and stop_when; LogisticRegression is scikit-learn's affair
    assert count.stacked == 7 * 3
    expected = GridSearchCV(**search_params(search)).fit(X, y).cv_results_
    for name in ("mean_test_score", "split0_test_score", "split2_test_score"):
        assert_allclose(found[name], expected[name], rtol=0, atol=1e-12)


def test_sparse_samples_and_a_validation_set():
    X, y, _ = problem("classes")
    sparse = csr_array(X * (np.abs(X) > 1))
    for data, given in ((sparse, {}), (X, {"X_val": X[:9], "y_val": y[:9]})):
        search = StackedGridSearchCV(
            network(early_stopping=bool(given)), STEPS, cv=2, return_train_score=True
        )
        found = search.fit(data, y, **given).cv_results_
        assert_same(found, GridSearchCV(**search_params(search)).fit(data, y, **given).cv_results_)


def test_without_a_seed_each_fit_draws_its_own_weights(count):
    X, y, _ = problem("classes")
    weights = []

    def scorer(estimator, X, y):
        weights.append(estimator.coefs_[0][0, 0])
        return 0.0

    StackedGridSearchCV(network(random_state=None), STEPS, scoring=scorer, cv=2).fit(X, y)
    assert (count.stacked, len(set(weights))) == (8, 8)


@pytest.mark.parametrize(
    "options",
    [
        {"stack_memory": 0},
        {"stack_memory": 0.02},
        pytest.param({"n_jobs": 2}, marks=pytest.mark.slow),
        pytest.param({"n_jobs": 2, "stack_memory": 0.02}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_how_the_work_is_divided_changes_no_bit(options):
    X, y, _ = problem("classes")
    grid = STEPS | {"max_iter": [3, 5], "hidden_layer_sizes": [(3,), (4,)]}
    pipeline = Pipeline([("scale", StandardScaler()), ("net", network(solver="sgd", dropout=0.2))])
    grid = {f"net__{name}": values for name, values in grid.items()}
    scoring = ["neg_log_loss", "accuracy"]
    common = {"cv": 3, "scoring": scoring, "refit": False, "return_train_score": True}
    expected = StackedGridSearchCV(pipeline, grid, **common).fit(X, y).cv_results_
    found = StackedGridSearchCV(pipeline, grid, **common, **options).fit(X, y).cv_results_
    for name in expected:
        if name.endswith("_score") or "split" in name:
            assert_array_equal(found[name], expected[name])


def test_a_search_that_fails_leaves_the_last_one():
    X, y, _ = problem("classes")
    search = StackedGridSearchCV(network(), STEPS, cv=2).fit(X, y)
    before = vars(search).copy()
    with pytest.raises(ValueError, match="NaN"):
        search.set_params(error_score="raise").fit(X * np.nan, y)
    search.error_score = np.nan
    assert vars(search) == before


def test_times_add_up_to_that_of_the_search():
    X, y, _ = problem("classes")
    search = StackedGridSearchCV(network(max_iter=50), STEPS, cv=2, refit=False)
    start = time.perf_counter()
    search.fit(X, y)
    seconds = time.perf_counter() - start
    total = 2 * search.cv_results_["mean_fit_time"].sum()
    assert 0.2 * seconds < total < seconds
    assert (search.cv_results_["mean_fit_time"] > 0).all()


def test_stack_memory_is_checked():
    X, y, _ = problem("classes")
    with pytest.raises(ValueError, match="stack_memory"):
        StackedGridSearchCV(network(), STEPS, stack_memory=-1).fit(X, y)
