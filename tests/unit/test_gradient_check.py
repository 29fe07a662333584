"""The check of the gradient: it passes where backpropagation is right, and only there."""

import pickle

import joblib
import matplotlib as mpl
import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine import losses
from sknn_scratch.engine.activations import ACTIVATIONS, Activation, Tanh
from sknn_scratch.engine.losses import LOSSES, REGRESSION_LOSSES, DevianceLoss, LogLoss
from sknn_scratch.engine.penalties import ElasticNet, GroupLasso
from sknn_scratch.gradient_check import check_gradient
from sknn_scratch.model_selection import MLPGridSearchCV
from sknn_scratch.plotting import GradientCheckDisplay

from ..loss_targets import draw_targets
from ..pairs import PAIRS

mpl.use("Agg")
from matplotlib import pyplot as plt

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 4))
CODES = np.arange(10) % 3
NAMES = np.array(["ash", "elm", "fir"], dtype=object)[CODES]
# A target for each entry of the registry of losses, and the estimator that takes it to that loss
PROBLEMS = {
    "log_loss": (MLPScratchClassifier, NAMES),
    "binary_log_loss": (
        MLPScratchClassifier,
        np.c_[CODES == 0, CODES > 0, X[:, 0] > 0].astype(int),
    ),
    "squared_error": (MLPScratchRegressor, RNG.normal(size=(10, 2))),
    "poisson": (MLPScratchRegressor, RNG.poisson(2.0, size=10).astype(float)),
} | {
    name: (MLPScratchRegressor, draw_targets(name, RNG, 10, 2))
    for name, loss in REGRESSION_LOSSES.items()
    if issubclass(loss, DevianceLoss)
}
PENALTIES = [
    {"alpha": 0.0},
    {"alpha": 2.0},
    {"l1": 0.03},
    {"l2": 0.2},
    {"group_l1": 0.1},
    {"alpha": 1.0, "l1": "per layer", "l2": "per layer", "group_l1": 0.05, "max_norm": 100.0},
]
CLASS_WEIGHTS = {
    "log_loss": {"ash": 3.0, "fir": 0.5, "elm": 1.0},
    "binary_log_loss": [{0: 1.0, 1: 4.0}, {0: 2.0, 1: 0.5}, {0: 1.0, 1: 1.0}],
}


def network(loss, depth, **params):
    """Return an estimator that was fitted to the names of its classes, and not further."""
    Estimator, y = PROBLEMS[loss]
    if Estimator is MLPScratchRegressor:
        params["loss"] = loss
    for name in ("l1", "l2"):
        if params.get(name) == "per layer":
            params[name] = [0.01 * k for k in range(depth + 1)]
    model = Estimator(
        hidden_layer_sizes=[3] * depth,
        solver="gd",
        learning_rate_init=1e-3,
        random_state=depth,
        **params,
    )
    first = {"classes": np.unique(y)} if y.dtype == object else {}
    if Estimator is MLPScratchClassifier and y.ndim == 2:
        first = {"classes": range(y.shape[1])}
    return model.partial_fit(X, y, **first), y


def options(loss, k):
    """Return the k-th of the choices of penalties, class weights and label smoothing."""
    params = dict(PENALTIES[k % len(PENALTIES)])
    if loss in CLASS_WEIGHTS:
        params["class_weight"] = CLASS_WEIGHTS[loss] if k % 3 == 1 else None
        params["label_smoothing"] = 0.2 if k % 4 == 3 else 0.0
    return params


def assert_equal_to_rounding(check):
    # F is about 10, so that its difference over 2e-5 has an error of eps F / 1e-5 = 2e-10, or a
    # few of them, and of 2e-9 where it was taken again with a tenth of the step.
    np.testing.assert_allclose(check.numeric, check.backprop, rtol=1e-6, atol=5e-9)


def test_there_is_a_problem_for_every_loss():
    assert set(PROBLEMS) == set(LOSSES)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_gradient_of_every_loss_and_activation_at_every_depth(loss, activation, depth):
    for n_samples, shift in [(1, 0), (10, 3)]:
        k = depth + shift + list(ACTIVATIONS).index(activation) + 5 * list(PROBLEMS).index(loss)
        model, y = network(loss, depth, activation=activation, **options(loss, k))
        weight = np.linspace(0.2, 3, n_samples) if k % 2 else None
        check = check_gradient(model, X[:n_samples], y[:n_samples], weight)
        assert_equal_to_rounding(check)
        assert check.backprop.size == model.n_parameters_


@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_verdict_for_every_loss_and_activation(loss, activation):
    Estimator, y = PROBLEMS[loss]
    params = {"loss": loss} if Estimator is MLPScratchRegressor else {}
    params |= {"hidden_layer_sizes": (6, 5), "activation": activation, "l1": 1e-3, "l2": 1e-2}
    check = check_gradient(Estimator(random_state=1, **params), X, y)
    assert check.passed, str(check)


def test_verdict_where_the_penalty_is_large_and_some_derivatives_are_small():
    """The quotient of an F of about 10 is good to 1e-10, whatever the size of the derivative."""
    model, y = network("log_loss", 4, activation="logistic", alpha=2.0)
    check = check_gradient(model, X[:1], y[:1])
    assert_equal_to_rounding(check)
    assert check.passed, str(check)


@pytest.mark.parametrize("penalty", PENALTIES, ids=str)
@pytest.mark.parametrize("loss", PROBLEMS)
def test_gradient_without_hidden_layer_with_every_penalty(loss, penalty):
    for n_samples in (1, 10):
        model, y = network(loss, 0, **penalty)
        check = check_gradient(model, X[:n_samples], y[:n_samples])
        assert check.passed, str(check)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@pytest.mark.parametrize("class_weight", [None, "balanced", {"ash": 5.0, "elm": 0.0, "fir": 1.0}])
def test_gradient_with_class_weights_before_fit(class_weight, smoothing):
    model = MLPScratchClassifier(
        (4, 3), "silu", class_weight=class_weight, label_smoothing=smoothing, random_state=0
    )
    for weight in (None, np.linspace(0.1, 2, 10)):
        assert check_gradient(model, X, NAMES, weight).passed


def test_two_classes():
    model = MLPScratchClassifier(4, "gelu", label_smoothing=0.1, random_state=0)
    assert check_gradient(model, X, np.where(CODES, "yes", "no")).passed


class WrongTanh(Tanh):
    """Its derivative is off by one part in ten thousand."""

    def backward(self, z, a, delta):
        super().backward(z, a, delta)
        delta *= 1 + 1e-4


def layers_out_of_tolerance(check):
    assert check.passed == (not any(worst > check.tol for worst in check.worst.values()))
    return {name for name, worst in check.worst.items() if worst > check.tol}


@pytest.mark.parametrize("wrong", [0, 1, 2])
def test_a_wrong_activation_shows_in_the_layers_up_to_its_own(wrong):
    activations = [WrongTanh() if layer == wrong else "tanh" for layer in range(3)]
    model = MLPScratchClassifier((3, 3, 3), activations, random_state=0)
    found = layers_out_of_tolerance(check_gradient(model, X, CODES))
    assert found == {f"{kind}{n + 1}" for kind in "Wb" for n in range(wrong + 1)}


def test_a_wrong_gradient_of_the_loss_shows_in_every_layer(monkeypatch):
    class Wrong(LogLoss):
        def value_and_gradient(self, raw, y):
            value = super().value_and_gradient(raw, y)
            raw *= 1 + 1e-4
            return value

    monkeypatch.setitem(losses.LOSSES, "log_loss", Wrong)
    check = check_gradient(MLPScratchClassifier((3, 3), "tanh", random_state=0), X, CODES)
    assert layers_out_of_tolerance(check) == {"W1", "W2", "W3", "b1", "b2", "b3"}


@pytest.mark.parametrize(
    ("cls", "method", "params", "expected"),
    [
        (ElasticNet, "add_subgradient", {"l1": [0, 0.01, 0]}, "W2"),
        (ElasticNet, "value_and_gradient", {"l2": [0, 0, 0.01], "alpha": 0}, "W3"),
        (GroupLasso, "add_subgradient", {"group_l1": 0.01}, "W1"),
    ],
)
def test_a_forgotten_penalty_shows_in_its_layer(monkeypatch, cls, method, params, expected):
    monkeypatch.setattr(cls, method, lambda self, w, *args, **kwargs: 0.0)
    model = MLPScratchClassifier((3, 3), "tanh", random_state=0, **params)
    check = check_gradient(model, X, CODES)
    assert not check.passed
    assert layers_out_of_tolerance(check) == {expected}
    assert max(check.worst, key=check.worst.get) == expected


def test_a_sample_of_the_parameters():
    model = MLPScratchClassifier((6, 5), "tanh", l2=0.01, random_state=0)
    every = check_gradient(model, X, CODES, n_parameters=None)
    size = 4 * 6 + 6 * 5 + 5 * 3 + 6 + 5 + 3
    assert every.backprop.size == every.numeric.size == every.error.size == size
    few, again, others = (
        check_gradient(model, X, CODES, n_parameters=20, random_state=seed) for seed in (0, 0, 1)
    )
    assert few.passed
    assert few.backprop.size == 20
    np.testing.assert_array_equal(few.backprop, again.backprop)
    assert set(few.backprop) != set(others.backprop)
    # The same derivatives, in the order of all
    place = [int(np.flatnonzero(every.backprop == value)[0]) for value in few.backprop]
    assert place == sorted(set(place))
    np.testing.assert_array_equal(every.layer[place], few.layer)
    np.testing.assert_array_equal(every.numeric[place], few.numeric)


def test_no_parameters():
    with pytest.raises(ValueError, match=r"^n_parameters must be at least 1, or None, got 0\.$"):
        check_gradient(MLPScratchClassifier(3), X, CODES, n_parameters=0)


def test_names_of_the_layers():
    check = check_gradient(MLPScratchClassifier((6, 5), random_state=0), X, CODES)
    names, counts = np.unique(check.layer, return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {
        "W1": 24, "W2": 30, "W3": 15, "b1": 6, "b2": 5, "b3": 3
    }  # fmt: skip
    assert list(check.worst) == list(check.median) == ["W1", "W2", "W3", "b1", "b2", "b3"]
    for name in names:
        assert check.worst[name] == check.error[check.layer == name].max()
        assert check.median[name] == np.median(check.error[check.layer == name])


def test_an_estimator_not_fitted_is_checked_at_the_weights_that_fit_would_draw():
    model = MLPScratchClassifier((4, 3), "tanh", solver="gd", random_state=3, init="he_uniform")
    still = clone(model).set_params(learning_rate=lambda epoch: 0.0)
    still.partial_fit(X, CODES, classes=[0, 1, 2])
    before, after = check_gradient(model, X, CODES), check_gradient(still, X, CODES)
    np.testing.assert_array_equal(before.backprop, after.backprop)
    np.testing.assert_array_equal(before.numeric, after.numeric)


@pytest.mark.parametrize("fit", [False, True])
def test_the_estimator_and_the_data_are_not_changed(fit):
    model = MLPScratchClassifier(
        (4, 3), l1=0.01, dropout=0.3, class_weight="balanced", random_state=np.random.RandomState(0)
    )
    if fit:
        model.set_params(class_weight=None).partial_fit(X, NAMES, classes=np.unique(NAMES))
    weight = np.ones(10)
    before = joblib.hash((vars(model), X, NAMES, weight))
    check_gradient(model, X, NAMES, weight)
    assert joblib.hash((vars(model), X, NAMES, weight)) == before


def pipelines(model):
    """Return pipelines of all depths that end in `model`, and X as it gets there."""
    scaled = StandardScaler().fit_transform(X)
    return {
        "one step": (make_pipeline(model), X),
        "two steps": (make_pipeline(StandardScaler(), model), scaled),
        "nested": (make_pipeline(StandardScaler(), make_pipeline("passthrough", model)), scaled),
        "selection": (
            make_pipeline(SelectKBest(k=2), model),
            SelectKBest(k=2).fit_transform(X, NAMES),
        ),
    }


@pytest.mark.parametrize("fit", [False, True])
@pytest.mark.parametrize("name", pipelines(None))
def test_network_in_a_pipeline(name, fit):
    model = MLPScratchClassifier(4, "tanh", max_iter=9, tol=9, n_iter_no_change=1, random_state=0)
    pipeline, reaching = pipelines(model)[name]
    if fit:
        pipeline.fit(X, NAMES)
        model = clone(model).fit(reaching, NAMES)
    before = joblib.hash(pipeline)
    check, expected = check_gradient(pipeline, X, NAMES), check_gradient(model, reaching, NAMES)
    np.testing.assert_array_equal(check.backprop, expected.backprop)
    assert check.passed
    assert joblib.hash(pipeline) == before
    assert GradientCheckDisplay.from_estimator(pipeline, X, NAMES).check.passed


@pytest.mark.parametrize("in_pipeline", [False, True])
@pytest.mark.parametrize("cls", [GridSearchCV, MLPGridSearchCV])
def test_network_of_a_search(cls, in_pipeline):
    model = MLPScratchClassifier(4, "tanh", max_iter=9, tol=9, n_iter_no_change=1, random_state=0)
    name = "alpha"
    if in_pipeline:
        model, name = make_pipeline(StandardScaler(), model), "mlpscratchclassifier__alpha"
    search = cls(model, {name: [0.1, 1.0]}, cv=2).fit(X, NAMES)
    check = check_gradient(search, X, NAMES)
    expected = check_gradient(search.best_estimator_, X, NAMES)
    np.testing.assert_array_equal(check.backprop, expected.backprop)
    assert check.passed


NO_NETWORKS = {
    "MLPClassifier": (MLPClassifier(), r"MLPClassifier. Convert scikit-learn's own.*from_sklearn"),
    "MLPRegressor": (make_pipeline(StandardScaler(), MLPRegressor()), "MLPRegressor. Convert"),
    "forest": (RandomForestClassifier(), r"RandomForestClassifier\.$"),
    "search": (GridSearchCV(MLPScratchClassifier(), {}), "GridSearchCV. Fit the search first"),
    "class": (MLPScratchClassifier, "type|ABCMeta"),
    "name": ("network", r"str\.$"),
}


@pytest.mark.parametrize("check", [check_gradient, GradientCheckDisplay.from_estimator])
@pytest.mark.parametrize("name", NO_NETWORKS)
def test_something_else(name, check):
    estimator, message = NO_NETWORKS[name]
    with pytest.raises(TypeError, match=rf"needs an MLPScratchClassifier or .*; got .*({message})"):
        check(estimator, X, NAMES)


def test_the_data_must_be_those_of_the_model():
    model = MLPScratchClassifier(4, random_state=0).partial_fit(X, NAMES, classes=np.unique(NAMES))
    with pytest.raises(ValueError, match="3 features"):
        check_gradient(model, X[:, :3], NAMES)
    with pytest.raises(ValueError, match="oak"):
        check_gradient(model, X, np.full(10, "oak", dtype=object))
    assert check_gradient(model, X[NAMES != "elm"], NAMES[NAMES != "elm"]).passed


def test_a_model_in_single_precision_is_checked_in_double():
    model = MLPScratchClassifier((4, 3), "gelu", l2=0.01, random_state=0)
    model.partial_fit(X.astype(np.float32), CODES, classes=[0, 1, 2])
    assert model.coefs_[0].dtype == np.float32
    for data in (X, X.astype(np.float32)):
        check = check_gradient(model, data, CODES)
        assert check.passed
        assert check.backprop.dtype == check.numeric.dtype == np.float64


def test_sparse_data_gives_the_derivatives_of_dense():
    few = np.where(np.abs(X) > 0.5, X, 0)
    model = MLPScratchClassifier(4, "tanh", random_state=0)
    dense, sparse = (check_gradient(model, data, NAMES) for data in (few, csr_array(few)))
    assert sparse.passed
    # Sums of ten products in another order
    np.testing.assert_allclose(sparse.backprop, dense.backprop, rtol=1e-13, atol=1e-15)


def test_dropout_is_off():
    model = MLPScratchClassifier((5, 4), "tanh", random_state=0)
    plain, with_dropout = (
        check_gradient(clone(model).set_params(dropout=rate), X, CODES)
        for rate in (0.0, [0.5, 0.9, 0.5])
    )
    assert with_dropout.passed
    np.testing.assert_array_equal(plain.backprop, with_dropout.backprop)


def test_weights_that_are_exactly_zero_have_the_subgradient_zero():
    """The difference quotient across the kink of |w| at zero is that of the rest of F."""
    model = MLPScratchClassifier((4, 3), "tanh", l1=0.05, group_l1=0.1, solver="gd")
    model.partial_fit(X, CODES, classes=[0, 1, 2])
    model.coefs_[0][1:3] = 0
    model.coefs_[1][::2] = 0
    assert check_gradient(model, X, CODES).passed


def test_a_converged_model_passes():
    """At a minimum all derivatives are almost zero, and the quotients as good as anywhere else."""
    model = MLPScratchClassifier(5, "tanh", solver="lbfgs", alpha=0.1, tol=1e-9, max_iter=1000)
    model.set_params(random_state=0).fit(X, CODES)
    assert check_gradient(model, X, CODES).passed


def test_printed_it_is_a_table():
    check = check_gradient(MLPScratchClassifier((4, 3), "tanh", random_state=0), X, CODES)
    head, *rows, verdict = str(check).splitlines()
    assert head.split()[:4] == ["layer", "parameters", "worst", "median"]
    assert [row.split()[:2] for row in rows] == [
        ["W1", "16"], ["W2", "12"], ["W3", "9"], ["b1", "4"], ["b2", "3"], ["b3", "3"]
    ]  # fmt: skip
    for row in rows:
        name, _, worst, median = row.split()
        # Two digits are printed
        assert float(worst) == pytest.approx(check.worst[name], rel=0.05)
        assert float(median) == pytest.approx(check.median[name], rel=0.05)
    assert verdict.startswith("passed")
    wrong = check_gradient(MLPScratchClassifier(3, WrongTanh(), random_state=0), X, CODES)
    assert str(wrong).splitlines()[-1].startswith("FAILED")


def test_tolerance_and_step():
    model = MLPScratchClassifier(3, "tanh", random_state=0)
    assert not check_gradient(model, X, CODES, tol=1e-14).passed
    rough = check_gradient(model, X, CODES, step=0.1, tol=1e-12)
    assert max(rough.worst.values()) > 1e-6  # the error of the quotient falls with step^2


def test_the_result_can_be_saved():
    check = check_gradient(MLPScratchClassifier(3, random_state=0), X, CODES)
    assert str(pickle.loads(pickle.dumps(check))) == str(check)


# The picture


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    yield
    plt.close("all")


def test_display_of_a_right_gradient():
    model = MLPScratchClassifier((4, 3), "tanh", random_state=0)
    display = GradientCheckDisplay.from_estimator(model, X, NAMES, n_parameters=None)
    assert display.figure_ is display.ax_.figure
    assert "passed" in display.ax_.get_title()
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert [label.split(":")[0] for label in labels[1:]] == ["W1", "W2", "W3", "b1", "b2", "b3"]
    check = display.check
    shown = [line.get_xydata() for line in display.ax_.get_lines()[1:]]
    np.testing.assert_array_equal(np.concatenate(shown), np.c_[check.numeric, check.backprop])


def test_display_of_a_wrong_gradient_on_axes_of_ones_own():
    _, (left, right) = plt.subplots(1, 2)
    model = MLPScratchClassifier(3, WrongTanh(), random_state=0)
    weight = np.linspace(0.1, 2, 10)
    display = GradientCheckDisplay.from_estimator(model, X, CODES, weight, ax=right)
    assert display.ax_ is right
    assert display.figure_ is right.figure
    assert "FAILED" in right.get_title()
    assert not left.lines
    expected = check_gradient(model, X, CODES, weight)
    np.testing.assert_array_equal(display.check.backprop, expected.backprop)


def test_display_plots_what_is_given():
    check = check_gradient(MLPScratchClassifier(3, random_state=0), X, CODES)
    display = GradientCheckDisplay(check)
    assert display.plot() is display
    first = display.ax_
    assert display.plot(ax=plt.figure().add_subplot()).ax_ is not first
    assert len(first.lines) == len(display.ax_.lines) == 1 + 4


def test_passed_tells_the_user_what_an_activation_must_do():
    class Cube(Activation):
        needs_z = True

        def forward(self, z, a):
            np.power(z, 3, out=a)

        def backward(self, z, a, delta):
            delta *= 3 * z**2

    class CubeThatForgetsZ(Cube):
        needs_z = False  # z and a are then one array, and z**3 is taken for z

    def passed(activation):
        model = MLPScratchClassifier(3, activation, random_state=0)
        return check_gradient(model, X, CODES).passed

    assert passed(Cube())
    assert not passed(CubeThatForgetsZ())
