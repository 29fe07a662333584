"""A call that fails leaves the estimator as it was."""

from contextlib import contextmanager

from sknn_scratch.estimators.hooks import LIFECYCLE


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
