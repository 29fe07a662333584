"""Bars that show how far a search has come: rich's in a terminal, plain text elsewhere."""

import os
import sys
import time
from contextlib import suppress
from shutil import get_terminal_size

from sknn_scratch._optional import optional
from sknn_scratch.model_selection.progress import Display

_WIDTH, _LEAST_WIDTH = 20, 5  # characters of a bar of plain text
# Between two lines where no line can be written over, as in a log
_SECONDS_BETWEEN_LINES = 10
# What a closed or broken stream raises, which is no reason to end a search
_NOBODY_READS = AttributeError, OSError, ValueError


def new_bar(style):
    """Return a bar of the style 'rich' or 'text', or for 'auto' of the one that suits stderr."""
    if style == "auto":
        style = "rich" if _is_terminal(sys.stderr) and _has_rich() else "text"
    return RichBar() if style == "rich" else TextBar()


def _is_terminal(stream):
    """Whether there is a terminal at the end of a stream, which may be closed, or None."""
    with suppress(*_NOBODY_READS):  # or it may only be written to
        return stream.isatty()
    return False


def _columns_of(terminal):
    """Return how many characters a line of a terminal has."""
    try:
        n_columns = os.get_terminal_size(terminal.fileno()).columns
    except _NOBODY_READS:
        n_columns = 0
    return n_columns or get_terminal_size().columns  # of stdout, or a guess


def _has_rich():
    try:
        optional("rich.progress", "progress")
    except ImportError:
        return False
    return True


class TextBar(Display):
    """A line of text on stderr: written over in terminals and notebooks, else now and then."""

    def __init__(self):
        self.stream = sys.stderr
        # A terminal breaks lines that are too long, and could not write over them
        is_terminal = _is_terminal(self.stream)
        self.n_columns = _columns_of(self.stream) - 1 if is_terminal else None
        is_notebook = type(self.stream).__module__.startswith("ipykernel")
        self.writes_over = is_terminal or is_notebook
        self.began = self.written = time.monotonic()
        self.length = 0

    def show(self, progress):
        """Write a line, if there is room or it is time for one."""
        now = time.monotonic()
        if self.writes_over:
            # Back to the beginning: a warning that is printed now begins there, over the bar
            self._write(progress, end="\r")
        elif now - self.written >= _SECONDS_BETWEEN_LINES:
            self.written = now
            self._write(progress, end="\n")

    def end(self, progress):
        """Write the last line."""
        self._write(progress, end="\n", has_ended=True)

    def _write(self, progress, end, has_ended=False):
        title, text = progress.title, figures(progress, self.began, has_ended=has_ended)
        width = self._width_beside(f"{title}  [] {text}")
        bar = f" [{'#' * int(width * progress.share):{width}}]" if width >= _LEAST_WIDTH else ""
        line = f"{title}{bar} {text}"[: self.n_columns]
        if self.writes_over:
            line, self.length = f"\r{line:{self.length}}", len(line)
        with suppress(*_NOBODY_READS):
            self.stream.write(line + end)
            self.stream.flush()

    def _width_beside(self, text):
        """Return how many characters a bar may have on a line with this text."""
        return _WIDTH if self.n_columns is None else min(_WIDTH, self.n_columns - len(text))


class RichBar(Display):
    """A bar of rich's on stderr; what is printed meanwhile stands above it."""

    def __init__(self):
        rich = optional("rich.progress", "progress")
        console = _new_console()
        columns = "{task.description}", rich.BarColumn(None), "{task.fields[figures]}"
        # The search has a thread that draws
        self.bar = rich.Progress(*columns, console=console, auto_refresh=False, expand=True)
        self.task = self.bar.add_task("", total=1, figures="")
        self.began, self.is_broken = time.monotonic(), False

    def show(self, progress):
        """Draw the bar."""
        self._draw(progress)

    def end(self, progress):
        """Draw the bar for the last time; it stays there."""
        self._draw(progress, has_ended=True)
        self._stop()

    def _draw(self, progress, has_ended=False):
        if self.is_broken:
            return
        try:
            self.bar.start()  # does nothing where it has begun
            self.bar.update(
                self.task,
                completed=progress.share,
                description=progress.title,
                figures=figures(progress, self.began, has_ended=has_ended),
                refresh=True,
            )
        except _NOBODY_READS:
            self.is_broken = True
            self._stop()  # else rich would send there what is printed meanwhile

    def _stop(self):
        # rich raises the IndexError if the bar could not even start
        with suppress(IndexError, *_NOBODY_READS):
            self.bar.stop()


def _new_console():
    """Return a console of rich's on stderr that leaves the program running if a pipe breaks."""

    class Console(optional("rich.console", "progress").Console):
        def on_broken_pipe(self):
            raise BrokenPipeError

    return Console(stderr=True)


def figures(progress, began, has_ended=False):
    """Return the figures of a round, which began at that time, as text."""
    n_networks, share = progress.n_networks, progress.share
    parts = [f"{share:4.0%}"]
    if progress.is_silent:
        parts.append("epochs not reported by the workers")
    elif progress.n_planned:
        parts.append(f"epochs {progress.n_epochs:,}/{progress.n_planned:,}")
    if n_networks > 1:
        parts.append(f"{progress.kind} left {progress.n_left:,}/{n_networks:,}")
    if progress.best_score is not None:
        parts.append(f"best score {progress.best_score:.4g}")
    if progress.n_failed:
        parts.append(f"{progress.n_failed:,} failed")
    seconds = time.monotonic() - began
    parts.append(_clock(seconds))
    if has_ended and not progress.is_complete:
        parts.append("stopped")
    elif 0.02 < share < 1:
        parts.append(f"{_clock(seconds * (1 - share) / share)} left")
    return "  ".join(parts)


def _clock(seconds):
    """Return a time as minutes and seconds, with hours if there are any."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
