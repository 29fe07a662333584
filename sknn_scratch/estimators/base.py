"""What the classifier and the regressor share: parameters, validation, scikit-learn's protocol.

No arithmetic is done here: an estimator checks and encodes its data, has `build` turn its
parameters into the objects of the engine, has `fit` run them, and keeps what they found.
"""

from collections.abc import Callable
from contextlib import contextmanager
from functools import wraps
from numbers import Integral, Real
from operator import is_
from typing import Any, ClassVar, Self, TypeVar, cast
from weakref import WeakKeyDictionary

import numpy as np
from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from sknn_scratch._sklearn import (
    Interval,
    Options,
    StrOptions,
    fit_context,
)
from sknn_scratch._typing import ArrayLike, History, MatrixLike
from sknn_scratch.engine.activations import Activation
from sknn_scratch.engine.compiled import kernels
from sknn_scratch.engine.initializers import draw_parameters
from sknn_scratch.engine.network import raw_scores
from sknn_scratch.engine.outputs import are_finite, quiet
from sknn_scratch.engine.parameters import Layers, Parameters
from sknn_scratch.engine.solvers import SOLVERS
from sknn_scratch.estimators.advice import (
    divergence_message,
    warn_of_large_features,
)
from sknn_scratch.estimators.build import (
    build_activations,
    check_combinations,
    check_magnitudes,
    empty_parameters,
    hidden_units,
    initial_gains,
)
from sknn_scratch.estimators.conversion import from_sklearn, to_sklearn
from sknn_scratch.estimators.fit import Fit
from sknn_scratch.estimators.hooks import LIFECYCLE
from sknn_scratch.estimators.registries import (
    Registered,
    how_to_register,
    part,
    warn_of_missing_parts,
)
from sknn_scratch.estimators.resume import Mode, taken_resume_point
from sknn_scratch.estimators.state import own_curves, packed, unpacked
from sknn_scratch.estimators.summary import ModelSummary
from sknn_scratch.estimators.validation import (
    as_error_of,
    checked_weights,
    converted,
    is_number,
    validated,
)
from sknn_scratch.estimators.validation_units import warn_of_other_units

# Where the documentation of the newest release is, for the links in notebooks
DOCS = "https://sknn-scratch.readthedocs.io/en/stable"

Method = TypeVar("Method", bound=Callable[..., Any])

# The parameters of estimators as they were when they were last found to be right in partial_fit
_found_right: WeakKeyDictionary = WeakKeyDictionary()


def checks_parameters(method: Method) -> Method:
    """Have scikit-learn check the parameters first; its own decorator would hide the types."""
    return fit_context(prefer_skip_nested_validation=True)(method)


def checks_changed_parameters(method: Method) -> Method:
    """Check the parameters first, but in a later call only if there are others.

    scikit-learn leaves all later calls of partial_fit unchecked: a check of them all would take an
    eighth of the time of a small batch.
    """
    in_context = checks_parameters(method)

    @wraps(method)
    def checked(estimator, *args, **kwargs):
        if hasattr(estimator, "coefs_") and not get_config()["skip_parameter_validation"]:
            _check_if_changed(estimator)
        return in_context(estimator, *args, **kwargs)

    return cast(Method, checked)


def _check_if_changed(estimator):
    given = [getattr(estimator, name, None) for name in estimator._parameter_constraints]
    before = _found_right.get(estimator)
    if before is None or not all(map(is_, given, before)):
        estimator._validate_params()
        _found_right[estimator] = given


def for_first_order_solvers(method: Method) -> Method:
    """Let `hasattr` be False where the solver is lbfgs."""
    return available_if(lambda estimator: estimator._has_partial_fit())(method)


@contextmanager
def unchanged_on_failure(estimator):
    """Give the estimator back what it had if the block is left by an exception."""
    before = vars(estimator).copy()
    lengths = {name: len(values) for name, values in before.get("history_", {}).items()}
    try:
        yield
    except BaseException:
        for name, length in lengths.items():
            values = before["history_"][name]
            if len(values) > length:  # partial_fit has appended to it in place
                del values[length:]
        # Callbacks that were set up have yet to be torn down
        kept = {name: value for name, value in vars(estimator).items() if name in LIFECYCLE}
        vars(estimator).clear()
        vars(estimator).update(before | kept)
        raise


class Number(Interval):
    """An interval of numbers; scikit-learn's own takes True for 1."""

    def is_satisfied_by(self, val):
        """Whether the value is a number within the interval."""
        return is_number(val) and super().is_satisfied_by(val)


class BaseMLPScratch(CallbackSupportMixin, BaseEstimator):
    """Parameters and training of a multilayer perceptron; use the classes derived from it."""

    # The views of the registries see what is added to them later
    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Number(Integral, 1, None, closed="left")],
        "activation": [Registered("activation"), Activation, "array-like"],
        "solver": [Registered("solver"), StrOptions({"lbfgs"})],
        "alpha": [Number(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Number(Integral, 1, None, closed="left")],
        "learning_rate": [Registered("learning_rate"), callable],
        "learning_rate_init": [Number(Real, 0, None, closed="neither")],
        "power_t": [Number(Real, 0, None, closed="left")],
        "max_iter": [Number(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": [
            Number(Integral, 0, 2**32 - 1, closed="both"),
            np.random.RandomState,
            None,
        ],
        "tol": [Number(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean", StrOptions({"resume"})],
        "momentum": [Number(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Number(Real, 0, 1, closed="left")],
        "beta_1": [Number(Real, 0, 1, closed="left")],
        "beta_2": [Number(Real, 0, 1, closed="left")],
        "epsilon": [Number(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Number(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Number(Integral, 1, None, closed="left")],
        "init": [Registered("init")],
        "l1": [Number(Real, 0, None, closed="left"), "array-like"],
        "l2": [Number(Real, 0, None, closed="left"), "array-like"],
        "weight_decay": [Number(Real, 0, None, closed="left")],
        "group_l1": [Number(Real, 0, None, closed="left")],
        "max_norm": [Number(Real, 0, None, closed="neither"), None],
        "dropout": [Number(Real, 0, 1, closed="left"), "array-like"],
        "warmup_epochs": [Number(Real, 0, None, closed="left")],
        "restart": ["boolean"],
        "early_stopping_on": [StrOptions({"score", "loss"})],
        "stop_when": [callable, None],
        "engine": [StrOptions({"numpy", "numba"})],
    }

    # scikit-learn's HTML repr links to these pages, and shows what the docstring says
    _doc_link_module = "sknn_scratch"
    _doc_link_template = f"{DOCS}/reference/generated/sknn_scratch.{{estimator_name}}.html"

    # What a derived class says of itself

    _sklearn_class: ClassVar[type]

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

    def _validate_input(self, X, y, incremental, reset):
        """Return X, and y as an array (n_samples, n_outputs) of the dtype of X."""
        raise NotImplementedError

    def _loss_name(self):
        """Return the name of the loss in `LOSSES`; called after `_validate_input`."""
        raise NotImplementedError

    def _training_targets(self, y, sample_weight, incremental):
        """Return y and the weights with which to train, from those that were given."""
        return y, sample_weight

    def _strata(self, y):
        """Return what a held-out part is to be stratified by, or None."""
        return None

    def _validate_params(self):
        super()._validate_params()
        check_magnitudes(self)

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
            The samples. float32 is computed in float32, all else in float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets: class labels, an indicator matrix of several labels, or real numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the samples; all 1 if None.
        X_val, y_val : array-likes like X and y, default=None
            A validation set of one's own. Loss and score on it are recorded after each epoch; with
            `early_stopping` it takes the place of the part that would be held out.
        sample_weight_val : array-like of shape (n_validation_samples,), default=None
            Weights of its samples.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data is not as described, or if training diverges. The estimator
            is then what it was before the call.
        """
        return self._fit(X, y, sample_weight, False, (X_val, y_val, sample_weight_val))

    @checks_parameters
    def _fit_unfinished(
        self, X, y, sample_weight=None, *, X_val=None, y_val=None, sample_weight_val=None
    ):
        """Do as `fit`, and keep what the next `fit` needs to be the rest of this one."""
        validation = X_val, y_val, sample_weight_val
        return self._fit(X, y, sample_weight, False, validation, unfinished=True)

    def _has_partial_fit(self):
        given = self.solver
        if isinstance(given, str) and given in SOLVERS:
            return True
        if isinstance(given, str) and given != "lbfgs":
            raise AttributeError(how_to_register("solver", given))
        raise AttributeError(
            f"partial_fit is available for the solvers {list(SOLVERS)}, not for solver={given!r}."
        )

    def _fit(
        self,
        X,
        y,
        sample_weight,
        incremental,
        validation=(None, None, None),
        unfinished=False,
    ):
        given = X, y, sample_weight
        with unchanged_on_failure(self), quiet():
            check_combinations(self, incremental)
            if self.engine == "numba":
                kernels()
            mode = Mode.of(self, incremental)
            continued = mode.continues(self)
            X, y, sample_weight = self._checked_data(X, y, sample_weight, incremental, continued)
            dtype = self._layers().biases[0].dtype if continued else X.dtype
            X, y = converted("X", X, dtype), converted("y", y, dtype)
            if self.solver == "lbfgs":
                # scipy works in float64; a line search in float32 would stop far from the optimum
                X, y = X.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
            validation = self._checked_validation(*validation, like=(X, y))
            holds_out = self.early_stopping and validation is None
            point = taken_resume_point(self, mode, X.shape[0], holds_out)
            params = self._first_parameters(point.generator, X, y, continued)
            self._set_fitted_shape(params)
            samples = X, y, sample_weight
            Fit(self, mode, point, params, dtype, samples, validation, given, unfinished).run()
        return self

    def _checked_data(self, X, y, sample_weight, incremental, continued):
        X, y = self._validate_input(X, y, incremental, reset=not continued)
        if not continued:
            warn_of_large_features(X, getattr(self, "feature_names_in_", None))
        if sample_weight is not None:
            sample_weight = checked_weights(sample_weight, X)
        return X, y, sample_weight

    def _checked_validation(self, X, y, sample_weight, like):
        """Return the user's validation set as (X, y, sample_weight), or None.

        `like` is X and y of the training set.
        """
        if X is None and y is None and sample_weight is None:
            return None
        if X is None or y is None:
            raise ValueError(
                f"X_val and y_val belong together, but {'X_val' if X is None else 'y_val'} is None."
            )
        try:
            X, y, weight = self._checked_data(X, y, sample_weight, True, continued=True)
        except (TypeError, ValueError) as error:
            said = f"X_val, y_val and sample_weight_val: {error}"
            raise as_error_of(error)(said) from error
        if y.shape[1] != like[1].shape[1]:
            raise ValueError(
                f"y_val has {y.shape[1]} outputs or labels, but y has {like[1].shape[1]}."
            )
        X, y = converted("X_val", X, like[0].dtype), converted("y_val", y, like[1].dtype)
        for name, training, held in zip("Xy", like, (X, y), strict=True):
            warn_of_other_units(name, training, held)
        return X, y, weight

    def _first_parameters(self, generator, X, y, continued):
        units = [X.shape[1], *hidden_units(self), y.shape[1]]
        if not continued:
            params = empty_parameters(self, units, X.dtype)
            initializer = part("init", self.init)
            draw_parameters(params, initializer, initial_gains(self), generator)
            return params
        params = Parameters.from_layers(self.coefs_, self.intercepts_, X.dtype)
        remedy = "use warm_start=False and fit to train another network."
        if params.units[-1] != units[-1]:
            raise ValueError(
                f"y has {units[-1]} outputs or labels, but the model to go on with has "
                f"{params.units[-1]}: {remedy}"
            )
        if params.units != tuple(units):
            raise ValueError(
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} asks for layers of {units} units, "
                f"but the model to go on with has {list(params.units)}: {remedy}"
            )
        return params

    def _set_fitted_shape(self, params):
        self.n_outputs_ = params.units[-1]
        self.n_layers_ = len(params.units)
        self.n_parameters_ = params.flat.size
        self.engine_ = "numpy"
        self.out_activation_ = self._loss().out_activation

    def _loss(self):
        return part("loss", self._loss_name())()

    def _keep(self, params, dtype):
        """Keep the parameters, as matrices and vectors of `dtype`, and return them as such."""
        params = params.view(params.flat.astype(dtype, copy=False))
        if not np.isfinite(params.flat).all():
            raise ValueError(divergence_message(self))
        self.coefs_, self.intercepts_ = params.weights, params.biases
        return params

    def _check_outputs(self, params, X):
        """Raise a ValueError if the last step has led to predictions for X that are not finite."""
        activations = build_activations(self, n_hidden=len(params.weights) - 1)
        if not are_finite(params, activations, self._loss(), X):
            what = "weights whose predictions for X are not finite"
            raise ValueError(divergence_message(self, what))

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
            ``print(model.summary())`` shows it as text, a notebook as a table; `summary.rows` has
            a dict for each layer, of which ``pandas.DataFrame(summary.rows)`` is a table.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted: before that the shapes are not known.
        """
        check_is_fitted(self)
        return ModelSummary.of(self)

    # Prediction, and the way to scikit-learn

    def _raw_scores(self, X):
        """Return the raw scores of the output layer, shape (n_samples, n_outputs)."""
        if not hasattr(self, "coefs_"):  # to ask scikit-learn first would cost a tenth of one row
            check_is_fitted(self)
        layers = self._layers()
        X = validated(self, X, dtype=layers.biases[0].dtype, reset=False)
        activations = build_activations(self, n_hidden=len(layers.weights) - 1)
        return raw_scores(layers, activations, X)

    def _layers(self):
        """Return the weights and biases; put there by hand, they may be of any dtype."""
        dtype = np.result_type(*self.coefs_, *self.intercepts_)
        dtype = dtype if dtype == np.float32 else np.float64
        return Layers(
            [np.asarray(W, dtype) for W in self.coefs_],
            [np.asarray(b, dtype) for b in self.intercepts_],
        )

    def to_sklearn(self) -> Any:
        """Return scikit-learn's own estimator with the same weights, which predicts the same.

        Parameters that scikit-learn lacks are left out, the solvers 'gd' and 'nag' become 'sgd',
        and schedules that it lacks 'constant': they do not matter for prediction, but would for
        training on. An estimator that is not fitted is converted as well.

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
        """Return an estimator with the parameters, and where fitted the weights, of `estimator`.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Scikit-learn's estimator of the same kind, fitted or not.

        Returns
        -------
        converted : object of this class
            With copies of the weights. The state of the optimiser is not taken over.

        Raises
        ------
        TypeError
            If `estimator` is of another class.
        """
        return from_sklearn(cls, estimator)

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
        warn_of_missing_parts(self)
        own_curves(self)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
