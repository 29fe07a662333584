"""CIFAR-10 with one hidden layer: a random search, one test, and what the first layer looks for.

The settings of short trainings are drawn at random from a stated space. The best on 5,000 images
held out is trained for longer, on the training images and their mirror images. The test set is used
exactly once, at the end.

Needs matplotlib (``pip install sknn-scratch[plot]``)::

    python examples/studies/cifar10_two_layers.py --data my_data --output results

Writes ``cifar10_two_layers.json``, ``cifar10_two_layers.png`` (curves) and
``cifar10_two_layers_weights.png``.
"""

import time
from dataclasses import replace

import numpy as np
from _study import (
    adapted,
    best_on_validation,
    compare,
    load,
    parse_options,
    save_figure,
    save_results,
    test_once,
    with_mirrored,
)
from scipy.stats import loguniform
from sklearn.model_selection import ParameterSampler

from sknn_scratch.plotting import TrainingCurveDisplay, WeightsDisplay

NAME = "cifar10_two_layers"
SETTINGS = {
    "activation": "relu",
    "solver": "adam",
    "learning_rate": "one_cycle",
}
SPACE = {
    "learning_rate_init": loguniform(3e-4, 2e-3),
    "batch_size": [128, 256],
    "dropout": [[p, q] for p in (0.0, 0.1, 0.2) for q in (0.3, 0.5)],  # input, hidden layer
    "label_smoothing": [0.0, 0.1],
    "l2": loguniform(1e-6, 1e-4),
}
N_TRIALS = 8
TRIAL = {"hidden_layer_sizes": (1024,), "max_iter": 8}
FINAL = {"hidden_layer_sizes": (2048,), "max_iter": 20}
N_VALIDATION = 5_000


def main(arguments=None):
    """Search, train the best for longer, test it once, and draw its curves and weights."""
    start = time.perf_counter()
    options = parse_options(__doc__, arguments)
    data = load("cifar-10", options, n_validation=N_VALIDATION)
    trials = draw_trials(options)
    _, found = compare(trials, data, n_seeds=1)
    best = best_on_validation(found)
    settings = adapted(trials[best] | FINAL, options)
    training = with_mirrored(data.training, data.image_shape)
    models, final = compare({"final": settings}, replace(data, training=training), options.seeds)
    test_once("final", models["final"], final["final"], data.test)
    results = {"search": found, "chosen": best, "final": final["final"]}
    save_results(NAME, options, {"trials": trials, "final": settings}, start, results)
    save_figure(draw_curves(final), options, NAME, "CIFAR-10, one hidden layer")
    title = "CIFAR-10: incoming weights of hidden units, as images"
    save_figure(draw_weights(models["final"][0], data), options, f"{NAME}_weights", title)


def draw_trials(options):
    """Return the settings of the trials, drawn from the space, by name."""
    n_trials = 2 if options.quick else N_TRIALS
    drawn = ParameterSampler(SPACE, n_trials, random_state=0)
    return {
        f"trial {k}": adapted(SETTINGS | TRIAL | given, options)
        for k, given in enumerate(drawn, start=1)
    }


def draw_curves(final):
    """Return the figure of the final training with the first seed."""
    record = final["final"][0]
    scores = {"": record["test"]["accuracy"]}
    return TrainingCurveDisplay({"": record["history"]}, test_scores=scores).plot().figure_


def draw_weights(model, data):
    """Return the figure of the weights of the hidden units that have the largest ones."""
    # A few weights far larger than the rest would leave all others grey.
    limit = np.quantile(np.abs(model.coefs_[0]), 0.999)
    display = WeightsDisplay(model.coefs_[0], data.image_shape)
    return display.plot(units=60, order="norm", n_columns=12, limit=limit).figure_


if __name__ == "__main__":
    main()
