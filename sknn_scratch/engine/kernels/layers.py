"""Forward and backward pass, as in `sknn_scratch.engine.network`."""

import numpy as np

from sknn_scratch.engine.kernels.activations import activate, through_activation
from sknn_scratch.engine.kernels.compiler import compiled, inlined
from sknn_scratch.engine.kernels.records import IDENTITY


@compiled
def matrix(vector, start, n_rows, n_columns):
    """Return the matrix that begins at `start` of a vector, as a view."""
    return vector[start : start + n_rows * n_columns].reshape(n_rows, n_columns)


@compiled
def drop(values, noise, rate):
    """Divide values by 1 - rate where the noise is below that, else make them zero."""
    keep, factor = values.dtype.type(1 - rate), values.dtype.type(1 / (1 - rate))
    for i in range(values.size):
        values[i] *= factor if noise[i] < keep else values.dtype.type(0)


@compiled
def undo_drop(values, noise, rate, delta):
    """Take the factor of what was kept from the values, and do to delta what was done to them."""
    keep = values.dtype.type(1 - rate)
    for i in range(values.size):
        values[i] *= keep
    drop(delta, noise, rate)


@inlined
def forward(X, params, layers, work, noise):
    """Write z_l = a_{l-1} W_l + b_l and a_l = f_l(z_l), a_0 = X, into `work`; return the last z.

    `noise` has a number in [0, 1) for each value that dropout may make zero.
    """
    n, a = X.shape[0], X
    for number in range(len(layers) - 1):
        layer = layers[number]
        z, a_l = matrix(work, layer.z, n, layer.n_out), matrix(work, layer.a, n, layer.n_out)
        np.dot(a, matrix(params, layer.W, layer.n_in, layer.n_out), z)
        activate(layer.activation, params[layer.b : layer.b + layer.n_out], z, a_l)
        if layer.dropout:
            drop(a_l.reshape(a_l.size), noise[n * layer.noise :], layer.dropout)
        a = a_l
    layer = layers[len(layers) - 1]  # apart: the loss is computed from its z, without dropout
    z = matrix(work, layer.z, n, layer.n_out)
    np.dot(a, matrix(params, layer.W, layer.n_in, layer.n_out), z)
    activate(IDENTITY, params[layer.b : layer.b + layer.n_out], z, z)
    return z


@inlined
def backward(X, params, layers, work, noise, delta, grad):
    """Write the gradient into `grad`, given that in the raw scores, delta of the last layer.

    dF/dW_l = a_{l-1}^T delta_l,  dF/db_l = the sum of delta_l over the samples,
    delta_{l-1} = (delta_l W_l^T) * f'(z_{l-1}).  The values of the layers are overwritten.
    """
    n = X.shape[0]
    layer = layers[len(layers) - 1]
    db = grad[layer.b : layer.b + layer.n_out]
    through_activation(IDENTITY, delta, delta, delta, db)  # only for the sums
    for number in range(len(layers) - 1, 0, -1):
        layer, below = layers[number], layers[number - 1]
        z, a = matrix(work, below.z, n, below.n_out), matrix(work, below.a, n, below.n_out)
        # First, because `undo_drop` changes a
        np.dot(a.T, delta, matrix(grad, layer.W, layer.n_in, layer.n_out))
        delta_below = matrix(work, below.delta, n, below.n_out)
        np.dot(delta, matrix(params, layer.W, layer.n_in, layer.n_out).T, delta_below)
        delta = delta_below
        if below.dropout:
            noise_below, size = noise[n * below.noise :], a.size
            undo_drop(a.reshape(size), noise_below, below.dropout, delta.reshape(size))
        db = grad[below.b : below.b + below.n_out]
        through_activation(below.activation, z, a, delta, db)
    layer = layers[0]
    np.dot(X.T, delta, matrix(grad, layer.W, layer.n_in, layer.n_out))
