"""The table that `verbose` prints, a line per epoch."""

from math import isnan

_COLUMNS = (
    *("loss", "accuracy", "r2", "d2", "validation_loss", "validation_score"),
    *("learning_rate", "seconds"),
)
_WIDTH = 15  # of the longest heading, and two spaces


class ProgressTable:
    """The lines of one call of fit; those of the calls of partial_fit make one table."""

    def __init__(self, goes_on):
        self.has_header = goes_on

    def print_epoch(self, number, entry):
        """Print a line, below the header if it is the first.

        `entry` is what the history records of the epoch, and its seconds.
        """
        names = [name for name in _COLUMNS if name in entry]
        if isnan(entry["learning_rate"]):  # lbfgs has none
            names.remove("learning_rate")
        line = f"{number:9d}" + "".join(f"{_text(entry[name]):>{_WIDTH}}" for name in names)
        if not self.has_header:
            # scikit-learn's word: an epoch, or an iteration of lbfgs
            header = "Iteration" + "".join(f"{_heading(name):>{_WIDTH}}" for name in names)
            line = f"{header}\n{line}"
        print(line, flush=True)
        self.has_header = True


def print_plateau(progress, learning_rate):
    """Say that progress has stopped, and what follows: a learning rate, or None for the end."""
    follows = (
        "Stopping." if learning_rate is None else f"Setting learning rate to {learning_rate:f}"
    )
    print(
        f"{watched_in_words(progress.watched).capitalize()} did not improve more than "
        f"tol={progress.tol:f} for {progress.n_iter_no_change} consecutive epochs. {follows}"
    )


def watched_in_words(watched):
    """Return what messages call the entry of the history whose progress counts."""
    return "training loss" if watched == "loss" else watched.replace("_", " ")


def _heading(name):
    return name.replace("validation", "val.").replace("_", " ")


def _text(value):
    plain = value == 0 or 1e-3 <= abs(value) < 1e5
    return f"{value:.6f}" if plain else f"{value:.3e}"
