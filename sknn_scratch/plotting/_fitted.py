"""What the displays share: the network in an estimator."""

from sklearn.utils.validation import check_is_fitted

from sknn_scratch._pipelines import last_step


def fitted_network(estimator, attribute, caller):
    """Return `estimator`, or the last step of a pipeline, which must be fitted.

    `attribute` is the fitted attribute that `caller` needs.
    """
    check_is_fitted(estimator)
    network = last_step(estimator)
    if getattr(network, attribute, None) is None:
        raise TypeError(
            f"{caller} needs an MLPScratchClassifier or MLPScratchRegressor, or a Pipeline that "
            f"ends in one; got {type(network).__name__}, which has no {attribute}."
        )
    return network
