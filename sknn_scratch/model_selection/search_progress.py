"""The callback that shows how far a search has come."""

from typing import Any

from sknn_scratch._optional import optional
from sknn_scratch.model_selection.bars import new_bar
from sknn_scratch.model_selection.progress import Display, SearchWatcher
from sknn_scratch.model_selection.search import NetworkSearch

_STYLES = ("auto", "rich", "text")


class SearchProgress(SearchWatcher):
    """Callback that shows a progress bar of a search, which moves while the networks train.

    Set it on a search of `sknn_scratch.model_selection`. The bar tells how many epochs have been
    trained of those planned, how many networks are left, the best score so far, how many fits have
    failed, and the time. A halving search has a bar for each round. The training of the best
    candidate on all samples, at the end, has one too.

    Parameters
    ----------
    style : {'auto', 'rich', 'text'}, default='auto'
        'rich' draws a bar by means of rich (``pip install "sknn-scratch[progress]"``); warnings
        that are issued meanwhile stand above it. 'text' writes a line of plain text. Where the line
        cannot be written over, as in a log file, there is a new one every ten seconds. 'auto' is
        'rich' in a terminal where rich is installed, else 'text', also in notebooks. All write to
        stderr.

    Raises
    ------
    ImportError
        With ``style="rich"``, if rich is not installed.
    ValueError
        If `style` is unknown; in `fit`, if the callback was set on anything but a search of
        `sknn_scratch.model_selection`.

    See Also
    --------
    sklearn.callback.ProgressBar : Shows the tasks of any estimator, and the epochs of a network.

    Notes
    -----
    Results are the same as without the bar, and the search shares as much work. An epoch costs
    0.2 us more.

    An epoch is planned if a network may still come to it: `max_iter` epochs for each network, less
    those of earlier rounds of a halving search. When a network stops early, diverges or fails, its
    other epochs are taken out of the plan. Candidates that differ in `max_iter` only are one
    network.

    The best score is the best mean over all folds of a candidate, as in `cv_results_`. If a search
    has several metrics, the bar shows the one named by `refit`.

    Processes on this machine report their epochs as threads do. Those on other machines, and those
    of joblib's backend "multiprocessing", cannot. The bar then moves whenever a network is
    finished, and says so.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.callbacks import SearchProgress
    >>> from sknn_scratch.model_selection import MLPGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPScratchClassifier(8, solver="nag", tol=0.01, random_state=0)
    >>> search = MLPGridSearchCV(network, {"l2": [0, 0.01, 0.1]})
    >>> search = search.set_callbacks(SearchProgress()).fit(X, y)
    """

    def __init__(self, style: str = "auto") -> None:
        if style not in _STYLES:
            raise ValueError(f"style must be one of {list(_STYLES)}, got {style!r}.")
        if style == "rich":
            optional("rich.progress", "progress")
        self.style = style

    def __repr__(self):
        return f"SearchProgress(style={self.style!r})"

    def display(self) -> Display:
        """Return the bar of a round."""
        return new_bar(self.style)

    # scikit-learn's protocol

    def setup(self, estimator: Any, context: Any) -> None:
        """Check that the estimator is a search that tells of its epochs."""
        if not isinstance(estimator, NetworkSearch):
            raise ValueError(
                "SearchProgress must be set on a search of sknn_scratch.model_selection, not on a "
                f"{type(estimator).__name__}. sklearn.callback.ProgressBar shows the progress of "
                "other estimators."
            )

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing: each round closes its bar."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing: the search itself tells of its epochs and scores."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Do nothing."""


SearchProgress.__module__ = "sknn_scratch.callbacks"  # where users import it
