"""The figures that stand on the page where no script runs."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from playground.grid import EPOCHS, network, samples
from sknn_scratch.engine.penalties import ElasticNet
from sknn_scratch.plotting import DecisionBoundaryGridDisplay


def draw_networks(path):
    """Draw the boundaries of networks with 1, 2 and 3 hidden units around the inner circle."""
    X, y, _, _ = samples("circles")
    fitted = {}
    for hidden in (1, 2, 3):
        choice = {"hidden": hidden, "activation": "tanh", "rate": 0.2, "penalty": 0.0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = network(**choice, max_iter=EPOCHS[-1]).fit(X, y)
        fitted[f"hidden units: {hidden}"] = model
    figure = DecisionBoundaryGridDisplay.from_estimators(fitted, X, y).figure_
    figure.savefig(path)
    plt.close(figure)


def draw_prox(path, thresholds=(0.0, 0.2, 0.6)):
    """Draw a weight after the soft threshold against the weight before."""
    figure, ax = plt.subplots(figsize=(4.5, 3.2), layout="constrained")
    before = np.linspace(-1.5, 1.5, 301)
    for threshold, style in zip(thresholds, (":", "--", "-"), strict=True):
        after = before.copy()
        ElasticNet(l1=threshold).prox(after, 1.0, np.empty_like(after))
        ax.plot(before, after, style, label=f"learning rate times penalty: {threshold}")
    ax.set(xlabel="weight before the threshold", ylabel="weight after")
    ax.grid(alpha=0.3)
    ax.legend()
    figure.savefig(path)
    plt.close(figure)
