"""How far a round of a search has come, in numbers, and who is shown them."""

from abc import ABC, abstractmethod
from collections import defaultdict
from numbers import Integral, Real
from threading import Lock
from typing import Any, NamedTuple

import numpy as np

from sknn_scratch.estimators.validation import is_number
from sknn_scratch.model_selection.plan import network_of


class Report(NamedTuple):
    """What a worker says of a job: how many epochs it has done.

    `job` is the number of its first fit. `outcomes` has the score of each of its fits, and whether
    it has failed; it is None while the job is under way.
    """

    job: int
    n_epochs: int
    outcomes: list[tuple[Any, bool]] | None = None


class Display(ABC):
    """A picture of the numbers, which is drawn again and again."""

    @abstractmethod
    def show(self, progress: "RoundProgress") -> None:
        """Draw how far a round has come; called in a thread of its own."""

    @abstractmethod
    def end(self, progress: "RoundProgress") -> None:
        """Draw it for the last time, whether the round is complete or was broken off."""


class SearchWatcher(ABC):
    """A callback of a search that is told of the epochs and scores of its networks."""

    @abstractmethod
    def display(self) -> Display:
        """Return a display for one round."""


class RoundProgress:
    """How far the networks of one round have come.

    Parameters
    ----------
    title : str
        What the round is called.
    planned : dict of int to int
        For how many epochs each network trains at most, by the number of its job.
    places : dict of int to list of tuple, default={}
        The candidate and the split of each fit of a job: one, or several that are one training.
    n_splits : int, default=1
        How many scores a candidate gets.
    metric : str or None, default=None
        The metric of the best score, if there are several.
    kind : str, default='networks'
        What is trained.

    Attributes
    ----------
    n_failed : int
        How many fits have failed.
    best_score : float or None
        The best mean score of a candidate that has been scored on all folds; None if there is none.
    n_returned : int
        How many networks the workers have handed back, even if they report nothing themselves.
    """

    def __init__(self, title, planned, places=None, n_splits=1, metric=None, kind="networks"):
        self.title, self.n_splits, self.metric, self.kind = title, n_splits, metric, kind
        self.n_failed = self.n_returned = 0
        self._planned, self._places = planned, places or {}
        self._done = dict.fromkeys(planned, 0)
        self._finished: set[int] = set()
        self.best_score: float | None = None
        self._scores: dict[int, dict] = defaultdict(dict)
        self._lock = Lock()

    @classmethod
    def of_jobs(cls, title, jobs, n_before, metric):
        """Return the progress of jobs whose networks have been trained for so many epochs."""
        planned, places = {}, {}
        for job, before in zip(jobs, n_before, strict=True):
            number = job[0].number
            planned[number] = max(0, epochs_of(job[-1].estimator) - before)
            places[number] = [(fit.candidate_progress[0], fit.split_progress[0]) for fit in job]
        n_splits = jobs[0][0].split_progress[1]
        are_networks = all(network_of(job[0].estimator) is not None for job in jobs)
        return cls(title, planned, places, n_splits, metric, "networks" if are_networks else "fits")

    def take(self, report):
        """Take in what a worker reports; it may say the same twice."""
        with self._lock:
            if report.job in self._finished:
                return
            # A transformer or scorer may train networks of its own, whose epochs were not planned
            self._done[report.job] = min(report.n_epochs, self._planned[report.job])
            if report.outcomes is not None:
                self._finish(report)

    def _finish(self, report):
        """Take a network's remaining epochs out of the plan, and note its scores."""
        self._planned[report.job] = self._done[report.job]
        self._finished.add(report.job)
        places = self._places.get(report.job, ())
        for place, (score, has_failed) in zip(places, report.outcomes, strict=True):
            self.n_failed += has_failed
            self._note_score(*place, score.get(self.metric) if isinstance(score, dict) else score)

    def _note_score(self, candidate, split, score):
        """Note a score; the last one of a candidate makes the mean, which may be the best."""
        of_splits = self._scores[candidate]
        of_splits[split] = score
        scores = [of_splits[split] for split in sorted(of_splits)]
        if len(scores) == self.n_splits and all(isinstance(score, Real) for score in scores):
            mean = float(np.mean(scores))
            if np.isfinite(mean) and (self.best_score is None or mean > self.best_score):
                self.best_score = mean

    @property
    def n_networks(self):
        """How many networks the round trains."""
        return len(self._planned)

    @property
    def n_epochs(self):
        """How many epochs have been trained in this round."""
        return sum(list(self._done.values()))

    @property
    def n_planned(self):
        """How many epochs the round takes at most."""
        return sum(list(self._planned.values()))

    @property
    def n_left(self):
        """How many networks have yet to be trained and scored."""
        return self.n_networks - max(len(self._finished), self.n_returned)

    @property
    def is_complete(self):
        """Whether all networks have been trained and scored."""
        return len(self._finished) == self.n_networks

    @property
    def is_silent(self):
        """Whether the workers hand back networks without having reported their epochs."""
        return self.n_returned > len(self._finished)

    @property
    def share(self):
        """The share of the work that is done, from 0 to 1."""
        if self.is_silent or not self.n_planned:
            return 1 - self.n_left / self.n_networks
        return self.n_epochs / self.n_planned


def epochs_of(estimator: Any) -> int:
    """Return how many epochs the network in an estimator trains for at most; 0 if none is in it."""
    network = network_of(estimator)
    max_iter = 0 if network is None else network.max_iter
    # A wrong one makes the fit fail, which is not the matter here
    return max(0, int(max_iter)) if is_number(max_iter, Integral) else 0
