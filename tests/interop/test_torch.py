"""To torch and back: the same predictions, and errors that name what has no counterpart."""

import io
import warnings
from copy import copy
from unittest.mock import patch

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import scale

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor  # noqa: E402
from sknn_scratch.engine.activations import ACTIVATIONS, Activation, ReLU  # noqa: E402
from sknn_scratch.engine.initializers import INITIALIZERS  # noqa: E402
from sknn_scratch.engine.losses import REGRESSION_LOSSES  # noqa: E402
from sknn_scratch.engine.solvers import SOLVERS  # noqa: E402

X, Y = load_iris(return_X_y=True)
X = scale(X)
STRINGS = np.array(["fir", "ash", "elm"], dtype=object)[Y]
LABELS = np.stack([Y > 0, Y > 1, Y == 1], axis=1).astype(int)
REAL = np.stack([X[:, 2] * X[:, 3], np.sin(X[:, 0])], axis=1)
TARGETS = {
    "two classes": Y > 0,
    "two strings": np.where(Y > 0, "yes", "no"),
    "three classes": Y,
    "strings": STRINGS,
    "labels": LABELS,
    "one class": np.full(150, 7),
    "one number": REAL[:, 0],
    "two numbers": REAL,
    "counts": np.floor(np.exp(REAL)),
}


def new(target, **params):
    defaults = {"hidden_layer_sizes": (5, 4), "max_iter": 3, "random_state": 0}
    if TARGETS[target].dtype.kind == "f":
        loss = "poisson" if target == "counts" else "squared_error"
        return MLPScratchRegressor(**{"loss": loss} | defaults | params)
    return MLPScratchClassifier(**defaults | params)


def fitted(target, X=X, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return new(target, **params).fit(X, TARGETS[target][:: len(Y) // len(X)])


def outputs(module, X):
    with torch.no_grad():
        return module(torch.tensor(X, dtype=module[0].weight.dtype)).numpy()


def expected_outputs(model, X=X):
    """Return what the module of a model is to predict, as its documentation says."""
    if not hasattr(model, "classes_"):
        return model.predict(X).reshape(len(X), -1)
    probabilities = model.predict_proba(X)
    has_one_output = len(model.classes_) == 2 and model.coefs_[-1].shape[1] == 1
    return probabilities[:, 1:] if has_one_output else probabilities


def assert_same(given, expected, tolerance):
    assert given.shape == expected.shape
    assert given.dtype == expected.dtype
    assert np.abs(given - expected).max() <= tolerance * max(1, np.abs(expected).max())


# There


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("sizes", [(), (5,), (4, 3, 2)])
def test_the_module_predicts_the_same(target, sizes):
    model = fitted(target, hidden_layer_sizes=sizes)
    module = model.to_torch()
    assert type(module) is nn.Sequential
    assert [type(part) for part in module[::2]] == [nn.Linear] * (len(sizes) + 1)
    assert_same(outputs(module, X), expected_outputs(model), 1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("scale_of_z", [1, 100])
def test_every_activation(name, scale_of_z):
    model = fitted("two numbers", hidden_layer_sizes=(30, 20), activation=["tanh", name])
    model.coefs_[1] *= scale_of_z
    assert_same(outputs(model.to_torch(), X), model.predict(X), 1e-6)
    again = MLPScratchRegressor.from_torch(model.to_torch())
    assert again.activation == ("tanh" if name == "tanh" else ["tanh", name])


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_every_loss_of_regression(loss):
    model = fitted("counts", loss="poisson").set_params(loss=loss, max_iter=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, 1 + TARGETS["counts"])
    module = model.to_torch()
    assert_same(outputs(module, X), model.predict(X), 1e-6)
    again = MLPScratchRegressor.from_torch(module)
    assert_same(again.predict(X), model.predict(X), 0)
    assert_same(again.set_params(loss=loss).predict(X), model.predict(X), 0)


def test_an_activation_given_as_an_object_of_a_class_of_the_package():
    model = fitted("three classes", activation=ReLU())
    assert_same(outputs(model.to_torch(), X), model.predict_proba(X), 1e-6)


def test_dtype_and_copies():
    model = fitted("three classes", X=X.astype(np.float32))
    module = model.to_torch()
    assert module[0].weight.dtype == torch.float32
    before = [W.copy() for W in model.coefs_]
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    for given, wanted in zip(model.coefs_, before, strict=True):
        assert_array_equal(given, wanted)


def test_weights_that_cannot_be_written_to():
    model = fitted("one number", hidden_layer_sizes=(1,))
    for array in (*model.coefs_, *model.intercepts_):
        array.flags.writeable = False
    assert_same(outputs(model.to_torch(), X), expected_outputs(model), 1e-6)


def test_what_torch_draws_next_stays_the_same():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    fitted("three classes").to_torch()
    assert torch.equal(torch.rand(3), expected)


def test_without_its_last_module_it_returns_raw_scores():
    model = fitted("three classes")
    scores = model.to_torch()[:-1]
    raw = model.hidden_outputs(X) @ model.coefs_[-1] + model.intercepts_[-1]
    assert_allclose(outputs(scores, X), raw, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("target", ["counts", "strings"])
def test_the_module_goes_into_a_file(target):
    module, file = fitted(target).to_torch(), io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert_array_equal(outputs(loaded, X), outputs(module, X))


class Cube(Activation):
    needs_z = True

    def forward(self, z, a):
        np.power(z, 3, out=a)

    def backward(self, z, a, delta):
        delta *= 3 * z**2


class SteepReLU(ReLU):
    def forward(self, z, a):
        np.maximum(2 * z, 0, out=a)


@pytest.mark.parametrize("activation", [Cube(), SteepReLU()])
def test_an_activation_of_ones_own_is_named(activation):
    model = fitted("three classes", activation=["tanh", activation])
    said = f"hidden layer 2, '{type(activation).__name__}', has no counterpart in torch.nn.*copy"
    with pytest.raises(ValueError, match=said):
        model.to_torch()


def test_an_activation_that_takes_the_name_of_another():
    with patch.dict(ACTIVATIONS, relu=Cube):
        model = fitted("one number")
        with pytest.raises(ValueError, match="'Cube', has no counterpart"):
            model.to_torch()


def test_the_remedy_of_the_error():
    model = fitted("three classes", activation=[Cube(), "tanh"])

    class TorchCube(nn.Module):
        def forward(self, z):
            return z**3

    converted = copy(model).set_params(activation=["identity", "tanh"])
    module = converted.to_torch()
    assert type(module[1]) is nn.Identity
    module[1] = TorchCube()
    assert_same(outputs(module, X), model.predict_proba(X), 1e-6)


class SquareLink(REGRESSION_LOSSES["squared_error"]):
    out_activation = "square"

    def predict(self, raw):
        np.square(raw, out=raw)


def test_an_output_function_of_ones_own_is_named():
    with patch.dict(REGRESSION_LOSSES, squared=SquareLink):
        model = fitted("one number", loss="squared")
        with pytest.raises(
            ValueError, match=r"output layer, 'square', has no counterpart in torch"
        ):
            model.to_torch()


@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_not_fitted(cls):
    with pytest.raises(NotFittedError):
        cls().to_torch()


def test_without_torch():
    model = fitted("three classes")
    with patch.dict("sys.modules", torch=None):
        for convert in (model.to_torch, lambda: MLPScratchClassifier.from_torch(None)):
            with pytest.raises(ImportError, match=r'pip install "sknn-scratch\[torch\]"'):
                convert()


# And back


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_there_and_back(target, dtype):
    model = fitted(target, X=X.astype(dtype), activation=["tanh", "gelu"])
    classes = {"classes": model.classes_} if hasattr(model, "classes_") else {}
    if target == "labels":
        classes = {}
    again = type(model).from_torch(model.to_torch(), **classes)
    for name in ("coefs_", "intercepts_"):
        for given, wanted in zip(getattr(again, name), getattr(model, name), strict=True):
            assert_array_equal(given, wanted, strict=True)
    assert_array_equal(again.predict(X), model.predict(X), strict=True)
    assert again.get_params()["activation"] == ["tanh", "gelu"]
    for name in ("n_parameters_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(again, name) == getattr(model, name)
    if hasattr(model, "classes_"):
        assert_array_equal(again.classes_, model.classes_, strict=True)
        assert_array_equal(again.predict_proba(X), model.predict_proba(X), strict=True)


def sequential(*parts, n_outputs, dtype=torch.float64):
    """Return a network of torch's own, with weights that differ from output to output."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, n_outputs), *parts
    ).to(dtype)  # fmt: skip


@pytest.mark.parametrize("last", [(), (nn.Softmax(dim=1),), (nn.Softmax(-1),)])
@pytest.mark.parametrize("n_classes", [2, 3, 5])
def test_scores_or_probabilities_of_classes(last, n_classes):
    module = sequential(*last, n_outputs=n_classes)
    model = MLPScratchClassifier.from_torch(module)
    expected = torch.softmax(module[:3](torch.tensor(X)), dim=1).detach().numpy()
    assert_same(model.predict_proba(X), expected, 1e-12)
    assert_array_equal(model.predict(X), expected.argmax(axis=1))


def test_log_probabilities():
    module = sequential(nn.LogSoftmax(dim=1), n_outputs=3)
    model = MLPScratchClassifier.from_torch(module)
    assert_same(model.predict_log_proba(X), outputs(module, X), 1e-12)


@pytest.mark.parametrize("last", [(), (nn.Sigmoid(),)])
@pytest.mark.parametrize("classes", [None, [0, 1], ["no", "yes"], ["yes", "no"], [True, False]])
def test_one_output_is_the_second_of_two_classes(last, classes):
    module = sequential(*last, n_outputs=1)
    model = MLPScratchClassifier.from_torch(module, classes)
    second = torch.sigmoid(module[:3](torch.tensor(X))).detach().numpy()[:, 0]
    labels = np.array([0, 1] if classes is None else classes)
    assert_array_equal(model.predict(X), np.where(second > 0.5, *labels[::-1]))
    column = list(model.classes_).index(labels[1])
    assert_same(model.predict_proba(X)[:, column], second, 1e-12)


@pytest.mark.parametrize("classes", [["b", "a"], [5, -1], ["z", "b", "m"], [2, 0, 1, 3]])
def test_classes_in_any_order(classes):
    module = sequential(n_outputs=len(classes))
    model = MLPScratchClassifier.from_torch(module, classes)
    assert_array_equal(model.classes_, sorted(classes))
    chosen = outputs(module, X).argmax(axis=1)
    assert len(set(chosen)) > 1
    assert_array_equal(model.predict(X), np.array(classes)[chosen])


def test_several_labels():
    module = sequential(nn.Sigmoid(), n_outputs=3)
    model = MLPScratchClassifier.from_torch(module)
    assert_same(model.predict_proba(X), outputs(module, X), 1e-12)
    assert_array_equal(model.predict(X), (outputs(module, X) > 0.5).astype(int))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_short_floats_become_float32(dtype):
    module = sequential(n_outputs=2, dtype=dtype)
    model = MLPScratchRegressor.from_torch(module)
    assert model.coefs_[0].dtype == np.float32
    assert_same(model.predict(X), outputs(module.float(), X), 1e-6)


def test_parts_that_a_module_may_have():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Sequential(nn.Linear(4, 5, bias=False), nn.ReLU(inplace=True), nn.Dropout(0.2)),
        nn.Linear(5, 4),
        nn.Linear(4, 3),
    ).eval()
    model = MLPScratchClassifier.from_torch(module)
    assert model.hidden_layer_sizes == (5, 4)
    assert model.activation == ["relu", "identity"]
    assert model.dropout == [0.1, 0.2, 0.0]
    expected = torch.softmax(module(torch.tensor(X, dtype=torch.float32)), 1).detach().numpy()
    assert_same(model.predict_proba(X), expected, 1e-6)


def test_weights_are_copies():
    module = sequential(n_outputs=2)
    model = MLPScratchRegressor.from_torch(module)
    expected = model.predict(X)
    with torch.no_grad():
        module[0].weight.zero_()
        module[2].bias.zero_()
    assert_array_equal(model.predict(X), expected)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("further", ["partial_fit", "warm_start"])
def test_training_goes_on(target, solver, further):
    """As from the weights themselves: that of a model of this package that has them."""
    model = fitted(target, solver=solver)
    classes = {"classes": model.classes_} if hasattr(model, "classes_") else {}
    if target == "labels":
        classes = {}
    again = type(model).from_torch(model.to_torch(), **classes)
    params = model.get_params() | {"warm_start": True}
    model.set_params(**params)
    again.set_params(**params)
    vars(model).pop("_optimizer")
    for which in (model, again):
        which.t_ = which._no_improvement_count = 0
        which.best_loss_ = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if further == "partial_fit":
                which.partial_fit(X, TARGETS[target])
            else:
                which.fit(X, TARGETS[target])
    assert len(again.loss_curve_) == again.n_iter_
    for given, wanted in zip(again.coefs_, model.coefs_, strict=True):
        assert_array_equal(given, wanted, strict=True)


def test_a_model_from_torch_is_like_any_other(tmp_path):
    from sknn_scratch.model_files import load, save

    model = MLPScratchClassifier.from_torch(sequential(n_outputs=3), ["a", "b", "c"])
    save(model, tmp_path / "model.joblib")
    assert_array_equal(load(tmp_path / "model.joblib").predict(X), model.predict(X))
    assert "tanh" in str(model.summary())
    assert_array_equal(model.to_sklearn().predict(X), model.predict(X))
    assert not hasattr(clone(model), "coefs_")
    assert model.n_iter_ == 0


class FewParameters(MLPScratchClassifier):
    def __init__(self, hidden_layer_sizes=(5,), note="none"):
        super().__init__(hidden_layer_sizes, max_iter=4)
        self.note = note


def test_of_a_derived_class():
    module = sequential(n_outputs=3)
    model = FewParameters.from_torch(module)
    assert type(model) is FewParameters
    assert model.activation == "tanh"
    assert_array_equal(model.predict(X), outputs(module, X).argmax(axis=1))


class Twice(nn.Sequential):
    def forward(self, x):
        return super().forward(super().forward(x))


@pytest.mark.parametrize("module", [nn.Linear(4, 3), Twice(nn.Linear(4, 4)), "mlp", None])
def test_what_is_no_sequential(module):
    with pytest.raises(TypeError, match=r"must be a torch.nn.Sequential, got \w+"):
        MLPScratchClassifier.from_torch(module)


LINEAR = nn.Linear(4, 4)
DIFFERENT = [
    nn.LeakyReLU(0.2), nn.ELU(0.5), nn.GELU(approximate="tanh"), nn.Softplus(beta=2),
    nn.PReLU(), nn.Softmax(dim=1), nn.BatchNorm1d(4), Twice(nn.Linear(4, 4)),
]  # fmt: skip


@pytest.mark.parametrize("part", DIFFERENT, ids=repr)
def test_activations_without_a_counterpart_are_named(part):
    module = nn.Sequential(LINEAR, nn.Sequential(part), nn.Linear(4, 1))
    with pytest.raises(ValueError, match=r"(?s)module '1.0', .* has no counterpart among"):
        MLPScratchRegressor.from_torch(module)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([nn.ReLU(), LINEAR], "module '0', ReLU.*, is out of place"),
        ([LINEAR, nn.ReLU(), nn.Tanh(), LINEAR], "module '2', Tanh.*, is out of place"),
        ([LINEAR, nn.Dropout(), nn.ReLU(), LINEAR], "module '2', ReLU.*, is out of place"),
        ([LINEAR, nn.Flatten(), nn.ReLU(), LINEAR], "module '2', ReLU.*, is out of place"),
        ([LINEAR, nn.Dropout()], "ends with a Dropout"),
        ([LINEAR, nn.Linear(3, 2)], "module '1' has 3 inputs, but .* 4 outputs"),
        ([nn.Flatten()], "no torch.nn.Linear"),
        ([], "no torch.nn.Linear"),
    ],
)
@pytest.mark.parametrize("cls", [MLPScratchClassifier, MLPScratchRegressor])
def test_modules_out_of_place(cls, parts, said):
    with pytest.raises(ValueError, match=said):
        cls.from_torch(nn.Sequential(*parts))


@pytest.mark.parametrize(
    ("cls", "last"),
    [
        (MLPScratchRegressor, nn.Softmax(dim=1)),
        (MLPScratchRegressor, nn.Sigmoid()),
        (MLPScratchClassifier, nn.Softmax(dim=0)),
        (MLPScratchClassifier, nn.ReLU()),
    ],
)
def test_functions_of_the_outputs_without_a_counterpart(cls, last):
    with pytest.raises(ValueError, match=r"module '1', .* function of the outputs. It may be one"):
        cls.from_torch(nn.Sequential(LINEAR, last))


@pytest.mark.parametrize("classes", [["a", "b"], ["a"] * 3, "abc", 3, [["a", "b", "c"]]])
def test_classes_that_do_not_fit(classes):
    with pytest.raises(ValueError, match=r"classes must be a list of 3 different labels"):
        MLPScratchClassifier.from_torch(sequential(n_outputs=3), classes)


@pytest.mark.parametrize(
    "classes", [["a", None, "c"], [0.5, 1.5, 2.5], ["a", 1, "c"], [1, 2, np.nan]]
)
def test_labels_that_are_none(classes):
    with pytest.raises((TypeError, ValueError), match=r"^(Unknown label type: )?classes "):
        MLPScratchClassifier.from_torch(sequential(n_outputs=3), classes)


def test_classes_of_several_labels():
    with pytest.raises(ValueError, match=r"classes=\['a', 'b', 'c'\] is for one label"):
        MLPScratchClassifier.from_torch(sequential(nn.Sigmoid(), n_outputs=3), ["a", "b", "c"])


def test_weights_that_are_not_finite():
    module = sequential(n_outputs=3)
    module[0].bias.data[2] = torch.nan
    with pytest.raises(ValueError, match="module has weights or biases that are not finite"):
        MLPScratchClassifier.from_torch(module)


# Any model


def random_model(seed):
    """Return a fitted model with parameters drawn at random, and its samples."""
    draw = np.random.RandomState(seed)

    def choice(values):
        return values[draw.randint(len(values))]

    target = choice([*TARGETS])
    sizes = tuple(draw.randint(1, 9, draw.randint(4)).tolist())
    each = [choice([*ACTIVATIONS]) for _ in sizes]
    samples = X[::5].astype(choice([np.float32, np.float64]))
    params = {
        "hidden_layer_sizes": sizes,
        "activation": each if sizes and draw.randint(2) else choice([*ACTIVATIONS]),
        "solver": choice([*SOLVERS, "lbfgs"]),
        "init": choice([*INITIALIZERS]),
        "learning_rate_init": choice([0.001, 0.03]),
        "max_iter": choice([1, 4]),
        "alpha": choice([0.0, 0.1]),
        "l1": choice([0.0, 0.01]),
        "random_state": seed,
    }
    return fitted(target, X=samples, **params), samples


@pytest.mark.slow
def test_300_random_models():
    for seed in range(300):
        model, samples = random_model(seed)
        module = model.to_torch()
        assert_same(outputs(module, samples), expected_outputs(model, samples), 1e-5)
        again = type(model).from_torch(module)
        assert_same(outputs(again.to_torch(), samples), outputs(module, samples), 0)
