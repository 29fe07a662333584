"""Code of a user, which mypy checks by what the package says of its types.

Where a mistake is made on purpose the line says which error mypy is to find; under --strict it is
an error as well if mypy does not.
"""

from typing import assert_type

import numpy as np
from sklearn.datasets import load_iris

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.callbacks import Checkpoint
from sknn_scratch.datasets import DATASETS, ImageDataset
from sknn_scratch.engine.activations import ACTIVATIONS, Activation
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.ensemble import MLPBaggingClassifier, MLPBaggingRegressor
from sknn_scratch.gradient_check import GradientCheck, check_gradient
from sknn_scratch.model_files import load as load_model
from sknn_scratch.model_files import save
from sknn_scratch.model_selection import MLPGridSearchCV, MLPHalvingGridSearchCV
from sknn_scratch.plotting import TrainingCurveDisplay, WeightsDisplay
from sknn_scratch.reference import objective_and_gradient, value_and_gradient
from sknn_scratch.tabular import PiecewiseLinearEncoder, SmoothClip


class Sine(Activation):
    """sin(z)."""

    needs_z = True

    def forward(self, z: np.ndarray, a: np.ndarray) -> None:
        """Write sin(z)."""
        np.sin(z, out=a)

    def backward(self, z: np.ndarray, a: np.ndarray, delta: np.ndarray) -> None:
        """Multiply by cos(z)."""
        delta *= np.cos(z)


def is_good(history: dict[str, list[float]]) -> bool:
    """Say when to stop."""
    return history["validation_score"][-1] > 0.9


def falling(n_epochs: int) -> float:
    """Return the step."""
    return 0.1 / (1 + n_epochs)


def classify() -> None:
    """Use the classifier."""
    X, y = load_iris(return_X_y=True)
    network = MLPScratchClassifier(
        (10, 5),
        ["relu", Sine()],
        solver="sgd",
        learning_rate=falling,
        l1=[0.0, 0.0, 1e-4],
        class_weight={0: 1.0, 1: 2.0},
        stop_when=is_good,
        tol=0.1,
        random_state=np.random.RandomState(0),
    )
    fitted = network.fit(X, y, X_val=X, y_val=y)
    assert_type(fitted, MLPScratchClassifier)
    assert_type(fitted.predict(X), np.ndarray)
    assert_type(fitted.predict_proba([[5.0, 3.0, 1.0, 0.2]]), np.ndarray)
    assert_type(fitted.predict_log_proba(X), np.ndarray)
    assert_type(fitted.hidden_outputs(X, layer=0), np.ndarray)
    assert_type(fitted.coefs_, list[np.ndarray])
    assert_type(fitted.classes_, np.ndarray)
    assert_type(fitted.history_, dict[str, list[float]])
    assert_type(fitted.validation_scores_, list[float] | None)
    assert_type(fitted.selected_features_, np.ndarray)
    assert_type(network.partial_fit(X, y), MLPScratchClassifier)
    theirs = MLPScratchClassifier(5, random_state=0, tol=0.1).fit(X, y).to_sklearn()
    assert_type(MLPScratchClassifier.from_sklearn(theirs), MLPScratchClassifier)

    curves = TrainingCurveDisplay.from_estimator(fitted)
    assert_type(curves, TrainingCurveDisplay)
    curves.figure_.clear()
    assert_type(WeightsDisplay.from_estimator(fitted, (2, 2)).units_, np.ndarray)


def regress() -> None:
    """Use the regressor, and look into it."""
    X = np.linspace(-1, 1, 50)[:, np.newaxis]
    y = np.abs(X[:, 0])
    network = MLPScratchRegressor("poisson", 5, max_fun=50, solver="lbfgs", tol=0.1)
    assert_type(network.fit(X, y).predict(X), np.ndarray)
    check = check_gradient(network, X, y, n_parameters=5, random_state=0)
    assert_type(check, GradientCheck)
    assert_type(check.passed, bool)
    assert_type(check.worst, dict[str, float])
    assert_type(objective_and_gradient(network, X, y)[0], float)
    activations, loss = [ACTIVATIONS["relu"]()], LOSSES["poisson"]()
    value, dW, _ = value_and_gradient(
        network.coefs_, network.intercepts_, activations, loss, X, y[:, np.newaxis]
    )
    assert_type(value, float)
    assert_type(dW, list[np.ndarray])


def load(name: str) -> ImageDataset:
    """Return the data of that name."""
    return DATASETS[name]("a folder")


def search() -> None:
    """Search, keep checkpoints and models."""
    X, y = load_iris(return_X_y=True)
    network = MLPScratchClassifier(5, tol=0.1, random_state=0)
    found = MLPGridSearchCV(network, {"alpha": [0.0, 0.1]}, scoring="accuracy").fit(X, y)
    save(found.best_estimator_, "model.joblib")
    assert load_model("model.joblib").n_features_in_ == 4
    halving = MLPHalvingGridSearchCV(
        network, {"alpha": [0, 1]}, resource="max_iter", max_resources=300
    )
    halving.fit(X, y)
    network.set_callbacks(Checkpoint("network.checkpoint", every_epochs=5)).fit(X, y)
    assert_type(Checkpoint.load("network.checkpoint").n_iter_, int)


def vote() -> None:
    """Train several networks, and ask each."""
    X, y = load_iris(return_X_y=True)
    network = MLPScratchClassifier(5, tol=1.0)
    ensemble = MLPBaggingClassifier(network, 3, bootstrap=False, random_state=0)
    assert_type(ensemble.fit(X, y), MLPBaggingClassifier)
    assert_type(ensemble.member_predictions(X), np.ndarray)
    assert_type(ensemble.predict_proba(X), np.ndarray)
    several = MLPBaggingRegressor(MLPScratchRegressor(tol=10.0), 2, max_features=0.5, n_jobs=None)
    assert_type(several.fit(X, y).predict(X), np.ndarray)


def encode() -> None:
    """Encode the numbers of a table."""
    X, y = load_iris(return_X_y=True)
    encoder = PiecewiseLinearEncoder(5, strategy="tree")
    encoder.fit(X, y)
    assert_type(encoder.transform(X), np.ndarray)
    assert_type(encoder.bin_edges_[0], np.ndarray)
    clip = SmoothClip(bound=2)
    clip.fit(X)
    assert_type(clip.inverse_transform(clip.transform(X)), np.ndarray)


def mistakes() -> None:
    """Do what the annotations say is wrong."""
    MLPScratchClassifier(warm_start="resum")  # type: ignore[arg-type]
    MLPScratchClassifier(max_iter=10.5)  # type: ignore[arg-type]
    MLPScratchClassifier(hidden_layer_size=10)  # type: ignore[call-arg]
    MLPScratchRegressor("hubert")  # type: ignore[arg-type]
    MLPScratchRegressor(stop_when=falling)  # type: ignore[arg-type]
    Checkpoint("network.checkpoint", every_epoch=5)  # type: ignore[call-arg]
    MLPBaggingRegressor(n_members=5)  # type: ignore[call-arg]
    MLPGridSearchCV(MLPScratchRegressor(), [0.1])  # type: ignore[list-item]
    MLPHalvingGridSearchCV(MLPScratchRegressor(), {}, resources="max_iter")  # type: ignore[call-arg]
    MLPScratchRegressor().fit([[1.0]])  # type: ignore[call-arg]
    MLPScratchRegressor().fit([[1.0]], [1.0], x_val=[[1.0]])  # type: ignore[call-arg]
    MLPScratchRegressor().partial_fit([[1.0]], [1.0], classes=[1.0])  # type: ignore[call-arg]
    PiecewiseLinearEncoder(strategy="kmeans")  # type: ignore[arg-type]
    print(MLPScratchClassifier().predict([[1.0]]).coef_)  # type: ignore[attr-defined]


if __name__ == "__main__":
    classify()
    regress()
    search()
    encode()
    vote()
