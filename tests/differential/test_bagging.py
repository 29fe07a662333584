"""Members and predictions are those of scikit-learn's bagging around the same networks."""

from importlib.util import find_spec

import joblib
import numpy as np
import pytest
import sklearn
from scipy.sparse import csc_array, csr_array
from sklearn.datasets import load_diabetes, load_iris
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.ensemble import MLPBaggingClassifier, MLPBaggingRegressor, members

X, y = load_iris(return_X_y=True)
X = scale(X)
NAMES = np.array(["fir", "ash", "elm"])[y]
TARGET = scale(load_diabetes().target)[: len(X)] + X[:, 0]
WEIGHT = np.arange(len(X)) % 4.0
OURS = {BaggingClassifier: MLPBaggingClassifier, BaggingRegressor: MLPBaggingRegressor}
ENGINES = ["numpy", *(["numba"] if find_spec("numba") else [])]

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:When fitting .* with sample_weight:UserWarning"),
    # Of the samples that no member has left out, and in scikit-learn also of 0 / 0
    pytest.mark.filterwarnings("ignore:Some inputs do not have OOB scores:UserWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning"),
]


def network(cls=MLPScratchClassifier, **params):
    return cls(**{"hidden_layer_sizes": 4, "max_iter": 3, "learning_rate_init": 0.05} | params)


def fitted(theirs, estimator, X, y, sample_weight=None, **params):
    """Return scikit-learn's ensemble and ours."""
    params = {"n_estimators": 3, "random_state": 0} | params
    return [cls(estimator, **params).fit(X, y, sample_weight) for cls in (theirs, OURS[theirs])]


def assert_same_members(ours, theirs):
    assert len(ours) == len(theirs)
    for member, expected in zip(ours, theirs, strict=True):
        assert joblib.hash(member) == joblib.hash(expected)
    for name in ("estimators_features_", "estimators_samples_"):
        for drawn, expected in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_array_equal(drawn, expected)


def assert_same(ours, theirs, X):
    assert_same_members(ours, theirs)
    assert_same_predictions(ours, theirs, X)
    for name in ("oob_score_", "oob_prediction_", "oob_decision_function_"):
        assert hasattr(ours, name) == hasattr(theirs, name)
        np.testing.assert_array_equal(getattr(ours, name, 0), getattr(theirs, name, 0))


def assert_same_predictions(ours, theirs, X):
    methods = ["predict"]
    if hasattr(theirs, "predict_proba"):
        methods += ["predict_proba", "predict_log_proba"]
        np.testing.assert_array_equal(ours.classes_, theirs.classes_, strict=True)
    for method in methods:
        said, expected = getattr(ours, method)(X), getattr(theirs, method)(X)
        np.testing.assert_array_equal(said, expected, strict=True)


DRAWS = [
    {},
    {"bootstrap": False},
    {"bootstrap": False, "max_samples": 0.6},
    {"max_samples": 40, "max_features": 2},
    {"max_features": 0.5, "bootstrap_features": True},
    {"oob_score": True, "n_estimators": 8},
    {"oob_score": True, "n_estimators": 8, "max_features": 2},
    {"n_estimators": 1},
]


@pytest.mark.parametrize("draws", DRAWS, ids=str)
@pytest.mark.parametrize("sample_weight", [None, WEIGHT], ids=["no weights", "weights"])
def test_classifier(draws, sample_weight):
    if sample_weight is not None and not draws.get("bootstrap", True):
        draws = {**draws, "max_samples": 0.4}
    theirs, ours = fitted(BaggingClassifier, network(), X, NAMES, sample_weight, **draws)
    assert_same(ours, theirs, X)


@pytest.mark.parametrize("draws", DRAWS, ids=str)
@pytest.mark.parametrize("y", [TARGET, y], ids=["real", "whole numbers"])
def test_regressor(y, draws):
    theirs, ours = fitted(BaggingRegressor, network(MLPScratchRegressor), X, y, **draws)
    assert_same(ours, theirs, X)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize(
    ("theirs", "cls", "y"),
    [
        (BaggingClassifier, MLPScratchClassifier, NAMES),
        (BaggingRegressor, MLPScratchRegressor, TARGET),
    ],
)
def test_jobs_engines_and_dtypes(theirs, cls, y, dtype, engine, monkeypatch):
    data = (10 * X).astype(dtype) if dtype == np.int64 else X.astype(dtype)
    theirs, ours = fitted(theirs, network(cls, engine=engine), data, y)
    assert_same(ours, theirs, data)
    monkeypatch.setattr(members, "_WORTH_THREADS", 0)
    with joblib.parallel_config("threading", n_jobs=2):  # numpy's would start processes
        ours.fit(data, y)
        assert_same(ours, theirs, data)


@pytest.mark.slow
def test_processes():
    theirs, ours = fitted(BaggingClassifier, network(), X, NAMES)
    assert_same(ours.set_params(n_jobs=2).fit(X, NAMES), theirs, X)


@pytest.mark.parametrize(
    "parameters",
    [
        {"early_stopping": True, "max_iter": 20},
        {"solver": "lbfgs"},
        {"class_weight": "balanced", "label_smoothing": 0.1},
        {"learning_rate": "one_cycle", "dropout": 0.1, "activation": "silu", "weight_decay": 0.3},
    ],
    ids=str,
)
@pytest.mark.parametrize("bootstrap", [False, True])
def test_networks_of_all_kinds(bootstrap, parameters):
    theirs, ours = fitted(BaggingClassifier, network(**parameters), X, y, bootstrap=bootstrap)
    assert_same(ours, theirs, X)


@pytest.mark.slow
@pytest.mark.parametrize("max_features", [1.0, 2])
@pytest.mark.parametrize("bootstrap", [False, True])
def test_pipelines(bootstrap, max_features, monkeypatch):
    """They take no weights, so that each gets the samples that were drawn for it."""
    draws = {"max_samples": 0.5, "max_features": max_features, "bootstrap": bootstrap}
    for theirs, cls, target in [
        (BaggingClassifier, MLPScratchClassifier, NAMES),
        (BaggingRegressor, MLPScratchRegressor, TARGET),
    ]:
        pipeline = make_pipeline(StandardScaler(), network(cls))
        theirs, ours = fitted(
            theirs, pipeline, X, target, oob_score=bootstrap, n_estimators=20, **draws
        )
        assert_same(ours, theirs, X)
        monkeypatch.setattr(members, "_WORTH_THREADS", 0)
        assert_same_predictions(ours.set_params(n_jobs=2), theirs, X)


def test_a_member_may_not_have_seen_all_classes():
    labels = np.where(np.arange(len(X)) < 3, "bay", NAMES)
    pipeline = make_pipeline(StandardScaler(), network())
    draws = {"n_estimators": 6, "max_samples": 40, "random_state": 1}
    theirs, ours = fitted(BaggingClassifier, pipeline, X, labels, **draws)
    assert [len(member.classes_) for member in ours.estimators_] == [4, 3, 4, 3, 4, 3]
    assert_same(ours, theirs, X)
    has_seen = (ours.member_predictions(X)[:, :, list(ours.classes_).index("bay")] > 0).all(axis=1)
    assert has_seen.tolist() == [True, False] * 3
    # scikit-learn's out-of-bag score cannot be had here
    found = ours.set_params(oob_score=True).fit(X, labels).oob_decision_function_
    np.testing.assert_allclose(found[np.isfinite(found[:, 0])].sum(axis=1), 1)


@pytest.mark.parametrize("max_features", [1.0, 3])
@pytest.mark.parametrize("container", [csr_array, csc_array])
def test_sparse(container, max_features):
    data = container(np.where(X > 0, X, 0))
    theirs, ours = fitted(BaggingClassifier, network(), data, NAMES, max_features=max_features)
    if container is csr_array or max_features == 1.0:
        assert_same(ours, theirs, data)
    else:  # ours are converted first, and a product then adds up in another order
        np.testing.assert_allclose(ours.predict_proba(data), theirs.predict_proba(data), rtol=1e-9)


def test_frames():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd")).astype({"a": "float32"})
    theirs, ours = fitted(BaggingClassifier, network(), frame, pd.Series(NAMES), max_features=3)
    assert_same(ours, theirs, frame)
    assert list(ours.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        ours.predict(frame.rename(columns={"a": "e"}))


@pytest.mark.parametrize("dtype", ["Float32", "Float64"])
def test_frames_of_polars(dtype):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame(X, schema=list("abcd")).cast(getattr(pl, dtype))
    theirs, ours = fitted(BaggingClassifier, network(), frame, NAMES)
    assert_same(ours, theirs, frame)
    assert ours.estimators_[0].coefs_[0].dtype == dtype.lower()


def test_several_outputs():
    targets = np.stack([TARGET, X[:, 1]], axis=1)
    theirs, ours = fitted(BaggingRegressor, network(MLPScratchRegressor), X, targets)
    assert_same(ours, theirs, X)
    assert ours.member_predictions(X).shape == (3, len(X), 2)
    # scikit-learn has no out-of-bag score of several outputs
    ours.set_params(oob_score=True, n_estimators=8).fit(X, targets)
    assert ours.oob_prediction_.shape == targets.shape
    first = sum(
        member.predict(X)[:, 0] * (np.bincount(drawn, minlength=len(X)) == 0)
        for member, drawn in zip(ours.estimators_, ours.estimators_samples_, strict=True)
    )
    n_members = sum(np.bincount(drawn, minlength=len(X)) == 0 for drawn in ours.estimators_samples_)
    expected = first / np.maximum(n_members, 1)
    np.testing.assert_allclose(ours.oob_prediction_[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("sample_weight", [None, WEIGHT], ids=["no weights", "weights"])
def test_warm_start(sample_weight):
    params = {"warm_start": True, "n_estimators": 2}
    theirs, ours = fitted(BaggingClassifier, network(), X, NAMES, sample_weight, **params)
    first = ours.estimators_
    for model in (theirs, ours):
        model.set_params(n_estimators=5).fit(X, NAMES, sample_weight)
    assert_same(ours, theirs, X)
    assert ours.estimators_[0] is first[0]
    whole = sklearn.clone(ours).fit(X, NAMES, sample_weight)
    np.testing.assert_array_equal(whole.predict_proba(X), ours.predict_proba(X))
    with pytest.warns(UserWarning, match="does not fit new members: set n_estimators above 5"):
        ours.fit(X, NAMES)
    assert len(ours.estimators_) == 5


OTHERS = {
    "trees": (BaggingClassifier, DecisionTreeClassifier(max_depth=2)),
    "without probabilities": (BaggingClassifier, LinearSVC()),
    "with a decision function": (BaggingClassifier, LogisticRegression()),
    "of a pipeline": (BaggingClassifier, make_pipeline(StandardScaler(), GaussianNB())),
    "regression trees": (BaggingRegressor, DecisionTreeRegressor(max_depth=3)),
}


@pytest.mark.parametrize(("theirs", "estimator"), OTHERS.values(), ids=OTHERS)
def test_other_estimators(theirs, estimator):
    """Of these the methods are scikit-learn's own; what is fitted is to be the same."""
    theirs, ours = fitted(
        theirs, estimator, X, NAMES if theirs is BaggingClassifier else TARGET, max_features=3
    )
    with np.errstate(divide="ignore"):
        assert_same(ours, theirs, X)
    assert hasattr(ours, "decision_function") == hasattr(theirs, "decision_function")
    if hasattr(ours, "decision_function"):
        np.testing.assert_array_equal(ours.decision_function(X), theirs.decision_function(X))
    if hasattr(ours, "classes_"):
        mean = ours.member_predictions(X).mean(axis=0)
        np.testing.assert_allclose(mean, theirs.predict_proba(X), atol=1e-15)


def test_metadata():
    """A validation set goes to the members, its labels as the numbers that members see."""
    with sklearn.config_context(enable_metadata_routing=True):
        net = network().set_fit_request(sample_weight=True, X_val=True, y_val=True)
        given = {"X_val": X[::5], "y_val": y[::5]}
        theirs, ours = (
            cls(net, 3, random_state=0).fit(X, y, WEIGHT, **given)
            for cls in (BaggingClassifier, MLPBaggingClassifier)
        )
        assert_same(ours, theirs, X)
        assert len(ours.estimators_[0].history_["validation_loss"]) == 3
        named = MLPBaggingClassifier(net, 3, random_state=0)
        named.fit(X, y.astype(str), WEIGHT, X_val=X[::5], y_val=list(y[::5].astype(str)))
        assert_same_members(named, theirs)
        # Without the request the samples themselves are drawn
        theirs, ours = fitted(BaggingClassifier, network(), X, NAMES)
        assert_same(ours, theirs, X)


def test_class_weight_names_the_labels_of_the_ensemble():
    by_name, by_number = ({"ash": 5.0, "elm": 1.0, "fir": 0.5}, {0: 5.0, 1: 1.0, 2: 0.5})
    theirs = BaggingClassifier(network(class_weight=by_number), 3, random_state=0).fit(X, NAMES)
    for estimator in (network(class_weight=by_name), network(class_weight=by_number)):
        ours = MLPBaggingClassifier(estimator, 3, random_state=0).fit(X, NAMES)
        assert_same(ours, theirs, X)
        assert ours.estimator is estimator
