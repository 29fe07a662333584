"""Draw a network while it learns three spirals: ``python docs/draw_spirals.py``.

Writes ``docs/images/spirals.png`` for README, and for the home page the same as a square. The
pictures are transparent around the panels, so that they stand on a dark page as well.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from PIL import Image
from sklearn.neural_network import MLPClassifier

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.plotting import DecisionBoundaryGridDisplay

IMAGES = Path(__file__).parent / "images"
SHAPES = {"spirals.png": (1, 4), "spirals_square.png": (2, 2)}  # rows and columns
EPOCHS = (3, 30, 300)
SETTINGS = {"hidden_layer_sizes": (64, 64), "learning_rate_init": 0.005, "batch_size": 100}
PANEL = 3  # inches
NOTE = {"boxstyle": "round", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}


def spirals(n_samples=150):
    """Return the points of three arms, and the number of the arm of each."""
    rng = np.random.RandomState(0)
    arm = np.repeat(np.arange(3), n_samples)
    along = np.tile(np.linspace(0.1, 1, n_samples), 3)
    angle = 2 * np.pi * arm / 3 + 6 * along + rng.normal(scale=0.12, size=arm.size)
    return along[:, None] * np.c_[np.sin(angle), np.cos(angle)], arm


def train(network, n_epochs):
    """Return a network trained for a number of epochs, and no less."""
    X, y = spirals()
    network.set_params(**SETTINGS, max_iter=n_epochs, n_iter_no_change=n_epochs + 1, random_state=0)
    return network.fit(X, y)


def draw(shape, networks, theirs):
    """Return a figure: the boundaries of all networks, and the loss of the last one and theirs."""
    n_rows, n_columns = shape
    figure = Figure(figsize=(PANEL * n_columns, PANEL * n_rows), facecolor="none")
    figure.subplots_adjust(0, 0, 1, 1, 0.03, 0.03)
    *panels, last = figure.subplots(n_rows, n_columns).flat
    X, y = spirals()
    DecisionBoundaryGridDisplay.from_estimators(networks, X, y, ax=panels, grid_resolution=200)
    for panel, network in zip(panels, networks, strict=True):
        n_epochs = network.n_iter_
        panel.set(title="", xlabel="", ylabel="", xticks=[], yticks=[])
        write(panel, f"{n_epochs} epoch{'s' * (n_epochs > 1)}")
    panels[0].get_legend().remove()
    draw_curves(last, networks, theirs)
    for ax in (*panels, last):
        ax.spines[:].set_visible(False)
    return figure


def draw_curves(ax, networks, theirs):
    """Draw the loss over the epochs, scikit-learn's as a wide line beneath ours."""
    curve = networks[-1].loss_curve_
    epochs = np.arange(1, len(curve) + 1)
    ax.plot(epochs, theirs.loss_curve_, linewidth=7, color="#f5b46c", label="MLPClassifier")
    ax.plot(epochs, curve, linewidth=1.6, color="#1f4e79", label="MLPScratchClassifier")
    seen = [network.n_iter_ for network in networks]
    ax.plot(seen, [curve[n - 1] for n in seen], "o", color="#1f4e79")
    ax.set(xscale="log", xlim=(0.8, 1.25 * len(curve)), ylim=(-0.08, 1.2 * curve[0]))
    ax.xaxis.set_major_locator(NullLocator())
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set(yticks=[], facecolor="#f7f7f7")
    ax.legend(loc="upper right", bbox_to_anchor=(1, 0.9), frameon=False, fontsize=10)
    write(ax, "loss")


def write(ax, text):
    """Write into the upper left corner."""
    ax.text(0.04, 0.95, text, transform=ax.transAxes, va="top", fontsize=12, bbox=NOTE)


def main(folder=IMAGES, epochs=EPOCHS):
    """Train the networks and draw both pictures."""
    networks = [train(MLPScratchClassifier(), n_epochs) for n_epochs in epochs]
    theirs = train(MLPClassifier(), epochs[-1])
    for name, shape in SHAPES.items():
        save(draw(shape, networks, theirs), folder / name)


def save(figure, path):
    """Write a PNG of 256 colours, which is a third as large as one of all."""
    figure.savefig(path, dpi=110)
    Image.open(path).quantize(256, method=Image.Quantize.FASTOCTREE).save(path, optimize=True)


if __name__ == "__main__":
    main()
