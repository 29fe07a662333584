"""Targets with gaps, and weights of single targets: what is missing has a weight of zero."""

import datetime
import pickle
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.losses import REGRESSION_LOSSES, DevianceLoss, RegressionLoss
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.ensemble import MLPBaggingRegressor
from sknn_scratch.exceptions import NothingLearnedWarning, ValidationSetWarning
from sknn_scratch.gradient_check import check_gradient
from sknn_scratch.model_selection import MLPGridSearchCV, MLPHalvingGridSearchCV
from sknn_scratch.reference import objective_and_gradient

from ..loss_targets import draw_targets

RNG = np.random.default_rng(0)
N, K = 60, 3
X = RNG.normal(size=(N, 4))
MISSING = RNG.random((N, K)) < 0.3
MISSING[:, 0] = False  # nothing is missing in the first column
WEIGHT = RNG.uniform(0.5, 2, size=(N, K))
COMPLETE = scale(X @ RNG.normal(size=(4, K)) + 0.3 * RNG.normal(size=(N, K)))
Y = np.where(MISSING, np.nan, COMPLETE)
LABELS = (COMPLETE + RNG.normal(size=(N, K)) > 0).astype(int)
ENGINES = ["numpy", "numba"] if find_spec("numba") else ["numpy"]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls=MLPScratchRegressor, **params):
    defaults = {"hidden_layer_sizes": (5,), "max_iter": 4, "batch_size": 16, "random_state": 0}
    if cls is MLPScratchRegressor:
        defaults["missing_targets"] = "ignore"
    return cls(**defaults | params)


def assert_same(a, b, tolerance=0.0):
    assert a.history_.keys() == b.history_.keys()
    pairs = zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True)
    for found, expected in [*pairs, *((a.history_[k], b.history_[k]) for k in a.history_)]:
        assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def targets_of(loss):
    y = draw_targets(loss, np.random.default_rng(1), N, K)
    return np.where(MISSING, np.nan, y)


# The formula


@pytest.mark.parametrize("alpha", [1e-4, 3.0])
@pytest.mark.parametrize(
    "loss", ["squared_error", "poisson", "huber", "log_cosh", "gamma", "tweedie"]
)
def test_without_hidden_layer_it_is_a_fit_for_each_target_on_the_samples_that_have_it(loss, alpha):
    y = targets_of(loss)
    model = new(
        loss=loss, hidden_layer_sizes=(), solver="lbfgs", alpha=alpha, max_iter=900, tol=1e-9
    )
    together = clone(model).fit(X, y)
    for k in range(K):
        rows = ~MISSING[:, k]
        alone = clone(model).set_params(missing_targets="error").fit(X[rows], y[rows, k])
        assert_allclose(together.coefs_[0][:, k], alone.coefs_[0][:, 0], atol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_gradient_is_that_of_difference_quotients_and_of_loops(loss, weighted):
    y, weight = targets_of(loss), WEIGHT if weighted else None
    model = new(loss=loss, activation="tanh", l1=1e-3, alpha=0.1).fit(X, y, weight)
    check = check_gradient(model, X, y, weight)
    assert check.passed
    value, dW, db = objective_and_gradient(model, X, y, weight)
    assert_allclose(check.backprop, np.concatenate([a.ravel() for a in dW + db]), atol=1e-13)
    # F by hand: the loss of each target in a fit of its own, which is a mean over n samples
    w = np.where(MISSING, 0, 1.0 if weight is None else weight)
    rows, columns = np.nonzero(w)
    loss_object = loss_of(model)
    raw = forward_by_hand(model)[rows, columns][:, None]
    of_each = loss_object.value(raw, y[rows, columns][:, None])
    penalties = sum(1e-3 * np.abs(W).sum() for W in model.coefs_)
    S = w.max(axis=1).sum()
    penalties += 0.1 / (2 * S) * sum((W**2).sum() for W in model.coefs_)
    assert_allclose(value, of_each @ w[rows, columns] / S + penalties, rtol=1e-12)


def loss_of(model):
    loss = REGRESSION_LOSSES[model.loss]
    names = [name for name in ("quantile", "delta", "power") if name in loss.__annotations__]
    return loss(**{name: getattr(model, name) for name in names})


def forward_by_hand(model):
    (W, V), (b, c) = model.coefs_, model.intercepts_
    return np.tanh(X @ W + b) @ V + c


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_nothing_missing_gives_the_same_bits(solver, engine):
    model = new(solver=solver, engine=engine)
    plain = new(solver=solver, engine=engine, missing_targets="error").fit(X, COMPLETE)
    assert_same(clone(model).fit(X, COMPLETE), plain)
    assert_same(clone(model).fit(X, COMPLETE, np.ones((N, K))), plain)
    of_samples = WEIGHT[:, 0]
    weighted = clone(model).fit(X, COMPLETE, of_samples)
    by_target = np.tile(of_samples[:, None], K)
    assert_same(clone(model).fit(X, COMPLETE, by_target), weighted)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_column_without_gaps_is_trained_as_without_gaps_elsewhere(engine):
    model = new(hidden_layer_sizes=(), engine=engine, alpha=0.5)
    found, expected = clone(model).fit(X, Y), clone(model).fit(X, COMPLETE)
    assert_allclose(found.coefs_[0][:, 0], expected.coefs_[0][:, 0], rtol=1e-12)
    assert not np.allclose(found.coefs_[0][:, 1], expected.coefs_[0][:, 1], rtol=1e-6)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_gap_is_a_weight_of_zero(engine):
    model = new(engine=engine, early_stopping=True, tol=0)
    filled = np.where(MISSING, 100.0, COMPLETE)  # whatever it is, it does not count
    found, expected = clone(model).fit(X, Y, WEIGHT), clone(model)
    expected.fit(X, filled, np.where(MISSING, 0, WEIGHT))
    assert_same(found, expected)
    of_samples = WEIGHT[:, 0]
    found, expected = clone(model).fit(X, Y, of_samples), clone(model)
    expected.fit(X, filled, np.where(MISSING, 0, of_samples[:, None]))
    assert_same(found, expected)


@pytest.mark.parametrize("solver", ["gd", "nag", "lbfgs"])
def test_a_sample_without_targets_is_as_if_it_were_not_there(solver):
    y, gone = Y.copy(), np.arange(N) % 4 == 0
    y[gone] = np.nan
    model = new(solver=solver, alpha=1.0)
    assert_same(clone(model).fit(X, y), clone(model).fit(X[~gone], y[~gone]), tolerance=1e-9)


@pytest.mark.parametrize("solver", ["gd", "lbfgs"])
def test_a_whole_weight_is_the_sample_so_many_times_with_gaps(solver):
    weight = np.tile([[3, 1, 0], [2, 2, 1], [0, 1, 1]], (N // 3, 1))
    rows = np.repeat(np.arange(N), weight.max(axis=1))
    number = np.concatenate([np.arange(times) for times in weight.max(axis=1)])
    y = np.where(number[:, None] < weight[rows], COMPLETE[rows], np.nan)
    model = new(solver=solver, alpha=1.0)
    weighted, repeated = clone(model).fit(X, COMPLETE, weight), clone(model).fit(X[rows], y)
    assert_same(weighted, repeated, tolerance=1e-9)
    twice = clone(model).fit(X, COMPLETE, 0.5 * weight)  # their scale changes the share of alpha
    twice.set_params(alpha=0.5).fit(X, COMPLETE, 0.5 * weight)
    assert_same(weighted, twice, tolerance=1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_both_engines_agree(loss, dtype):
    pytest.importorskip("numba")
    y = targets_of(loss)
    y[::2] = np.nan  # with batches of two, some have no target at all
    params = {"loss": loss, "batch_size": 2, "dropout": 0.2, "l2": 1e-3, "solver": "sgd"}
    fits = [new(engine=engine, **params).fit(X.astype(dtype), y, WEIGHT) for engine in ENGINES]
    assert [model.engine_ for model in fits] == ENGINES
    assert_same(*fits, tolerance=1e-9 if dtype == np.float64 else 1e-3)


def test_what_is_predicted_for_a_missing_target_of_a_validation_set_may_be_infinite():
    y = np.where(MISSING, np.nan, np.exp(COMPLETE))
    model = new(loss="poisson", hidden_layer_sizes=(), early_stopping=True, solver="gd", alpha=0)
    model.set_params(warm_start=True).fit(X, y, X_val=X, y_val=y)
    model.coefs_[0][:, 0], model.coefs_[0][:, 1], model.coefs_[0][:, 2] = 0, 1, 0
    model.fit(X, y, X_val=[[0] * 4, [1] * 4, [500] * 4], y_val=[[1, 1, 1], [2, 2, 2], [1, None, 1]])
    assert np.isfinite(model.history_["validation_loss"]).all()


# Scores


@pytest.mark.parametrize("weighted", [False, True])
def test_score_is_the_mean_of_r2_over_the_targets(weighted):
    weight = WEIGHT if weighted else None
    model = new().fit(X, Y)
    predicted = model.predict(X)
    of_each = [
        r2_score(
            COMPLETE[rows, k],
            predicted[rows, k],
            sample_weight=WEIGHT[rows, k] * weighted + (not weighted),
        )
        for k, rows in enumerate(~MISSING.T)
    ]
    assert_allclose(model.score(X, Y, weight), np.mean(of_each), rtol=1e-12)
    if not weighted:
        assert model.score(X, COMPLETE) == r2_score(COMPLETE, predicted)


def test_score_leaves_out_targets_of_which_there_is_one_at_most():
    y = Y.copy()
    y[1:, 2], y[:, 1] = np.nan, np.nan
    model = new().fit(X, Y)
    assert_allclose(model.score(X, y), r2_score(Y[:, 0], model.predict(X)[:, 0]), rtol=1e-12)
    y[1:, 0] = np.nan
    with pytest.warns(UndefinedMetricWarning, match="no target has two values"):
        assert np.isnan(model.score(X, y))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_history_has_the_mean_over_targets_of_their_scores(loss, engine):
    y = targets_of(loss)
    model = new(loss=loss, solver="gd", learning_rate_init=1e-12, max_iter=1, engine=engine)
    model.set_params(activation="tanh").fit(
        X, y, WEIGHT, X_val=X, y_val=y, sample_weight_val=WEIGHT
    )
    name = "d2" if issubclass(REGRESSION_LOSSES[loss], DevianceLoss) else "r2"
    assert_allclose(model.history_[name], model.validation_scores_, rtol=1e-8)
    assert_allclose(model.history_["validation_loss"], model.history_["loss"], rtol=1e-3)
    if name == "r2":
        assert_allclose(model.score(X, y, WEIGHT), model.validation_scores_[-1], rtol=1e-12)
        return
    raw, of_each = forward_by_hand(model), []
    for k, rows in enumerate(~MISSING.T):
        parts = raw[rows, k : k + 1], y[rows, k : k + 1], WEIGHT[rows, k]
        of_each.append(loss_of(model).mean_score(*parts))
    assert_allclose(model.history_["d2"], np.mean(of_each), rtol=1e-8)


@pytest.mark.parametrize("engine", ENGINES)
def test_early_stopping_keeps_the_weights_of_the_best_score_on_what_is_there(engine):
    model = new(early_stopping=True, max_iter=30, n_iter_no_change=3, engine=engine)
    model.set_params(learning_rate_init=0.05)
    model.fit(X, Y, X_val=X[:20], y_val=Y[:20])
    assert (
        model.score(X[:20], Y[:20]) == model.best_validation_score_ == max(model.validation_scores_)
    )
    held_out = clone(model).set_params(validation_fraction=0.3).fit(X, Y)
    assert held_out.best_validation_score_ == max(held_out.validation_scores_) > 0


def test_validation_set_whose_targets_do_not_vary_is_judged_by_the_loss():
    y_val = np.where(np.arange(K) == 1, 1.0, np.full((5, K), np.nan))
    with pytest.warns(ValidationSetWarning, match="all have the same target"):
        new(early_stopping=True).fit(X, Y, X_val=X[:5], y_val=y_val)


def test_a_network_that_has_learned_nothing_is_told_of():
    with pytest.warns(NothingLearnedWarning, match="no better than the mean of y"):
        new(l1=10.0, solver="adam", learning_rate_init=0.01, max_iter=100, tol=1e-2).fit(X, Y)


# Streams and fits that go on


@pytest.mark.parametrize("engine", ENGINES)
def test_partial_fit_takes_a_batch_that_lacks_a_target(engine):
    model = new(engine=engine, solver="sgd", hidden_layer_sizes=(), momentum=0, alpha=0)
    model.partial_fit(X, Y)
    y, before = Y.copy(), model.coefs_[0].copy()
    y[:, 1] = np.nan
    model.partial_fit(X, y)
    assert_array_equal(model.coefs_[0][:, 1], before[:, 1])
    assert (model.coefs_[0][:, [0, 2]] != before[:, [0, 2]]).all()
    with pytest.raises(ValueError, match="or all its targets are missing"):
        model.partial_fit(X, np.full_like(Y, np.nan))


def test_resumed_fits_end_in_the_same_bits():
    whole = new(max_iter=6, n_iter_no_change=np.inf).fit(X, Y)
    parts = new(max_iter=3, n_iter_no_change=np.inf, warm_start="resume").fit(X, Y)
    parts = pickle.loads(pickle.dumps(parts)).fit(X, Y)
    for found, expected in zip(parts.coefs_, whole.coefs_, strict=True):
        assert_array_equal(found, expected)


# Several labels


def test_labels_may_have_a_weight_each():
    weight = np.where(MISSING, 0, WEIGHT)
    model = new(MLPScratchClassifier, hidden_layer_sizes=(), solver="lbfgs", alpha=1.0)
    model.set_params(max_iter=500, tol=1e-9)
    together = clone(model).fit(X, LABELS, weight)
    other = np.where(MISSING, 1 - LABELS, LABELS)
    assert_same(clone(model).fit(X, other, weight), together)
    for k in range(K):
        alone = clone(model).fit(X, LABELS[:, k], weight[:, k])
        assert_allclose(together.coefs_[0][:, k], alone.coefs_[0][:, 0], atol=1e-5)


def test_both_engines_agree_on_weights_of_labels():
    pytest.importorskip("numba")
    weight = np.where(MISSING, 0, WEIGHT)
    fits = [
        new(MLPScratchClassifier, engine=engine, class_weight="balanced", early_stopping=True).fit(
            X, LABELS, weight
        )
        for engine in ENGINES
    ]
    assert_same(*fits, tolerance=1e-9)
    model = fits[0]
    right = ((model.predict(X) == LABELS) | MISSING).all(axis=1)
    expected = np.average(right, weights=weight.max(axis=1))
    assert_allclose(model.score(X, LABELS, weight), expected, rtol=1e-12)
    assert model.score(X, LABELS, np.ones((N, K))) == model.score(X, LABELS)


# What it comes in


def test_what_is_missing_may_be_said_in_many_ways():
    expected = new().fit(X, Y)
    objects = np.where(MISSING, None, COMPLETE)
    frame = pd.DataFrame(Y, columns=list("abc"))
    for y in [
        Y.tolist(),
        objects,
        objects.tolist(),
        frame,
        frame.convert_dtypes(),
        frame.astype("Float64").astype(object),
        np.ma.masked_invalid(Y),
        np.ma.masked_array(COMPLETE, MISSING),
        np.asfortranarray(Y),
    ]:
        before = np.array(Y)
        assert_same(new().fit(X, y), expected)
        assert_array_equal(Y, before)
    polars = pytest.importorskip("polars")
    assert_same(new().fit(X, polars.DataFrame(objects.tolist(), orient="row")), expected)
    assert_allclose(expected.score(X, frame.convert_dtypes()), expected.score(X, Y), rtol=1e-12)


def test_one_target_may_have_gaps_too():
    y, rows = Y[:, 1], ~MISSING[:, 1]
    found = new(solver="gd").fit(X, y)
    assert_same(found, new(solver="gd").fit(X[rows], y[rows]), tolerance=1e-12)
    assert found.predict(X).shape == (N,)
    assert found.score(X, y) == r2_score(y[rows], found.predict(X)[rows])


def test_whole_numbers_and_other_dtypes_may_have_gaps():
    whole = np.ma.masked_array(np.rint(3 * COMPLETE).astype(int), MISSING)
    expected = new().fit(X, np.where(MISSING, np.nan, np.rint(3 * COMPLETE)))
    assert_same(new().fit(X, whole), expected)
    single = new().fit(X.astype(np.float32), Y.astype(np.float32))
    assert single.coefs_[0].dtype == np.float32
    assert_allclose(single.coefs_[0], new().fit(X, Y).coefs_[0], atol=1e-4)


# What is refused


EMPTY = np.where(np.arange(K) == 1, np.nan, COMPLETE)


@pytest.mark.parametrize(
    ("params", "y", "weight", "message"),
    [
        ({"missing_targets": "error"}, Y, None, "Input y contains NaN.*missing_targets='ignore'"),
        (
            {"missing_targets": "error"},
            np.ma.masked_invalid(Y),
            None,
            "y has .* masked values.*missing_targets='ignore'",
        ),
        ({"missing_targets": "drop"}, Y, None, "'missing_targets' parameter"),
        ({}, EMPTY, None, "y has no values in column 1: all of them are missing"),
        ({}, pd.DataFrame(EMPTY, columns=list("abc")), None, "y has no values in column 'b'"),
        ({}, np.full((N, K), np.nan), None, r"y has no values in the columns \[0, 1, 2\]"),
        ({}, np.full(N, np.nan), None, "y has no values, all of them are missing"),
        ({}, np.where(MISSING, np.inf, COMPLETE), None, "Input y contains infinity"),
        ({"loss": "gamma"}, Y, None, "loss='gamma' needs y > 0"),
        ({}, Y, np.where(np.arange(K) == 2, 0, WEIGHT), "No sample .* a target in column 2 of y"),
        ({}, Y, np.zeros((N, K)), "sample_weight is zero for every sample"),
        ({}, Y, WEIGHT[:, :2], r"sample_weight .*shape is \(60, 2\), but it must be \(60,\), or"),
        ({}, Y, WEIGHT[:5], r"sample_weight .*shape is \(5, 3\)"),
        ({}, Y, -WEIGHT, "Negative values in data passed to sample_weight"),
        ({}, Y, Y, "sample_weight contains NaN"),
        ({}, Y, WEIGHT[..., None], "sample_weight is not valid"),
    ],
)
def test_what_is_wrong_is_said(params, y, weight, message):
    with pytest.raises(ValueError, match=message):
        new(**params).fit(X, y, weight)


WORDS = ["low", "high"] * (N // 2)
DAYS = [datetime.date(2020, 1, 31)] * N
OUTCOMES = {
    "fit": lambda y: new().fit(X, y),
    "partial_fit": lambda y: new().partial_fit(X, y),
    "score": lambda y: new().fit(X, COMPLETE[:, :2]).score(X, y),
    "ensemble": lambda y: MLPBaggingRegressor(new(), 2).fit(X, y),
    "ensemble of pipelines": lambda y: MLPBaggingRegressor(
        make_pipeline(StandardScaler(), new()), 2
    ).fit(X, y),
}


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("how", OUTCOMES)
def test_a_column_of_a_frame_with_gaps_is_called_by_its_name(how, library):
    frame = pytest.importorskip(library).DataFrame
    with pytest.raises(ValueError, match=r"^y must hold numbers, .* 'grade' \(.*'low'"):
        OUTCOMES[how](frame({"price": Y[:, 1], "grade": WORDS}))
    with pytest.raises(
        ValueError, match=r"^y must hold numbers, .*: 'sold' .*days since the first"
    ):
        OUTCOMES[how](frame({"price": Y[:, 1], "sold": DAYS}))


def test_a_column_of_a_frame_without_weight_is_called_by_its_name():
    y = pd.DataFrame(COMPLETE, columns=["price", "size", "age"])
    with pytest.raises(ValueError, match="has a target in column 'size' of y"):
        new().fit(X, y, np.where(np.arange(K) == 1, 0, WEIGHT))


def test_gaps_do_not_count_towards_the_range_of_a_loss():
    y = np.where(MISSING, np.nan, np.abs(COMPLETE) + 0.1)
    assert np.isfinite(new(loss="gamma").fit(X, y).loss_)


def test_score_names_the_parameter():
    model = new(missing_targets="error").fit(X, COMPLETE)
    with pytest.raises(ValueError, match=r"Input y contains NaN.*missing_targets='ignore'"):
        model.score(X, Y)


def test_a_validation_set_needs_a_target():
    with pytest.raises(ValueError, match=r"sample_weight_val is zero.*or all of y_val is missing"):
        new().fit(X, Y, X_val=X[:5], y_val=np.full((5, K), np.nan))
    y = np.full_like(Y, np.nan)
    y[0] = COMPLETE[0]
    with pytest.raises(ValueError, match="for validation, or all its targets are missing"):
        new(early_stopping=True).fit(X, y)


def test_classes_that_exclude_each_other_have_no_weight_each():
    labels = np.arange(N) % K
    with pytest.raises(ValueError, match="one weight for each sample, because the classes exclude"):
        new(MLPScratchClassifier).fit(X, labels, WEIGHT)


def test_a_loss_that_is_no_sum_takes_weights_of_samples_only(monkeypatch):
    class Distance(RegressionLoss):
        out_activation = "identity"
        separable = False

        def predict(self, raw):
            pass

        def value(self, raw, y):
            return self.value_and_gradient(raw.copy(), y)

        def value_and_gradient(self, raw, y):
            raw -= y
            distance = np.sqrt(np.vecdot(raw, raw) + 1e-9)
            raw /= distance[:, None]
            return distance

    monkeypatch.setitem(REGRESSION_LOSSES, "distance", Distance)
    model = new(loss="distance")
    for y, weight in [(Y, None), (COMPLETE, WEIGHT)]:
        with pytest.raises(ValueError, match="loss='distance' is not a sum over the outputs"):
            model.fit(X, y, weight)
    model.fit(X, COMPLETE, WEIGHT[:, 0])


# Around the estimator


def test_searches_score_what_is_there():
    grid = {"l2": [0.0, 0.1], "max_iter": [2, 4]}
    search = MLPGridSearchCV(new(), grid, cv=3).fit(X, Y, sample_weight=WEIGHT)
    alone = new(**search.best_params_).fit(X, Y, WEIGHT)
    assert_same(search.best_estimator_, alone)
    k = search.best_index_
    folds = [search.cv_results_[f"split{i}_test_score"][k] for i in range(3)]
    rows = np.arange(N) >= N // 3
    first = new(**search.best_params_).fit(X[rows], Y[rows], WEIGHT[rows])
    assert_allclose(folds[0], first.score(X[~rows], Y[~rows], WEIGHT[~rows]), rtol=1e-12)
    halving = MLPHalvingGridSearchCV(
        new(batch_size=5), {"l2": [0.0, 0.1, 1.0]}, min_resources=20, cv=2
    )
    assert np.isfinite(halving.set_params(random_state=0).fit(X, Y).best_score_)
    assert np.isfinite(cross_val_score(new(), X, Y)).all()


def test_weights_of_targets_are_routed_through_pipelines():
    with sklearn.config_context(enable_metadata_routing=True):
        network = new().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, network)
        search = MLPGridSearchCV(pipeline, {"mlpscratchregressor__l2": [0, 0.1]}, cv=2)
        search.fit(X, Y, sample_weight=WEIGHT)
    network = new(l2=search.best_params_["mlpscratchregressor__l2"])
    assert_same(search.best_estimator_[-1], network.fit(scale(X), Y, WEIGHT), tolerance=1e-9)


def test_a_metric_of_scikit_learn_refuses_gaps_and_score_does_not():
    with pytest.warns(UserWarning, match="Scoring failed"):
        assert np.isnan(cross_val_score(new(), X, Y, scoring="neg_mean_squared_error")).all()


def test_a_transformed_target_is_scaled_by_hand():
    with pytest.raises(ValueError, match="NaN"):
        TransformedTargetRegressor(new(), transformer=StandardScaler()).fit(X, Y)
    scaler = StandardScaler().fit(10 * Y + 3)  # which leaves NaN alone
    assert_same(new().fit(X, scaler.transform(10 * Y + 3)), new().fit(X, zscores(Y)), 1e-9)


def zscores(y):
    return (y - np.nanmean(y, axis=0)) / np.nanstd(y, axis=0)


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_members_of_an_ensemble_train_on_what_is_there(in_pipeline):
    network = make_pipeline(StandardScaler(), new()) if in_pipeline else new()
    ensemble = MLPBaggingRegressor(network, n_estimators=3, oob_score=True, random_state=0)
    with pytest.warns(UserWarning, match="do not have OOB scores"):
        ensemble.fit(X, Y)
    seen, member = ensemble.estimators_samples_[0], ensemble.estimators_[0]
    drawn = (X[seen], Y[seen])
    if not in_pipeline:  # as in scikit-learn, a network is told how often each sample was drawn
        drawn = (X, Y, np.bincount(seen, minlength=N))
    assert_allclose(member.predict(X), clone(member).fit(*drawn).predict(X), rtol=1e-9)
    of_each = [
        r2_score(Y[rows, k], ensemble.predict(X)[rows, k]) for k, rows in enumerate(~MISSING.T)
    ]
    assert_allclose(ensemble.score(X, Y), np.mean(of_each), rtol=1e-12)
    assert np.isfinite(ensemble.oob_score_)
    with pytest.raises(ValueError, match="one weight for each sample, because MLPBagging"):
        ensemble.fit(X, Y, sample_weight=WEIGHT)


@pytest.mark.parametrize("weight", [None, np.ones((N, K))], ids=["gaps", "weights"])
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.inf, "y and sample_weight must fit .*y contains infinity"),
        (1j, "^y must hold numbers, but column 0 has .*Complex data not supported"),
    ],
)
def test_the_score_refuses_what_is_no_number(weight, wrong, message):
    y = (Y if weight is None else COMPLETE).astype(type(wrong))
    y[0, 0] = wrong
    with pytest.raises(ValueError, match=message):
        new().fit(X, Y).score(X, y, weight)


def test_the_score_refuses_weights_that_are_all_zero():
    labels = (COMPLETE > 0).astype(int)
    for model, y in ((new(), COMPLETE), (new(MLPScratchClassifier), labels)):
        with pytest.raises(ValueError, match="sample_weight must contain a number above zero"):
            model.fit(X, y).score(X, y, np.zeros((N, K)))


def test_the_accuracy_of_exclusive_classes_refuses_a_column_of_weights():
    labels = np.arange(N) % K
    with pytest.raises(ValueError, match=r"y and sample_weight must fit.*1D array"):
        new(MLPScratchClassifier).fit(X, labels).score(X, labels, np.ones((N, 1)))


def test_the_score_refuses_rows_of_several_lengths():
    with pytest.raises(ValueError, match="y must have rows of the same length"):
        new().fit(X, Y).score(X, [[1.0, 2.0]] + [[1.0]] * (N - 1))
