"""Which parameters of a search to show, if the user leaves it open."""

from sknn_scratch.plotting._parameter_axis import ParameterAxis
from sknn_scratch.plotting._search_rounds import ROUNDS, default_round_axis


def choose(results, x, y, lines):
    """Return the parameters along the axes, and those with a line for each value: short names.

    `results` is a list with what each search found. What is None is chosen, if there is one choice.
    """
    lines = [lines] if isinstance(lines, str) else list(() if lines is None else lines)
    is_halving = all(search.resource is not None for search in results)
    if x in ROUNDS or (is_halving and x is None and y is None and not lines):
        return _rounds(results, x, y, lines), None, []
    y = None if y is None else _name(results, "y", y)
    lines = [_name(results, "lines", name) for name in lines]
    x = None if x is None else _name(results, "x", x)
    if x is None:
        x, y = _free(results, y, lines)
    shown = [name for name in (x, y, *lines) if name is not None]
    if len(set(shown)) < len(shown):
        raise ValueError(f"x, y and lines must be different parameters, got {shown}.")
    if y is not None and lines:
        raise ValueError("A heat map has no lines: give either y or lines.")
    if y is not None and len(results) > 1:
        raise ValueError(f"A heat map shows one search, got {len(results)}: leave out y.")
    return x, y, lines


def _rounds(results, x, y, lines):
    if any(search.resource is None for search in results):
        raise ValueError(f"x={x!r} is for halving searches: other searches have no rounds.")
    if y is not None or lines:
        raise ValueError(f"x={x!r} has a curve for each candidate: leave out y and lines.")
    if x is not None:
        return x
    choices = {default_round_axis(search) for search in results}
    return "iter" if "iter" in choices else "n_resources"


def _varying(results):
    return list(dict.fromkeys(name for search in results for name in search.varying))


def _name(results, argument, name):
    """Return the short name of a parameter that all searches have, and that varies."""
    text = name if isinstance(name, str) else repr(name)
    shorts = {search.full_names.get(text, text) for search in results}
    short = shorts.pop()
    known = all(short in search.full_names.values() for search in results)
    choices = _varying(results)
    if shorts or not known:
        raise ValueError(
            f"{argument} must be a parameter of the search that varies, one of {choices}; got "
            f"{name!r}."
        )
    if short not in choices:
        raise ValueError(
            f"{argument}={name!r} has one value for all candidates. Choose a parameter that "
            f"varies: {choices}."
        )
    return short


def _free(results, y, lines):
    """Return the parameters along the axes if no others are left."""
    choices = _varying(results)
    free = [name for name in choices if name not in lines and name != y]
    if not choices:
        raise ValueError("All candidates have the same parameters: there is nothing to compare.")
    if len(free) == 1:
        return free[0], y
    if len(free) == 2 and y is None and not lines and len(results) == 1:
        return sorted(free, key=lambda name: -_n_values(results[0], name))
    raise ValueError(
        f"{len(choices)} parameters vary: {choices}. Choose one with x, or two with x and y."
    )


def _n_values(search, name):
    return len(ParameterAxis(name, [own[name] for own in search.params if name in own]).values)
