"""The values of hidden layers."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import ACTIVATIONS, Activation

X, y = load_iris(return_X_y=True)
X = scale(X)
BOTH = [MLPScratchClassifier, MLPScratchRegressor]


class Sine(Activation):
    needs_z = True

    def forward(self, z, a):
        np.sin(z, out=a)

    def backward(self, z, a, delta):
        delta *= np.cos(z)


def fitted(cls=MLPScratchClassifier, sizes=(5, 4, 3), X=X, **params):
    model = cls(hidden_layer_sizes=sizes, max_iter=2, random_state=0, **params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def applied(activation, z):
    z = z.copy()
    a = np.empty_like(z) if activation.needs_z else z
    activation.forward(z, a)
    return a


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("name", [*ACTIVATIONS, Sine()])
def test_each_layer_is_the_formula(cls, name):
    model = fitted(cls, activation=name)
    activation = ACTIVATIONS[name]() if isinstance(name, str) else name
    a = X
    for layer in range(3):
        a = applied(activation, a @ model.coefs_[layer] + model.intercepts_[layer])
        for number in (layer, layer - 3, np.int64(layer)):
            given = model.hidden_outputs(X, layer=number)
            assert_allclose(given, a, rtol=1e-12, atol=1e-14)  # rounding of a few sums
            assert given.flags.c_contiguous
    assert_array_equal(model.hidden_outputs(X), model.hidden_outputs(X, layer=2))


def test_what_follows_is_the_prediction():
    model = fitted(MLPScratchRegressor, activation=["tanh", "gelu", "relu"])
    predicted = model.hidden_outputs(X) @ model.coefs_[-1] + model.intercepts_[-1]
    assert_allclose(predicted.ravel(), model.predict(X), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_that_of_the_weights(dtype):
    model = fitted(X=X.astype(dtype))
    assert model.hidden_outputs(X).dtype == dtype == model.coefs_[0].dtype
    assert model.hidden_outputs(X[:1].astype(int)).shape == (1, 3)


def test_sparse_samples_and_many():
    model = fitted()
    assert_allclose(model.hidden_outputs(csr_array(X)), model.hidden_outputs(X), rtol=1e-12)
    many = np.tile(X, (600, 1))  # more than one chunk of the layers
    assert_allclose(model.hidden_outputs(many)[-150:], model.hidden_outputs(X), rtol=1e-12)


def test_data_and_model_stay_as_they_are():
    model = fitted(activation="identity")
    before, weights = X.copy(), [W.copy() for W in model.coefs_]
    model.hidden_outputs(X)[...] = 0
    assert_array_equal(X, before)
    for given, wanted in zip(model.coefs_, weights, strict=True):
        assert_array_equal(given, wanted)


def test_as_a_step_of_a_pipeline():
    taught = fitted()
    model = make_pipeline(FunctionTransformer(taught.hidden_outputs), KNeighborsClassifier(3))
    values = taught.hidden_outputs(X)
    expected = KNeighborsClassifier(3).fit(values, y).predict(values)
    assert_array_equal(model.fit(X, y).predict(X), expected)


@pytest.mark.parametrize("layer", [3, -4, 1.0, True, "last", None])
def test_no_such_layer(layer):
    with pytest.raises(ValueError, match=r"layer must be a whole number from -3 to 2, .*got "):
        fitted().hidden_outputs(X, layer=layer)


@pytest.mark.parametrize("cls", BOTH)
def test_no_hidden_layer(cls):
    with pytest.raises(ValueError, match=r"no hidden layer .* hidden_layer_sizes=\(\)"):
        fitted(cls, sizes=()).hidden_outputs(X)


@pytest.mark.parametrize("cls", BOTH)
def test_x_is_checked_as_in_predict(cls):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        cls().hidden_outputs(X)
    model = fitted(cls)
    for wrong, said in [
        (X[:, :2], "2 features, but .* is expecting 4 features"),
        (np.where(X > 1, np.nan, X), "contains NaN"),
        ([["a"] * 4], "X"),
    ]:
        for method in (model.predict, model.hidden_outputs):
            with pytest.raises(ValueError, match=said):
                method(wrong)


def test_values_that_are_not_finite_are_an_error():
    model = fitted(activation="identity")
    model.coefs_ = [1e200 * W for W in model.coefs_]
    with pytest.raises(ValueError, match=r"X is too large .* values of this layer are not finite"):
        model.hidden_outputs(X)
