"""scikit-learn's bagging, for networks: the same members and predictions, in less time."""

from copy import copy
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, BaseEnsemble
from sklearn.utils import check_random_state
from sklearn.utils.metadata_routing import process_routing
from sklearn.utils.validation import check_is_fitted, validate_data

from sknn_scratch._sklearn import n_samples_to_draw, raise_for_params
from sknn_scratch._typing import ArrayLike, MatrixLike, RandomState
from sknn_scratch._warnings import warn
from sknn_scratch.ensemble.members import (
    LENIENT,
    answers,
    are_networks,
    ask,
    train,
    with_numbered_classes,
)
from sknn_scratch.estimators.base import DOCS, BaseMLPScratch
from sknn_scratch.estimators.classifier import MLPScratchClassifier, warn_of_one_class
from sknn_scratch.estimators.constraints import Number, checks_own_parameters
from sknn_scratch.estimators.encoding import accuracy
from sknn_scratch.estimators.labels import has_many_classes, refuse_no_classes
from sknn_scratch.estimators.missing_targets import r2, validated_numbers, with_gaps
from sknn_scratch.estimators.regressor import MLPScratchRegressor
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


class _Bagging(BaseEnsemble):
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
        right, is_wrong, other = ("classifier", is_regressor, MLPBaggingRegressor)
        if is_regressor(self):
            right, is_wrong, other = ("regressor", is_classifier, MLPBaggingClassifier)
        if is_wrong(estimator):
            raise ValueError(
                f"estimator must be a {right}, got {type(estimator).__name__}. For an ensemble of "
                f"those use {other.__name__}."
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


class MLPBaggingClassifier(_Bagging, BaggingClassifier):
    """An ensemble of classifiers, whose probabilities are the mean over its members.

    It has the parameters, methods and fitted attributes of scikit-learn's
    :class:`~sklearn.ensemble.BaggingClassifier`. With the same `random_state` it has the same
    members. Two things make it faster:

    - With `n_jobs` above 1, networks with ``engine="numba"`` train in threads of this process and
      share X; those with ``engine="numpy"`` train in processes. If you set a backend with
      `joblib.parallel_config`, both use that.
    - A prediction checks X once for all networks, and does not start jobs for a few samples.

    Parameters
    ----------
    estimator : estimator object, default=None
        What the members are: an `MLPScratchClassifier`, or a pipeline that ends in one. None is
        ``MLPScratchClassifier()``. Other classifiers are taken as well, and are trained and
        asked as in scikit-learn.
    n_estimators : int, default=10
        Number of members.
    max_samples : int, float or None, default=None
        How many samples are drawn for each member: a number, a share of all (of the total weight
        with `sample_weight`), or as many as X has if None.
    max_features : int or float, default=1.0
        How many features are drawn for each member: a number, or a share of all.
    bootstrap : bool, default=True
        Whether samples are drawn with replacement. If False and `max_samples` is None, every member
        trains on all samples. Members then differ in their initial weights, in the order of the
        samples, and in what `early_stopping` holds out.
    bootstrap_features : bool, default=False
        Whether features are drawn with replacement.
    oob_score : bool, default=False
        Whether to estimate the score from the samples that were not drawn for a member (out of
        bag). It needs ``bootstrap=True`` and ``warm_start=False``.
    warm_start : bool, default=False
        Whether `fit` keeps the members of the last fit, and trains only those that are missing.
    n_jobs : int or None, default=None
        How many members train at the same time: in threads with ``engine="numba"``, otherwise in
        processes. None is 1, or what `joblib.parallel_config` says; -1 is all cores. With several
        jobs, each uses one BLAS thread.
    random_state : int, RandomState instance or None, default=None
        Seed for the samples and features of the members, and for their own `random_state`.
    verbose : int, default=0
        Whether joblib reports progress, and from 2 on, whether each member is announced.

    Attributes
    ----------
    estimators_ : list of length `n_estimators`
        The members.
    estimators_features_ : list of ndarray
        Indices of the features that were drawn for each member.
    estimators_samples_ : list of ndarray
        Indices of the samples that were drawn for each member of the last fit. They are drawn again
        at each access, in place of being kept.
    estimator_ : estimator object
        What the members are copies of.
    classes_ : ndarray of shape (n_classes,)
        The classes. Members see their numbers, 0 to ``n_classes_ - 1``.
    n_classes_ : int
        Number of classes.
    oob_score_ : float
        Accuracy on the samples, each predicted by the members that were not trained on it; only
        with `oob_score`.
    oob_decision_function_ : ndarray of shape (n_samples, n_classes)
        The probabilities behind it, NaN for a sample that every member was trained on; only with
        `oob_score`.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has names and all are strings.

    See Also
    --------
    MLPBaggingRegressor : The same for real targets.
    sklearn.ensemble.BaggingClassifier : The scikit-learn class that this one replaces.

    Notes
    -----
    A **deep ensemble** [2]_ is several trainings of one network from different initial weights, on
    all samples: set ``bootstrap=False``. With ``early_stopping=True`` every member holds out
    samples of its own, so that together they learn from all of them. It usually predicts better
    than bagging [1]_, whose members see about 63 % of the samples.

    Members draw their samples by weights of 0, 1, 2 and so on if the estimator takes
    `sample_weight`, as a network does. A pipeline gets the samples themselves.

    The mean is taken in the order of the members, whatever `n_jobs` is. scikit-learn adds up the
    members of each job first; with several jobs its last bits therefore differ.

    References
    ----------
    .. [1] L. Breiman, "Bagging predictors", Machine Learning 24(2), 1996.
    .. [2] B. Lakshminarayanan, A. Pritzel and C. Blundell, "Simple and scalable predictive
       uncertainty estimation using deep ensembles", Advances in Neural Information Processing
       Systems 30, 2017.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn_scratch import MLPScratchClassifier
    >>> from sknn_scratch.ensemble import MLPBaggingClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPBaggingClassifier(
    ...     MLPScratchClassifier(10, solver="lbfgs", alpha=1.0, max_iter=1000),
    ...     n_estimators=5,
    ...     bootstrap=False,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> model.member_predictions(X).shape
    (5, 150, 3)
    >>> model.score(X, y) > 0.95
    True
    """

    _network = MLPScratchClassifier

    classes_: np.ndarray
    n_classes_: int
    oob_decision_function_: np.ndarray

    def _validate_y(self, y):
        if y.ndim == 2 and y.shape[1] > 1:
            raise ValueError(
                f"y must have one label for each sample, got {y.shape[1]} columns. Fit an ensemble "
                "for each column, for example by a MultiOutputClassifier."
            )
        refuse_no_classes(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self.n_classes_ = len(self.classes_)
        if has_many_classes(self.n_classes_, len(y)):
            warn(
                f"y holds {self.n_classes_} classes in {len(y)} samples. If it holds numbers to be "
                "predicted, use MLPBaggingRegressor, or tabular_regressor."
            )
        return codes

    def _check_estimator(self):
        super()._check_estimator()
        if self.n_classes_ == 1 and network_of(self.estimator_) is not None:
            warn_of_one_class(self.classes_[0])
        self.estimator_ = with_numbered_classes(self.estimator_, self.classes_)

    def _for_members(self, fit_params):
        labels = fit_params.get("y_val")
        # What else they may be the member will say
        if labels is None or not np.isin(labels, self.classes_).all():
            return fit_params
        return {**fit_params, "y_val": np.searchsorted(self.classes_, labels)}

    def _set_oob_score(self, X, y):
        total, _ = self._out_of_bag(X, (self.n_classes_,))
        with np.errstate(invalid="ignore"):
            self.oob_decision_function_ = total / total.sum(axis=1, keepdims=True)
        self.oob_score_ = accuracy(y, total.argmax(axis=1), None)

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy, the share of samples whose class is predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,)
            Their class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        accuracy : float
            In [0, 1].
        """
        return accuracy(y, self.predict(X), sample_weight)

    def predict_proba(self, X: MatrixLike, **params: Any) -> np.ndarray:
        """Predict the probability of each class: the mean over the members.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        **params : dict of str -> object
            Arguments for the `predict_proba` of the members, if metadata routing is on.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        self._check_is_fitted()
        if not are_networks(self):
            return super().predict_proba(X, **params)
        total: Any = 0.0
        for probabilities in self._answers("predict_proba", X, params):
            total += probabilities.astype(np.float64, copy=False)
        return total / len(self.estimators_)

    def predict_log_proba(self, X: MatrixLike, **params: Any) -> np.ndarray:
        """Predict the logarithm of the mean probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        **params : dict of str -> object
            Arguments for the `predict_log_proba` of the members, if metadata routing is on.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        self._check_is_fitted()
        if not are_networks(self):
            return super().predict_log_proba(X, **params)
        total = -np.inf
        with np.errstate(divide="ignore"):  # 0 for a class that a member has not seen
            for probabilities in self._answers("predict_log_proba", X, params):
                total = np.logaddexp(total, np.log(probabilities), dtype=np.float64)
        return total - np.log(len(self.estimators_))


class MLPBaggingRegressor(_Bagging, BaggingRegressor):
    """An ensemble of regressors, whose prediction is the mean over its members.

    It has the parameters, methods and fitted attributes of scikit-learn's
    :class:`~sklearn.ensemble.BaggingRegressor`. With the same `random_state` it has the same
    members. `MLPBaggingClassifier` tells what makes it faster.

    Parameters
    ----------
    estimator : estimator object, default=None
        What the members are: an `MLPScratchRegressor`, or a pipeline that ends in one. None is
        ``MLPScratchRegressor()``. Other regressors are taken as well, and are trained and
        asked as in scikit-learn.
    n_estimators : int, default=10
        Number of members.
    max_samples : int, float or None, default=None
        How many samples are drawn for each member: a number, a share of all (of the total weight
        with `sample_weight`), or as many as X has if None.
    max_features : int or float, default=1.0
        How many features are drawn for each member: a number, or a share of all.
    bootstrap : bool, default=True
        Whether samples are drawn with replacement. If False and `max_samples` is None, every member
        trains on all samples. Members then differ in their initial weights, in the order of the
        samples, and in what `early_stopping` holds out.
    bootstrap_features : bool, default=False
        Whether features are drawn with replacement.
    oob_score : bool, default=False
        Whether to estimate the score from the samples that were not drawn for a member (out of
        bag). It needs ``bootstrap=True`` and ``warm_start=False``.
    warm_start : bool, default=False
        Whether `fit` keeps the members of the last fit, and trains only those that are missing.
    n_jobs : int or None, default=None
        How many members train at the same time: in threads with ``engine="numba"``, otherwise in
        processes. None is 1, or what `joblib.parallel_config` says; -1 is all cores. With several
        jobs, each uses one BLAS thread.
    random_state : int, RandomState instance or None, default=None
        Seed for the samples and features of the members, and for their own `random_state`.
    verbose : int, default=0
        Whether joblib reports progress, and from 2 on, whether each member is announced.

    Attributes
    ----------
    estimators_ : list of length `n_estimators`
        The members.
    estimators_features_ : list of ndarray
        Indices of the features that were drawn for each member.
    estimators_samples_ : list of ndarray
        Indices of the samples that were drawn for each member of the last fit. They are drawn again
        at each access, in place of being kept.
    estimator_ : estimator object
        What the members are copies of.
    oob_score_ : float
        R^2 on the samples, each predicted by the members that were not trained on it; only with
        `oob_score`.
    oob_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The predictions behind it, 0 for a sample that every member was trained on; only with
        `oob_score`.
    n_features_in_ : int
        Number of features seen in fit.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has names and all are strings.

    See Also
    --------
    MLPBaggingClassifier : The same for classes, with notes on deep ensembles.
    sklearn.ensemble.BaggingRegressor : The scikit-learn class that this one replaces.

    Examples
    --------
    >>> import numpy as np
    >>> from sknn_scratch import MLPScratchRegressor
    >>> from sknn_scratch.ensemble import MLPBaggingRegressor
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> model = MLPBaggingRegressor(
    ...     MLPScratchRegressor("squared_error", 20, "tanh", solver="lbfgs", max_iter=2000),
    ...     n_estimators=5,
    ...     bootstrap=False,
    ...     random_state=0,
    ... )
    >>> near, far = model.fit(X, np.sin(3 * X[:, 0])).member_predictions([[0.5], [5.0]]).std(0)
    >>> bool(far > 10 * near)
    True
    """

    _network = MLPScratchRegressor

    oob_prediction_: np.ndarray

    def _set_oob_score(self, X, y):
        total, n_answers = self._out_of_bag(X, y.shape[1:])
        n_answers = np.maximum(n_answers, 1).reshape(-1, *(1,) * (y.ndim - 1))
        self.oob_prediction_ = total / n_answers
        self.oob_score_ = self._r2(y, self.oob_prediction_)

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return R^2, the mean over the targets, as `MLPScratchRegressor` does.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets. Some may be missing if the network ignores missing targets.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Weights of the samples, or of each target.

        Returns
        -------
        r2 : float
            1 for predictions without error, 0 for those of the mean of y.
        """
        return self._r2(y, self.predict(X), sample_weight)

    def _r2(self, y, predicted, sample_weight=None):
        return r2(y, predicted, sample_weight, self._gaps)

    def predict(self, X: MatrixLike, **params: Any) -> np.ndarray:
        """Predict the targets: the mean over the members.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        **params : dict of str -> object
            Arguments for the `predict` of the members, if metadata routing is on.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predicted values.
        """
        self._check_is_fitted()
        if not are_networks(self):
            return super().predict(X, **params)
        return np.divide(sum(self._answers("predict", X, params)), len(self.estimators_))
