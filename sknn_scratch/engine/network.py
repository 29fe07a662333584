"""Forward and backward pass through the layers, for all samples of a batch at once.

X (n, n_in) may be sparse; weights are (n_in, n_out), biases (n_out,).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from sknn_scratch.engine.activations import Activation
from sknn_scratch.engine.dropout import Dropout
from sknn_scratch.engine.parameters import Layers, Parameters

# Values of the widest layer at a time when only the output is wanted: they stay in the cache.
_ELEMENTS_PER_CHUNK = 2**18


class Workspace:
    """The arrays that the passes over a batch write to: z, a and delta of each layer.

    The last z, `raw`, holds the raw scores and then their gradient. Where an activation needs no z,
    z and a are one array. `inputs` are the inputs of each layer: X, and then each a.
    """

    def __init__(
        self, layers: Layers | Parameters, activations: Sequence[Activation], n_samples: int
    ) -> None:
        *hidden, (n_outputs,) = (b.shape for b in layers.biases)
        dtype = layers.biases[-1].dtype
        # Raw scores lie in memory class by class: numpy finds maxima and sums over the classes
        # 3 to 13 times faster than where each sample's few scores lie together.
        self.raw = np.empty((n_outputs, n_samples), dtype).T
        self.z = [np.empty((n_samples, n_units), dtype) for (n_units,) in hidden]
        self.z.append(self.raw)
        self.a = [
            np.empty_like(z) if activation.needs_z else z
            for z, activation in zip(self.z, activations, strict=False)
        ]
        self.inputs: list[Any] = [None, *self.a]

    @cached_property
    def delta(self) -> list[np.ndarray]:
        """The gradients in each z, allocated only if there is a backward pass."""
        return [*map(np.empty_like, self.z[:-1]), self.raw]

    @cached_property
    def transposed(self) -> list[Any]:
        """The inputs of each layer, transposed."""
        return [None, *(a.T for a in self.a)]

    @cached_property
    def ones(self) -> np.ndarray:
        """A one for each sample, for sums over the samples as a product."""
        return np.ones(len(self.raw), self.raw.dtype)


def _product(multiply, a, b, out):
    """Write a b: by `multiply`, unless a is sparse."""
    if isinstance(a, np.ndarray):
        multiply(a, b, out=out)
    else:
        out[...] = a @ b


def _through(delta, W_transposed, out):
    """Write delta W^T."""
    if delta.shape[1] > 1:
        np.matmul(delta, W_transposed, out=out)
    elif out.shape[1] <= 100:  # for one output np.dot takes a fifth of the time, einsum a third
        np.dot(delta, W_transposed, out=out)
    else:  # np.dot is slower from 128 to 256 units on
        np.einsum("ij,jk->ik", delta, W_transposed, out=out)


def forward(
    layers: Layers | Parameters,
    activations: Sequence[Activation],
    X: Any,
    work: Workspace,
    dropout: Dropout | None = None,
) -> np.ndarray:
    """Write z_l = a_{l-1} W_l + b_l and a_l = f_l(z_l), a_0 = X, into `work`; return the last z."""
    if dropout is not None:
        X = dropout.of_input(X)
    work.inputs[0] = X
    n_hidden = len(activations)
    for layer, z in enumerate(work.z):
        _product(np.matmul, work.inputs[layer], layers.weights[layer], out=z)
        z += layers.biases[layer]
        if layer < n_hidden:
            activations[layer].forward(z, work.a[layer])
            if dropout is not None:
                dropout.apply(layer + 1, work.a[layer])
    return work.raw


def backward(
    params: Parameters,
    activations: Sequence[Activation],
    work: Workspace,
    grad: Parameters,
    dropout: Dropout | None = None,
) -> None:
    """Write the gradient into `grad`, given the gradient in the raw scores in ``work.raw``.

    dF/dW_l = a_{l-1}^T delta_l,  dF/db_l = the sum of delta_l over the samples,
    delta_{l-1} = (delta_l W_l^T) * f'(z_{l-1}).  The values in `work` are overwritten.
    """
    work.transposed[0] = work.inputs[0].T
    for layer in range(len(work.z) - 1, -1, -1):
        delta = work.delta[layer]
        # First, because the activation of the layer below may overwrite its a. In small networks
        # np.dot takes two thirds of np.matmul's time; but it fills `out` with zeros before, which
        # would cost more than it saves in `forward`
        _product(np.dot, work.transposed[layer], delta, out=grad.weights[layer])
        # A product with ones is a sum, 2 to 3 times faster than numpy's over this axis
        np.dot(work.ones, delta, out=grad.biases[layer])
        if layer > 0:  # nobody asks for the gradient in X
            below, z, a = work.delta[layer - 1], work.z[layer - 1], work.a[layer - 1]
            _through(delta, params.transposed[layer], out=below)
            if dropout is not None:
                dropout.undo(layer, a, below)
            activations[layer - 1].backward(z, a, below)


def raw_scores(
    layers: Layers | Parameters, activations: Sequence[Activation], X: Any
) -> np.ndarray:
    """Return the raw scores for all rows of X, shape (n_samples, n_outputs)."""
    n_samples, widest = X.shape[0], max(b.size for b in layers.biases)
    n_rows = min(n_samples, max(1, _ELEMENTS_PER_CHUNK // widest))
    work = Workspace(layers, activations, n_rows)
    if n_rows == n_samples:
        return forward(layers, activations, X, work)
    scores = np.empty((n_samples, layers.biases[-1].size), work.raw.dtype)
    for start in range(0, n_samples - n_rows + 1, n_rows):
        rows = slice(start, start + n_rows)
        scores[rows] = forward(layers, activations, X[rows], work)
    if n_left := n_samples % n_rows:  # the arrays of a workspace have as many rows as a chunk
        scores[-n_left:] = raw_scores(layers, activations, X[n_samples - n_left :])
    return scores


def hidden_values(
    layers: Layers | Parameters, activations: Sequence[Activation], X: Any, layer: int
) -> np.ndarray:
    """Return the values a of a hidden layer, 0 for the first, shape (n_samples, n_units)."""
    # Its z are the raw scores of the network that ends with it
    up_to = slice(layer + 1)
    raw = raw_scores(Layers(layers.weights[up_to], layers.biases[up_to]), activations[:layer], X)
    z = np.ascontiguousarray(raw)
    a = np.empty_like(z) if activations[layer].needs_z else z
    activations[layer].forward(z, a)
    return a
