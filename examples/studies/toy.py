"""Toy data: a small network with one hidden layer, by SGD, until the training loss is near zero.

Two sets that are made here. "points": 5 samples of 4 normal inputs in 3 classes, and 10 hidden
units. "spirals": 300 samples on 3 spiral arms, one for each class, and 50 hidden units.

Needs matplotlib (``pip install sknn-scratch[plot]``); no data to download::

    python examples/studies/toy.py --output results

All six trainings (three seeds of each) end with a training loss below 0.001, in five seconds.

Writes ``toy.json`` and ``toy.png``.
"""

import time

import numpy as np
from _study import (
    Part,
    Progress,
    evaluate,
    fit,
    network,
    parse_options,
    save_figure,
    save_results,
)

from sknn_scratch.plotting import TrainingCurveDisplay

NAME = "toy"
SETTINGS = {
    "points": {
        "hidden_layer_sizes": (10,),
        "solver": "sgd",
        "learning_rate_init": 0.1,
        "batch_size": 5,
        "max_iter": 250,
    },
    "spirals": {
        "hidden_layer_sizes": (50,),
        "solver": "sgd",
        "learning_rate_init": 0.1,
        "batch_size": 20,
        "max_iter": 1000,
    },
}


def main(arguments=None):
    """Train on both sets with each seed, print the losses and draw the curves."""
    start = time.perf_counter()
    options = parse_options(__doc__, arguments, n_seeds=3)
    results = {name: [] for name in DATA}
    for name, make in DATA.items():
        for seed in range(options.seeds):
            record = train(SETTINGS[name], make(seed), seed, name)
            results[name].append(record)
            print(f"{name}, seed {seed}: training loss {record['training']['loss']:.6f}")
    save_results(NAME, options, SETTINGS, start, results)
    save_figure(draw(results), options, NAME, "Toy data, one hidden layer, SGD")


def train(settings, part, seed, label):
    """Train, and return the figures per epoch and at the end."""
    model = network(settings, seed)
    progress = Progress(f"{label}, seed {seed}", model.max_iter)
    model.set_params(stop_when=lambda history: progress.show(loss=history["loss"][-1]))
    fit(model, part)
    return {"seed": seed, "training": evaluate(model, part), "history": model.history_}


def draw(results):
    """Return the figure: the curves of all seeds."""
    histories = {
        f"{name}, seed {record['seed']}": record["history"]
        for name, records in results.items()
        for record in records
    }
    return TrainingCurveDisplay(histories).plot(loss_scale="log").figure_


def make_points(seed):
    """Return 5 points of 4 normal inputs, with labels that have nothing to do with them."""
    rng = np.random.default_rng(seed)
    return Part(rng.normal(size=(5, 4)), np.array([0, 1, 2, 2, 1]))


def make_spirals(seed):
    """Return 100 points on each of 3 arms that wind about each other, with some noise."""
    rng = np.random.default_rng(seed)
    radius = np.linspace(0.05, 1, 100)
    angle = [4 * (radius + arm) + rng.normal(scale=0.1, size=100) for arm in range(3)]
    X = [np.column_stack([radius * np.sin(a), radius * np.cos(a)]) for a in angle]
    return Part(np.concatenate(X), np.repeat([0, 1, 2], 100))


DATA = {"points": make_points, "spirals": make_spirals}


if __name__ == "__main__":
    main()
