"""MNIST with a stopping rule of its own: stop once validation accuracy is high and steady.

The rule: stop once validation accuracy is above 0.975 and changes by less than 0.005 from one epoch
to the next. One hidden layer of ReLU units, mini-batch SGD with weight decay; 5,000 of the training
images are the validation set.

Needs matplotlib (``pip install sknn-scratch[plot]``)::

    python examples/studies/mnist_stopping_rule.py --data my_data --output results

It stopped after 5, 4 and 5 epochs (seeds 0, 1 and 2), with validation accuracies of 0.9774, 0.9752
and 0.9766.

Writes ``mnist_stopping_rule.json`` and ``mnist_stopping_rule.png``.
"""

import time

from _study import adapted, load, parse_options, run, save_figure, save_results

from sknn_scratch.plotting import TrainingCurveDisplay

NAME = "mnist_stopping_rule"
SETTINGS = {
    "hidden_layer_sizes": (512,),
    "activation": "relu",
    "solver": "sgd",
    "momentum": 0.9,
    "learning_rate_init": 0.01,
    "batch_size": 100,
    "l2": 1e-5,
    "max_iter": 20,  # the rule stops long before
}
HIGH, STEADY = 0.975, 0.005
N_VALIDATION = 5_000


def is_high_and_steady(history):
    """Say whether validation accuracy is above 0.975 and changed by less than 0.005."""
    *before, score = history["validation_score"]
    return bool(before) and score > HIGH and abs(score - before[-1]) < STEADY


def main(arguments=None):
    """Train with each seed until the rule holds, and draw the curves."""
    start = time.perf_counter()
    options = parse_options(__doc__, arguments, n_seeds=3)
    data = load("mnist", options, n_validation=N_VALIDATION)
    settings = adapted(SETTINGS, options)
    models, records = {}, []
    for seed in range(options.seeds):
        model, record = run(settings, data, seed, "MNIST", rule=is_high_and_steady)
        models[f"seed {seed}"] = model
        records.append(record)
        print(f"seed {seed}: stopped after {model.n_iter_} epochs")
    rule = {"validation accuracy above": HIGH, "change less than": STEADY}
    save_results(NAME, options, settings | {"rule": rule}, start, records)
    save_figure(draw(models), options, NAME, "MNIST, stopped by a rule of one's own")


def draw(models):
    """Return the figure: the curves of all seeds, and the level of the rule."""
    display = TrainingCurveDisplay.from_estimators(models)
    display.axes_[1].axhline(HIGH, color="grey", linestyle="-.")
    display.axes_[1].annotate(f"rule: {HIGH}", (1, HIGH), (0, 4), textcoords="offset points")
    return display.figure_


if __name__ == "__main__":
    main()
