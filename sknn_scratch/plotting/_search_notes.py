"""What is said above a picture of a search: the best candidate, and those without a score."""

from textwrap import fill

import numpy as np

from sknn_scratch.plotting._params import shown

_FONT_SIZE = 8.5  # in points
_LEAST_LENGTH = 20  # characters of a line, however narrow the axes
_CHARACTER = 0.55  # width of a character as a share of the font size


def folds(searches):
    """Return the number of scores that each mean is over."""
    numbers = dict.fromkeys(results.n_folds for results in searches)
    return f"{' or '.join(map(str, numbers))} folds"


def of_search(name):
    """Return words that name a search; none for a search without a name."""
    return f" of {name}" if name else ""


def best_over(names):
    """Return over which parameters only the best candidate is shown."""
    return f", the best over {', '.join(dict.fromkeys(names))}" if names else ""


def about_best(mark, name, results, rows, values_format):
    """Return a sentence on the best of these rows, which is marked in some way."""
    best, varying = results.best(rows), results.varying
    params = ", ".join(
        f"{key}={shown(value)}" for key, value in results.params[best].items() if key in varying
    )
    return f"{mark}: best{of_search(name)}, {results.mean[best]:{values_format}} with {params}"


def about_failures(mark, name, results, rows):
    """Return a sentence on the candidates without a score; none if all have one."""
    n_failed = len(results.failed(rows))
    if not n_failed:
        return []
    return [f"{mark} score, because {n_failed} of {len(rows)} candidates{of_search(name)} failed"]


def number_format(scores, given):
    """Return the format that was given, or one that suits the largest of these scores."""
    if given:
        try:
            format(0.5, given)
        except ValueError as error:
            raise ValueError(
                f"values_format must be a format of numbers such as '.3f', got {given!r}."
            ) from error
        return given
    largest = np.abs(scores[np.isfinite(scores)]).max()
    for limit, text in ((0.01, ".2e"), (10, ".3f"), (100, ".2f"), (1000, ".1f"), (1e5, ".0f")):
        if 0 < largest < limit:
            return text
    return ".2e" if largest else ".3f"


def fills_figure(ax):
    """Whether only its colour bar is beside the axes, and the figure makes room for text."""
    from matplotlib.figure import Figure

    figure = ax.figure
    colorbars = [image.colorbar.ax for image in (*ax.images, *ax.collections) if image.colorbar]
    makes_room = isinstance(figure, Figure) and figure.get_layout_engine() is not None
    return makes_room and set(figure.axes) == {ax, *colorbars}


def write_above(ax, notes):
    """Write sentences above the axes, after those of a search that was drawn there before."""
    before = ax.get_title(loc="left")
    right = ax.get_window_extent().x1
    if fills_figure(ax):
        ax.figure.draw_without_rendering()  # places the axes
        right = ax.figure.bbox.x1
    width = (right - ax.get_window_extent().x0) * 72 / ax.figure.dpi
    length = max(_LEAST_LENGTH, int(width / (_CHARACTER * _FONT_SIZE)))
    lines = [fill(note, length) for note in notes]
    text = "\n".join(filter(None, [before, *(line for line in lines if line not in before)]))
    ax.set_title(text, loc="left", fontsize=_FONT_SIZE)
