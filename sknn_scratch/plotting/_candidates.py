"""The candidates of a search as fitted estimators, to be looked at."""

from itertools import count

import numpy as np
from joblib import parallel_config

from sknn_scratch.model_selection import MLPGridSearchCV


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
