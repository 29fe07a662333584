"""What the classifier and the regressor share: scikit-learn's protocol.

There is no arithmetic here: `prepare` checks and encodes the data, `build` turns the parameters
into objects of the engine, and `fit` runs them.
"""

from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from sknn_scratch._optional import optional
from sknn_scratch._typing import ArrayLike, History, MatrixLike
from sknn_scratch.engine.outputs import check_predictions, quietly
from sknn_scratch.estimators.constraints import CONSTRAINTS, check_parameters, checks_parameters
from sknn_scratch.estimators.conversion import from_sklearn, to_sklearn
from sknn_scratch.estimators.fit import fit_network
from sknn_scratch.estimators.fitted import hidden_values_for
from sknn_scratch.estimators.prepare import Targets
from sknn_scratch.estimators.registries import warn_of_missing_parts
from sknn_scratch.estimators.state import own_curves, packed, unpacked
from sknn_scratch.estimators.summary import ModelSummary

# Where the documentation of the newest release is, for the links in notebooks
DOCS = "https://sknn-scratch.readthedocs.io/en/stable"


def torch_conversion():
    """Return the module that converts to and from torch, and imports it."""
    optional("torch", extra="torch")
    # An import statement would have the type checkers of users read all of torch
    return import_module("sknn_scratch.estimators.torch_conversion")


class BaseMLPScratch(CallbackSupportMixin, BaseEstimator):
    """Parameters and training of a multilayer perceptron; use the classes derived from it."""

    _parameter_constraints: ClassVar[dict] = CONSTRAINTS

    # scikit-learn's HTML repr links to these pages, and shows what the docstring says
    _doc_link_module = "sknn_scratch"
    _doc_link_template = f"{DOCS}/reference/generated/sknn_scratch.{{estimator_name}}.html"

    # What a derived class says of itself

    _sklearn_class: ClassVar[type]
    _targets: ClassVar[Targets]

    # What fit leaves, as the docstrings of the derived classes say

    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    n_parameters_: int
    history_: History
    loss_: float
    best_loss_: float | None
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    best_validation_score_: float | None
    t_: int
    n_iter_: int
    n_layers_: int
    engine_: str
    n_outputs_: int
    out_activation_: str
    n_features_in_: int
    feature_names_in_: np.ndarray

    @classmethod
    @cache
    def _get_param_names(cls):
        # To read the signature takes longer than the rest of get_params, which clones ask twice
        return tuple(super()._get_param_names())

    def _validate_params(self):
        check_parameters(self)

    # Training

    @checks_parameters
    def fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: MatrixLike | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Fit the model to data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples. With float32 all computation is in float32, otherwise in float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets: class labels, an indicator matrix of several labels, or real numbers.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Non-negative weights of the samples, or of each of several targets or labels; all 1 if
            None.
        X_val, y_val : array-likes like X and y, default=None
            A validation set of your own. Loss and score on it are recorded after each epoch. With
            `early_stopping` it replaces the part of the samples that would be held out.
        sample_weight_val : array-like like sample_weight, default=None
            Weights of the validation samples, or of their targets.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data is not as described, or if training diverges. The estimator
            then stays as it was before the call.
        """
        validation = X_val, y_val, sample_weight_val
        return fit_network(self, X, y, sample_weight, validation)

    @property
    def selected_features_(self) -> np.ndarray:
        """Indices of the input features with a weight that is not zero, shape (n_selected,)."""
        check_is_fitted(self)
        return np.flatnonzero(self.coefs_[0].any(axis=1))

    def summary(self) -> ModelSummary:
        """Return a table of the layers: shapes, activations, numbers of parameters.

        Returns
        -------
        summary : ModelSummary
            ``print(model.summary())`` shows it as text, a notebook as a table. `summary.rows` has
            a dict for each layer; ``pandas.DataFrame(summary.rows)`` makes a table of them.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted: the shapes are not known before.
        """
        check_is_fitted(self)
        return ModelSummary.of(self)

    @quietly
    def hidden_outputs(self, X: MatrixLike, layer: int = -1) -> np.ndarray:
        """Return the values of a hidden layer, after its activation: features that were learned.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        layer : int, default=-1
            Which hidden layer: 0 is the first and -1 the last.

        Returns
        -------
        values : ndarray of shape (n_samples, n_units)
            One column for each unit of the layer, in the dtype of the weights.

        Raises
        ------
        ValueError
            If there is no such layer, or if X is not as described or too large for the network.
        NotFittedError
            If the estimator is not fitted.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sknn_scratch import MLPScratchClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> network = MLPScratchClassifier((10, 2), solver="lbfgs", random_state=0).fit(X, y)
        >>> network.hidden_outputs(X).shape
        (150, 2)
        >>> network.hidden_outputs(X, layer=0).shape
        (150, 10)
        """
        values = hidden_values_for(self, X, layer)
        return check_predictions(values, "the values of this layer are not finite")

    # The way to scikit-learn

    def to_sklearn(self) -> Any:
        """Return scikit-learn's own estimator with the same weights and the same predictions.

        The conversion drops parameters that scikit-learn lacks. The solvers 'gd' and 'nag' become
        'sgd', schedules that it lacks become 'constant', and losses that it lacks become
        'squared_error' or 'poisson', by the function of the output. Predictions do not depend on
        these; further training would. An estimator that is not fitted is converted as well.

        Returns
        -------
        estimator : MLPClassifier or MLPRegressor
            With copies of the weights.

        Raises
        ------
        ValueError
            If an activation has no counterpart in scikit-learn.
        """
        return to_sklearn(self, self._sklearn_class)

    @classmethod
    def from_sklearn(cls, estimator: BaseEstimator) -> Self:
        """Return an estimator with the parameters of `estimator` and, if it is fitted, its weights.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Scikit-learn's estimator of the same kind, fitted or not.

        Returns
        -------
        converted : object of this class
            With copies of the weights, but without the state of the optimiser.

        Raises
        ------
        TypeError
            If `estimator` is of another class.
        """
        return from_sklearn(cls, estimator)

    # The way to torch

    def to_torch(self) -> Any:
        """Return a `torch.nn.Sequential` with copies of the weights and the same predictions.

        For each layer it holds an ``nn.Linear`` and the module of its activation. The last module
        is the function of the outputs: ``nn.Softmax``, ``nn.Sigmoid``, the exponential, or
        ``nn.Identity``. Without it, ``module[:-1]`` returns the raw scores, for losses like
        ``nn.CrossEntropyLoss``; it shares its weights with `module`.

        It is in float32 or float64, as the weights are, and on the CPU. Dropout, which acts in
        training only, is left out.

        Returns
        -------
        module : torch.nn.Sequential
            From a tensor of shape (n_samples, n_features) to one of shape (n_samples, n_outputs).
            Of two classes it has one output, the probability of the second of `classes_`;
            otherwise its outputs are those of `predict_proba`, or of `predict` of a regressor.

        Raises
        ------
        ValueError
            If torch has no module for an activation or for the function of the outputs.
        NotFittedError
            If the estimator is not fitted.
        ImportError
            If torch is not installed; the extra ``torch`` installs it.
        """
        return torch_conversion().to_torch(self)

    # Model files

    def __getstate__(self):
        return packed(super().__getstate__())

    def __setstate__(self, state):
        cls = type(self)
        # A derived class may put something else into its files
        is_whole = (cls.__getstate__, cls.__setstate__) == (
            BaseMLPScratch.__getstate__,
            BaseMLPScratch.__setstate__,
        )
        super().__setstate__(unpacked(state, cls.__name__, is_whole))
        # A file from before a parameter was there
        for name, parameter in signature(cls.__init__).parameters.items():
            if parameter.default is not parameter.empty:
                vars(self).setdefault(name, parameter.default)
        warn_of_missing_parts(self)
        own_curves(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
