"""What the kernels know of a network: numbers and places.

Depth, activations, loss and solver are data to them, so that one function serves every network of
a dtype, and is compiled once.
"""

import numpy as np

# Numbers of activations, losses and solvers: in capitals, the names in their registries
IDENTITY, LOGISTIC, TANH, RELU, LEAKY_RELU, ELU, SOFTPLUS, GELU, SILU = range(9)
MISH, SELU, HARD_SWISH, SINE = range(9, 13)
LOG_LOSS, BINARY_LOG_LOSS, SQUARED_ERROR, POISSON = range(4)
ABSOLUTE_ERROR, QUANTILE, HUBER, LOG_COSH, GAMMA, TWEEDIE = range(4, 10)
GD, NAG, SGD, ADAM = range(4)


def _record(**types):
    return np.dtype([(name, dtype) for dtype, names in types.items() for name in names.split()])


# A layer: its units; its activation; where W and b begin among the parameters; where z, a and delta
# begin in `work`. `noise` is where its values begin in the noise of a sample; the rate of dropout
LAYER = _record(int64="n_in n_out activation W b z a delta noise", float64="dropout")

# Parameters from `start` to `stop` with one penalty, l1 ||w||_1 + (l2 + alpha / (2 S)) ||w||_2^2
PART = _record(int64="start stop", float64="l1 l2 alpha weight_decay")

# What a fit has one of: places in `work` of the batch, and of loss and score of each sample. The
# dropout of the input; the parameters of losses and solvers. n_noise is how many values of a sample
# may be dropped, in all layers. A group_l1 or max_norm of 0 is none. n_steps and t are state: they
# change from step to step
SETTINGS = _record(
    int64="loss solver batch_size X y weight shares loss_of score_of n_noise n_steps",
    float64="dropout quantile delta power momentum beta_1 beta_2 epsilon group_l1 max_norm t",
    bool="nesterovs_momentum restart",
)
