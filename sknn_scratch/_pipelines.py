"""Where the network is in a Pipeline."""

from sklearn.pipeline import Pipeline


def last_step(estimator):
    """Return the estimator, or of a Pipeline the last step, also of one within another."""
    while isinstance(estimator, Pipeline):
        estimator = estimator.steps[-1][1]
    return estimator
