"""The scores of a search, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator

from sknn_scratch.plotting._arguments import checks_own_arguments
from sknn_scratch.plotting._matplotlib import import_pyplot, set_cycle, single_axes
from sknn_scratch.plotting._parameter_axis import ParameterAxis
from sknn_scratch.plotting._search_choice import choose
from sknn_scratch.plotting._search_lines import MAX_CURVES, curves_of, draw_curves
from sknn_scratch.plotting._search_map import CELL, cells_of, draw_heat_map, draw_points, is_grid
from sknn_scratch.plotting._search_notes import (
    about_best,
    about_failures,
    best_over,
    fills_figure,
    folds,
    number_format,
    of_search,
    write_above,
)
from sknn_scratch.plotting._search_results import SearchResults, read_search
from sknn_scratch.plotting._search_rounds import ROUNDS, draw_round_axis, draw_rounds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

_SIZE = 7.0, 4.4  # of a figure with curves in inches
_LEGEND = 1.3  # what a legend beside them adds to its width
_AROUND = 2.2, 1.5  # the same of what is around a heat map: names, text and colour bar
_LABEL_CHARACTER = 0.09  # width of a character of the values beside it in inches
_LEAST_SIZE = 5.5, 3.0
_LABEL_LENGTH = 30  # characters of a score beside an axis


class SearchDisplay:
    """The scores of a search over one parameter, over two, or round after round.

    Use `from_search` to create one. What it draws depends on what it is asked for:

    - **x, a parameter:** the mean score of each candidate, with its standard deviation over the
      folds. If other parameters vary too, each value of `x` has the candidate that is best over
      them. With `lines`, there is a curve for each value of another parameter. Candidates of a
      randomized search, whose values hardly repeat, are points.
    - **x and y, two parameters:** a heat map with the mean score in each cell, or points in colour
      if candidates fill less than half of the cells.
    - **the rounds of a halving search:** a curve for each candidate, which ends where it was
      dropped.

    Parameters
    ----------
    results : dict of str to results
        What `from_search` read from each search, by its name.
    x : str
        The parameter along the axis, or 'n_resources' or 'iter' for the rounds of a halving search.
    y : str, default=None
        The second parameter of a heat map.
    lines : sequence of str, default=()
        The parameters that have a curve for each of their values.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        The curves; with rounds, one for each candidate.
    spreads_ : list of matplotlib artists
        What shows the standard deviation around each curve.
    im_ : matplotlib AxesImage or PathCollection, or None
        The heat map, or the points in colour.
    text_ : list of matplotlib Text
        The numbers in a heat map.
    colorbar_ : matplotlib Colorbar or None
        The scale of its colours.
    ax_ : matplotlib Axes
        The axes with the plot.
    figure_ : matplotlib Figure
        Their figure.

    See Also
    --------
    DecisionBoundaryGridDisplay : What the candidates of a search have learnt.
    sklearn.model_selection.ValidationCurveDisplay : Scores over a parameter, without a search.

    Notes
    -----
    An axis is logarithmic if the largest value is at least ten times the smallest and the
    logarithms are spread more evenly than the values. A zero beside such values stands apart at the
    left. Values that are not all numbers are categories, in the order of the search.

    Scores of metrics whose name begins with ``neg_``, or of a scorer made with
    ``greater_is_better=False``, are shown as positive errors. Candidates that failed are gaps, and
    the text above the axes counts them. Candidates that do not set a parameter that is shown are
    left out. A candidate of a halving search that is shown by its parameters has the score of the
    last round that it reached.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.model_selection import MLPGridSearchCV
    >>> from sknn_scratch.plotting import SearchDisplay
    >>> network = MLPScratchClassifier(8, solver="nag", tol=1e-3, random_state=0)
    >>> grid = {"learning_rate_init": [0.01, 0.03, 0.1], "l2": [0, 0.001, 0.01, 0.1]}
    >>> search = MLPGridSearchCV(network, grid, cv=3).fit(*load_iris(return_X_y=True))
    >>> display = SearchDisplay.from_search(search, x="l2")
    >>> display.ax_.get_xscale()
    'symlog'
    >>> len(SearchDisplay.from_search(search, x="l2", lines="learning_rate_init").lines_)
    3
    >>> len(SearchDisplay.from_search(search, x="l2", y="learning_rate_init").text_)
    12
    """

    lines_: list[Line2D]
    spreads_: list[Any]
    im_: AxesImage | PathCollection | None
    text_: list[Text]
    colorbar_: Colorbar | None
    ax_: Axes
    figure_: Figure | SubFigure

    def __init__(
        self,
        results: Mapping[str, SearchResults],
        *,
        x: str,
        y: str | None = None,
        lines: Sequence[str] = (),
    ) -> None:
        self.results = results
        self.x = x
        self.y = y
        self.lines = lines

    @classmethod
    @checks_own_arguments
    def from_search(
        cls,
        search: BaseEstimator | Sequence[BaseEstimator] | Mapping[str, BaseEstimator],
        *,
        x: str | None = None,
        y: str | None = None,
        lines: str | Sequence[str] = (),
        metric: str | None = None,
        name: str = "",
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the scores of a fitted search, or of several over each other.

        Parameters
        ----------
        search : fitted search, or list or dict of them
            Any search with `cv_results_`: scikit-learn's or those of
            `sknn_scratch.model_selection`. The keys of a dict are names in the legend.
        x : str, default=None
            The parameter along the axis; the steps of a pipeline before its name may be left out.
            'n_resources' or 'iter' shows the rounds of a halving search. If None, the rounds of a
            halving search, or the parameters that vary if there are no more than two.
        y : str, default=None
            A second parameter, for a heat map.
        lines : str or list of str, default=()
            Parameters that have a curve for each of their values, beside `x`. Of all others the
            best candidate is shown.
        metric : str, default=None
            Which score to show if the search has several. If None, the one by which it refits.
        name : str, default=''
            Name of a single search in the legend. Give one to add it to the axes of another
            display.
        ax : matplotlib Axes, default=None
            As for `plot`.
        **kwargs
            Further arguments of `plot`.

        Returns
        -------
        display : SearchDisplay
            With the plot in `ax_`.
        """
        searches = _named(search, name)
        results = {name: read_search(own, metric) for name, own in searches.items()}
        x, y, lines = choose(list(results.values()), x, y, lines)
        return cls(results, x=x, y=y, lines=lines).plot(ax=ax, **kwargs)

    @checks_own_arguments
    def plot(
        self,
        ax: Axes | None = None,
        *,
        score_name: str | None = None,
        std_display_style: Literal["fill_between", "errorbar"] | None = "fill_between",
        values_format: str | None = None,
        cmap: str | None = None,
        line_kw: Mapping[str, Any] | None = None,
        im_kw: Mapping[str, Any] | None = None,
        text_kw: Mapping[str, Any] | None = None,
    ) -> Self:
        """Plot the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot. If None, a new figure. Give the `ax_` of another display to draw the
            curves of several searches over each other.
        score_name : str, default=None
            Label of the scores. If None, the name of the metric.
        std_display_style : {'fill_between', 'errorbar'} or None, default='fill_between'
            How a curve shows the standard deviation over the folds. Points and categories have
            error bars unless it is None.
        values_format : str, default=None
            Format of the scores in a heat map and above the axes. If None, '.3f' or another one
            that suits their size.
        cmap : str or matplotlib Colormap, default=None
            Colours of a heat map. If None, 'cividis', in which better scores are brighter.
        line_kw : dict, default=None
            Further arguments of matplotlib's `plot` for all curves.
        im_kw : dict, default=None
            Further arguments of `imshow` for a heat map, or of `scatter` for points in colour.
        text_kw : dict, default=None
            Further arguments of `text` for the numbers in a heat map.

        Returns
        -------
        display : SearchDisplay
            Itself.
        """
        import_pyplot()  # fails before anything else
        self._check()
        first = next(iter(self.results.values()))
        self._score_label = fill(score_name or first.score_name, _LABEL_LENGTH)
        if first.sign == -1:
            self._score_label += "\n(lower is better)"
        self._format = number_format(first.mean, values_format)
        self.lines_, self.spreads_, self.text_ = [], [], []
        self.im_ = self.colorbar_ = None
        if self.y is not None:
            im_kw = {
                "cmap": cmap or ("cividis" if first.sign == 1 else "cividis_r"),
                **(im_kw or {}),
            }
            notes = self._plot_map(ax, first, im_kw, dict(text_kw or {}))
        else:
            has_legend = self.x in ROUNDS or bool(self.lines) or len(self.results) > 1
            size = np.add(_SIZE, (_LEGEND if has_legend else 0, 0))
            self.ax_ = single_axes(ax, size)
            if self.x in ROUNDS:
                notes = self._plot_rounds(line_kw)
            else:
                notes = self._plot_curves(std_display_style, line_kw)
            self.ax_.set_ylabel(self._score_label)
            self.ax_.grid(alpha=0.3)
            self._draw_legend()
        self.figure_ = self.ax_.figure
        write_above(self.ax_, notes)
        return self

    def _check(self):
        names = list(dict.fromkeys(own.score_name for own in self.results.values()))
        if len(names) > 1:
            raise ValueError(f"Scores of different metrics do not belong on one axis: {names}.")
        names = [name for name in (self.x, self.y) if name is not None and name not in ROUNDS]
        for name, results in self.results.items():
            if results.best(results.rows_with(names)) is None:
                raise ValueError(
                    f"No candidate{of_search(name)} that could be shown has a score: all fits "
                    "failed. error_score='raise' in the search shows why."
                )

    def _plot_curves(self, std_display_style, line_kw):
        """Draw scores over one parameter; return what to say about them."""
        curves = {
            name: curves_of(name, results, self.x, self.lines)
            for name, results in self.results.items()
        }
        drawn = [curve for own in curves.values() for curve in own]
        if len(drawn) > MAX_CURVES:
            raise ValueError(
                f"lines={self.lines} makes {len(drawn)} curves, and nobody tells more than "
                f"{MAX_CURVES} apart. Give two parameters as x and y instead, for a heat map."
            )
        style = {"std_display_style": std_display_style, "line_kw": line_kw}
        self.lines_, self.spreads_ = draw_curves(self.ax_, drawn, self.x, **style)
        others = [name for curve in drawn if curve.is_best for name in curve.others]
        spread = " and standard deviation" if std_display_style else ""
        notes = [f"Mean{spread} over {folds(self.results.values())}{best_over(others)}"]
        for name, results in self.results.items():
            rows = [row for curve in curves[name] for row in curve.rows]
            notes.append(about_best("Star", name, results, rows, self._format))
            mark = "Cross: no" if results.failed(rows) else "No"
            notes += about_failures(mark, name, results, results.rows_with([self.x]))
        return notes

    def _plot_rounds(self, line_kw):
        """Draw scores round after round; return what to say about them."""
        draw_round_axis(self.ax_, list(self.results.values()), self.x)
        n_folds = folds(self.results.values())
        notes = [f"Mean over {n_folds}; a curve ends with a cross where a candidate was dropped"]
        is_alone = len(self.results) == 1 and "" in self.results and not self.ax_.has_data()
        set_cycle(self.ax_)
        for name, results in self.results.items():
            # An empty curve takes the next style. It stands in the legend for all of the search
            like = None if is_alone else self.ax_.plot([], [], label=name)[0]
            self.lines_ += draw_rounds(self.ax_, results, self.x, like, line_kw)
            notes.append(about_best("Thick", name, results, results.last_rows, self._format))
            notes += about_failures("Gap: no", name, results, results.last_rows)
        return notes

    def _plot_map(self, ax, results, im_kw, text_kw):
        """Draw scores over two parameters; return what to say about them."""
        names = self.x, self.y
        rows = results.rows_with(names)
        axes = [ParameterAxis(name, results.values_of(name, rows)) for name in names]
        cells = cells_of(results, *axes)
        is_table = is_grid(cells, *axes)
        self.ax_ = ax = single_axes(ax, _table_size(*axes) if is_table else _SIZE)
        if is_table:
            self.im_, self.text_ = draw_heat_map(
                ax, results, cells, axes, self._format, im_kw=im_kw, text_kw=text_kw
            )
        else:
            self.im_ = draw_points(ax, results, axes, im_kw=im_kw)
        self.colorbar_ = ax.figure.colorbar(self.im_, ax=ax, label=self._score_label)
        mark = ("Hatched: no" if cells.failed else "No") if is_table else "Cross: no"
        others = cells.others if is_table else ()
        return [
            f"Mean over {folds([results])}{best_over(others)}",
            about_best("Framed" if is_table else "Ring", "", results, rows, self._format),
            *about_failures(mark, "", results, rows),
        ]

    def _draw_legend(self):
        """Name the curves: beside axes that fill a figure which makes room for it, else inside."""
        handles, labels = self.ax_.get_legend_handles_labels()
        if handles:
            beside = {"loc": "upper left", "bbox_to_anchor": (1.01, 1)}
            style = beside if fills_figure(self.ax_) else {"fontsize": "small"}
            self.ax_.legend(handles, labels, **style)


def _named(search, name):
    """Return searches by their names."""
    if isinstance(search, Mapping):
        searches = {str(key): own for key, own in search.items()}
    elif isinstance(search, Sequence):
        names = [type(own).__name__ for own in search]
        if len(set(names)) < len(names):
            names = [f"{own} {number}" for number, own in enumerate(names, start=1)]
        searches = dict(zip(names, search, strict=True))
    else:
        return {name or "": search}
    if not searches:
        raise ValueError("There is no search to plot: give at least one.")
    return searches


def _table_size(x_axis, y_axis):
    """Return the size of a figure in which the numbers of a heat map can be read."""
    size = np.multiply(CELL, [len(axis.values) for axis in (x_axis, y_axis)]) + _AROUND
    size[0] += _LABEL_CHARACTER * max(map(len, y_axis.labels))
    return np.maximum(size, _LEAST_SIZE)
