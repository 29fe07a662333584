"""Piecewise-linear encoding one number at a time, as in section 3.2 of the paper.

Gorishniy, Rubachev, Babenko (2022): "On Embeddings for Numerical Features in Tabular Deep
Learning". Nothing here is shared with the package.
"""

from fractions import Fraction
from math import isnan, nan

import numpy as np


def encode(x, edges):
    """Return equation (1): T numbers for x, given b_0 < b_1 < ... < b_T."""
    n_bins = len(edges) - 1  # T
    encoded = []
    for t in range(1, n_bins + 1):
        if isnan(x):
            encoded.append(nan)
        elif x < edges[t - 1] and t > 1:
            encoded.append(0.0)
        elif x >= edges[t] and t < n_bins:
            encoded.append(1.0)
        else:
            encoded.append((x - edges[t - 1]) / (edges[t] - edges[t - 1]))
    return encoded


def encode_table(X, bin_edges):
    """Return the encoded columns of X side by side."""
    encoded = [
        [encode(x, edges.tolist()) for x in column.tolist()]
        for column, edges in zip(X.T, bin_edges, strict=True)
    ]
    return np.concatenate(encoded, axis=1)


def quantile_edges(column, weight, n_bins):
    """Return b_0 to b_T: the least values that at least t/T of whole weights do not exceed."""
    pairs = [
        (x, Fraction(int(w))) for x, w in zip(column, weight, strict=True) if w and not isnan(x)
    ]
    total = sum(w for _, w in pairs)
    edges = {min(pairs)[0]}
    for t in range(1, n_bins + 1):
        level = Fraction(t, n_bins) * total
        edges.add(min(x for x, _ in pairs if sum(w for z, w in pairs if z <= x) >= level))
    return sorted(edges)


def thresholds(tree):
    """Return where a fitted one-feature tree of scikit-learn splits, by a walk from its root."""
    found = []

    def visit(node):
        if tree.children_left[node] != tree.children_right[node]:
            found.append(tree.threshold[node])
            visit(tree.children_left[node])
            visit(tree.children_right[node])

    visit(0)
    return sorted(found)
