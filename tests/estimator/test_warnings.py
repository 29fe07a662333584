"""Warnings point at the user's own line, whatever lies between it and the package."""

import pickle
import warnings
from importlib.util import find_spec

import joblib
import pytest
from sklearn.callback import ProgressBar
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor, model_files
from sknn_scratch._warnings import warn
from sknn_scratch.ensemble import MLPBaggingClassifier, MLPBaggingRegressor
from sknn_scratch.estimators import state as state_module
from sknn_scratch.exceptions import LargePenaltyWarning, ModelVersionWarning, UnscaledDataWarning
from sknn_scratch.model_selection import MLPGridSearchCV
from sknn_scratch.tabular import PiecewiseLinearEncoder, tabular_classifier

X, Y = load_iris(return_X_y=True)
LARGE = {"alpha": 1000}
PIPELINE = make_pipeline(StandardScaler(), MLPScratchClassifier((4,), max_iter=2, random_state=0))
GRID = {"mlpscratchclassifier__alpha": [0, 1000]}
COMPILED = MLPScratchClassifier((4,), max_iter=2, random_state=0, engine="numba")


def network(cls=MLPScratchClassifier, max_iter=2, **parameters):
    return cls(hidden_layer_sizes=(4,), max_iter=max_iter, random_state=0, **parameters)


def interrupted(epoch):
    def stop_when(history):
        if len(history["loss"]) == epoch:
            raise KeyboardInterrupt
        return False

    return stop_when


# By what is warned of, and by the way there. Each is one line, so that it is known.
CALLS = {
    "fit": (lambda: network().fit(X, Y), {ConvergenceWarning}),
    "fit, lbfgs": (lambda: network(solver="lbfgs").fit(X, Y), {ConvergenceWarning}),
    "fit, regressor": (lambda: network(MLPScratchRegressor).fit(X, Y), {ConvergenceWarning}),
    "fit, alpha": (lambda: network(**LARGE).fit(X, Y), {ConvergenceWarning, LargePenaltyWarning}),
    "fit, X": (lambda: network().fit(1000 * X, Y), {ConvergenceWarning, UnscaledDataWarning}),
    "fit, batch": (lambda: network(batch_size=999).fit(X, Y), {ConvergenceWarning, UserWarning}),
    "fit, classes": (lambda: network().fit(X, 0 * Y), {ConvergenceWarning, RuntimeWarning}),
    "fit, column": (
        lambda: network().fit(X, Y[:, None]),
        {ConvergenceWarning, DataConversionWarning},
    ),
    "fit, column of numbers": (
        lambda: network(MLPScratchRegressor).fit(X, X[:, :1]),
        {ConvergenceWarning, DataConversionWarning},
    ),
    "bagging, column": (
        lambda: MLPBaggingClassifier(network(), 2).fit(X, Y[:, None]),
        {ConvergenceWarning, DataConversionWarning},
    ),
    "bagging, column of numbers": (
        lambda: MLPBaggingRegressor(network(MLPScratchRegressor), 2).fit(X, X[:, :1]),
        {ConvergenceWarning, DataConversionWarning},
    ),
    "bagging of others, column": (
        lambda: MLPBaggingRegressor(Ridge(), 2).fit(X, X[:, :1]),
        {DataConversionWarning},
    ),
    "fit, Ctrl-C": (lambda: network(stop_when=interrupted(2), max_iter=9).fit(X, Y), {UserWarning}),
    "partial_fit": (
        lambda: network(**LARGE).partial_fit(X, Y, classes=[0, 1, 2]),
        {LargePenaltyWarning},
    ),
    "Pipeline": (lambda: PIPELINE.fit(X, Y), {ConvergenceWarning}),
    "GridSearchCV": (
        lambda: GridSearchCV(PIPELINE, GRID, cv=2).fit(X, Y),
        {ConvergenceWarning, LargePenaltyWarning},
    ),
    "our search": (
        lambda: MLPGridSearchCV(PIPELINE, GRID, cv=2).fit(X, Y),
        {ConvergenceWarning, LargePenaltyWarning},
    ),
    "cross_val_score": (lambda: cross_val_score(PIPELINE, X, Y, cv=2), {ConvergenceWarning}),
    "OneVsRest": (lambda: OneVsRestClassifier(network()).fit(X, Y), {ConvergenceWarning}),
    "callbacks": (lambda: network().set_callbacks(ProgressBar()).fit(X, Y), {ConvergenceWarning}),
}
if find_spec("numba"):  # whose networks train in threads
    CALLS["our search, in threads"] = (
        lambda: MLPGridSearchCV(COMPILED, {"alpha": [0, 1]}, cv=2, n_jobs=2, refit=False).fit(X, Y),
        {ConvergenceWarning},
    )


def warned(call):
    """Return the warnings of a call, each of which must point at its first line."""
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        call()
    line = call.__code__.co_firstlineno
    assert {(warning.filename, warning.lineno) for warning in record} == {(__file__, line)}
    return {warning.category for warning in record}


@pytest.mark.parametrize("name", CALLS)
def test_at_the_line_that_calls(name):
    call, categories = CALLS[name]
    assert warned(call) == categories


@pytest.mark.parametrize("backend", ["sequential", "threading", "multiprocessing"])
def test_wherever_the_networks_of_a_search_train(backend):
    search = MLPGridSearchCV(network(), {"alpha": [0, 0.1]}, cv=2, n_jobs=2)
    with joblib.parallel_config(backend), pytest.warns(ConvergenceWarning) as caught:
        search.fit(X, Y)
    assert [warning.filename for warning in caught] == [__file__] * 5  # four fits and the last one


WITHOUT_WARNINGS = {"batch_size": 8, "tol": 9, "n_iter_no_change": 1, "early_stopping": False}
MANY_CLASSES = {
    "ensemble": (
        MLPBaggingClassifier(network(max_iter=9, **WITHOUT_WARNINGS), 2),
        "use MLPBaggingRegressor",
    ),
    "recipe": (
        tabular_classifier(n_networks=1).set_params(
            **{f"networks__estimator__{name}": value for name, value in WITHOUT_WARNINGS.items()}
        ),
        "or tabular_regressor",
    ),
    "encoder": (PiecewiseLinearEncoder(strategy="tree"), "set target_type='regression'"),
}


@pytest.mark.parametrize("name", MANY_CLASSES)
def test_many_classes_are_told_of_once(name):
    model, remedy = MANY_CLASSES[name]
    with pytest.warns(UserWarning, match=f" 24 .* 24 samples.*{remedy}") as caught:
        model.fit(X[:24], range(24))
    assert [warning.filename for warning in caught] == [__file__]


def older_model(monkeypatch):
    """Return a model that is said to be of an older version while `monkeypatch` lasts."""
    monkeypatch.setattr(state_module, "__version__", "0.0.1")
    return network(n_iter_no_change=1, tol=9, max_iter=9).fit(X, Y)


def test_at_the_line_that_loads_from_bytes(monkeypatch):
    with monkeypatch.context() as older:
        pickled = pickle.dumps(older_model(older))
    assert warned(lambda: pickle.loads(pickled)) == {ModelVersionWarning}


@pytest.mark.parametrize("compress", [0, 3])
def test_at_the_line_that_loads_with_joblib(tmp_path, monkeypatch, compress):
    path = tmp_path / "model.joblib"
    with monkeypatch.context() as older:
        joblib.dump(older_model(older), path, compress=compress)
    assert warned(lambda: joblib.load(path)) == {ModelVersionWarning}


@pytest.mark.parametrize("ending", ["joblib", "skops"])
def test_at_the_line_that_loads_a_model_file(tmp_path, monkeypatch, ending):
    trusted = {}
    if ending == "skops":
        pytest.importorskip("skops")
        trusted = {"trusted": ["sknn_scratch.MLPScratchClassifier"]}
    path = tmp_path / f"model.{ending}"
    with monkeypatch.context() as older:
        model_files.save(older_model(older), path)
    assert warned(lambda: model_files.load(path, **trusted)) == {ModelVersionWarning}


FILTERS = {
    "the category": (("ignore", "", UserWarning), False),
    "a parent": (("ignore", "", Warning), False),
    "another category": (("ignore", "", RuntimeWarning), True),
    "some texts": (("ignore", "told", UserWarning), True),
    "other texts": (("ignore", "nothing", UserWarning), True),
    "a module": (("ignore", "", UserWarning, "nobody"), True),
    "a line": (("ignore", "", UserWarning, "", 10**6), True),
    "nothing": (("always",), True),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_text_that_nobody_sees_is_not_written(name):
    chosen, is_written = FILTERS[name]
    texts = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        warnings.filterwarnings(*chosen)
        warn(lambda: texts.append("told") or "told")
        warnings.warn("told", stacklevel=1)  # Python's own decision
    assert bool(texts) == is_written
    assert len(caught) in (0, 2)


def test_a_filter_that_comes_first_decides():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.filterwarnings("error", "told")
        with pytest.raises(UserWarning, match="told"):
            warn(lambda: "told")


def test_in_an_example_of_a_docstring():
    """It runs in the name of a module of the package, and is the user's line all the same."""
    code = compile("network.fit(X, Y)", "<doctest sknn_scratch.estimators.classifier[0]>", "exec")
    scope = {"__name__": "sknn_scratch.estimators.classifier", "network": network(), "X": X, "Y": Y}
    with pytest.warns(ConvergenceWarning) as record:
        exec(code, scope)
    assert record[0].filename == "<doctest sknn_scratch.estimators.classifier[0]>"


def test_in_a_thread_without_a_line_of_the_user():
    with joblib.parallel_backend("threading"), pytest.warns(ConvergenceWarning) as record:
        cross_val_score(PIPELINE, X, Y, cv=2, n_jobs=2)
    assert not any("sknn_scratch/" in warning.filename for warning in record)


def test_the_same_warning_of_the_same_line_is_shown_once():
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("default")
        for _ in range(3):
            warn("the same")
    assert [str(warning.message) for warning in record] == ["the same"]
