"""Batches: samples with their targets and weights, and the mini-batches of an epoch."""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse


class Batch(NamedTuple):
    """Samples with their targets and weights.

    X (..., n, n_features), y (..., n, n_outputs) in the dtype of the parameters, weight (..., n) or
    None for ones, total_weight the sum of the weights: a float, or (n_models, 1) for a stack.
    n_samples is their number per network.
    """

    X: Any
    y: Any
    weight: Any
    total_weight: Any
    n_samples: int

    @classmethod
    def of(cls, X, y, weight=None):
        """Return a batch with its total weight."""
        n_samples = X.shape[-2]
        if weight is None:
            return cls(X, y, None, float(n_samples), n_samples)
        total = weight.sum(axis=-1, keepdims=True, dtype=np.float64)
        # A batch without weight asks for nothing: its shares and alpha / S are to be zero.
        total[total == 0] = np.inf
        return cls(X, y, weight, float(total[0]) if total.ndim == 1 else total, n_samples)


class MiniBatches:
    """The batches of each epoch, as scikit-learn draws them.

    Parameters
    ----------
    X, y, weight : the training samples; weight may be None.
    batch_size : int
        The last batch of an epoch is smaller when this does not divide the number of samples.
    order : ndarray of int, shape (..., n_samples), or None
        Rows of X, each at most once, in the order in which they are visited; C-contiguous, as it
        is shuffled in place before each epoch. With leading axes each network of a stack has an
        order, and a choice of rows, of its own; networks along an axis of length 1 share it.
        None visits the rows as they lie, in every epoch.
    generators : list of RandomState
        One for each order, to shuffle it; if it is empty the order stays.
    """

    def __init__(self, X, y, weight, batch_size, order=None, generators=()):
        self.data = Batch.of(X, y, weight)
        self.n_samples = X.shape[-2] if order is None else order.shape[-1]
        self.batch_size = min(batch_size, self.n_samples)
        self.order = order
        self.generators = generators
        self._gathered = {}
        self._whole = None

    def shuffle(self):
        """Put the rows into the order of a new epoch."""
        if self.generators:
            orders = self.order.reshape(-1, self.n_samples)
            for generator, order in zip(self.generators, orders, strict=True):
                generator.shuffle(order)

    def epoch(self):
        """Yield the batches of one epoch; a batch is valid until the next one is asked for."""
        self.shuffle()
        for start in range(0, self.n_samples, self.batch_size):
            yield self._batch(start, min(start + self.batch_size, self.n_samples))

    def _batch(self, start, stop):
        X, y, weight = self.data[:3]
        if stop - start == X.shape[-2] and (self.order is None or self.order.ndim == 1):
            return self.data  # the order within a batch of all samples does not matter
        if self.order is None:
            rows = (..., slice(start, stop))
            part = None if weight is None else weight[rows]
            return Batch.of(X[(*rows, slice(None))], y[(*rows, slice(None))], part)
        if not self.generators and stop - start == self.n_samples:
            self._whole = self._whole or self._gather(self.order)
            return self._whole
        return self._gather(self.order[..., start:stop])

    def _gather(self, rows):
        """Return the batch of these rows, in the arrays of the last batch of this size."""
        X, y, weight = self.data[:3]
        if issparse(X):
            return Batch.of(X[rows], y[rows], None if weight is None else weight[rows])
        batch = self._gathered.get(rows.shape[-1])
        if batch is None:
            arrays = (
                None if array is None else np.empty((*rows.shape, *array.shape[1:]), array.dtype)
                for array in (X, y, weight)
            )
            batch = self._gathered[rows.shape[-1]] = Batch.of(*arrays)
        # mode="clip" writes straight into the buffer; the default mode makes a copy first
        X.take(rows, axis=0, out=batch.X, mode="clip")
        y.take(rows, axis=0, out=batch.y, mode="clip")
        if weight is None:
            return batch
        weight.take(rows, axis=0, out=batch.weight, mode="clip")
        return Batch.of(*batch[:3])
