"""A validation set of one's own, what is recorded of it, and stopping by a rule of one's own."""

import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import (
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_multilabel_classification,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss, mean_poisson_deviance, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.estimators.validation_units import warn_of_other_units
from sknn_scratch.exceptions import ValidationSetWarning

IRIS, CODES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)
WEIGHTS = np.random.default_rng(0).uniform(0.1, 2, 150)
X, X_VAL, Y, Y_VAL, W, W_VAL = train_test_split(
    scale(IRIS), NAMES[CODES], WEIGHTS, test_size=0.3, random_state=0
)
VALIDATION = {"X_val": X_VAL, "y_val": Y_VAL}
MODEL = MLPScratchClassifier(6, "tanh", learning_rate_init=0.02, max_iter=8, random_state=0)
# The probabilities of prediction are rounded and clipped, the loss is of raw scores: some eps
ROUNDING = 1e-12


def fitted(model, X=X, y=Y, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, *args, **kwargs)


def assert_same_bits(model, other):
    arrays = zip(model.coefs_ + model.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    for mine, yours in arrays:
        np.testing.assert_array_equal(mine, yours)


def by_partial_fit(model, n_epochs):
    """Return the models after each epoch, trained by a loop of one's own."""
    model, models = clone(model), []
    for _ in range(n_epochs):
        model.partial_fit(X, Y, classes=NAMES)
        models.append(copied(model))
    return models


def copied(model):
    other = clone(model)
    vars(other).update(vars(model))
    other.coefs_ = [W.copy() for W in model.coefs_]
    other.intercepts_ = [b.copy() for b in model.intercepts_]
    return other


# What is recorded


@pytest.mark.parametrize("weight", [None, W_VAL], ids=["plain", "weighted"])
@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_history_of_a_classifier(solver, weight):
    model = clone(MODEL).set_params(
        solver=solver, l1=0.01, label_smoothing=0.1, class_weight="balanced"
    )
    fitted(model, X, Y, W, **VALIDATION, sample_weight_val=weight)
    history = model.history_
    names = ["loss", "penalty", "accuracy", "validation_loss", "validation_score"]
    assert [len(history[name]) for name in names] == [model.n_iter_] * 5
    assert {len(values) for values in history.values()} == {model.n_iter_}
    # After the last epoch, without penalties, label smoothing and weights of classes
    loss = log_loss(Y_VAL, model.predict_proba(X_VAL), sample_weight=weight)
    assert history["validation_loss"][-1] == pytest.approx(loss, rel=ROUNDING)
    score = model.score(X_VAL, Y_VAL, sample_weight=weight)
    assert history["validation_score"][-1] == pytest.approx(score, rel=ROUNDING)
    assert model.validation_scores_ == history["validation_score"]
    assert 0 < history["penalty"][-1] < history["loss"][-1]


def test_history_epoch_by_epoch_is_that_of_a_loop_of_partial_fit():
    """partial_fit shuffles alike in each call: compared without shuffling."""
    model = clone(MODEL).set_params(shuffle=False, batch_size=20)
    models = by_partial_fit(model, 8)
    fitted(model, **VALIDATION)
    assert_same_bits(model, models[-1])
    for k, one in enumerate(models):
        loss = log_loss(Y_VAL, one.predict_proba(X_VAL))
        assert model.history_["validation_loss"][k] == pytest.approx(loss, rel=ROUNDING)
        assert model.history_["validation_score"][k] == one.score(X_VAL, Y_VAL)
    for name in ("loss", "penalty", "accuracy", "learning_rate"):
        assert model.history_[name] == models[-1].history_[name]


def test_training_loss_and_accuracy_are_those_before_the_step():
    """With one batch per epoch: those of the weights of the epoch before."""
    model = clone(MODEL).set_params(solver="gd", alpha=0.5, l1=0.01)
    models = by_partial_fit(model, 8)
    fitted(model, **VALIDATION)
    for k, before in enumerate(models[:-1], start=1):
        penalty = sum(
            0.5 / (2 * len(Y)) * (V**2).sum() + 0.01 * np.abs(V).sum() for V in before.coefs_
        )
        loss = log_loss(Y, before.predict_proba(X))
        assert model.history_["penalty"][k] == pytest.approx(penalty, rel=1e-12)
        assert model.history_["loss"][k] == pytest.approx(loss + penalty, rel=1e-12)
        assert model.history_["accuracy"][k] == pytest.approx(before.score(X, Y), rel=1e-12)


@pytest.mark.parametrize("weight", [None, W_VAL], ids=["plain", "weighted"])
def test_history_of_a_regressor(weight):
    model = MLPScratchRegressor(hidden_layer_sizes=4, max_iter=5, alpha=1.0, random_state=0)
    fitted(
        model, X[:, 2:], X[:, :2], X_val=X_VAL[:, 2:], y_val=X_VAL[:, :2], sample_weight_val=weight
    )
    predicted = model.predict(X_VAL[:, 2:])
    half = 0.5 * np.average(((predicted - X_VAL[:, :2]) ** 2).mean(axis=1), weights=weight)
    assert model.history_["validation_loss"][-1] == pytest.approx(half, rel=ROUNDING)
    score = r2_score(X_VAL[:, :2], predicted, sample_weight=weight)
    assert model.history_["validation_score"][-1] == pytest.approx(score, rel=ROUNDING)
    assert "accuracy" not in model.history_


def test_history_of_counts():
    counts, val = np.random.default_rng(0).poisson(2.0, 105), np.arange(45) % 4
    model = MLPScratchRegressor("poisson", 4, max_iter=5, random_state=0)
    fitted(model, X, counts, X_val=X_VAL, y_val=val)
    deviance = mean_poisson_deviance(val, model.predict(X_VAL))
    assert model.history_["validation_loss"][-1] == pytest.approx(deviance / 2, rel=ROUNDING)


def test_history_of_several_labels():
    X, y = make_multilabel_classification(60, 5, n_classes=3, random_state=0)
    model = MLPScratchClassifier(4, max_iter=5, random_state=0)
    fitted(model, X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    p = model.predict_proba(X[40:])
    loss = -(y[40:] * np.log(p) + (1 - y[40:]) * np.log(1 - p)).sum(axis=1).mean()
    assert model.history_["validation_loss"][-1] == pytest.approx(loss, rel=1e-10)  # 1 - p
    assert model.history_["validation_score"][-1] == model.score(X[40:], y[40:])


def test_history_of_two_classes():
    y, y_val = np.where(Y == "setosa", "no", "yes"), np.where(Y_VAL == "setosa", "no", "yes")
    model = fitted(clone(MODEL), X, y, X_val=X_VAL, y_val=y_val)
    loss = log_loss(y_val, model.predict_proba(X_VAL))
    assert model.history_["validation_loss"][-1] == pytest.approx(loss, rel=1e-10)


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_it_is_only_recorded_without_early_stopping(solver):
    model = clone(MODEL).set_params(solver=solver)
    one, other = fitted(clone(model)), fitted(clone(model), **VALIDATION, sample_weight_val=W_VAL)
    assert_same_bits(one, other)
    assert one.loss_curve_ == other.loss_curve_
    assert one.validation_scores_ is None
    assert one.best_loss_ == other.best_loss_


def test_the_data_are_not_changed():
    before = joblib.hash((X, Y, W, X_VAL, Y_VAL, W_VAL))
    fitted(clone(MODEL), X, Y, W, **VALIDATION, sample_weight_val=W_VAL)
    assert joblib.hash((X, Y, W, X_VAL, Y_VAL, W_VAL)) == before


@pytest.mark.parametrize("train_sparse", [False, True])
def test_sparse_and_single_precision(train_sparse):
    data, val = X.astype(np.float32), csr_array(X_VAL)
    model = fitted(clone(MODEL), csr_array(data) if train_sparse else data, X_val=val, y_val=Y_VAL)
    dense = fitted(clone(MODEL), data, X_val=X_VAL.astype(np.float32), y_val=Y_VAL)
    # Single precision, and sums in another order, over eight epochs
    for name in ("validation_loss", "validation_score"):
        np.testing.assert_allclose(model.history_[name], dense.history_[name], rtol=1e-4)


def test_some_classes_may_be_missing_in_the_validation_set():
    few = Y_VAL != "virginica"
    model = fitted(clone(MODEL), X_val=X_VAL[few], y_val=Y_VAL[few])
    assert model.history_["validation_score"][-1] == model.score(X_VAL[few], Y_VAL[few])


def test_every_entry_is_as_long_as_the_training_after_a_warm_start():
    model = clone(MODEL).set_params(warm_start=True)
    fitted(fitted(model, **VALIDATION), **VALIDATION)
    assert {len(values) for values in model.history_.values()} == {16}


@pytest.mark.parametrize("first", [True, False])
def test_a_validation_set_in_one_of_two_fits_leaves_a_table(first):
    model = clone(MODEL).set_params(warm_start=True)
    fitted(fitted(model, **(VALIDATION if first else {})), **({} if first else VALIDATION))
    assert {len(values) for values in model.history_.values()} == {16}


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_predictions_that_overflow_are_recorded_as_infinite(solver):
    """One row is far from all others; its expected count is beyond the greatest number."""
    X_far = np.vstack([X_VAL, 1e5 * np.ones(4)])
    model = MLPScratchRegressor("poisson", 4, "identity", solver=solver, max_iter=5, random_state=0)
    model = fitted(model, X, X[:, 0] - X.min(), X_val=X_far, y_val=np.arange(46) % 4)
    losses, scores = (model.history_[f"validation_{name}"] for name in ("loss", "score"))
    assert np.inf in losses
    assert [-np.inf if loss == np.inf else 0 for loss in losses] == [
        score if score == -np.inf else 0 for score in scores
    ]
    assert np.isfinite(model.predict(X)).all()


def test_one_sample_has_no_r2():
    model = MLPScratchRegressor(hidden_layer_sizes=4, max_iter=5, random_state=0)
    fitted(model, X, X[:, 0], X_val=X_VAL[:1], y_val=X_VAL[:1, 0])  # no words of scikit-learn
    assert np.isnan(model.validation_scores_).all()
    assert np.isfinite(model.history_["validation_loss"]).all()


@pytest.mark.parametrize("far", ["X_val", "y_val"])
def test_a_set_beyond_single_precision(far):
    given = {"X_val": X_VAL.copy(), "y_val": X_VAL[:, 0].copy()}
    given[far] *= 1e200
    model = MLPScratchRegressor(hidden_layer_sizes=4)
    with pytest.raises(ValueError, match=rf"{far} goes up to .*e\+200, but .* in float32"):
        model.fit(X.astype(np.float32), X[:, 0], **given)


# Early stopping


def expected_stop(watched, tol, patience):
    """Return (number of epochs, index of the best) by scikit-learn's rule for a falling number."""
    best, stale = np.inf, 0
    for k, value in enumerate(watched):
        stale = stale + 1 if value > best - tol else 0
        best = min(best, value)
        if stale > patience:
            return k + 1, int(np.argmin(watched[: k + 1]))
    return None


@pytest.mark.parametrize("watch", ["score", "loss"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_early_stopping_on_ones_own_set_is_that_of_a_hand_made_loop(solver, watch):
    """All rows of X are trained on; the weights of the best epoch are restored."""
    model = clone(MODEL).set_params(
        solver=solver, shuffle=False, batch_size=20, early_stopping=True, max_iter=200, tol=1e-3,
        n_iter_no_change=3, learning_rate_init=0.3 if SOLVERS[solver].full_batch else 0.03,
    )  # fmt: skip
    models = by_partial_fit(clone(model).set_params(early_stopping=False), 120)
    if watch == "loss":
        values = [log_loss(Y_VAL, one.predict_proba(X_VAL), sample_weight=W_VAL) for one in models]
    else:
        values = [-one.score(X_VAL, Y_VAL, sample_weight=W_VAL) for one in models]
    n_epochs, best = expected_stop(values, 1e-3, 3)
    model.set_params(early_stopping_on=watch)
    model.fit(X, Y, **VALIDATION, sample_weight_val=W_VAL)
    assert model.n_iter_ == n_epochs < 120
    assert_same_bits(model, models[best])
    assert model.t_ == n_epochs * len(X)  # no row is held out
    score = accuracy_score(Y_VAL, models[best].predict(X_VAL), sample_weight=W_VAL)
    assert model.best_validation_score_ == pytest.approx(score, rel=ROUNDING)
    assert model.best_loss_ is None
    sign = 1 if watch == "loss" else -1
    found = sign * np.array(model.history_[f"validation_{watch}"])
    np.testing.assert_allclose(found, values[:n_epochs], rtol=1e-10)


def test_early_stopping_on_loss_with_a_held_out_part():
    model = clone(MODEL).set_params(early_stopping=True, early_stopping_on="loss", max_iter=300)
    model.set_params(n_iter_no_change=2, tol=1e-3, learning_rate_init=0.1).fit(X, Y)
    losses = model.history_["validation_loss"]
    n_epochs, best = expected_stop(losses, 1e-3, 2)
    assert model.n_iter_ == n_epochs
    assert model.best_validation_score_ == model.history_["validation_score"][best]
    generator = np.random.RandomState(0)
    for n_in, n_out in [(4, 6), (6, 3)]:  # the draws of the weights come first
        generator.uniform(size=n_in * n_out)
        generator.uniform(size=n_out)
    _, held_out = train_test_split(np.arange(len(X)), random_state=generator, test_size=0.1)
    loss = log_loss(Y[held_out], model.predict_proba(X[held_out]), labels=NAMES)
    assert min(losses) == pytest.approx(loss, rel=1e-10)


def test_loss_and_score_may_disagree():
    base = clone(MODEL).set_params(early_stopping=True, max_iter=60, learning_rate_init=0.1)
    base.set_params(n_iter_no_change=np.inf)
    by_loss = fitted(clone(base).set_params(early_stopping_on="loss"), **VALIDATION)
    by_score = fitted(clone(base), **VALIDATION)
    assert by_loss.history_["validation_loss"] == by_score.history_["validation_loss"]
    loss = log_loss(Y_VAL, by_loss.predict_proba(X_VAL))
    assert min(by_loss.history_["validation_loss"]) == pytest.approx(loss, rel=1e-10)
    assert by_score.score(X_VAL, Y_VAL) == max(by_score.history_["validation_score"])


def test_lbfgs_records_and_does_not_stop_early():
    model = clone(MODEL).set_params(solver="lbfgs", max_iter=20, early_stopping=True)
    plain = clone(model).set_params(early_stopping=False)
    assert_same_bits(fitted(model, **VALIDATION), fitted(plain))
    loss = log_loss(Y_VAL, model.predict_proba(X_VAL))
    assert model.history_["validation_loss"][-1] == pytest.approx(loss, rel=1e-10)


def test_a_resumed_fit_records_the_set_that_it_is_given():
    model = clone(MODEL).set_params(warm_start="resume", early_stopping=True)
    fitted(fitted(model), **VALIDATION)
    models = model.history_["validation_score"][8:]
    assert set(np.round(np.array(models) * len(Y_VAL), 9) % 1) == {0.0}


# Mistakes


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"X_val": X_VAL}, "X_val and y_val belong together, but y_val is None"),
        ({"y_val": Y_VAL}, "X_val and y_val belong together, but X_val is None"),
        ({"sample_weight_val": W_VAL}, "X_val and y_val belong together"),
        ({"X_val": X_VAL, "y_val": np.full(45, "rosa")}, "y_val.*classes not in.*rosa"),
        ({"X_val": X_VAL[:, :3], "y_val": Y_VAL}, "X_val.*3 features.*4 features"),
        ({"X_val": X_VAL[:9], "y_val": Y_VAL}, "X_val.*inconsistent numbers of samples"),
        ({"X_val": np.full((45, 4), np.nan), "y_val": Y_VAL}, "X_val.*NaN"),
        ({**VALIDATION, "sample_weight_val": W_VAL[:9]}, "sample_weight_val.*shape"),
        ({**VALIDATION, "sample_weight_val": -W_VAL}, "sample_weight_val.*[Nn]egative"),
        ({**VALIDATION, "sample_weight_val": 0 * W_VAL}, "sample_weight_val.*zero"),
    ],
)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_mistakes_are_named_and_leave_the_estimator_alone(solver, given, match):
    model = clone(MODEL).set_params(solver=solver)
    with pytest.raises(ValueError, match=match):
        model.fit(X, Y, **given)
    assert vars(model) == vars(clone(model))


def test_counts_must_not_be_negative():
    model = MLPScratchRegressor("poisson", 4)
    with pytest.raises(ValueError, match=r"y_val.*poisson.*-2"):
        model.fit(X, np.ones(105), X_val=X_VAL, y_val=np.full(45, -2.0))


@pytest.mark.parametrize("y_val", [X_VAL[:, 0], X_VAL[:, :3]], ids=["one", "three"])
def test_y_val_of_another_width(y_val):
    model = MLPScratchRegressor(hidden_layer_sizes=4, max_iter=2)
    with pytest.raises(ValueError, match="y_val"):
        fitted(model, X, X[:, :2], X_val=X_VAL, y_val=y_val)


def test_labels_of_another_width():
    X, y = make_multilabel_classification(60, 5, n_classes=2, random_state=0)
    with pytest.raises(ValueError, match="y_val"):
        fitted(MLPScratchClassifier(4, max_iter=2), X, y, X_val=X, y_val=y[:, 0])


def test_validation_data_are_for_fit_only_by_name():
    with pytest.raises(TypeError):
        clone(MODEL).fit(X, Y, None, X_VAL, Y_VAL)
    with pytest.raises(TypeError, match="X_val"):
        clone(MODEL).partial_fit(X, Y, classes=NAMES, X_val=X_VAL, y_val=Y_VAL)


# A rule of one's own


def converged(history):
    """Validation above 0.975, and changing by less than 0.005."""
    scores = history["validation_score"]
    return len(scores) > 1 and scores[-1] > 0.975 and abs(scores[-1] - scores[-2]) < 0.005


def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, test_size=0.3, random_state=0)


def test_the_rule_of_the_reports():
    X, X_val, y, y_val = digits()
    model = MLPScratchClassifier(40, "softplus", learning_rate_init=0.01, random_state=0)
    model.set_params(max_iter=200, n_iter_no_change=np.inf)
    ruled = clone(model).set_params(stop_when=converged).fit(X, y, X_val=X_val, y_val=y_val)
    assert 1 < ruled.n_iter_ < 100
    scores = ruled.history_["validation_score"]
    assert [converged({"validation_score": scores[: k + 1]}) for k in range(len(scores))] == [
        *[False] * (len(scores) - 1), True
    ]  # fmt: skip
    # The same training as without the rule, up to there
    plain = fitted(model.set_params(max_iter=ruled.n_iter_), X, y, X_val=X_val, y_val=y_val)
    assert_same_bits(ruled, plain)
    assert ruled.history_["validation_score"] == plain.history_["validation_score"]


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_rule_is_called_with_the_history_after_each_epoch(solver):
    seen, kept = [], []

    def rule(history):
        seen.append({name: len(values) for name, values in history.items()})
        kept.append(history)
        return len(history["loss"]) == 4

    model = clone(MODEL).set_params(solver=solver, stop_when=rule)
    model.fit(X, Y, **VALIDATION)  # stopped by the user's wish: no warning
    assert model.n_iter_ == 4
    assert [counts["loss"] for counts in seen] == [1, 2, 3, 4]
    assert all(len(set(counts.values())) == 1 for counts in seen)
    assert kept[-1] == model.history_


def stop_at_four(history):
    return len(history["loss"]) == 4


def test_the_rule_stops_lbfgs_without_a_warning():
    model = clone(MODEL).set_params(solver="lbfgs", stop_when=stop_at_four)
    assert model.fit(X, Y).n_iter_ == 4


def test_the_rule_stops_lbfgs_at_the_weights_of_its_last_iteration():
    model = fitted(clone(MODEL).set_params(solver="lbfgs", stop_when=stop_at_four), **VALIDATION)
    assert model.n_iter_ == len(model.history_["loss"]) == 4
    four = fitted(clone(MODEL).set_params(solver="lbfgs", max_iter=4))
    assert_same_bits(model, four)
    loss = log_loss(Y_VAL, model.predict_proba(X_VAL))
    assert model.history_["validation_loss"][-1] == pytest.approx(loss, rel=1e-10)


def test_the_rule_works_with_early_stopping():
    """The weights of the best of the four epochs are kept."""
    model = clone(MODEL).set_params(stop_when=stop_at_four, early_stopping=True, max_iter=50)
    model.set_params(learning_rate_init=0.5, shuffle=False, random_state=1)
    model.fit(X, Y, **VALIDATION)
    assert model.n_iter_ == 4
    best = int(np.argmax(model.history_["validation_score"]))
    plain = clone(model).set_params(stop_when=None, early_stopping=False)
    assert_same_bits(model, by_partial_fit(plain, best + 1)[-1])


def test_a_rule_that_never_stops_changes_nothing():
    ruled = clone(MODEL).set_params(stop_when=stop_at_a_thousand)
    assert_same_bits(fitted(ruled), fitted(clone(MODEL)))


def stop_at_a_thousand(history):
    return len(history["loss"]) == 1000


def test_an_error_in_the_rule_leaves_the_estimator_as_it_was():
    model = fitted(clone(MODEL))
    before = joblib.hash(vars(model))
    model.stop_when = wrong_rule
    with pytest.raises(KeyError, match="validation_score"):
        fitted(model)
    del model.stop_when
    model.stop_when = None
    assert joblib.hash(vars(model)) == before


def wrong_rule(history):
    return history["validation_score"][-1] > 0.9


def test_the_estimator_with_a_rule_goes_through_joblib(tmp_path):
    model = clone(MODEL).set_params(stop_when=stop_at_four).fit(X, Y)
    joblib.dump(model, tmp_path / "model.joblib")
    loaded = joblib.load(tmp_path / "model.joblib")
    assert loaded.stop_when is stop_at_four
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert_same_bits(loaded.fit(X, Y), model)


# Units

DIABETES, PROGRESSION = load_diabetes(return_X_y=True)
WINE, KINDS = load_wine(return_X_y=True)


def fit_warnings(model, *args, **kwargs):
    with warnings.catch_warnings(record=True) as record:
        warnings.simplefilter("always")
        model.fit(*args, **kwargs)
    return [str(w.message) for w in record if w.category is ValidationSetWarning]


def test_a_target_transformer_does_not_reach_y_val():
    network = MLPScratchRegressor(
        hidden_layer_sizes=5, early_stopping=True, max_iter=5, random_state=0
    )
    model = TransformedTargetRegressor(network, transformer=StandardScaler())
    validation = {"X_val": DIABETES[300:], "y_val": PROGRESSION[300:]}
    [said] = fit_warnings(model, DIABETES[:300], PROGRESSION[:300], **validation)
    assert said.startswith("y_val does not seem to be in the units of y: half of the values lie")
    assert "TransformedTargetRegressor" in said
    assert fit_warnings(network, DIABETES[:300], PROGRESSION[:300], **validation) == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scaled", ["X", "X_val"])
def test_a_scaler_that_does_not_reach_the_other_set(scaled, dtype):
    rows = np.random.RandomState(0).permutation(len(WINE))
    training, held = WINE[rows][:100].astype(dtype), WINE[rows][100:].astype(dtype)
    scaler = StandardScaler().fit(training)
    if scaled == "X":
        training = scaler.transform(training)
    else:
        held = scaler.transform(held)
    model = MLPScratchClassifier(5, max_iter=2, random_state=0)
    y, y_val = KINDS[rows][:100], KINDS[rows][100:]
    [said] = fit_warnings(model, training, y, X_val=held, y_val=y_val)
    # Proline, which is measured in hundreds
    assert said.startswith("X_val does not seem to be in the units of X: half of the values in c")
    assert "column 12" in said
    assert "transform_input" in said


def test_a_shift_alone():
    model = MLPScratchRegressor(hidden_layer_sizes=5, max_iter=2, random_state=0)
    validation = {"X_val": DIABETES[300:] + 10, "y_val": PROGRESSION[300:]}
    [said] = fit_warnings(model, DIABETES[:300], PROGRESSION[:300], **validation)
    assert said.startswith("X_val")


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["iris", "diabetes", "wine", "cauchy", "counts"])
def test_no_false_alarm_about_units(name, seed):
    rng = np.random.RandomState(seed)
    X, y = {
        "iris": (IRIS, CODES),
        "diabetes": (DIABETES, PROGRESSION),
        "wine": (scale(WINE), KINDS),
        "cauchy": (rng.standard_cauchy((200, 30)), rng.standard_cauchy(200)),
        "counts": (rng.poisson(0.3, (200, 30)), rng.poisson(0.3, 200)),
    }[name]
    X, X_val, y, y_val = train_test_split(X, y, test_size=20, random_state=seed)
    model = MLPScratchRegressor(hidden_layer_sizes=2, max_iter=1, random_state=0)
    validation = {"X_val": X_val, "y_val": y_val}
    assert fit_warnings(model, X, y, **validation) == []
    assert fit_warnings(model, X[:10], y[:10], X_val=1e6 * X_val[:9], y_val=y_val[:9]) == []


def test_units_in_a_pipeline():
    model = make_pipeline(StandardScaler(), MLPScratchClassifier(5, max_iter=2, random_state=0))
    given = {
        "mlpscratchclassifier__X_val": WINE[::3],
        "mlpscratchclassifier__y_val": KINDS[::3],
    }
    [said] = fit_warnings(model, WINE, KINDS, **given)
    assert "transform_input=['X_val']" in said


def test_units_of_a_column_with_a_name():
    def frame(array):
        return pd.DataFrame(array, columns=["length", "width"])

    model = MLPScratchRegressor(hidden_layer_sizes=2, max_iter=1, random_state=0)
    X, X_val = frame(IRIS[:, :2]), frame(IRIS[:, :2] * [1, 1000])
    said = fit_warnings(model, X, X, X_val=X_val, y_val=X_val)
    assert [text.partition(" lie ")[0].rpartition(" in ")[2] for text in said] == [
        "column 'width'"
    ] * 2


def test_distances_that_overflow_are_not_judged():
    """Nor do they hide a column that is in other units."""
    training = np.random.RandomState(0).choice([-1e308, 1.0, 1e308], (100, 2))
    warn_of_other_units("X", training, training[:50])
    training[:, 1] = np.arange(100)
    with pytest.warns(ValidationSetWarning, match="in column 1 lie between"):
        warn_of_other_units("X", training, training[:50] / [1, 1e6])
