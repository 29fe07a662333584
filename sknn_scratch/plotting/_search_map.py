"""Scores of a search over two parameters: a heat map with numbers, or points in colour."""

from typing import NamedTuple

import numpy as np

from sknn_scratch.plotting._params import varying
from sknn_scratch.plotting._search_results import grouped

CELL = 0.62, 0.36  # width and height in inches
_FONT_SIZE = 8.5  # of the numbers, in points, where there is room
_SMALLEST_FONT = 4.5  # that can be read
_CHARACTER = 0.62  # width of a digit as a share of the font size
_FRAME = {"fill": False, "edgecolor": "black", "linewidth": 2.5}
_HATCH = {"facecolor": "0.85", "edgecolor": "0.5", "hatch": "////", "linewidth": 0}
_MIDDLE = 0.179  # the luminance that stands out from black as from white, by the WCAG


class Cells(NamedTuple):
    """The best row of each cell over the parameters that are not shown.

    `best` has a row of the results for each cell, by (rank of y, rank of x). `failed` has the cells
    whose candidates all lack a score, `others` the parameters over which it is the best.
    """

    best: dict
    failed: list
    others: list


def cells_of(results, x_axis, y_axis):
    """Return what there is to show in a heat map."""
    rows = results.rows_with([x_axis.name, y_axis.name])
    ranks = [axis.ranks(results.values_of(axis.name, rows)) for axis in (y_axis, x_axis)]
    of_cell = grouped(zip(*ranks, strict=True), rows)
    best = {cell: results.best(beside) for cell, beside in of_cell.items()}
    failed = [cell for cell, row in best.items() if row is None]
    varied = varying([results.params[row] for row in rows])
    others = [name for name in varied if name not in (x_axis.name, y_axis.name)]
    return Cells({cell: row for cell, row in best.items() if row is not None}, failed, others)


def is_grid(cells, x_axis, y_axis):
    """Whether candidates fill at least half of a table of the values."""
    n_filled = len(cells.best) + len(cells.failed)
    return 2 * n_filled >= len(x_axis.values) * len(y_axis.values)


def draw_heat_map(ax, results, cells, axes, values_format, *, im_kw, text_kw):
    """Draw a cell for each pair of values; return the image and the numbers in it."""
    x_axis, y_axis = axes
    means = np.full((len(y_axis.values), len(x_axis.values)), np.nan)
    for cell, row in cells.best.items():
        means[cell] = results.mean[row]
    origin = "lower" if y_axis.is_numeric else "upper"  # categories are read from the top
    image = ax.imshow(means, **{"aspect": "auto", "origin": origin} | im_kw)
    x_axis.draw_table(ax, "x")
    y_axis.draw_table(ax, "y")
    for row, column in cells.failed:
        _add_rectangle(ax, row, column, 1, **_HATCH)
    best = results.best(cells.best.values())
    for (row, column), own in cells.best.items():
        if own == best:
            _add_rectangle(ax, row, column, 0.93, **_FRAME)
    texts = {cell: format(results.mean[row], values_format) for cell, row in cells.best.items()}
    size = _font_size(ax, means.shape, max(map(len, texts.values())))
    return image, _write(ax, image, texts, means, size, text_kw)


def _write(ax, image, texts, means, size, text_kw):
    """Write a number into each cell, black or white, whichever can be read better."""
    if size < _SMALLEST_FONT:
        return []
    style = {"ha": "center", "va": "center", "fontsize": size} | text_kw
    return [
        ax.text(column, row, text, **{"color": text_color(image, means[row, column])} | style)
        for (row, column), text in texts.items()
    ]


def text_color(image, value):
    """Return black or white, whichever stands out from the colour of a value."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in image.cmap(image.norm(value))[:3]
    )
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > _MIDDLE else "white"


def _font_size(ax, shape, n_characters):
    """Return the size of numbers that fit into the cells, in points."""
    box = ax.get_window_extent()
    height, width = np.array([box.height, box.width]) / shape * 72 / ax.figure.dpi
    return min(_FONT_SIZE, 0.9 * width / (_CHARACTER * n_characters), 0.8 * height)


def _add_rectangle(ax, row, column, size, **style):
    """Draw a rectangle in the middle of a cell."""
    from matplotlib.patches import Rectangle

    corner = column - size / 2, row - size / 2
    ax.add_patch(Rectangle(corner, size, size, **style))


def draw_points(ax, results, axes, *, im_kw):
    """Draw a point in colour for each candidate, and a cross for those without a score."""
    rows = results.rows_with([axis.name for axis in axes])
    for axis, which in zip(axes, "xy", strict=True):
        axis.draw(ax, which)
    places = np.array([axis.positions(results.values_of(axis.name, rows)) for axis in axes])
    mean = results.mean[rows]
    scored = np.isfinite(mean)
    ax.plot(*places[:, ~scored], "x", color="black", markersize=6)
    style = {"s": 60, "edgecolors": "black", "linewidths": 0.5} | im_kw
    points = ax.scatter(*places[:, scored], c=mean[scored], **style)
    best = rows.index(results.best(rows))
    ax.scatter(*places[:, best], s=230, facecolors="none", edgecolors="black", linewidths=2)
    return points
