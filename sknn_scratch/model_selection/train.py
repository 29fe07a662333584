"""One training that is seen after more and more epochs."""

from sklearn import config_context

from sknn_scratch.estimators.fit import fit_network
from sknn_scratch.model_selection.plan import twin


def fit_further(network, begun, X, y, *, to_go_on=True, used_up=False, **params):
    """Fit a network as its `fit` does, but go on from where another one ended.

    The weights, the curves and all else are those of a fit from the start, to the bit.

    Parameters
    ----------
    network : MLPScratchClassifier or MLPScratchRegressor
        It is not fitted, has no callbacks, and its parameters have been checked. Its solver is not
        lbfgs, its schedule is `endless`, and its `random_state` is a number.
    begun : object of the class of `network`, or None
        What this function returned for a network with the same parameters, except for a
        `max_iter` that is not larger, and for the same data. None to begin.
    X, y, **params :
        The data, and the other arguments of `fit`.
    to_go_on : bool
        Whether the network will be gone on with.
    used_up : bool
        Whether nobody will go on from `begun` again. It then need not stay as it is.

    Returns
    -------
    begun : object of the class of `network`, or None
        A copy of the fitted network that keeps what is needed to go on. It is not changed by that,
        unless it is used up. None if training has diverged and gone back to its best weights, or
        is not to go on.

    Raises
    ------
    Exception
        What `fit` raises, for example if training diverges.
    """
    if begun is not None:
        fitted = vars(begun).keys() - vars(network).keys()  # which has parameters only
        vars(network).update({name: vars(begun)[name] for name in fitted})
    # The decorator of `fit` would check the parameters again, and look for callbacks, in 0.1 ms
    with config_context(skip_parameter_validation=True):
        _fit(network, to_go_on, used_up, X, y, **params)
    if not to_go_on:
        return None
    reached = twin(network)
    vars(reached).pop("_parent_callback_ctx", None)  # it belongs to the fit that ends here
    del network._resume_point  # `fit` would leave none
    has_diverged = network.early_stopping and reached._resume_point.flat is None
    return None if has_diverged else reached


def _fit(
    network,
    unfinished,
    used_up,
    X,
    y,
    sample_weight=None,
    *,
    X_val=None,
    y_val=None,
    sample_weight_val=None,
):
    """Do as `fit`; if unfinished, keep what the next `fit` needs to be the rest of this one."""
    validation = X_val, y_val, sample_weight_val
    fit_network(network, X, y, sample_weight, validation, unfinished=unfinished, used_up=used_up)


def most_bytes_of(begun):
    """Return the bytes of what it takes to go on, or somewhat more.

    There are at most seven vectors of parameters: the weights, the best ones, two moments of adam,
    and those before early stopping went back to the best.
    """
    return 7 * sum(w.nbytes for w in begun.coefs_) + begun._resume_point.order.nbytes
