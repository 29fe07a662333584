"""Fitted networks with parameters drawn at random, and what they and ONNX predict.

The tests convert some of them; ``python -m tests.interop.onnx_models --cases 300`` more.
"""

import argparse
import warnings

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknn_scratch import MLPScratchClassifier, MLPScratchRegressor
from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.initializers import INITIALIZERS
from sknn_scratch.engine.losses import REGRESSION_LOSSES
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.model_files import to_onnx
from sknn_scratch.onnx_export import network_to_onnx
from sknn_scratch.onnx_export.comparison import run

N_SAMPLES, N_FEATURES = 24, 3
LABELS = [
    [0, 1, 2, 3],
    [False, True, True, False],
    [-(10**12), 5, 2**62, -1],
    [0.0, 2.0, -3.0, 1e9],
    ["ash", "Föhre", "", "7"],
    [4, 4, 4, 4],
]


def draw(number):
    """Return a fitted model, which follows from its number, and samples."""
    random = np.random.default_rng(number)
    X = random.normal(size=(N_SAMPLES, N_FEATURES)).astype(random.choice([np.float32, np.float64]))
    model, y = random.choice([_classifier, _regressor])(random)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "y holds one class only", RuntimeWarning)
        if random.random() < 0.3:
            model = make_pipeline(StandardScaler(), model)
        return model.fit(X, y), X


def _params(random):
    sizes = [int(size) for size in random.integers(1, 9, size=random.integers(0, 4))]
    activations = [str(name) for name in random.choice(list(ACTIVATIONS), size=len(sizes))]
    one = str(random.choice(list(ACTIVATIONS)))
    params = {
        "hidden_layer_sizes": sizes,
        "activation": activations if random.random() < 0.5 else one,
        "solver": str(random.choice([*SOLVERS, "lbfgs"])),
        "init": str(random.choice(list(INITIALIZERS))),
        "learning_rate_init": 0.003,
        "max_iter": int(random.integers(1, 4)),
        "batch_size": 8,
        "alpha": float(random.choice([0.0, 0.1])),
        "random_state": int(random.integers(100)),
    }
    if params["solver"] not in ("lbfgs", "gd", "nag"):
        params["dropout"] = float(random.choice([0.0, 0.2]))
        params["early_stopping"] = bool(random.random() < 0.2)
    if params["solver"] == "lbfgs":
        params["l1"] = float(random.choice([0.0, 0.1]))
    return params


def _classifier(random):
    labels = np.array(LABELS[random.integers(len(LABELS))])
    y = labels[np.arange(N_SAMPLES) % random.integers(2, 5)]
    if random.random() < 0.3:
        y = random.integers(0, 2, size=(N_SAMPLES, random.integers(2, 5)))
        y[:2] = [[0], [1]]
    return MLPScratchClassifier(**_params(random)), y


def _regressor(random):
    loss = str(random.choice(list(REGRESSION_LOSSES)))
    y = random.gamma(2.0, size=(N_SAMPLES, random.integers(1, 4)))
    return MLPScratchRegressor(loss, **_params(random)), y[:, 0] if y.shape[1] == 1 else y


def difference(number):
    """Return by how much predictions of a drawn model differ in ONNX, and check its labels."""
    model, X = draw(number)
    dtype = [np.float32, np.float64][number // 2 % 2]
    samples = X.astype(dtype)
    alone = not hasattr(model, "steps") and number % 2
    converted = network_to_onnx(model, dtype) if alone else to_onnx(model, samples)
    *labels, given = run(converted, {"X": samples})
    expected = (model.predict_proba if is_classifier(model) else model.predict)(samples)
    expected = expected.reshape(N_SAMPLES, -1)
    assert given.shape == expected.shape
    assert given.dtype == dtype
    if labels:
        sure = _is_sure(expected, labels[0])
        assert sure.mean() > 0.5
        np.testing.assert_array_equal(labels[0][sure], model.predict(samples)[sure])
    return np.abs(given - expected).max() / max(1, np.abs(expected).max())


def _is_sure(probabilities, label):
    """Return for which samples rounding does not decide."""
    if label.ndim == 2:
        return (np.abs(probabilities - 0.5) > 1e-6).all(axis=1)
    ordered = np.sort(np.c_[np.zeros(len(label)), probabilities], axis=1)
    return ordered[:, -1] - ordered[:, -2] > 1e-6


def main():
    """Convert as many models as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.interop.onnx_models")
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="number of the first model")
    given = parser.parse_args()
    worst = max(map(difference, range(given.first, given.first + given.cases)))
    assert worst < 1e-5, worst
    print(f"{given.cases} models; predictions in ONNX differ by at most {worst:.1e}")


if __name__ == "__main__":
    main()
