"""Fashion-MNIST: loss and accuracy of training, validation and test over 100 epochs.

One hidden layer of 50 units, batches of 256 and l2 = 0.001, trained by mini-batch SGD without
momentum, by SGD with momentum and by Adam. All three solvers have the same learning rate, 0.001.
Nothing is chosen by the test set; its curve is recorded only.

Needs matplotlib (``pip install sknn-scratch[plot]``)::

    python examples/studies/fashion_mnist_curves.py --data my_data --output results

Writes ``fashion_mnist_curves.json`` and ``fashion_mnist_curves.png``.
"""

import time

from _study import (
    Progress,
    adapted,
    evaluate,
    fit,
    load,
    network,
    parse_options,
    save_figure,
    save_results,
)

from sknn_scratch.plotting import TrainingCurveDisplay

NAME = "fashion_mnist_curves"
SETTINGS = {
    "hidden_layer_sizes": (50,),
    "activation": "relu",
    "batch_size": 256,
    "learning_rate_init": 0.001,
    "l1": 0.0,
    "l2": 0.001,
    "max_iter": 100,
}
SOLVERS = {
    "SGD": {"solver": "sgd", "momentum": 0.0},
    "SGD, momentum 0.9": {"solver": "sgd", "momentum": 0.9},
    "Adam": {"solver": "adam"},
}
N_VALIDATION = 5_000
ACCURACIES = {
    "training": "accuracy",
    "validation": "validation_score",
    "test": "test_accuracy",
}


def main(arguments=None):
    """Train with each solver, write the curves and draw them."""
    start = time.perf_counter()
    options = parse_options(__doc__, arguments)
    data = load("fashion-mnist", options, n_validation=N_VALIDATION)
    settings = adapted(SETTINGS, options)
    results = {
        name: [curves(settings | solver, data, seed, name) for seed in range(options.seeds)]
        for name, solver in SOLVERS.items()
    }
    for name, (first, *_) in results.items():
        figures = (f"{part} {first[key][-1]:.4f}" for part, key in ACCURACIES.items())
        print(f"{name}: accuracy after the last epoch: {', '.join(figures)}")
    settings = {"all": settings, "solvers": SOLVERS}
    save_results(NAME, options, settings, start, results)
    title = "Fashion-MNIST, 50 hidden units: solvers at the same learning rate, 0.001"
    save_figure(draw(results), options, NAME, title)


def curves(settings, data, seed, label):
    """Train epoch by epoch, and return what the model and the test set say after each."""
    # "resume" goes on exactly where the last fit stopped: one fit of all epochs ends in the same
    # bits, but would leave no place to look at a third set.
    model = network(settings, seed).set_params(warm_start="resume", max_iter=1)
    progress, test = Progress(f"{label}, seed {seed}", settings["max_iter"]), []
    for _ in range(settings["max_iter"]):
        fit(model, data.training, X_val=data.validation.X, y_val=data.validation.y)
        test.append(evaluate(model, data.test))
        progress.show(loss=model.loss_, test_accuracy=test[-1]["accuracy"])
    return model.history_ | {f"test_{key}": [epoch[key] for epoch in test] for key in test[0]}


def draw(results):
    """Return the figure of the first seed: three sets, three solvers."""
    histories = {name: seeds[0] for name, seeds in results.items()}
    test_scores = {name: history["test_accuracy"] for name, history in histories.items()}
    display = TrainingCurveDisplay(histories, test_scores=test_scores).plot(with_penalty=False)
    for line, history in zip(display.lines_.values(), histories.values(), strict=True):
        style = line["test_score"]
        epochs, loss = style.get_xdata(), history["test_loss"]
        display.axes_[0].plot(epochs, loss, ":", color=style.get_color())
    return display.figure_


if __name__ == "__main__":
    main()
