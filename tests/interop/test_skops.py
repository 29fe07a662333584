"""skops reads fitted models back where nothing is trusted but the class of the estimator."""

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import Activation
from sknn_scratch.engine.initializers import INITIALIZERS
from sknn_scratch.engine.schedules import SCHEDULES
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.ensemble import MLPBaggingClassifier, MLPBaggingRegressor
from sknn_scratch.model_files import load, save
from sknn_scratch.tabular import SmoothClip

skops = pytest.importorskip("skops.io")

X, y = load_iris(return_X_y=True)
X = scale(X)
ESTIMATORS = [MLPScratchClassifier, MLPScratchRegressor]
TARGETS = {
    "numbers": y,
    "strings": np.array(["fir", "ash", "elm"])[y],
    "objects": np.array(["fir", "ash", "elm"], dtype=object)[y],
    "flags": y > 0,
    "labels": np.stack([y > 0, y > 1], axis=1).astype(int),
}
FULL_BATCH = [name for name, solver in SOLVERS.items() if solver.full_batch]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def new(cls, **params):
    return cls(**{"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0} | params)


def through_skops(model, trusted=ESTIMATORS):
    content = skops.dumps(model)
    expected = {f"{cls.__module__}.{cls.__name__}" for cls in trusted}
    assert set(skops.get_untrusted_types(data=content)) <= expected
    return skops.loads(content, trusted=trusted)


def assert_same(loaded, model, X=X):
    assert vars(loaded).keys() == vars(model).keys()
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X), strict=True)
    np.testing.assert_equal(loaded.history_, model.history_)
    np.testing.assert_equal(loaded.get_params(), model.get_params())


def assert_goes_on(loaded, model):
    loaded.partial_fit(X, y)
    model.partial_fit(X, y)
    np.testing.assert_array_equal(loaded.coefs_[0], model.coefs_[0])
    assert loaded.loss_curve_ == model.loss_curve_


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize(
    "params", [{}, {"early_stopping": True, "l1": [0.1, 0.0]}, {"warm_start": "resume"}], ids=str
)
@pytest.mark.parametrize("solver", [*SOLVERS, "lbfgs"])
def test_every_solver(solver, params, cls):
    if solver == "lbfgs" and params.get("warm_start"):
        return
    model = new(cls, solver=solver, **params).fit(X, y)
    loaded = through_skops(model, [cls])
    assert_same(loaded, model)
    if solver != "lbfgs" and not params.get("early_stopping"):
        assert_goes_on(loaded, model)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("params", [{"dropout": 0.1}, {"learning_rate": "cosine"}], ids=str)
@pytest.mark.parametrize("solver", SOLVERS)
def test_training_resumes_to_the_bit(solver, params, early_stopping):
    model = new(MLPScratchClassifier, solver=solver, warm_start="resume", **params)
    model.set_params(early_stopping=early_stopping).fit(X, y)
    loaded = through_skops(model)
    np.testing.assert_array_equal(loaded.fit(X, y).coefs_[0], model.fit(X, y).coefs_[0])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule(schedule):
    for solver in FULL_BATCH if SCHEDULES[schedule].is_line_search else ["adam", "sgd"]:
        model = new(MLPScratchClassifier, solver=solver, learning_rate=schedule)
        model.set_params(activation="softplus").fit(X, y)
        assert_goes_on(through_skops(model), model)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("target", TARGETS)
def test_every_target(target, dtype):
    model = new(MLPScratchClassifier).fit(X.astype(dtype), TARGETS[target])
    assert_same(through_skops(model), model, X.astype(dtype))


@pytest.mark.parametrize("init", INITIALIZERS)
def test_parameters_of_all_kinds(init):
    model = new(
        MLPScratchClassifier,
        hidden_layer_sizes=np.array([4, 3]),
        activation=["tanh", "gelu"],
        class_weight={0: 1.0, 1: 2.0, 2: 0.5},
        random_state=np.random.RandomState(0),
        n_iter_no_change=np.inf,
        init=init,
    ).fit(X, y)
    loaded = through_skops(model)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.class_weight == model.class_weight


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_pipeline_of_a_data_frame(cls):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = make_pipeline(StandardScaler(), new(cls)).fit(frame, y)
    loaded = through_skops(model, [cls])
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    assert list(loaded.feature_names_in_) == ["a", "b", "c", "d"]


ENSEMBLES = {
    MLPBaggingClassifier: MLPScratchClassifier,
    MLPBaggingRegressor: MLPScratchRegressor,
}


@pytest.mark.parametrize("cls", ENSEMBLES)
def test_ensemble(cls, tmp_path):
    model = cls(new(ENSEMBLES[cls]), 3, max_features=3, random_state=0).fit(X, y)
    loaded = through_skops(model, [cls, ENSEMBLES[cls]])
    assert vars(loaded).keys() == vars(model).keys()
    said = model.member_predictions(X)
    np.testing.assert_array_equal(loaded.member_predictions(X), said, strict=True)
    # Our own function trusts it by itself
    save(make_pipeline(SmoothClip(), model).fit(X, y), tmp_path / "model.skops")
    found = load(tmp_path / "model.skops")[-1]
    np.testing.assert_array_equal(found.predict(X).shape, y.shape)
    assert type(found) is cls


def test_not_fitted():
    model = new(MLPScratchClassifier)
    assert vars(through_skops(model)).keys() == vars(model).keys()


class Sine(Activation):
    needs_z = True

    def forward(self, z, a):
        np.sin(z, out=a)

    def backward(self, z, a, delta):
        delta *= np.cos(z)


def test_activation_of_ones_own_has_to_be_trusted():
    model = new(MLPScratchClassifier, activation=Sine()).fit(X, y)
    content = skops.dumps(model)
    (name,) = set(skops.get_untrusted_types(data=content)) - {"sknn_scratch.MLPScratchClassifier"}
    assert name.endswith(".Sine")
    with pytest.raises(TypeError, match=r"Untrusted types.*Sine"):
        skops.loads(content, trusted=ESTIMATORS)
