"""Training in parts: warm starts and partial_fit against training in one go, bit for bit."""

import io

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.engine.solvers import SOLVERS

X, y = load_iris(return_X_y=True)
X = scale(X)
WEIGHT = np.random.default_rng(0).integers(0, 4, len(y)).astype(float)

SCHEDULES = ["constant", "invscaling", "adaptive"]
# Adam takes no notice of the schedule
SOLVERS_AND_SCHEDULES = [
    (solver, schedule)
    for solver in SOLVERS
    for schedule in SCHEDULES[: 1 if solver == "adam" else 3]
]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(solver, **params):
    """Return an estimator of ten epochs, whose adaptive step falls after two stale ones."""
    defaults = {
        "hidden_layer_sizes": (7,),
        "learning_rate_init": 0.02,
        "tol": 0.05,
        "n_iter_no_change": 1 if params.get("learning_rate") == "adaptive" else 10,
        "batch_size": 40,
        "max_iter": 10,
        "random_state": 3,
    }
    return MLPScratchClassifier(solver=solver, **defaults | params)


def loaded(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def resumed(model, X=X, y=y, weight=None, between=lambda model: model, n_parts=2):
    """Return a model like `model`, of as many epochs, but fitted in parts."""
    part = clone(model).set_params(warm_start="resume", max_iter=model.max_iter // n_parts)
    for _ in range(n_parts):
        part = between(part.fit(X, y, weight))
    return part


def assert_same_training(model, expected, X=X):
    for name in ("coefs_", "intercepts_"):
        for given, wanted in zip(getattr(model, name), getattr(expected, name), strict=True):
            np.testing.assert_array_equal(given, wanted, strict=True)
    assert model.history_ == expected.history_
    for name in ("loss_curve_", "loss_", "best_loss_", "t_", "_no_improvement_count"):
        assert getattr(model, name) == getattr(expected, name)
    assert model.validation_scores_ == expected.validation_scores_
    assert model.best_validation_score_ == expected.best_validation_score_
    np.testing.assert_array_equal(model.predict_proba(X), expected.predict_proba(X), strict=True)


# warm_start="resume"


@pytest.mark.parametrize(("solver", "schedule"), SOLVERS_AND_SCHEDULES)
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("between", [lambda model: model, loaded], ids=["at once", "from a file"])
def test_two_fits_of_five_epochs_are_one_of_ten(solver, schedule, shuffle, between):
    model = new(solver, learning_rate=schedule, shuffle=shuffle)
    assert_same_training(resumed(model, between=between), model.fit(X, y))
    assert len(set(model.history_["learning_rate"])) > 1 or schedule == "constant"


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "params",
    [
        {"l1": 0.01, "l2": 0.01, "weight_decay": 0.01},
        {"momentum": 0.5, "nesterovs_momentum": False},
        {"activation": "gelu", "init": "he_normal"},
        {"hidden_layer_sizes": ()},
        {"batch_size": 150},
        {"tol": 0.0, "n_iter_no_change": 10},
    ],
    ids=str,
)
@pytest.mark.parametrize("n_parts", [2, 5, 10])
def test_resume_with_other_parameters(solver, params, n_parts):
    model = new(solver, **params)
    assert_same_training(resumed(model, n_parts=n_parts), model.fit(X, y))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shuffle", [True, False])
def test_resume_with_other_data(solver, shuffle):
    labels = np.stack([y > 0, y > 1], axis=1).astype(int)
    for data in [(X, y, WEIGHT), (X.astype(np.float32), y), (csr_array(X), y), (X, labels)]:
        model = new(solver, shuffle=shuffle)
        assert_same_training(resumed(model, *data), model.fit(*data), data[0])


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("between", [lambda model: model, loaded], ids=["at once", "from a file"])
def test_resume_with_early_stopping(solver, shuffle, weight, between):
    # The score still rises in the second half, so that the best weights are of that half
    model = new(solver, shuffle=shuffle, early_stopping=True, validation_fraction=0.4)
    model.fit(X, y, weight)
    assert np.argmax(model.validation_scores_) >= 5
    assert_same_training(resumed(model, weight=weight, between=between), model)


@pytest.mark.parametrize("solver", SOLVERS)
def test_resume_after_a_plateau_ends_at_once(solver):
    model = new(solver, tol=1e9, n_iter_no_change=3, max_iter=50, warm_start="resume").fit(X, y)
    assert model.n_iter_ == 5  # the first epoch is better than none; then there are four stale ones
    assert model.fit(X, y).n_iter_ == 1


@pytest.mark.parametrize("solver", SOLVERS)
def test_resume_draws_no_order_anew(solver):
    """Whoever draws from numpy's global generator in between does not matter."""
    model = new(solver)
    expected = resumed(model)

    def draw(model):
        np.random.seed(1)
        return model

    assert_same_training(resumed(model, between=draw), expected)


def test_resume_can_be_asked_for_later():
    model = new("adam", max_iter=5, shuffle=False).fit(X, y)
    model.set_params(warm_start="resume").fit(X, y)
    assert_same_training(model, new("adam", shuffle=False).fit(X, y))


# warm_start=True


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_warm_start_as_in_scikit_learn(solver, early_stopping):
    params = {**new(solver).get_params(), "early_stopping": early_stopping, "warm_start": True}
    known = {name: params[name] for name in MLPClassifier().get_params()}
    ours, theirs = MLPScratchClassifier(**params), MLPClassifier(**known)
    # No third fit: its score does not rise, and scikit-learn has no copy of the best weights then
    for _ in range(2):
        ours.fit(X, y)
        theirs.fit(X, y)
        # The same formulas on the same draws; 20 stable epochs multiply the rounding by little
        for given, wanted in zip(ours.coefs_, theirs.coefs_, strict=True):
            np.testing.assert_allclose(given, wanted, rtol=1e-9, atol=1e-12)
        assert ours.n_iter_ == theirs.n_iter_
        assert ours.t_ == theirs.t_


def test_warm_start_keeps_the_best_weights_where_no_epoch_is_better():
    model = new("sgd", early_stopping=True, warm_start=True, learning_rate_init=0.3, tol=0.0)
    best = model.set_params(max_iter=30).fit(X, y).predict_proba(X)
    assert model.best_validation_score_ == 1
    np.testing.assert_array_equal(model.fit(X, y).predict_proba(X), best)


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_warm_start_begins_at_the_last_weights_with_a_new_optimiser(solver):
    model = new(solver, max_iter=3, warm_start=True).fit(X, y)
    # Weights alone, with nothing of how they were found
    only_weights = clone(model).fit(X, y)
    vars(only_weights).pop("_optimizer", None)
    for name in ("history_", "best_loss_", "t_", "_no_improvement_count"):
        delattr(only_weights, name)
    n_before = len(model.loss_curve_)
    model.fit(X, y)
    only_weights.fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), only_weights.predict_proba(X))
    assert model.loss_curve_[n_before:] == only_weights.loss_curve_
    assert model.loss_curve_[n_before] < model.loss_curve_[0]


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_warm_start_resets_the_optimiser_where_resume_does_not(solver):
    model = new(solver, batch_size=150, max_iter=5)
    once = clone(model).set_params(max_iter=10).fit(X, y)
    reset = clone(model).set_params(warm_start=True).fit(X, y).fit(X, y)
    assert reset.loss_curve_[:6] == once.loss_curve_[:6]  # the sixth is taken before its step
    assert reset.loss_curve_[6] != once.loss_curve_[6]


# partial_fit


@pytest.mark.parametrize(("solver", "schedule"), SOLVERS_AND_SCHEDULES)
@pytest.mark.parametrize("batch_size", [30, 40, 150, "auto"])
def test_passes_of_partial_fit_are_epochs_of_fit(solver, schedule, batch_size):
    model = new(solver, learning_rate=schedule, batch_size=batch_size, shuffle=False)
    for n_epochs in (2, 6):
        whole = clone(model).set_params(max_iter=n_epochs).fit(X, y)
        parts = clone(model)
        for _ in range(n_epochs):
            parts.partial_fit(X, y, classes=[0, 1, 2])
        assert_same_training(parts, whole)


@pytest.mark.parametrize("solver", SOLVERS)
def test_partial_fit_goes_on_after_fit(solver):
    model = new(solver, shuffle=False)
    begun = clone(model).set_params(max_iter=9).fit(X, y, WEIGHT)
    assert_same_training(begun.partial_fit(X, y, WEIGHT), model.fit(X, y, WEIGHT))


@pytest.mark.parametrize("solver", SOLVERS)
def test_partial_fit_of_parts_of_the_data(solver):
    model = new(solver, learning_rate_init=0.1, tol=0.0)
    for _ in range(40):
        for part in np.array_split(np.random.default_rng(0).permutation(150), 3):
            model.partial_fit(X[part], y[part], classes=[0, 1, 2])
    assert model.score(X, y) > 0.85
    assert model.t_ == 40 * 150
    assert len(model.loss_curve_) == 40 * 3


@pytest.mark.parametrize("solver", SOLVERS)
def test_resume_keeps_the_best_weights_of_an_earlier_fit(solver):
    params = {"learning_rate_init": 1.0, "tol": 0.0, "n_iter_no_change": 99, "max_iter": 40}
    model = new(solver, early_stopping=True, **params).fit(X, y)
    assert np.argmax(model.validation_scores_) < 19  # in the first half, and not at its end
    assert_same_training(resumed(model), model)


def test_resume_with_early_stopping_that_was_off():
    model = new("adam", warm_start="resume").fit(X, y)
    before = model.coefs_[0].copy()
    model.set_params(early_stopping=True).fit(X, y)
    # what is not known of the epochs before is NaN
    assert np.isnan(model.validation_scores_[:10]).all()
    assert not np.isnan(model.validation_scores_[10:]).any()
    assert (model.coefs_[0] != before).any()


@pytest.mark.parametrize("warm_start", [False, True])
def test_resume_after_a_fit_that_was_not_resumable(warm_start):
    model = new("adam", early_stopping=True, warm_start="resume", max_iter=3).fit(X, y)
    model.set_params(warm_start=warm_start, max_iter=200, tol=1e-4).fit(X, y)
    last_loss = model.loss_
    model.set_params(warm_start="resume", max_iter=1).fit(X, y)
    # the weights with the best score, not those of the last loss
    assert model.loss_ < 3 * last_loss


def test_resume_with_a_generator_that_others_use():
    def draw(model):
        model.random_state.random_sample()
        return model

    model = new("adam", random_state=np.random.RandomState(3))
    assert_same_training(resumed(model, between=draw), resumed(model))


def test_partial_fit_of_nag_goes_on_from_the_weights_kept():
    model = new("nag", early_stopping=True, learning_rate_init=0.5, max_iter=60).fit(X, y)
    before = model.coefs_[0].copy()
    # A step of next to nothing: what the model was is what it is
    model.set_params(early_stopping=False, learning_rate_init=1e-12)
    model._optimizer.schedule.learning_rate = 1e-12
    model.partial_fit(X, y)
    np.testing.assert_allclose(model.coefs_[0], before, atol=1e-9)


def test_partial_fit_of_nag_goes_on_from_the_weights_of_lbfgs():
    model = new("nag", warm_start=True, max_iter=3).fit(X, y)
    model.set_params(solver="lbfgs", max_iter=100, tol=1e-4).fit(X, y)
    last_loss = model.loss_
    model.set_params(solver="nag").partial_fit(X, y).partial_fit(X, y)
    assert model.loss_ < 2 * last_loss


@pytest.mark.parametrize("solver", SOLVERS)
def test_resume_takes_a_new_learning_rate(solver):
    model = new(solver, warm_start="resume", max_iter=2).fit(X, y)
    model.set_params(learning_rate_init=0.001).fit(X, y)
    assert model.history_["learning_rate"] == [0.02, 0.02, 0.001, 0.001]


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_state_has_the_dtype_of_the_weights(solver):
    model = new(solver, max_iter=2).fit(X.astype(np.float32), y).partial_fit(X, y)
    vectors = [value for value in vars(model._optimizer.state).values() if np.ndim(value)]
    assert {vector.dtype for vector in vectors} == {model.coefs_[0].dtype}


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_resume_with_early_stopping_on_a_validation_set(solver):
    params = {"early_stopping": True, "tol": 0.0, "n_iter_no_change": 99}
    validation = {"X_val": X[::3], "y_val": y[::3]}
    model = new(solver, **params).fit(X, y, **validation)
    part = new(solver, warm_start="resume", max_iter=5, **params)
    part.fit(X, y, **validation).fit(X, y, **validation)
    assert_same_training(part, model)


def test_resume_with_a_validation_set_that_there_was_not():
    model = new("adam", early_stopping=True, warm_start="resume").fit(X, y)
    model.set_params(max_iter=1).fit(X, y, X_val=X[:7], y_val=y[:7])
    assert model.validation_scores_[-1] * 7 == pytest.approx(
        round(model.validation_scores_[-1] * 7)
    )


def test_warm_start_with_early_stopping_on_loss_that_was_off():
    model = new("adam", warm_start=True, max_iter=5).fit(X, y)
    model.set_params(early_stopping=True, early_stopping_on="loss").fit(X, y)
    before = model.coefs_[0].copy()
    model.fit(X, y)
    assert model.history_["validation_loss"][-1] < model.history_["validation_loss"][5]
    assert (model.coefs_[0] != before).any()


def test_resume_after_divergence_with_a_smaller_step():
    model = new("sgd", early_stopping=True, warm_start="resume", max_iter=5, tol=0.0).fit(X, y)
    with pytest.warns(UserWarning, match="diverged.*Lower learning_rate_init"):
        model.set_params(learning_rate_init=1e300).fit(X, y)
    model.set_params(learning_rate_init=0.02).fit(X, y)
    assert np.isfinite(model.loss_)
