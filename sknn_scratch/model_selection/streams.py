"""The samples on which a stack of networks is trained, and their orders."""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from sknn_scratch.engine.batches import MiniBatches
from sknn_scratch.estimators.early_stopping import N_PROBES, judge_of
from sknn_scratch.estimators.fit import rows_to_train_on


class Samples(NamedTuple):
    """Training samples as `fit` checks and encodes them, and what it sets on the estimator.

    X (n_samples, n_features), y (n_samples, n_outputs), weight (n_samples,) or None; validation
    is another such triple, or None.
    """

    X: Any
    y: Any
    weight: Any
    validation: Any
    attributes: dict

    @classmethod
    def of(
        cls, estimator, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None
    ):
        """Check and encode what `fit` of an estimator, which is not fitted, is given."""
        before = set(vars(estimator))
        X, y, weight = estimator._checked_data(X, y, sample_weight, False, continued=False)
        y = y.astype(X.dtype, copy=False)
        held = estimator._checked_validation(X_val, y_val, sample_weight_val, like=(X, y))
        attributes = {k: v for k, v in vars(estimator).items() if k not in before}
        return cls(X, y, weight, held, attributes)

    @property
    def kind(self):
        """Return what samples must have in common to be used by one stack; None if none can."""
        parts = [self[:3]] if self.validation is None else [self[:3], self.validation]
        if any(issparse(X) for X, _, _ in parts):
            return None
        return tuple((X.shape, X.dtype, y.shape[1], weight is None) for X, y, weight in parts)


class Streams:
    """The samples of the streams of a stack, and the order in which each visits them.

    Parameters
    ----------
    estimators : list of estimators
        The first of each stream.
    samples : list of Samples
        Those of each stream; streams that share them share the memory.
    generators : list of RandomState
        Of each stream, as the drawing of the first weights has left it.
    """

    def __init__(self, estimators, samples, generators):
        first, n_samples = estimators[0], samples[0].X.shape[0]
        self.n_given = n_samples
        self.samples = samples
        distinct = {id(one): one for one in samples}
        self.generators = generators
        self.X = _joined([one.X for one in distinct.values()])
        targets = {
            id(one): estimator._training_targets(one.y, one.weight, incremental=False)
            for estimator, one in zip(estimators, samples, strict=True)
        }
        self.y, self.weight = (_joined([targets[i][k] for i in distinct]) for k in (0, 1))

        everything = np.arange(n_samples)
        holds_out = first.early_stopping and samples[0].validation is None
        orders = [
            rows_to_train_on(estimator, one.y, generator) if holds_out else everything
            for estimator, one, generator in zip(estimators, samples, generators, strict=True)
        ]
        offsets = dict(zip(distinct, range(0, n_samples * len(distinct), n_samples), strict=True))
        starts = np.array([offsets[id(one)] for one in samples])[:, None, None]
        self.order = np.array(orders)[:, None] + starts
        self.validation = None
        if holds_out:
            held = [np.setdiff1d(everything, order) for order in orders]
            parts = [_rows_of(one, rows) for one, rows in zip(samples, held, strict=True)]
            self.validation = _stacked(parts)
        elif samples[0].validation is not None:
            self.validation = _stacked([one.validation for one in samples])
        if not self._all_have_weight():
            raise ValueError("sample_weight is zero for all samples of a part.")
        self.holds_out = holds_out
        self.judges = [
            judge_of(estimator, one.y, self.validation_of(stream), holds_out)
            for stream, (estimator, one) in enumerate(zip(estimators, samples, strict=True))
        ]

    def validation_of(self, stream):
        """Return X, y and weights of the validation set of a stream; None if there is none."""
        if self.validation is None:
            return None
        return [None if part is None else part[stream, 0] for part in self.validation]

    def training_of(self, stream):
        """Return X and y of the training samples of a stream."""
        rows = self.order[stream, 0]
        return self.X[rows], self.y[rows]

    def given_to(self, stream):
        """Return X, y and weights of all samples of a stream, as they were given."""
        return self.samples[stream][:3]

    def probes(self):
        """Return X and y of some training samples of each stream."""
        rows = self.order[..., :N_PROBES]
        return self.X[rows], self.y[rows]

    def _all_have_weight(self):
        weights = [None if self.weight is None else self.weight[self.order]]
        weights.append(None if self.validation is None else self.validation[2])
        return all(weight is None or weight.any(axis=-1).all() for weight in weights)

    @property
    def n_samples(self):
        """Return how many samples a stream has to train on."""
        return self.order.shape[-1]

    def mean_weights(self):
        """Return the mean weight of a sample of each stream."""
        if self.weight is None:
            return np.ones(len(self.order))
        return self.weight[self.order].mean(axis=(-1, -2), dtype=np.float64)

    def show_targets(self, loss):
        """Let the loss see the targets of each stream."""
        weight = None if self.weight is None else self.weight[self.order]
        loss.remember_targets(self.y[self.order], weight)

    def batches(self, batch_size, shuffle):
        """Return the mini-batches, of shape (n_streams, 1, batch_size, ...)."""
        # As in a fit by itself the order within a batch of all samples stays as it is
        generators = self.generators if shuffle and batch_size < self.n_given else ()
        return MiniBatches(self.X, self.y, self.weight, batch_size, self.order, generators)

    def samples_of(self, stream):
        """Return all samples of a stream, also those that are held out."""
        start = int(self.order[stream].flat[0]) // self.n_given * self.n_given
        return self.X[start : start + self.n_given]

    def keep(self, rows):
        """Forget all streams but these."""
        self.order = self.order[rows]
        self.generators = [self.generators[row] for row in rows]
        self.judges = [self.judges[row] for row in rows]
        self.samples = [self.samples[row] for row in rows]
        if self.validation is not None:
            self.validation = [None if part is None else part[rows] for part in self.validation]


def _joined(arrays):
    return arrays[0] if len(arrays) == 1 or arrays[0] is None else np.concatenate(arrays)


def _rows_of(samples, rows):
    return [None if part is None else part[rows] for part in samples[:3]]


def _stacked(parts):
    """Return X, y and weight of one shape for each stream, as arrays (n_streams, 1, ...)."""
    return [None if of[0] is None else np.stack(of)[:, None] for of in zip(*parts, strict=True)]
