"""One epoch of Fashion-MNIST, by loops over the samples and by products of matrices.

Both do the same steps of mini-batch SGD, in float64, from the same first weights over the same
batches of 100. `sknn_scratch.reference` takes one sample at a time, as a course would write it
first; `MLPScratchClassifier` takes a batch as a matrix. That they end in the same weights is
checked.

Needs matplotlib (``pip install sknn-scratch[plot]``)::

    python examples/studies/loop_against_matrix.py --data my_data --output results

Writes ``loop_against_matrix.json`` and ``loop_against_matrix.png``. With ``--quick`` a
part of the images is measured, and the ratio holds for that part.
"""

import copy
import time

import numpy as np
from _study import Part, Progress, fit, load, network, parse_options, save_figure, save_results
from matplotlib.figure import Figure
from sklearn.preprocessing import label_binarize

from sknn_scratch.engine.activations import ACTIVATIONS
from sknn_scratch.engine.losses import LOSSES
from sknn_scratch.reference import value_and_gradient

NAME = "loop_against_matrix"
HIDDEN_UNITS = (50, 200)  # one network of each size
SETTINGS = {
    "activation": "relu",
    "solver": "sgd",
    "momentum": 0.0,
    "nesterovs_momentum": False,
    "learning_rate_init": 0.05,
    "batch_size": 100,
    "shuffle": False,  # so that both see the same batches
    "max_iter": 1,
}
N_REPEATS = 3  # epochs by matrices; their median counts


def main(arguments=None):
    """Measure both for each size, check that they agree, and draw the seconds."""
    start = time.perf_counter()
    options = parse_options(__doc__, arguments)
    part = all_training_images(options)
    results = [measure(n, part, seed) for n in HIDDEN_UNITS for seed in range(options.seeds)]
    for record in results:
        print(
            "{hidden_units} hidden units, {images} images: loop {loop_seconds:.2f} s, matrix "
            "{matrix_seconds:.3f} s, ratio {ratio:.1f}".format_map(record)
        )
    save_results(NAME, options, SETTINGS, start, results)
    title = f"Fashion-MNIST, one epoch of {len(part.X):,} images"
    save_figure(draw(results), options, NAME, title)


def all_training_images(options):
    """Return the official training set (with --quick a part of it) in float64."""
    data = load("fashion-mnist", options, n_validation=5_000)
    parts = data.training, data.validation
    X = np.concatenate([part.X for part in parts], dtype=np.float64)
    return Part(X, np.concatenate([part.y for part in parts]))


def measure(n_units, part, seed):
    """Return the seconds of an epoch by either way, and by how much their weights differ."""
    # The epoch that is measured is the second: the first is where both get their weights from.
    model = network(SETTINGS | {"hidden_layer_sizes": (n_units,)}, seed)
    fit(model.set_params(warm_start="resume"), part)
    by_matrix = [time_matrix_epoch(copy.deepcopy(model), part) for _ in range(N_REPEATS)]
    loop_seconds, weights = time_loop_epoch(model, part)
    matrix_seconds = float(np.median([seconds for seconds, _ in by_matrix]))
    pairs = zip(weights, by_matrix[0][1], strict=True)
    difference = max(np.abs(ours - theirs).max() for ours, theirs in pairs)
    if difference > 1e-9:  # rounding, over an epoch of steps
        raise RuntimeError(f"Loop and matrix ended in weights that differ by {difference:.1e}.")
    return {
        "hidden_units": n_units,
        "seed": seed,
        "images": len(part.X),
        "loop_seconds": loop_seconds,
        "matrix_seconds": matrix_seconds,
        "ratio": loop_seconds / matrix_seconds,
        "greatest_difference_of_weights": difference,
    }


def time_matrix_epoch(model, part):
    """Return the seconds of one more epoch of `fit`, checks of the data included; and weights."""
    start = time.perf_counter()
    fit(model, part)
    return time.perf_counter() - start, model.coefs_ + model.intercepts_


def time_loop_epoch(model, part):
    """Return the seconds of an epoch of loops from the weights of the model on; and weights."""
    W, b = ([array.copy() for array in arrays] for arrays in (model.coefs_, model.intercepts_))
    activations, loss = [ACTIVATIONS[model.activation]()], LOSSES["log_loss"]()
    step, size = model.learning_rate_init, model.batch_size
    progress = Progress("loop", -(-len(part.X) // size), unit="batch")
    start = time.perf_counter()
    Y = label_binarize(part.y, classes=model.classes_).astype(np.float64)
    for first in range(0, len(part.X), size):
        batch = slice(first, first + size)
        value, dW, db = value_and_gradient(W, b, activations, loss, part.X[batch], Y[batch])
        for array, gradient in zip(W + b, dW + db, strict=True):
            array -= step * gradient
        progress.show(loss=value)
    return time.perf_counter() - start, W + b


def draw(results):
    """Return the figure: bars of the seconds, on a logarithmic scale, with the ratio above."""
    first = [record for record in results if record["seed"] == 0]
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    ax = figure.subplots()
    places = np.arange(len(first))
    for shift, key, label, hatch in [
        (-0.2, "loop_seconds", "loop: one sample at a time", "//"),
        (0.2, "matrix_seconds", "matrix: 100 samples at a time", ""),
    ]:
        seconds = [record[key] for record in first]
        bars = ax.bar(places + shift, seconds, 0.38, label=label, hatch=hatch, edgecolor="white")
        ax.bar_label(bars, fmt="%.2f s")
    ax.set_xticks(
        places, [f"{r['hidden_units']} hidden units\nratio {r['ratio']:.0f}" for r in first]
    )
    ax.set(yscale="log", ylabel="seconds (logarithmic)")
    ax.margins(y=0.2)
    ax.legend()
    return figure


if __name__ == "__main__":
    main()
