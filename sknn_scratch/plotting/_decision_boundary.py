"""The regions of one classifier over two features, drawn from its probabilities."""

from typing import Any, NamedTuple

import numpy as np

# Strength of the colour at a boundary, and where a class is certain: one can just see the side of a
# guess, and samples in the full colour stand out
_GUESS, _CERTAIN = 0.1, 0.5


class DecisionBoundary(NamedTuple):
    """What is drawn in a panel.

    Parameters
    ----------
    xx0, xx1 : ndarray of shape (grid_resolution, grid_resolution)
        The points of the mesh.
    response : ndarray of shape (grid_resolution, grid_resolution, n_classes)
        The probabilities of the classes there. For a classifier without `predict_proba`, the
        predicted class has probability 1.
    surface_ : matplotlib AxesImage
        The shading.
    contours_ : list of matplotlib QuadContourSet
        The lines at which the two largest probabilities meet.
    """

    xx0: np.ndarray
    xx1: np.ndarray
    response: np.ndarray
    surface_: Any
    contours_: list[Any]


def draw_decision_boundary(ax, estimator, X, colors, grid_resolution, eps):
    """Shade the regions of the classes, and draw the lines between them.

    A region has the colour of its class. The colour is strongest where the class is certain, and
    fades towards a boundary.
    """
    xx0, xx1 = _mesh(X, grid_resolution, eps)
    points = _like(X, np.c_[xx0.ravel(), xx1.ravel()])
    response = _probabilities(estimator, points).reshape(*xx0.shape, -1)
    surface = ax.imshow(
        _shading(response, colors),
        extent=(*_edges(xx0[0]), *_edges(xx1[:, 0])),
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
    )
    contours = []
    # Each line has two sides, so that the last class needs no lines of its own
    for number in range(response.shape[-1] - 1):
        lead = response[..., number] - np.delete(response, number, axis=-1).max(axis=-1)
        if lead.min() < 0 < lead.max():  # else matplotlib warns that there is no such line
            contours.append(ax.contour(xx0, xx1, lead, [0.0], colors="black", linewidths=0.8))
    return DecisionBoundary(xx0, xx1, response, surface, contours)


def _mesh(X, grid_resolution, eps):
    """Return the two features of points that reach `eps` beyond the samples."""
    X = np.asarray(X)
    ends = zip(X.min(axis=0) - eps, X.max(axis=0) + eps, strict=True)
    return np.meshgrid(*(np.linspace(*pair, grid_resolution) for pair in ends))


def _like(X, points):
    """Return points as a dataframe if X is one: an estimator may ask for names of features."""
    if hasattr(X, "iloc"):
        return type(X)(points, columns=X.columns)
    if hasattr(X, "columns"):  # polars
        return type(X)(points, schema=list(X.columns))
    return points


def _probabilities(estimator, points):
    """Return an array (n_points, n_classes)."""
    if hasattr(estimator, "predict_proba"):
        return estimator.predict_proba(points)
    return (np.asarray(estimator.predict(points))[:, None] == estimator.classes_).astype(float)


def _shading(response, colors):
    """Return an image: the further a class is ahead of the second, the stronger its colour."""
    ranked = np.sort(response, axis=-1)
    second = ranked[..., -2:-1] if response.shape[-1] > 1 else 0
    strength = _GUESS + (_CERTAIN - _GUESS) * (ranked[..., -1:] - second)
    return 1 - strength * (1 - colors[response.argmax(axis=-1)])


def _edges(centers):
    """Return where the first of evenly spaced pixels begins, and where the last ends."""
    half = (centers[1] - centers[0]) / 2
    return centers[0] - half, centers[-1] + half
