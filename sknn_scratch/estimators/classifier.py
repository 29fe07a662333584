"""The classifier."""

from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.neural_network import MLPClassifier
from sklearn.utils.multiclass import type_of_target

from sknn_scratch._sklearn import StrOptions, check_partial_fit_first_call
from sknn_scratch._typing import ArrayLike, MatrixLike, OneOrEach, RandomState, StoppingRule
from sknn_scratch._warnings import warn
from sknn_scratch.engine.activations import Activation
from sknn_scratch.engine.outputs import check_predictions, quiet, quietly
from sknn_scratch.estimators.base import BaseMLPScratch, torch_conversion
from sknn_scratch.estimators.build import build_loss
from sknn_scratch.estimators.class_weights import weight_of_samples
from sknn_scratch.estimators.constraints import (
    Number,
    checks_changed_parameters,
    for_first_order_solvers,
)
from sknn_scratch.estimators.data_faults import refuse_what_is_no_table
from sknn_scratch.estimators.encoding import accuracy, binarized, classes_in, fitted_binarizer
from sknn_scratch.estimators.fit import fit_network
from sknn_scratch.estimators.fitted import raw_scores_for
from sknn_scratch.estimators.labels import labels_in_words
from sknn_scratch.estimators.prepare import Targets
from sknn_scratch.estimators.rollback import unchanged_on_failure
from sknn_scratch.estimators.validation import as_vector, refuse_sparse_labels, validated

__all__ = ["MLPScratchClassifier"]

ONE_CLASS = "y holds one class only"  # how the warning begins


class Labels(Targets):
    """Class labels, or several labels for each sample; the network is trained on zeros and ones."""

    def encoded(self, estimator, X, y, *, continued, partial):
        floats = (np.float64, np.float32)
        X, y = validated(estimator, X, y, multi_output=True, dtype=floats, reset=not continued)
        y = as_vector(y, is_told=not continued)  # once, and not again for a validation set
        has_classes = hasattr(estimator, "classes_")
        goes_on = has_classes and (estimator.warm_start or partial or continued)
        with labels_in_words("y", y):
            classes = classes_in(y) if goes_on else None
            if classes is None:
                estimator._label_binarizer = fitted_binarizer(y)
                estimator.classes_ = estimator._label_binarizer.classes_
        if classes is not None:
            _check_classes(estimator, classes, partial)
        if not continued and len(estimator.classes_) == 1:
            warn_of_one_class(estimator.classes_[0])
        _check_kind(estimator, y)
        return X, binarized(estimator._label_binarizer, y, X.dtype), None

    def loss_name(self, estimator):
        multiclass = estimator._label_binarizer.y_type_ == "multiclass"
        return "log_loss" if multiclass else "binary_log_loss"

    def for_training(self, estimator, y, sample_weight, *, incremental):
        if estimator.class_weight is not None:
            weight = _weight_by_class(estimator, y, sample_weight, incremental).astype(y.dtype)
            sample_weight = _product(weight, sample_weight)
            _check_total(estimator.class_weight, sample_weight)
        if estimator.label_smoothing:
            y = build_loss(estimator).smoothed(y, estimator.label_smoothing)
        return y, sample_weight

    def strata(self, y):
        # scikit-learn stratifies two classes only; this does likewise, to draw the same samples
        return y.astype(bool) if y.shape[1] == 1 else None


def _check_kind(estimator, y):
    """Raise a ValueError unless y, two-dimensional with several labels, is like the y before."""
    several = _has_several_labels(estimator)
    if (y.ndim == 2) != several:
        kinds = ("one label for each sample", "several labels for each sample")
        raise ValueError(
            f"y has {kinds[y.ndim == 2]}, but the model to go on with has {kinds[several]}: "
            "give labels like those, or use warm_start=False and fit to train another network."
        )


def warn_of_one_class(label):
    """Warn that y holds this label only."""
    warn(
        f"{ONE_CLASS}, {label}: it will be predicted for every sample. To tell classes apart, y "
        "needs samples of at least two.",
        RuntimeWarning,
    )


def _has_several_labels(estimator):
    return estimator._label_binarizer.y_type_.startswith("multilabel")


def _check_classes(estimator, classes, partial):
    """Raise a ValueError if classes are other ones than before, or lack some unless `partial`."""
    known = estimator.classes_
    if not partial:
        if set(classes) != set(known):
            what = "warm_start" if estimator.warm_start else "A checkpoint"
            raise ValueError(
                f"{what} can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {known}, `y` has {classes}"
            )
    elif unknown := set(classes) - set(known):
        raise ValueError(
            f"`y` has classes not in `self.classes_`: {', '.join(map(str, unknown))}. "
            f"`self.classes_` has {known}, 'y' has {classes}."
        )


def _weight_by_class(estimator, y, sample_weight, incremental):
    """Return the weight that `class_weight` gives each sample."""
    class_weight = estimator.class_weight
    if incremental and isinstance(class_weight, str):
        raise ValueError(
            f"class_weight={class_weight!r} is not for partial_fit, which does not see "
            "all samples: give a dict, for example by "
            "sklearn.utils.class_weight.compute_class_weight."
        )
    several = _has_several_labels(estimator)
    return weight_of_samples(
        class_weight, y, estimator.classes_, sample_weight, several_labels=several
    )


def _product(weight, sample_weight):
    """Return weights of the samples times those of the samples or of their labels, or None."""
    if sample_weight is None:
        return weight
    return sample_weight * (weight[:, None] if sample_weight.ndim == 2 else weight)


def _check_total(class_weight, weight):
    """Raise a ValueError unless the weights have a sum by which a mean can be divided."""
    with np.errstate(over="ignore"):
        total = weight.sum(dtype=np.float64)
    if total == 0:
        raise ValueError(
            "No sample has a weight above zero: sample_weight is zero wherever "
            f"class_weight={class_weight!r} is not."
        )
    if not np.isfinite(total):
        raise ValueError(f"class_weight={class_weight!r} gives weights whose sum is {total}.")


@quietly
def probabilities_of(estimator, raw):
    """Return the probability of each class for raw scores, which may be overwritten."""
    check_predictions(raw)
    if len(estimator.classes_) == 1:
        return np.ones_like(raw)
    probabilities = np.hstack([-raw, raw]) if _is_binary(estimator) else raw
    build_loss(estimator).predict(probabilities)
    # A probability of 0 or 1 would be a product of rounding, and would have no finite logarithm
    limits = np.finfo(probabilities.dtype)
    np.maximum(probabilities, limits.tiny, out=probabilities)
    return np.minimum(probabilities, 1 - limits.epsneg, out=probabilities)


def _is_binary(estimator):
    return estimator._label_binarizer.y_type_ == "binary"


class MLPScratchClassifier(ClassifierMixin, BaseMLPScratch):
    """Multilayer perceptron classifier.

    The output layer is a softmax. For two classes, which share one output, and for several labels
    it is a logistic function. Training minimises the log loss plus penalties on the weights::

        F = (1/S) sum_i w_i loss(net(x_i), y_i) + alpha / (2 S) sum_l ||W_l||_2^2
            + sum_l ( l1_l ||W_l||_1 + l2_l ||W_l||_2^2 ),        S = sum_i w_i over the batch

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of shape (n_hidden,), default=(100,)
        Number of units of each hidden layer. ``()`` is a network without a hidden layer: a
        multinomial logistic regression.

    activation : str, Activation or list of them, default='relu'
        Activation of the hidden layers, one for all or one for each. There are 'identity',
        'logistic', 'tanh', 'relu', 'leaky_relu', 'elu', 'softplus', 'gelu', 'silu', 'mish',
        'selu', 'hard_swish' and 'sine'. An object of a class of your own does as well, see
        :class:`~sknn_scratch.engine.activations.Activation`. 'selu' goes with
        ``init="lecun_normal"``.

    solver : {'adam', 'sgd', 'gd', 'nag', 'lbfgs'}, default='adam'
        - 'adam': stochastic gradient descent with moments (Kingma and Ba, 2015);
        - 'sgd': stochastic gradient descent with momentum;
        - 'gd': steepest descent, one step on all samples per epoch; with `l1` it is ISTA;
        - 'nag': Nesterov's accelerated gradient, one step on all samples per epoch, its gradient
          taken at the look-ahead point; with `l1` it is FISTA;
        - 'lbfgs': quasi-Newton, scipy's L-BFGS-B.

    alpha : float, default=0.0001
        Strength of scikit-learn's L2 penalty ``alpha / (2 S) sum_l ||W_l||_2^2`` with S the number
        (or the total weight) of the samples in the batch. Its effect therefore depends on the
        batch size; the effect of `l2` does not. If both are set, they add up.

    batch_size : int or 'auto', default='auto'
        Number of samples per step of 'sgd' and 'adam'; 'auto' is ``min(200, n_samples)``. The last
        batch of an epoch is smaller if this does not divide the number of samples.

    learning_rate : str or callable, default='constant'
        How the learning rate changes over the epochs. It applies to every solver but 'lbfgs':

        - 'constant': `learning_rate_init`;
        - 'invscaling': ``learning_rate_init / (1 + samples seen) ** power_t``;
        - 'adaptive': divided by five whenever progress stops, until it is 1e-6 or less
          ('adam' ignores 'invscaling' and 'adaptive', as in scikit-learn);
        - 'plateau': the same as 'adaptive', for 'adam' as well;
        - 'cosine': from `learning_rate_init` to 0 along half a cosine over `max_iter` epochs;
        - 'one_cycle': up from 1/25 of `learning_rate_init` to all of it over 0.3 of `max_iter`
          epochs, then down to almost 0;
        - 'backtracking', for 'gd' and 'nag': halved until a step lowers the loss as much as the
          gradient promises, and never raised again. The rule is Armijo's; with 'nag' and `l1` it
          is the one of Beck and Teboulle. It starts from `learning_rate_init`, which may be
          large. Use it with smooth activations: at the kinks of 'relu' the learning rate may
          shrink to nothing;
        - a function that takes the number of epochs done and returns the learning rate.

    learning_rate_init : float, default=0.001
        The initial learning rate.

    power_t : float, default=0.5
        Exponent of the learning rate 'invscaling'.

    max_iter : int, default=200
        Maximum number of epochs, or of iterations of 'lbfgs'.

    shuffle : bool, default=True
        Whether 'sgd' and 'adam' visit the samples in a new order in each epoch.

    random_state : int, RandomState instance or None, default=None
        Seed for the initial weights, the validation split and shuffling. With an int, every call
        gives the same result.

    tol : float, default=1e-4
        An epoch is progress if the training loss (with `early_stopping`, the validation score) is
        better than the best so far by more than this. For 'lbfgs', the greatest component of the
        gradient at which it stops.

    verbose : bool or int, default=False
        Whether to print a table with a line per epoch: its number, loss, score, loss and score on
        the validation set if there is one, learning rate and seconds.

    warm_start : bool or 'resume', default=False
        What `fit` starts from. False: new weights. True: the weights of the last fit and a new
        optimiser, as in scikit-learn. 'resume': exactly where the last fit stopped, with the state
        of the optimiser, the schedule and the random numbers. Two fits of five epochs then end in
        the same bits as one of ten. 'resume' needs the same data, and a solver other than 'lbfgs'.

    momentum : float, default=0.9
        Momentum of 'sgd', in [0, 1].

    nesterovs_momentum : bool, default=True
        Whether the momentum of 'sgd' is Nesterov's.

    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the samples, to stop when the score on them
        makes no progress, and to keep the weights with the best score. Not for 'lbfgs'.

    validation_fraction : float, default=0.1
        Share of the samples that `early_stopping` holds out.

    beta_1 : float, default=0.9
        Decay rate of the first moment of 'adam', in [0, 1).

    beta_2 : float, default=0.999
        Decay rate of the second moment of 'adam', in [0, 1).

    epsilon : float, default=1e-8
        Number added to the root of the second moment of 'adam'.

    n_iter_no_change : int or inf, default=10
        Training stops after more than this many epochs in a row without progress.

    max_fun : int, default=15000
        Maximum number of evaluations of the loss by 'lbfgs'.

    init : str, default='glorot_uniform'
        How the initial weights are drawn. 'glorot_uniform' is scikit-learn's way; others are
        'he_normal' and 'he_uniform', and 'lecun_normal' (variance 1/fan_in, for 'selu').
        'lecun_uniform' draws within ±1/sqrt(fan_in), and its biases are zero. 'normal' draws
        weights and biases with standard deviation 0.1.

    l1 : float or array-like of shape (n_hidden + 1,), default=0.0
        Penalty ``sum_l l1_l ||W_l||_1``: one number, or one for each weight matrix. It does not
        depend on the batch size, and makes weights exactly zero. Biases are never penalised.

    l2 : float or array-like of shape (n_hidden + 1,), default=0.0
        Penalty ``sum_l l2_l ||W_l||_2^2``: one number, or one for each weight matrix. Together
        with `l1` it is an elastic net.

    weight_decay : float, default=0.0
        Decoupled weight decay (AdamW): ``W *= 1 - rate * weight_decay`` before each step, where
        rate is the learning rate. Not for 'lbfgs'.

    group_l1 : float, default=0.0
        Penalty ``group_l1 sum_j ||W_1[j]||_2`` on the rows of the first weight matrix. It removes
        input features as a whole, see `selected_features_`. Set `l2` for the other matrices, which
        otherwise grow to make up for it. Not for 'lbfgs'.

    max_norm : float or None, default=None
        Maximum Euclidean norm of the incoming weights of a unit. Longer weight vectors are scaled
        back after each step. Not for 'lbfgs'.

    dropout : float or array-like of shape (n_hidden + 1,), default=0.0
        Share of values that training sets to zero at random (inverted dropout): one number for
        the hidden layers, or one for each layer, the input first. Not for 'lbfgs'.

    warmup_epochs : float, default=0
        Number of epochs over which the learning rate grows from 0 to what `learning_rate` says.

    restart : bool, default=False
        Whether 'nag' forgets its momentum when it leads uphill (O'Donoghue and Candes, 2015).

    early_stopping_on : {'score', 'loss'}, default='score'
        What `early_stopping` watches: the score on the validation set, or the loss on it (without
        penalties).

    stop_when : callable or None, default=None
        A stopping rule of your own. It is called with `history_` after each epoch, and stops
        training by returning True. A model with a lambda cannot be saved: use a function that a
        module defines.

    engine : {'numpy', 'numba'}, default='numpy'
        What computes the epochs. 'numba' compiles them, which gives the same numbers to rounding,
        and is faster. It needs the extra ``fast``, and its first fit on a machine takes longer.
        The page on speed tells how long, and what it leaves to numpy.

    class_weight : dict, 'balanced', list of dicts or None, default=None
        Weights of the classes, which multiply the weights of the samples: ``{label: weight}``, or
        'balanced' for weights inversely proportional to the frequencies of the classes. A class
        that is not named has weight 1. For several labels, give a list with a dict
        ``{0: weight, 1: weight}`` for each. The weights act on training, not on the validation
        set.

    label_smoothing : float, default=0.0
        Share of each label that training spreads evenly over all classes.

    Attributes
    ----------
    selected_features_ : ndarray of shape (n_selected,)
        Indices of the input features with a weight that is not zero.

    classes_ : ndarray of shape (n_classes,)
        The class labels.

    coefs_ : list of n_layers - 1 ndarrays of shape (n_in, n_out)
        Weight matrices.

    intercepts_ : list of n_layers - 1 ndarrays of shape (n_out,)
        Biases.

    n_parameters_ : int
        Number of weights and biases, ``sum_l (n_in + 1) n_out``.

    history_ : dict of lists
        One entry per epoch. 'loss' and 'accuracy' are means over the batches, each before its step.
        'penalty' is the part of the loss that is penalties. 'learning_rate' is the last one of the
        epoch, 'nonzero_weights' the number after it. With a validation set there are
        'validation_loss', without penalties, and 'validation_score'.
        ``pandas.DataFrame(model.history_)`` makes a table of it. It holds no clock times, so that
        equal fits have equal hashes and files. Each call of partial_fit is an epoch; when there
        are 20,000, it keeps the last 10,000.

    loss_ : float
        The last entry of `loss_curve_`.

    best_loss_ : float or None
        The best entry of `loss_curve_`; None with `early_stopping`.

    loss_curve_ : list of shape (n_epochs,)
        The function that is minimised, penalties included, as a mean over the batches of each
        epoch.

    validation_scores_ : list of shape (n_epochs,) or None
        Accuracy on the validation set after each epoch, if there is one.

    best_validation_score_ : float or None
        With `early_stopping`, the score of the weights that were kept.

    t_ : int
        Number of samples seen in training, over all epochs.

    n_iter_ : int
        Number of epochs (iterations of 'lbfgs') of the last fit.

    n_layers_ : int
        Number of layers, input and output included.

    engine_ : str
        What computed the epochs of the last fit. It is 'numpy' where 'numba' could not.

    n_outputs_ : int
        Number of output units.

    out_activation_ : str
        Name of the function of the output layer.

    n_features_in_ : int
        Number of features seen in fit.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, if X has names and all are strings.

    See Also
    --------
    MLPScratchRegressor : The same network for real targets.
    sklearn.neural_network.MLPClassifier : The scikit-learn class that this one replaces.

    Notes
    -----
    Without the parameters that scikit-learn lacks, weights, losses and predictions agree with
    :class:`~sklearn.neural_network.MLPClassifier` to rounding. Both evaluate the same
    formulas in the same order, with the same random numbers.

    If X is float32, all computation is in float32; otherwise it is in float64.

    ``set_callbacks(*callbacks)`` takes scikit-learn's callbacks. They are called at the beginning
    and the end of the fit and of each epoch, and may stop it. With
    :class:`~sknn_scratch.callbacks.Checkpoint` a fit that was killed can be finished.

    References
    ----------
    .. [1] Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
       networks", AISTATS 2010.
    .. [2] Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    .. [3] Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear inverse
       problems", SIAM Journal on Imaging Sciences 2(1), 2009.
    .. [4] Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from sknn_scratch import MLPScratchClassifier
    >>> X_train, X_test, y_train, y_test = train_test_split(
    ...     *load_digits(return_X_y=True), random_state=0
    ... )
    >>> network = MLPScratchClassifier(hidden_layer_sizes=50, tol=1e-3, random_state=0)
    >>> model = make_pipeline(StandardScaler(), network).fit(X_train, y_train)
    >>> network.n_parameters_
    3760
    >>> model.score(X_test, y_test) > 0.95
    True
    """

    _sklearn_class = MLPClassifier
    _targets = Labels()

    classes_: np.ndarray

    _parameter_constraints: ClassVar[dict] = {
        **BaseMLPScratch._parameter_constraints,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "label_smoothing": [Number(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] | np.ndarray = (100,),
        activation: str | Activation | Sequence[str | Activation] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: str | Callable[[int], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: RandomState = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool | Literal["resume"] = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        init: str = "glorot_uniform",
        l1: OneOrEach = 0.0,
        l2: OneOrEach = 0.0,
        weight_decay: float = 0.0,
        group_l1: float = 0.0,
        max_norm: float | None = None,
        dropout: OneOrEach = 0.0,
        warmup_epochs: float = 0,
        restart: bool = False,
        early_stopping_on: Literal["score", "loss"] = "score",
        stop_when: StoppingRule | None = None,
        engine: Literal["numpy", "numba"] = "numpy",
        class_weight: Mapping | Sequence[Mapping] | Literal["balanced"] | None = None,
        label_smoothing: float = 0.0,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.init = init
        self.l1 = l1
        self.l2 = l2
        self.weight_decay = weight_decay
        self.group_l1 = group_l1
        self.max_norm = max_norm
        self.dropout = dropout
        self.warmup_epochs = warmup_epochs
        self.restart = restart
        self.early_stopping_on = early_stopping_on
        self.stop_when = stop_when
        self.engine = engine
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing

    @for_first_order_solvers
    @checks_changed_parameters
    def partial_fit(
        self,
        X: MatrixLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch over the given data, and continue where the last call ended.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The class labels, or an indicator matrix of several labels.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_labels), default=None
            Non-negative weights of the samples, or of each of several labels; all 1 if None.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever occur in y. The first call needs them; later ones do not.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        with unchanged_on_failure(self), quiet():
            refuse_what_is_no_table("y", y)
            refuse_sparse_labels(y)
            with labels_in_words("classes", classes):
                first = check_partial_fit_first_call(self, classes)
            if first:
                with labels_in_words("y", y):
                    several = type_of_target(y).startswith("multilabel")
                with labels_in_words("classes", classes):
                    self._label_binarizer = fitted_binarizer(y if several else classes)
            return fit_network(self, X, y, sample_weight, incremental=True)

    @quietly
    def predict(self, X: MatrixLike) -> np.ndarray:
        """Predict class labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
            The predicted classes, or an indicator matrix of the predicted labels.
        """
        raw = check_predictions(raw_scores_for(self, X))
        chosen = build_loss(self).classify(raw)
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(chosen))
        if chosen.ndim == 2 and not _is_binary(self):
            return chosen.astype(int)
        return self.classes_[chosen.ravel().astype(int)]

    def score(self, X: MatrixLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy: the share of samples whose class, or all labels, are predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their class labels, or an indicator matrix of several labels.
        sample_weight : array-like of shape (n_samples,) or (n_samples, n_labels), default=None
            Weights of the samples, or of each of several labels. A label of weight zero may be
            predicted wrongly; a sample weighs as much as its heaviest label.

        Returns
        -------
        accuracy : float
            In [0, 1].
        """
        return accuracy(y, self.predict(X), sample_weight)

    @quietly
    def predict_proba(self, X: MatrixLike) -> np.ndarray:
        """Predict the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`. With several labels, the probability of each label.
        """
        return probabilities_of(self, raw_scores_for(self, X))

    def predict_log_proba(self, X: MatrixLike) -> np.ndarray:
        """Predict the logarithm of the probability of each class.

        It is never -inf, unlike scikit-learn's, because `predict_proba` is never 0.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        probabilities = self.predict_proba(X)
        return np.log(probabilities, out=probabilities)

    @classmethod
    def from_torch(cls, module: Any, classes: ArrayLike | None = None) -> Self:
        """Return a classifier that predicts what a `torch.nn.Sequential` predicts.

        Parameters
        ----------
        module : torch.nn.Sequential
            Linear layers, each followed by an activation or none, and then by a Dropout or none.
            It ends with raw scores, a Softmax or a LogSoftmax for one label per sample. It ends
            with a Sigmoid for two classes or, with more than one output, for several labels.
        classes : array-like of shape (n_classes,), default=None
            The labels in the order of the outputs. If None they are 0, 1 and so on. A single
            output is the second of two classes. For several labels it must be None.

        Returns
        -------
        converted : object of this class
            With copies of the weights, in float64 if torch has them so, else in float32. Sizes,
            activations and rates of dropout are those of `module`; other parameters have their
            defaults.

        Raises
        ------
        TypeError
            If `module` is not a Sequential.
        ValueError
            If a part of it has no counterpart here, or `classes` does not fit it.
        ImportError
            If torch is not installed; the extra ``torch`` installs it.
        """
        return torch_conversion().classifier_from_torch(cls, module, classes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
