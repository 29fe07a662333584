"""Forward and backward pass through the layers.

With no leading axis the arrays are those of one network: X (n, n_in), weights (n_in, n_out). With
leading axes they are those of a stack, through the same code. X may be sparse for one network.
"""

import numpy as np
from scipy.sparse import issparse

# Values of the widest layer at a time when only the output is wanted: they stay in the cache.
_ELEMENTS_PER_CHUNK = 2**18


class Workspace:
    """What the passes over a batch write: z, a and delta of each layer.

    The last z holds the raw scores, then their gradient. An activation that needs no z has z and a
    in one array.
    """

    def __init__(self, layers, activations, n_samples):
        lead = layers.biases[0].shape[:-1]
        self.z = [np.empty((*lead, n_samples, b.shape[-1]), b.dtype) for b in layers.biases]
        self.a = [
            np.empty_like(z) if activation.needs_z else z
            for z, activation in zip(self.z, activations, strict=False)
        ]
        self.delta = [*map(np.empty_like, self.z[:-1]), self.raw]

    @property
    def raw(self):
        """The raw scores of the output layer."""
        return self.z[-1]


def _transposed(a):
    return a.T if issparse(a) else a.swapaxes(-1, -2)


def _product(a, b, out):
    if issparse(a):
        out[...] = a @ b
    else:
        np.matmul(a, b, out=out)


def forward(layers, activations, X, work):
    """Write z_l = a_{l-1} W_l + b_l and a_l = f_l(z_l), a_0 = X, into `work`; return the last z."""
    a = X
    for W, b, z, activation, a_next in zip(
        layers.weights, layers.biases, work.z, [*activations, None], [*work.a, None], strict=True
    ):
        _product(a, W, out=z)
        z += b[..., None, :]
        if activation is not None:
            activation.forward(z, a_next)
            a = a_next
    return work.raw


def backward(params, activations, X, work, grad):
    """Write the gradient into `grad`, given the gradient in the raw scores in ``work.raw``.

    dF/dW_l = a_{l-1}^T delta_l,  dF/db_l = the sum of delta_l over the samples,
    delta_{l-1} = (delta_l W_l^T) * f'(z_{l-1}).  The values of the layers are overwritten.
    """
    for layer in range(len(params.weights) - 1, -1, -1):
        delta = work.delta[layer]
        below = X if layer == 0 else work.a[layer - 1]
        _product(_transposed(below), delta, out=grad.weights[layer])
        np.add.reduce(delta, axis=-2, out=grad.biases[layer])
        if layer > 0:
            W = params.weights[layer]
            np.matmul(delta, _transposed(W), out=work.delta[layer - 1])
            activations[layer - 1].backward(
                work.z[layer - 1], work.a[layer - 1], work.delta[layer - 1]
            )


def raw_scores(layers, activations, X):
    """Return the raw scores of one network for all rows of X, shape (n_samples, n_outputs)."""
    n_samples, widest = X.shape[0], max(b.size for b in layers.biases)
    n_rows = min(n_samples, max(1, _ELEMENTS_PER_CHUNK // widest))
    work = Workspace(layers, activations, n_rows)
    if n_rows == n_samples:
        return forward(layers, activations, X, work)
    scores = np.empty((n_samples, layers.biases[-1].size), work.raw.dtype)
    for start in range(0, n_samples - n_rows + 1, n_rows):
        scores[start : start + n_rows] = forward(
            layers, activations, X[start : start + n_rows], work
        )
    if rest := n_samples % n_rows:
        scores[-rest:] = raw_scores(layers, activations, X[-rest:])
    return scores
