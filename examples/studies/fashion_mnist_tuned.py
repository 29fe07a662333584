"""Fashion-MNIST as well as a multilayer perceptron can do: a few networks, the best is tested.

The candidates differ in size and regularisation. Each is trained with its mirror images beside the
training images; 5,000 images held out choose among them, by the mean accuracy over the seeds. The
test set is used once, for the one chosen.

Needs matplotlib (``pip install sknn-scratch[plot]``)::

    python examples/studies/fashion_mnist_tuned.py --data my_data --output results

Writes ``fashion_mnist_tuned.json`` and ``fashion_mnist_tuned.png``.
"""

import time
from dataclasses import replace

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

from sknn_scratch.plotting import TrainingCurveDisplay

NAME = "fashion_mnist_tuned"
SETTINGS = {
    "activation": "relu",
    "solver": "adam",
    "learning_rate": "one_cycle",
    "batch_size": 256,
    "label_smoothing": 0.1,
    "max_iter": 40,
}
CANDIDATES = {
    "512-256": {
        "hidden_layer_sizes": (512, 256),
        "learning_rate_init": 0.003,
        "dropout": [0.1, 0.3, 0.3],
    },
    "1024-512": {
        "hidden_layer_sizes": (1024, 512),
        "learning_rate_init": 0.002,
        "dropout": [0.1, 0.4, 0.4],
    },
}
N_VALIDATION = 5_000


def main(arguments=None):
    """Train the candidates, test the best, and draw the curves of all."""
    start = time.perf_counter()
    options = parse_options(__doc__, arguments)
    data = load("fashion-mnist", options, n_validation=N_VALIDATION)
    settings = {
        name: adapted(SETTINGS | candidate, options) for name, candidate in CANDIDATES.items()
    }
    training = with_mirrored(data.training, data.image_shape)
    models, results = compare(settings, replace(data, training=training), options.seeds)
    best = best_on_validation(results)
    test_once(best, models[best], results[best], data.test)
    results = {"chosen": best, "candidates": results}
    save_results(NAME, options, settings, start, results)
    save_figure(draw(**results), options, NAME, "Fashion-MNIST, tuned: units of the hidden layers")


def draw(chosen, candidates):
    """Return the figure: the curves of the first seed, and the test accuracy of the chosen."""
    histories = {name: records[0]["history"] for name, records in candidates.items()}
    scores = {chosen: candidates[chosen][0]["test"]["accuracy"]}
    return TrainingCurveDisplay(histories, test_scores=scores).plot().figure_


if __name__ == "__main__":
    main()
