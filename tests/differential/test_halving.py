"""Our halving searches against scikit-learn's on the same estimators: the same, to the bit."""

import gc
import re
import weakref
from contextlib import nullcontext

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import loguniform
from sklearn.callback import ProgressBar
from sklearn.callback._callback_context import get_context_path
from sklearn.callback.tests._utils import RecordingAutoPropagatedCallback, RecordingCallback
from sklearn.exceptions import FitFailedWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    ShuffleSplit,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.model_selection import (
    MLPHalvingGridSearchCV,
    MLPHalvingRandomSearchCV,
    rounds,
)

from .test_search import (
    ENGINES,
    GROUPS,
    NOT_TO_GO_ON,
    OF_CLASSIFIERS,
    POOL,
    Count,
    CountingScaler,
    N,
    assert_same,
    names_of,
    network,
    problem,
    results,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Got `batch_size`"
)

PAIRS = {
    MLPHalvingGridSearchCV: HalvingGridSearchCV,
    MLPHalvingRandomSearchCV: HalvingRandomSearchCV,
}
OF_ROUNDS = [
    "n_resources_",
    "n_candidates_",
    "n_remaining_candidates_",
    "max_resources_",
    "min_resources_",
    "n_iterations_",
    "n_possible_iterations_",
    "n_required_iterations_",
]
# Nine candidates, three and one
GRID = {"learning_rate_init": [0.01, 0.03, 0.1], "alpha": [0, 0.1, 1.0]}
EPOCHS = {"resource": "max_iter", "max_resources": 9}


@pytest.fixture
def count(monkeypatch):
    return Count(monkeypatch)


def sklearns(search):
    """Return scikit-learn's search of the same parameters."""
    return PAIRS[type(search)](**search.get_params(deep=False))


def assert_as_sklearns(search, X, y, **fit_params):
    """Fit both, and compare all that does not depend on the clock; return ours."""
    theirs = sklearns(search)
    expected, warned = results(theirs, X, y, **fit_params)
    found, also_warned = results(search, X, y, **fit_params)
    assert also_warned == warned
    if isinstance(expected, Exception):
        assert type(found) is type(expected)
        # What follows there are tracebacks
        text, others = (str(error).partition("Below are")[0] for error in (found, expected))
        assert text.replace("MLPHalving", "Halving") == others
        return search
    assert_same(found, expected)
    for name in [*OF_ROUNDS, "best_index_", "best_score_", "n_splits_", "multimetric_"]:
        assert_array_equal(getattr(search, name), getattr(theirs, name), err_msg=name)
    assert repr(search.best_params_) == repr(theirs.best_params_)
    if search.refit:
        assert_array_equal(search.predict(X), theirs.predict(X))
    return search


# The first few are enough for the fast lane
@pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(8, 30))]
)
def test_random_searches(seed):
    draw = np.random.RandomState(seed)

    def one_of(values):
        return values[draw.randint(len(values))]

    kind = one_of(["binary", "classes", "strings", "labels", "regression", "outputs"])
    X, y, cls = problem(kind, seed)
    pool = POOL | (OF_CLASSIFIERS if cls is MLPScratchClassifier else {})
    resource = one_of(["max_iter", "max_iter", "max_iter", "n_samples", "n_iter_no_change"])
    names = [name for name in draw.permutation(list(pool)) if name != resource]
    estimator = network(cls, **{name: one_of(pool[name]) for name in names[:6]})
    grid, prefix = {name: pool[name][-2:] for name in names[6:9]}, ""
    if one_of([False, True]):
        estimator = Pipeline([("scale", StandardScaler()), ("net", estimator)])
        grid, prefix = {f"net__{name}": values for name, values in grid.items()}, "net__"
        if one_of([False, True]):
            grid["scale"] = ["passthrough", MinMaxScaler()]
    fit_params = {"groups": GROUPS}
    if one_of([False, False, True]):
        fit_params[f"{prefix}sample_weight"] = draw.uniform(0, 2, N) * (draw.uniform(size=N) > 0.1)
    options = {
        "cv": one_of([2, KFold(3, shuffle=True, random_state=0), GroupKFold(2)]),
        "factor": one_of([2, 3, 2.5]),
        "aggressive_elimination": one_of([False, True]),
        "error_score": one_of([np.nan, 0.0]),
        "return_train_score": one_of([False, True]),
        "random_state": seed,
        "refit": one_of([False, True]),
    }
    if resource != "n_samples":
        options |= {"resource": prefix + resource, "max_resources": one_of([4, 7])}
        options["min_resources"] = one_of(["smallest", 1, 2])
    if one_of([False, True]):
        of_regression, of_classes = ["r2", "max_error"], ["accuracy", "f1_macro"]
        options["scoring"] = one_of(of_classes if cls is MLPScratchClassifier else of_regression)
    search = MLPHalvingGridSearchCV(estimator, grid, **options)
    if one_of([False, True]):
        search = MLPHalvingRandomSearchCV(estimator, grid, n_candidates=one_of([4, 7]), **options)
    assert_as_sklearns(search, X, y, **fit_params)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "gd", "nag"])
def test_survivors_train_on(solver, early_stopping, count):
    """A search costs the epochs that it shows: 9 of 1, 3 of 2 more, and 1 of 6 more."""
    X, y, _ = problem("strings")
    estimator = network(solver=solver, early_stopping=early_stopping)
    search = MLPHalvingGridSearchCV(estimator, GRID, cv=2, refit=False, **EPOCHS).fit(X, y)
    assert search.n_candidates_ == [9, 3, 1]
    assert (count.networks, count.epochs) == (9 * 2, (9 * 1 + 3 * 2 + 1 * 6) * 2)
    assert_as_sklearns(search, X, y)


def test_random_candidates_from_a_distribution(count):
    X, y, _ = problem("classes")
    grid = {"alpha": loguniform(1e-4, 1), "learning_rate_init": [0.01, 0.1]}
    search = MLPHalvingRandomSearchCV(network(), grid, cv=2, refit=False, random_state=0, **EPOCHS)
    search.fit(X, y)
    assert search.n_candidates_ == [9, 3, 1]
    assert (count.networks, count.epochs) == (18, 42)
    assert_as_sklearns(search, X, y)


def test_rounds_that_repeat_the_first_cost_nothing(count):
    """Aggressive elimination scores the same networks again."""
    X, y, _ = problem("classes")
    options = EPOCHS | {"max_resources": 3, "min_resources": 1, "aggressive_elimination": True}
    search = MLPHalvingGridSearchCV(network(), GRID, cv=2, refit=False, **options).fit(X, y)
    assert search.n_resources_ == [1, 1, 3]
    assert (count.networks, count.epochs) == (18, (9 + 2) * 2)
    assert_as_sklearns(search, X, y)


def test_a_network_that_has_ended_early_stays_so(count):
    X, y, _ = problem("classes")
    estimator = network(tol=1.0, n_iter_no_change=1)  # ends after its third epoch
    search = MLPHalvingGridSearchCV(estimator, GRID, cv=2, refit=False, **EPOCHS).fit(X, y)
    assert count.epochs == (9 * 1 + 3 * 2) * 2
    assert_as_sklearns(search, X, y)


@pytest.mark.parametrize("params", NOT_TO_GO_ON, ids=names_of)
def test_what_is_not_the_same_network_is_trained_anew(params, count):
    X, y, _ = problem("classes")
    search = MLPHalvingGridSearchCV(network(**params), GRID, cv=2, refit=False, **EPOCHS).fit(X, y)
    assert count.networks == (9 + 3 + 1) * 2
    if params.get("random_state", 0) is not None and params.get("warm_start") is None:
        assert_as_sklearns(search, X, y)


@pytest.mark.parametrize("resource", ["n_samples", "n_iter_no_change"])
def test_other_resources(resource, count):
    X, y, _ = problem("classes")
    most = {} if resource == "n_samples" else {"max_resources": 9}
    grid = {"alpha": [0, 0.1, 1.0], "max_iter": [2, 4]}  # one network for both, in each round
    search = MLPHalvingGridSearchCV(network(), grid, resource=resource, cv=2, refit=False, **most)
    search.set_params(random_state=0).fit(X, y)
    assert search.n_candidates_ == [6, 2]
    assert 6 + 2 <= count.networks <= 6 + 4
    assert_as_sklearns(search, X, y)


def pipeline(scaler=None, **params):
    return Pipeline([("scale", scaler or StandardScaler()), ("net", network(**params))])


def of_net(grid):
    return {f"net__{name}": values for name, values in grid.items()}


def test_transformers_are_fitted_once_for_all_rounds(monkeypatch, count):
    monkeypatch.setattr(CountingScaler, "fits", 0)
    X, y, _ = problem("classes")
    grid = {"scale__factor": [1.0, 0.1, 10.0], "net__alpha": [0, 0.1, 1.0]}
    options = EPOCHS | {"resource": "net__max_iter"}
    search = MLPHalvingGridSearchCV(pipeline(CountingScaler()), grid, cv=2, refit=False, **options)
    search.fit(X, y)
    assert CountingScaler.fits == 3 * 2
    assert (count.networks, count.epochs) == (18, 42)
    # Also those that no other candidate uses
    search.set_params(param_grid={"scale__factor": [1.0, 0.1, 10.0]}).fit(X, y)
    assert CountingScaler.fits == 3 * 2 * 2
    assert count.networks == 18 + 6
    assert_as_sklearns(search, X, y)
    monkeypatch.setattr(CountingScaler, "fits", 0)
    search.set_params(resource="n_samples", max_resources="auto", random_state=0).fit(X, y)
    assert CountingScaler.fits == 2 * sum(search.n_candidates_)
    assert_as_sklearns(search, X, y)


def test_candidates_of_all_kinds_in_one_grid():
    """Networks that go on, networks that do not, and other estimators."""
    X, y, _ = problem("classes")
    grid = [
        {"net__alpha": [0, 0.1], "net__engine": ENGINES},
        {"net__solver": ["lbfgs", "sgd"]},
        {"net__learning_rate": ["cosine"]},
        {"net": [LogisticRegression(), network(hidden_layer_sizes=())]},
        {"scale": [MinMaxScaler(), "passthrough"], "net__l1": [0.01]},
    ]
    options = EPOCHS | {"resource": "net__max_iter"}
    assert_as_sklearns(MLPHalvingGridSearchCV(pipeline(), grid, cv=2, **options), X, y)


def test_weights_and_a_validation_set():
    X, y, _ = problem("classes")
    given = {"X_val": X[:9], "y_val": y[:9], "sample_weight": 1.0 + GROUPS}
    search = MLPHalvingGridSearchCV(network(early_stopping=True), GRID, cv=2, **EPOCHS)
    assert_as_sklearns(search, X, y, **given)


class Restless(KFold):
    """Other folds in each call, and nothing that says so."""

    def __init__(self):
        super().__init__(2)
        self.calls = 0

    def split(self, X, y=None, groups=None):
        self.calls += 1
        yield from KFold(2, shuffle=True, random_state=self.calls).split(X)


def test_no_network_goes_on_with_other_samples(count):
    X, y, _ = problem("classes")
    searches = [
        cls(network(), GRID, cv=Restless(), refit=False, **EPOCHS)
        for cls in (MLPHalvingGridSearchCV, HalvingGridSearchCV)
    ]
    found = searches[0].fit(X, y).cv_results_
    assert count.networks == (9 + 3 + 1) * 2
    assert_same(found, searches[1].fit(X, y).cv_results_)


# Memory


@pytest.mark.slow
def test_networks_of_candidates_that_were_dropped_are_forgotten(monkeypatch):
    """After the last round all are, and so are the samples of the pipelines."""
    X, y, _ = problem("classes")
    alive, kept = weakref.WeakSet(), []
    begin, keep = rounds.Rounds.begin, rounds.Rounds.keep
    refit = MLPHalvingGridSearchCV._refit

    def kept_network(self, job, begun):
        alive.update([begun] * (begun is not None))
        keep(self, job, begun)

    def begun_round(self, fits, **of_round):
        begin(self, fits, **of_round)
        gc.collect()
        kept.append((len(fits), len(alive), len(self.feeds)))
        kept_rounds.append(self)

    def refitted(self, *args):
        gc.collect()
        kept.append((1, len(alive), len(kept_rounds[0].feeds)))
        refit(self, *args)

    kept_rounds = []
    monkeypatch.setattr(rounds.Rounds, "keep", kept_network)
    monkeypatch.setattr(rounds.Rounds, "begin", begun_round)
    monkeypatch.setattr(MLPHalvingGridSearchCV, "_refit", refitted)
    options = EPOCHS | {"resource": "net__max_iter"}
    MLPHalvingGridSearchCV(pipeline(), of_net(GRID), cv=2, **options).fit(X, y)
    assert kept == [(18, 0, 0), (6, 6, 2), (2, 2, 2), (1, 0, 0)]
    gc.collect()
    assert not alive


def test_networks_that_take_too_much_memory_are_trained_anew(monkeypatch, count):
    X, y, _ = problem("classes")
    n_bytes = 7 * 8 * (5 * 3 + 3 * 3) + 8 * 30  # of a network 5-3-3 and the order of 30 samples
    monkeypatch.setattr(rounds, "_BYTES_OF_NETWORKS", 6 * n_bytes)
    search = MLPHalvingGridSearchCV(network(), GRID, cv=2, refit=False, **EPOCHS).fit(X, y)
    assert count.networks == (9 + 3) * 2  # none is kept in the first round, all six in the second
    assert_as_sklearns(search, X, y)


# Where the networks train


@pytest.mark.parametrize(
    ("engine", "backend"),
    [
        *((engine, {}) for engine in ENGINES if engine != "numpy"),
        ("numpy", {"backend": "threading"}),
        # Begun networks then reach the processes as files that must not be written to
        pytest.param("numpy", {"backend": "loky", "max_nbytes": 1}, marks=pytest.mark.slow),
    ],
)
def test_how_the_work_is_divided_changes_no_bit(engine, backend):
    X, y, _ = problem("classes")
    grid = of_net(GRID | {"dropout": [0.2]})
    options = EPOCHS | {"resource": "net__max_iter", "cv": 2, "scoring": "neg_log_loss"}
    search = MLPHalvingGridSearchCV(
        pipeline(engine=engine, early_stopping=True), grid, n_jobs=2, **options
    )
    expected = sklearns(search).set_params(n_jobs=1).fit(X, y).cv_results_
    with joblib.parallel_config(**backend) if backend else nullcontext():
        found = search.fit(X, y).cv_results_
    assert_same(found, expected)


# Callbacks


def told(callback):
    """Return what a callback was told: the hook, and the tasks from the fit of the search on."""
    hooks = []
    for entry in callback.record:
        path = [(task.task_name, task.task_id) for task in get_context_path(entry["context"])]
        hooks.append((entry["name"], path))
    return sorted(hooks)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_callbacks_of_the_search_alone_cost_no_epoch(n_jobs, count):
    """They are told of the same tasks as by scikit-learn's."""
    X, y, _ = problem("classes")
    options = EPOCHS | {"resource": "net__max_iter", "n_jobs": n_jobs, "cv": 2, "refit": False}
    search = MLPHalvingGridSearchCV(pipeline(), of_net(GRID), **options)
    theirs = sklearns(search).set_params(n_jobs=1)
    callback, their_callback = RecordingCallback(), RecordingCallback()
    with joblib.parallel_config(backend="threading"):
        found = search.set_callbacks(callback).fit(X, y).cv_results_
    assert (count.networks, count.epochs) == (18, 42)
    assert_same(found, theirs.set_callbacks(their_callback).fit(X, y).cv_results_)
    assert told(callback) == told(their_callback)
    assert len(callback.record) == 2 * (26 + 3 + 2) + 2


def test_callbacks_that_reach_the_networks_see_every_epoch(count):
    """Each network then trains from the start, as in scikit-learn's."""
    X, y, _ = problem("classes")
    callback = RecordingAutoPropagatedCallback()
    search = MLPHalvingGridSearchCV(network(), GRID, cv=2, refit=False, **EPOCHS)
    search.set_callbacks(callback).fit(X, y)
    assert (count.networks, count.epochs) == (26, (9 * 1 + 3 * 3 + 1 * 9) * 2)
    epochs = [path for hook, path in told(callback) if hook == "on_fit_task_end" and len(path) == 5]
    assert len(epochs) == count.epochs


def test_bars_of_the_rounds(count, capsys, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setattr("rich._console", None)  # another test may have had one made, of 80 columns
    monkeypatch.setenv("COLUMNS", "200")
    X, y, _ = problem("classes")
    search = MLPHalvingGridSearchCV(network(), GRID, cv=2, refit=False, **EPOCHS)
    search.set_callbacks(ProgressBar(max_propagation_depth=0)).fit(X, y)
    assert count.networks == 18
    lines = capsys.readouterr().out.splitlines()
    bars = [line for line in lines if "MLPHalvingGridSearchCV - halving-iteration" in line]
    assert len(bars) == 3
    assert all("100%" in bar for bar in bars)


# Failure


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_candidate_that_diverges_harms_no_other(early_stopping):
    X, y, _ = problem("classes")
    estimator = network(solver="sgd", early_stopping=early_stopping)
    grid = {"learning_rate_init": [0.01, 1e200, 0.1], "alpha": [0, 0.1]}
    options = EPOCHS | {"max_resources": 8, "factor": 2, "cv": 2}
    search = assert_as_sklearns(MLPHalvingGridSearchCV(estimator, grid, **options), X, y)
    assert np.isnan(search.cv_results_["mean_test_score"]).any()
    with pytest.raises(ValueError, match="diverged"):
        search.set_params(error_score="raise").fit(X, y)


def explosive(n_epochs):
    return 0.01 if n_epochs < 4 else 1e200


def test_a_survivor_that_diverges_on_its_way():
    X, y, cls = problem("regression")
    estimator = network(cls, solver="sgd", activation="identity", batch_size=10)
    grid = {"learning_rate": [explosive, "constant"]}
    options = EPOCHS | {"min_resources": 4, "factor": 1.5, "cv": 2, "error_score": -9.0}
    with pytest.warns(FitFailedWarning):
        search = MLPHalvingGridSearchCV(estimator, grid, **options).fit(X, y)
    assert search.n_resources_ == [4, 6]
    assert list(search.cv_results_["mean_test_score"] == -9).count(True) == 1
    assert_as_sklearns(search, X, y)


def test_all_candidates_fail():
    X, y, _ = problem("classes")
    search = MLPHalvingGridSearchCV(network(alpha=-1), {"tol": [0, 1]}, cv=2, **EPOCHS)
    with pytest.raises(ValueError, match="All the 4 fits failed"):
        search.fit(X, y)


@pytest.mark.parametrize("n_epochs", [1, 22])
def test_ctrl_c_leaves_the_last_search(n_epochs, monkeypatch):
    X, y, _ = problem("classes")
    search = MLPHalvingGridSearchCV(network(), GRID, cv=2, **EPOCHS).fit(X, y)
    before = vars(search).copy()
    count = Count(monkeypatch)
    scorer = get_scorer("accuracy")

    def interrupted(estimator, X, y):
        if count.epochs >= n_epochs:
            raise KeyboardInterrupt
        return scorer(estimator, X, y)

    search.scoring = interrupted
    with pytest.raises(KeyboardInterrupt):
        search.fit(X, y)
    search.scoring = None
    assert vars(search) == before


BAD = {
    "no such resource": {"resource": "epochs"},
    "part of the grid": EPOCHS | {"resource": "alpha"},
    "less than least": EPOCHS | {"min_resources": 10},
    "folds that change": EPOCHS | {"cv": ShuffleSplit(2)},
    "several metrics": EPOCHS | {"scoring": ["accuracy", "f1"]},
    "factor": EPOCHS | {"factor": 0},
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_parameters_fail_as_scikit_learns_do(name):
    X, y, _ = problem("classes")
    search = MLPHalvingGridSearchCV(network(), GRID, **BAD[name])
    assert isinstance(results(search, X, y)[0], ValueError)
    assert_as_sklearns(search, X, y)


@pytest.mark.parametrize(
    ("resource", "remedy"),
    [
        ("max_iter", "set max_resources to the largest number of epochs of a candidate.* own is 5"),
        ("n_iter_no_change", "set max_resources to the largest n_iter_no_change.* own is 10"),
    ],
)
def test_the_most_must_be_given(resource, remedy):
    """The error begins with scikit-learn's, and says what to do."""
    X, y, _ = problem("classes")
    search = MLPHalvingGridSearchCV(network(), GRID, resource=resource)
    for each in (search, sklearns(search)):
        with pytest.raises(ValueError, match="resource can only be 'n_samples' when max_res") as e:
            each.fit(X, y)
        assert bool(re.search(remedy, str(e.value))) == (each is search)


@pytest.mark.parametrize("factor", [1, 0.5])
def test_a_factor_that_drops_no_candidate_is_refused(factor):
    X, y, _ = problem("classes")
    search = MLPHalvingGridSearchCV(network(), GRID, **EPOCHS | {"factor": factor})
    with pytest.raises(ValueError, match=f"factor must be above 1, got {factor}: .* Use 2 or 3"):
        search.fit(X, y)


def test_a_scorer_of_several_numbers_is_refused():
    X, y, _ = problem("classes")
    search = MLPHalvingGridSearchCV(network(), GRID, cv=2, **EPOCHS)
    search.set_params(scoring=lambda estimator, X, y: {"b": 1.0, "a": 0.0})
    with pytest.raises(ValueError, match=r"scoring must return one number.*several: \['a', 'b'\]"):
        search.fit(X, y)
