"""scikit-learn's searches, for networks: no work is done twice, and networks train in threads."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, check_cv
from sklearn.utils.validation import indexable

from sknn_scratch._sklearn import MultimetricScorer, check_method_params, fit_context
from sknn_scratch._typing import ArrayLike, RandomState
from sknn_scratch.estimators.rollback import unchanged_on_failure
from sknn_scratch.model_selection.evaluate import Evaluation
from sknn_scratch.model_selection.watch import watched_refit

Grid = Mapping[str, Any]  # values to choose from, by the name of the parameter


class NetworkSearch:
    """`fit` of scikit-learn's searches, in the same order; only the fits are done differently."""

    @fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: ArrayLike | None = None, **params: Any) -> Self:
        """Run fit with all sets of parameters.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            The targets.
        **params : dict of str -> object
            Arguments for the `fit` of the estimator, for the scorer and for the splitter, as in
            scikit-learn's searches: `sample_weight`, `groups`, `X_val` and so on. Arguments with as
            many entries as X are split in the same way as X.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            If all fits fail, or, with ``error_score="raise"``, the first error of a fit.
        """
        with unchanged_on_failure(self):
            self._fit(X, y, params)
        return self

    def _fit(self, X, y, params):
        scorers, refit_metric = self._get_scorers()
        X, y = indexable(X, y)
        params = check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        weight = params.get("sample_weight")
        task = {"estimator": self, "X": X, "y": y}
        task["metadata"] = None if weight is None else {"sample_weight": weight}
        context = self._init_callback_context(max_subtasks=1 + (self.refit is not False))
        context.call_on_fit_task_begin(**task)

        self._checked_cv_orig = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        split_params = routed.splitter.split
        self._check_input_parameters(X=X, y=y, split_params=split_params)
        self.n_splits_ = self._checked_cv_orig.get_n_splits(X, y, **split_params)
        evaluate = Evaluation(self, X, y, scorers, routed)
        self._run_search(evaluate, callback_ctx=context)
        self.multimetric_ = isinstance(evaluate.scores[0]["test_scores"], dict)
        if callable(self.scoring) and self.multimetric_:
            self._check_refit_for_multimetric(evaluate.scores[0]["test_scores"])
            refit_metric = self.refit
        self._choose(evaluate.results, refit_metric)
        if self.refit:
            self._refit(evaluate.estimator, routed.estimator.fit, context, task)
        self.scorer_ = scorers._scorers if isinstance(scorers, MultimetricScorer) else scorers
        self.cv_results_ = evaluate.results
        context.call_on_fit_task_end(**task)

    def _choose(self, results, refit_metric):
        if not (self.refit or not self.multimetric_):
            return
        self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
        if not callable(self.refit):
            self.best_score_ = results[f"mean_test_{refit_metric}"][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]

    def _refit(self, estimator, fit_params, context, task):
        """Fit the best candidate to all samples."""
        best = clone(estimator).set_params(**clone(self.best_params_, safe=False))
        self.best_estimator_ = best
        context = context.subcontext(task_name="refit-with-best-params")
        with context.propagate_callback_context(best):
            context.call_on_fit_task_begin(**task)
            start = time.time()
            samples = (task["X"],) if task["y"] is None else (task["X"], task["y"])
            with watched_refit(self, best):
                best.fit(*samples, **fit_params)
            self.refit_time_ = time.time() - start
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_
        context.call_on_fit_task_end(**task)


class MLPGridSearchCV(NetworkSearch, GridSearchCV):
    """`GridSearchCV` for networks: the same scores, in less time.

    It has the parameters, methods and fitted attributes of scikit-learn's
    :class:`~sklearn.model_selection.GridSearchCV`, and finds the same scores. Use it for an
    `MLPScratchClassifier` or `MLPScratchRegressor`, or for a `Pipeline` that ends in one. It fits
    candidates of other kinds as scikit-learn does.

    Three things make it faster:

    - With `n_jobs` above 1, networks with ``engine="numba"`` train in threads of this process and
      share X; those with ``engine="numpy"`` train in processes. If you set a backend with
      `joblib.parallel_config`, both use that.
    - The transformers of a pipeline are fitted once for each fold and each setting of their own.
    - Candidates that differ only in `max_iter` share one network, which is scored after each of
      these numbers of epochs. Candidates get a network each with the schedules "cosine" and
      "one_cycle", which depend on `max_iter`, with ``solver="lbfgs"``, `stop_when`, `verbose` or
      ``warm_start="resume"``, and with a `random_state` that is not a number.

    The last two points do not apply to a search with a callback that scikit-learn hands on to the
    networks, because it is notified of every transformer and every epoch. `ProgressBar` is one,
    unless its `max_propagation_depth` is 0. `SearchProgress` is none: it shows the epochs of all
    networks, and the search shares its work.

    Parameters
    ----------
    estimator : estimator object
        The network, or a pipeline that ends in one.
    param_grid : dict or list of dicts
        As in scikit-learn: lists of values by the names of the parameters.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score :
        As in scikit-learn. With several jobs, each uses one BLAS thread.

    Attributes
    ----------
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, \
refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_ :
        As in scikit-learn. The time of a transformer is divided among the candidates that share it.
        If a network continues from a smaller `max_iter`, the time is the one for the added epochs.

    See Also
    --------
    MLPRandomizedSearchCV : The same search over parameters drawn at random.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.model_selection import MLPGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPScratchClassifier((10,), max_iter=1000, tol=1e-3, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), network)
    >>> grid = {
    ...     "mlpscratchclassifier__learning_rate_init": [0.01, 0.03, 0.1],
    ...     "mlpscratchclassifier__l2": [0, 0.01, 0.1],
    ... }
    >>> search = MLPGridSearchCV(pipeline, grid).fit(X, y)
    >>> len(search.cv_results_["params"])
    9
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        param_grid: Grid | Sequence[Grid],
        *,
        scoring: str | Callable[..., Any] | Collection[str] | Mapping[str, Any] | None = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[..., int] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str | None = "2*n_jobs",
        error_score: Literal["raise"] | float = np.nan,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )


class MLPRandomizedSearchCV(NetworkSearch, RandomizedSearchCV):
    """`RandomizedSearchCV` for networks: the same scores, in less time.

    `MLPGridSearchCV` tells what makes it faster. It has the parameters, methods and fitted
    attributes of scikit-learn's :class:`~sklearn.model_selection.RandomizedSearchCV`, and finds the
    same scores.

    Parameters
    ----------
    estimator : estimator object
        The network, or a pipeline that ends in one.
    param_distributions : dict or list of dicts
        As in scikit-learn: lists, or distributions with a method `rvs`, by the names of the
        parameters.
    n_iter : int, default=10
        Number of candidates.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, random_state, error_score, \
return_train_score :
        As in scikit-learn. With several jobs, each uses one BLAS thread.

    Attributes
    ----------
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, \
refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_ :
        As in scikit-learn.

    See Also
    --------
    MLPGridSearchCV : The same search over all combinations of lists of values.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        param_distributions: Grid | Sequence[Grid],
        *,
        n_iter: int = 10,
        scoring: str | Callable[..., Any] | Collection[str] | Mapping[str, Any] | None = None,
        n_jobs: int | None = None,
        refit: bool | str | Callable[..., int] = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: int | str | None = "2*n_jobs",
        random_state: RandomState = None,
        error_score: Literal["raise"] | float = np.nan,
        return_train_score: bool = False,
    ) -> None:
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            random_state=random_state,
            error_score=error_score,
            return_train_score=return_train_score,
        )
