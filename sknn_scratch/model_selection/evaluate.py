"""The candidates of a search, fitted and scored on all folds."""

from collections import defaultdict
from contextlib import nullcontext

import numpy as np
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from sknn_scratch._sklearn import insert_error_scores, warn_or_raise_about_fit_failures
from sknn_scratch.estimators.hooks import hands_on_callbacks
from sknn_scratch.estimators.threads import one_blas_thread
from sknn_scratch.model_selection.handover import run
from sknn_scratch.model_selection.inputs import feeds_of, waves
from sknn_scratch.model_selection.plan import jobs_of, plan
from sknn_scratch.model_selection.rounds import Rounds, round_of
from sknn_scratch.model_selection.watch import watched_round, watchers_of
from sknn_scratch.model_selection.workers import Workers


class Evaluation:
    """What a search calls with its candidates, once or in several rounds.

    Parameters
    ----------
    search : BaseSearchCV
        The search that is being fitted.
    X, y :
        Its data.
    scorers : callable
        Its scorer, or one for several metrics.
    routed : Bunch
        The arguments of `fit`, for the estimator, the scorer and the splitter.

    Attributes
    ----------
    scores : list of dict
        What scikit-learn's `_fit_and_score` returned for each fit of all rounds.
    results : dict
        The `cv_results_` of all rounds.
    """

    def __init__(self, search, X, y, scorers, routed):
        self.search, self.X, self.y = search, X, y
        self.estimator = clone(search.estimator)
        self.split_params = routed.splitter.split
        self.score = {
            "scorer": scorers,
            "fit_params": routed.estimator.fit,
            "score_params": routed.scorer.score,
            "return_train_score": search.return_train_score,
            "return_n_test_samples": True,
            "return_times": True,
            "return_parameters": False,
            "error_score": search.error_score,
            "verbose": search.verbose,
            "caller": search,
        }
        self.rounds = Rounds(self.estimator, getattr(search, "resource", None))
        self.candidates, self.more_results = [], defaultdict(list)
        self.scores, self.results = [], {}

    def __call__(self, candidates, cv=None, more_results=None, *, callback_ctx):
        """Return the `cv_results_` of these candidates and all earlier ones.

        `cv` is the splitter of this round; `more_results` has columns of the results.
        """
        candidates = list(candidates)
        self.scores += self._evaluated(candidates, self._splits(cv), callback_ctx)
        self.candidates += candidates
        for name, values in (more_results or {}).items():
            self.more_results[name] += values
        self.results = self.search._format_results(
            self.candidates, self.search.n_splits_, self.scores, self.more_results
        )
        return self.results

    def _splits(self, cv):
        cv = cv or self.search._checked_cv_orig
        # As in `_fit_and_score`, which so refuses slices
        splits = [tuple(map(np.asarray, s)) for s in cv.split(self.X, self.y, **self.split_params)]
        if len(splits) != self.search.n_splits_:
            raise ValueError(
                "cv.split and cv.get_n_splits return inconsistent results. "
                f"Expected {self.search.n_splits_} splits, got {len(splits)}"
            )
        return splits

    def _evaluated(self, candidates, splits, context):
        """Return the scores of each fit, candidate by candidate."""
        search = self.search
        n_fits = len(candidates) * len(splits)
        if search.verbose > 0:
            print(
                f"Fitting {len(splits)} folds for each of {len(candidates)} candidates, "
                f"totalling {n_fits} fits"
            )
        contexts = None
        if len(getattr(search, "_skl_callbacks", [])) > len(watchers_of(search)):
            name = "candidate-split-evaluation"
            contexts = [context.subcontext(task_name=name, task_id=k) for k in range(n_fits)]
        shares = not hands_on_callbacks(search, context)
        fits = plan(self.estimator, candidates, splits, self.X, contexts, shares=shares)
        if not fits:
            raise ValueError(
                "No fits were performed. Was the CV iterator empty? Were there no candidates?"
            )
        number, n_rounds = round_of(context)
        self.rounds.begin(fits, is_last=number == n_rounds)
        scores = [None] * n_fits
        title = "Search" if n_rounds == 1 else f"Round {number} of {n_rounds}"
        with watched_round(search, fits, self.rounds, title) as run_calls:
            for number, of_fit in self._scores_of(fits, run_calls):
                scores[number] = of_fit
        warn_or_raise_about_fit_failures(scores, search.error_score)
        if callable(search.scoring):
            insert_error_scores(scores, search.error_score)
        return scores

    def _scores_of(self, fits, run_calls):
        """Yield the number of each fit and its scores."""
        search = self.search
        # Compiled epochs let go of Python's lock
        threads, processes = (
            Workers(search.n_jobs, search.pre_dispatch, prefer)
            for prefer in ("threads", "processes")
        )
        with one_blas_thread() if threads.n_jobs > 1 else nullcontext():
            for wave in waves(fits, self.X):
                compiled = all(fit.is_compiled for fit in wave)
                feeds = self._feeds(wave, threads if compiled else processes)
                for workers, is_compiled in ((threads, True), (processes, False)):
                    jobs = jobs_of([fit for fit in wave if fit.is_compiled == is_compiled])
                    calls = [self._call(job, feeds, threads.n_jobs) for job in jobs]
                    results = run_calls(workers, run, calls)
                    for job, (scores, begun) in zip(jobs, results, strict=True):
                        self.rounds.keep(job, begun)
                        yield from zip((fit.number for fit in job), scores, strict=True)

    def _feeds(self, wave, workers):
        """Return what reaches the networks, by the key of their fits."""
        feeds = self.rounds.feeds_of(wave)
        missing = [fit for fit in wave if fit.feed not in feeds]
        if not workers.at_home:  # to send a process the rows of a split takes longer than to split
            missing = [fit for fit in missing if type(fit.estimator) is Pipeline]
        least = 1 if self.rounds.go_on else 2
        feeds |= feeds_of(missing, workers, self.X, self.y, self.score["fit_params"], least)
        self.rounds.keep_feeds(feeds)
        return feeds

    def _call(self, job, feeds, n_jobs):
        """Return the arguments with which a worker runs a job."""
        feed, begun = feeds.get(job[0].feed), self.rounds.begun(job)
        return job, feed, begun, self.X, self.y, self.score, n_jobs
