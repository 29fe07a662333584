"""scikit-learn's callbacks around the training of one network."""

from sklearn.callback import AutoPropagatedCallback

EPOCH = "epoch"
# What scikit-learn keeps in an estimator during a fit, to tear its callbacks down at the end
LIFECYCLE = ("_callback_fit_ctx", "_skl_callbacks_to_teardown")
# By the estimators' ids: callbacks copy and pickle estimators, which must not take these along
_under_way: dict[int, "FitCallbacks"] = {}


class FitCallbacks:
    """The hooks of one fit: a task for the fit itself, and below it one for each epoch.

    `fit` has what callbacks may ask for: `estimator`, `incremental` (whether this is partial_fit),
    `n_epochs_left` (0 when training is over) and ``model_so_far(unfinished)``. The latter returns
    the estimator as it would be had training stopped now. X, y and sample_weight are what the user
    gave: scorers compare predictions with labels, not with their codes. As a context manager it
    begins and ends the task of the fit.
    """

    def __init__(self, fit, X, y, sample_weight):
        self.fit = fit
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self.of_task = {"estimator": fit.estimator, "X": X, "y": y, "metadata": metadata}
        self.fit_task = self.epoch_task = None

    @classmethod
    def of(cls, estimator):
        """Return the callbacks of the fit of `estimator` that is under way."""
        return _under_way[id(estimator)]

    def __enter__(self):
        self.fit_task = self.fit.estimator._init_callback_context(
            "partial-fit" if self.fit.incremental else "fit", max_subtasks=self.fit.n_epochs_left
        ).call_on_fit_task_begin(**self.of_task)
        _under_way[id(self.fit.estimator)] = self
        return self

    def __exit__(self, failure, *_):
        try:
            if failure is None:
                if self.epoch_task is not None:  # Ctrl-C came amid it, or lbfgs was done before
                    self.epoch_task.call_on_fit_task_end(estimator=self.fit.estimator)
                self.fit_task.call_on_fit_task_end(**self.of_task, reconstruction_attributes={})
        finally:
            del _under_way[id(self.fit.estimator)]

    def begin_epoch(self):
        """Tell that an epoch begins."""
        self.epoch_task = self.fit_task.subcontext(EPOCH)
        self.epoch_task.call_on_fit_task_begin(
            **self.of_task, reconstruction_attributes=self._fitted_attributes
        )

    def end_epoch(self):
        """Tell that the epoch has ended; return whether a callback asks to stop."""
        task, self.epoch_task = self.epoch_task, None
        return task.call_on_fit_task_end(
            **self.of_task, reconstruction_attributes=self._fitted_attributes
        )

    def _fitted_attributes(self):
        return vars(self.fit.model_so_far())


def hands_on_callbacks(estimator, context):
    """Whether callbacks of a search or the like hear of the fits inside the estimators in it.

    `context` belongs to a task of `estimator`.
    """
    return any(
        callback.max_propagation_depth is None
        or context._propagation_depth < callback.max_propagation_depth
        for callback in getattr(estimator, "_skl_callbacks", [])
        if isinstance(callback, AutoPropagatedCallback)
    )


def own_callbacks(estimator):
    """Return the callbacks that were set on the estimator itself, not handed down by another."""
    inside = hasattr(estimator, "_parent_callback_ctx")
    return [
        callback
        for callback in getattr(estimator, "_skl_callbacks", [])
        if not (inside and isinstance(callback, AutoPropagatedCallback))
    ]
