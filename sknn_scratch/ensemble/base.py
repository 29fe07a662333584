"""What both ensembles share: parameters, `fit` with its checks, and what the members predict."""

from copy import copy
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.ensemble import BaggingClassifier, BaseEnsemble
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import check_is_fitted, validate_data

from sknn_scratch._sklearn import n_samples_to_draw, raise_for_params
from sknn_scratch._typing import ArrayLike, MatrixLike, RandomState
from sknn_scratch._warnings import warn
from sknn_scratch.ensemble.members import LENIENT, answers, ask, train
from sknn_scratch.estimators.base import DOCS, BaseMLPScratch
from sknn_scratch.estimators.constraints import Number, checks_own_parameters
from sknn_scratch.estimators.missing_targets import validated_numbers, with_gaps
from sknn_scratch.estimators.rollback import unchanged_on_failure
from sknn_scratch.estimators.validation import (
    as_vector,
    checked_weights,
    float_dtypes,
    is_two_dimensional,
    refuse_sparse_labels,
    validated,
)
from sknn_scratch.model_selection.plan import network_of

_MAX_INT = np.iinfo(np.int32).max
# Those of scikit-learn, which takes True for 1
_NUMBERS = {
    "n_estimators": [Number(Integral, 1, None, closed="left")],
    "max_samples": [
        None,
        Number(Integral, 1, None, closed="left"),
        Number(Real, 0, 1, closed="right"),
    ],
    "max_features": [Number(Integral, 1, None, closed="left"), Number(Real, 0, 1, closed="right")],
}
# What must be as in the last fit, so that its members can be kept
_LIKE_BEFORE = {
    "n_features_in_": "features of X",
    "classes_": "classes of y",
    "_n_outputs": "outputs of y",
}


class BaseBagging(BaseEnsemble):
    """`fit` of scikit-learn's bagging, in the same order; members are trained differently."""

    _doc_link_module = "sknn_scratch"
    _doc_link_template = f"{DOCS}/reference/generated/sknn_scratch.ensemble.{{estimator_name}}.html"

    _parameter_constraints: ClassVar[dict] = {
        **BaggingClassifier._parameter_constraints,
        **_NUMBERS,
    }
    _network: ClassVar[type[BaseMLPScratch]]  # what an ensemble is made of by default

    estimators_: list[Any]
    estimators_features_: list[np.ndarray]
    n_features_in_: int
    oob_score_: float
    _n_outputs: int

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        n_estimators: int = 10,
        *,
        max_samples: int | float | None = None,
        max_features: int | float = 1.0,
        bootstrap: bool = True,
        bootstrap_features: bool = False,
        oob_score: bool = False,
        warm_start: bool = False,
        n_jobs: int | None = None,
        random_state: RandomState = None,
        verbose: int = 0,
    ) -> None:
        super().__init__(
            estimator,
            n_estimators,
            max_samples=max_samples,
            max_features=max_features,
            bootstrap=bootstrap,
            bootstrap_features=bootstrap_features,
            oob_score=oob_score,
            warm_start=warm_start,
            n_jobs=n_jobs,
            random_state=random_state,
            verbose=verbose,
        )

    @checks_own_parameters
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        **fit_params: Any,
    ) -> Self:
        """Train the members, each on samples of its own.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets: class labels, or real numbers. Only a regressor takes several outputs.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples: the probabilities with which they are drawn, as in scikit-learn.
        **fit_params : dict of str -> object
            Arguments for the `fit` of the members. They need
            ``sklearn.set_config(enable_metadata_routing=True)``.

        Returns
        -------
        self : object
            The fitted ensemble.

        Raises
        ------
        ValueError
            If a parameter or the data is not as described, or if the training of a member fails.
            The ensemble then stays as it was before the call.
        """
        raise_for_params(fit_params, self, "fit")
        with unchanged_on_failure(self):
            known = dict(vars(self))
            X, y = self._checked(X, y)
            if sample_weight is not None:
                sample_weight = self._checked_weight(sample_weight, X)
            self._fit(X, y, sample_weight, fit_params, known)
        return self

    def _checked(self, X, y):
        """Return X and y, checked as a network does, or as scikit-learn's bagging does.

        For pipelines that end in a network, it is X as bagging does, and y as a network does: the
        members themselves do not see the names of its columns.
        """
        estimator, missing = self._get_estimator(), None
        if isinstance(estimator, BaseMLPScratch):
            X, y, missing = self._checked_as_by_network(X, y)
        elif network_of(estimator) is not None:
            X = validate_data(self, X, **LENIENT)
            # Only the number of these rows matters. The check notes their features, in the copy
            rows = np.zeros((X.shape[0], 1))
            _, y, missing = copy(self)._checked_as_by_network(rows, y)
        else:
            X, y = self._checked_as_by_scikit_learn(X, y)
        if is_regressor(self) and issparse(y):  # as in the network
            y = y.toarray()
        y = as_vector(with_gaps(y, missing))
        self._n_outputs = 1 if y.ndim == 1 else y.shape[1]
        return X, y

    def _checked_as_by_network(self, X, y):
        """Return X, y, and where y is missing, or None."""
        # A network takes a frame of polars for float64. scikit-learn's members are given an array,
        # whose float32 they keep
        dtypes = float_dtypes(X)
        if is_regressor(self):
            return validated_numbers(self, X, y, missing_targets=self._gaps, dtype=dtypes)
        return *validated(self, X, y, multi_output=True, dtype=dtypes), None

    def _checked_as_by_scikit_learn(self, X, y):
        checked = validate_data(self, X, y, multi_output=True, **LENIENT)
        if is_classifier(self):
            refuse_sparse_labels(y)
        return checked

    @property
    def _gaps(self):
        """What the network does about missing targets; 'error' if it has none of this package."""
        return getattr(network_of(self._get_estimator()), "missing_targets", "error")

    def _checked_weight(self, weight, X):
        if is_two_dimensional(weight):
            raise ValueError(
                f"sample_weight must hold one weight for each sample, because {type(self).__name__}"
                " draws whole samples by it. To leave targets out, make them NaN and give the "
                "network missing_targets='ignore'."
            )
        weight = checked_weights(weight, X, dtype=None)
        if not self.bootstrap:
            warn(
                f"When fitting {type(self).__name__} with sample_weight it is recommended to use "
                "bootstrap=True, got False: a sample that is drawn once at most cannot count "
                "for more."
            )
        return weight

    def _fit(self, X, y, sample_weight, fit_params, known):
        """Train the members; `known` has the attributes of the last fit."""
        generator = check_random_state(self.random_state)
        y = self._validate_y(y)
        self._check_estimator()
        fit_params = self._for_members(process_routing(self, "fit", **fit_params).estimator.fit)
        self._keep_numbers_to_draw(X, sample_weight)
        self._check_out_of_bag()
        members, features = self._members_to_keep(known)
        # One after the other, so that more members are those of a larger ensemble
        seeds = generator.randint(_MAX_INT, size=self.n_estimators)[len(members) :]
        if not len(seeds):
            warn(
                "Warm-start fitting without increasing n_estimators does not fit new members: set "
                f"n_estimators above {len(members)}, or warm_start=False."
            )
            return
        self._seeds = seeds
        trained = train(self, X, y, sample_weight, seeds, fit_params)
        self.estimators_ = [*members, *(member for member, _ in trained)]
        self.estimators_features_ = [*features, *(drawn for _, drawn in trained)]
        if self.oob_score:
            self._set_oob_score(X, y)

    def _check_estimator(self):
        """Raise a ValueError for a regressor in a classifier, or the other way round."""
        estimator = self._get_estimator()
        right, is_wrong, other = "classifier", is_regressor, "MLPBaggingRegressor"
        if is_regressor(self):
            right, is_wrong, other = "regressor", is_classifier, "MLPBaggingClassifier"
        if is_wrong(estimator):
            raise ValueError(
                f"estimator must be a {right}, got {type(estimator).__name__}. For an ensemble of "
                f"those use {other}."
            )
        self._validate_estimator(estimator)

    def _for_members(self, fit_params):
        """Return arguments for the `fit` of members as these understand them."""
        return fit_params

    def _keep_numbers_to_draw(self, X, sample_weight):
        """Keep what scikit-learn's functions ask for when they draw samples and features."""
        n_samples, n_features = X.shape
        n_drawn = n_samples_to_draw(n_samples, self.max_samples, sample_weight)
        n_to_choose_from = n_samples if sample_weight is None else np.count_nonzero(sample_weight)
        if not self.bootstrap and n_drawn > n_samples:
            raise ValueError(
                f"Effective max_samples={n_drawn} must be <= n_samples={n_samples} to be able to "
                "sample without replacement. Use bootstrap=True, or a smaller max_samples."
            )
        if not self.bootstrap and n_drawn > n_to_choose_from:
            raise ValueError(
                f"{n_drawn} samples are to be drawn without replacement, but sample_weight is "
                f"above zero for {n_to_choose_from} only. Use bootstrap=True, or max_samples="
                f"{n_to_choose_from}."
            )
        n_features_drawn = self.max_features
        if not isinstance(n_features_drawn, Integral):
            n_features_drawn = max(1, int(n_features_drawn * n_features))
        if n_features_drawn > n_features:
            raise ValueError(
                f"max_features must be <= n_features, got {self.max_features} for {n_features} "
                "features. Use a share of them, as in max_features=0.5."
            )
        self._n_samples, self._sample_weight = n_samples, sample_weight
        self._max_samples, self._max_features = n_drawn, n_features_drawn

    def _check_out_of_bag(self):
        if self.oob_score and not self.bootstrap:
            raise ValueError(
                "Out of bag estimation only available if bootstrap=True: otherwise no sample need "
                "be left out of a member. Use bootstrap=True, or oob_score=False."
            )
        if self.oob_score and self.warm_start:
            raise ValueError(
                "Out of bag estimate only available if warm_start=False: it needs the samples of "
                "all members. Use warm_start=False, or oob_score=False."
            )
        for name in ("oob_score_", "oob_prediction_", "oob_decision_function_"):
            vars(self).pop(name, None)

    def _members_to_keep(self, known):
        """Return the members of the last fit and their features; none without `warm_start`."""
        if not self.warm_start or not hasattr(self, "estimators_"):
            return [], []
        if self.n_estimators < len(self.estimators_):
            raise ValueError(
                f"n_estimators={self.n_estimators} must be larger or equal to "
                f"len(estimators_)={len(self.estimators_)} when warm_start==True. Use "
                "warm_start=False to train anew."
            )
        for name, what in _LIKE_BEFORE.items():
            before, now = known.get(name), vars(self).get(name)
            # An older file lacks the number of outputs
            if name in known and not np.array_equal(before, now):
                raise ValueError(
                    f"warm_start=True keeps members, but the {what} are others than in the last "
                    f"fit, {before}; got {now}. Use warm_start=False to train anew."
                )
        return self.estimators_, self.estimators_features_

    def _out_of_bag(self, X, n_outputs):
        """Return for each sample the sum of the answers of members that have not seen it.

        The second array has the number of these members.
        """
        total, n_answers = np.zeros((X.shape[0], *n_outputs)), np.zeros(X.shape[0])
        n_classes = getattr(self, "n_classes_", None)
        members = zip(
            self.estimators_, self.estimators_samples_, self.estimators_features_, strict=True
        )
        for member, drawn, features in members:
            left_out = np.bincount(drawn, minlength=X.shape[0]) == 0
            if left_out.any():
                total[left_out] += ask(member, features, X[left_out], n_classes, {})
                n_answers[left_out] += 1
        if not n_answers.all():
            warn(
                "Some inputs do not have OOB scores. This probably means too few estimators were "
                "used to compute any reliable oob estimates. Increase n_estimators, so that each "
                "sample is left out by some of them."
            )
        return total, n_answers

    def _get_estimator(self):
        return self._network() if self.estimator is None else self.estimator

    def _check_is_fitted(self):
        if not hasattr(self, "estimators_"):  # to ask scikit-learn first would take longer
            check_is_fitted(self)

    def _answers(self, method, X, params):
        """Return what each member says of X, with the arguments that are for this method of it."""
        raise_for_params(params, self, method)
        return answers(self, X, process_routing(self, method, **params).estimator[method])

    def member_predictions(self, X: MatrixLike) -> np.ndarray:
        """Return what each member predicts; the spread is what they do not agree on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        predictions : ndarray of shape (n_members, n_samples, ...)
            A classifier has probabilities, (n_members, n_samples, n_classes), in the order of
            `classes_`; the vote of a member that knows no probabilities is 0 and 1. A regressor has
            predictions, (n_members, n_samples) or (n_members, n_samples, n_outputs).
        """
        self._check_is_fitted()
        return np.stack(list(answers(self, X)))
