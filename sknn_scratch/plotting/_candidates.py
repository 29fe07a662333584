"""The candidates of a search as fitted estimators, to be looked at."""

from collections.abc import Mapping
from itertools import count
from typing import Any, Protocol

import numpy as np
from joblib import parallel_config

from sknn_scratch.model_selection import MLPGridSearchCV


class Results(Protocol):
    """The `cv_results_` of a search: a dict, or a frame of pandas."""

    def keys(self) -> Any:
        """Return the names of the columns."""

    def __getitem__(self, key: str, /) -> Any:
        """Return a column: a value for each candidate."""


def results_of(given):
    """Return the `cv_results_` of a fitted search, or of what the user gives in its place."""
    results = getattr(given, "cv_results_", given)
    if not (hasattr(results, "keys") and hasattr(results, "__getitem__")):
        library = type(given).__module__.partition(".")[0]  # not every DataFrame is of pandas
        raise TypeError(
            "cv_results must be a fitted search such as GridSearchCV, its cv_results_, or a "
            f"pandas.DataFrame of these; got {type(given).__name__} ({library})."
        )
    candidates = list(results["params"]) if "params" in results else []
    if not candidates:
        raise ValueError("cv_results has no candidates: they are in its column 'params'.")
    if not all(isinstance(params, Mapping) for params in candidates):
        raise TypeError(
            f"cv_results['params'] must hold a dict for each candidate, got {candidates[0]!r}. "
            "Give cv_results_ as the search made it: files of text do not hold dicts."
        )
    return results


def fit_candidates(estimator, candidates, X, y, n_jobs=None):
    """Return an estimator for each candidate, a dict of parameters, fitted to all of X and y.

    A search trains them, so that nothing is done twice: candidates that differ in `max_iter` only
    are one training, and transformers are fitted once.
    """
    rows = np.arange(len(y))
    fitted, numbers = {}, count()

    def keep(estimator, X, y):
        """Keep an estimator, and return its number as its score."""
        number = next(numbers)
        fitted[number] = estimator
        return number

    search = MLPGridSearchCV(
        estimator,
        [{name: [value] for name, value in params.items()} for params in candidates],
        scoring=keep,
        cv=[(rows, rows)],
        refit=False,
        error_score="raise",
        n_jobs=n_jobs,
    )
    with parallel_config("threading"):  # other processes would keep what they fit
        search.fit(X, y)
    return [fitted[int(number)] for number in search.cv_results_["mean_test_score"]]
