"""What a fitted search found: candidates, rounds, and their scores by one metric."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted

from sknn_scratch.plotting._params import short_names, varying

_MEAN, _STD = "mean_test_", "std_test_"
_MADE = re.compile(r"make_scorer\((\w+)(.*)")


@dataclass(frozen=True)
class SearchResults:
    """The rows of `cv_results_`: one a candidate, or one for each round in which it took part.

    Parameters
    ----------
    params : list of dict
        The parameters of each row, by short names and without the resource of a halving search.
    mean, std : ndarray of shape (n_rows,)
        Scores over the folds, as they are shown: an error is positive.
    rounds, resources : ndarray of shape (n_rows,)
        The number of the round and what it spent on a candidate; zeros for other searches.
    full_names : dict of str to str
        The short name of each parameter by its full name.
    resource : str or None
        The short name of what a halving search spends.
    score_name : str
        What the metric is called.
    sign : int
        1 if larger scores are better, else -1.
    n_folds : int
        Number of scores that a mean is over.
    """

    params: list[dict[str, Any]]
    mean: np.ndarray
    std: np.ndarray
    rounds: np.ndarray
    resources: np.ndarray
    full_names: dict[str, str]
    resource: str | None
    score_name: str
    sign: int
    n_folds: int

    @property
    def varying(self):
        """The names of the parameters in which candidates differ."""
        return varying(self.params)

    @property
    def candidates(self):
        """The rows of each candidate, round after round."""
        rows: dict[tuple[str, int], list[int]] = {}
        for row, (params, number) in enumerate(zip(self.params, self.rounds, strict=True)):
            key, twin = repr(sorted(params.items())), 0
            # A list of grids may hold a candidate twice in one round
            while number in self.rounds[rows.get((key, twin), [])]:
                twin += 1
            rows.setdefault((key, twin), []).append(row)
        return list(rows.values())

    @property
    def last_rows(self):
        """The row of each candidate in the last round that it reached."""
        return [rows[-1] for rows in self.candidates]

    def rows_with(self, names):
        """Return the last row of each candidate that sets all of these parameters."""
        return [row for row in self.last_rows if self.params[row].keys() >= set(names)]

    def values_of(self, name, rows):
        """Return what each of these rows sets a parameter to."""
        return [self.params[row][name] for row in rows]

    def _rank(self, row):
        """Return what is the larger the better a row is.

        Scores of earlier rounds are of less training or fewer samples, and not to be compared.
        """
        return self.rounds[row], self.sign * self.mean[row]

    def best(self, rows):
        """Return the best of these rows, the first of equals; None if none of them has a score."""
        scored = [row for row in sorted(rows) if np.isfinite(self.mean[row])]
        return max(scored, key=self._rank) if scored else None

    def failed(self, rows):
        """Return those of `rows` that have no score."""
        return [row for row in rows if not np.isfinite(self.mean[row])]


def grouped(keys, rows):
    """Return the rows that have the same key, by their key."""
    groups = {}
    for key, row in zip(keys, rows, strict=True):
        groups.setdefault(key, []).append(row)
    return groups


def read_search(search, metric):
    """Return the results of a fitted search by one of its metrics."""
    if not hasattr(search, "cv_results_"):
        is_unfitted = hasattr(search, "error_score") and not hasattr(search, "best_params_")
        if is_unfitted:  # else it may be a search that keeps its results elsewhere
            check_is_fitted(search, "cv_results_")
        raise TypeError(
            "search must be a fitted search with cv_results_, such as GridSearchCV or "
            f"MLPGridSearchCV, or a list or dict of them; got {type(search).__name__}."
        )
    results = search.cv_results_
    key, name, sign = _metric(search, metric)
    mean = np.asarray(results[_MEAN + key], float)
    is_halving = "n_resources" in results
    resource = search.resource if is_halving else None
    full_names = dict.fromkeys(name for params in results["params"] for name in params)
    full_names = short_names([name for name in full_names if name != resource])
    zeros = np.zeros(len(mean), int)
    return SearchResults(
        [_renamed(params, full_names) for params in results["params"]],
        sign * mean,
        np.asarray(results[_STD + key], float),
        np.asarray(results.get("iter", zeros)),
        np.asarray(results.get("n_resources", zeros)),
        full_names,
        resource and resource.rpartition("__")[2],
        name,
        sign,
        search.n_splits_,
    )


def _renamed(params, names):
    return {names[name]: value for name, value in params.items() if name in names}


def _metric(search, metric):
    """Return the key of a metric in `cv_results_`, its name, and 1 if larger is better, else -1."""
    keys = [key.removeprefix(_MEAN) for key in search.cv_results_ if key.startswith(_MEAN)]
    key = "score" if keys == ["score"] else _chosen(keys, metric, search.refit)
    scorer = search.scoring if key == "score" else key
    if isinstance(search.scoring, Mapping):
        scorer = search.scoring[key]
    names = _names_of_scorer(search, scorer)
    if metric not in (None, key, *names):
        raise ValueError(
            f"metric={metric!r} is not the metric of the search, which has one: "
            f"{' or '.join(map(repr, dict.fromkeys([*names, key])))}. Leave out metric, or search "
            f"with scoring={metric!r}."
        )
    text = scorer if isinstance(scorer, str) else repr(scorer)
    made = _MADE.match(text)
    is_error = text.startswith("neg_") or bool(made and "greater_is_better=False" in made[2])
    name = [*names, key][0] if key == "score" else key
    return key, _in_words(name), -1 if is_error else 1


def _chosen(keys, metric, refit):
    """Return one of several metrics: the one that is asked for, or by which the search refits."""
    if metric in keys:
        return metric
    if metric is not None:
        raise ValueError(f"metric must be one of those of the search, {keys}; got {metric!r}.")
    if len(keys) > 1 and refit not in keys:
        raise ValueError(f"The search has several metrics: choose one of metric={keys}.")
    return refit if len(keys) > 1 else keys[0]


def _names_of_scorer(search, scorer):
    """Return the names that users know a scorer by."""
    if isinstance(scorer, str):
        return [scorer]
    if scorer is None:
        kinds = {"accuracy": is_classifier, "r2": is_regressor}
        return [name for name, is_kind in kinds.items() if is_kind(search.estimator)]
    if made := _MADE.match(repr(scorer)):
        return [made[1]]
    return [scorer.__name__] if hasattr(scorer, "__name__") else []


def _in_words(metric):
    name = metric.removeprefix("neg_").replace("_", " ")
    return {"r2": "R²"}.get(name, name)
