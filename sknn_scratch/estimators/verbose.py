"""The table that `verbose` prints, a line per epoch."""

from math import isnan

_HEADINGS = {
    "loss": "loss",
    "accuracy": "accuracy",
    "r2": "r2",
    "validation_loss": "val. loss",
    "validation_score": "val. score",
    "learning_rate": "learning rate",
    "seconds": "seconds",
}
_WIDTH = 15  # of the longest heading, and two spaces


def progress_table(number, entry, with_header):
    """Return the line of an epoch, with the header above it if that is asked for.

    `entry` is what the history records of it, and its seconds; lbfgs has no learning rate to show.
    """
    names = [name for name in _HEADINGS if name in entry]
    if isnan(entry["learning_rate"]):
        names.remove("learning_rate")
    line = f"{number:9d}" + "".join(f"{_text(entry[name]):>{_WIDTH}}" for name in names)
    if not with_header:
        return line
    # scikit-learn's word: an epoch, or an iteration of lbfgs
    header = "Iteration" + "".join(f"{_HEADINGS[name]:>{_WIDTH}}" for name in names)
    return f"{header}\n{line}"


def _text(value):
    plain = value == 0 or 1e-3 <= abs(value) < 1e5
    return f"{value:.6f}" if plain else f"{value:.3e}"
