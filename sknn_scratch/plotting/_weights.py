"""The weights of the first layer, as images."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator

from sknn_scratch._typing import ArrayLike
from sknn_scratch.plotting._arguments import checks_own_arguments
from sknn_scratch.plotting._fitted import fitted_network
from sknn_scratch.plotting._matplotlib import import_pyplot, panel_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

_PANEL = 1.2, 1.35  # width and height in inches, with the title
_MARGIN = 0.9, 0.5  # the same of the colour bar and of the legend
_ZERO = {"facecolor": "0.8", "edgecolor": "0.4", "hatch": "/////", "linewidth": 0}


class WeightsDisplay:
    """The weights of the first layer, with an image for each unit.

    For grey images, colours go from blue (negative) over white to red (positive), on the same scale
    for all units. For colour images, zero is grey, and each weight makes its channel brighter or
    darker. Hatches mark weights that are exactly zero, as an L1 penalty makes them; in a colour
    image they mark pixels whose three weights are all zero. Use `from_estimator` to create one.

    Parameters
    ----------
    coef : ndarray of shape (n_pixels, n_units)
        The first weight matrix, ``coefs_[0]``.
    image_shape : tuple of int
        (rows, columns), or (rows, columns, 3) with the channels red, green and blue, like the
        `image_shape` of the package's data sets. Reshaped to this, a row of X or a column of the
        weights is an image.

    Attributes
    ----------
    units_ : ndarray of shape (n_shown,)
        Indices of the units shown.
    images_ : list of matplotlib AxesImage
        The image of each of them.
    zeros_ : ndarray of shape (n_shown, rows, columns), bool
        True where the weights are exactly zero.
    colorbar_ : matplotlib Colorbar or None
        The scale of grey images.
    axes_ : ndarray of shape (n_shown,) of matplotlib Axes
        The panels.
    figure_ : matplotlib Figure
        Their figure.

    Notes
    -----
    A pipeline may change the features before the network sees them, for example by dividing each
    pixel by its standard deviation. The weights then belong to the changed features.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.plotting import WeightsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> network = MLPScratchClassifier(20, l1=1e-3, tol=0.1, random_state=0).fit(X / 16, y)
    >>> display = WeightsDisplay.from_estimator(network, (8, 8), units=10, order="norm")
    >>> bool((display.zeros_.sum(axis=0)[:, 0] == 10).any())  # the left margin is always empty
    True
    """

    units_: np.ndarray
    images_: list[AxesImage]
    zeros_: np.ndarray
    colorbar_: Colorbar | None
    axes_: np.ndarray
    figure_: Figure

    def __init__(self, coef: np.ndarray, image_shape: tuple[int, ...]) -> None:
        self.coef = coef
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        image_shape: tuple[int, ...],
        *,
        ax: Sequence[Axes] | np.ndarray | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the first weights of a fitted estimator.

        Parameters
        ----------
        estimator : MLPScratchClassifier, MLPScratchRegressor or Pipeline
            The estimator, or a pipeline that ends in it.
        image_shape : tuple of int
            (rows, columns) or (rows, columns, 3).
        ax : array-like of matplotlib Axes, default=None
            As for `plot`.
        **kwargs
            Further arguments of `plot`.

        Returns
        -------
        display : WeightsDisplay
            With the panels in `axes_`.
        """
        coef = fitted_network(estimator, "coefs_", cls.__name__).coefs_[0]
        return cls(coef, image_shape).plot(ax=ax, **kwargs)

    @checks_own_arguments
    def plot(
        self,
        ax: Sequence[Axes] | np.ndarray | None = None,
        *,
        units: int | ArrayLike | None = 25,
        order: Literal["index", "norm"] = "index",
        n_columns: int | None = None,
        limit: float | None = None,
    ) -> Self:
        """Plot the weights of some of the units.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            Where to plot, with an axes for each unit. If None, a new figure.
        units : int, array-like of int or None, default=25
            The maximum number of units to show, or their indices. None shows all units.
        order : {'index', 'norm'}, default='index'
            Which units come first: as they are numbered, or by the Euclidean norm of their
            weights, largest first. If `units` holds indices, they keep their order.
        n_columns : int, default=None
            Number of columns of the new figure. If None, the figure is at least about as wide as
            high, and has as few empty places as possible.
        limit : float, default=None
            The absolute weight at the ends of the scale. If None, the largest that is shown. A
            smaller one, say ``np.quantile(np.abs(coef), 0.99)``, gives small weights more colour.

        Returns
        -------
        display : WeightsDisplay
            Itself.
        """
        plt = import_pyplot()
        self._check_shape()
        self.units_ = self._chosen(units, order)
        weights = self.coef[:, self.units_].T.reshape(-1, *self.image_shape)
        self.zeros_ = (weights == 0).reshape(*weights.shape[:3], -1).all(axis=-1)
        if limit is None:
            limit = np.abs(weights).max() or 1.0
        n_panels = len(self.units_)
        self.figure_, self.axes_ = panel_axes(ax, n_panels, n_columns, _PANEL, _MARGIN)
        panels = zip(self.axes_, self.units_, weights, self.zeros_, strict=True)
        self.images_ = [_draw_unit(*panel, limit) for panel in panels]
        self._explain(plt, weights, limit)
        return self

    def _check_shape(self):
        shape = tuple(np.atleast_1d(self.image_shape))
        if len(shape) not in (2, 3) or shape[2:] not in ((), (3,)):
            raise ValueError(
                "image_shape must be (rows, columns), or (rows, columns, 3) for colour images, "
                f"got {self.image_shape}."
            )
        if prod(shape) != len(self.coef):
            raise ValueError(
                f"image_shape={self.image_shape} has {prod(shape)} pixel values, but the first "
                f"layer has {len(self.coef)} inputs. Give the shape of one row of the X that the "
                "network was fitted to."
            )

    def _chosen(self, units, order):
        """Return the indices of the units to show."""
        n_units = self.coef.shape[1]
        if np.ndim(units) == 1:
            chosen = np.asarray(units)
            is_index = np.issubdtype(chosen.dtype, np.integer)
            if not chosen.size or not is_index or chosen.min() < 0 or chosen.max() >= n_units:
                raise ValueError(
                    f"units must hold indices from 0 to {n_units - 1} (the first layer has "
                    f"{n_units} units), got {units}."
                )
            return chosen
        ranked = np.arange(n_units)
        if order == "norm":
            ranked = np.argsort(-np.linalg.norm(self.coef, axis=0), stable=True)
        return ranked[:units]

    def _explain(self, plt, weights, limit):
        """Say what the colours are, and what the hatches."""
        self.colorbar_ = None
        handles = []
        if len(self.image_shape) == 2:
            zero = "exactly zero: {:.1%} of weights"
            self.colorbar_ = self.figure_.colorbar(
                self.images_[0], ax=list(self.axes_), label="weight", extend=_extend(weights, limit)
            )
        else:
            zero = "all three exactly zero: {:.1%} of pixels"
            scale = f"near zero; each channel from {-limit:.2g} (dark) to {limit:.2g} (bright)"
            handles.append(plt.Rectangle((0, 0), 1, 1, facecolor="0.5", label=scale))
        if self.zeros_.any():
            label = zero.format(self.zeros_.mean())
            handles.append(plt.Rectangle((0, 0), 1, 1, label=label, **_ZERO))
        if handles:
            self.figure_.legend(handles=handles, loc="outside lower center", fontsize="small")


def _draw_unit(ax, unit, weights, zeros, limit):
    """Draw the weights of a unit, and hatch the zeros; return the image."""
    if weights.ndim == 2:
        image = ax.imshow(weights, cmap="RdBu_r", vmin=-limit, vmax=limit)
    else:
        image = ax.imshow(np.clip(0.5 + weights / (2 * limit), 0, 1))
    if zeros.any():
        ax.add_collection(_squares(zeros))
    ax.set_title(f"unit {unit}", fontsize="small", pad=2)
    ax.set(xticks=[], yticks=[])
    return image


def _squares(zeros):
    """Return a square over each pixel at which `zeros` is True."""
    from matplotlib.collections import PolyCollection

    corners = np.array([[-0.5, -0.5], [-0.5, 0.5], [0.5, 0.5], [0.5, -0.5]])
    centres = np.argwhere(zeros)[:, None, ::-1]  # (column, row) is (x, y)
    return PolyCollection(centres + corners, **_ZERO)


def _extend(weights, limit):
    """Return at which ends of the colour bar there are weights beyond it."""
    below, above = weights.min() < -limit, weights.max() > limit
    return {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[below, above]
