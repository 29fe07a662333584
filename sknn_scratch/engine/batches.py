"""Batches: samples with their targets and weights, and the mini-batches of an epoch."""

from collections.abc import Iterator
from math import inf
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from sknn_scratch.engine.target_weights import are_by_target, weight_of_samples


class Batch(NamedTuple):
    """Samples with their targets and weights.

    X (n, n_features) may be sparse. y (n, n_outputs) has the dtype of the parameters. weight is
    (n,), or (n, n_outputs) with one for each target, or None for ones.
    """

    X: Any
    y: np.ndarray
    weight: np.ndarray | None
    total_weight: float
    n_samples: int

    @classmethod
    def of(cls, X: Any, y: np.ndarray, weight: np.ndarray | None = None) -> "Batch":
        """Return a batch with its total weight."""
        n_samples = X.shape[0]
        if weight is None:
            return cls(X, y, None, float(n_samples), n_samples)
        # Without any weight the shares of the samples, and alpha / S, have to be zero
        total = float(weight_of_samples(weight).sum(dtype=np.float64)) or inf
        return cls(X, y, weight, total, n_samples)

    @property
    def weighs_targets(self) -> bool:
        """Whether there is a weight for each target of a sample."""
        return are_by_target(self.weight)


class MiniBatches:
    """The batches of each epoch, as scikit-learn draws them.

    Parameters
    ----------
    X, y, weight : the training samples; weight may be None.
    batch_size : int
        The last batch of an epoch is smaller if this does not divide the number of samples.
    order : ndarray of int, shape (n_samples,), or None
        Rows of X, each at most once, in the order in which they are visited. None visits all rows
        as they lie, in every epoch.
    generator : RandomState or None
        Shuffles `order` in place before each epoch; None leaves it as it is.
    """

    def __init__(
        self,
        X: Any,
        y: np.ndarray,
        weight: np.ndarray | None,
        batch_size: int,
        order: np.ndarray | None = None,
        generator: np.random.RandomState | None = None,
    ) -> None:
        self.data = Batch.of(X, y, weight)
        self.n_samples = X.shape[0] if order is None else order.size
        self.batch_size = min(batch_size, self.n_samples)
        self.order = order
        self.generator = generator
        # By the number of samples: the last batch of an epoch may be smaller
        self._gathered: dict[int, Batch] = {}

    def shuffle(self) -> None:
        """Put the rows into the order of a new epoch."""
        # In place: the swaps are those of sklearn.utils.shuffle, and so are the random numbers
        if self.generator is not None and self.order is not None:
            self.generator.shuffle(self.order)

    def epoch(self) -> Iterator[Batch]:
        """Yield the batches of one epoch; a batch is valid until the next one is asked for."""
        self.shuffle()
        for start in range(0, self.n_samples, self.batch_size):
            yield self._batch(slice(start, min(start + self.batch_size, self.n_samples)))

    def _batch(self, rows: slice) -> Batch:
        if rows.stop - rows.start == self.data.n_samples:
            return self.data  # the order within a batch of all samples does not matter
        if self.order is not None and not issparse(self.data.X):
            return self._gather(self.order[rows])
        # Views; or, of sparse X, as many values as these rows have: there is no array to use again
        X, y, weight = self.data[:3]
        chosen = rows if self.order is None else self.order[rows]
        return Batch.of(X[chosen], y[chosen], None if weight is None else weight[chosen])

    def _gather(self, rows: np.ndarray) -> Batch:
        """Return the batch of these rows, in the arrays of the last batch of this size."""
        X, y, weight = self.data[:3]
        batch = self._gathered.get(rows.size)
        if batch is None:
            n = rows.size
            batch = self._gathered[n] = Batch.of(
                np.empty((n, X.shape[1]), X.dtype),
                np.empty((n, y.shape[1]), y.dtype),
                None if weight is None else np.empty((n, *weight.shape[1:]), weight.dtype),
            )
        # mode="clip" writes straight into the buffer; the default mode makes a copy first
        X.take(rows, axis=0, out=batch.X, mode="clip")
        y.take(rows, axis=0, out=batch.y, mode="clip")
        if weight is None:
            return batch
        weight.take(rows, axis=0, out=batch.weight, mode="clip")
        return Batch.of(*batch[:3])
