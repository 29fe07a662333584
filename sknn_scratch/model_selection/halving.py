"""scikit-learn's halving searches, for networks: those that survive a round train on."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator

from sknn_scratch._sklearn import HalvingGridSearchCV, HalvingRandomSearchCV, num_samples
from sknn_scratch._typing import RandomState
from sknn_scratch.model_selection.plan import epochs_parameter
from sknn_scratch.model_selection.search import Grid, NetworkSearch


class _HalvingSearch(NetworkSearch):
    """What scikit-learn's halving searches do beside the `fit` of all searches."""

    def _fit(self, X, y, params):
        if not self.factor > 1:
            raise ValueError(
                f"factor must be above 1, got {self.factor}: one in `factor` candidates survives "
                "a round. Use 2 or 3."
            )
        self._n_samples_orig = num_samples(X)
        super()._fit(X, y, params)
        # Also if `refit` is a function. scikit-learn's halving searches do not ask it for the best
        self.best_score_ = self.cv_results_["mean_test_score"][self.best_index_]

    def _check_input_parameters(self, X, y, split_params):
        params = self.estimator.get_params()
        if self.max_resources == "auto" and self.resource in params:
            are_epochs = self.resource == epochs_parameter(self.estimator)
            what = "number of epochs" if are_epochs else self.resource
            raise ValueError(
                "resource can only be 'n_samples' when max_resources='auto'. With "
                f"resource={self.resource!r}, set max_resources to the largest {what} of a "
                f"candidate. The estimator's own is {params[self.resource]!r}."
            )
        super()._check_input_parameters(X, y, split_params)

    def _format_results(self, candidate_params, n_splits, out, more_results=None):
        scores = out[0]["test_scores"]
        if isinstance(scores, dict):
            raise ValueError(
                "scoring must return one number in a halving search, which drops candidates by it. "
                f"It returned several: {sorted(scores)}. Return one of them, or use "
                "MLPGridSearchCV or MLPRandomizedSearchCV."
            )
        return super()._format_results(candidate_params, n_splits, out, more_results)


class MLPHalvingGridSearchCV(_HalvingSearch, HalvingGridSearchCV):
    """`HalvingGridSearchCV` for networks: the same scores, and survivors train on.

    A halving search trains all candidates for a few epochs, keeps the best third and trains these
    for three times as many epochs, and so on. This class has the parameters, methods and fitted
    attributes of scikit-learn's :class:`~sklearn.model_selection.HalvingGridSearchCV`, and finds
    the same scores. You need not import `sklearn.experimental.enable_halving_search_cv`.

    Three things make it faster:

    - With ``resource="max_iter"``, or ``"mlpscratchclassifier__max_iter"`` and the like in a
      pipeline, the networks that survive a round continue where they stand: weights, optimiser,
      learning rate and order of the samples. A candidate of 81 epochs costs 81 epochs, although it
      is scored after 3, 9, 27 and 81.
    - The transformers of a pipeline are then fitted once for each fold and each setting of their
      own, for all rounds.
    - Compiled networks train in threads, as in `MLPGridSearchCV`.

    Networks start anew in each round where `MLPGridSearchCV` gives each `max_iter` a network of its
    own. They do so with the schedules "cosine" and "one_cycle", which depend on `max_iter`. They do
    so with ``solver="lbfgs"``, `stop_when`, `verbose` or ``warm_start="resume"``, with a
    `random_state` that is not a number, and if a callback is notified of their epochs. They also do
    with every other resource, such as "n_samples", and if the networks of a round would take more
    than 1 GiB between rounds.

    Parameters
    ----------
    estimator : estimator object
        The network, or a pipeline that ends in one.
    param_grid : dict or list of dicts
        As in scikit-learn: lists of values by the names of the parameters, without the resource.
    factor : int or float, default=3
        A number above 1. In each round, one in `factor` candidates survives, and gets `factor`
        times the resource.
    resource : str, default="n_samples"
        What the rounds have more and more of: samples, or a parameter of the estimator that takes
        positive integers. Use "max_iter" for networks.
    max_resources : int or "auto", default="auto"
        The most that a candidate may get; all samples if it is "auto". Give the number of epochs
        with ``resource="max_iter"``.
    min_resources : int, "exhaust" or "smallest", default="exhaust"
        What each candidate gets in the first round. With "exhaust" it is as much as leaves
        `max_resources` or somewhat less for the last round; with "smallest", very little.
    aggressive_elimination : bool, default=False
        Whether to repeat the first round if too many candidates would reach the last one.
    cv : int, splitter or iterable, default=5
        As in scikit-learn. It has to give the same folds in each round.
    scoring : str, callable or None, default=None
        As in scikit-learn, one metric.
    refit, error_score, return_train_score, random_state, n_jobs, verbose :
        As in scikit-learn. With several jobs, each uses one BLAS thread.

    Attributes
    ----------
    n_resources_, n_candidates_, n_remaining_candidates_, max_resources_, min_resources_, \
n_iterations_, n_possible_iterations_, n_required_iterations_ :
        As in scikit-learn: the rounds, and how many candidates had how much of the resource.
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, \
refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_ :
        As in scikit-learn. The time of a network that continues is the time for the added epochs.

    See Also
    --------
    MLPHalvingRandomSearchCV : The same search over parameters drawn at random.
    MLPGridSearchCV : Trains all candidates to the end.

    Examples
    --------
    >>> from warnings import simplefilter
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.exceptions import ConvergenceWarning
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.model_selection import MLPHalvingGridSearchCV
    >>> simplefilter("ignore", ConvergenceWarning)  # first rounds are short on purpose
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPScratchClassifier((10,), n_iter_no_change=1000, random_state=0)
    >>> grid = {"learning_rate_init": [0.001, 0.01, 0.1], "l2": [0, 0.01, 0.1]}
    >>> search = MLPHalvingGridSearchCV(network, grid, resource="max_iter", max_resources=90)
    >>> search = search.fit(X, y)
    >>> search.n_candidates_, search.n_resources_
    ([9, 3, 1], [10, 30, 90])
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        param_grid: Grid | Sequence[Grid],
        *,
        factor: float = 3,
        resource: str = "n_samples",
        max_resources: int | Literal["auto"] = "auto",
        min_resources: int | Literal["exhaust", "smallest"] = "exhaust",
        aggressive_elimination: bool = False,
        cv: Any = 5,
        scoring: str | Callable[..., Any] | None = None,
        refit: bool | Callable[..., int] = True,
        error_score: Literal["raise"] | float = np.nan,
        return_train_score: bool = True,
        random_state: RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            factor=factor,
            resource=resource,
            max_resources=max_resources,
            min_resources=min_resources,
            aggressive_elimination=aggressive_elimination,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )


class MLPHalvingRandomSearchCV(_HalvingSearch, HalvingRandomSearchCV):
    """`HalvingRandomSearchCV` for networks: the same scores, and survivors train on.

    `MLPHalvingGridSearchCV` tells what makes it faster. It has the parameters, methods and fitted
    attributes of scikit-learn's :class:`~sklearn.model_selection.HalvingRandomSearchCV`, and finds
    the same scores. You need not import `sklearn.experimental.enable_halving_search_cv`.

    Parameters
    ----------
    estimator : estimator object
        The network, or a pipeline that ends in one.
    param_distributions : dict or list of dicts
        As in scikit-learn: lists, or distributions with a method `rvs`, by the names of the
        parameters, without the resource.
    n_candidates : int or "exhaust", default="exhaust"
        Number of candidates in the first round. With "exhaust" there are so many that the last
        round has as much of the resource as possible.
    factor, resource, max_resources :
        As in `MLPHalvingGridSearchCV`.
    min_resources : int, "exhaust" or "smallest", default="smallest"
        As in `MLPHalvingGridSearchCV`; "exhaust" needs a number of candidates.
    aggressive_elimination, cv, scoring, refit, error_score, return_train_score, random_state, \
n_jobs, verbose :
        As in scikit-learn. With several jobs, each uses one BLAS thread.

    Attributes
    ----------
    n_resources_, n_candidates_, n_remaining_candidates_, max_resources_, min_resources_, \
n_iterations_, n_possible_iterations_, n_required_iterations_, cv_results_, best_estimator_, \
best_score_, best_params_, best_index_, scorer_, n_splits_, refit_time_, multimetric_, classes_, \
n_features_in_, feature_names_in_ :
        As in `MLPHalvingGridSearchCV`.

    See Also
    --------
    MLPHalvingGridSearchCV : The same search over all combinations of lists of values.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        param_distributions: Grid | Sequence[Grid],
        *,
        n_candidates: int | Literal["exhaust"] = "exhaust",
        factor: float = 3,
        resource: str = "n_samples",
        max_resources: int | Literal["auto"] = "auto",
        min_resources: int | Literal["exhaust", "smallest"] = "smallest",
        aggressive_elimination: bool = False,
        cv: Any = 5,
        scoring: str | Callable[..., Any] | None = None,
        refit: bool | Callable[..., int] = True,
        error_score: Literal["raise"] | float = np.nan,
        return_train_score: bool = True,
        random_state: RandomState = None,
        n_jobs: int | None = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            estimator,
            param_distributions,
            n_candidates=n_candidates,
            factor=factor,
            resource=resource,
            max_resources=max_resources,
            min_resources=min_resources,
            aggressive_elimination=aggressive_elimination,
            cv=cv,
            scoring=scoring,
            refit=refit,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
            n_jobs=n_jobs,
            verbose=verbose,
        )
