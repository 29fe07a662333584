"""The layers of a network as a table."""

from dataclasses import dataclass
from html import escape

import numpy as np

from sknn_scratch.engine.activations import Activation


@dataclass(frozen=True, repr=False)
class ModelSummary:
    """The layers of a fitted network as a table; `str` is text, in a notebook it is a table.

    Attributes
    ----------
    title : str
        The estimator, and the numbers of features and outputs.
    rows : list of dict
        For each layer 'layer', 'weights' and 'biases' (shapes), 'activation', 'parameters' and
        'zeros' (weights that are exactly zero).
    dtype : dtype
        In which the parameters are.
    """

    title: str
    rows: list
    dtype: np.dtype

    @classmethod
    def of(cls, estimator):
        """Return the summary of a fitted estimator."""
        n_hidden = len(estimator.coefs_) - 1
        names = [f"hidden {i}" for i in range(1, n_hidden + 1)] + ["output"]
        activations = [*_names(estimator.activation, n_hidden), estimator.out_activation_]
        layers = zip(names, estimator.coefs_, estimator.intercepts_, activations, strict=True)
        rows = [
            {
                "layer": name,
                "weights": W.shape,
                "biases": b.shape,
                "activation": activation,
                "parameters": W.size + b.size,
                "zeros": W.size - int(np.count_nonzero(W)),
            }
            for name, W, b, activation in layers
        ]
        title = (
            f"{type(estimator).__name__}: {estimator.coefs_[0].shape[0]} features, "
            f"{estimator.n_outputs_} output{'s' if estimator.n_outputs_ > 1 else ''}"
        )
        return cls(title, rows, np.result_type(*estimator.coefs_, *estimator.intercepts_))

    def _cells(self):
        """Return head, body and foot of the table as rows of strings."""
        totals = {name: sum(row[name] for row in self.rows) for name in ("parameters", "zeros")}
        total = {"layer": "total", "weights": "", "biases": "", "activation": "", **totals}
        # Without a penalty that makes zeros the column would say nothing
        columns = [name for name in total if name != "zeros" or totals["zeros"]]
        body = [[_text(row[name]) for name in columns] for row in self.rows]
        return columns, body, [_text(total[name]) for name in columns]

    def __repr__(self):
        head, body, foot = self._cells()
        widths = [max(map(len, column)) for column in zip(head, *body, foot, strict=True)]
        rule = "  ".join("-" * width for width in widths)
        lines = [_line(row, widths) for row in (head, *body, foot)]
        size = sum(row["parameters"] for row in self.rows) * self.dtype.itemsize
        end = f"{self.dtype.name}, {size:,} bytes"
        return "\n".join([self.title, lines[0], rule, *lines[1:-1], rule, lines[-1], end])

    def _repr_html_(self):
        head, body, foot = self._cells()
        return (
            f"<table><caption>{escape(self.title)}</caption>"
            f"<thead>{_html_row(head, 'th')}</thead>"
            f"<tbody>{''.join(_html_row(row, 'td') for row in body)}</tbody>"
            f"<tfoot>{_html_row(foot, 'td')}</tfoot></table>"
        )


def _names(activation, n_hidden):
    several = not isinstance(activation, (str, Activation))
    entries = activation if several else [activation] * n_hidden
    return [entry if isinstance(entry, str) else type(entry).__name__ for entry in entries]


def _text(value):
    return f"{value:,}" if isinstance(value, int) else str(value)


def _line(cells, widths):
    """Return a line of text, numbers to the right."""
    aligned = [
        cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
        for cell, width in zip(cells, widths, strict=True)
    ]
    return "  ".join(aligned).rstrip()


def _html_row(cells, tag):
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
