"""Draw a network while it learns three spirals: ``python docs/draw_spirals.py``.

Writes ``docs/images/spirals.png`` for README, and for the home page the same as a square. The
pictures are transparent around the panels, so that they stand on a dark page as well. The arms
alone are the logo of the site, ``docs/_static/logo.svg``.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from PIL import Image
from sklearn.neural_network import MLPClassifier

from sknn_scratch import MLPScratchClassifier
from sknn_scratch.plotting import DecisionBoundaryGridDisplay

DOCS = Path(__file__).parent
SHAPES = {"spirals.png": (1, 4), "spirals_square.png": (2, 2)}  # rows and columns
EPOCHS = (3, 30, 300)
SETTINGS = {"hidden_layer_sizes": (64, 64), "learning_rate_init": 0.005, "batch_size": 100}
PANEL = 3  # inches
COLORS = ("#2f7fc8", "#e8a317", "#c8402f")
LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" fill="none" \
stroke-width="11" stroke-linecap="round" stroke-linejoin="round">
{}
</svg>
"""
NOTE = {"boxstyle": "round", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}


def spirals(n_samples=150, noise=0.12):
    """Return the points of three arms, and the number of the arm of each."""
    rng = np.random.RandomState(0)
    arm = np.repeat(np.arange(3), n_samples)
    along = np.tile(np.linspace(0.1, 1, n_samples), 3)
    angle = 2 * np.pi * arm / 3 + 6 * along + rng.normal(scale=noise, size=arm.size)
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


def logo():
    """Return the three arms as an SVG."""
    X, arm = spirals(n_samples=25, noise=0)
    lines = [
        f'<polyline stroke="{color}" points="{points}"/>'
        for number, color in enumerate(COLORS)
        for points in [
            " ".join(f"{50 + 44 * x:.1f},{50 - 44 * y:.1f}" for x, y in X[arm == number])
        ]
    ]
    return LOGO.format("\n".join(lines))


def main(folder=DOCS, epochs=EPOCHS):
    """Train the networks, draw both pictures, and write the logo."""
    networks = [train(MLPScratchClassifier(), n_epochs) for n_epochs in epochs]
    theirs = train(MLPClassifier(), epochs[-1])
    for name, shape in SHAPES.items():
        save(draw(shape, networks, theirs), folder / "images" / name)
    (folder / "_static" / "logo.svg").write_text(logo(), "utf-8")


def save(figure, path):
    """Write a PNG of 256 colours, which is a third as large as one of all."""
    figure.savefig(path, dpi=110)
    Image.open(path).quantize(256, method=Image.Quantize.FASTOCTREE).save(path, optimize=True)


if __name__ == "__main__":
    main()
