"""Forward and backward pass through the layers.

With no leading axis the arrays are those of one network: X (n, n_in), weights (n_in, n_out). With
leading axes they are those of a stack, through the same code. X may be sparse for one network.
"""

from functools import cached_property

import numpy as np

# Values of the widest layer at a time when only the output is wanted: they stay in the cache.
_ELEMENTS_PER_CHUNK = 2**18


class Workspace:
    """What the passes over a batch write: z, a and delta of each layer.

    The last z, `raw`, holds the raw scores, then their gradient. An activation that needs no z has
    z and a in one array. `inputs` is what goes into each layer: X, and then a.
    """

    def __init__(self, layers, activations, n_samples):
        *lead, n_outputs = layers.biases[-1].shape
        dtype = layers.biases[-1].dtype
        # Raw scores lie in memory class by class: numpy finds maxima and sums over the classes
        # 3 to 13 times faster than where each sample's few scores lie together.
        self.raw = np.empty((*lead, n_outputs, n_samples), dtype).swapaxes(-1, -2)
        self.z = [np.empty((*lead, n_samples, b.shape[-1]), dtype) for b in layers.biases[:-1]]
        self.z.append(self.raw)
        self.a = [
            np.empty_like(z) if activation.needs_z else z
            for z, activation in zip(self.z, activations, strict=False)
        ]
        self.inputs = [None, *self.a]

    @cached_property
    def delta(self):
        """The gradients in each z, made only where there is a backward pass."""
        return [*map(np.empty_like, self.z[:-1]), self.raw]

    @cached_property
    def transposed(self):
        """The inputs of each layer, transposed."""
        return [None, *map(_transposed, self.a)]

    @cached_property
    def ones(self):
        """One for each sample, to sum over the samples by a product."""
        return np.ones(self.raw.shape[-2], self.raw.dtype)


def _transposed(a):
    return a.swapaxes(-1, -2) if isinstance(a, np.ndarray) else a.T


def _product(a, b, out):
    if isinstance(a, np.ndarray):
        np.matmul(a, b, out=out)
    else:
        out[...] = a @ b


def _through(delta, W_transposed, out):
    """Write delta W^T."""
    if delta.shape[-1] > 1:
        np.matmul(delta, W_transposed, out=out)
    else:  # for one output einsum takes a third of the time
        np.einsum("...ij,...jk->...ik", delta, W_transposed, out=out)


def forward(layers, activations, X, work, dropout=None):
    """Write z_l = a_{l-1} W_l + b_l and a_l = f_l(z_l), a_0 = X, into `work`; return the last z."""
    if dropout is not None:
        X = dropout.of_input(X, layers)
    work.inputs[0] = X
    n_hidden = len(activations)
    for layer, z in enumerate(work.z):
        _product(work.inputs[layer], layers.weights[layer], out=z)
        z += layers.bias_rows[layer]
        if layer < n_hidden:
            activations[layer].forward(z, work.a[layer])
            if dropout is not None:
                dropout.apply(layer + 1, work.a[layer])
    return work.raw


def backward(params, activations, work, grad, dropout=None):
    """Write the gradient into `grad`, given the gradient in the raw scores in ``work.raw``.

    dF/dW_l = a_{l-1}^T delta_l,  dF/db_l = the sum of delta_l over the samples,
    delta_{l-1} = (delta_l W_l^T) * f'(z_{l-1}).  The values of the layers are overwritten.
    """
    work.transposed[0] = _transposed(work.inputs[0])
    for layer in range(len(work.z) - 1, -1, -1):
        delta = work.delta[layer]
        _product(work.transposed[layer], delta, out=grad.weights[layer])
        # A product with ones is a sum, 2 to 3 times faster than numpy's over this axis
        np.matmul(work.ones, delta, out=grad.biases[layer])
        if layer > 0:
            below, z, a = work.delta[layer - 1], work.z[layer - 1], work.a[layer - 1]
            _through(delta, params.transposed[layer], out=below)
            if dropout is not None:
                dropout.undo(layer, a, below)
            activations[layer - 1].backward(z, a, below)


def raw_scores(layers, activations, X):
    """Return the raw scores for all rows of X, shape (..., n_samples, n_outputs)."""
    n_samples, widest = X.shape[-2], max(b.size for b in layers.biases)
    n_rows = min(n_samples, max(1, _ELEMENTS_PER_CHUNK // widest))
    work = Workspace(layers, activations, n_rows)
    if n_rows == n_samples:
        return forward(layers, activations, X, work)
    *lead, n_outputs = layers.biases[-1].shape
    scores = np.empty((*lead, n_samples, n_outputs), work.raw.dtype)
    for start in range(0, n_samples - n_rows + 1, n_rows):
        rows = slice(start, start + n_rows)
        scores[..., rows, :] = forward(layers, activations, _rows(X, rows), work)
    if n_left := n_samples % n_rows:
        rows = slice(n_samples - n_left, n_samples)
        scores[..., rows, :] = raw_scores(layers, activations, _rows(X, rows))
    return scores


def _rows(X, rows):
    return X[rows] if X.ndim == 2 else X[..., rows, :]
