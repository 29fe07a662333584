"""Early stopping where data is scarce or labels are not numbers."""

import warnings

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris, make_regression
from sklearn.metrics import accuracy_score, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.exceptions import ValidationSetWarning

X, Y = load_iris(return_X_y=True)
X = scale(X)
NAMES = np.array(["setosa", "versicolor", "virginica"], dtype=object)


def fitted(model, X, y, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y, **kwargs)


@pytest.mark.parametrize("solver", ["gd", "nag", "sgd", "adam"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_best_weights_are_those_of_the_best_score(solver, shuffle):
    """The held-out part, split again by hand, has the score that was reported."""
    model = MLPScratchClassifier(
        8,
        solver=solver,
        learning_rate_init=0.05,
        shuffle=shuffle,
        early_stopping=True,
        max_iter=15,
        random_state=4,
    )
    fitted(model, X, NAMES[Y])
    generator = np.random.RandomState(4)
    for n_in, n_out in [(4, 8), (8, 3)]:  # the draws of the weights come first
        generator.uniform(size=n_in * n_out)
        generator.uniform(size=n_out)
    _, held_out = train_test_split(np.arange(150), random_state=generator, test_size=0.1)
    score = accuracy_score(NAMES[Y][held_out], model.predict(X[held_out]))
    assert score == model.best_validation_score_ == max(model.validation_scores_)


def test_string_labels_give_the_scores_of_numbers():
    models = [
        fitted(MLPScratchClassifier(early_stopping=True, max_iter=8, random_state=0), X, y)
        for y in (Y, NAMES[Y], Y == 1, np.where(Y == 1, "yes", "no"))
    ]
    assert models[0].validation_scores_ == models[1].validation_scores_
    assert models[2].validation_scores_ == models[3].validation_scores_


def test_validation_part_without_some_of_the_classes():
    """Two of fifteen samples are held out: at least one of the three classes is not among them."""
    few = np.r_[0:5, 50:55, 100:105]
    model = MLPScratchClassifier(early_stopping=True, max_iter=5, random_state=0)
    fitted(model, X[few], NAMES[Y[few]])
    assert set(model.validation_scores_) <= {0.0, 0.5, 1.0}
    assert list(model.classes_) == list(NAMES)
    assert model.predict_proba(X).shape == (150, 3)


def test_training_part_without_some_of_the_classes():
    """A class with one sample may be held out whole: it is still a class of the model."""
    y = np.append(Y[:100], 2)
    for seed in range(20):
        model = MLPScratchClassifier(early_stopping=True, max_iter=3, random_state=seed)
        assert fitted(model, X[:101], y).n_outputs_ == 3


@pytest.mark.parametrize("Estimator", [MLPScratchClassifier, MLPScratchRegressor])
def test_too_few_samples_to_hold_any_out(Estimator):
    model = Estimator(early_stopping=True)
    with pytest.raises(ValueError, match="validation_fraction"):
        model.fit(X[49:52], Y[49:52])


def test_scores_of_a_regressor_are_weighted_r2():
    X, y = make_regression(80, 4, n_targets=2, noise=1.0, random_state=0)
    y, weight = scale(y), np.linspace(0.1, 2, 80)
    model = MLPScratchRegressor(
        hidden_layer_sizes=(), early_stopping=True, max_iter=6, random_state=0, solver="sgd"
    )
    fitted(model, X, y, sample_weight=weight)
    generator = np.random.RandomState(0)
    generator.uniform(size=4 * 2)
    generator.uniform(size=2)
    _, held_out = train_test_split(np.arange(80), random_state=generator, test_size=0.1)
    score = r2_score(y[held_out], model.predict(X[held_out]), sample_weight=weight[held_out])
    assert score == pytest.approx(model.best_validation_score_, rel=1e-12)


def test_divergence_keeps_the_best_and_says_so():
    X, y = make_regression(100, 5, random_state=0)
    model = MLPScratchRegressor(
        solver="sgd", learning_rate_init=0.3, early_stopping=True, random_state=0
    )
    with pytest.warns(UserWarning, match=r"diverged in epoch \d+.*learning_rate_init"):
        model.fit(X, y)
    assert np.isnan(model.validation_scores_[-1])
    assert np.isfinite(model.predict(X)).all()


# Validation sets by which nothing can be judged


TARGET = X @ [1.0, 2.0, 0.5, 0.0]
TWO_TARGETS = np.column_stack([TARGET, -TARGET])
REGRESSOR = MLPScratchRegressor(
    hidden_layer_sizes=10, learning_rate_init=0.01, early_stopping=True, random_state=0
)
CLASSIFIER = MLPScratchClassifier(10, early_stopping=True, random_state=0)
WITH_WEIGHT = np.eye(150)[7]  # one sample only


def far(values, factor):
    """Return a copy in which one entry is multiplied."""
    values = np.array(values, dtype=float)
    values[0] *= factor
    return values


@pytest.mark.parametrize("watch", ["score", "loss"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("container", [np.asarray, csr_array])
@pytest.mark.parametrize("solver", ["adam", "gd"])
@pytest.mark.filterwarnings("ignore:._val does not seem to be in the units of")
def test_samples_that_are_too_far_are_named_after_one_epoch(solver, container, dtype, watch):
    """Squares of the errors overflow, so that R^2 is -inf and the loss inf in every epoch."""
    size = 1e30 if dtype is np.float32 else 1e200
    model = clone(REGRESSOR).set_params(solver=solver, early_stopping_on=watch)
    given = {"X_val": container((size * X[:20]).astype(dtype)), "y_val": TARGET[:20]}
    epochs = []
    model.set_params(stop_when=epochs.append)
    with pytest.raises(ValueError, match=rf"The validation {watch} is -?inf.*X_val.*e\+.*Scale"):
        model.fit(container(X.astype(dtype)), TARGET, **given)
    assert epochs == []
    assert not hasattr(model, "coefs_")


UNUSABLE = {
    "y_val": (REGRESSOR, TARGET, {"X_val": X, "y_val": far(TARGET, 1e200)}),
    "y_val, two": (REGRESSOR, TWO_TARGETS, {"X_val": X, "y_val": far(TWO_TARGETS, 1e200)}),
    "a row": (REGRESSOR, TARGET, {"X_val": far(X, 1e160), "y_val": TARGET}),
    "counts": (
        clone(REGRESSOR).set_params(loss="poisson"),
        TARGET - TARGET.min(),
        {"X_val": 1e5 * np.array([[1.0] * 4, [-1.0] * 4]), "y_val": [1.0, 2.0]},
    ),
    "raw scores": (CLASSIFIER, Y, {"X_val": np.full((9, 4), 1e308), "y_val": Y[:9]}),
    "weights": (
        REGRESSOR,
        TARGET,
        {"X_val": X, "y_val": TARGET * 1e10, "sample_weight_val": np.full(150, 1e300)},
    ),
}


@pytest.mark.parametrize("name", UNUSABLE)
@pytest.mark.filterwarnings("ignore:._val does not seem to be in the units of")
def test_values_that_are_too_large(name):
    model, y, given = UNUSABLE[name]
    model = clone(model).set_params(activation="identity", init="he_normal")
    with pytest.raises(ValueError, match=r"validation score is .*X_val, y_val or sample_weight"):
        model.fit(X, y, **given)


def held_out_rows():
    """Return the rows that REGRESSOR holds out of 150, drawn as scikit-learn draws them."""
    generator = np.random.RandomState(0)
    for n_in, n_out in [(4, 10), (10, 1)]:  # the draws of the weights come first
        generator.uniform(size=n_in * n_out)
        generator.uniform(size=n_out)
    return train_test_split(np.arange(150), random_state=generator, test_size=0.1)[1]


def test_an_outlier_that_is_held_out():
    moved = X.copy()
    moved[held_out_rows()[3]] *= 1e200
    with (
        pytest.warns(UserWarning, match="X is not scaled"),
        pytest.raises(ValueError, match=r"that early_stopping has held out .*outliers"),
    ):
        clone(REGRESSOR).fit(moved, TARGET)


def test_training_that_diverges_is_not_blamed_on_the_validation_set():
    model = clone(REGRESSOR).set_params(solver="gd", learning_rate_init=1e100, max_iter=1)
    with pytest.raises(ValueError, match="Training diverged in epoch 1: lower learning_rate_init"):
        model.fit(X, TARGET, X_val=X, y_val=TARGET)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_samples_without_weight_have_no_say(solver):
    """Not even where the network's output for them is infinite."""
    given = {"X_val": far(X, 1e308), "y_val": TARGET, "sample_weight_val": 1 - np.eye(150)[0]}
    model = clone(REGRESSOR).set_params(activation="identity", solver=solver, max_iter=9)
    near = fitted(clone(model), X, TARGET, **given | {"X_val": X})
    model = fitted(model, X, TARGET, **given)
    for name in ("validation_loss", "validation_score"):
        assert model.history_[name] == near.history_[name]


def test_one_sample_has_no_score():
    one = {"X_val": X[:1], "y_val": TARGET[:1]}
    with pytest.raises(ValueError, match="one sample, for which R\\^2 is not defined"):
        clone(REGRESSOR).fit(X, TARGET, **one)
    model = clone(REGRESSOR).set_params(early_stopping_on="loss").fit(X, TARGET, **one)
    assert np.isnan(model.validation_scores_).all()
    half_square = (model.predict(X[:1])[0] - TARGET[0]) ** 2 / 2
    assert min(model.history_["validation_loss"]) == pytest.approx(half_square, rel=1e-12)
    # An accuracy is defined for one sample
    assert clone(CLASSIFIER).fit(X, Y, X_val=X[:1], y_val=Y[:1]).best_validation_score_ in (0, 1)


CONSTANT = {
    "y_val": (TARGET, {"X_val": X, "y_val": np.full(150, 2.5)}),
    "one weight": (TARGET, {"X_val": X, "y_val": TARGET, "sample_weight_val": WITH_WEIGHT}),
    "two targets": (TWO_TARGETS, {"X_val": X, "y_val": np.full((150, 2), [1.0, 2.0])}),
}


@pytest.mark.parametrize("name", CONSTANT)
def test_targets_that_do_not_vary_are_judged_by_the_loss(name):
    y, given = CONSTANT[name]
    by_loss = clone(REGRESSOR).set_params(early_stopping_on="loss").fit(X, y, **given)
    with pytest.warns(ValidationSetWarning, match=r"y_val.* same target.*R\^2.*loss") as record:
        model = clone(REGRESSOR).fit(X, y, **given)
    assert len(record) == 1
    assert model.validation_scores_ == by_loss.validation_scores_
    np.testing.assert_array_equal(model.coefs_[0], by_loss.coefs_[0])


def test_held_out_targets_that_do_not_vary():
    """By their score of zero, whatever is predicted, scikit-learn stops after 12 epochs."""
    y = np.maximum(TARGET, 0)
    y[held_out_rows()] = 0
    with pytest.warns(ValidationSetWarning, match="held out all have the same target") as record:
        model = clone(REGRESSOR).fit(X, y)
    assert len(record) == 1
    losses = model.history_["validation_loss"]
    held_out = mean_squared_error(y[held_out_rows()], model.predict(X[held_out_rows()])) / 2
    assert held_out == pytest.approx(min(losses), rel=1e-12)
    theirs = MLPRegressor(hidden_layer_sizes=10, learning_rate_init=0.01, early_stopping=True)
    theirs.set_params(random_state=0).fit(X, y)
    assert theirs.n_iter_ == 12
    assert theirs.score(X, y) < -1 < model.score(X, y)


def test_where_no_target_varies_at_all_it_is_as_in_scikit_learn():
    y = np.full(150, 2.5)
    theirs = MLPRegressor(hidden_layer_sizes=10, learning_rate_init=0.01, early_stopping=True)
    theirs.set_params(random_state=0).fit(X, y)
    model = clone(REGRESSOR).fit(X, y)  # without a warning, as there
    assert model.validation_scores_ == theirs.validation_scores_
    np.testing.assert_allclose(model.coefs_[0], theirs.coefs_[0], rtol=1e-12)


def test_one_of_two_targets_that_varies_is_enough_for_a_score():
    y_val = np.column_stack([TARGET, np.ones(150)])
    model = clone(REGRESSOR).fit(X, TWO_TARGETS, X_val=X, y_val=y_val)  # without a warning
    score = r2_score(y_val, model.predict(X))
    assert score == max(model.validation_scores_) == model.best_validation_score_


def test_the_advice_at_max_iter_is_on_what_was_watched():
    model = clone(REGRESSOR).set_params(max_iter=30, tol=0, n_iter_no_change=29)
    with (
        pytest.warns(ValidationSetWarning),
        pytest.warns(UserWarning, match="The validation loss "),
    ):
        model.fit(X, TARGET, X_val=X[:20], y_val=np.zeros(20))


def test_a_warm_start_goes_on_from_the_lowest_loss():
    model = clone(REGRESSOR).set_params(warm_start=True, max_iter=10)
    for _ in range(2):
        fitted(model, X, TARGET, X_val=X, y_val=np.full(150, 2.5))
    losses = model.history_["validation_loss"]
    assert len(losses) == 20
    half_square = mean_squared_error(np.full(150, 2.5), model.predict(X)) / 2
    assert half_square == pytest.approx(min(losses), rel=1e-12)


def test_a_single_sample_of_one_of_two_classes_cannot_be_held_out():
    labels = np.where(np.arange(150) == 7, "yes", "no")
    with pytest.raises(ValueError, match=r"=0\.1: .*only 1 member.*\. Give"):
        MLPScratchClassifier(4, early_stopping=True).fit(X, labels)
