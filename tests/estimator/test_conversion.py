"""To scikit-learn's own estimators and back."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.ensemble import RandomForestClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor

X, Y = make_classification(80, 6, n_informative=4, n_redundant=1, n_classes=4, random_state=0)
STRINGS = np.array(["ash", "elm", "fir", "oak"], dtype=object)[Y]
LABELS = make_multilabel_classification(80, 6, n_classes=3, random_state=0)[1]
REAL = scale(make_regression(80, 6, n_targets=2, random_state=0)[1])
TARGETS = {
    "binary": (MLPScratchClassifier, Y % 2, {}),
    "strings": (MLPScratchClassifier, STRINGS, {}),
    "multilabel": (MLPScratchClassifier, LABELS, {}),
    "one class": (MLPScratchClassifier, np.zeros(80), {}),
    "single": (MLPScratchRegressor, REAL[:, 0], {}),
    "several": (MLPScratchRegressor, REAL, {}),
    "poisson": (MLPScratchRegressor, np.floor(np.exp(REAL)), {"loss": "poisson"}),
}
# Losses that scikit-learn's networks lack; their outputs it knows
LACKING = {
    "gamma": (MLPScratchRegressor, np.exp(REAL), {"loss": "gamma"}),
    "quantile": (MLPScratchRegressor, REAL, {"loss": "quantile", "quantile": 0.9}),
}
TARGETS |= LACKING
SKLEARN = {MLPScratchClassifier: MLPClassifier, MLPScratchRegressor: MLPRegressor}


def fitted(model, y, X=X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def assert_same_predictions(a, b):
    # Sums in another order: a few units of rounding
    close = {"rtol": 1e-12, "atol": 1e-14}
    if hasattr(a, "predict_proba") and len(a.classes_) > 1:
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), **close)
        np.testing.assert_array_equal(a.predict(X), b.predict(X))
    elif hasattr(a, "predict_proba"):
        np.testing.assert_array_equal(a.predict(X), b.predict(X))
    else:
        np.testing.assert_allclose(a.predict(X), b.predict(X), **close)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs", "nag"])
@pytest.mark.parametrize("sizes", [(), (5,), (4, 3)])
def test_to_sklearn_predicts_the_same(target, solver, sizes):
    cls, y, params = TARGETS[target]
    params = {"activation": "tanh", "max_iter": 5, "random_state": 0, **params}
    ours = fitted(cls(hidden_layer_sizes=sizes, solver=solver, **params), y)
    theirs = ours.to_sklearn()
    assert type(theirs) is SKLEARN[cls]
    assert_same_predictions(ours, theirs)
    assert theirs.n_iter_ == ours.n_iter_
    assert theirs.loss_ == ours.loss_


@pytest.mark.parametrize(("target", "loss"), [("gamma", "poisson"), ("quantile", "squared_error")])
def test_a_loss_that_scikit_learn_lacks_becomes_that_with_the_same_output(target, loss):
    cls, y, params = TARGETS[target]
    theirs = fitted(cls(hidden_layer_sizes=5, max_iter=5, random_state=0, **params), y).to_sklearn()
    assert theirs.loss == loss
    theirs.partial_fit(X, y)  # which would refuse a loss that it does not know


@pytest.mark.parametrize("target", [name for name in TARGETS if name not in LACKING])
@pytest.mark.parametrize("early_stopping", [True, False])
def test_from_sklearn_predicts_and_goes_on_the_same(target, early_stopping):
    cls, y, params = TARGETS[target]
    params = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0, **params}
    params |= {"early_stopping": early_stopping, "warm_start": True, "solver": "sgd"}
    theirs = fitted(SKLEARN[cls](**params), y)
    ours = cls.from_sklearn(theirs)
    assert_same_predictions(ours, theirs)
    assert ours.n_parameters_ == sum(w.size for w in theirs.coefs_ + theirs.intercepts_)
    assert ours.loss_curve_ == theirs.loss_curve_
    fitted(ours, y)
    fitted(theirs, y)
    # ten epochs from equal weights with equal draws
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-10)
    assert len(ours.history_["loss"]) == 10


@pytest.mark.parametrize("target", ["strings", "several"])
def test_round_trip_gives_copies(target):
    cls, y, _ = TARGETS[target]
    ours = fitted(cls((5,) if cls is MLPScratchClassifier else "squared_error", max_iter=3), y)
    again = cls.from_sklearn(ours.to_sklearn())
    for a, b in zip(again.coefs_ + again.intercepts_, ours.coefs_ + ours.intercepts_, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.shares_memory(a, b)


def test_from_sklearn_of_lbfgs():
    theirs = fitted(MLPClassifier(5, solver="lbfgs", max_iter=20, random_state=0), STRINGS)
    ours = MLPScratchClassifier.from_sklearn(theirs)
    assert_same_predictions(ours, theirs)
    assert ours.history_ == {"loss": []}


def test_weights_put_there_by_hand():
    ours = fitted(MLPScratchClassifier(5, max_iter=3, random_state=0), STRINGS)
    ours.coefs_ = [np.round(10 * W) for W in ours.coefs_]
    expected = ours.predict_proba(X)
    ours.coefs_ = [W.astype(int) for W in ours.coefs_]
    np.testing.assert_array_equal(ours.predict_proba(X), expected)
    ours.intercepts_ = [b.astype(int) for b in ours.intercepts_]
    assert ours.predict_proba(X).dtype == float


def test_partial_fit_goes_on_in_scikit_learn():
    ours = fitted(MLPScratchClassifier(5, max_iter=3, random_state=0), STRINGS)
    before = ours.loss_
    theirs = ours.to_sklearn()
    for _ in range(20):
        theirs.partial_fit(X, STRINGS)
    assert theirs.loss_ < before


def test_unfitted_estimators_keep_their_parameters():
    params = {"hidden_layer_sizes": (3, 4), "alpha": 0.1, "tol": 1e-3, "solver": "lbfgs"}
    theirs = MLPScratchClassifier(**params, l2=0.1, init="he_normal").to_sklearn()
    assert theirs.get_params() == MLPClassifier(**params).get_params()
    assert not hasattr(theirs, "coefs_")
    ours = MLPScratchRegressor.from_sklearn(MLPRegressor(loss="poisson", **params))
    assert ours.get_params() == MLPScratchRegressor(loss="poisson", **params).get_params()


def test_parameters_without_counterpart():
    theirs = MLPScratchClassifier(solver="nag", warm_start="resume").to_sklearn()
    assert theirs.solver == "sgd"
    assert theirs.warm_start is True
    assert MLPScratchClassifier((3, 4), ["tanh", "tanh"]).to_sklearn().activation == "tanh"
    for sizes, activation in [((3,), "gelu"), ((3, 4), ["tanh", "relu"])]:
        with pytest.raises(ValueError, match=r"activation=.*no counterpart in scikit-learn"):
            MLPScratchClassifier(sizes, activation).to_sklearn()


@pytest.mark.parametrize("other", [MLPRegressor(), RandomForestClassifier(), "mlp"])
def test_from_sklearn_of_another_class(other):
    with pytest.raises(TypeError, match="must be scikit-learn's MLPClassifier, got "):
        MLPScratchClassifier.from_sklearn(other)


class FewParameters(MLPScratchClassifier):
    """A class of the user's own that fixes most parameters, as scikit-learn lets it."""

    def __init__(self, hidden_layer_sizes=(5,), random_state=None):
        super().__init__(
            hidden_layer_sizes, "tanh", solver="sgd", max_iter=4, random_state=random_state
        )


class MoreParameters(MLPScratchRegressor):
    def __init__(self, loss="squared_error", hidden_layer_sizes=(5,), note="none"):
        super().__init__(loss, hidden_layer_sizes=hidden_layer_sizes, max_iter=4)
        self.note = note


class TheirsWithMore(MLPClassifier):
    def __init__(self, hidden_layer_sizes=(5,), note="none"):
        super().__init__(hidden_layer_sizes, "logistic", max_iter=4)
        self.note = note


@pytest.mark.parametrize("cls", [FewParameters, MoreParameters])
def test_derived_class_to_scikit_learn_and_back(cls):
    y = STRINGS if cls is FewParameters else REAL
    unfitted = cls(hidden_layer_sizes=(4, 3)).to_sklearn()
    assert (unfitted.hidden_layer_sizes, unfitted.max_iter) == ((4, 3), 4)
    ours = fitted(cls(hidden_layer_sizes=(4, 3)), y)
    theirs = ours.to_sklearn()
    assert theirs.activation == ours.activation
    assert_same_predictions(ours, theirs)
    again = cls.from_sklearn(theirs)
    assert type(again) is cls
    assert again.hidden_layer_sizes == (4, 3)
    assert_same_predictions(again, ours)


def test_derived_class_that_fixes_something_else_predicts_the_same():
    theirs = fitted(MLPClassifier(6, activation="logistic", max_iter=3, random_state=0), STRINGS)
    ours = FewParameters.from_sklearn(theirs)
    assert ours.get_params() == {"hidden_layer_sizes": 6, "random_state": 0}
    assert_same_predictions(ours, theirs)


def test_from_a_class_derived_from_scikit_learns():
    theirs = fitted(TheirsWithMore((4,)), STRINGS)
    assert_same_predictions(MLPScratchClassifier.from_sklearn(theirs), theirs)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_history_and_curves_of_a_converted_model(early_stopping):
    theirs = MLPRegressor(
        hidden_layer_sizes=5, solver="sgd", max_iter=6, early_stopping=early_stopping
    )
    ours = MLPScratchRegressor.from_sklearn(fitted(theirs, REAL))
    names = ["loss", "r2", *(["validation_score"] if early_stopping else [])]
    assert list(ours.history_) == names
    assert ours.history_["loss"] == theirs.loss_curve_
    assert {len(curve) for curve in ours.history_.values()} == {theirs.n_iter_}
    assert np.isnan(ours.history_["r2"]).all()
    before = list(ours.loss_curve_)
    ours.set_params(early_stopping=False).partial_fit(X, REAL)
    assert ours.loss_curve_[:-1] == before
    assert np.isfinite(ours.history_["r2"][-1])


def test_curves_of_a_converted_lbfgs_model():
    theirs = fitted(MLPClassifier(5, solver="lbfgs", max_iter=20, random_state=0), STRINGS)
    ours = MLPScratchClassifier.from_sklearn(theirs)
    assert ours.loss_curve_ == []
    assert (ours.loss_, ours.n_iter_) == (theirs.loss_, theirs.n_iter_)
    fitted(ours.set_params(warm_start=True, max_iter=3), STRINGS)
    assert len(ours.loss_curve_) == len(ours.history_["loss"]) == 3
