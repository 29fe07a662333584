"""Decision boundaries of many classifiers on one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from sknn_scratch._typing import ArrayLike
from sknn_scratch.plotting._arguments import checks_own_arguments
from sknn_scratch.plotting._candidates import Results, fit_candidates, results_of
from sknn_scratch.plotting._decision_boundary import DecisionBoundary, draw_decision_boundary
from sknn_scratch.plotting._matplotlib import COLORS, import_pyplot, panel_axes
from sknn_scratch.plotting._params import own_params, short_names, shown, varying

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "o^sDvP*X<>"
_SAMPLE = {"markersize": 3, "markeredgecolor": "black", "markeredgewidth": 0.3}
_PANEL = 2.0, 1.9  # width and height in inches, without the title
_MARGIN = 0.4, 0.8  # the same of what is around the panels: labels and legend
_LEGEND_COLUMN = 1.3  # width of a name in the legend in inches
_FONT_SIZE = 7.5  # of titles and ticks, in points
_LINE = _FONT_SIZE * 1.2 / 72  # height of a line of a title in inches
_LINE_LENGTH = 30  # characters that fit above a panel


class DecisionBoundaryGridDisplay:
    """Decision boundaries of many classifiers on one page, titled by their parameters.

    Each panel shows the region of each class in a colour that fades the less sure the classifier
    is. A black line is where the two largest probabilities meet; markers are the samples. Use
    `from_estimators` or `from_cv_results` to create one.

    Parameters
    ----------
    estimators : list of estimators
        Fitted classifiers of two features.
    X : ndarray or dataframe of shape (n_samples, 2)
        The samples to show.
    y : array-like of shape (n_samples,)
        Their classes.
    titles : list of str
        A title for each panel, of one line or more.

    Attributes
    ----------
    boundaries_ : list of records
        What is drawn in each panel: `xx0`, `xx1` and `response`, the mesh and the probabilities of
        the classes there; `surface_`, the shading; `contours_`, the lines. For a classifier
        without `predict_proba`, the predicted class has probability 1.
    axes_ : ndarray of shape (n_panels,) of matplotlib Axes
        The panels.
    figure_ : matplotlib Figure
        Their figure.

    See Also
    --------
    sklearn.inspection.DecisionBoundaryDisplay : The boundary of one estimator.

    Examples
    --------
    >>> from sklearn.datasets import make_circles
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.plotting import DecisionBoundaryGridDisplay
    >>> X, y = make_circles(60, noise=0.1, factor=0.4, random_state=0)
    >>> network = MLPScratchClassifier(solver="nag", learning_rate_init=0.5, random_state=0)
    >>> search = GridSearchCV(network, {"hidden_layer_sizes": [2, 20]}, cv=3).fit(X, y)
    >>> display = DecisionBoundaryGridDisplay.from_cv_results(search, network, X, y)
    >>> print(display.titles[1])
    hidden_layer_sizes=20
    mean test score ...
    """

    boundaries_: list[DecisionBoundary]
    axes_: np.ndarray
    figure_: Figure

    def __init__(
        self,
        estimators: Sequence[BaseEstimator],
        X: ArrayLike,
        y: ArrayLike,
        *,
        titles: Sequence[str],
    ) -> None:
        self.estimators = estimators
        self.X = X
        self.y = y
        self.titles = titles

    @classmethod
    def from_estimators(
        cls,
        estimators: Sequence[BaseEstimator] | Mapping[str, BaseEstimator],
        X: ArrayLike,
        y: ArrayLike,
        *,
        params: Sequence[Mapping[str, Any]] | None = None,
        scores: Sequence[float] | None = None,
        ax: Sequence[Axes] | np.ndarray | None = None,
        **kwargs: Any,
    ) -> Self:
        """Plot the boundaries of fitted classifiers.

        Parameters
        ----------
        estimators : list of estimators, or dict of str to estimator
            Fitted classifiers, or pipelines that end in one; the keys of a dict are titles.
        X : ndarray or dataframe of shape (n_samples, 2)
            The samples to show.
        y : array-like of shape (n_samples,)
            Their classes.
        params : list of dict, default=None
            Parameters of each estimator. The ones that vary become its title. If None, they come
            from `get_params`. Not allowed with a dict of estimators.
        scores : list of float, default=None
            The score in each title. If None, each estimator is scored on X and y.
        ax : array-like of matplotlib Axes, default=None
            As for `plot`.
        **kwargs
            Further arguments of `plot`.

        Returns
        -------
        display : DecisionBoundaryGridDisplay
            With the panels in `axes_`.
        """
        if isinstance(estimators, Mapping):
            if params is not None:
                raise ValueError(
                    "params is for a list of estimators: the keys of a dict are titles."
                )
            names, estimators = [str(name) for name in estimators], list(estimators.values())
        elif not isinstance(estimators, Iterable):
            raise TypeError(
                "estimators must be a list or dict of fitted classifiers, got "
                f"{type(estimators).__name__}."
            )
        else:
            if params is None:
                params = [own_params(estimator) for estimator in estimators]
            names = _titles_of_params(params)
        _check_data(X, y)
        if scores is None:
            scores = [estimator.score(X, y) for estimator in estimators]
        titles = _with_scores(names, scores, "score", len(estimators))
        return cls(estimators, X, y, titles=titles).plot(ax=ax, **kwargs)

    @classmethod
    def from_cv_results(
        cls,
        cv_results: Results | BaseEstimator,
        estimator: BaseEstimator,
        X: ArrayLike,
        y: ArrayLike,
        *,
        score: str = "mean_test_score",
        n_jobs: int | None = None,
        ax: Sequence[Axes] | np.ndarray | None = None,
        **kwargs: Any,
    ) -> Self:
        """Fit an estimator with each candidate's parameters of a search, and plot the boundaries.

        The candidates train as in :class:`~sknn_scratch.model_selection.MLPGridSearchCV`, which
        does nothing twice.

        Parameters
        ----------
        cv_results : fitted search, dict or pandas.DataFrame
            A search such as :class:`~sklearn.model_selection.GridSearchCV`, or its `cv_results_`.
            A frame of these may be sorted and filtered: each of its rows is a panel.
        estimator : estimator
            The estimator; a clone of it is fitted to X and y for each candidate.
        X : ndarray or dataframe of shape (n_samples, 2)
            The samples to fit, and to show.
        y : array-like of shape (n_samples,)
            Their classes.
        score : str, default='mean_test_score'
            The score in the titles: a key of `cv_results`, or 'training' for the score on X and y.
        n_jobs : int, default=None
            How many candidates are fitted side by side, in threads.
        ax : array-like of matplotlib Axes, default=None
            As for `plot`.
        **kwargs
            Further arguments of `plot`.

        Returns
        -------
        display : DecisionBoundaryGridDisplay
            With the panels in `axes_`.
        """
        import_pyplot()  # fails before fitting
        results = results_of(cv_results)
        allowed = ["training", *(key for key in results if key.startswith("mean_"))]
        if score not in allowed:
            raise ValueError(f"score must be one of {allowed}, got {score!r}.")
        _check_data(X, y)
        params = list(results["params"])
        fitted = fit_candidates(estimator, params, X, y, n_jobs)
        if score == "training":
            scores = [candidate.score(X, y) for candidate in fitted]
        else:
            scores = results[score]
        label = f"{score} score" if score == "training" else score.replace("_", " ")
        titles = _with_scores(_titles_of_params(params), scores, label, len(fitted))
        return cls(fitted, X, y, titles=titles).plot(ax=ax, **kwargs)

    @checks_own_arguments
    def plot(
        self,
        ax: Sequence[Axes] | np.ndarray | None = None,
        *,
        n_columns: int | None = None,
        grid_resolution: int = 100,
        eps: float | None = None,
    ) -> Self:
        """Plot the panels.

        Parameters
        ----------
        ax : array-like of matplotlib Axes, default=None
            Where to plot, with an axes for each estimator. If None, a new figure, which grows
            with their number.
        n_columns : int, default=None
            Number of columns of the new figure. If None, the figure is at least about as wide as
            high, and has as few empty places as possible.
        grid_resolution : int, default=100
            Number of points along each axis at which probabilities are computed.
        eps : float, default=None
            How far the panels reach beyond the samples. If None, a tenth of their range.

        Returns
        -------
        display : DecisionBoundaryGridDisplay
            Itself.
        """
        plt = import_pyplot()
        _check_data(self.X, self.y)
        classes = _common_classes(self.estimators, self.X, self.y)
        n_lines = max(title.count("\n") + 1 for title in self.titles)
        size = _PANEL[0], _PANEL[1] + n_lines * _LINE  # high enough for the titles
        n_panels = len(self.estimators)
        self.figure_, self.axes_ = panel_axes(ax, n_panels, n_columns, size, _MARGIN)
        if eps is None:
            eps = 0.1 * np.ptp(np.asarray(self.X), axis=0).max()
        colors = _class_colors(plt, len(classes))
        self.boundaries_ = []
        for panel, estimator, title in zip(self.axes_, self.estimators, self.titles, strict=True):
            boundary = draw_decision_boundary(
                panel, estimator, self.X, colors, grid_resolution, eps
            )
            self.boundaries_.append(boundary)
            self._draw_samples(panel, classes, colors)
            panel.set_title(title, fontsize=_FONT_SIZE)
            panel.tick_params(labelsize=_FONT_SIZE)
            panel.locator_params(nbins=3)
        self._label(own_figure=ax is None)
        return self

    def _draw_samples(self, ax, classes, colors):
        X, y = np.asarray(self.X), np.asarray(self.y)
        for label, color, marker in zip(classes, colors, cycle(_MARKERS), strict=False):
            ax.plot(*X[y == label].T, marker, color=color, label=str(label), **_SAMPLE)

    def _label(self, own_figure):
        """Name features and classes once for all panels."""
        is_shaded = any(hasattr(estimator, "predict_proba") for estimator in self.estimators)
        legend = {"title": "class (paler: less sure)" if is_shaded else "class"}
        first, second = getattr(self.X, "columns", ["first feature", "second feature"])
        if not own_figure:
            for ax in self.axes_:
                ax.set(xlabel=first, ylabel=second)
            self.axes_[0].legend(**legend, fontsize="small")
            return
        self.figure_.supxlabel(first, fontsize="medium")
        self.figure_.supylabel(second, fontsize="medium")
        handles, labels = self.axes_[0].get_legend_handles_labels()
        self.figure_.legend(
            handles,
            labels,
            loc="outside upper center",
            ncols=int(self.figure_.get_figwidth() // _LEGEND_COLUMN),
            markerscale=2,
            **legend,
        )


def _check_data(X, y):
    shape = np.shape(X)
    if len(shape) != 2 or shape[1] != 2:
        raise ValueError(
            "A decision boundary is drawn over two features: X must have shape (n_samples, 2), "
            f"got {shape}."
        )
    if np.ndim(y) != 1:
        raise ValueError(
            "y must hold the class of each sample, with shape (n_samples,), got "
            f"{np.shape(y)}. Fit to one output, and show that column of y."
        )
    check_consistent_length(X, y)


def _common_classes(estimators, X, y):
    """Return the classes, which must be the same for all estimators, and hold those of y."""
    for estimator in estimators:
        check_is_fitted(estimator)
        if not is_classifier(estimator):
            raise ValueError(
                f"DecisionBoundaryGridDisplay shows classifiers, got a {type(estimator).__name__}."
            )
        if np.ndim(estimator.predict(X[:1])) > 1:
            raise ValueError(
                "DecisionBoundaryGridDisplay shows one output, but a "
                f"{type(estimator).__name__} has several. Fit to one column of y."
            )
        if not np.array_equal(estimator.classes_, estimators[0].classes_):
            raise ValueError(
                "All estimators must be fitted to the same classes, got "
                f"{estimators[0].classes_} and {estimator.classes_}."
            )
    unknown = np.setdiff1d(y, estimators[0].classes_)
    if unknown.size:
        raise ValueError(f"y has classes that the estimators were not fitted to: {unknown}.")
    return estimators[0].classes_


def _class_colors(plt, n_classes):
    """Return an array (n_classes, 3)."""
    if n_classes <= len(COLORS):
        from matplotlib.colors import to_rgba_array

        return to_rgba_array(COLORS[:n_classes])[:, :3]
    return plt.get_cmap("gist_rainbow", n_classes)(np.arange(n_classes))[:, :3]


def _titles_of_params(params):
    """Return a title for each dict of parameters: those that vary, broken into lines alike."""
    items = [
        [f"{short}={shown(own[name])}" if name in own else "" for own in params]
        for name, short in short_names(varying(params)).items()
    ]
    lines = _lines_of([max(map(len, versions)) for versions in items])
    return [
        "\n".join(", ".join(filter(None, (items[i][k] for i in line))) for line in lines)
        for k in range(len(params))
    ]


def _lines_of(lengths):
    """Return lines, lists of indices of items, that hold at most `_LINE_LENGTH` characters."""
    lines, room = [], -1
    for index, length in enumerate(lengths):
        if length + 2 <= room:
            lines[-1].append(index)
            room -= length + 2
        else:
            lines.append([index])
            room = _LINE_LENGTH - length
    return lines


def _with_scores(names, scores, label, n_estimators):
    """Return the titles with the scores as their last lines."""
    if not n_estimators:
        raise ValueError("There is no estimator to show: give at least one.")
    for what, entries in {"params": names, "scores": scores}.items():
        if len(entries) != n_estimators:
            raise ValueError(
                f"{what} must have an entry for each of the {n_estimators} estimators, got "
                f"{len(entries)}."
            )
    scored = [f"{label} {score:.3f}" for score in scores]
    return ["\n".join(filter(None, pair)) for pair in zip(names, scored, strict=True)]
