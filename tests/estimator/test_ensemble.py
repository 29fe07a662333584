"""Ensembles as estimators: scikit-learn's checks, errors in words, failures, files, repr."""

import io
import pickle
import warnings

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from sklearn.utils.estimator_checks import (
    check_sample_weight_equivalence_on_dense_data,
    check_sample_weight_equivalence_on_sparse_data,
    parametrize_with_checks,
)

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.ensemble import MLPBaggingClassifier, MLPBaggingRegressor
from sknn_scratch.exceptions import UnscaledDataWarning
from sknn_scratch.model_selection import MLPGridSearchCV

X, y = load_iris(return_X_y=True)
X = scale(X)
NETWORKS = {
    MLPBaggingClassifier: MLPScratchClassifier,
    MLPBaggingRegressor: MLPScratchRegressor,
}
BOTH = pytest.mark.parametrize("cls", NETWORKS)

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:y holds one class only:RuntimeWarning"),
    # Rightly: some checks train on what says nothing
    pytest.mark.filterwarnings("ignore::sknn_scratch.exceptions.NothingLearnedWarning"),
]


def new(cls=MLPBaggingClassifier, network=None, **params):
    settings = {"hidden_layer_sizes": 4, "max_iter": 3, "learning_rate_init": 0.05}
    network = NETWORKS[cls](**settings | (network or {}))
    return cls(network, **{"n_estimators": 2, "random_state": 0} | params)


CHECKED = {"solver": "lbfgs", "hidden_layer_sizes": 10, "max_iter": 50, "alpha": 0.1}
WEIGHT_CHECKS = {
    check.__name__: check
    for check in (
        check_sample_weight_equivalence_on_dense_data,
        check_sample_weight_equivalence_on_sparse_data,
    )
}


@parametrize_with_checks(
    [new(cls, CHECKED) for cls in NETWORKS],
    # They compare a fit with weights to one with repeated rows. scikit-learn draws the rows of a
    # member by `choice` for the first and by `randint` for the second, so that no ensemble can pass
    # whose members are those of scikit-learn in both
    expected_failed_checks=lambda estimator: dict.fromkeys(
        WEIGHT_CHECKS, "weights are the probabilities with which rows are drawn"
    ),
)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("check", WEIGHT_CHECKS.values(), ids=WEIGHT_CHECKS)
@pytest.mark.parametrize("theirs", [BaggingClassifier, BaggingRegressor])
def test_the_checks_of_weights_fail_for_scikit_learn_too(theirs, check):
    ours = MLPBaggingClassifier if theirs is BaggingClassifier else MLPBaggingRegressor
    with pytest.raises(AssertionError, match="not equivalent to fitting with removed or repeated"):
        check(theirs.__name__, theirs(new(ours, CHECKED).estimator, 2, random_state=0))


@BOTH
def test_a_weight_of_two_is_drawn_as_often_as_two_rows(cls):
    """What the two checks ask for holds in the mean over draws."""
    other = DummyClassifier() if cls is MLPBaggingClassifier else DummyRegressor()
    weight = np.arange(len(X)) % 4
    rows = np.repeat(np.arange(len(X)), weight)
    model = cls(other, n_estimators=200, random_state=0)
    weighted = np.concatenate(model.fit(X, y, weight).estimators_samples_)
    repeated = rows[np.concatenate(model.fit(X[rows], y[rows]).estimators_samples_)]
    for drawn in (weighted, repeated):
        share = np.bincount(drawn, minlength=len(X)) / len(drawn)
        expected = weight / weight.sum()
        assert (share[weight == 0] == 0).all()
        # Four standard deviations; of 30,000 draws that is a fifth of the share of weight 3
        assert abs(share - expected).max() < 4 * np.sqrt(expected.max() / len(drawn))


@BOTH
def test_by_default_members_are_networks_with_their_defaults(cls):
    model = cls(n_estimators=2, random_state=0)
    assert model.get_params()["estimator"] is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(NETWORKS[cls].__init__.__kwdefaults__, "max_iter", 2)
        model.fit(X, y)
    assert [type(member) for member in model] == [NETWORKS[cls]] * 2
    assert model.estimator_.get_params() == NETWORKS[cls](max_iter=2).get_params()


# Errors

BAD = {
    "n_estimators": ({"n_estimators": True}, "'n_estimators' .* must be an int"),
    "max_samples": ({"max_samples": 1.5}, "'max_samples' .* must be None, an int"),
    "more than there are": (
        {"max_samples": 200, "bootstrap": False},
        "max_samples=200 must be <= n_samples=150 .*Use bootstrap=True, or a smaller max_samples",
    ),
    "max_features": ({"max_features": 5}, "max_features .* got 5 for 4 features. Use a share"),
    "out of bag": ({"oob_score": True, "bootstrap": False}, "Use bootstrap=True, or oob_score"),
    "out of bag, more members": ({"oob_score": True, "warm_start": True}, "Use warm_start=False"),
    "of the network": ({"network": {"alpha": -1}}, "'alpha' parameter of MLPScratch"),
}


@BOTH
@pytest.mark.parametrize(("params", "message"), BAD.values(), ids=BAD)
def test_parameters(params, message, cls):
    model = new(cls, **params)
    before = set(vars(model))
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert set(vars(model)) == before


def test_a_network_of_the_wrong_kind():
    for network in (MLPScratchRegressor(), make_pipeline(StandardScaler(), MLPScratchRegressor())):
        with pytest.raises(ValueError, match=r"must be a classifier.* use MLPBaggingRegressor"):
            MLPBaggingClassifier(network).fit(X, y)
    with pytest.raises(ValueError, match=r"must be a regressor.* use MLPBaggingClassifier"):
        MLPBaggingRegressor(MLPScratchClassifier()).fit(X, y)


FLOWERS = np.array(["ash", "elm", "fir"])[y]


@pytest.mark.parametrize("weights", [{"ash": 1, "oak": 2}, {"ash": -1.0}])
def test_a_wrong_class_weight_is_told_of_by_the_labels(weights):
    network = MLPScratchClassifier(4, class_weight=weights, max_iter=3)
    errors = []
    for model in (network, MLPBaggingClassifier(network, 2)):
        with pytest.raises(ValueError, match=r"class_weight .* got") as error:
            model.fit(X, FLOWERS)
        errors.append(str(error.value))
    assert errors[0] == errors[1]


def test_class_weight_may_name_classes_that_are_not_there():
    weights = {"ash": 1, "elm": 3, "fir": 2}
    model = new(network={"class_weight": weights}).fit(X, FLOWERS)
    more = new(network={"class_weight": weights | {"oak": 2}}).fit(X, FLOWERS)
    assert (model.predict_proba(X) == more.predict_proba(X)).all()


def test_a_member_may_lack_a_class_that_class_weight_names():
    few = np.where(np.arange(150) == 0, "elm", "ash")
    network = make_pipeline(StandardScaler(), MLPScratchClassifier(4, class_weight={"elm": 9.0}))
    model = MLPBaggingClassifier(
        network.set_params(mlpscratchclassifier__max_iter=2), 4, max_samples=20, random_state=0
    ).fit(X, few)
    assert min(len(member.classes_) for member in model) == 1
    assert model.predict_proba(X).shape == (150, 2)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_one_class_is_told_of_once_by_its_label(n_jobs):
    model = new(n_jobs=n_jobs)
    with joblib.parallel_config("threading"), pytest.warns(RuntimeWarning) as caught:
        model.fit(X, np.full(150, "elm"))
    (said,) = [str(w.message) for w in caught if "one class" in str(w.message)]
    assert said.startswith("y holds one class only, elm: it will be predicted")


def test_a_member_of_one_class_is_no_matter_if_others_have_more():
    few = np.where(np.arange(150) == 0, "elm", "ash")
    network = make_pipeline(StandardScaler(), MLPScratchClassifier(4, max_iter=2))
    model = MLPBaggingClassifier(network, 4, max_samples=20, random_state=0)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "y holds one class")
        model.fit(X, few)
    assert min(len(member.classes_) for member in model) == 1


@BOTH
def test_members_are_not_kept_for_other_features(cls):
    model = new(cls, warm_start=True).fit(X, y).set_params(n_estimators=3)
    before = model.predict(X)
    with pytest.raises(ValueError, match=r"features of X .* last fit, 4; got 3\. Use warm_start=F"):
        model.fit(X[:, :3], y)
    assert (model.predict(X) == before).all()


@pytest.mark.parametrize("labels", [np.array(["ash", "elm", "oak"])[y], FLOWERS == "ash"])
def test_members_are_not_kept_for_other_classes(labels):
    model = new(warm_start=True).fit(X, FLOWERS).set_params(n_estimators=3)
    with pytest.raises(
        ValueError, match=r"classes of y .*\['ash' 'elm' 'fir'\]; got .*warm_start=F"
    ):
        model.fit(X, labels)
    assert model.classes_.tolist() == ["ash", "elm", "fir"]


@pytest.mark.parametrize(("before", "now"), [(1, 2), (2, 1), (2, 3)])
@pytest.mark.parametrize("estimator", [None, Ridge()])
def test_members_are_not_kept_for_another_number_of_outputs(before, now, estimator):
    targets = {1: X[:, 0], 2: X[:, :2], 3: X[:, :3]}
    model = new(MLPBaggingRegressor, warm_start=True)
    model.set_params(estimator=estimator or model.estimator).fit(X, targets[before])
    message = rf"outputs of y are others than in the last fit, {before}; got {now}\."
    with pytest.raises(ValueError, match=rf"{message} Use warm_start=False"):
        model.set_params(n_estimators=3).fit(X, targets[now])
    assert len(model.estimators_) == 2
    assert model.predict(X).shape == targets[before].shape


@BOTH
def test_fewer_members_than_there_are_cannot_be_kept(cls):
    model = new(cls, warm_start=True).fit(X, y).set_params(n_estimators=1)
    with pytest.raises(ValueError, match=r"n_estimators=1 must be .*=2 .* Use warm_start=False"):
        model.fit(X, y)


@BOTH
def test_members_of_two_dtypes_each_predict_in_their_own(cls):
    model = new(cls, warm_start=True).fit(X.astype(np.float32), y)
    model.set_params(n_estimators=3).fit(X, y)
    assert [member.coefs_[0].dtype for member in model] == [np.float32, np.float32, np.float64]
    method = "predict_proba" if cls is MLPBaggingClassifier else "predict"
    expected = [getattr(member, method)(X) for member in model]
    np.testing.assert_array_equal(model.member_predictions(X), expected)


def test_members_that_have_seen_every_sample_say_nothing_out_of_bag():
    model = new(MLPBaggingRegressor, max_samples=50, oob_score=True)
    with pytest.warns(UserWarning, match="Some inputs do not have OOB scores"):
        model.fit(X[:2], X[:2, 0])
    np.testing.assert_array_equal(model.oob_prediction_, 0)


def test_members_are_kept_for_a_column_of_targets():
    model = new(MLPBaggingRegressor, warm_start=True).fit(X, X[:, 0])
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        model.set_params(n_estimators=3).fit(X, X[:, :1])
    assert model.predict(X).shape == (150,)


@BOTH
def test_samples(cls):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model, strings = new(cls).fit(frame, y), frame.assign(b="x")
    for call in (lambda: model.fit(strings, y), lambda: model.predict(strings)):
        with pytest.raises(ValueError, match=r"^X must hold numbers.*'b' \(.*'x'\). Encode"):
            call()
    with pytest.raises(ValueError, match=r"^X is not valid: Expected 2D array"):
        new(cls).fit(X, y).member_predictions(X[0])
    with pytest.raises(ValueError, match=r"^Input X contains NaN"):
        model.predict(frame.where(frame < 1))
    with pytest.raises(ValueError, match=r"^X has 150 samples, but y has 5"):
        model.fit(X, y[:5])


def test_targets():
    with pytest.raises(ValueError, match="one label for each sample, got 2 columns"):
        new().fit(X, np.stack([y > 0, y > 1], axis=1))
    with pytest.raises(ValueError, match=r"^Unknown label type: y must hold classes"):
        new().fit(X, X[:, 0])
    with pytest.raises(ValueError, match=r"^y must hold numbers, but it has 'a'"):
        new(MLPBaggingRegressor).fit(X, ["a"] * 150)


@BOTH
@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ("iris.csv", "must hold the data itself, got 'iris.csv'"),
        ({"y": y}, "must be an array or a data frame, got a dict"),
        (None, "estimator requires y to be passed"),
        (y[:5], "X has 150 samples, but y has 5"),
        (["a", np.nan] * 75, "y has missing values|y must hold numbers"),
        (y + 1j, "Complex data not supported: "),
        ([[1, 2]] * 149 + [[1]], "rows of the same length"),
    ],
)
def test_targets_of_pipelines_are_checked_as_those_of_networks(cls, targets, message):
    member = NETWORKS[cls](hidden_layer_sizes=4, max_iter=3)
    of_pipelines = cls(make_pipeline(StandardScaler(), member), 2, random_state=0).fit(X, y)
    with pytest.raises((TypeError, ValueError), match=message) as error:
        of_pipelines.fit(X, targets)
    with pytest.raises(error.type, match=message) as expected:
        cls(member, 2).fit(X, targets)
    assert str(error.value) == str(expected.value)
    assert of_pipelines.n_features_in_ == 4


@BOTH
def test_weights(cls):
    model = new(cls)
    with pytest.raises(ValueError, match=r"^sample_weight is not valid: Negative"):
        model.fit(X, y, -np.ones(150))
    with pytest.raises(ValueError, match=r"^sample_weight .* at least one non-zero"):
        model.fit(X, y, np.zeros(150))
    with (
        pytest.warns(UserWarning, match="recommended to use bootstrap=True"),
        pytest.raises(ValueError, match=r"above zero for 149 only. Use .* or max_samples=149"),
    ):
        new(cls, bootstrap=False).fit(X, y, np.arange(150))


@BOTH
def test_not_fitted(cls):
    for call in (new(cls).predict, new(cls).member_predictions):
        with pytest.raises(NotFittedError, match="MLPBagging"):
            call(X)


# What is left


def test_samples_that_no_member_has_left_out():
    with pytest.warns(UserWarning, match=r"Some inputs do not have OOB .* Increase n_est") as seen:
        model = new(oob_score=True).fit(X, y)
    assert [str(w.message) for w in seen if w.category is not ConvergenceWarning][1:] == []
    assert np.isnan(model.oob_decision_function_).any()
    assert not hasattr(model.set_params(oob_score=False).fit(X, y), "oob_score_")


@BOTH
@pytest.mark.parametrize("warm_start", [False, True])
def test_a_failing_member_leaves_the_ensemble_as_it_was(warm_start, cls, monkeypatch):
    model = new(cls, warm_start=warm_start).fit(X, y)
    before, said = vars(model).copy(), model.predict(X)
    model.set_params(n_estimators=4)
    fit, n_fits = NETWORKS[cls].fit, iter(range(9))

    def failing(self, *args, **kwargs):
        if next(n_fits) == 1:
            raise MemoryError("no more")
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(NETWORKS[cls], "fit", failing)
    n_features = 4 if warm_start else 2  # members that are kept need the same features
    with pytest.raises(MemoryError):
        model.fit(X[::2, :n_features], y[::2])
    assert vars(model) == before | {"n_estimators": 4}
    np.testing.assert_array_equal(model.predict(X), said)


def file_of(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    return file.getvalue()


@BOTH
def test_equal_fits_are_equal_models_also_from_a_file(cls):
    first, second = new(cls).fit(X, y), new(cls, n_jobs=1).fit(X, y).set_params(n_jobs=None)
    assert joblib.hash(first) == joblib.hash(second)
    assert file_of(first) == file_of(second)
    loaded = pickle.loads(pickle.dumps(first))
    assert joblib.hash(loaded) == joblib.hash(first)
    np.testing.assert_array_equal(loaded.member_predictions(X), first.member_predictions(X))
    assert type(first).__module__ == "sknn_scratch.ensemble"


@BOTH
def test_repr(cls):
    model = new(cls).fit(X, y)
    assert repr(model).startswith(f"{cls.__name__}(estimator=MLPScratch")
    html = model._repr_html_()
    assert f"/reference/generated/sknn_scratch.ensemble.{cls.__name__}.html" in html


def test_early_stopping_holds_out_rows_of_its_own_for_each_member():
    """Without resampling, as a deep ensemble does."""
    model = new(network={"early_stopping": True}, bootstrap=False, n_estimators=3).fit(X, y)
    seeds = {member.random_state for member in model}
    assert len(seeds) == 3
    scores = {tuple(member.validation_scores_) for member in model}
    assert len(scores) == 3
    first = {float(member.coefs_[0][0, 0]) for member in model}
    assert len(first) == 3


@BOTH
def test_the_mean_is_over_the_members(cls):
    model = new(cls, n_estimators=5, max_features=3).fit(X, y)
    said = model.member_predictions(X)
    assert said.shape[:2] == (5, 150)
    by_hand = [
        getattr(member, "predict_proba", member.predict)(X[:, features])
        for member, features in zip(model, model.estimators_features_, strict=True)
    ]
    np.testing.assert_array_equal(said, by_hand)
    mean = getattr(model, "predict_proba", model.predict)(X)
    np.testing.assert_allclose(mean, said.mean(axis=0), rtol=1e-12)


@BOTH
def test_verbose(cls, capsys):
    new(cls, verbose=2).fit(X, y)
    assert "Training member 2 of 2" in capsys.readouterr().out


def test_in_a_cross_validation():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = cross_val_score(new(network={"max_iter": 30}), X, y, cv=3)
    assert scores.mean() > 0.8
    assert clone(new()).get_params()["estimator__max_iter"] == 3


@pytest.mark.parametrize("backend", ["sequential", "threading", "multiprocessing"])
def test_what_all_members_warn_of_is_told_once_at_the_line_that_called_fit(backend):
    model = new(n_jobs=2)
    with joblib.parallel_config(backend), pytest.warns(ConvergenceWarning) as seen:
        model.fit(X, y)
    assert [warning.filename for warning in seen] == [__file__]


def test_members_may_be_ensembles():
    """What is set for the members of one ensemble ends with it, and not for those around it."""
    with pytest.warns(ConvergenceWarning) as seen:
        model = MLPBaggingClassifier(new(), 2, random_state=0).fit(X, y)
    assert [warning.filename for warning in seen] == [__file__]
    expected = BaggingClassifier(new(), 2, random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


def test_members_may_be_searches_with_threads_of_their_own():
    """All of them warn as the thread does that began them: once, at the line that called fit."""
    search = MLPGridSearchCV(new().estimator, {"alpha": [0, 0.1]}, cv=2, n_jobs=2)
    model = MLPBaggingClassifier(search, 2, random_state=0, n_jobs=2)
    with joblib.parallel_config("threading"), pytest.warns(ConvergenceWarning) as seen:
        model.fit(X, y)
    assert [warning.filename for warning in seen] == [__file__]


def test_warnings_are_told_before_the_error_of_a_member():
    model = new(network={"stop_when": lambda history: 1 / 0})
    with pytest.warns(UnscaledDataWarning) as seen, pytest.raises(ZeroDivisionError):
        model.fit(1000 * X, y)
    assert [warning.filename for warning in seen] == [__file__]
