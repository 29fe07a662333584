"""Scores of a halving search, round after round: a curve ends where its candidate was dropped."""

from sknn_scratch.plotting._matplotlib import COLORS
from sknn_scratch.plotting._parameter_axis import fixed_labels

ROUNDS = ("n_resources", "iter")  # columns of `cv_results_` that may be along the axis
_LAST_ROUND = COLORS[4]  # dark in a grey print, too
_FIRST_GREY, _LAST_GREY = 0.65, 0.4  # of candidates dropped after the first, and the last round
_CROSS = {"marker": "x", "markersize": 7, "markeredgewidth": 1.5, "linestyle": "none"}


def draw_rounds(ax, results, x, like, line_kw):
    """Draw a curve for each candidate; return them.

    The later a candidate was dropped, the darker its curve. All curves look like the line `like`,
    if it is not None, as those of each of several searches do.
    """
    along = results.resources if x == "n_resources" else results.rounds
    last, best = results.rounds.max(), results.best(results.last_rows)
    lines = []
    for number in range(last + 1):
        own = [rows for rows in results.candidates if results.rounds[rows[-1]] == number]
        style = _style(number, last, len(own), like)
        if number < last:
            style["markevery"] = slice(0, -1)  # the cross stands at the end
        for rows in sorted(own, key=lambda rows: best in rows):  # the legend has the first
            width = {"linewidth": 3, "zorder": 3} if best in rows else {}
            style_of_row = style | width | (line_kw or {})
            lines += ax.plot(along[rows], results.mean[rows], **style_of_row)
            style["label"] = None  # one of them is in the legend
        if number < last:
            ends = [rows[-1] for rows in own]
            color = {"color": style["color"], "alpha": style.get("alpha")}
            ax.plot(along[ends], results.mean[ends], zorder=2, **_CROSS, **color)
    return lines


def _style(number, last, n_candidates, like):
    """Return the style of the curves of candidates that were last in the round `number`."""
    style = {"markersize": 4, "linewidth": 1.5 if number == last else 1, "label": None}
    if like is not None:
        style |= {name: getattr(like, f"get_{name}")() for name in ("color", "marker", "linestyle")}
        return style | {"alpha": 1 if number == last else 0.5}
    style |= {"marker": "o", "linestyle": "-"}
    if number == last:
        label = f"in the last round: {n_candidates}"
        return style | {"color": _LAST_ROUND, "label": label, "zorder": 2.5}
    share = number / max(1, last - 1)
    grey = str(_FIRST_GREY + share * (_LAST_GREY - _FIRST_GREY))
    return style | {"color": grey, "label": f"dropped after round {number + 1}: {n_candidates}"}


def draw_round_axis(ax, searches, x):
    """Write below the axis what each round spent; for one search, on how many candidates."""
    spent, n_candidates = {}, {}
    for search in searches:
        for number, value in zip(search.rounds.tolist(), search.resources.tolist(), strict=True):
            place = value if x == "n_resources" else number
            spent[place] = str(value)
            n_candidates[place] = n_candidates.get(place, 0) + 1
    resources = dict.fromkeys(search.resource for search in searches)
    name = f"{' or '.join(resources)} of each round"
    if ax.has_data():
        before = dict(zip(ax.get_xticks().tolist(), fixed_labels(ax.xaxis), strict=False))
        spent |= {place: label.partition("\n")[0] for place, label in before.items()}
    elif len(searches) == 1:
        name += "\n(number of candidates)"
        spent = {place: f"{label}\n({n_candidates[place]})" for place, label in spent.items()}
    if x == "n_resources":
        ax.set_xscale("log")
    ax.set_xticks(list(spent), list(spent.values()))
    ax.set_xticks([], minor=True)
    ax.set_xlabel(name)


def default_round_axis(results):
    """Return what is along the axis: resources, unless two rounds have spent the same."""
    spent = dict(zip(results.rounds.tolist(), results.resources.tolist(), strict=True))
    return "n_resources" if len(set(spent.values())) == len(spent) else "iter"
