"""From an estimator's parameters to the objects of the engine.

Each function reads the parameters of the same names and says clearly what is wrong with them, as
far as it depends on more than one parameter.
"""

from dataclasses import fields, is_dataclass
from itertools import pairwise
from numbers import Integral

import numpy as np

from sknn_scratch._warnings import warn
from sknn_scratch.engine.activations import ACTIVATIONS, Activation
from sknn_scratch.engine.compiled import CompiledEpochs, can_compile
from sknn_scratch.engine.dropout import Dropout
from sknn_scratch.engine.initializers import draw_parameters
from sknn_scratch.engine.objective import Objective
from sknn_scratch.engine.parameters import Parameters, count_parameters
from sknn_scratch.engine.penalties import PENALTIES, ElasticNet
from sknn_scratch.engine.schedules import ByEpoch
from sknn_scratch.engine.solvers import CHUNK, SOLVERS
from sknn_scratch.engine.training import NumpyEpochs, Optimizer
from sknn_scratch.estimators.registries import how_to_register, part
from sknn_scratch.estimators.validation import is_finite, is_number


def _entries(estimator, name):
    """Return the entries of a parameter that is a list."""
    value = getattr(estimator, name)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        raise ValueError(f"{name} must be one value or a list of them, got {value!r}.")
    return list(value)


def hidden_units(estimator):
    """Return the number of units of each hidden layer."""
    units = estimator.hidden_layer_sizes
    sizes = [units] if is_number(units, Integral) else _entries(estimator, "hidden_layer_sizes")
    if not all(is_number(size, Integral) and size > 0 for size in sizes):
        raise ValueError(
            f"hidden_layer_sizes must be > 0: a whole number for each hidden layer, got {units!r}."
        )
    return [int(size) for size in sizes]


def build_activations(estimator, n_hidden):
    """Return the activation of each of `n_hidden` hidden layers."""
    activation = estimator.activation
    if isinstance(activation, (str, Activation)):
        return [_activation(activation)] * n_hidden
    entries = _entries(estimator, "activation")
    if len(entries) != n_hidden:
        raise ValueError(
            f"activation has {len(entries)} entries, {activation!r}, but with hidden_layer_sizes="
            f"{estimator.hidden_layer_sizes!r} there are {n_hidden} hidden layers: "
            "give one activation, or one for each hidden layer."
        )
    return [_activation(entry) for entry in entries]


def _activation(entry):
    if isinstance(entry, str) and entry in ACTIVATIONS:
        return part("activation", entry)()
    if not isinstance(entry, Activation):
        remedy = f" {how_to_register('activation', entry)}" if isinstance(entry, str) else ""
        raise ValueError(
            f"activation must be of {list(ACTIVATIONS)}, or an object of a class derived from "
            f"sknn_scratch.engine.activations.Activation, got {entry!r}.{remedy}"
        )
    return entry


def initial_gains(estimator):
    """Return the gain by which the weights of each layer are drawn.

    As in scikit-learn the output layer is drawn by the gain of the hidden layers.
    """
    activation, n_hidden = estimator.activation, len(hidden_units(estimator))
    gains = [hidden.gain for hidden in build_activations(estimator, n_hidden)]
    alone = isinstance(activation, (str, Activation))
    last = _activation(activation).gain if alone else [Activation.gain, *gains][-1]
    return [*gains, last]


def build_loss(estimator):
    """Return the loss; of a classifier it follows from the labels, which have been encoded."""
    loss = part("loss", estimator._targets.loss_name(estimator))
    return _filled(loss, estimator) if is_dataclass(loss) else loss()


def build_objective(estimator, loss, params, dropout=None):
    """Return the function that the estimator minimises over parameters laid out as `params`."""
    penalties = build_penalties(estimator, params)
    activations = build_activations(estimator, n_hidden=len(params.weights) - 1)
    return Objective(activations, loss, penalties, params, dropout)


def build_penalties(estimator, params):
    """Return the penalties with the slices of the weights to which they belong."""
    slices, terms = params.weight_slices, _elastic_nets(estimator)
    if len(set(terms)) == 1:  # one call instead of one for each matrix
        slices, terms = [slice(0, params.weights_flat.size)], terms[:1]
    if terms == [ElasticNet()]:
        slices, terms = [], []
    penalties = [
        (part, term)
        for whole, term in zip(slices, terms, strict=True)
        for part in _in_chunks(whole)
    ]
    return penalties + _registered_penalties(estimator, params)


def _registered_penalties(estimator, params):
    """Return the penalties of the registry whose parameter is set, each with its slice."""
    shapes = list(pairwise(params.units))
    return [
        (weights, penalty)
        for name in PENALTIES
        if (value := getattr(estimator, name, None))
        for weights, penalty in zip(
            params.weight_slices, part("penalty", name).for_matrices(value, shapes), strict=True
        )
        if penalty is not None
    ]


def _elastic_nets(estimator):
    """Return the elastic net of each weight matrix."""
    l1, l2 = (per_matrix(estimator, name) for name in ("l1", "l2"))
    return [ElasticNet(*pair, float(estimator.alpha)) for pair in zip(l1, l2, strict=True)]


def _in_chunks(whole):
    """Return the parts of a slice: what a penalty that acts on each weight does fits the cache."""
    starts = range(whole.start, whole.stop, CHUNK)
    return [slice(start, min(start + CHUNK, whole.stop)) for start in starts]


def empty_parameters(estimator, units, dtype):
    """Return uninitialised parameters for layers of so many units."""
    try:
        return Parameters.empty(units, dtype)
    except (MemoryError, OverflowError, ValueError) as error:  # numpy's, by how far it is too much
        raise ValueError(
            f"hidden_layer_sizes={estimator.hidden_layer_sizes!r} makes a network of "
            f"{float(count_parameters(units)):.2g} weights and biases, more than fit into memory. "
            "Use fewer units."
        ) from error


def first_parameters(estimator, X, y, generator, *, continued):
    """Return the parameters that training begins with, in the dtype of X.

    They are drawn by `generator`, unless the weights that the estimator has are gone on with.
    """
    units = [X.shape[1], *hidden_units(estimator), y.shape[1]]
    if continued:
        return _parameters_to_go_on_with(estimator, units, X.dtype)
    params = empty_parameters(estimator, units, X.dtype)
    draw_parameters(params, part("init", estimator.init), initial_gains(estimator), generator)
    return params


def _parameters_to_go_on_with(estimator, units, dtype):
    params = Parameters.from_layers(estimator.coefs_, estimator.intercepts_, dtype)
    remedy = "use warm_start=False and fit to train another network."
    if params.units[-1] != units[-1]:
        raise ValueError(
            f"y has {units[-1]} outputs or labels, but the model to go on with has "
            f"{params.units[-1]}: {remedy}"
        )
    if params.units != tuple(units):
        raise ValueError(
            f"hidden_layer_sizes={estimator.hidden_layer_sizes!r} asks for layers of {units} "
            f"units, but the model to go on with has {list(params.units)}: {remedy}"
        )
    return params


def check_combinations(estimator, incremental):
    """Raise a ValueError where parameters, each right by itself, do not go together."""
    _check_parts(estimator)
    _check_line_search(estimator)
    if incremental and estimator.early_stopping:
        raise ValueError("partial_fit does not support early_stopping=True")
    with_dropout = dropout_rates(estimator) is not None
    if estimator.solver in SOLVERS:
        return
    if estimator.warm_start == "resume":
        raise ValueError(
            f"warm_start='resume' needs one of the solvers {list(SOLVERS)}, got 'lbfgs': "
            "scipy's lbfgs cannot go on where it stopped. Use warm_start=True to start it "
            "from the weights found so far."
        )
    # scipy's lbfgs takes a smooth function; l1 alone is brought into such a form (`engine.lbfgs`)
    wanted = [name for name in PENALTIES if getattr(estimator, name, None)]
    not_smooth = [name for name in wanted if part("penalty", name).smooth is not True]
    for name in (*not_smooth, "weight_decay", "dropout"):
        if with_dropout if name == "dropout" else getattr(estimator, name):
            raise ValueError(
                f"{name}={getattr(estimator, name)!r} needs one of the solvers {list(SOLVERS)}, "
                f"got 'lbfgs'. Leave {name} out or choose another solver."
            )


def _check_line_search(estimator):
    """Raise a ValueError for what a search along the gradient cannot take into account."""
    name = estimator.learning_rate
    if callable(name) or not part("learning_rate", name).is_line_search:
        return
    if dropout_rates(estimator) is not None:
        raise ValueError(
            f"learning_rate={name!r} compares values of the loss, which dropout="
            f"{estimator.dropout!r} makes random. Use another learning_rate, or dropout=0."
        )
    if estimator.weight_decay:
        raise ValueError(
            f"learning_rate={name!r} finds a learning rate for the loss and its penalties, but "
            f"weight_decay={estimator.weight_decay!r} is not a penalty. Use l2, or another "
            "learning_rate."
        )


def _check_parts(estimator):
    """Raise a ValueError where a name is of no part that is any use, before data is looked at."""
    for parameter in ("learning_rate", "loss", "solver"):
        name = getattr(estimator, parameter, None)
        if isinstance(name, str) and name != "lbfgs":
            part(parameter, name)


def dropout_rates(estimator):
    """Return the dropout of the input and of each hidden layer, or None if there is none."""
    dropout, n_hidden = estimator.dropout, len(hidden_units(estimator))
    rates = [0.0, *[dropout] * n_hidden] if is_number(dropout) else _entries(estimator, "dropout")
    if len(rates) != n_hidden + 1:
        raise ValueError(
            f"dropout has {len(rates)} entries, but with hidden_layer_sizes="
            f"{estimator.hidden_layer_sizes!r} there are an input layer and {n_hidden} hidden "
            "layers: give one number for the hidden layers, or one for each, the input first."
        )
    if not all(is_number(rate) and 0 <= rate < 1 for rate in rates):
        raise ValueError(f"dropout must be in the range [0, 1), got {dropout!r}.")
    return [float(rate) for rate in rates] if any(rates) else None


def build_dropout(estimator, optimizer, generator):
    """Return the dropout of the layers, or None if there is none.

    Its own generator, which `generator` seeds, belongs to the optimiser: a fit that goes on draws
    from where it stood.
    """
    rates = dropout_rates(estimator)
    if rates is None:
        return None
    if optimizer.generator is None:
        # Ten times faster than the legacy RandomState, which draws its seed
        noise = np.random.SFC64(generator.randint(2**31 - 1))
        optimizer.generator = np.random.Generator(noise)
    return Dropout(rates, optimizer.generator)


def epochs_class(estimator, optimizer, objective, batches):
    """Return the class that does the epochs: numpy's, unless others are asked for and can."""
    wanted = estimator.engine == "numba"
    if wanted and can_compile(optimizer, objective, batches):
        return CompiledEpochs
    return NumpyEpochs


def samples_per_batch(estimator, n_samples):
    """Return the size of a mini-batch, with a warning if there are fewer samples."""
    batch_size = estimator.batch_size
    if batch_size == "auto":
        return min(200, n_samples)
    if batch_size > n_samples:
        warn(
            f"Got `batch_size`={batch_size}, which is more than the {n_samples} training "
            "samples. It is going to be clipped",
        )
    return min(int(batch_size), n_samples)


def l1_of_weights(estimator, params):
    """Return the L1 coefficient of each weight, or None if there are none."""
    l1 = per_matrix(estimator, "l1")
    return np.repeat(l1, [W.size for W in params.weights]) if any(l1) else None


def per_matrix(estimator, name):
    """Return the parameter of that name as a float for each weight matrix."""
    strength, n_matrices = getattr(estimator, name), len(hidden_units(estimator)) + 1
    if is_number(strength):
        return [float(strength)] * n_matrices
    values = _entries(estimator, name)
    if len(values) != n_matrices:
        raise ValueError(
            f"{name} has {len(values)} entries, but with hidden_layer_sizes="
            f"{estimator.hidden_layer_sizes!r} there are {n_matrices} weight matrices: "
            "give one number, or one for each weight matrix."
        )
    if not all(is_finite(value) and value >= 0 for value in values):
        raise ValueError(f"{name} must hold finite numbers >= 0, got {strength!r}.")
    return [float(value) for value in values]


def build_optimizer(estimator):
    """Return the solver and the schedule, at their start."""
    solver = part("solver", estimator.solver)
    name = estimator.learning_rate
    if callable(name):
        return Optimizer(_filled(solver, estimator), _filled(ByEpoch, estimator, function=name))
    if name in solver.ignored_schedules:
        name = "constant"
    schedule = part("learning_rate", name)
    if schedule.is_line_search and estimator.warmup_epochs:
        raise ValueError(
            f"warmup_epochs={estimator.warmup_epochs!r} is not for learning_rate={name!r}, which "
            "searches for its learning rate. Leave warmup_epochs out, or use another learning_rate."
        )
    if schedule.is_line_search and not solver.full_batch:
        exact = [key for key, cls in SOLVERS.items() if getattr(cls, "full_batch", False)]
        raise ValueError(
            f"learning_rate={name!r} needs an exact gradient, which the solvers {exact} have, got "
            f"solver={estimator.solver!r}. Use one of them, or another learning_rate."
        )
    return Optimizer(_filled(solver, estimator), _filled(schedule, estimator))


def _filled(cls, estimator, **others):
    """Return a dataclass filled with the estimator's parameters of the same names."""
    names = [field.name for field in fields(cls) if field.init and field.name not in others]
    if unknown := [name for name in names if not hasattr(estimator, name)]:
        raise ValueError(
            f"{cls.__name__} has the fields {unknown}, but {type(estimator).__name__} has no "
            "parameters of these names to fill them from. Make them class attributes."
        )
    # Python's numbers: numpy's scalars make arithmetic on float32 arrays several times slower
    return cls(**{name: np.asarray(getattr(estimator, name)).item() for name in names}, **others)
