"""What the displays share: the import of matplotlib, colours, and figures of many panels."""

from math import ceil, sqrt

import numpy as np

from sknn_scratch._optional import optional

# Colour-blind people tell these apart (M. A. Petroff, arXiv:2107.02270); scikit-learn has the same
COLORS = (
    *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
    *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
)
MARKERS = "os^vD<>PX*"  # of curves, in this order
_MIN_WIDTH = 4.5  # inches, for the legend to fit


def import_pyplot():
    """Return `matplotlib.pyplot`, which is imported only where something is plotted."""
    return optional("matplotlib.pyplot", "plot")


def set_cycle(ax):
    """Let the curves of new axes differ in colour, marker and dashes; those added later go on."""
    if not ax.has_data():
        # The grey one comes last: it looks like something less important
        colors = [*COLORS[:3], *COLORS[4:], COLORS[3]]
        dashes = (["-", "--", "-.", ":"] * 3)[: len(colors)]
        ax.set_prop_cycle(color=colors, marker=list(MARKERS), linestyle=dashes)


def panel_axes(ax, n_panels, n_columns, panel_size, margin):
    """Return a figure and `n_panels` of its axes: those given, or a grid of them on a new figure.

    `panel_size` is the width and the height of a panel in inches, `margin` what is added for
    labels around all. Scales are shared, so that only the outer panels have tick labels.
    """
    if ax is not None:
        return given_axes(ax, n_panels)
    if n_columns is None:
        n_columns = _default_columns(n_panels)
    n_columns = min(n_columns, n_panels)
    n_rows = ceil(n_panels / n_columns)
    width, height = np.multiply(panel_size, (n_columns, n_rows)) + margin
    figure = import_pyplot().figure(figsize=(max(width, _MIN_WIDTH), height), layout="constrained")
    axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    for unused in axes[n_panels:]:
        unused.remove()
    for ax in axes[max(0, n_panels - n_columns) : n_panels]:
        ax.tick_params(labelbottom=True)  # also above a place that is empty
    return figure, axes[:n_panels]


def check_ax(ax):
    """Raise an error if `ax` is no Axes of matplotlib."""
    from matplotlib.axes import Axes

    if not isinstance(ax, Axes):
        raise TypeError(
            f"ax must be an Axes of matplotlib, got {type(ax).__name__}. Make one by "
            "figure, ax = plt.subplots()."
        )


def single_axes(ax, size):
    """Return the axes given, or those of a new figure of a size in inches."""
    if ax is None:
        return import_pyplot().figure(figsize=size, layout="constrained").add_subplot()
    check_ax(ax)
    return ax


def given_axes(ax, n_needed):
    """Return the figure and the first `n_needed` of the axes that the user has given."""
    axes = np.asarray(ax, object).ravel()
    for each in axes[:n_needed]:
        check_ax(each)
    if axes.size < n_needed:
        raise ValueError(f"ax must hold at least {n_needed} axes, got {axes.size}.")
    return axes[0].figure, axes[:n_needed]


def _default_columns(n_panels):
    """Return the number of columns, from the root of `n_panels` to twice it, that fills best."""
    root = ceil(sqrt(n_panels))
    return min(range(root, 2 * root), key=lambda n_columns: -n_panels % n_columns)
