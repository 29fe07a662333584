"""No model predicts what is not finite: the fit or the prediction says in words what is wrong."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.preprocessing import scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.outputs import quiet
from sknn_scratch.engine.parameters import Parameters
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.estimators.fitted import keep_parameters
from sknn_scratch.model_selection import MLPGridSearchCV

X, y = load_iris(return_X_y=True)
X = scale(X)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls=MLPScratchRegressor, **params):
    return cls(**{"hidden_layer_sizes": (5, 4), "max_iter": 1, "random_state": 0} | params)


# A last step that leaves finite weights and infinite predictions

TOO_FAR = {"learning_rate_init": 1e150}


@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_last_step_that_goes_too_far(cls, solver):
    with pytest.raises(ValueError, match=r"predictions for X are not finite.*diverged in epoch 1"):
        new(cls, solver=solver, **TOO_FAR).fit(X, y)


@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_partial_fit_keeps_the_model_before(cls):
    model = new(cls).fit(X, y)
    before, expected = model.coefs_, model.predict(X)
    with pytest.raises(ValueError, match="predictions for X are not finite"):
        model.set_params(solver="sgd", **TOO_FAR).partial_fit(X, y)
    assert model.coefs_ is before
    np.testing.assert_array_equal(model.predict(X), expected)


@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_searches_end_as_single_fits(cls):
    grid = {"learning_rate_init": [0.01, 1e150]}
    search = MLPGridSearchCV(new(cls), grid, cv=3, error_score=-7.0)
    with pytest.warns(FitFailedWarning, match="predictions for X are not finite"):
        search.fit(X, y)
    assert (search.cv_results_["mean_test_score"] == -7).tolist() == [False, True]
    with pytest.raises(ValueError, match="predictions for X are not finite"):
        clone(search).set_params(error_score="raise").fit(X, y)


def test_poisson():
    counts = np.round(np.exp(X[:, 0]))
    with pytest.raises(ValueError, match="predictions for X are not finite"):
        new(loss="poisson", solver="gd", learning_rate_init=1e3).fit(X, counts)


def test_weights_of_lbfgs_that_float32_cannot_hold():
    """lbfgs works in float64, also where the model is of float32."""
    model = new(solver="lbfgs").fit(X.astype(np.float32), y)
    params = Parameters.from_layers(model.coefs_, model.intercepts_, np.float64)
    params.flat *= 1e100
    with quiet(), pytest.raises(ValueError, match=r"non-finite.*: standardise X"):
        keep_parameters(model, params, np.float32)


# Samples that are too large for a model


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_samples_too_large_for_a_network(cls, dtype, activation):
    model = new(cls, activation=activation, hidden_layer_sizes=(5,)).fit(X.astype(dtype), y)
    far = X.astype(dtype)
    far[[7, 9]] = np.finfo(dtype).max
    methods = ["predict"] + ["predict_proba", "predict_log_proba"] * hasattr(model, "predict_proba")
    for method in methods:
        if activation in ("tanh", "logistic"):  # what goes into them overflows, what comes out not
            assert len(getattr(model, method)(far)) == 150
            continue
        with pytest.raises(ValueError, match=r"X is too large .* not finite, first in row 7"):
            getattr(model, method)(far)


def test_poisson_predictions_that_overflow():
    model = new(loss="poisson", hidden_layer_sizes=()).fit(X, y)
    far = X.copy()
    far[4] = 1e6 * np.sign(model.coefs_[0][:, 0])
    with pytest.raises(ValueError, match=r"first in row 4"):
        model.predict(far)
    assert (model.predict(-far[4:5]) == 0).all()


# lbfgs that finds nothing to do


def test_curves_of_a_fit_without_an_iteration():
    model = new(solver="lbfgs", max_iter=20).fit(X, y)
    assert len(model.loss_curve_) == model.n_iter_ > 0
    model.set_params(tol=1e300).fit(X, y)
    assert (model.n_iter_, model.history_, model.loss_curve_) == (0, {}, [])
