"""What tests hang into a training."""


class EpochCallback:
    """One of scikit-learn's callbacks, told of the end of each task; derived classes say what then.

    They define ``on_fit_task_end(estimator, context)``, of which ``context.task_name`` is "epoch"
    for an epoch; true asks training to stop.
    """

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass
