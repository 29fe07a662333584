"""scikit-learn's bagging, for networks: the same members and predictions, in less time."""

from typing import Any

import numpy as np
from sklearn.ensemble import BaggingClassifier, BaggingRegressor

from sknn_scratch._typing import ArrayLike, MatrixLike
from sknn_scratch._warnings import warn
from sknn_scratch.ensemble.base import BaseBagging
from sknn_scratch.ensemble.members import are_networks, with_numbered_classes
from sknn_scratch.estimators.classifier import MLPScratchClassifier, warn_of_one_class
from sknn_scratch.estimators.encoding import accuracy
from sknn_scratch.estimators.labels import has_many_classes, refuse_no_classes
from sknn_scratch.estimators.missing_targets import r2
from sknn_scratch.estimators.regressor import MLPScratchRegressor
from sknn_scratch.model_selection.plan import network_of


class MLPBaggingClassifier(BaseBagging, BaggingClassifier):
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


class MLPBaggingRegressor(BaseBagging, BaggingRegressor):
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
