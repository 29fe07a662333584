"""What dropout gains on MNIST: two hidden layers of 512 units, with and without it.

Needs no extra. MNIST comes from a folder that you name, or else from OpenML::

    python examples/dropout_mnist.py --data my_data

Six trainings of 20 epochs, about a minute each on one core. ``--quick`` takes a tenth of the
samples and two epochs, to see that it runs.
"""

import argparse
import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.datasets import load_mnist

SETTINGS = {
    "hidden_layer_sizes": (512, 512),
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.003,
    "batch_size": 256,
    "max_iter": 20,
    "n_iter_no_change": np.inf,  # the schedule is laid out over all epochs
    "alpha": 0.0,
}
DROPOUTS = {"without": 0.0, "with": [0.1, 0.3, 0.3]}  # of the input and of the two hidden layers
SEEDS = (0, 1, 2)


def main(arguments=None):
    """Train each network with each seed and print test accuracies and their means."""
    options = parse_options(arguments)
    data = load_mnist(options.data)
    step, epochs = (10, 2) if options.quick else (1, SETTINGS["max_iter"])
    X, y = data.X_train[::step], data.y_train[::step]
    for name, dropout in DROPOUTS.items():
        scores = []
        for seed in SEEDS:
            start = time.perf_counter()
            model = MLPScratchClassifier(**SETTINGS | {"max_iter": epochs})
            fit(model.set_params(dropout=dropout, random_state=seed), X, y)
            scores.append(model.score(data.X_test, data.y_test))
            seconds = time.perf_counter() - start
            print(f"{name} dropout, seed {seed}: {scores[-1]:.4f} ({seconds:.0f} s)", flush=True)
        print(f"{name} dropout, mean test accuracy: {np.mean(scores):.4f}")


def fit(model, X, y):
    """Fit for all epochs; to stop after them is the plan, not a failure to converge."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "Stochastic Optimizer: Maximum iterations", ConvergenceWarning
        )
        model.fit(X, y)


def parse_options(arguments):
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description="Dropout on MNIST.")
    parser.add_argument("--data", metavar="FOLDER", help="folder that holds mnist/")
    parser.add_argument("--quick", action="store_true", help="a tenth of the samples, two epochs")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
