"""MNIST with shifted images: two hidden layers, on five times the training images.

Beside each training image stand its copies one pixel further left, right, up and down. A digit that
is moved is the same digit. A multilayer perceptron cannot know this unless it is shown. 5,000
images held out are the validation set; the test set is used once, after training.

Needs matplotlib (``pip install sknn-scratch[plot]``)::

    python examples/studies/mnist_shifted.py --data my_data --output results

Writes ``mnist_shifted.json`` and ``mnist_shifted.png``.
"""

import time
from dataclasses import replace

from _study import (
    adapted,
    compare,
    load,
    parse_options,
    save_figure,
    save_results,
    test_once,
    with_shifted,
)

from sknn_scratch.plotting import TrainingCurveDisplay

NAME = "mnist_shifted"
SETTINGS = {
    "hidden_layer_sizes": (1024, 1024),
    "activation": "relu",
    "solver": "adam",
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.002,
    "batch_size": 256,
    "dropout": [0.1, 0.3, 0.3],  # of the input and of each hidden layer
    "label_smoothing": 0.1,
    "max_iter": 10,
}
N_VALIDATION = 5_000


def main(arguments=None):
    """Train the network with each seed, test it, and draw the curves of the first seed."""
    start = time.perf_counter()
    options = parse_options(__doc__, arguments)
    data = load("mnist", options, n_validation=N_VALIDATION, scaled=False)
    data = replace(data, training=with_shifted(data.training, data.image_shape))
    settings = adapted(SETTINGS, options)
    models, results = compare({NAME: settings}, data, options.seeds)
    test_once(NAME, models[NAME], results[NAME], data.test)
    save_results(NAME, options, settings, start, results[NAME])
    title = "MNIST, two hidden layers, with shifted images: an epoch sees five of each"
    save_figure(draw(results[NAME][0]), options, NAME, title)


def draw(record):
    """Return the figure: the curves, and what the test set said at the end."""
    scores = {"": record["test"]["accuracy"]}
    return TrainingCurveDisplay({"": record["history"]}, test_scores=scores).plot().figure_


if __name__ == "__main__":
    main()
