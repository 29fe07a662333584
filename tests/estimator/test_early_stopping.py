"""Early stopping where data is scarce or labels are not numbers."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris, make_regression
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor

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
