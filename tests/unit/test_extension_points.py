"""What a part of one's own must define is asked for by name; so is one that is not registered."""

import inspect
import pickle
import re
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchRegressor, model_files
from sknn_scratch.engine.activations import ACTIVATIONS, Activation, Tanh
from sknn_scratch.engine.initializers import INITIALIZERS
from sknn_scratch.engine.losses import (
    LOSSES,
    REGRESSION_LOSSES,
    ClassificationLoss,
    DevianceLoss,
    Loss,
    RegressionLoss,
    SquaredError,
)
from sknn_scratch.engine.penalties import (
    PENALTIES,
    ElasticNet,
    Penalty,
    ProximalPenalty,
    SmoothPenalty,
)
from sknn_scratch.engine.schedules import (
    SCHEDULES,
    Backtracking,
    Constant,
    Schedule,
    SetBetweenEpochs,
)
from sknn_scratch.engine.solvers import SGD, SOLVERS, GradientDescent, Solver
from sknn_scratch.gradient_check import check_gradient

X = np.random.default_rng(0).normal(size=(30, 3))
y = X[:, 0] - X[:, 1]

OF_A_LOSS = {"out_activation", "predict", "score", "value", "value_and_gradient"}
OF_A_SCORE = {"score_of_constant", "spread"}
# The table of docs/extending.md
REQUIRED = {
    Activation: {"forward", "backward"},
    Loss: OF_A_LOSS
    | OF_A_SCORE
    | {"score_name", "best_constant", "remember_targets", "mean_score"},
    ClassificationLoss: OF_A_LOSS | OF_A_SCORE | {"classify", "smoothed"},
    RegressionLoss: {"out_activation", "predict", "value", "value_and_gradient"},
    DevianceLoss: {"out_activation", "predict", "of_each", "constants"},
    Schedule: {"base_rate"},
    Solver: {"full_batch", "init", "step"},
    Penalty: {
        "smooth",
        "value",
        "value_and_gradient",
        "nonsmooth_value",
        "add_subgradient",
        "prox",
    },
    SmoothPenalty: {"value", "value_and_gradient"},
    ProximalPenalty: {"nonsmooth_value", "prox"},
}
CASES = [(base, name) for base, names in REQUIRED.items() for name in sorted(names)]
PARTS = [
    *(
        cls
        for registry in (ACTIVATIONS, LOSSES, SOLVERS, SCHEDULES, PENALTIES)
        for cls in registry.values()
    ),
    *(SetBetweenEpochs, ElasticNet),
]


def method(self, *args):
    return 0.0


def derived(base, without, **others):
    """Return a class that defines all that must be there but one name, which it misspells."""
    names = REQUIRED[base] - {without} | {without[:-2] + without[-1]}
    return type("Oops", (base,), dict.fromkeys(names, method) | others)


@pytest.mark.parametrize("base", REQUIRED)
def test_what_must_be_there_is_what_the_documentation_says(base):
    assert base.__abstractmethods__ == REQUIRED[base]
    complete = type("Complete", (base,), dict.fromkeys(REQUIRED[base], method))
    complete(0.1) if base is Schedule else complete()


@pytest.mark.parametrize(("base", "name"), CASES)
def test_a_misspelt_name_is_asked_for_when_an_object_is_made(base, name):
    with pytest.raises(TypeError, match=rf"abstract class Oops .*\b{name}\b"):
        derived(base, name)()


@pytest.mark.parametrize("cls", PARTS)
def test_no_part_of_the_package_is_abstract(cls):
    assert not inspect.isabstract(cls)


OF_A_NAME = {
    "activation": (ACTIVATIONS, Activation, "forward"),
    "learning_rate": (SCHEDULES, Schedule, "base_rate"),
    "loss": (REGRESSION_LOSSES, RegressionLoss, "predict"),
    "solver": (SOLVERS, Solver, "step"),
}


def new(**params):
    return MLPScratchRegressor(**{"hidden_layer_sizes": 3, "max_iter": 2} | params)


@pytest.mark.parametrize("parameter", OF_A_NAME)
def test_a_class_that_lacks_a_method_is_refused_by_the_estimator(monkeypatch, parameter):
    registry, base, name = OF_A_NAME[parameter]
    monkeypatch.setitem(registry, "oops", derived(base, name, full_batch=True))
    message = rf"{parameter}='oops' is the class Oops, which lacks {name}\. .*misspelt"
    with pytest.raises(ValueError, match=message):
        new(**{parameter: "oops"}).fit(X, y)


@pytest.mark.parametrize("parameter", OF_A_NAME)
def test_an_object_in_place_of_a_class_in_a_registry_is_refused(monkeypatch, parameter):
    registry, _, _ = OF_A_NAME[parameter]
    monkeypatch.setitem(registry, "oops", object())
    with pytest.raises(ValueError, match=r"\['oops'\] must be a class of .*, got <object"):
        new(**{parameter: "oops"}).fit(X, y)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_facts_of_a_loss_are_asked_of_the_loss_alone(monkeypatch):
    class OwnSquaredError(SquaredError):
        score_name = "half r2"

        def mean_score(self, raw, y, weight):
            return super().mean_score(raw, y, weight) / 2

        def reported(self, loss, penalty, n_outputs):
            return 8 * loss / n_outputs

        def fault_of_targets(self, y):
            return "needs y < 9." if (y > 9).any() else None

    monkeypatch.setitem(REGRESSION_LOSSES, "half", OwnSquaredError)
    both = np.c_[y, 2 * y]
    settings = {"early_stopping": True, "alpha": 0.5, "random_state": 0}
    own, plain = (new(loss=loss, **settings).fit(X, both) for loss in ("half", "squared_error"))
    history, usual = own.history_, plain.history_
    assert history["half r2"] == usual["r2"]
    assert history["validation_score"] == [score / 2 for score in usual["validation_score"]]
    assert history["validation_loss"] == [8 * loss for loss in usual["validation_loss"]]
    data = np.subtract(usual["loss"], usual["penalty"])
    np.testing.assert_allclose(history["loss"], 8 * data, rtol=1e-14)  # a sum and a difference
    with pytest.raises(ValueError, match=r"loss='half' needs y < 9\."):
        new(loss="half").fit(X, y + 10)


def test_an_activation_of_another_class_is_refused():
    class Stranger:
        gain, needs_z, forward, backward = 6.0, False, method, method

    for given in (Stranger(), [Stranger()], Tanh, [Tanh]):
        with pytest.raises(
            ValueError, match=r"sknn_scratch\.engine\.activations\.Activation.*[gG]ot"
        ):
            new(activation=given).fit(X, y)
    Activation.register(Stranger)  # as with any abstract class of Python's
    assert isinstance(Stranger(), Activation)


def test_a_field_that_is_no_parameter_is_named(monkeypatch):
    @dataclass(frozen=True)
    class Damped(GradientDescent):
        damping: float = 0.5

    monkeypatch.setitem(SOLVERS, "damped", Damped)
    with pytest.raises(ValueError, match=r"Damped has the fields \['damping'\], but MLPScratchReg"):
        new(solver="damped").fit(X, y)


# One definition and one line


@dataclass(frozen=True)
class SmoothAbsolute(SmoothPenalty):
    """strength * sum_i (sqrt(w_i^2 + width^2) - width)."""

    strength: float
    width: float = 0.1

    def value(self, w, total_weight, scratch):
        return self.strength * (np.hypot(w, self.width) - self.width).sum(axis=-1)

    def value_and_gradient(self, w, total_weight, out, scratch):
        out += self.strength * w / np.hypot(w, self.width)
        return self.value(w, total_weight, scratch)


@dataclass(frozen=True)
class NonNegative(ProximalPenalty):
    """0 where w >= 0, else infinite."""

    def nonsmooth_value(self, w, scratch):
        return 0.0

    def prox(self, w, rate, scratch):
        np.maximum(w, 0, out=w)

    @classmethod
    def for_matrices(cls, strength, shapes):
        return [cls(), *[None] * (len(shapes) - 1)]


class Penalised(MLPScratchRegressor):
    """A network with parameters for two penalties of one's own."""

    smooth_l1 = 0.0
    non_negative = False


@pytest.fixture
def penalised(monkeypatch):
    """Return a function that fits a network with one of the two penalties."""
    monkeypatch.setitem(PENALTIES, "smooth_l1", SmoothAbsolute)
    monkeypatch.setitem(PENALTIES, "non_negative", NonNegative)

    def fit(name, value, **params):
        model = Penalised(**{"hidden_layer_sizes": 3, "alpha": 0, "random_state": 0} | params)
        setattr(model, name, value)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(X, y)

    return fit


@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_a_smooth_penalty_is_trained_with_by_every_solver(penalised, solver):
    model = penalised("smooth_l1", 0.2, solver=solver, max_iter=20)
    assert check_gradient(model, X, y).passed
    without = penalised("smooth_l1", 0.0, solver=solver, max_iter=20)
    total, total_without = (sum(np.abs(W).sum() for W in m.coefs_) for m in (model, without))
    assert total < total_without
    if solver == "lbfgs":
        expected = sum(SmoothAbsolute(0.2).value(W.ravel(), 30, None) for W in model.coefs_)
        # The last epoch's, taken where the line search ended
        assert model.history_["penalty"][-1] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_penalty_belongs_to_the_matrices_that_it_says(penalised, solver, engine):
    if engine == "numba":
        pytest.importorskip("numba")
    model = penalised("non_negative", True, solver=solver, max_iter=5, engine=engine)
    assert model.coefs_[0].min() >= 0
    assert model.coefs_[1].min() < 0


def test_a_penalty_that_is_not_smooth_is_not_for_lbfgs(penalised):
    with pytest.raises(ValueError, match=r"non_negative=True needs one of the solvers .*'lbfgs'"):
        penalised("non_negative", True, solver="lbfgs")
    penalised("non_negative", False, solver="lbfgs")


def test_a_penalty_that_lacks_a_method_is_refused(penalised, monkeypatch):
    monkeypatch.setitem(PENALTIES, "smooth_l1", derived(ProximalPenalty, "prox"))
    with pytest.raises(ValueError, match=r"'smooth_l1' is the class Oops, which lacks prox\."):
        penalised("smooth_l1", 0.1)


@dataclass(frozen=True)
class Plain(Solver):
    """p <- p - learning_rate * grad f(p), and nothing else."""

    full_batch = True
    ignored_schedules = frozenset({"cosine"})

    def init(self, params):
        return None

    def step(self, params, grad, state, learning_rate, prox):
        grad *= learning_rate
        params.flat -= grad


def test_weight_decay_is_no_concern_of_a_solver(monkeypatch):
    monkeypatch.setitem(SOLVERS, "plain", Plain)
    params = {"max_iter": 5, "weight_decay": 0.5, "learning_rate_init": 0.1, "random_state": 0}
    with pytest.warns(ConvergenceWarning):
        own = new(solver="plain", **params).fit(X, y)
    with pytest.warns(ConvergenceWarning):
        expected = new(solver="gd", **params).fit(X, y)
    for W, W_expected in zip(own.coefs_, expected.coefs_, strict=True):
        np.testing.assert_array_equal(W, W_expected)


@pytest.mark.parametrize("solver", [*SOLVERS, "plain"])
def test_training_decays_the_weights_whatever_the_solver(monkeypatch, solver):
    monkeypatch.setitem(SOLVERS, "plain", Plain)
    sizes = []
    for weight_decay in (0.0, 0.5):
        model = new(solver=solver, weight_decay=weight_decay, learning_rate_init=0.1)
        with pytest.warns(ConvergenceWarning):
            model.set_params(max_iter=5, random_state=0, tol=0.0).fit(X, y)
        sizes.append(sum(np.abs(W).sum() for W in model.coefs_))
    # Five steps shrink weights by 0.95^5 = 0.77; the gradient moves them a little
    assert sizes[1] < 0.95 * sizes[0]


def test_a_solver_says_which_schedules_it_ignores(monkeypatch):
    monkeypatch.setitem(SOLVERS, "plain", Plain)
    with pytest.warns(ConvergenceWarning):
        model = new(solver="plain", learning_rate="cosine", max_iter=4).fit(X, y)
    assert model.history_["learning_rate"] == [0.001] * 4


@pytest.mark.parametrize("parameter", ["dropout", "weight_decay", "warmup_epochs"])
def test_a_line_search_of_ones_own_is_treated_as_one(monkeypatch, parameter):
    monkeypatch.setitem(SCHEDULES, "mine", type("Mine", (Backtracking,), {}))
    message = rf"learning_rate='mine'.*{parameter}|{parameter}.*learning_rate='mine'"
    with pytest.raises(ValueError, match=message):
        new(solver="gd", learning_rate="mine", **{parameter: 0.5}).fit(X, y)


# Names that are not registered where the model is used

REGISTERED = {
    "activation": (ACTIVATIONS, Tanh, r"sknn_scratch\.engine\.activations\.ACTIVATIONS"),
    "init": (
        INITIALIZERS,
        INITIALIZERS["normal"],
        r"sknn_scratch\.engine\.initializers\.INITIALIZERS",
    ),
    "learning_rate": (SCHEDULES, Constant, r"sknn_scratch\.engine\.schedules\.SCHEDULES"),
    "loss": (REGRESSION_LOSSES, SquaredError, r"sknn_scratch\.engine\.losses\.REGRESSION_LOSSES"),
    "solver": (SOLVERS, SGD, r"sknn_scratch\.engine\.solvers\.SOLVERS"),
}
TO_PREDICT = ["activation", "loss"]


@pytest.fixture
def trained(monkeypatch):
    """Return a function that trains with a part of one's own, which is then forgotten."""

    def train(parameter, **params):
        registry, part, _ = REGISTERED[parameter]
        with monkeypatch.context() as patch, warnings.catch_warnings():
            patch.setitem(registry, "mine", part)
            warnings.simplefilter("ignore", ConvergenceWarning)
            return new(**{parameter: "mine"} | params).fit(X, y)

    return train


@pytest.mark.parametrize("parameter", TO_PREDICT)
@pytest.mark.parametrize("call", ["predict", "score"])
def test_prediction_without_the_part(trained, parameter, call):
    model = trained(parameter)
    message = rf"{parameter}='mine' is not registered .*{REGISTERED[parameter][2]}\['mine'\] = "
    with pytest.raises(ValueError, match=message):
        getattr(model, call)(*((X,) if call == "predict" else (X, y)))


@pytest.mark.parametrize("parameter", REGISTERED)
def test_training_without_the_part(trained, parameter):
    model = trained(parameter)
    with pytest.raises(ValueError, match=f"'{parameter}'.*{REGISTERED[parameter][2]}.*Got 'mine'"):
        model.fit(X, y)


@pytest.mark.parametrize("parameter", sorted({*REGISTERED} - {"init", "solver"}))
def test_going_on_without_the_part(trained, parameter):
    with pytest.raises(ValueError, match=f"'{parameter}'.*{REGISTERED[parameter][2]}.*Got 'mine'"):
        trained(parameter).partial_fit(X, y)


def test_partial_fit_without_the_solver(trained):
    with pytest.raises(AttributeError) as error:
        trained("solver").partial_fit(X, y)
    assert re.search(REGISTERED["solver"][2], str(error.value.__cause__))


@pytest.mark.parametrize("suffix", ["joblib", "skops"])
@pytest.mark.parametrize("parameter", TO_PREDICT)
def test_loading_without_the_part(trained, tmp_path, parameter, suffix):
    path = tmp_path / f"model.{suffix}"
    if suffix == "skops":
        pytest.importorskip("skops")
    model = trained(parameter)
    model_files.save(make_pipeline(StandardScaler().fit(X), model), path)
    with pytest.warns(RuntimeWarning, match=f"{parameter}='mine' .*{REGISTERED[parameter][2]}"):
        loaded = model_files.load(path)
    np.testing.assert_array_equal(loaded[-1].coefs_[0], model.coefs_[0])


def test_loading_without_the_activation_of_one_layer(trained):
    model = trained("activation", hidden_layer_sizes=(3, 3), activation=["relu", "mine"])
    with pytest.warns(RuntimeWarning, match="activation='mine' is not registered"):
        pickle.loads(pickle.dumps(model))


@pytest.mark.parametrize("parameter", sorted({*REGISTERED} - {*TO_PREDICT}))
def test_loading_and_prediction_need_no_part_of_the_training(trained, parameter):
    model = trained(parameter)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_a_part_is_known_again_once_it_is_registered(trained, monkeypatch):
    model = trained("loss")
    monkeypatch.setitem(REGRESSION_LOSSES, "mine", SquaredError)
    assert pickle.loads(pickle.dumps(model)).predict(X).shape == (30,)


def test_the_losses_of_a_classifier_are_not_for_a_regressor():
    with pytest.raises(ValueError, match=r"'loss'.*REGRESSION_LOSSES.*Got 'log_loss'"):
        new(loss="log_loss").fit(X, y)
