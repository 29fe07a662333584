"""scikit-learn's searches, with networks trained together."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from numbers import Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, check_cv
from sklearn.pipeline import Pipeline
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import indexable

from sknn_scratch._sklearn import (
    MultimetricScorer,
    check_method_params,
    fit_context,
    insert_error_scores,
    warn_or_raise_about_fit_failures,
)
from sknn_scratch._typing import ArrayLike, RandomState
from sknn_scratch._warnings import warn
from sknn_scratch.estimators.base import Number, unchanged_on_failure
from sknn_scratch.estimators.threads import one_blas_thread
from sknn_scratch.model_selection.jobs import bytes_of, feed, jobs_of, plan, run, waves

# Samples transformed by pipelines are kept, for all candidates, of as many splits and settings of
# the transformers as fit in here
_BYTES_OF_FEEDS = 2**30

Grid = Mapping[str, Any]  # values to choose from, by the name of the parameter


class _StackedSearch:
    """`fit` of scikit-learn's searches, step by step as there, but for how the fits are done."""

    _own_constraints: ClassVar[dict] = {
        "stack_memory": [Number(Real, 0, None, closed="left")],
    }

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
            Arguments for the `fit` of the estimator, for the scorer and for the splitter, as of
            scikit-learn's searches: `sample_weight`, `groups`, `X_val` and so on. What has as many
            entries as X is split as X is.

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
        splits = list(self._checked_cv_orig.split(X, y, **split_params))
        if len(splits) != self.n_splits_:
            raise ValueError(
                "cv.split and cv.get_n_splits return inconsistent results. "
                f"Expected {self.n_splits_} splits, got {len(splits)}"
            )
        estimator = clone(self.estimator)
        score = {
            "scorer": scorers,
            "fit_params": routed.estimator.fit,
            "score_params": routed.scorer.score,
            "return_train_score": self.return_train_score,
            "return_n_test_samples": True,
            "return_times": True,
            "return_parameters": False,
            "error_score": self.error_score,
            "verbose": self.verbose,
            "caller": self,
        }
        results = {}

        def evaluate_candidates(candidates, *, callback_ctx):
            nonlocal results
            candidates = list(candidates)
            out = self._evaluate(estimator, candidates, splits, X, y, score, callback_ctx)
            results = self._format_results(candidates, self.n_splits_, out)
            self.multimetric_ = isinstance(out[0]["test_scores"], dict)
            if callable(self.scoring) and self.multimetric_:
                self._check_refit_for_multimetric(out[0]["test_scores"])

        self._run_search(evaluate_candidates, callback_ctx=context)
        if callable(self.scoring) and self.multimetric_:
            refit_metric = self.refit
        self._choose(results, refit_metric)
        if self.refit:
            self._refit(estimator, routed.estimator.fit, context, task)
        self.scorer_ = scorers._scorers if isinstance(scorers, MultimetricScorer) else scorers
        self.cv_results_ = results
        context.call_on_fit_task_end(**task)

    def _evaluate(self, estimator, candidates, splits, X, y, score, context):
        """Return the result of each fit, candidate by candidate."""
        if self.verbose > 0:
            print(
                f"Fitting {len(splits)} folds for each of {len(candidates)} candidates, "
                f"totalling {len(candidates) * len(splits)} fits"
            )
        contexts = [
            context.subcontext(task_name="candidate-split-evaluation", task_id=number)
            for number in range(len(candidates) * len(splits))
        ]
        fits = plan(estimator, candidates, splits, contexts)
        if not fits:
            raise ValueError(
                "No fits were performed. Was the CV iterator empty? Were there no candidates?"
            )
        stack_bytes = int(self.stack_memory * 2**20)
        out, defects = [None] * len(fits), []
        n_jobs = effective_n_jobs(self.n_jobs)
        with (
            one_blas_thread() if n_jobs > 1 else nullcontext(),
            Parallel(n_jobs=self.n_jobs, pre_dispatch=self.pre_dispatch) as parallel,
        ):
            for wave in waves(fits, _BYTES_OF_FEEDS // max(1, bytes_of(X))):
                feeds = _feeds(wave, parallel, X, y, score["fit_params"])
                done = parallel(
                    delayed(run)(job, feeds, X, y, stack_bytes, score, n_jobs)
                    for job in jobs_of(wave, n_jobs)
                )
                for results, defects_of_job in done:
                    defects += defects_of_job
                    for index, result in results:
                        out[index] = result
        _warn_of_defects(defects)
        warn_or_raise_about_fit_failures(out, self.error_score)
        if callable(self.scoring):
            insert_error_scores(out, self.error_score)
        return out

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
            given = (task["X"],) if task["y"] is None else (task["X"], task["y"])
            best.fit(*given, **fit_params)
            self.refit_time_ = time.time() - start
        if hasattr(best, "feature_names_in_"):
            self.feature_names_in_ = best.feature_names_in_
        context.call_on_fit_task_end(**task)


def _feeds(fits, parallel, X, y, fit_params):
    """Fit the transformers of pipelines, once for all fits that share them."""
    uses = Counter(fit.feed for fit in fits if fit.feed and type(fit.estimator) is Pipeline)
    first = {fit.feed: fit for fit in fits[::-1] if fit.feed in uses}
    made = parallel(delayed(feed)(fit, X, y, fit_params) for fit in first.values())
    return {
        key: one._replace(seconds=one.seconds / uses[key])
        for key, one in zip(first, made, strict=True)
    }


def _warn_of_defects(defects):
    """Warn once of stacks that failed though their networks can be trained."""
    if defects:
        warn(
            f"{len(defects)} of the stacks of this search failed, the first with {defects[0]}. "
            "Their networks were trained one by one instead. The results are right, but the "
            "search took longer. Please report this as a defect of sknn_scratch.",
            RuntimeWarning,
        )


class StackedGridSearchCV(_StackedSearch, GridSearchCV):
    """`GridSearchCV` that trains many networks at once.

    It takes the same parameters and has the same methods and fitted attributes as
    scikit-learn's :class:`~sklearn.model_selection.GridSearchCV`, and comes to the same scores. Its
    `estimator` is an `MLPScratchClassifier` or `MLPScratchRegressor`, or a `Pipeline` that ends in
    one.

    Candidates that differ in numbers only (`alpha`, `l1`, `l2`, `weight_decay`, `learning_rate`,
    `learning_rate_init`, `power_t`, `warmup_epochs`, `momentum`, `beta_1`, `beta_2`, `epsilon`,
    `max_iter`, `tol`, `n_iter_no_change`, `init`, `random_state`) are trained as one stack of
    networks, on all folds of the same size. Those that differ in more, in `hidden_layer_sizes` for
    example, make a stack each. A network that ends its training, at its `max_iter` or by early
    stopping, leaves the stack. Candidates that cannot be stacked are fitted one by one, as are
    all estimators of other kinds: those with ``solver="lbfgs"``, `stop_when`, `verbose`, sparse
    samples, callbacks of their own, or weights beyond `stack_memory`. Callbacks set on the search
    are told of each fit, and of the epochs of `refit`, but not of those of a stack.

    The transformers of a pipeline are fitted once for each fold and each setting of their own.

    Parameters
    ----------
    estimator : estimator object
        The network, or a pipeline that ends in one.
    param_grid : dict or list of dicts
        As in scikit-learn: lists of values by the names of the parameters.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score :
        As in scikit-learn. Each job, a stack or a part of one, uses one BLAS thread if there are
        several jobs. The time of a stack is divided among its candidates.
    stack_memory : float, default=4
        About how much memory, in MiB, the weights, their gradients and moments, and the values of
        the layers of a stack may take. More networks than that make several stacks. The default is
        what is fastest: they then stay in the cache of a processor.

    Attributes
    ----------
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, \
refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_ :
        As in scikit-learn.

    See Also
    --------
    StackedRandomizedSearchCV : The same for parameters drawn at random.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.model_selection import StackedGridSearchCV
    >>> X, y = load_iris(return_X_y=True)
    >>> network = MLPScratchClassifier((10,), max_iter=1000, tol=1e-3, random_state=0)
    >>> pipeline = make_pipeline(StandardScaler(), network)
    >>> grid = {
    ...     "mlpscratchclassifier__learning_rate_init": [0.01, 0.03, 0.1],
    ...     "mlpscratchclassifier__l2": [0, 0.01, 0.1],
    ... }
    >>> search = StackedGridSearchCV(pipeline, grid).fit(X, y)
    >>> len(search.cv_results_["params"])
    9
    """

    _parameter_constraints: ClassVar[dict] = {
        **GridSearchCV._parameter_constraints,
        **_StackedSearch._own_constraints,
    }

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
        stack_memory: float = 4,
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
        self.stack_memory = stack_memory


class StackedRandomizedSearchCV(_StackedSearch, RandomizedSearchCV):
    """`RandomizedSearchCV` that trains many networks at once.

    See `StackedGridSearchCV` for what is trained together. It takes the same parameters and has the
    same methods and fitted attributes as scikit-learn's
    :class:`~sklearn.model_selection.RandomizedSearchCV`, and comes to the same scores.

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
        As in scikit-learn.
    stack_memory : float, default=4
        As for `StackedGridSearchCV`.

    Attributes
    ----------
    cv_results_, best_estimator_, best_score_, best_params_, best_index_, scorer_, n_splits_, \
refit_time_, multimetric_, classes_, n_features_in_, feature_names_in_ :
        As in scikit-learn.

    See Also
    --------
    StackedGridSearchCV : All combinations of lists of values.
    """

    _parameter_constraints: ClassVar[dict] = {
        **RandomizedSearchCV._parameter_constraints,
        **_StackedSearch._own_constraints,
    }

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
        stack_memory: float = 4,
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
        self.stack_memory = stack_memory
