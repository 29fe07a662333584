"""Backpropagation against difference quotients, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from sknn_scratch._typing import ArrayLike, MatrixLike
from sknn_scratch.gradient_check import GradientCheck, check_gradient
from sknn_scratch.plotting._matplotlib import MARKERS, single_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


class GradientCheckDisplay:
    """Each derivative by backpropagation, plotted over the same derivative by differences.

    If the two agree, all points lie on the diagonal.

    Parameters
    ----------
    check : GradientCheck
        What :func:`~sknn_scratch.gradient_check.check_gradient` returned.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the plot.
    figure_ : matplotlib Figure
        Its figure.
    """

    ax_: Axes
    figure_: Figure | SubFigure

    def __init__(self, check: GradientCheck) -> None:
        self.check = check

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        ax: Axes | None = None,
        **kwargs: Any,
    ) -> Self:
        """Check the gradient of an estimator and plot the result.

        Parameters
        ----------
        estimator, X, y, sample_weight
            As for :func:`~sknn_scratch.gradient_check.check_gradient`.
        ax : matplotlib Axes, default=None
            Where to plot. If None, on new axes.
        **kwargs
            Further arguments of `check_gradient`.

        Returns
        -------
        display : GradientCheckDisplay
            With the plot in `ax_`.
        """
        return cls(check_gradient(estimator, X, y, sample_weight, **kwargs)).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot the two gradients against each other.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to plot. If None, on new axes.

        Returns
        -------
        display : GradientCheckDisplay
            Itself.
        """
        ax, check = single_axes(ax, (6, 6)), self.check
        limit = 1.05 * max(np.abs(check.backprop).max(), np.abs(check.numeric).max(), 1e-300)
        ax.plot([-limit, limit], [-limit, limit], color="0.7", lw=1, zorder=0, label="equal")
        for k, (name, worst) in enumerate(check.worst.items()):
            here = check.layer == name
            ax.plot(
                check.numeric[here],
                check.backprop[here],
                MARKERS[k % len(MARKERS)],
                fillstyle="none",
                ms=6,
                label=f"{name}: {here.sum()} parameters, worst {worst:.0e}",
            )
        ax.set(
            xlabel="derivative of F by central differences",
            ylabel="derivative of F by backpropagation",
            xlim=(-limit, limit),
            ylim=(-limit, limit),
            aspect="equal",
            title=f"Gradient check {'passed' if check.passed else 'FAILED'}: "
            f"largest relative difference {check.error.max():.0e}",
        )
        ax.legend(loc="upper left", fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self
