"""CIFAR-10 with 2, 3, 4 and 5 layers of weights: what depth does to a multilayer perceptron.

All with the same settings, which were found for the two layers. 5,000 images held out choose the
best, by the mean accuracy over the seeds; the test set is used once, for that one.

Needs matplotlib (``pip install sknn-scratch[plot]``)::

    python examples/studies/cifar10_depth.py --data my_data --output results

Writes ``cifar10_depth.json`` and ``cifar10_depth.png``.
"""

import time

from _study import (
    adapted,
    best_on_validation,
    compare,
    load,
    mean_accuracy,
    parse_options,
    save_figure,
    save_results,
    test_once,
)

from sknn_scratch.plotting import TrainingCurveDisplay

NAME = "cifar10_depth"
DEPTHS = (2, 3, 4, 5)  # matrices of weights: one more than hidden layers
UNITS = 1024  # in each hidden layer
DROPOUT = (0.1, 0.3)  # of the input and of each hidden layer
SETTINGS = {
    "activation": "relu",
    "solver": "adam",
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.001,
    "batch_size": 256,
    "label_smoothing": 0.1,
    "max_iter": 14,
}
N_VALIDATION = 5_000


def main(arguments=None):
    """Train each depth, test the best, print the table and draw the curves."""
    start = time.perf_counter()
    options = parse_options(__doc__, arguments)
    data = load("cifar-10", options, n_validation=N_VALIDATION)
    networks = {f"{depth} layers": adapted(of_depth(depth), options) for depth in DEPTHS}
    models, results = compare(networks, data, options.seeds)
    best = best_on_validation(results)
    test_once(best, models[best], results[best], data.test)
    print("            training  validation")
    for name, records in results.items():
        row = (mean_accuracy(records, part) for part in ("training", "validation"))
        print(f"{name:<12}", *(f"{accuracy:<10.4f}" for accuracy in row))
    save_results(NAME, options, networks, start, {"chosen": best, "depths": results})
    save_figure(draw(best, results), options, NAME, "CIFAR-10: layers of weights")


def of_depth(n_layers):
    """Return the settings of the network with that many layers of weights."""
    n_hidden = n_layers - 1
    of_input, of_hidden = DROPOUT
    return SETTINGS | {
        "hidden_layer_sizes": (UNITS,) * n_hidden,
        "dropout": [of_input] + [of_hidden] * n_hidden,
    }


def draw(best, results):
    """Return the figure: the curves of the first seed, and the test accuracy of the best."""
    histories = {name: records[0]["history"] for name, records in results.items()}
    scores = {best: results[best][0]["test"]["accuracy"]}
    display = TrainingCurveDisplay(histories, test_scores=scores)
    return display.plot().figure_


if __name__ == "__main__":
    main()
