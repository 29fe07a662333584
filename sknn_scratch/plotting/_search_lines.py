"""Scores of a search over the values of one parameter, with their spread over the folds."""

from itertools import chain, cycle
from textwrap import fill
from typing import NamedTuple

import numpy as np

from sknn_scratch.plotting._matplotlib import set_cycle
from sknn_scratch.plotting._parameter_axis import ParameterAxis, known_categories
from sknn_scratch.plotting._params import shown, varying
from sknn_scratch.plotting._search_results import SearchResults, grouped

_LINE_LENGTH = 34  # characters in a legend
_DODGE = 0.12  # the distance of curves that stand beside each other at a category
_BAND = 0.2  # opacity of up to four bands; more of them are paler, for they lie over each other
MAX_CURVES = 10


class Curve(NamedTuple):
    """Rows of a search's results that belong together, and what the legend calls them.

    `others` are further parameters that vary. If `is_best`, each row is the best over them;
    otherwise all candidates are there.
    """

    label: str
    results: SearchResults
    rows: list[int]
    others: list[str]
    is_best: bool


def curves_of(name, results, x, lines):
    """Return the curves of a search over `x`: one for each combination of values of `lines`."""
    rows_with_x = results.rows_with([x])
    keys = [repr([(key, results.params[row].get(key)) for key in lines]) for row in rows_with_x]
    curves = []
    for rows in grouped(keys, rows_with_x).values():
        parts = [_value(results.params[rows[0]], key) for key in lines]
        label = ", ".join([name, *parts] if name else parts)
        curves.append(_curve(label, results, rows, x, lines))
    return curves


def _value(params, name):
    return f"{name}={shown(params[name])}" if name in params else f"{name} not set"


def _curve(label, results, rows, x, lines):
    params = [results.params[row] for row in rows]
    others = [name for name in varying(params) if name not in (x, *lines)]
    values = results.values_of(x, rows)
    axis = ParameterAxis(x, values)
    ranks = axis.ranks(values)
    # Numbers that hardly repeat were drawn at random: there is nothing to be the best of
    is_random = axis.is_numeric and (np.bincount(ranks) == 1).sum() > len(rows) / 2
    is_best = bool(others) and not is_random
    if is_best or not others:
        groups = grouped(ranks, rows).values()
        best = [results.best(beside) for beside in groups]
        rows = [own[0] if row is None else row for own, row in zip(groups, best, strict=True)]
    return Curve(label, results, rows, others, is_best)


def draw_curves(ax, curves, x, *, std_display_style, line_kw):
    """Draw curves over the values of `x`; return lines, and what shows the spread."""
    values = chain.from_iterable(curve.results.values_of(x, curve.rows) for curve in curves)
    axis = ParameterAxis(x, values, known_categories(ax.xaxis) if ax.has_data() else ())
    set_cycle(ax)
    axis.draw(ax, "x")
    offsets = [0.0]
    if not axis.is_numeric and len(curves) > 1:
        offsets = min(_DODGE, 0.6 / len(curves)) * (np.arange(len(curves)) - (len(curves) - 1) / 2)
    lines, spreads, points = [], [], []
    for curve, offset in zip(curves, cycle(offsets), strict=False):
        results = curve.results
        places = axis.positions(results.values_of(x, curve.rows)) + offset
        order = np.argsort(places, kind="stable")
        places, rows = places[order], np.array(curve.rows)[order]
        mean, std = results.mean[rows], results.std[rows]
        is_line = axis.is_numeric and (curve.is_best or not curve.others)
        style = {"label": fill(curve.label, _LINE_LENGTH) or None, "markersize": 5} | (
            line_kw or {}
        )
        if not is_line:
            style["linestyle"] = "none"
        (line,) = ax.plot(places, mean, **style)
        lines.append(line)
        if std_display_style is not None:
            is_band = is_line and std_display_style == "fill_between"
            alpha = min(_BAND, 4 * _BAND / len(curves)) if is_band else None
            spreads.append(_draw_spread(ax, places, mean, std, line.get_color(), alpha))
        mark_failures(ax, places[~np.isfinite(mean)])
        points += [(results, row, place) for row, place in zip(rows, places, strict=True)]
    _mark_best(ax, points)
    return lines, spreads


def _draw_spread(ax, places, mean, std, color, alpha):
    """Draw a band of this opacity, or bars if it is None."""
    if alpha is not None:
        band = {"color": color, "alpha": alpha, "linewidth": 0}
        return ax.fill_between(places, mean - std, mean + std, **band)
    # `errorbar` would take a colour out of the cycle
    return ax.vlines(places, mean - std, mean + std, color=color, alpha=0.7, zorder=1)


def _mark_best(ax, points):
    """Draw a star at the best candidate of each search."""
    for own in {id(results): results for results, _, _ in points}.values():
        places = {row: place for results, row, place in points if results is own}
        best = own.best(places)
        style = {"s": 190, "color": "white", "edgecolors": "black", "zorder": 4}
        ax.scatter(places[best], own.mean[best], marker="*", **style)


def mark_failures(ax, places):
    """Mark places without a score at the lower edge of the axes."""
    if len(places):
        style = {"color": "black", "markersize": 6, "clip_on": False}
        ax.plot(places, np.zeros(len(places)), "x", transform=ax.get_xaxis_transform(), **style)
