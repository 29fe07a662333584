"""Loss and score over the epochs, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from numbers import Real
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator

from sknn_scratch._typing import ArrayLike, History
from sknn_scratch.plotting._arguments import checks_own_arguments
from sknn_scratch.plotting._fitted import fitted_network
from sknn_scratch.plotting._matplotlib import MARKERS, given_axes, import_pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

# What an estimator calls its score in `history_`, and what stands at the axis
_SCORES = {"accuracy": "accuracy", "r2": "R²", "d2": "D²"}
_N_MARKERS = 8  # along a curve
_MAX_COLUMNS = 4


class TrainingCurveDisplay:
    """Loss and score over the epochs, for one training or for several on the same axes.

    Each training has a colour and a marker. Curves of the training set are solid, curves of the
    validation set dashed, and test scores dotted. Use `from_estimator` or `from_estimators` to
    create one.

    Parameters
    ----------
    histories : dict of str to dict
        The `history_` of each training; the key is its name in the legend. A single training may
        have an empty name.
    test_scores : dict of str to float or array-like of shape (n_epochs,), default=None
        Scores on a test set, by the same names. One number becomes a horizontal line; an array has
        a number for each epoch.

    Attributes
    ----------
    axes_ : ndarray of shape (2,) of matplotlib Axes
        The axes of the loss and of the score.
    figure_ : matplotlib Figure
        Their figure.
    lines_ : dict of str to dict of str to matplotlib Line2D
        The curves of each training. The keys are 'loss', 'validation_loss', 'score',
        'validation_score' and 'test_score', as far as the curve exists.

    See Also
    --------
    sklearn.model_selection.LearningCurveDisplay : The score over the number of samples.
    sklearn.model_selection.ValidationCurveDisplay : The score over a parameter.

    Notes
    -----
    Loss and score of the training set are means over the batches of an epoch, each taken before
    its step. Loss and score of the validation set are taken at the end of the epoch. The training
    loss includes the penalties, unless `plot` is told otherwise; the validation loss never does.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.plotting import TrainingCurveDisplay
    >>> X, X_test, y, y_test = train_test_split(*load_iris(return_X_y=True), random_state=0)
    >>> networks = {
    ...     solver: MLPScratchClassifier(16, solver=solver, tol=1e-2, random_state=0)
    ...     for solver in ("gd", "nag")
    ... }
    >>> for network in networks.values():
    ...     network = network.fit(X, y, X_val=X_test, y_val=y_test)
    >>> display = TrainingCurveDisplay.from_estimators(networks, validation_label="test")
    >>> display.figure_.savefig("gd_and_nag.png")  # doctest: +SKIP
    """

    axes_: np.ndarray
    figure_: Figure
    lines_: dict[str, dict[str, Line2D]]

    def __init__(
        self,
        histories: Mapping[str, History],
        *,
        test_scores: Mapping[str, float | ArrayLike] | None = None,
    ) -> None:
        self.histories = histories
        self.test_scores = test_scores

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        name: str = "",
        test_score: float | ArrayLike | None = None,
        ax: Sequence[Axes] | np.ndarray | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the training of a fitted estimator.

        Parameters
        ----------
        estimator : MLPScratchClassifier, MLPScratchRegressor or Pipeline
            The estimator, or a pipeline that ends in it.
        name : str, default=''
            Name of the training in the legend.
        test_score : float or array-like of shape (n_epochs,), default=None
            Score on a test set: one number, or one for each epoch.
        ax : array-like of two matplotlib Axes, default=None
            As for `plot`.
        **kwargs
            Further arguments of `plot`.

        Returns
        -------
        display : TrainingCurveDisplay
            With the plots in `axes_`.
        """
        test_scores = None if test_score is None else {name: test_score}
        return cls.from_estimators({name: estimator}, test_scores=test_scores, ax=ax, **kwargs)

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, BaseEstimator],
        *,
        test_scores: Mapping[str, float | ArrayLike] | None = None,
        ax: Sequence[Axes] | np.ndarray | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the trainings of several fitted estimators on the same axes.

        Parameters
        ----------
        estimators : dict of str to estimator
            Either all MLPScratchClassifiers or all MLPScratchRegressors, or pipelines that end in
            one. The key is the name in the legend.
        test_scores : dict of str to float or array-like of shape (n_epochs,), default=None
            Scores on a test set, by the same names: one number, or one for each epoch.
        ax : array-like of two matplotlib Axes, default=None
            As for `plot`.
        **kwargs
            Further arguments of `plot`.

        Returns
        -------
        display : TrainingCurveDisplay
            With the plots in `axes_`.
        """
        if not isinstance(estimators, Mapping):
            raise TypeError(
                "estimators must be a dict of fitted estimators by name, got "
                f"{type(estimators).__name__}."
            )
        histories = {
            name: fitted_network(estimator, "history_", cls.__name__).history_
            for name, estimator in estimators.items()
        }
        return cls(histories, test_scores=test_scores).plot(ax=ax, **kwargs)

    @checks_own_arguments
    def plot(
        self,
        ax: Sequence[Axes] | np.ndarray | None = None,
        *,
        validation_label: str = "validation",
        loss_scale: str = "linear",
        with_penalty: bool = True,
        line_kw: Mapping[str, Any] | None = None,
    ) -> Self:
        """Plot the loss and the score over the epochs.

        Parameters
        ----------
        ax : array-like of two matplotlib Axes, default=None
            Where to plot the loss and the score. If None, a new figure with the two side by side.
        validation_label : str, default='validation'
            What the legend calls the validation set.
        loss_scale : str, default='linear'
            Scale of the axis of the loss: 'linear', 'log', or another one of matplotlib's.
        with_penalty : bool, default=True
            Whether the training loss includes the penalties, as training minimises it. Without
            them it can be compared with the validation loss.
        line_kw : dict, default=None
            Further arguments of matplotlib's `plot` for all curves.

        Returns
        -------
        display : TrainingCurveDisplay
            Itself.
        """
        plt = import_pyplot()
        score_name = self._score_name()
        self._check_test_scores()
        curves = {
            name: self._curves(name, history, score_name, with_penalty)
            for name, history in self.histories.items()
        }
        if ax is None:
            self.figure_ = plt.figure(figsize=(10, 4.5), layout="constrained")
            self.axes_ = self.figure_.subplots(1, 2)
        else:
            self.figure_, self.axes_ = given_axes(ax, 2)
        self.lines_ = {}
        for k, name in enumerate(curves):
            style = {"color": f"C{k}", "marker": MARKERS[k % len(MARKERS)], "fillstyle": "none"}
            style |= line_kw or {}
            self.lines_[name] = self._draw(name, curves[name], style, validation_label)
        penalties = "with" if with_penalty else "without"
        self.axes_[0].set(ylabel=f"mean loss (training: {penalties} penalties)", yscale=loss_scale)
        self.axes_[1].set(ylabel=_SCORES[score_name])
        self._finish(plt, own_figure=ax is None)
        return self

    def _score_name(self):
        """Return the score that all histories have."""
        _check_is_by_name("histories", self.histories)
        if not self.histories:
            raise ValueError("There is no history to plot: give at least one.")
        names = set()
        for name, history in self.histories.items():
            found = [score for score in _SCORES if score in history]
            if not found or len(history.get("loss", ())) == 0:
                raise ValueError(
                    f"The history {name!r} must have the keys 'loss' and 'accuracy', 'r2' or 'd2' "
                    "with an entry per epoch, as history_ of a fitted estimator; got "
                    f"{list(history)}, {len(history.get('loss', ()))} epochs. scikit-learn records "
                    "no epochs for solver='lbfgs', so that from_sklearn has none to take over."
                )
            names.add(found[0])
        if len(names) > 1:
            both = " and ".join(sorted((_SCORES[name] for name in names), key=str.lower))
            raise ValueError(
                f"{both[0].upper()}{both[1:]} do not belong on one axis: give "
                "histories of classifiers, or of regressors whose losses have the same score."
            )
        return names.pop()

    def _check_test_scores(self):
        if self.test_scores is not None:
            _check_is_by_name("test_scores", self.test_scores)
        for name, score in (self.test_scores or {}).items():
            if name not in self.histories:
                raise ValueError(
                    f"test_scores has {name!r}, which is not among the names of the histories: "
                    f"{list(self.histories)}."
                )
            n_epochs = len(self.histories[name]["loss"])
            if not isinstance(score, Real) and np.shape(score) != (n_epochs,):
                raise ValueError(
                    f"The test score of {name!r} must be one number or one for each of the "
                    f"{n_epochs} epochs, got shape {np.shape(score)}."
                )

    def _curves(self, name, history, score_name, with_penalty):
        """Return what there is to draw, by the keys of `lines_`."""
        if not with_penalty and "penalty" not in history:
            raise ValueError(
                f"with_penalty=False needs the key 'penalty', which the history {name!r} lacks."
            )
        penalty = 0.0 if with_penalty else history["penalty"]
        curves = {
            "loss": np.subtract(history["loss"], penalty),
            "validation_loss": history.get("validation_loss"),
            "score": history[score_name],
            "validation_score": history.get("validation_score"),
            "test_score": (self.test_scores or {}).get(name),
        }
        return {key: curve for key, curve in curves.items() if curve is not None}

    def _draw(self, name, curves, style, validation_label):
        """Draw the curves of one training and return the lines by the keys of `curves`."""
        kinds, lines = {"validation": (validation_label, "--"), "test": ("test", ":")}, {}
        for key, values in curves.items():
            ax = self.axes_[0 if key.endswith("loss") else 1]
            kind, linestyle = kinds.get(key.split("_")[0], ("training", "-"))
            label = f"{name}, {kind}" if name != "" else kind
            here = {"linestyle": linestyle, "label": label, **style}
            if isinstance(values, Real):
                here |= {"label": f"{label}: {values:.4f}", "marker": ""}
                lines[key] = ax.axhline(values, **here)
            else:
                every = max(1, len(values) // _N_MARKERS)
                epochs = np.arange(1, len(values) + 1)
                (lines[key],) = ax.plot(epochs, values, markevery=every, **here)
        return lines

    def _finish(self, plt, own_figure):
        """Label the epochs and add the legend: outside of the axes, where the figure is ours."""
        for ax in self.axes_:
            ax.set(xlabel="epoch")
            ax.xaxis.set_major_locator(plt.MaxNLocator(integer=True, min_n_ticks=1))
            ax.grid(alpha=0.3)
            if not any(np.isfinite(line.get_ydata()).any() for line in ax.get_lines()):
                ax.text(0.5, 0.5, "not recorded", ha="center", transform=ax.transAxes)
            if not own_figure:
                ax.legend(fontsize="small", handlelength=3.5)
        if own_figure:
            n_names = len(self.histories)
            handles, labels = self.axes_[1].get_legend_handles_labels()  # all that the left has
            inches = 0.8 + 0.08 * max(map(len, labels))  # a line, and its label
            n_fit = max(1, min(_MAX_COLUMNS, int(self.figure_.get_figwidth() / inches)))
            self.figure_.legend(
                handles=handles,
                loc="outside lower center",
                ncols=ceil(n_names / ceil(n_names / n_fit)),
                handlelength=3.5,  # or dashes are hardly told from a line
            )


def _check_is_by_name(name, given):
    if not isinstance(given, Mapping):
        what = name.replace("_", " ")
        raise TypeError(f"{name} must be a dict of {what} by name, got {type(given).__name__}.")
